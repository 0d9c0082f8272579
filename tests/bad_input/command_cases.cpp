#include "cases.h"

namespace symbiont::testing {
namespace {

constexpr const char* kRuns =
    "dataset,network,optimizer,batch_size,run,target_metric,target_epoch\n"
    "set,net,adam,16,1,0.5,3\n";
constexpr const char* kPower =
    "dataset,network,optimizer,batch_size,power_limit,time_per_epoch,average_power\n"
    "set,net,adam,16,100,10,50\n";
constexpr const char* kTape =
    R"({"gpu": "card", "dataset": "set", "network": "net", "optimizer": "adam", "b0": 16,
"target_metric": 0.5, "max_epochs": 9, "eta_knob": 0.5, "beta": 2.0, "window": 0, "max_power": 100,
"recurrences": 2, "path_draws": [1, 1], "standard_normals": [0.5]})";

Case with_words(const std::string& name, const Words& words, const std::string& message,
                int exit_code = 2) {
  Case one;
  one.name = name;
  one.command = words;
  one.message = message;
  one.exit_code = exit_code;
  return one;
}

Case with_tape(const std::string& name, const std::string& tape, const std::string& message) {
  Case one = with_words(
      name, {"tune", "replay", "--traces", "traces", "--tape", "tape.json", "--json"}, message);
  one.prepare = [tape](const Room& room) {
    fs::create_directory(room / "traces");
    room.write(room / "traces/summary_train.csv", kRuns);
    room.write(room / "traces/summary_power_card.csv", kPower);
    room.write(room / "tape.json", tape);
  };
  return one;
}

/// The valid tape, and a trace that is none.
Case with_trace(const std::string& name, const std::string& bytes, const std::string& message) {
  Case one = with_tape(name, kTape, message);
  one.prepare = [bytes, prepare = one.prepare](const Room& room) {
    prepare(room);
    room.write(room / "traces/summary_train.csv", bytes);
  };
  return one;
}

/// The valid tape without what lies between two words.
std::string tape_without(const std::string& from, const std::string& to) {
  std::string tape = kTape;
  const std::size_t begin = tape.find(from);
  return tape.erase(begin, tape.find(to) - begin);
}

std::vector<Case> cases_of_words() {
  return {
      with_words("ACommandIsNeeded", {}, "A subcommand is required"),
      with_words("AnUnknownCommandIsRefused", {"rnu", "job.toml"},
                 "there is no command \"rnu\"; did you mean \"run\"?"),
      with_words("AMisspeltCommandIsNamedWithTheNearest", {"rn", "job.toml"},
                 "there is no command \"rn\"; did you mean \"run\"?"),
      with_words("AMisspeltSubcommandIsNamedWithTheNearest", {"ledger", "chek"},
                 "there is no command \"chek\"; did you mean \"check\"?"),
      with_words("AnUnknownOptionIsRefused", {"run", "job.toml", "--fast"},
                 "there is no option \"--fast\"\n"),
      with_words("AMisspeltOptionIsNamedWithTheNearest", {"run", "job.toml", "--recurences", "3"},
                 "there is no option \"--recurences\"; did you mean \"--recurrences\"?"),
      with_words("AMisspeltOptionWithItsValueIsNamedWithTheNearest",
                 {"run", "job.toml", "--recurences=3"},
                 "there is no option \"--recurences\"; did you mean \"--recurrences\"?"),
      with_words("AMisspeltOptionComesBeforeWhatIsMissing", {"run", "--chekc"},
                 "there is no option \"--chekc\"; did you mean \"--check\"?"),
      with_words("AMisspeltOptionBeforeTheCommandIsNamedWithTheNearest", {"--verison"},
                 "there is no option \"--verison\"; did you mean \"--version\"?"),
      with_words("AnOptionOfACommandComesAfterIt", {"--check", "run", "job.toml"},
                 "there is no option \"--check\"\n"),
      with_words("ACommandOfALaterVersionIsNotIgnored", {"zoo", "list"},
                 "zoo: not in this version"),
      with_words("ASubcommandOfALaterVersionIsNotIgnored", {"tune", "explain", "trial"},
                 "explain: not in this version"),
      with_words("AnOptionOfALaterVersionIsNotIgnored", {"run", "job.toml", "--concurrent"},
                 "--concurrent: not in this version"),
      with_words("AnOptionWithAValueOfALaterVersionIsNotIgnored", {"run", "job.toml", "--on=slurm"},
                 "--on: not in this version"),
      with_words("ANameThatIsReservedIsNotBlamedForAnotherMistake", {"report", "zoo", "--fast"},
                 "--fast"),
      with_words("AJobFileIsNeeded", {"run"}, "JOB is required"),
      with_words("ThereIsAtLeastOneRecurrenceToRun", {"run", "job.toml", "--recurrences", "0"},
                 "--recurrences"),
      with_words("ANumberOfRecurrencesIsANumber", {"run", "job.toml", "--recurrences", "two"},
                 "--recurrences"),
      with_words("ASeedIsANumber", {"run", "job.toml", "--seed", "lucky"}, "--seed"),
      with_words("ASeedIsNotNegative", {"run", "job.toml", "--seed", "-1"}, "--seed"),
      with_words("ASeedIsNoLargerThanAFileMaySay",
                 {"run", "job.toml", "--seed", "18446744073709551615"}, "--seed"),
      with_words("ALedgerOfALaterVersionIsNotIgnored",
                 {"run", "job.toml", "--ledger", "postgresql://host/ledger"},
                 "a ledger of kind \"postgresql\" is not in this version"),
      with_words("ALedgerHasAFolder", {"report", "trial", "--ledger", "nowhere/ledger.sqlite"},
                 "nowhere/ledger.sqlite: there is no such folder"),
      with_words("AReportNeedsALedger", {"report", "trial", "--json"}, "`symbiont run` makes it"),
      with_words("APageOfARunHasAFolder", {"run", "job.toml", "--report", "nowhere/page.html"},
                 "report \"nowhere/page.html\": there is no folder \"nowhere\""),
      with_words("APageIsNoFolder", {"run", "job.toml", "--report", "data"},
                 "report \"data\": it is a folder; name a file"),
      with_words("APageOfAReportHasAFolder", {"report", "trial", "--html", "nowhere/page.html"},
                 "there is no folder \"nowhere\""),
      with_words("ACheckNeedsALedger", {"ledger", "check", "--json"}, "`symbiont run` makes it"),
      with_words("AnExportNeedsALedger", {"ledger", "export"}, "`symbiont run` makes it"),
  };
}

std::vector<Case> cases_of_init() {
  return {
      with_words("InitLeavesAnExistingFileAsItIs", {"init", "job.toml"},
                 "job.toml: exists, and is left as it is"),
      with_words("InitMakesNoFolders", {"init", "nowhere/job.toml"},
                 "nowhere/job.toml: No such file or directory"),
      with_words("InitWritesNoFileOverAFolder", {"init", "data"}, "data: exists"),
      with_words("InitNamesNoJobAfterAnImpossibleFile", {"init", "my job.toml"}, "[job] name"),
  };
}

std::vector<Case> cases_of_replay() {
  std::vector<Case> cases = {
      with_words("TracesHaveAFolder",
                 {"tune", "replay", "--traces", "nowhere", "--tape", "tape.json", "--json"},
                 "nowhere: No such file or directory"),
      with_tape("ATapeOfAbsurdSizeIsRefusedUnread", std::string(3 << 20, ' '),
                "tape.json: larger than the limit"),
      with_tape("ATapeIsJson", "tape\n", "read tape tape.json"),
      with_tape("ATapeIsOneObject", "[1, 2]", "tape.json"),
      with_tape("ATapeIsWhole", std::string(kTape).substr(0, 150), "read tape tape.json"),
      with_tape("ATapeHasAllItsFields", tape_without("\"gpu\"", "\"dataset\""), "\"gpu\""),
      with_tape("ATapeHasEnoughDraws", tape_without(", 1]", "], \"standard"),
                "\"path_draws\" is exhausted after 1 draws"),
      with_tape("ATapeOfAnotherJobIsRefused", tape_without("net\"", "\", \"opt"),
                "no batch size of set/ with adam"),
  };
  Case missing = with_tape("AMissingTapeIsNamed", kTape, "tape.json: No such file or directory");
  missing.prepare = [prepare = missing.prepare](const Room& room) {
    prepare(room);
    fs::remove(room / "tape.json");
  };
  cases.push_back(missing);
  cases.push_back(with_trace("ATraceWithoutItsColumnsIsRefused", "dataset,network\nset,net\n",
                             "summary_train.csv"));
  cases.push_back(with_trace("ATraceOfAbsurdSizeIsRefusedUnread", std::string(65 << 20, '#'),
                             "summary_train.csv: larger than the limit"));
  cases.push_back(with_trace("ATruncatedTraceIsRefused", gzipped(kRuns).substr(0, 40),
                             "gzip data is truncated"));
  return cases;
}

}  // namespace

std::vector<Case> command_cases() {
  std::vector<Case> all = cases_of_words();
  for (const auto& more : {cases_of_init(), cases_of_replay()}) {
    all.insert(all.end(), more.begin(), more.end());
  }
  return all;
}

}  // namespace symbiont::testing
