#pragma once
/// A file system of a test's own, for disks that are full or cannot be written.

#include <cstdio>
#include <filesystem>
#include <functional>
#include <string>

#include <sched.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

namespace symbiont::testing {

inline constexpr int kCannotMount = 77;

/// Runs `body` in a child process whose `folder` is a small disk of its own, which nobody else sees
/// and which vanishes with the child. kCannotMount when the system does not permit one, 0 when the
/// body says true.
inline int on_small_disk(const std::filesystem::path& folder, const std::string& size,
                         const std::function<bool()>& body) {
  const pid_t child = fork();
  if (child == 0) {
    if (unshare(CLONE_NEWNS) != 0 ||
        mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
        mount("tmpfs", folder.c_str(), "tmpfs", 0, ("size=" + size).c_str()) != 0) {
      _exit(kCannotMount);
    }
    const bool good = body();
    std::fflush(nullptr);
    _exit(good ? 0 : 1);
  }
  int status = 0;
  waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

inline bool make_read_only(const std::filesystem::path& folder) {
  return mount("none", folder.c_str(), nullptr, MS_REMOUNT | MS_RDONLY, nullptr) == 0;
}

}  // namespace symbiont::testing
