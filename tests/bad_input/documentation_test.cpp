// The reference pages say of every command and key what there is.

#include <algorithm>
#include <set>
#include <sstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "room.h"
#include "symbiont/base/file.h"
#include "symbiont/jobs/job_file.h"

namespace symbiont::testing {
namespace {

using ::testing::HasSubstr;

std::string page(const std::string& name) {
  const auto text = read_file(fs::path(REFERENCE_FOLDER) / name, 1 << 20);
  EXPECT_TRUE(text);
  return text.value_or("");
}

constexpr std::string_view kWord = "abcdefghijklmnopqrstuvwxyz_-";

/// "seed" of "seed = 1" and of "# limit = 10000"; empty for other lines.
std::string key_of(std::string_view line) {
  line.remove_prefix(line.starts_with("# ") ? 2 : 0);
  const std::size_t end = std::min(line.find_first_not_of(kWord), line.size());
  return line.substr(end).starts_with(" = ") ? std::string(line.substr(0, end)) : "";
}

/// Every "--word" of a text.
std::set<std::string> options_of(const std::string& text) {
  std::set<std::string> options;
  for (std::size_t at = text.find("--"); at != text.npos; at = text.find("--", at + 2)) {
    options.insert(text.substr(at, text.find_first_not_of(kWord, at) - at));
  }
  return options;
}

/// Every key of a document, but for the decision's reason, which is the tuner's.
void collect_keys(const nlohmann::json& document, std::set<std::string>& keys) {
  for (const auto& [key, value] : document.items()) {
    if (document.is_object()) {
      keys.insert(key);
    }
    if (value.is_structured() && key != "why") {
      collect_keys(value, keys);
    }
  }
}

TEST(Documentation, NamesEveryKeyOfTheTemplate) {
  const std::string reference = page("job-file.md");
  std::istringstream text(jobs::job_file_template("any"));
  int keys = 0;
  for (std::string line; std::getline(text, line);) {
    if (const std::string key = key_of(line); !key.empty()) {
      ++keys;
      EXPECT_THAT(reference, HasSubstr("| `" + key + "` |"));
    }
  }
  EXPECT_GT(keys, 20);
}

TEST(Documentation, NamesEveryOptionOfEveryCommand) {
  const Room room;
  const std::string reference = page("commands.md");
  for (const Words& command :
       {Words{"init"}, Words{"run"}, Words{"report"}, Words{"status"}, Words{"ledger", "check"},
        Words{"ledger", "export"}, Words{"doctor"}, Words{"completion"}, Words{"manual"},
        Words{"tune", "replay"}, Words{"energy", "meters"}, Words{"energy", "measure"},
        Words{"energy", "calibrate"}}) {
    Words words = command;
    words.push_back("--help");
    const Ended help = room.run(words);
    EXPECT_EQ(help.status.exit_code, 0);
    EXPECT_THAT(help.output, HasSubstr("Example:"));
    EXPECT_THAT(reference, HasSubstr("symbiont " + command.front()));
    for (const std::string& option : options_of(help.output)) {
      EXPECT_THAT(reference, HasSubstr(option)) << "of " << command.front();
    }
  }
}

TEST(Documentation, NamesEveryKeyOfWhatIsPrintedAsJson) {
  const Room room;
  const std::string reference = page("commands.md");
  std::set<std::string> keys;
  for (const Words& words :
       {Words{"run", "job.toml", "--json"}, Words{"run", "job.toml", "--check", "--json"},
        Words{"status", "--json"}, Words{"ledger", "check", "--json"}, Words{"doctor", "--json"},
        Words{"energy", "meters", "--json"}, Words{"energy", "measure", "--json", "--", "true"}}) {
    const Ended ended = room.run(words);
    ASSERT_TRUE(ended.status.success()) << ended.message;
    collect_keys(nlohmann::json::parse(ended.output), keys);
  }
  EXPECT_GT(keys.size(), 50U);
  for (const std::string& key : keys) {
    EXPECT_THAT(reference, HasSubstr("`" + key + "`"));
  }
}

}  // namespace
}  // namespace symbiont::testing
