// docs/reference/worker-protocol.md is what authors of workers copy from: its examples must work.

#include <map>
#include <sstream>
#include <string>

#include <gtest/gtest.h>

#include "symbiont/base/file.h"
#include "symbiont/train/protocol.h"

namespace symbiont::train {
namespace {

/// The lines of all fenced blocks that begin with "```json <speaker>".
std::vector<std::string> examples_of(const std::string& speaker) {
  const Result<std::string> page =
      read_file(std::string(SYMBIONT_SOURCE_DIR) + "/docs/reference/worker-protocol.md");
  EXPECT_TRUE(page) << page.error().message();
  std::vector<std::string> examples;
  std::istringstream lines(page.value_or(""));
  bool inside = false;
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with("```")) {
      inside = line == "```json " + speaker;
    } else if (inside) {
      examples.push_back(line);
    }
  }
  return examples;
}

template <typename Message>
void expect_all_kinds(const std::vector<std::string>& examples,
                      Result<Message> (*decode)(std::string_view)) {
  std::map<std::size_t, int> kinds;
  for (const std::string& line : examples) {
    const Result<Message> message = decode(line);
    ASSERT_TRUE(message) << line << "\n" << message.error().message();
    ++kinds[message->index()];
  }
  EXPECT_EQ(kinds.size(), std::variant_size_v<Message>) << "a kind of message has no example";
}

TEST(WorkerProtocolPage, ShowsWorkingExamplesOfAllThatAWorkerSays) {
  expect_all_kinds(examples_of("worker"), decode_worker_message);
}

TEST(WorkerProtocolPage, ShowsWorkingExamplesOfAllThatARunnerSays) {
  expect_all_kinds(examples_of("runner"), decode_runner_message);
}

}  // namespace
}  // namespace symbiont::train
