#pragma once
/// A made-up /sys and /proc in a temporary directory.

#include <filesystem>
#include <fstream>
#include <string>

#include <gtest/gtest.h>
#include <stdlib.h>

namespace symbiont::energy {

class SysfsTree {
 public:
  SysfsTree() {
    std::string pattern = testing::TempDir() + "/sysroot-XXXXXX";
    root_ = ::mkdtemp(pattern.data());
  }
  ~SysfsTree() { std::filesystem::remove_all(root_); }
  SysfsTree(const SysfsTree&) = delete;
  SysfsTree& operator=(const SysfsTree&) = delete;

  const std::filesystem::path& root() const { return root_; }

  /// Replaced as a whole: a sampler never reads half a number, as it never does in sysfs.
  void write(const std::string& file, const std::string& text) const {
    const std::filesystem::path path = root_ / file;
    std::filesystem::create_directories(path.parent_path());
    std::ofstream(path.string() + ".next") << text << '\n';
    std::filesystem::rename(path.string() + ".next", path);
  }
  /// `link` leads to the directory `target`, which is made.
  void link(const std::string& link, const std::string& target) const {
    std::filesystem::create_directories(root_ / target);
    std::filesystem::create_directories((root_ / link).parent_path());
    std::filesystem::create_directory_symlink(root_ / target, root_ / link);
  }
  /// The file is there and reading it fails.
  void make_unreadable(const std::string& file) const {
    std::filesystem::remove(root_ / file);
    std::filesystem::create_directories(root_ / file);
  }

 private:
  std::filesystem::path root_;
};

}  // namespace symbiont::energy
