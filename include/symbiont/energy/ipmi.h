#pragma once
/// The power of a whole server, as its management controller tells it over IPMI's in-band device.
///
/// The command is "Get Power Reading" of the Data Center Manageability Interface (DCMI 1.5,
/// section 6.6.1): watts now, in whole watts, refreshed every second or so.

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <vector>

#include "symbiont/base/error.h"
#include "symbiont/energy/sensor_meter.h"

namespace symbiont::energy {

/// A way to talk to the management controller. One thread at a time.
class IpmiDevice {
 public:
  virtual ~IpmiDevice() = default;
  /// Sends a request and returns the bytes of its response, completion code first.
  /// kPermissionDenied or kUnavailable.
  virtual Result<std::vector<std::uint8_t>> request(std::uint8_t network_function,
                                                    std::uint8_t command,
                                                    std::span<const std::uint8_t> data) = 0;
};

/// The kernel's: the first of SYSROOT/dev/ipmi0, dev/ipmi/0 and dev/ipmidev/0. kPermissionDenied or
/// kUnavailable, saying what to do.
Result<std::unique_ptr<IpmiDevice>> open_kernel_ipmi(const std::filesystem::path& sysroot);

/// Watts in the response to "Get Power Reading". kUnavailable when the controller refused, measures
/// nothing now, or sent something else.
Result<std::int64_t> parse_dcmi_power(std::span<const std::uint8_t> response);

/// Machine scope, measured: one gauge that covers the whole machine. Never fails: a controller that
/// cannot be asked is in `unavailable`.
SensorSet find_ipmi_sensor(const std::filesystem::path& sysroot);
/// The same with a device that is open.
SensorSet find_ipmi_sensor(std::unique_ptr<IpmiDevice> device);

/// Controllers are slow: every 5 s, and not at readings.
inline constexpr Sampling kIpmiSampling{.period = std::chrono::seconds(5), .at_reading = false};

}  // namespace symbiont::energy
