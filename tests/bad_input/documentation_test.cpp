// The reference pages say of every command and key what there is.

#include <regex>
#include <set>
#include <sstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "room.h"
#include "symbiont/base/file.h"
#include "symbiont/jobs/job_file.h"

namespace symbiont::bad_input {
namespace {

using ::testing::HasSubstr;

std::string page(const std::string& name) {
  const auto text = read_file(fs::path(REFERENCE_FOLDER) / name, 1 << 20);
  EXPECT_TRUE(text);
  return text.value_or("");
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
  const std::regex key("^(?:# )?([a-z_]+) = .*");
  int keys = 0;
  for (std::string line; std::getline(text, line);) {
    std::smatch match;
    if (std::regex_match(line, match, key)) {
      ++keys;
      EXPECT_THAT(reference, HasSubstr("| `" + match[1].str() + "` |"));
    }
  }
  EXPECT_GT(keys, 20);
}

TEST(Documentation, NamesEveryOptionOfEveryCommand) {
  const Room room;
  const std::string reference = page("commands.md");
  const std::regex option("--[a-z-]+");
  for (const Words& command :
       {Words{"init"}, Words{"run"}, Words{"report"}, Words{"status"}, Words{"ledger", "check"},
        Words{"ledger", "export"}, Words{"doctor"}, Words{"tune", "replay"}}) {
    Words words = command;
    words.push_back("--help");
    const Ended help = room.run(words);
    EXPECT_EQ(help.status.exit_code, 0);
    EXPECT_THAT(help.output, HasSubstr("Example:"));
    EXPECT_THAT(reference, HasSubstr("symbiont " + command.front()));
    for (std::sregex_iterator at(help.output.begin(), help.output.end(), option), end; at != end;
         ++at) {
      EXPECT_THAT(reference, HasSubstr(at->str())) << "of " << command.front();
    }
  }
}

TEST(Documentation, NamesEveryKeyOfWhatIsPrintedAsJson) {
  const Room room;
  const std::string reference = page("commands.md");
  std::set<std::string> keys;
  for (const Words& words :
       {Words{"run", "job.toml", "--json"}, Words{"run", "job.toml", "--check", "--json"},
        Words{"status", "--json"}, Words{"ledger", "check", "--json"}, Words{"doctor", "--json"}}) {
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
}  // namespace symbiont::bad_input
