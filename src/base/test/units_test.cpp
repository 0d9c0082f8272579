#include "symbiont/base/units.h"

#include <gtest/gtest.h>

namespace symbiont {
namespace {

TEST(Quantity, EnergyOverTimeIsPowerAndBack) {
  const Joules energy(300.0);
  const Seconds time(60.0);

  EXPECT_EQ(energy / time, Watts(5.0));
  EXPECT_EQ(Watts(5.0) * time, energy);
  EXPECT_EQ(time * Watts(5.0), energy);
}

TEST(Quantity, OneKilowattHourAtTheIntensityOfTheGridEmitsThatManyGrams) {
  EXPECT_EQ(Joules(kJoulesPerKwh) * GramsPerKwh(420.0), GramsCo2(420.0));
  EXPECT_EQ(GramsPerKwh(420.0) * Joules(kJoulesPerKwh / 2), GramsCo2(210.0));
}

TEST(Quantity, AddsScalesAndComparesLikeANumberOfItsOwnKind) {
  Joules total(1.0);
  total += Joules(2.5);
  total -= Joules(0.5);

  EXPECT_EQ(total, Joules(3.0));
  EXPECT_EQ(2.0 * total / 3.0, Joules(2.0));
  EXPECT_DOUBLE_EQ(Joules(3.0) / Joules(4.0), 0.75);
  EXPECT_LT(Joules(1.0), Joules(2.0));
}

TEST(Quantity, SecondsComeFromTheNanosecondsOfAClock) {
  EXPECT_DOUBLE_EQ(to_seconds(std::chrono::milliseconds(1500)).value(), 1.5);
}

template <typename A, typename B>
concept Addable = requires(A a, B b) {
  a + b;
};

TEST(Quantity, AddingJoulesToSecondsDoesNotCompile) {
  static_assert(Addable<Joules, Joules>);
  static_assert(!Addable<Joules, Seconds>);
  static_assert(!Addable<Joules, double>);
}

}  // namespace
}  // namespace symbiont
