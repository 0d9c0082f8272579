#include "symbiont/train/metrics.h"

#include <cmath>
#include <fstream>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "temporary_directory.h"
#include "train/bounded_log.h"
#include "train/file_follower.h"

namespace symbiont::train {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

MetricsFormat format(std::string_view text, std::string metric = "accuracy") {
  auto parsed = MetricsFormat::parse(text, std::move(metric));
  SYM_CHECK(parsed.has_value());
  return std::move(*parsed);
}

// --- Formats ------------------------------------------------------------------------------------

TEST(MetricsFormat, ReadsTheEpochAndTheNamedMetricOfAJsonLine) {
  const MetricsFormat jsonl = format("jsonl:logs/metrics.jsonl", "val_f1");
  EXPECT_EQ(jsonl.file(), "logs/metrics.jsonl");
  EXPECT_EQ(jsonl.read(R"({"val_f1": 0.75, "epoch": 3, "loss": [1, {"a": 2}]})").value(),
            (EpochReport{3, 0.75}));
  EXPECT_EQ(jsonl.read(R"({"epoch": 3.0, "val_f1": 1})").value(), (EpochReport{3, 1.0}));
}

TEST(MetricsFormat, LeavesJsonLinesAloneThatAreAboutSomethingElse) {
  const MetricsFormat jsonl = format("jsonl:m");
  for (const char* line : {R"({"step": 3, "loss": 1})", R"({"epoch": 3})", "{}", "", "  "}) {
    EXPECT_EQ(jsonl.read(line).value(), std::nullopt) << line;
  }
}

TEST(MetricsFormat, TakesWhatPythonWritesForNumbersThatAreNotFinite) {
  const MetricsFormat jsonl = format("jsonl:-");
  for (const char* number : {"NaN", "Infinity", "-Infinity", "null"}) {
    const auto report = jsonl.read(R"({"note": "NaN \" Infinity", "epoch": 2, "accuracy": )" +
                                   std::string(number) + "}");
    ASSERT_TRUE(report && *report) << number;
    EXPECT_TRUE(std::isnan((*report)->metric));
  }
}

TEST(MetricsFormat, SaysWhatItDidNotUnderstand) {
  const MetricsFormat jsonl = format("jsonl:m");
  const std::string deep(5000, '[');
  for (const std::string& line :
       {std::string("epoch 3"), std::string(R"({"epoch": 3, "accuracy": "high"})"),
        std::string(R"({"epoch": -1, "accuracy": 1})"),
        std::string(R"({"epoch": 1.5, "accuracy": 1})"),
        std::string(R"({"epoch": 1e300, "accuracy": 1})"),
        std::string(R"({"epoch": 1, "accuracy": 1e999})"), "{\"a\":" + deep,
        std::string("\0\xff\xfe", 3), std::string(kMaxMetricLine + 1, 'x')}) {
    const auto report = jsonl.read(line);
    ASSERT_FALSE(report) << line;
    EXPECT_EQ(report.error().code(), ErrorCode::kInvalidArgument);
    EXPECT_LT(report.error().message().size(), 300U);
  }
}

TEST(MetricsFormat, MindsOnlyObjectsAmongTheLinesThatACommandPrints) {
  const MetricsFormat output = format("jsonl:-");
  EXPECT_TRUE(output.file().empty());
  EXPECT_EQ(output.read("loading [1/3]").value(), std::nullopt);
  EXPECT_EQ(output.read(R"(  {"epoch": 1, "accuracy": 0.5})").value(), (EpochReport{1, 0.5}));
  EXPECT_FALSE(output.read("{oops"));
}

TEST(MetricsFormat, FindsTheGroupsOfAnExpressionAnywhereInALine) {
  const MetricsFormat regex = format(R"(regex:(?P<epoch>\d+)(/\d+)?.*?(?P<metric>[0-9.]+)$)");
  EXPECT_EQ(regex.read("Epoch 3/20 - loss 0.4 - acc 0.875").value(), (EpochReport{3, 0.875}));
  EXPECT_EQ(regex.read("saving").value(), std::nullopt);
  EXPECT_EQ(regex.read(std::string("\xff\0 binary", 9)).value(), std::nullopt);
  const auto report = regex.read("epoch 3 of 1.2.3");
  ASSERT_FALSE(report);
  EXPECT_THAT(report.error().message(), HasSubstr("metric: found \"1.2.3\", expected a number"));
}

TEST(MetricsFormat, TakesSignsAndWordsForNumbersThatAreNotFinite) {
  const MetricsFormat regex = format(R"(regex:^(?P<epoch>\S+) (?P<metric>\S+)$)");
  EXPECT_EQ(regex.read("7 -1.5e-3").value(), (EpochReport{7, -1.5e-3}));
  EXPECT_EQ(regex.read("+7 +2").value(), (EpochReport{7, 2.0}));
  for (const char* line : {"7 nan", "7 NaN", "7 inf", "7 -Infinity"}) {
    EXPECT_TRUE(std::isnan(regex.read(line).value()->metric)) << line;
  }
  for (const char* line : {"-1 1", "1.5 1", "99999999999999999999 1", "1 1e999", "1 0x10"}) {
    EXPECT_FALSE(regex.read(line)) << line;
  }
}

void expect_refused(const std::string& text, const std::string& message) {
  const auto parsed = MetricsFormat::parse(text, "accuracy");
  ASSERT_FALSE(parsed) << text;
  EXPECT_EQ(parsed.error().code(), ErrorCode::kInvalidArgument);
  EXPECT_THAT(parsed.error().message(), HasSubstr(message));
}

TEST(MetricsFormat, IsRefusedWithWhatWasExpected) {
  expect_refused("metrics.jsonl", "expected \"jsonl:FILE\"");
  expect_refused("jsonl:", "below SYMBIONT_OUTPUT");
  expect_refused("jsonl:/etc/passwd", "below SYMBIONT_OUTPUT");
  expect_refused("jsonl:a/../../b", "below SYMBIONT_OUTPUT");
  expect_refused("jsonl:.", "below SYMBIONT_OUTPUT");
  expect_refused("jsonl:folder/", "below SYMBIONT_OUTPUT");
  expect_refused("regex:(", "missing )");
  expect_refused(R"(regex:(?P<epoch>\d+))", "none named \"metric\"");
  expect_refused(R"(regex:(\d+) (?P<metric>\d+))", "none named \"epoch\"");
  expect_refused("regex:" + std::string(5000, 'x'), "at most 4096 bytes");
  expect_refused("regex:((?P<epoch>a{1000}){1000})(?P<metric>b)", "RE2");
}

RC_GTEST_PROP(MetricsFormat, TakesAnyBytes, (const std::string& line)) {
  for (const char* text : {"jsonl:m", "jsonl:-", R"(regex:(?P<epoch>\d+).(?P<metric>.*))"}) {
    const auto report = format(text).read(line);
    RC_ASSERT(report || !report.error().message().empty());
  }
}

// --- Lines --------------------------------------------------------------------------------------

struct Lines {
  std::vector<std::string> lines;
  LineSplitter::Taker taker() {
    return [this](std::optional<std::string_view> line) {
      lines.emplace_back(line.value_or("(too long)"));
    };
  }
};

TEST(LineSplitter, EndsLinesAtLineBreaksAndCarriageReturns) {
  LineSplitter splitter;
  Lines taken;
  splitter.feed("one\ntw", taken.taker());
  splitter.feed("o\r\n\n\r50%\r100%\nrest", taken.taker());
  EXPECT_THAT(taken.lines, ElementsAre("one", "two", "50%", "100%"));
  splitter.finish(taken.taker());
  EXPECT_THAT(taken.lines, ElementsAre("one", "two", "50%", "100%", "rest"));
}

TEST(LineSplitter, SkipsWhatIsTooLongAndGoesOnAfterIt) {
  LineSplitter splitter;
  Lines taken;
  for (int i = 0; i < 100; ++i) {
    splitter.feed(std::string(10'000, 'x'), taken.taker());
  }
  splitter.feed("\nshort\n", taken.taker());
  EXPECT_THAT(taken.lines, ElementsAre("(too long)", "short"));
}

RC_GTEST_PROP(LineSplitter, FindsTheSameLinesHoweverTheBytesArrive,
              (const std::string& bytes, const std::vector<std::uint8_t>& cuts)) {
  Lines whole;
  Lines pieces;
  LineSplitter one;
  one.feed(bytes, whole.taker());
  one.finish(whole.taker());
  LineSplitter other;
  std::string_view rest = bytes;
  for (const std::uint8_t cut : cuts) {
    const std::size_t size = std::min<std::size_t>(cut % 8, rest.size());
    other.feed(rest.substr(0, size), pieces.taker());
    rest.remove_prefix(size);
  }
  other.feed(rest, pieces.taker());
  other.finish(pieces.taker());
  RC_ASSERT(whole.lines == pieces.lines);
}

// --- Epochs -------------------------------------------------------------------------------------

std::int64_t index_of(EpochSequence& sequence, std::int64_t reported) {
  const auto index = sequence.index_of(reported);
  return !index ? -1 : index->value_or(0);
}

TEST(EpochSequence, CountsFromOneAndLeavesOutWhatIsReportedAgain) {
  EpochSequence sequence(1, 0);
  EXPECT_EQ(index_of(sequence, 1), 1);
  EXPECT_EQ(index_of(sequence, 1), 0);
  EXPECT_EQ(index_of(sequence, 2), 2);
  EXPECT_EQ(index_of(sequence, 1), 0);
  EXPECT_EQ(index_of(sequence, 3), 3);
}

TEST(EpochSequence, ShiftsTheEpochsOfACommandThatCountsFromZero) {
  EpochSequence sequence(0, 2);
  EXPECT_EQ(index_of(sequence, 2), 3) << "it went on after two";
  EXPECT_EQ(index_of(sequence, 3), 4);
}

TEST(EpochSequence, MayStartAgainBeforeWhatIsRecordedButNotAfter) {
  for (const std::int64_t first : {1, 2, 3, 4}) {
    EpochSequence sequence(1, 3);
    EXPECT_EQ(index_of(sequence, first), first);
  }
  EpochSequence ahead(1, 3);
  const auto index = ahead.index_of(5);
  ASSERT_FALSE(index);
  EXPECT_THAT(index.error().message(), HasSubstr("found epoch 5, expected 4 at most"));
  EXPECT_TRUE(ahead.is_ahead());
}

TEST(EpochSequence, RefusesEpochsThatLeaveOthersOut) {
  EpochSequence sequence(1, 0);
  EXPECT_EQ(index_of(sequence, 1), 1);
  const auto index = sequence.index_of(3);
  ASSERT_FALSE(index);
  EXPECT_THAT(index.error().message(), HasSubstr("found epoch 3, expected 2"));
  EXPECT_FALSE(sequence.is_ahead());
  EpochSequence from_zero(1, 0);
  EXPECT_THAT(from_zero.index_of(0).error().message(), HasSubstr("[train] first_epoch"));
}

// --- Files --------------------------------------------------------------------------------------

class FileFollowerTest : public ::testing::Test {
 protected:
  void write(const std::string& text, std::ios::openmode mode = std::ios::app) const {
    std::ofstream(path_, mode) << text;
  }
  std::string read(std::int64_t most = 1 << 20) {
    std::string text;
    const auto more = follower_.read(most, [&](std::string_view bytes) {
      text += bytes.empty() ? "(anew)" : std::string(bytes);
    });
    return more ? text : "error: " + more.error().message();
  }

  testing::TemporaryDirectory folder_;
  fs::path path_ = folder_ / "metrics";
  FileFollower follower_{path_};
};

using FileFollowing = FileFollowerTest;

TEST_F(FileFollowing, GivesWhatIsNewEachTime) {
  EXPECT_EQ(read(), "") << "there is none yet";
  write("one");
  EXPECT_EQ(read(), "one");
  EXPECT_EQ(read(), "");
  write(" two");
  write(" three");
  EXPECT_EQ(read(4), " two") << "as much as was asked for";
  EXPECT_EQ(read(), " three");
}

TEST_F(FileFollowing, BeginsAnewWhenTheFileWasTruncated) {
  write("a long line of text");
  read();
  write("short", std::ios::trunc);
  EXPECT_EQ(read(), "(anew)short");
}

TEST_F(FileFollowing, BeginsAnewWhenTheFileWasWrittenAnewAndIsLongerNow) {
  write("first\n");
  read();
  write("another\nand more\n", std::ios::trunc);
  EXPECT_EQ(read(), "(anew)another\nand more\n");
}

TEST_F(FileFollowing, BeginsAnewWhenTheFileWasWrittenAnewAndIsAsLongAsBefore) {
  write("{\"epoch\": 1}\n");
  read();
  write("{\"epoch\": 2}\n", std::ios::trunc);
  EXPECT_EQ(read(), "(anew){\"epoch\": 2}\n");
  EXPECT_EQ(read(), "");
}

TEST_F(FileFollowing, FollowsTheNameWhenTheFileWasReplaced) {
  write("old");
  read();
  write(" rest");
  std::ofstream(folder_ / "new") << "new";
  EXPECT_EQ(read(), " rest");
  fs::rename(folder_ / "new", path_);
  EXPECT_EQ(read(), "(anew)new");
  fs::remove(path_);
  EXPECT_EQ(read(), "");
}

TEST_F(FileFollowing, RefusesWhatIsNoFileWithoutOpeningIt) {
  fs::create_symlink("/dev/zero", path_);
  EXPECT_THAT(read(), HasSubstr("found a device, expected a file"));
  fs::remove(path_);
  fs::create_directory(path_);
  EXPECT_THAT(read(), HasSubstr("found a directory, expected a file"));
}

TEST(BoundedLog, KeepsTheLatestBytesAndNoMoreThanItMay) {
  const testing::TemporaryDirectory folder;
  std::ofstream(folder / "log") << "from before\n";
  BoundedLog log(folder / "log", 2000);
  for (int i = 0; i < 1000; ++i) {
    log.write("line " + std::to_string(i) + "\n");
    EXPECT_LE(fs::file_size(folder / "log"), 1000U);
  }
  EXPECT_LE(fs::file_size(folder / "log.1"), 1000U);
  std::ifstream file(folder / "log");
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  EXPECT_TRUE(text.ends_with("line 998\nline 999\n"));
}

TEST(BoundedLog, WritesIntoNothingThatIsNoFile) {
  const testing::TemporaryDirectory folder;
  fs::create_symlink("/dev/full", folder / "log");
  BoundedLog log(folder / "log", 2000);
  log.write("text");
  EXPECT_TRUE(fs::is_symlink(folder / "log"));
}

}  // namespace
}  // namespace symbiont::train
