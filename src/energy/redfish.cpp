#include "symbiont/energy/redfish.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <csignal>
#include <ctime>
#include <memory>
#include <optional>
#include <utility>

#include <fmt/format.h>
#include <httplib.h>
#include <sys/stat.h>

#include "energy/redfish_json.h"
#include "symbiont/base/config.h"

namespace symbiont::energy {
namespace {

constexpr std::string_view kChassisCollection = "/redfish/v1/Chassis";
constexpr std::size_t kLongestAnswer = 1 << 20;
constexpr Watts kUnknownMaxPower{1000.0};
constexpr double kPeakOverLimit = 4.0;

tl::unexpected<Error> bad_url(std::string_view why) {
  return fail(ErrorCode::kInvalidArgument,
              fmt::format("redfish: {}; expected https://HOST[:PORT][/redfish/v1/Chassis/ID]"
                          "[#MEMBER]",
                          why));
}

bool is_this_machine(std::string_view authority) {
  const std::string_view host = authority.substr(0, authority.rfind(':'));
  return host == "localhost" || host == "127.0.0.1" || host == "[::1]";
}

/// Writing to a connection that the other side closed must not end this process. Holds the signal
/// back for this thread, and takes it away if it came.
class WithoutBrokenPipe {
 public:
  WithoutBrokenPipe() {
    sigemptyset(&signal_);
    sigaddset(&signal_, SIGPIPE);
    ::pthread_sigmask(SIG_BLOCK, &signal_, &before_);
  }
  ~WithoutBrokenPipe() {
    const timespec now{};
    if (sigismember(&before_, SIGPIPE) == 0) ::sigtimedwait(&signal_, nullptr, &now);
    ::pthread_sigmask(SIG_SETMASK, &before_, nullptr);
  }
  WithoutBrokenPipe(const WithoutBrokenPipe&) = delete;
  WithoutBrokenPipe& operator=(const WithoutBrokenPipe&) = delete;

 private:
  sigset_t signal_{};
  sigset_t before_{};
};

struct Credentials {
  std::string user;
  std::string password;
  std::string ca_file;
};

Result<void> check_is_private(const std::filesystem::path& path) {
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0 || (status.st_mode & (S_IRWXG | S_IRWXO)) == 0) return {};
  return fail(ErrorCode::kInvalidArgument,
              fmt::format("{}: others may read this password; chmod 600 it", path.string()));
}

Result<Credentials> load_credentials(const std::filesystem::path& path) {
  Credentials credentials;
  if (path.empty()) return credentials;
  SYM_RETURN_IF_ERROR(check_is_private(path));
  SYM_ASSIGN_OR_RETURN(Config config, Config::load(path));
  ConfigTable table = config.table("redfish");
  SYM_ASSIGN_OR_RETURN(credentials.user, table.required<std::string>("user"));
  SYM_ASSIGN_OR_RETURN(credentials.password, table.required<std::string>("password"));
  SYM_ASSIGN_OR_RETURN(credentials.ca_file, table.optional<std::string>("ca_file", ""));
  SYM_RETURN_IF_ERROR(config.finish());
  return credentials;
}

/// A connection to a controller, kept open between questions. One thread at a time.
class Controller {
 public:
  Controller(std::string origin, const Credentials& credentials, std::chrono::milliseconds timeout)
      : origin_(std::move(origin)), timeout_(timeout), client_(origin_) {
    client_.set_connection_timeout(timeout);
    client_.set_read_timeout(timeout);
    client_.set_write_timeout(timeout);
    client_.set_keep_alive(true);
    client_.set_follow_location(false);
    client_.enable_server_certificate_verification(true);
    if (!credentials.ca_file.empty()) client_.set_ca_cert_path(credentials.ca_file);
    if (!credentials.user.empty()) client_.set_basic_auth(credentials.user, credentials.password);
  }

  const std::string& origin() const { return origin_; }

  Result<std::string> get(const std::string& path) {
    try {
      const WithoutBrokenPipe guard;
      return get_or_throw(path).map_error(
          [&](Error error) { return std::move(error).while_doing("GET " + origin_ + path); });
    } catch (const std::exception& exception) {
      return fail(ErrorCode::kUnavailable,
                  fmt::format("GET {}{}: {}", origin_, path, exception.what()));
    }
  }

 private:
  Result<std::string> get_or_throw(const std::string& path) {
    using SteadyClock = std::chrono::steady_clock;
    const auto deadline = SteadyClock::now() + 2 * timeout_;
    std::string body;
    int status = 0;
    const httplib::Headers headers = {{"Accept", "application/json"}};
    const auto take_head = [&](const httplib::Response& response) {
      status = response.status;
      return status == 200;
    };
    const auto take_body = [&](const char* data, std::size_t size) {
      if (body.size() + size > kLongestAnswer || SteadyClock::now() > deadline) return false;
      body.append(data, size);
      return true;
    };
    const httplib::Result result = client_.Get(path, headers, take_head, take_body);
    if (status == 401 || status == 403) {
      return fail(ErrorCode::kPermissionDenied,
                  fmt::format("HTTP status {}; SYMBIONT_REDFISH_CREDENTIALS has to name a file "
                              "with a user who may read power",
                              status));
    }
    if (status != 0 && status != 200) {
      return fail(ErrorCode::kUnavailable, fmt::format("HTTP status {}", status));
    }
    if (!result) return fail(ErrorCode::kUnavailable, describe(result.error()));
    return body;
  }

  static std::string describe(httplib::Error error) {
    if (error == httplib::Error::Canceled) return "the answer is longer than 1 MiB, or too slow";
    if (error == httplib::Error::SSLServerVerification) {
      return "the certificate is not to be trusted; the credentials file can name what signed it "
             "as ca_file";
    }
    return httplib::to_string(error);
  }

  const std::string origin_;
  const std::chrono::milliseconds timeout_;
  httplib::Client client_;
};

/// A document of the controller in which power is read.
struct Place {
  std::string chassis;
  std::string path;
  bool is_metrics = false;
  int member = -1;  ///< of the readings in the document
  RedfishReading reading;
};

Result<std::vector<RedfishReading>> read_document(Controller& controller, const std::string& path,
                                                  bool is_metrics) {
  SYM_ASSIGN_OR_RETURN(const std::string text, controller.get(path));
  auto readings = is_metrics ? parse_redfish_metrics(text) : parse_redfish_power(text);
  return std::move(readings).map_error(
      [&](Error error) { return std::move(error).while_doing(path); });
}

// Every member of a chassis that shows power, or the one that was chosen.
Result<std::vector<Place>> places_of(Controller& controller, const std::string& chassis,
                                     int member) {
  SYM_ASSIGN_OR_RETURN(const std::string text, controller.get(chassis));
  SYM_ASSIGN_OR_RETURN(const RedfishChassis links, parse_redfish_chassis(text));
  const bool is_metrics = links.power.empty();
  const std::string& path = is_metrics ? links.environment_metrics : links.power;
  std::vector<Place> places;
  if (path.empty()) return places;
  SYM_ASSIGN_OR_RETURN(const auto readings, read_document(controller, path, is_metrics));
  for (int i = 0; i < static_cast<int>(readings.size()); ++i) {
    const RedfishReading& reading = readings[static_cast<std::size_t>(i)];
    const bool is_chosen = member < 0 ? reading.power.has_value() : i == member;
    if (is_chosen) places.push_back({chassis, path, is_metrics, i, reading});
  }
  return places;
}

Result<std::vector<std::string>> list_chassis(Controller& controller, const RedfishUrl& url) {
  if (!url.chassis.empty()) return std::vector{url.chassis};
  SYM_ASSIGN_OR_RETURN(const std::string text, controller.get(std::string(kChassisCollection)));
  return parse_redfish_members(text);
}

Result<Place> find_place(Controller& controller, const RedfishUrl& url) {
  SYM_ASSIGN_OR_RETURN(const auto chassis, list_chassis(controller, url));
  std::vector<Place> places;
  for (const std::string& path : chassis) {
    SYM_ASSIGN_OR_RETURN(const auto found, places_of(controller, path, url.member));
    places.insert(places.end(), found.begin(), found.end());
  }
  if (places.size() == 1) return std::move(places.front());
  if (places.empty()) {
    return fail(ErrorCode::kUnavailable, controller.origin() + " shows the power of no chassis");
  }
  std::vector<std::string> choices;
  for (const Place& place : places) {
    choices.push_back(fmt::format("redfish:{}{}#{} ({})", controller.origin(), place.chassis,
                                  place.member, place.reading.name));
  }
  return fail(ErrorCode::kUnavailable,
              fmt::format("several show power and may be parts of one another; choose: {}",
                          fmt::join(choices, ", ")));
}

class RedfishSensor final : public Sensor {
 public:
  RedfishSensor(std::unique_ptr<Controller> controller, Place place)
      : controller_(std::move(controller)), place_(std::move(place)) {}

  Result<std::int64_t> read() override {
    SYM_ASSIGN_OR_RETURN(const auto readings,
                         read_document(*controller_, place_.path, place_.is_metrics));
    const auto member = static_cast<std::size_t>(place_.member);
    if (member < readings.size() && readings[member].power) {
      return std::llround(1e6 * readings[member].power->value());
    }
    return fail(ErrorCode::kUnavailable, place_.path + " shows no power now");
  }

 private:
  const std::unique_ptr<Controller> controller_;
  const Place place_;
};

SensorChannel make_channel(std::unique_ptr<Controller> controller, Place place) {
  SensorChannel channel;
  const std::string& origin = controller->origin();
  channel.domain.name = origin.substr(origin.find("://") + 3);
  channel.domain.kind = DomainKind::kGauge;
  channel.domain.covers = {std::string(kWholeMachine)};
  channel.domain.source = "redfish";
  channel.domain.about = fmt::format("{}#{} {}", place.chassis, place.member, place.reading.name);
  channel.domain.resolution = 2 * kRedfishSampling.period;
  const Watts capacity = place.reading.capacity.value_or(Watts(0.0));
  channel.domain.max_power = capacity > Watts(0.0) ? capacity : kUnknownMaxPower;
  channel.believable = kPeakOverLimit * channel.domain.max_power;
  channel.sensor = std::make_unique<RedfishSensor>(std::move(controller), std::move(place));
  return channel;
}

}  // namespace

Result<RedfishUrl> parse_redfish_url(std::string_view url) {
  const bool is_plain = url.starts_with("http://");
  if (!is_plain && !url.starts_with("https://")) return bad_url("this is no https URL");
  const std::size_t begin = url.find("://") + 3;
  const std::size_t end = std::min(url.find_first_of("/#", begin), url.size());
  const std::string_view authority = url.substr(begin, end - begin);
  if (authority.find('@') != authority.npos) {
    return bad_url("a user or password does not belong into a URL, where others can read it");
  }
  if (authority.empty() || authority.find_first_of(" \r\n\t?") != authority.npos) {
    return bad_url("this names no host");
  }
  if (is_plain && !is_this_machine(authority)) {
    return bad_url("http would show the password to everybody on the way");
  }
  RedfishUrl parsed;
  parsed.origin = url.substr(0, end);
  const std::size_t hash = std::min(url.find('#', end), url.size());
  std::string_view path = url.substr(end, hash - end);
  while (path.ends_with('/')) path.remove_suffix(1);
  if (!path.empty() && !path.starts_with(std::string(kChassisCollection) + '/')) {
    return bad_url("this path names no chassis");
  }
  if (path.find_first_of(" \r\n\t") != path.npos) return bad_url("a path has no blanks");
  parsed.chassis = path;
  if (hash == url.size()) return parsed;
  const std::string_view member = url.substr(hash + 1);
  const auto [last, error] =
      std::from_chars(member.data(), member.data() + member.size(), parsed.member);
  if (error != std::errc() || last != member.data() + member.size() || parsed.member < 0) {
    return bad_url("what follows # is no number");
  }
  return parsed;
}

Result<SensorSet> find_redfish_sensor(const RedfishOptions& options) {
  SYM_ASSIGN_OR_RETURN(const RedfishUrl url, parse_redfish_url(options.url));
  SYM_ASSIGN_OR_RETURN(const Credentials credentials, load_credentials(options.credentials));
  auto controller = std::make_unique<Controller>(url.origin, credentials, options.timeout);
  SensorSet set;
  auto place = find_place(*controller, url);
  if (place) {
    set.channels.push_back(make_channel(std::move(controller), *std::move(place)));
  } else {
    set.unavailable.push_back({url.origin, "redfish", place.error().message()});
  }
  return set;
}

}  // namespace symbiont::energy
