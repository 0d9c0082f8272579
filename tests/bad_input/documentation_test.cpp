// The reference pages say of every command and key what there is.

#include <regex>
#include <set>
#include <sstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

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

}  // namespace
}  // namespace symbiont::bad_input
