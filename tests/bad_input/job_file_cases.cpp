#include "cases.h"

namespace symbiont::testing {
namespace {

/// A job file that is not even an edited one.
Case with_file(const std::string& name, const std::string& bytes, const std::string& message) {
  Case one;
  one.name = name;
  one.prepare = [bytes](const Room& room) { room.write(room.job_file(), bytes); };
  one.message = message;
  return one;
}

Case with_edit(const std::string& name, const Edit& edit, const std::string& message) {
  Case one;
  one.name = name;
  one.edits = {edit};
  one.message = message;
  return one;
}

Case with_directory() {
  Case one;
  one.name = "ADirectoryIsNoJobFile";
  one.prepare = [](const Room& room) {
    fs::remove(room.job_file());
    fs::create_directory(room.job_file());
  };
  one.message = "job.toml: is a directory, expected a file";
  return one;
}

Case with_plan_of_changed_learning() {
  Case one;
  one.name = "ACheckChecksTheTrainerToo";
  one.command = {"run", "job.toml", "--check", "--json"};
  one.environment = {{"SYMBIONT_TRAINER_TORCH", "/nonexistent"}};
  one.message = "trainer \"/nonexistent\" cannot be executed";
  return one;
}

Case with_absent_meter() {
  Case one = with_edit("AMeterThatIsAbsentIsNamedWithItsPlace",
                       {"[\"replay:energy.csv\"]", "[\"rapl\"]\nsysroot = \"data\""},
                       "job.toml:20: [energy] meters: rapl: package: no package under ");
  one.exit_code = 1;  // this machine's fault, not the file's
  return one;
}

Case with_damaged_series() {
  Case one = with_edit("ADamagedSeriesOfIntensitiesIsRefused",
                       {"zone = \"DE\"", "intensity_csv = \"damaged.csv\""},
                       "damaged.csv: gzip data is truncated");
  one.prepare = [](const Room& room) {
    const std::string whole = gzipped("timestamp_utc,gco2_per_kwh\n2022-01-01T00:00:00Z,400\n");
    room.write(room / "damaged.csv", whole.substr(0, whole.size() / 2));
  };
  return one;
}

std::vector<Case> cases_of_keys() {
  return {
      with_edit("AnUnknownKeyIsNamedWithTheNearest",
                {"max_epochs = 5", "max_epochs = 5\nseeed = 3"},
                "job.toml:6: [job] unknown key \"seeed\"; did you mean \"seed\"?"),
      with_edit("AnUnknownTableIsNamedWithTheNearest", {"[carbon]", "[cabron]"},
                "unknown table \"cabron\"; did you mean \"carbon\"?"),
      with_edit("AMisspeltRequiredKeyIsNamedInsteadOfMissed", {"recurrences = 1", "recurences = 1"},
                "job.toml:3: [job] unknown key \"recurences\"; did you mean \"recurrences\"?"),
      with_edit("AMisspeltRequiredTableIsNamedInsteadOfMissed", {"[train]", "[trian]"},
                "unknown table \"trian\"; did you mean \"train\"?"),
      with_edit("AMisspeltKeyOfTheTargetIsNamed", {"value = 0.85", "vaule = 0.85"},
                "[job.target] unknown key \"vaule\"; did you mean \"value\"?"),
      with_edit("AMissingRequiredKeyIsNamed", {"max_epochs = 5", ""},
                "[job] max_epochs: missing (expected an integer)"),
      with_edit("AKeyThatIsThereTwiceIsRefused",
                {"max_epochs = 5", "max_epochs = 5\nmax_epochs = 6"}, "job.toml:6"),
      with_edit("AStringIsNoNumber", {"recurrences = 1", "recurrences = \"many\""},
                "job.toml:3: [job] recurrences: expected an integer, found the string \"many\""),
      with_edit("ATargetIsATable", {"{metric = \"accuracy\", value = 0.85}", "0.85"},
                "target: expected a table, found the number 0.85"),
      with_edit("AFeatureOfALaterVersionIsNotIgnored",
                {"[carbon]", "[warm]\nenabled = true\n[carbon]"},
                "[warm] enabled: this key is not in this version"),
      with_edit("APolicyOfALaterVersionIsNotIgnored",
                {"[carbon]", "[tune]\npolicy = \"improved\"\n[carbon]"}, "not in this version"),
  };
}

std::vector<Case> cases_of_values() {
  return {
      with_edit("ABatchSizeIsAtLeastOne", {"batch_size = 16", "batch_size = 0"},
                "[train] batch_size: expected a whole number from 1"),
      with_edit("TheDefaultIsAmongTheSizes", {"batch_sizes = [16]", "batch_sizes = [8, 32]"},
                "the default batch_size 16 is not among them"),
      with_edit("AnAccuracyIsAtMostOne", {"value = 0.85", "value = 1.01"},
                "expected an accuracy above 0 and at most 1, found 1.01"),
      with_edit("ThereIsAtLeastOneRecurrence", {"recurrences = 1", "recurrences = 0"},
                "[job] recurrences: expected a whole number from 1"),
      with_edit("ALearningRateIsANumber", {"learning_rate = 0.01", "learning_rate = nan"},
                "[train] learning_rate"),
      with_edit("AJobNameIsNoPath", {"\"trial\"", "\"../trial\""}, "[job] name: expected 1 to 64"),
      with_edit("AMeterIsKnown", {"replay:energy.csv", "estimater"}, "did you mean \"estimator\"?"),
      with_edit("AReplayedMeterHasItsFile", {"energy.csv", "none.csv"},
                "job.toml:20: [energy] meters: replay: "),
      with_edit(
          "AMachineOfTheCurveIsKnown",
          {"meters = [\"replay:energy.csv\"]", "meters = [\"estimator\"]\ncurve = \"abacus\""},
          "job.toml:21: [energy] curve: unknown power curve \"abacus\""),
      with_edit("ACurveHasItsFile",
                {"meters = [\"replay:energy.csv\"]",
                 "meters = [\"estimator\"]\ncurve = \"csv:none.csv\""},
                "none.csv"),
      with_edit("ACurveHasItsColumns",
                {"meters = [\"replay:energy.csv\"]",
                 "meters = [\"estimator\"]\ncurve = \"csv:energy.csv\""},
                "utilisation"),
      with_edit("AControlGroupIsAPath", {"replay:energy.csv", "cgroup:train"},
                "expected \"self\" or a path"),
      with_absent_meter(),
      with_edit("AZoneIsKnown", {"zone = \"DE\"", "zone = \"Atlantis\""},
                "job.toml:23: [carbon] zone: unknown zone \"Atlantis\""),
      with_edit("ASeriesOfIntensitiesHasItsFile", {"zone = \"DE\"", "intensity_csv = \"none.csv\""},
                "job.toml:23: [carbon] intensity_csv: "),
      with_damaged_series(),
  };
}

std::vector<Case> cases_of_files() {
  Case missing;
  missing.name = "AMissingJobFileIsNamed";
  missing.command = {"run", "nowhere.toml", "--json"};
  missing.message = "nowhere.toml: No such file or directory";
  return {
      missing,
      with_directory(),
      with_plan_of_changed_learning(),
      with_file("AnEmptyJobFileMissesItsName", "", "job.toml:1: [job] name: missing"),
      with_file("AStringThatNeverEndsIsFoundByLine", "[job]\nname = \"trial\nrecurrences = 1\n",
                "job.toml:2"),
      with_file("ABinaryFileIsNoJobFile",
                std::string("\x7f"
                            "ELF\0\x01\xff",
                            7),
                "job.toml:1"),
      with_file("AFileOfAbsurdSizeIsRefusedUnread", std::string(2 << 20, '#'),
                "larger than the limit"),
  };
}

}  // namespace

std::vector<Case> job_file_cases() {
  std::vector<Case> all = cases_of_keys();
  for (const auto& more : {cases_of_values(), cases_of_files()}) {
    all.insert(all.end(), more.begin(), more.end());
  }
  return all;
}

}  // namespace symbiont::testing
