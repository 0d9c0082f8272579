#pragma once
/// The power of a whole server, as its management controller tells it over Redfish.
///
/// Asked are the chassis' `Power` (PowerControl[].PowerConsumedWatts) or, where there is none, its
/// `EnvironmentMetrics` (PowerWatts.Reading). A server may have several chassis, and a chassis
/// several PowerControl members: they can be parts of one another, so they are never summed. Where
/// more than one shows power, the URL has to choose.

#include <chrono>
#include <filesystem>
#include <string>
#include <string_view>

#include "symbiont/base/error.h"
#include "symbiont/energy/sensor_meter.h"

namespace symbiont::energy {

/// What to ask and as whom.
struct RedfishOptions {
  /// https://HOST[:PORT][/redfish/v1/Chassis/ID][#MEMBER]. http only to this machine itself:
  /// a password would be readable on the way. No user or password in it.
  std::string url;
  /// A TOML file that only its owner may read. Empty: no password is sent.
  ///   [redfish]
  ///   user = "monitor"
  ///   password = "..."
  ///   ca_file = "/etc/ssl/bmc.pem"   # optional: what signed the controller's certificate
  std::filesystem::path credentials;
  std::chrono::milliseconds timeout{5000};  ///< of each step of a request
};

/// A URL taken apart.
struct RedfishUrl {
  std::string origin;   ///< "https://bmc.example:8443"
  std::string chassis;  ///< "/redfish/v1/Chassis/1"; empty: look for it
  int member = -1;      ///< of PowerControl; -1: the only one
};
/// kInvalidArgument saying what is wrong with it; the message holds no password.
Result<RedfishUrl> parse_redfish_url(std::string_view url);

/// Machine scope, measured: one gauge that covers the whole machine. kInvalidArgument for a bad URL
/// or credentials file. What does not answer or shows no power is in `unavailable`.
Result<SensorSet> find_redfish_sensor(const RedfishOptions& options);

/// Controllers are slow and refresh every few seconds: every 5 s, and not at readings.
inline constexpr Sampling kRedfishSampling{.period = std::chrono::seconds(5), .at_reading = false};

}  // namespace symbiont::energy
