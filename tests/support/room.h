#pragma once
/// A place in which one command is tried: a valid job, its data, a worker that behaves, a home of
/// its own. Whatever is bad is put there by the test.

#include <chrono>
#include <filesystem>
#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "symbiont/base/subprocess.h"
#include "temporary_directory.h"

namespace symbiont::testing {

namespace fs = std::filesystem;
using Words = std::vector<std::string>;
using Environment = std::vector<std::pair<std::string, std::string>>;

/// The first occurrence of `from` in the valid job file becomes `to`.
struct Edit {
  std::string from;
  std::string to;
};

/// How a command ended and what it said.
struct Ended {
  ExitStatus status;
  std::string output;   ///< its standard output
  std::string message;  ///< its standard error
};

/// A command under way.
struct Running {
  Subprocess process;
  fs::path output;
  fs::path message;

  /// Waits for it to end by itself; a minute and a half is for ever.
  Ended wait();
};

class Room {
 public:
  Room();

  fs::path operator/(std::string_view name) const { return directory_ / name; }
  fs::path job_file() const { return directory_ / "job.toml"; }
  fs::path home() const { return directory_ / "home"; }
  fs::path ledger() const { return home() / "ledger.sqlite"; }
  fs::path trainer() const { return directory_ / "trainer"; }

  void write(const fs::path& file, std::string_view bytes) const;
  /// The valid job file with something changed.
  void write_job(const std::vector<Edit>& edits) const;
  /// The trainer becomes a shell script.
  void write_trainer(const std::string& script) const;
  /// The trainer becomes the scripted worker with these arguments (see its source).
  void write_worker(const std::string& arguments) const;

  /// `symbiont WORDS...`, started in this room with its home and its trainer.
  Running start(const Words& words, const Environment& environment = {}) const;
  Ended run(const Words& words, const Environment& environment = {}) const;
  /// The same through a shell, whose line ends in "$@": to close or redirect a stream.
  Ended run_redirected(const std::string& line, const Words& words) const;

  /// Whether there is a ledger, and all that it holds.
  bool has_ledger() const { return fs::exists(ledger()); }
  std::string exported() const;

  /// Every file below the room by path, the ledger by what it holds.
  std::map<std::string, std::string> contents() const;

  /// Waits until a line of the scripted worker's trace starts with this.
  bool worker_says(const std::string& start) const;

  /// What has to hold after every command: no process is left, the ledger does not contradict
  /// itself, no socket remains.
  void expect_clean() const;

 private:
  Environment environment(const Environment& more) const;
  Running spawn(Words argv, const Environment& more) const;
  /// Processes that were given something in this room; `symbiont` and its workers all were.
  std::vector<pid_t> processes() const;

  TemporaryDirectory directory_;
  mutable int commands_ = 0;
};

/// The program beside `symbiont` that trains for real; it is there unless built without torch.
fs::path real_trainer();

/// Images of `side` x `side` pixels with their labels, as IDX files in `folder`.
void write_images(const fs::path& folder, int rows, int side);

/// A file with gzip's header and compression.
std::string gzipped(std::string_view bytes);

/// The IDX file of these dimensions, followed by `values`.
std::string idx(const std::vector<int>& dimensions, std::string_view values);

/// Waits until it holds, or for so long that it never will.
bool eventually(const std::function<bool()>& holds,
                std::chrono::seconds limit = std::chrono::seconds(30));

}  // namespace symbiont::testing
