// Replays every published tape and compares it with what the original simulator recorded.

#include <filesystem>
#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "symbiont/tune/replay.h"
#include "tune/test/published_data.h"

namespace symbiont::tune {
namespace {

using nlohmann::json;

constexpr double kRelative = 1e-9;

void expect_close(double found, const json& expected, const char* what) {
  const double value = expected.get<double>();
  EXPECT_NEAR(found, value, kRelative * std::abs(value)) << what;
}

void expect_same(const ReplayedAttempt& found, const json& expected) {
  EXPECT_EQ(found.recurrence, expected["rec"]);
  EXPECT_EQ(found.try_index, expected["try"]);
  EXPECT_EQ(found.batch_size, expected["bs"]);
  EXPECT_EQ(found.power_limit_w, expected["pl"]);
  EXPECT_EQ(found.profiled, expected["profiled"]);
  EXPECT_EQ(found.reached, expected["reached"]);
  EXPECT_EQ(found.bound.has_value(), !expected["cost_ub"].is_null());
  if (found.bound && !expected["cost_ub"].is_null()) {
    expect_close(found.bound->value(), expected["cost_ub"], "bound");
  }
  expect_close(found.energy.value(), expected["eta"], "energy");
  expect_close(found.time.value(), expected["tta"], "time");
  expect_close(found.cost.value(), expected["cost"], "cost");
}

class PublishedTape : public testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    if (published_data().empty()) {
      GTEST_SKIP() << kNoPublishedData;
    }
  }
};

TEST_P(PublishedTape, IsReplayedDecisionByDecision) {
  const std::filesystem::path path =
      published_data() / "replay" / (std::string(GetParam()) + ".json");
  Result<TraceSet> traces = TraceSet::load(published_data());
  ASSERT_TRUE(traces) << traces.error().message();

  const Result<ReplayReport> report = replay_tape(*traces, path);
  ASSERT_TRUE(report) << report.error().message();

  const json tape = json::parse(std::ifstream(path));
  ASSERT_EQ(report->attempts.size(), tape["expect"].size());
  for (std::size_t i = 0; i < report->attempts.size(); ++i) {
    SCOPED_TRACE("attempt " + std::to_string(i));
    expect_same(report->attempts[i], tape["expect"][i]);
  }
  EXPECT_EQ(json(report->pruning_survivors), tape["pruning_survivors"]);
}

INSTANTIATE_TEST_SUITE_P(V100, PublishedTape,
                         testing::Values("v100_cifar100_seed1", "v100_cifar100_seed2",
                                         "v100_cifar100_seed3", "v100_imagenet_seed1",
                                         "v100_imagenet_seed2", "v100_imagenet_seed3",
                                         "v100_librispeech_seed1", "v100_librispeech_seed2",
                                         "v100_librispeech_seed3"),
                         [](const auto& tape) { return std::string(tape.param); });

}  // namespace
}  // namespace symbiont::tune
