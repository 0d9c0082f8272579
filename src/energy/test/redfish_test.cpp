#include "symbiont/energy/redfish.h"

#include <map>
#include <mutex>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <httplib.h>

#include "energy/test/sysfs_tree.h"
#include "symbiont/energy/monitor.h"

namespace symbiont::energy {
namespace {

using std::chrono::seconds;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

/// A management controller on the loopback interface that serves the documents it is given.
class FakeController {
 public:
  FakeController() {
    server_.Get(".*", [this](const httplib::Request& request, httplib::Response& response) {
      const std::lock_guard lock(mutex_);
      if (request.get_header_value("Authorization") != authorization_) {
        response.status = 401;
        return;
      }
      const auto document = documents_.find(request.path);
      response.status = document == documents_.end() ? 404 : 200;
      if (response.status == 200) response.set_content(document->second, "application/json");
    });
    port_ = server_.bind_to_any_port("127.0.0.1");
    thread_ = std::thread([this] { server_.listen_after_bind(); });
    while (!server_.is_running()) std::this_thread::yield();
  }
  ~FakeController() { stop(); }

  void stop() {
    server_.stop();
    if (thread_.joinable()) thread_.join();
  }
  void serve(const std::string& path, const std::string& document) {
    const std::lock_guard lock(mutex_);
    documents_[path] = document;
  }
  void require(const std::string& authorization) { authorization_ = authorization; }
  std::string url() const { return "http://127.0.0.1:" + std::to_string(port_); }

 private:
  httplib::Server server_;
  std::mutex mutex_;
  std::map<std::string, std::string> documents_;
  std::string authorization_;
  int port_ = 0;
  std::thread thread_;
};

struct RedfishTest : testing::Test {
  static constexpr const char* kChassis = "/redfish/v1/Chassis";

  void one_chassis() {
    controller.serve(kChassis, R"({"Members": [{"@odata.id": "/redfish/v1/Chassis/1"}]})");
    controller.serve("/redfish/v1/Chassis/1",
                     R"({"Power": {"@odata.id": "/redfish/v1/Chassis/1/Power"}})");
    power("344");
  }
  void power(const std::string& watts) {
    controller.serve("/redfish/v1/Chassis/1/Power",
                     R"({"PowerControl": [{"Name": "Server", "PowerCapacityWatts": 800,
                         "PowerConsumedWatts": )" +
                         watts + "}]}");
  }
  std::unique_ptr<SensorMeter> open(const RedfishOptions& options) {
    Sampling sampling = kRedfishSampling;
    sampling.in_background = false;
    return std::make_unique<SensorMeter>(find_redfish_sensor(options).value(), sampling, clock);
  }
  std::unique_ptr<SensorMeter> open(const std::string& suffix = "") {
    RedfishOptions options;
    options.url = controller.url() + suffix;
    return open(options);
  }
  std::string why(const std::string& suffix = "") {
    const auto meter = open(suffix);
    return meter->unavailable().empty() ? "" : meter->unavailable()[0].why;
  }
  std::filesystem::path credentials(int mode) const {
    tree.write("credentials.toml", "[redfish]\nuser = \"monitor\"\npassword = \"secret\"");
    auto path = tree.root() / "credentials.toml";
    std::filesystem::permissions(path, std::filesystem::perms(mode));
    return path;
  }
  FakeController controller;
  SysfsTree tree;
  ManualClock clock;
};

TEST_F(RedfishTest, IntegratesThePowerOfTheOnlyChassis) {
  one_chassis();
  const auto meter = open();
  ASSERT_EQ(meter->domains().size(), 1u) << why();
  const Domain& server = meter->domains()[0];
  EXPECT_THAT(server.covers, ElementsAre(std::string(kWholeMachine)));
  EXPECT_EQ(server.max_power, Watts(800));
  EXPECT_EQ(server.provenance, Provenance::kMeasured);
  EXPECT_THAT(server.about, HasSubstr("Server"));

  clock.advance(seconds(2));
  EXPECT_EQ(meter->read_uj(0), 688'000'000) << "without asking: it is slow";
  clock.advance(seconds(3));
  power("144");
  meter->sample();

  EXPECT_EQ(meter->read_uj(0), 688'000'000 + 3 * 244'000'000);
}

TEST_F(RedfishTest, ReadsEnvironmentMetricsWhereThereIsNoPowerDocument) {
  one_chassis();
  controller.serve("/redfish/v1/Chassis/1", R"({"EnvironmentMetrics":
      {"@odata.id": "/redfish/v1/Chassis/1/EnvironmentMetrics"}})");
  controller.serve("/redfish/v1/Chassis/1/EnvironmentMetrics",
                   R"({"Name": "Environment", "PowerWatts": {"Reading": 120.5}})");

  const auto meter = open();

  ASSERT_EQ(meter->domains().size(), 1u);
  clock.advance(seconds(2));
  EXPECT_EQ(meter->read_uj(0), 241'000'000);
}

TEST_F(RedfishTest, NeverSumsSeveralThatMayBePartsOfOneAnother) {
  one_chassis();
  controller.serve("/redfish/v1/Chassis/1/Power", R"({"PowerControl": [
      {"Name": "System", "PowerConsumedWatts": 300}, {"Name": "CPU", "PowerConsumedWatts": 100},
      {"Name": "Absent", "PowerConsumedWatts": null}]})");

  EXPECT_THAT(why(), HasSubstr("/redfish/v1/Chassis/1#0 (System)"));
  EXPECT_THAT(why(), HasSubstr("/redfish/v1/Chassis/1#1 (CPU)"));
  const auto chosen = open("/redfish/v1/Chassis/1#1");
  ASSERT_EQ(chosen->domains().size(), 1u);
  clock.advance(seconds(1));
  EXPECT_EQ(chosen->read_uj(0), 100'000'000);
}

TEST_F(RedfishTest, SaysWhyThePowerCannotBeRead) {
  EXPECT_THAT(why(), HasSubstr("HTTP status 404"));
  controller.serve(kChassis, "not json");
  EXPECT_THAT(why(), HasSubstr("no JSON object"));
  one_chassis();
  power("null");
  EXPECT_THAT(why(), HasSubstr("no chassis"));
  power("344" + std::string(2 << 20, ' '));
  EXPECT_THAT(why(), HasSubstr("longer than 1 MiB"));
  power("344");
  const auto meter = open();
  controller.stop();
  EXPECT_THAT(why(), HasSubstr("GET http://127.0.0.1"));

  clock.advance(seconds(30));
  meter->sample();
  EXPECT_THAT(meter->read_uj(0).error().message(), HasSubstr("GET http://127.0.0.1"));
}

TEST_F(RedfishTest, TakesThePasswordFromAFileThatOnlyItsOwnerReads) {
  one_chassis();
  controller.require("Basic bW9uaXRvcjpzZWNyZXQ=");  // monitor:secret
  EXPECT_THAT(why(), HasSubstr("SYMBIONT_REDFISH_CREDENTIALS"));
  RedfishOptions options;
  options.url = controller.url();
  options.credentials = credentials(0600);
  EXPECT_EQ(open(options)->domains().size(), 1u);

  options.credentials = credentials(0644);
  const auto shown = find_redfish_sensor(options);

  ASSERT_FALSE(shown);
  EXPECT_EQ(shown.error().code(), ErrorCode::kInvalidArgument);
  EXPECT_THAT(shown.error().message(), HasSubstr("chmod 600"));
}

TEST_F(RedfishTest, IsAMeterOfAJobFile) {
  one_chassis();
  MonitorOptions options;
  options.meters = {"redfish:" + controller.url()};

  const auto monitor = Monitor::open(options);

  ASSERT_TRUE(monitor);
  EXPECT_EQ(monitor->describe(), "measured, this machine");
  ASSERT_TRUE(monitor->open_window());
}

TEST(RedfishUrl, TakesAUrlApart) {
  const auto url = parse_redfish_url("https://bmc.example:8443/redfish/v1/Chassis/1/#2").value();
  EXPECT_EQ(url.origin, "https://bmc.example:8443");
  EXPECT_EQ(url.chassis, "/redfish/v1/Chassis/1");
  EXPECT_EQ(url.member, 2);
  EXPECT_EQ(parse_redfish_url("https://bmc/")->chassis, "");
  EXPECT_EQ(parse_redfish_url("http://localhost:80#0")->member, 0);
  EXPECT_EQ(parse_redfish_url("http://[::1]:80")->origin, "http://[::1]:80");
}

TEST(RedfishUrl, RefusesWhatWouldGiveAPasswordAway) {
  for (const char* const bad :
       {"", "bmc.example", "ftp://bmc", "https://", "https:///redfish", "http://bmc.example",
        "http://127.0.0.1.example", "https://user:hunter2@bmc", "https://bmc/redfish/v1/Systems/1",
        "https://bmc/redfish/v1/Chassis/1#x", "https://bmc#-1", "https://b mc",
        "https://bmc/redfish/v1/Chassis/1 HTTP/1.1\r\nX: y"}) {
    const auto url = parse_redfish_url(bad);
    ASSERT_FALSE(url) << bad;
    EXPECT_EQ(url.error().code(), ErrorCode::kInvalidArgument);
    EXPECT_THAT(url.error().message(), testing::Not(HasSubstr("hunter2")));
  }
}

}  // namespace
}  // namespace symbiont::energy
