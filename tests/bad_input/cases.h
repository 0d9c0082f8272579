#pragma once
/// What is tried, as data: each case is one command in a room in which one thing is bad.

#include <functional>
#include <string>
#include <vector>

#include "room.h"

namespace symbiont::testing {

struct Case {
  std::string name = {};  ///< a sentence
  std::vector<Edit> edits = {};
  Words command = {"run", "job.toml", "--json"};
  std::string worker = {};  ///< arguments of the scripted worker
  std::function<void(const Room&)> prepare = [](const Room&) {};
  Environment environment = {};
  int exit_code = 2;
  std::string message = {};  ///< is in what it says on standard error
};

std::vector<Case> job_file_cases();
std::vector<Case> data_cases();
std::vector<Case> command_cases();
std::vector<Case> worker_cases();

}  // namespace symbiont::testing
