#include "symbiont/energy/ipmi.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "energy/test/sysfs_tree.h"

namespace symbiont::energy {
namespace {

using std::chrono::seconds;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

/// A management controller that answers as DCMI 1.5, table 6-16 says.
struct Controller {
  int watts = 344;
  std::uint8_t completion = 0x00;
  bool measures = true;
  bool is_gone = false;
  std::vector<std::uint8_t> last_request;
};

class FakeIpmi final : public IpmiDevice {
 public:
  explicit FakeIpmi(Controller& controller) : controller_(controller) {}

  Result<std::vector<std::uint8_t>> request(std::uint8_t network_function, std::uint8_t command,
                                            std::span<const std::uint8_t> data) override {
    controller_.last_request = {network_function, command};
    controller_.last_request.insert(controller_.last_request.end(), data.begin(), data.end());
    if (controller_.is_gone) return fail(ErrorCode::kUnavailable, "does not answer");
    if (controller_.completion != 0) return std::vector{controller_.completion};
    std::vector<std::uint8_t> response = {0x00, 0xdc};
    for (const int watts : {controller_.watts, 10, 700, 320}) {  // now, least, most, mean
      response.push_back(static_cast<std::uint8_t>(watts & 0xff));
      response.push_back(static_cast<std::uint8_t>(watts >> 8));
    }
    response.insert(response.end(), {0x10, 0x20, 0x30, 0x60, 0xe8, 0x03, 0x00, 0x00});
    response.push_back(controller_.measures ? 0x40 : 0x00);
    return response;
  }

 private:
  Controller& controller_;
};

struct IpmiTest : testing::Test {
  std::unique_ptr<SensorMeter> open() {
    Sampling sampling = kIpmiSampling;
    sampling.in_background = false;
    return std::make_unique<SensorMeter>(find_ipmi_sensor(std::make_unique<FakeIpmi>(controller)),
                                         sampling, clock);
  }
  Controller controller;
  ManualClock clock;
};

TEST_F(IpmiTest, IntegratesThePowerOfTheServer) {
  const auto meter = open();
  ASSERT_EQ(meter->domains().size(), 1u);
  EXPECT_THAT(meter->domains()[0].covers, ElementsAre(std::string(kWholeMachine)));
  EXPECT_EQ(meter->domains()[0].provenance, Provenance::kMeasured);
  EXPECT_THAT(controller.last_request, ElementsAre(0x2c, 0x02, 0xdc, 0x01, 0x00, 0x00));

  clock.advance(seconds(5));
  controller.watts = 256;
  meter->sample();

  EXPECT_EQ(meter->read_uj(0), 1'500'000'000);
}

TEST_F(IpmiTest, SaysWhatTheControllerAnswered) {
  controller.completion = 0xc1;
  EXPECT_THAT(open()->unavailable()[0].why, HasSubstr("no DCMI power reading"));
  controller.completion = 0xd4;
  EXPECT_THAT(open()->unavailable()[0].why, HasSubstr("does not let this user"));
  controller.completion = 0xff;
  EXPECT_THAT(open()->unavailable()[0].why, HasSubstr("0xff"));
  controller.completion = 0;
  controller.measures = false;
  EXPECT_THAT(open()->unavailable()[0].why, HasSubstr("does not measure power now"));
}

TEST_F(IpmiTest, ReportsAControllerThatFallsSilent) {
  const auto meter = open();
  controller.is_gone = true;
  clock.advance(seconds(5));
  meter->sample();
  EXPECT_EQ(meter->read_uj(0), 5 * 344'000'000LL) << "for a while its last power counts on";

  clock.advance(seconds(21));

  EXPECT_THAT(meter->read_uj(0).error().message(), HasSubstr("does not answer"));
}

TEST(Dcmi, RefusesResponsesOfAnotherShape) {
  EXPECT_FALSE(parse_dcmi_power({}));
  const std::vector<std::uint8_t> good = {0, 0xdc, 0x58, 0x01, 0, 0, 0, 0, 0,   0,
                                          0, 0,    0,    0,    0, 0, 0, 0, 0x40};
  EXPECT_EQ(parse_dcmi_power(good), 344);
  for (std::size_t size = 1; size < good.size(); ++size) {
    EXPECT_FALSE(parse_dcmi_power(std::span(good).first(size))) << size;
  }
  auto other = good;
  other[1] = 0xdd;
  EXPECT_FALSE(parse_dcmi_power(other));
}

TEST(KernelIpmi, SaysWhatIsMissing) {
  const SysfsTree tree;
  const SensorSet none = find_ipmi_sensor(tree.root());
  EXPECT_THAT(none.channels, IsEmpty());
  EXPECT_THAT(none.unavailable.at(0).why, HasSubstr("ipmi_devintf"));

  tree.write("dev/ipmi0", "a file that is no device");
  auto device = open_kernel_ipmi(tree.root());
  ASSERT_TRUE(device);
  const auto response = (*device)->request(0x2c, 0x02, {});
  ASSERT_FALSE(response);
  EXPECT_THAT(response.error().message(), HasSubstr("send to IPMI"));
}

}  // namespace
}  // namespace symbiont::energy
