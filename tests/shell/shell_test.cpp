// Completions in the shells they are for, and manual pages under the formatters' own checks. A
// shell or formatter that is not installed skips its tests.

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "symbiont/base/file.h"
#include "symbiont/base/subprocess.h"
#include "symbiont/ledger/ledger.h"
#include "temporary_directory.h"

namespace symbiont {
namespace {

namespace fs = std::filesystem;
using ::testing::Contains;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::IsSupersetOf;
using ::testing::Not;
using Words = std::vector<std::string>;

constexpr std::chrono::seconds kForEver{90};

Words lines_of(const std::string& text) {
  Words lines;
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);) {
    lines.push_back(line);
  }
  return lines;
}

bool is_installed(const std::string& program) {
  SpawnOptions options;
  options.argv = {program, "--version"};
  options.stderr_file = "/dev/null";
  return Subprocess::spawn(options).has_value();
}

/// A folder with the scripts that the program prints, in which other programs are run.
class Desk {
 public:
  Desk() {
    for (const std::string shell : {"bash", "zsh", "fish"}) {
      write(script(shell), run({SYMBIONT_PROGRAM, "completion", shell}));
    }
    for (const char* name : {"job.toml", "notes.txt", "my job.toml"}) {
      write(directory_ / name, "");
    }
    fs::create_directory(directory_ / "jobs");
  }

  /// Its standard output. Its standard error must stay empty.
  std::string run(const Words& argv) const {
    SpawnOptions options;
    options.argv = argv;
    options.environment = {
        {"SYMBIONT_HOME", home()},
        {"HOME", directory_.path()},
        {"PATH", fs::path(SYMBIONT_PROGRAM).parent_path().string() + ":" + std::getenv("PATH")}};
    options.working_directory = directory_.path();
    options.stdout_file = directory_ / "said";
    options.stderr_file = directory_ / "complained";
    fs::remove(options.stdout_file);
    auto process = Subprocess::spawn(options);
    EXPECT_TRUE(process) << argv.front();
    const auto status = process ? process->wait(kForEver) : std::nullopt;
    EXPECT_TRUE(status && status->success()) << argv.front() << " failed";
    EXPECT_EQ(text_of(options.stderr_file), "") << argv.front();
    return text_of(options.stdout_file);
  }

  std::string script(const std::string& shell) const { return directory_ / ("_symbiont." + shell); }
  fs::path home() const { return directory_ / "home"; }
  fs::path operator/(std::string_view name) const { return directory_ / name; }

  static std::string text_of(const fs::path& file) { return read_file(file).value_or(""); }
  static void write(const fs::path& file, const std::string& text) {
    EXPECT_TRUE(write_file_atomically(file, text));
  }

 private:
  testing::TemporaryDirectory directory_;
};

/// What bash would offer for the last of the words.
Words offered_by_bash(const Desk& desk, const Words& words) {
  Words argv = {"bash",
                "-c",
                "source \"$1\"; shift; COMP_WORDS=(\"$@\"); COMP_CWORD=$(($# - 1)); _symbiont; "
                "((${#COMPREPLY[@]} == 0)) || printf '%s\\n' \"${COMPREPLY[@]}\"",
                "bash",
                desk.script("bash"),
                "symbiont"};
  argv.insert(argv.end(), words.begin(), words.end());
  return lines_of(desk.run(argv));
}

/// What fish would offer at the end of the line, without the descriptions.
Words offered_by_fish(const Desk& desk, const std::string& line) {
  Words lines =
      lines_of(desk.run({"fish", "--no-config", "-c", "source $argv[1]; complete -C $argv[2]",
                         desk.script("fish"), line}));
  for (std::string& offered : lines) {
    offered.resize(std::min(offered.find('\t'), offered.size()));
  }
  return lines;
}

/// The pages of all commands, by file name.
fs::path write_pages(const Desk& desk) {
  fs::path folder = desk / "pages";
  fs::create_directory(folder);
  desk.run({SYMBIONT_PROGRAM, "manual", "--folder", folder});
  return folder;
}

/// "symbiont-tune-replay.1" is the page of `tune replay`.
Words command_of_page(const fs::path& page) {
  Words words;
  std::istringstream stem(page.stem().string());
  for (std::string word; std::getline(stem, word, '-');) {
    words.push_back(word);
  }
  words.erase(words.begin());
  return words;
}

/// Every "--word" of a help text, but for its examples.
std::set<std::string> options_of(const std::string& help) {
  const std::string text = help.substr(0, help.find("\nExample"));
  std::set<std::string> options;
  for (std::size_t at = text.find(" --"); at != text.npos; at = text.find(" --", at + 1)) {
    const std::size_t end = text.find_first_not_of("abcdefghijklmnopqrstuvwxyz-", at + 1);
    if (end > at + 3) {
      options.insert(text.substr(at + 1, end - at - 1));
    }
  }
  return options;
}

TEST(BashCompletion, NamesTheCommandThatBeginsSo) {
  const Desk desk;
  EXPECT_THAT(offered_by_bash(desk, {"ru"}), ElementsAre("run"));
  EXPECT_THAT(offered_by_bash(desk, {"tune", "re"}), Contains("replay"));
  EXPECT_THAT(offered_by_bash(desk, {""}), IsSupersetOf({"run", "report", "completion"}));
}

TEST(BashCompletion, NamesTheOptionsThatBeginSo) {
  const Desk desk;
  EXPECT_THAT(offered_by_bash(desk, {"run", "--re"}),
              IsSupersetOf({"--recurrences", "--restart-learning"}));
  EXPECT_THAT(offered_by_bash(desk, {"run", "--recurrences", "3", "--che"}),
              ElementsAre("--check"));
  EXPECT_THAT(offered_by_bash(desk, {"run", "--tra"}), Not(Contains("--traces")));
}

TEST(BashCompletion, OffersJobFilesAndFoldersWhereAJobFileStands) {
  const Desk desk;
  const Words offered = offered_by_bash(desk, {"run", "--check", ""});
  EXPECT_THAT(offered, IsSupersetOf({"job.toml", "my job.toml", "jobs"}));
  EXPECT_THAT(offered, Not(Contains("notes.txt")));
}

TEST(BashCompletion, OffersWhatTheOptionBeforeTakes) {
  const Desk desk;
  EXPECT_THAT(offered_by_bash(desk, {"run", "--home", "jo"}), ElementsAre("jobs"));
  EXPECT_THAT(offered_by_bash(desk, {"run", "--home", "=", "jo"}), ElementsAre("jobs"));
  EXPECT_THAT(offered_by_bash(desk, {"tune", "replay", "--tape", "no"}), ElementsAre("notes.txt"));
  EXPECT_THAT(offered_by_bash(desk, {"run", "--seed", ""}), IsEmpty());
  EXPECT_THAT(offered_by_bash(desk, {"completion", "f"}), ElementsAre("fish"));
}

TEST(BashCompletion, OffersTheJobsOfTheLedger) {
  const Desk desk;
  EXPECT_THAT(offered_by_bash(desk, {"report", "n"}), IsEmpty());
  fs::create_directory(desk.home());
  auto ledger = ledger::Ledger::open((desk.home() / "ledger.sqlite").string());
  ASSERT_TRUE(ledger);
  ledger::Job job;
  job.name = "nightly";
  job.meters = "modelled";
  job.max_power = Watts(1.0);
  ledger::History history;
  history.identity = "{}";
  history.policy = "{}";
  history.draws = "{}";
  const auto made = ledger->create_job(job, history, WallTime());
  ASSERT_TRUE(made) << made.error().message();
  EXPECT_THAT(offered_by_bash(desk, {"report", "n"}), ElementsAre("nightly"));
}

TEST(FishCompletion, NamesCommandsOptionsAndFiles) {
  if (!is_installed("fish")) {
    GTEST_SKIP() << "fish is not installed";
  }
  const Desk desk;
  EXPECT_THAT(offered_by_fish(desk, "symbiont ru"), ElementsAre("run"));
  EXPECT_THAT(offered_by_fish(desk, "symbiont tune re"), Contains("replay"));
  EXPECT_THAT(offered_by_fish(desk, "symbiont run --rest"), ElementsAre("--restart-learning"));
  EXPECT_THAT(offered_by_fish(desk, "symbiont run jo"), Contains("job.toml"));
  EXPECT_THAT(offered_by_fish(desk, "symbiont completion "), Contains("zsh"));
}

/// What stands on the line of an interactive zsh after it was typed and the tabulator pressed.
std::string completed_by_zsh(const Desk& desk, const std::string& typed) {
  constexpr const char* kTerminal = R"zsh(
    zmodload zsh/zpty
    zpty shell zsh -f -i
    zpty -w shell "fpath=($1 \$fpath); autoload -Uz compinit; compinit -u -D"
    zpty -w shell "show() { print -r -- LI'NE<'\$BUFFER'>' }; zle -N show; bindkey '^X' show"
    zpty -w shell "print READ''Y"
    zpty -r -m shell seen '*READY*'
    zpty -w -n shell "$2"$'\t\x18'
    zpty -r -m shell seen '*LINE<*>*'
    print -r -- "${${seen##*LINE<}%%>*}"
    zpty -d shell)zsh";
  fs::create_directories(desk / "functions");
  fs::copy_file(desk.script("zsh"), desk / "functions/_symbiont",
                fs::copy_options::overwrite_existing);
  const Words lines =
      lines_of(desk.run({"zsh", "-f", "-c", kTerminal, "zsh", desk / "functions", typed}));
  return lines.empty() ? "" : lines.front();
}

TEST(ZshCompletion, NamesCommandsOptionsAndFiles) {
  if (!is_installed("zsh")) {
    GTEST_SKIP() << "zsh is not installed";
  }
  const Desk desk;
  EXPECT_EQ(completed_by_zsh(desk, "symbiont ru"), "symbiont run ");
  EXPECT_EQ(completed_by_zsh(desk, "symbiont tune repl"), "symbiont tune replay ");
  EXPECT_EQ(completed_by_zsh(desk, "symbiont run --resta"), "symbiont run --restart-learning ");
  EXPECT_EQ(completed_by_zsh(desk, "symbiont run my"), "symbiont run my\\ job.toml ");
}

TEST(Completion, KnowsEveryCommandAndOptionInEveryShell) {
  const Desk desk;
  int known = 0;
  for (const fs::directory_entry& page : fs::directory_iterator(write_pages(desk))) {
    const Words command = command_of_page(page.path());
    Words help = {SYMBIONT_PROGRAM};
    help.insert(help.end(), command.begin(), command.end());
    help.emplace_back("--help");
    Words typed = command;
    typed.emplace_back("--");
    const Words offered = offered_by_bash(desk, typed);
    for (const std::string& option : options_of(desk.run(help))) {
      ++known;
      EXPECT_THAT(offered, Contains(option)) << page.path().stem();
      EXPECT_THAT(Desk::text_of(desk.script("zsh")), HasSubstr("'" + option));
      EXPECT_THAT(Desk::text_of(desk.script("fish")), HasSubstr(" -l " + option.substr(2) + " "));
    }
  }
  EXPECT_GT(known, 20);
}

TEST(ManualPages, SayOfEveryOptionWhatTheHelpSays) {
  const Desk desk;
  int pages = 0;
  for (const fs::directory_entry& page : fs::directory_iterator(write_pages(desk))) {
    ++pages;
    std::string text = Desk::text_of(page.path());
    text.erase(std::remove(text.begin(), text.end(), '\\'), text.end());
    Words help = {SYMBIONT_PROGRAM};
    for (const std::string& word : command_of_page(page.path())) {
      help.push_back(word);
    }
    help.emplace_back("--help");
    for (const std::string& option : options_of(desk.run(help))) {
      EXPECT_THAT(text, HasSubstr("fB" + option + "fR")) << page.path();
    }
    for (const char* section : {".SH NAME", ".SH SYNOPSIS", ".SH EXAMPLES", ".SH EXIT STATUS"}) {
      EXPECT_THAT(text, HasSubstr(section)) << page.path();
    }
  }
  EXPECT_GT(pages, 10);
}

TEST(ManualPages, AreFormattedWithoutAWarning) {
  if (!is_installed("man") || !is_installed("groff")) {
    GTEST_SKIP() << "man and groff are not installed";
  }
  const Desk desk;
  for (const fs::directory_entry& page : fs::directory_iterator(write_pages(desk))) {
    EXPECT_THAT(desk.run({"man", "--warnings", "-l", page.path()}), HasSubstr("SYNOPSIS"));
  }
}

TEST(ManualPages, SatisfyMandocButForTheirDate) {
  if (!is_installed("mandoc")) {
    GTEST_SKIP() << "mandoc is not installed";
  }
  const Desk desk;
  for (const fs::directory_entry& page : fs::directory_iterator(write_pages(desk))) {
    const Words complaints = lines_of(
        desk.run({"sh", "-c", "mandoc -Tlint -Wwarning \"$1\" || test $? = 2", "sh", page.path()}));
    EXPECT_THAT(complaints, Each(HasSubstr("missing date")));
  }
}

TEST(ManualPage, OfACommandThatIsNotThereIsMisuse) {
  const Desk desk;
  SpawnOptions options;
  options.argv = {SYMBIONT_PROGRAM, "manual", "tune", "rerun"};
  options.stderr_file = desk / "complained";
  auto process = Subprocess::spawn(options);
  ASSERT_TRUE(process);
  const auto status = process->wait(kForEver);
  ASSERT_TRUE(status);
  EXPECT_EQ(status->exit_code, 2);
  EXPECT_THAT(Desk::text_of(desk / "complained"),
              HasSubstr("symbiont tune has no command \"rerun\""));
}

}  // namespace
}  // namespace symbiont
