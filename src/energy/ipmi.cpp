#include "symbiont/energy/ipmi.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/ipmi.h>
#include <poll.h>
#include <sys/ioctl.h>

#include "symbiont/base/file.h"

namespace symbiont::energy {
namespace {

constexpr std::uint8_t kGroupExtension = 0x2c;
constexpr std::uint8_t kGetPowerReading = 0x02;
constexpr std::uint8_t kDcmi = 0xdc;
constexpr std::array<std::uint8_t, 4> kPowerRequest = {kDcmi, 0x01, 0x00, 0x00};
constexpr std::size_t kPowerResponse = 19;
constexpr std::size_t kStateByte = 18;
constexpr std::uint8_t kMeasures = 0x40;
constexpr std::uint8_t kInvalidCommand = 0xc1;
constexpr std::uint8_t kInsufficientPrivilege = 0xd4;

constexpr std::chrono::milliseconds kTimeout{2000};
constexpr Watts kUnknownMaxPower{1000.0};
constexpr Watts kMostWatts{65535.0};

class KernelIpmi final : public IpmiDevice {
 public:
  explicit KernelIpmi(FileDescriptor device) : device_(std::move(device)) {}

  Result<std::vector<std::uint8_t>> request(std::uint8_t network_function, std::uint8_t command,
                                            std::span<const std::uint8_t> data) override {
    std::vector<std::uint8_t> bytes(data.begin(), data.end());
    ipmi_system_interface_addr address{};
    address.addr_type = IPMI_SYSTEM_INTERFACE_ADDR_TYPE;
    address.channel = IPMI_BMC_CHANNEL;
    ipmi_req message{};
    message.addr = reinterpret_cast<unsigned char*>(&address);
    message.addr_len = sizeof(address);
    message.msgid = ++last_message_;
    message.msg = {network_function, command, static_cast<unsigned short>(bytes.size()),
                   bytes.data()};
    if (::ioctl(device_.get(), IPMICTL_SEND_COMMAND, &message) != 0) {
      return fail(ErrorCode::kUnavailable, fmt::format("send to IPMI: {}", std::strerror(errno)));
    }
    return wait_for_response();
  }

 private:
  // A response to a request that was given up may still be in the queue.
  Result<std::vector<std::uint8_t>> wait_for_response() {
    using SteadyClock = std::chrono::steady_clock;
    const auto deadline = SteadyClock::now() + kTimeout;
    for (;;) {
      const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - SteadyClock::now());
      if (left.count() <= 0) {
        return fail(ErrorCode::kUnavailable, "the management controller does not answer");
      }
      pollfd event{.fd = device_.get(), .events = POLLIN, .revents = 0};
      if (::poll(&event, 1, static_cast<int>(left.count())) <= 0) continue;
      std::array<std::uint8_t, IPMI_MAX_MSG_LENGTH> bytes{};
      ipmi_addr address{};
      ipmi_recv message{};
      message.addr = reinterpret_cast<unsigned char*>(&address);
      message.addr_len = sizeof(address);
      message.msg.data = bytes.data();
      message.msg.data_len = static_cast<unsigned short>(bytes.size());
      if (::ioctl(device_.get(), IPMICTL_RECEIVE_MSG_TRUNC, &message) != 0) {
        if (errno == EAGAIN || errno == EINTR) continue;
        return fail(ErrorCode::kUnavailable,
                    fmt::format("receive from IPMI: {}", std::strerror(errno)));
      }
      if (message.msgid != last_message_) continue;
      const std::size_t size = std::min<std::size_t>(message.msg.data_len, bytes.size());
      return std::vector<std::uint8_t>(bytes.begin(),
                                       bytes.begin() + static_cast<std::ptrdiff_t>(size));
    }
  }

  const FileDescriptor device_;
  long last_message_ = 0;
};

Result<std::int64_t> read_watts(IpmiDevice& device) {
  SYM_ASSIGN_OR_RETURN(const auto response,
                       device.request(kGroupExtension, kGetPowerReading, kPowerRequest));
  return parse_dcmi_power(response);
}

class IpmiSensor final : public Sensor {
 public:
  explicit IpmiSensor(std::unique_ptr<IpmiDevice> device) : device_(std::move(device)) {}
  Result<std::int64_t> read() override {
    SYM_ASSIGN_OR_RETURN(const std::int64_t watts, read_watts(*device_));
    return watts * 1'000'000;
  }

 private:
  const std::unique_ptr<IpmiDevice> device_;
};

std::string explain_refusal(std::uint8_t code) {
  switch (code) {
    case kInvalidCommand:
      return "the management controller has no DCMI power reading";
    case kInsufficientPrivilege:
      return "the management controller does not let this user read power";
    default:
      return fmt::format("the management controller refused: completion code {:#04x}", code);
  }
}

}  // namespace

Result<std::unique_ptr<IpmiDevice>> open_kernel_ipmi(const std::filesystem::path& sysroot) {
  for (const char* const name : {"dev/ipmi0", "dev/ipmi/0", "dev/ipmidev/0"}) {
    const std::filesystem::path path = sysroot / name;
    FileDescriptor device(::open(path.c_str(), O_RDWR | O_CLOEXEC | O_NONBLOCK));
    if (device.is_open()) return std::make_unique<KernelIpmi>(std::move(device));
    if (errno == ENOENT || errno == ENOTDIR) continue;
    const int reason = errno;
    const bool denied = reason == EACCES || reason == EPERM;
    return fail(
        denied ? ErrorCode::kPermissionDenied : ErrorCode::kUnavailable,
        fmt::format("open {}: {}{}", path.string(), std::strerror(reason),
                    denied ? "; run as root, or let an administrator open it to a group" : ""));
  }
  return fail(ErrorCode::kUnavailable,
              fmt::format("no {}: a machine without a management controller, or the kernel's "
                          "ipmi_si and ipmi_devintf are not loaded",
                          (sysroot / "dev/ipmi0").string()));
}

Result<std::int64_t> parse_dcmi_power(std::span<const std::uint8_t> response) {
  if (response.empty()) return fail(ErrorCode::kUnavailable, "the response is empty");
  if (response[0] != 0) return fail(ErrorCode::kUnavailable, explain_refusal(response[0]));
  if (response.size() < kPowerResponse || response[1] != kDcmi) {
    return fail(ErrorCode::kUnavailable,
                fmt::format("found a response of {} bytes, expected a DCMI power reading of {}",
                            response.size(), kPowerResponse));
  }
  if ((response[kStateByte] & kMeasures) == 0) {
    return fail(ErrorCode::kUnavailable, "the management controller does not measure power now");
  }
  return response[2] | response[3] << 8;
}

SensorSet find_ipmi_sensor(const std::filesystem::path& sysroot) {
  auto device = open_kernel_ipmi(sysroot);
  if (device) return find_ipmi_sensor(*std::move(device));
  SensorSet nothing;
  nothing.unavailable.push_back({"server", "ipmi", device.error().message()});
  return nothing;
}

SensorSet find_ipmi_sensor(std::unique_ptr<IpmiDevice> device) {
  SensorChannel channel;
  channel.domain.name = "server";
  channel.domain.kind = DomainKind::kGauge;
  channel.domain.covers = {std::string(kWholeMachine)};
  channel.domain.source = "ipmi";
  channel.domain.about = "DCMI power reading of the management controller";
  channel.domain.resolution = 2 * kIpmiSampling.period;
  channel.domain.max_power = kUnknownMaxPower;
  channel.believable = kMostWatts;
  channel.sensor = std::make_unique<IpmiSensor>(std::move(device));
  SensorSet set;
  set.channels.push_back(std::move(channel));
  return set;
}

}  // namespace symbiont::energy
