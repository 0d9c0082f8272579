#include "reference.h"

#include <algorithm>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "trace.h"

namespace symbiont::testing {
namespace {

using ::testing::ElementsAreArray;

// The CTest fixture of all others.
TEST(Reference, IsStoredForTheOtherTests) {
  store_references();
}

TEST(UndisturbedRun, IsTheSameEveryTime) {
  const Reference again = perform_reference(Shape::kManyAttempts);
  EXPECT_THAT(again.books.lasting(), ElementsAreArray(reference().books.lasting()));
  EXPECT_EQ(lasting(again.summary).dump(1), lasting(reference().summary).dump(1));
}

TEST(UndisturbedRun, LosesNothingAndBooksWhatTheMeterHandedOut) {
  const Books& books = reference().books;
  EXPECT_EQ(books.lost_uj(), 0);
  EXPECT_EQ(books.pending_uj(), 0);
  for (const nlohmann::json& epoch : books.rows("epochs")) {
    const std::size_t attempt = epoch["attempt"].get<std::size_t>() - 1;
    const std::int64_t batch_size = books.rows("attempts").at(attempt)["batch_size"];
    EXPECT_EQ(epoch["energy_uj"], epoch_uj(batch_size, epoch["epoch"]));
  }
}

// What the stories of the other tests count on.
TEST(UndisturbedRun, HasAnAttemptThatTheBoundStopsAndOneThatTakesItsPlace) {
  const std::vector<nlohmann::json>& attempts = reference().books.rows("attempts");
  ASSERT_GE(attempts.size(), 5U);
  EXPECT_EQ(attempts[0]["batch_size"], 128);
  EXPECT_GE(attempts[0]["epochs"], 3);
  EXPECT_EQ(attempts[2]["batch_size"], 64);
  EXPECT_EQ(attempts[2]["stopped"], "bound");
  EXPECT_EQ(attempts[3]["recurrence"], attempts[2]["recurrence"]);
  EXPECT_EQ(attempts[3]["try_index"], 2);
}

}  // namespace
}  // namespace symbiont::testing
