#pragma once
/// A small job of the real program in a home of its own: run, killed, looked at, run again.

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include <sys/types.h>

#include "books.h"
#include "symbiont/base/subprocess.h"
#include "temporary_directory.h"

namespace symbiont::testing {

/// Which training the job does.
enum class Shape {
  kManyAttempts,  ///< three recurrences and a baseline run, five attempts, epochs of milliseconds
  kLongEpoch,     ///< one recurrence with an epoch of seconds, to be interrupted inside
};
inline constexpr std::int64_t kRows = 2048;  ///< training rows of kManyAttempts

/// A state to die in, see docs/reference/failpoints.md.
struct Death {
  std::string failpoint;
  std::uint64_t count = 1;
};

/// How an invocation of a command ended.
struct Ended {
  ExitStatus status;
  std::string output;
  std::string complaint;  ///< its stderr
};

/// A command under way, and where its streams go.
struct Running {
  Subprocess process;
  std::filesystem::path output;
  std::filesystem::path complaint;

  /// Waits for its end.
  Ended end();
};

class Job {
 public:
  explicit Job(Shape shape = Shape::kManyAttempts);

  /// Starts `symbiont run --json`.
  Running start(const std::optional<Death>& death = {},
                const std::vector<std::string>& arguments = {}) const;
  /// Starts it and waits for its end.
  Ended run(const std::optional<Death>& death = {},
            const std::vector<std::string>& arguments = {}) const;
  /// From now on the first worker that comes to this state dies in it.
  void kill_worker(const Death& death);

  /// From now on the job's home is at another path: the same folder or, which gives the path of the
  /// original, a copy of it.
  void move_home();
  std::filesystem::path copy_home();

  /// Whether the last death that was asked for has happened.
  bool has_died() const;
  bool worker_has_died() const;

  /// What `symbiont ledger export` prints.
  std::string exported() const;
  Books books() const { return Books::parse(exported()); }
  /// What `symbiont ledger check` says.
  Ended check() const;

  /// Processes of the job, workers and runners.
  std::vector<pid_t> processes() const;
  /// Whether all of them are gone within 5 s.
  bool leaves_nobody_behind() const;
  /// Workers only.
  std::vector<pid_t> workers() const;

  /// What is left in the directory for temporary files.
  std::vector<std::filesystem::path> litter() const;
  /// Makes it look old, as if it had been left long ago.
  void age_litter() const;

  /// Folders below those of the attempts: checkpoints, whole or not.
  std::vector<std::filesystem::path> checkpoints() const;

  /// Whether the worker of an attempt has written its final weights.
  bool has_weights(std::int64_t attempt) const {
    return std::filesystem::exists(home_ / "jobs" / "killed" /
                                   ("attempt-" + std::to_string(attempt)) / "weights.safetensors");
  }

  std::filesystem::path ledger_path() const { return home_ / "ledger.sqlite"; }

 private:
  Running spawn(const std::vector<std::string>& arguments, const std::optional<Death>& death) const;
  Ended command(const std::vector<std::string>& arguments) const;

  TemporaryDirectory folder_;
  std::filesystem::path home_ = folder_ / "home";
  std::filesystem::path trainer_;
  mutable int commands_ = 0;  // numbers the files of their streams
};

/// Waits at most `patience` for something that another process does.
template <typename Condition>
bool wait_until(Condition condition, std::chrono::seconds patience = std::chrono::seconds(60)) {
  const auto deadline = std::chrono::steady_clock::now() + patience;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > deadline) {
      return false;
    }
    timespec moment{0, 1'000'000};
    nanosleep(&moment, nullptr);
  }
  return true;
}

}  // namespace symbiont::testing
