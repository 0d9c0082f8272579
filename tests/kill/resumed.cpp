#include "resumed.h"

#include <cmath>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace symbiont::testing {

using ::testing::ElementsAreArray;
using ::testing::IsEmpty;

namespace {

void expect_sound_ledger(const Job& job) {
  const Ended check = job.check();
  EXPECT_EQ(check.status.describe(), "exit code 0") << check.output << check.complaint;
}

std::int64_t microjoules(const nlohmann::json& joules) {
  return std::llround(1e6 * joules.get<double>());
}

}  // namespace

void expect_sound_ruins(const Job& job) {
  EXPECT_TRUE(job.leaves_nobody_behind());
  expect_sound_ledger(job);
}

void expect_undisturbed(const Job& job, const Ended& last_run, std::int64_t lost_uj, Shape shape) {
  ASSERT_EQ(last_run.status.describe(), "exit code 0") << last_run.complaint;
  const Reference& undisturbed = reference(shape);
  const Books books = job.books();
  EXPECT_THAT(books.lasting(), ElementsAreArray(undisturbed.books.lasting()));
  EXPECT_EQ(books.useful_uj(), undisturbed.books.useful_uj());
  EXPECT_EQ(books.lost_uj(), lost_uj);
  EXPECT_EQ(books.pending_uj(), 0);
  expect_sound_ledger(job);

  const nlohmann::json summary = nlohmann::json::parse(last_run.output);
  EXPECT_EQ(lasting(summary).dump(1), lasting(undisturbed.summary).dump(1));
  EXPECT_EQ(microjoules(summary["lost_energy_j"]), lost_uj);
  EXPECT_TRUE(job.leaves_nobody_behind());
  EXPECT_THAT(job.litter(), IsEmpty());
}

}  // namespace symbiont::testing
