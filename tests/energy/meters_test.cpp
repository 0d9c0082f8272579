// What `symbiont energy meters` finds on made-up machines.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "desk.h"

namespace symbiont::energy_command {
namespace {

using ::testing::HasSubstr;

nlohmann::json domains_of(const energy::PowercapTree& machine, const std::string& source) {
  const Desk desk;
  const Ended ended = desk.energy({"meters", "--json", "--sysroot", machine.root().string()});
  EXPECT_EQ(ended.exit_code, 0) << ended.message;
  nlohmann::json found = nlohmann::json::array();
  const nlohmann::json document = ended.json();
  for (const auto& domain : document["domains"]) {
    EXPECT_EQ(domain.size(), 9U);
    if (domain["source"] == source) found.push_back(domain);
  }
  return found;
}

TEST(Meters, TellAllOfADomain) {
  const energy::PowercapTree machine;
  machine.add_zone("intel-rapl:0", "package-0", 0);

  const nlohmann::json rapl = domains_of(machine, "rapl");

  ASSERT_EQ(rapl.size(), 1U);
  EXPECT_EQ(rapl[0], nlohmann::json({{"name", "package-0"},
                                     {"kind", "counter"},
                                     {"covers", {"package-0"}},
                                     {"source", "rapl"},
                                     {"provenance", "measured"},
                                     {"scope", "machine"},
                                     {"resolution", 0.001},
                                     {"available", true},
                                     {"why", nullptr}}));
  EXPECT_EQ(domains_of(machine, "estimator")[0]["provenance"], "modelled");
}

TEST(Meters, SayWhyNot) {
  const energy::PowercapTree machine;
  machine.add_zone("intel-rapl:0", "package-0", 0);
  machine.make_unreadable("intel-rapl:0");

  const nlohmann::json rapl = domains_of(machine, "rapl");

  ASSERT_EQ(rapl.size(), 1U);
  EXPECT_EQ(rapl[0]["available"], false);
  EXPECT_TRUE(rapl[0]["kind"].is_null());
  EXPECT_THAT(rapl[0]["why"].get<std::string>(), HasSubstr("energy_uj"));
}

TEST(Meters, AreATableForPeople) {
  const energy::PowercapTree machine;
  const Desk desk;
  const Ended ended = desk.energy({"meters", "--sysroot", machine.root().string()});

  EXPECT_THAT(ended.output, HasSubstr("ok   estimator    cpu"));
  EXPECT_THAT(ended.output, HasSubstr("--   rapl         package"));
}

}  // namespace
}  // namespace symbiont::energy_command
