#include "symbiont/jobs/job_file.h"

#include <cmath>
#include <filesystem>
#include <limits>
#include <ostream>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace symbiont::jobs {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr std::string_view kValid = R"([job]
name = "nightly"
recurrences = 24
target = {metric = "accuracy", value = 0.88}
max_epochs = 20

[data]
set = "fashion-mnist"

[train]
model = "mlp"
optimizer = "adam"
learning_rate = 0.001
batch_size = 32
batch_sizes = [64, 8, 32]
)";

/// The valid file with one line replaced.
std::string with(std::string_view line, std::string_view replacement) {
  std::string text(kValid);
  const std::size_t at = text.find(line);
  EXPECT_NE(at, std::string::npos) << line;
  return text.replace(at, line.size(), replacement);
}

TEST(JobFile, ReadsWhatAUserWrites) {
  const auto spec = parse_job_file(kValid, "job.toml");
  ASSERT_TRUE(spec) << spec.error().message();
  EXPECT_EQ(spec->name, "nightly");
  EXPECT_EQ(spec->batch_sizes, (std::vector<std::int64_t>{8, 32, 64}));
  EXPECT_TRUE(spec->target.higher_is_better);
  EXPECT_EQ(spec->policy, tune::PolicyKind::kFaithful);
  EXPECT_EQ(spec->meters, std::vector<std::string>{"auto"});
  EXPECT_DOUBLE_EQ(spec->eta, 0.5);
}

TEST(JobFile, TakesTheTemplateThatInitWrites) {
  const auto spec = parse_job_file(job_file_template("mine"), "job.toml");
  ASSERT_TRUE(spec) << spec.error().message();
  EXPECT_EQ(spec->name, "mine");
}

TEST(JobFile, TakesTheTemplateForPlainCommands) {
  const auto spec = parse_job_file(plain_job_file_template("mine"), "job.toml");
  ASSERT_TRUE(spec) << spec.error().message();
  ASSERT_TRUE(spec->plain());
  EXPECT_EQ(spec->plain()->command[1], "train.py");
  EXPECT_THAT(spec->plain()->metrics, HasSubstr("regex:epoch"));
  EXPECT_FALSE(spec->limits_threads);
}

constexpr std::string_view kPlain = R"([job]
name = "nightly"
recurrences = 24
target = {metric = "f1", value = 88.0, higher_is_better = true}
max_epochs = 20
[train]
worker = "plain"
command = "python3 'my train.py' -b {batch_size}"
metrics = 'regex:(?P<epoch>\d+) (?P<metric>\S+)'
first_epoch = 0
stop_grace_s = 3
optimizer = "adam"
learning_rate = 0.001
batch_size = 32
)";

std::string plain_with(std::string_view line, std::string_view replacement) {
  std::string text(kPlain);
  const std::size_t at = text.find(line);
  EXPECT_NE(at, std::string::npos) << line;
  return text.replace(at, line.size(), replacement);
}

std::string refusal_of(const std::string& text) {
  const auto spec = parse_job_file(text, "job.toml");
  return spec ? "accepted" : spec.error().message();
}

TEST(PlainJobFile, NeedsNoDataAndNoModel) {
  const auto spec = parse_job_file(kPlain, "job.toml");
  ASSERT_TRUE(spec) << spec.error().message();
  EXPECT_THAT(spec->plain()->command, ElementsAre("python3", "my train.py", "-b", "{batch_size}"));
  EXPECT_EQ(spec->plain()->first_epoch, 0);
  EXPECT_EQ(spec->plain()->stop_grace, std::chrono::seconds(3));
  EXPECT_EQ(spec->data_set, "");
  EXPECT_EQ(spec->target.metric, "f1");
}

TEST(PlainJobFile, TakesACommandOfWordsAsItIs) {
  const auto spec = parse_job_file(
      plain_with(R"("python3 'my train.py' -b {batch_size}")", R"(["a b", "$HOME", ""])"), "j");
  ASSERT_TRUE(spec) << spec.error().message();
  EXPECT_THAT(spec->plain()->command, ElementsAre("a b", "$HOME", ""));
}

TEST(PlainJobFile, IsRefusedWithLineAndKey) {
  const std::string command = R"(command = "python3 'my train.py' -b {batch_size}")";
  EXPECT_THAT(refusal_of(plain_with(command, "command = \"it's\"")),
              HasSubstr("job.toml:8: [train] command: found the quote ' at character 3"));
  EXPECT_THAT(refusal_of(plain_with(command, "command = 7")),
              HasSubstr("[train] command: expected an array of strings, or one string"));
  EXPECT_THAT(refusal_of(plain_with(command, "command = []")), HasSubstr("found no program"));
  EXPECT_THAT(refusal_of(plain_with(command, "")), HasSubstr("[train] command: missing"));
  EXPECT_THAT(refusal_of(plain_with(command, "command = [\"a\\u0000\"]")), HasSubstr("zero byte"));
  EXPECT_THAT(refusal_of(plain_with("metrics = 're", "metrics = 'se")),
              HasSubstr("job.toml:9: [train] metrics: expected \"jsonl:FILE\""));
  EXPECT_THAT(refusal_of(plain_with("first_epoch = 0", "first_epoch = 2")),
              HasSubstr("from 0 to 1"));
  EXPECT_THAT(refusal_of(plain_with(", higher_is_better = true", "")),
              HasSubstr("higher_is_better: missing"));
  EXPECT_THAT(refusal_of(std::string(kPlain) + "[data]\nlimit = 3\n"),
              HasSubstr("[data] set: missing"));
}

TEST(PlainJobFile, HasLearnedForItsCommand) {
  const auto before = parse_job_file(kPlain, "job.toml");
  const auto after = parse_job_file(plain_with("-b ", "-B "), "job.toml");
  ASSERT_TRUE(before && after);
  const auto difference = identity_difference(before->identity(), after->identity());
  ASSERT_TRUE(difference);
  EXPECT_THAT(*difference, HasSubstr("command: was [\"python3\""));
}

TEST(JobFile, TakesEveryExample) {
  int examples = 0;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(
           std::filesystem::path(SYMBIONT_SOURCE_DIR) / "examples")) {
    if (entry.path().extension() == ".toml") {
      const auto spec = load_job_file(entry.path());
      EXPECT_TRUE(spec) << spec.error().message();
      ++examples;
    }
  }
  EXPECT_GE(examples, 3);
}

/// The valid file, trained by a command that speaks the worker protocol.
std::string with_command(std::string_view lines) {
  return with("model = \"mlp\"", "worker = \"command\"\n" + std::string(lines));
}

TEST(CommandJobFile, NamesAProgramThatSpeaksTheProtocol) {
  const auto spec = parse_job_file(with_command("command = [\"python3\", \"my train.py\"]"), "j");
  ASSERT_TRUE(spec) << spec.error().message();
  EXPECT_TRUE(std::holds_alternative<CommandSpec>(spec->worker));
  EXPECT_THAT(spec->own_command(), ElementsAre("python3", "my train.py"));
  EXPECT_FALSE(spec->plain());
  EXPECT_EQ(spec->model, "");
}

TEST(CommandJobFile, IsRefusedWithLineAndKey) {
  EXPECT_THAT(refusal_of(with_command("")), HasSubstr("[train] command: missing"));
  EXPECT_THAT(refusal_of(with_command("command = []")), HasSubstr("found no program"));
  for (const std::string key : {"metrics = \"jsonl:a\"", "first_epoch = 0", "stop_grace_s = 1"}) {
    EXPECT_THAT(refusal_of(with_command("command = \"train\"\n" + key)),
                HasSubstr("belongs to worker = \"plain\", whose command"));
  }
}

TEST(CommandJobFile, HasLearnedForItsCommand) {
  const auto before = parse_job_file(with_command("command = \"train -a\""), "job.toml");
  const auto after = parse_job_file(with_command("command = \"train -b\""), "job.toml");
  ASSERT_TRUE(before && after);
  EXPECT_EQ(identity_difference(before->identity(), after->identity()),
            R"(command: was ["train","-a"], is now ["train","-b"])");
}

struct BadLine {
  const char* line;
  const char* replacement;
  const char* message;
};

void PrintTo(const BadLine& bad, std::ostream* out) {
  *out << bad.replacement;
}

class JobFileRefuses : public ::testing::TestWithParam<BadLine> {};

TEST_P(JobFileRefuses, AndSaysWhereAndWhatItExpected) {
  const BadLine& bad = GetParam();
  const auto spec = parse_job_file(with(bad.line, bad.replacement), "job.toml");
  ASSERT_FALSE(spec);
  EXPECT_THAT(spec.error().message(), HasSubstr("job.toml:"));
  EXPECT_THAT(spec.error().message(), HasSubstr(bad.message));
}

INSTANTIATE_TEST_SUITE_P(
    Lines, JobFileRefuses,
    ::testing::Values(
        BadLine{"recurrences = 24", "recurrences = 24\nrecurences = 3", "\"recurrences\""},
        BadLine{"recurrences = 24", "recurrences = 0", "from 1 to"},
        BadLine{"recurrences = 24", "recurrences = \"many\"", "integer"},
        BadLine{"name = \"nightly\"", "name = \"../evil\"", "letters"},
        BadLine{"name = \"nightly\"", "name = \"42\"", "not all digits"},
        BadLine{"name = \"nightly\"", "", "name"},
        BadLine{"value = 0.88", "value = 1.5", "at most 1"},
        BadLine{"value = 0.88", "vale = 0.88", "value"},
        BadLine{"metric = \"accuracy\"", "metric = \"acuracy\"", "did you mean \"accuracy\""},
        BadLine{"max_epochs = 20", "max_epochs = -1", "from 1 to"},
        BadLine{"set = \"fashion-mnist\"", "set = \"fashion\"", "fashion-mnist"},
        BadLine{"set = \"fashion-mnist\"", "set = \"glyphs\"", "not in this version"},
        BadLine{"model = \"mlp\"", "model = \"mpl\"", "did you mean \"mlp\""},
        BadLine{"model = \"mlp\"", "model = \"resnet-8\"", "not in this version"},
        BadLine{"model = \"mlp\"", "model = \"mlp\"\nworker = \"plane\"",
                "expected one of torch, plain, command, found \"plane\""},
        BadLine{"model = \"mlp\"", "model = \"mlp\"\ncommand = \"x\"",
                "[train] command: belongs to worker = \"plain\""},
        BadLine{"model = \"mlp\"", "model = \"mlp\"\nstop_grace_s = 1",
                "[train] stop_grace_s: belongs to worker = \"plain\""},
        BadLine{"optimizer = \"adam\"", "optimizer = \"no-such\"", "adamw"},
        BadLine{"learning_rate = 0.001", "learning_rate = -1.0", "above 0"},
        BadLine{"learning_rate = 0.001", "learning_rate = nan", "learning_rate"},
        BadLine{"batch_size = 32", "batch_size = 0", "from 1 to"},
        BadLine{"batch_size = 32", "batch_size = 48", "not among them"},
        BadLine{"[64, 8, 32]", "[64, 8, 32, 8]", "listed twice"},
        BadLine{"[64, 8, 32]", "[]", "found 0"}, BadLine{"[64, 8, 32]", "[64, 0, 32]", "from 1 to"},
        BadLine{"[64, 8, 32]", "[64, 8, 32]\n[tune]\neta = 1.5", "from 0 (time) to 1"},
        BadLine{"[64, 8, 32]", "[64, 8, 32]\n[tune]\nbeta = 1.0", "above 1"},
        BadLine{"[64, 8, 32]", "[64, 8, 32]\n[tune]\npolicy = \"improved\"", "not in this version"},
        BadLine{"[64, 8, 32]", "[64, 8, 32]\n[tune]\npower = \"control\"", "not in this version"},
        BadLine{"[64, 8, 32]", "[64, 8, 32]\n[warm]\nenabled = true", "not in this version"},
        BadLine{"[64, 8, 32]", "[64, 8, 32]\n[energy]\nmeters = [\"rappl\"]", "\"rapl\""},
        BadLine{"[64, 8, 32]", "[64, 8, 32]\n[energy]\nmeters = []", "at least one"},
        BadLine{"[64, 8, 32]", "[64, 8, 32]\n[carbon]\npue = 0.5", "from 1 to 10"},
        BadLine{"[64, 8, 32]", "[64, 8, 32]\n[carbon]\nzone = \"DE\"\nintensity_g_per_kwh = 1.0",
                "found several"},
        BadLine{"[64, 8, 32]", "[64, 8, 32]\n[enrgy]\nmeters = [\"auto\"]", "\"energy\""}));

TEST(JobFile, FindsPathsBesideItself) {
  const auto spec = parse_job_file(with("\"fashion-mnist\"", "\"idx:images\""), "/jobs/a/job.toml");
  ASSERT_TRUE(spec) << spec.error().message();
  EXPECT_EQ(spec->data_set, "idx:/jobs/a/images");
}

TEST(JobFile, FindsARecordedTraceBesideItself) {
  const auto spec =
      parse_job_file(with("[64, 8, 32]", "[64, 8, 32]\n[energy]\nmeters = [\"replay:energy.csv\"]"),
                     "/jobs/a/job.toml");
  ASSERT_TRUE(spec) << spec.error().message();
  EXPECT_THAT(spec->meters, ElementsAre("replay:/jobs/a/energy.csv"));
}

TEST(JobFile, NamesTheFirstKeyThatChangedSinceTheJobLearned) {
  const auto before = parse_job_file(kValid, "job.toml");
  const auto after =
      parse_job_file(with("learning_rate = 0.001", "learning_rate = 0.01"), "job.toml");
  ASSERT_TRUE(before && after);
  const auto difference = identity_difference(before->identity(), after->identity());
  ASSERT_TRUE(difference);
  EXPECT_EQ(*difference, "learning_rate: was 0.001, is now 0.01");
}

TEST(JobFile, StaysTheSameJobWhenOnlyTheNumberOfRecurrencesChanges) {
  const auto before = parse_job_file(kValid, "job.toml");
  const auto after = parse_job_file(with("recurrences = 24", "recurrences = 3"), "job.toml");
  ASSERT_TRUE(before && after);
  EXPECT_EQ(identity_difference(before->identity(), after->identity()), std::nullopt);
}

TEST(Target, IsNeverReachedByNotANumber) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  EXPECT_FALSE((Target{"accuracy", 0.5, true}.is_reached_by(nan)));
  EXPECT_FALSE((Target{"loss", 0.5, false}.is_reached_by(nan)));
}

TEST(Target, IsReachedFromTheSideThatIsBetter) {
  EXPECT_TRUE((Target{"accuracy", 0.5, true}.is_reached_by(0.5)));
  EXPECT_FALSE((Target{"accuracy", 0.5, true}.is_reached_by(0.4)));
  EXPECT_TRUE((Target{"loss", 0.5, false}.is_reached_by(0.4)));
}

}  // namespace
}  // namespace symbiont::jobs
