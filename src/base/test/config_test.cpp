#include "symbiont/base/config.h"

#include <cstdint>
#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "temporary_directory.h"

namespace symbiont {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::StartsWith;

Config parsed(std::string_view text) {
  Result<Config> config = Config::parse(text, "job.toml");
  EXPECT_TRUE(config) << (config ? "" : config.error().message());
  return config ? *std::move(config) : Config::parse("", "job.toml").value();
}

constexpr std::string_view kJob = R"(# an example
[job]
name = "fashion"
seed = 7

[train]
batch_sizes = [32, 64]
learning_rates = [1, 0.5]
command = ["symbiont-trainer-torch", "--quiet"]
power_w = 150
resume = true
target = {metric = "accuracy", value = 0.84}
)";

TEST(Config, GivesEveryTypeThatWasAskedFor) {
  Config config = parsed(kJob);
  ConfigTable job = config.table("job");
  ConfigTable train = config.table("train");

  EXPECT_EQ(job.required<std::string>("name").value(), "fashion");
  EXPECT_EQ(job.required<std::int64_t>("seed").value(), 7);
  EXPECT_THAT(train.required<std::vector<std::int64_t>>("batch_sizes").value(),
              ElementsAre(32, 64));
  EXPECT_THAT(train.required<std::vector<double>>("learning_rates").value(), ElementsAre(1, 0.5));
  EXPECT_THAT(train.required<std::vector<std::string>>("command").value(),
              ElementsAre("symbiont-trainer-torch", "--quiet"));
  EXPECT_EQ(train.required<double>("power_w").value(), 150.0);
  EXPECT_TRUE(train.required<bool>("resume").value());
  ConfigTable target = train.table("target");
  EXPECT_EQ(target.required<std::string>("metric").value(), "accuracy");
  EXPECT_EQ(target.required<double>("value").value(), 0.84);
  EXPECT_TRUE(config.finish());
}

TEST(Config, UsesTheFallbackOfAnAbsentKeyAndTable) {
  Config config = parsed("[job]\n");
  ConfigTable job = config.table("job");
  ConfigTable carbon = config.table("carbon");

  EXPECT_EQ(job.optional<std::int64_t>("recurrences", 10).value(), 10);
  EXPECT_EQ(carbon.optional<std::string>("source", "none").value(), "none");
  EXPECT_TRUE(job.present());
  EXPECT_FALSE(carbon.present());
  EXPECT_FALSE(job.has("name"));
  EXPECT_TRUE(config.finish());
}

TEST(Config, SaysWhatItFoundAndWhatItExpected) {
  Config config = parsed("[train]\n\nbatch_size = \"abc\"\nepochs = 2.5\nname = 3\non = 1\n");
  ConfigTable train = config.table("train");

  EXPECT_EQ(train.required<std::int64_t>("batch_size").error().message(),
            "job.toml:3: [train] batch_size: expected an integer, found the string \"abc\"");
  EXPECT_EQ(train.optional<std::int64_t>("epochs", 1).error().message(),
            "job.toml:4: [train] epochs: expected an integer, found the number 2.5");
  EXPECT_EQ(train.required<std::string>("name").error().message(),
            "job.toml:5: [train] name: expected a string, found the integer 3");
  EXPECT_EQ(train.required<bool>("on").error().message(),
            "job.toml:6: [train] on: expected true or false, found the integer 1");
}

TEST(Config, PointsAtTheItemOfAListThatIsWrong) {
  Config config = parsed("[train]\nsizes = [\n  1,\n  \"two\",\n]\nrates = 0.1\n");
  ConfigTable train = config.table("train");

  EXPECT_EQ(train.required<std::vector<std::int64_t>>("sizes").error().message(),
            "job.toml:4: [train] sizes[1]: expected an integer, found the string \"two\"");
  EXPECT_EQ(train.required<std::vector<double>>("rates").error().message(),
            "job.toml:6: [train] rates: expected a list of numbers, found the number 0.1");
}

TEST(Config, RefusesNumbersThatAreNotFinite) {
  Config config = parsed("[a]\nx = nan\ny = -inf\n");
  ConfigTable a = config.table("a");

  EXPECT_EQ(a.required<double>("x").error().message(),
            "job.toml:2: [a] x: expected a number, found the number nan");
  EXPECT_FALSE(a.required<double>("y"));
}

TEST(Config, SaysWhichRequiredKeyIsMissing) {
  Config config = parsed("\n\n[job]\nseed = 1\n");

  EXPECT_EQ(config.table("job").required<std::string>("name").error().message(),
            "job.toml:3: [job] name: missing (expected a string)");
  EXPECT_EQ(config.table("train").required<double>("rate").error().message(),
            "job.toml:1: [train] rate: missing (expected a number)");
}

TEST(Config, RefusesAnUnknownKeyAndSuggestsTheNearest) {
  Config config = parsed("[job]\nname = \"x\"\nrecurences = 3\n");
  ConfigTable job = config.table("job");
  ASSERT_TRUE(job.required<std::string>("name"));
  ASSERT_TRUE(job.optional<std::int64_t>("recurrences", 1));

  const Result<void> finished = config.finish();
  ASSERT_FALSE(finished);
  EXPECT_EQ(finished.error().code(), ErrorCode::kInvalidArgument);
  EXPECT_EQ(finished.error().message(),
            "job.toml:3: [job] unknown key \"recurences\"; did you mean \"recurrences\"?");
}

TEST(Config, RefusesAnUnknownTable) {
  Config config = parsed("[job]\n[trian]\nx = 1\n");
  config.table("job");
  config.table("train");

  EXPECT_EQ(config.finish().error().message(),
            "job.toml:2: unknown table \"trian\"; did you mean \"train\"?");
}

TEST(Config, RefusesAnUnknownKeyAtTheTopWithoutAFarFetchedSuggestion) {
  Config config = parsed("colour = 1\n[job]\n");
  config.table("job");

  EXPECT_EQ(config.finish().error().message(), "job.toml:1: unknown key \"colour\"");
}

TEST(Config, ReportsTheFirstProblemByLineWhateverTheOrderOfQuestions) {
  Config config = parsed("[b.inner]\nx = 1\n[a]\ny = 1\n[b]\nz = 1\n");
  config.table("a");
  config.table("b").table("inner");

  EXPECT_EQ(config.finish().error().message(), "job.toml:2: [b.inner] unknown key \"x\"");
}

TEST(Config, ReadsDottedInlineAndHeaderTablesAlike) {
  for (const std::string_view text :
       {"[train]\ntarget.value = 1\n", "[train]\ntarget = {value = 1}\n",
        "[train.target]\nvalue = 1\n", "train.target.value = 1\n"}) {
    Config config = parsed(text);
    ConfigTable target = config.table("train").table("target");
    EXPECT_TRUE(target.present());
    EXPECT_EQ(target.required<double>("value").value(), 1.0) << text;
    EXPECT_TRUE(config.finish());
  }
}

TEST(Config, RefusesAValueWhereATableBelongs) {
  Config config = parsed("\njob = 3\n");
  ConfigTable job = config.table("job");
  const std::string expected = "job.toml:2: job: expected a table, found the integer 3";

  EXPECT_TRUE(job.present());
  EXPECT_EQ(job.required<std::string>("name").error().message(), expected);
  EXPECT_EQ(job.optional<double>("rate", 1).error().message(), expected);
  EXPECT_EQ(config.finish().error().message(), expected);
}

TEST(Config, RefusesAListOfTablesWhereOneBelongs) {
  Config config = parsed("[[job]]\nname = \"x\"\n");
  config.table("job");

  EXPECT_EQ(config.finish().error().message(), "job.toml:1: job: expected a table, found a list");
}

TEST(Config, RefusesANestedTableNobodyAskedFor) {
  Config config = parsed("[train]\n[train.targt]\nvalue = 1\n");
  config.table("train").table("target");

  EXPECT_EQ(config.finish().error().message(),
            "job.toml:2: [train] unknown table \"targt\"; did you mean \"target\"?");
}

TEST(Config, KnowsAKeyOnceItWasAskedWhetherItIsThere) {
  Config config = parsed("[job]\nname = \"x\"\n");

  EXPECT_TRUE(config.table("job").has("name"));
  EXPECT_TRUE(config.finish());
}

TEST(Config, LetsTheCallerPointAtAKeyOrAtItsTable) {
  Config config = parsed("[job]\nseed = -1\n");
  const ConfigTable job = config.table("job");

  EXPECT_EQ(job.error_at("seed", "must not be negative").message(),
            "job.toml:2: [job] seed: must not be negative");
  EXPECT_EQ(job.error_at("name", "needed with seed").message(),
            "job.toml:1: [job] name: needed with seed");
}

TEST(Config, SurvivesBeingMoved) {
  Config first = parsed("[job]\nx = 1\n");
  ConfigTable job = first.table("job");
  const Config second = std::move(first);

  EXPECT_EQ(job.error_at("x", "y").message(), "job.toml:2: [job] x: y");
  EXPECT_EQ(second.finish().error().message(), "job.toml:2: [job] unknown key \"x\"");
}

TEST(Config, NamesThePlaceOfASyntaxError) {
  const Result<Config> broken = Config::parse("[job]\nname = \n", "job.toml");
  ASSERT_FALSE(broken);
  EXPECT_EQ(broken.error().code(), ErrorCode::kInvalidArgument);
  EXPECT_THAT(broken.error().message(), StartsWith("job.toml:2:"));
}

TEST(Config, RefusesAKeyGivenTwice) {
  const Result<Config> twice = Config::parse("[job]\na = 1\na = 2\n", "job.toml");
  ASSERT_FALSE(twice);
  EXPECT_THAT(twice.error().message(), StartsWith("job.toml:3:"));
}

TEST(Config, RefusesKeysDeepEnoughToExhaustTheStack) {
  std::string deep = "# a.b\nx = \"a.b\\\"#\"\n[a";
  for (int i = 0; i < 400'000; ++i) {
    deep += ".a";
  }
  const Result<Config> config = Config::parse(deep + "]\n", "job.toml");
  ASSERT_FALSE(config);
  EXPECT_EQ(config.error().message(), "job.toml:3: a key of more than 16 parts");
}

TEST(Config, CountsNoDotsInStringsAndComments) {
  const std::string dots(100, '.');
  EXPECT_TRUE(Config::parse("a = \"" + dots + "\" # " + dots + "\nb = '" + dots +
                                "'\nc = \"\"\"\n" + dots + "\"\"\"\"\"\nd = '''" + dots +
                                "'''\n\"" + dots + "\" = 1\n",
                            "job.toml"));
}

TEST(Config, LoadsAFileAndNamesIt) {
  const testing::TemporaryDirectory directory;
  const auto path = directory / "job.toml";
  std::ofstream(path) << "[job]\nx = 1\n";

  const Config config = Config::load(path).value();
  EXPECT_EQ(config.finish().error().message(), path.string() + ":1: unknown table \"job\"");
  EXPECT_EQ(Config::load(directory / "none.toml").error().code(), ErrorCode::kNotFound);
}

TEST(Config, LoadsNoFileOfMoreThanAMebibyte) {
  const testing::TemporaryDirectory directory;
  const auto path = directory / "job.toml";
  std::ofstream(path) << std::string((1 << 20) + 1, '#');

  EXPECT_EQ(Config::load(path).error().code(), ErrorCode::kInvalidArgument);
}

void ask_everything(Config& config) {
  for (const char* name : {"a", "b"}) {
    ConfigTable table = config.table(name);
    table.required<std::string>("a");
    table.required<double>("b");
    table.table("a").required<std::vector<std::int64_t>>("b");
  }
  config.finish();
}

RC_GTEST_PROP(Config, NeverCrashesOnRandomBytes, (const std::string& text)) {
  Result<Config> config = Config::parse(text, "x.toml");
  if (config) {
    ask_everything(*config);
  }
}

RC_GTEST_PROP(Config, NeverCrashesOnRandomToml, ()) {
  const auto pieces = *rc::gen::container<std::vector<std::string>>(rc::gen::element<std::string>(
      "[", "]", "{", "}", "a", "b", ".", "=", "\n", "\"", "'", "\"\"\"", "'''", "1", "nan", ",",
      "[a]\n", "a = ", "b = 1\n", "#", "\\", "\xC3\xA4", "1979-05-27"));
  std::string text;
  for (const std::string& piece : pieces) {
    text += piece;
  }
  Result<Config> config = Config::parse(text, "x.toml");
  if (config) {
    ask_everything(*config);
  }
}

TEST(NearestWord, ForgivesATypoButNotAnotherWord) {
  const std::vector<std::string> words = {"recurrences", "name", "job"};

  EXPECT_EQ(nearest_word("recurences", words), "recurrences");
  EXPECT_EQ(nearest_word("jbo", words), "job");
  EXPECT_EQ(nearest_word("nmae", words), "name");
  EXPECT_EQ(nearest_word("colour", words), "");
  EXPECT_EQ(nearest_word("", words), "");
  EXPECT_EQ(nearest_word("x", {}), "");
  EXPECT_EQ(nearest_word(std::string(1'000'000, 'n'), words), "");
}

}  // namespace
}  // namespace symbiont
