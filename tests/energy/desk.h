#pragma once
/// A folder in which `symbiont energy` is tried, with a made-up powercap beside it.

#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>
#include <sys/types.h>

#include "energy/test/powercap_tree.h"
#include "temporary_directory.h"

namespace symbiont::energy_command {

using Words = std::vector<std::string>;

/// How a program ended, what it said, and the processor time that it and all it waited for took.
struct Ended {
  int exit_code = -1;  ///< -1: a signal ended it
  int signal = 0;
  std::string output;
  std::string message;
  double cpu_s = 0.0;

  nlohmann::json json() const { return nlohmann::json::parse(output); }
};

/// A program under way. Killed if it still is when this goes.
class Running {
 public:
  Running(pid_t pid, std::filesystem::path output, std::filesystem::path message)
      : pid_(pid), output_(std::move(output)), message_(std::move(message)) {}
  ~Running();
  Running(const Running&) = delete;
  Running& operator=(const Running&) = delete;

  pid_t pid() const { return pid_; }
  void send(int signal) const;
  bool has_ended() const;
  Ended wait();
  std::string message() const;

 private:
  pid_t pid_;
  std::filesystem::path output_;
  std::filesystem::path message_;
};

class Desk {
 public:
  std::filesystem::path operator/(std::string_view name) const { return directory_ / name; }
  bool has(std::string_view name) const { return std::filesystem::exists(directory_ / name); }
  std::string text(std::string_view name) const;
  void write(std::string_view name, std::string_view text) const;

  /// Any program, in this folder.
  std::unique_ptr<Running> start(const Words& argv) const;
  /// `symbiont energy WORDS...`
  Ended energy(const Words& words) const;
  /// `symbiont energy measure --json OPTIONS... -- sh -c SCRIPT`
  std::unique_ptr<Running> start_measuring(const std::string& script,
                                           const Words& options = {}) const;
  Ended measure(const std::string& script, const Words& options = {}) const;

 private:
  testing::TemporaryDirectory directory_;
  mutable int programs_ = 0;
};

/// Waits until it holds, or for so long that it never will.
bool eventually(const std::function<bool()>& holds);

/// The state letter of a process in /proc; nothing when there is none.
std::optional<char> state_of(pid_t pid);

}  // namespace symbiont::energy_command
