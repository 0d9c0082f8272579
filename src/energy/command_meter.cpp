#include "symbiont/energy/command_meter.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cmath>
#include <cstring>
#include <utility>

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <unistd.h>

#include "energy/word_list.h"
#include "symbiont/base/file.h"
#include "symbiont/base/subprocess.h"

namespace symbiont::energy {
namespace {

using Milliseconds = std::chrono::milliseconds;
using SteadyClock = std::chrono::steady_clock;

constexpr std::size_t kLongestOutput = 4096;
constexpr double kMostJoules = 9e12;
constexpr double kMostWatts = 1e6;
constexpr double kPeakOverLimit = 4.0;

tl::unexpected<Error> unexpected_text(std::string_view found, std::string_view expected) {
  return fail(ErrorCode::kUnavailable, fmt::format("found \"{}\", expected {}", found, expected));
}

Result<double> parse_number(std::string_view text, double least, double most) {
  double value = 0.0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  const bool is_number = error == std::errc() && end == text.data() + text.size();
  if (!is_number || !(value >= least && value <= most)) {
    return unexpected_text(text, fmt::format("a number from {} to {}", least, most));
  }
  return value;
}

Result<void> set_value(CommandLine& line, DomainKind kind, std::string_view text, double most) {
  SYM_ASSIGN_OR_RETURN(const double value, parse_number(text, 0.0, most));
  line.kind = kind;
  line.value = std::llround(1e6 * value);
  return {};
}

Result<void> set_provenance(CommandLine& line, std::string_view text) {
  const std::optional<Provenance> provenance = parse_provenance(text);
  if (provenance != Provenance::kMeasured && provenance != Provenance::kModelled) {
    return unexpected_text(text, "measured or modelled");
  }
  line.provenance = *provenance;
  return {};
}

Result<void> set_covers(CommandLine& line, std::string_view text) {
  line.covers = split_list(text);
  for (const std::string& component : line.covers) {
    if (component.empty()) return unexpected_text(text, "component ids");
  }
  return line.covers.empty() ? unexpected_text(text, "component ids") : Result<void>();
}

Result<void> set_word(CommandLine& line, std::string_view key, std::string_view value) {
  if (key == "energy_j") return set_value(line, DomainKind::kCounter, value, kMostJoules);
  if (key == "power_w") return set_value(line, DomainKind::kGauge, value, kMostWatts);
  if (key == "covers") return set_covers(line, value);
  if (key == "provenance") return set_provenance(line, value);
  if (key == "name") {
    line.name = value;
    return {};
  }
  if (key == "max_power_w") {
    SYM_ASSIGN_OR_RETURN(const double watts, parse_number(value, 1e-3, kMostWatts));
    line.max_power = Watts(watts);
    return {};
  }
  if (key == "uncertainty") {
    SYM_ASSIGN_OR_RETURN(line.uncertainty, parse_number(value, 0.0, 1.0));
    return {};
  }
  return unexpected_text(key,
                         "energy_j, power_w, name, covers, max_power_w, uncertainty or "
                         "provenance");
}

// One line, with or without its end.
Result<std::string_view> only_line(std::string_view output) {
  if (output.size() > kLongestOutput) {
    return fail(ErrorCode::kUnavailable,
                fmt::format("it printed more than {} bytes, expected one line", kLongestOutput));
  }
  const std::string_view line = output.substr(0, output.find('\n'));
  if (line.size() + 1 < output.size()) {
    return unexpected_text(output.substr(0, 100), "one line");
  }
  return line;
}

// All that a running program prints until its end or the deadline, and at most a little too much.
Result<std::string> read_output(const FileDescriptor& pipe, SteadyClock::time_point deadline) {
  std::string output;
  std::array<char, 1024> block{};
  while (output.size() <= kLongestOutput) {
    const auto left = std::chrono::ceil<Milliseconds>(deadline - SteadyClock::now());
    pollfd event{.fd = pipe.get(), .events = POLLIN, .revents = 0};
    if (left <= Milliseconds(0)) {
      return fail(ErrorCode::kUnavailable, "it did not print a line and end in time");
    }
    if (::poll(&event, 1, static_cast<int>(left.count())) <= 0) continue;
    const ssize_t size = ::read(pipe.get(), block.data(), block.size());
    if (size < 0 && errno == EINTR) continue;
    if (size < 0) return tl::unexpected(errno_error(errno, "read its output"));
    if (size == 0) break;
    output.append(block.data(), static_cast<std::size_t>(size));
  }
  return output;
}

Result<std::string> run(const std::string& program, Milliseconds at_most) {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0)
    return tl::unexpected(errno_error(errno, "make a pipe"));
  const FileDescriptor output(ends[0]);
  FileDescriptor input(ends[1]);
  SpawnOptions options;
  options.argv = {program};
  options.stdout_file = fmt::format("/proc/self/fd/{}", input.get());
  options.stderr_file = "/dev/null";
  const auto deadline = SteadyClock::now() + at_most;
  SYM_ASSIGN_OR_RETURN(Subprocess process, Subprocess::spawn(options));
  input.reset();
  SYM_ASSIGN_OR_RETURN(std::string text, read_output(output, deadline));
  if (text.size() > kLongestOutput) return text;  // refused whatever its end; killed on the way out
  const auto left = std::chrono::ceil<Milliseconds>(deadline - SteadyClock::now());
  const auto status = process.wait(std::max(left, Milliseconds(0)));
  if (status && status->success()) return text;
  return fail(ErrorCode::kUnavailable,
              status ? status->describe() : "it closed its output and did not end");
}

Result<CommandLine> ask(const std::string& program, Milliseconds at_most) {
  return run(program, at_most)
      .and_then([](const std::string& output) { return parse_command_line(output); })
      .map_error([&](Error error) { return std::move(error).while_doing("run " + program); });
}

// The first answer is at hand already.
class CommandSensor final : public Sensor {
 public:
  CommandSensor(std::string program, Milliseconds deadline, const CommandLine& first)
      : program_(std::move(program)), deadline_(deadline), kind_(first.kind), first_(first.value) {}

  Result<std::int64_t> read() override {
    if (first_) return *std::exchange(first_, std::nullopt);
    SYM_ASSIGN_OR_RETURN(const CommandLine line, ask(program_, deadline_));
    if (line.kind == kind_) return line.value;
    return fail(ErrorCode::kUnavailable,
                fmt::format("run {}: it now prints {}", program_,
                            kind_ == DomainKind::kCounter ? "watts, not joules as before"
                                                          : "joules, not watts as before"));
  }

 private:
  const std::string program_;
  const Milliseconds deadline_;
  const DomainKind kind_;
  std::optional<std::int64_t> first_;
};

}  // namespace

Result<CommandLine> parse_command_line(std::string_view output) {
  SYM_ASSIGN_OR_RETURN(std::string_view rest, only_line(output));
  CommandLine line;
  int values = 0;
  while (!rest.empty()) {
    const std::size_t blank = std::min(rest.find(' '), rest.size());
    const std::string_view word = rest.substr(0, blank);
    rest.remove_prefix(std::min(blank + 1, rest.size()));
    if (word.empty()) continue;
    const std::size_t equals = word.find('=');
    if (equals == word.npos) return unexpected_text(word, "KEY=VALUE");
    const std::string_view key = word.substr(0, equals);
    SYM_RETURN_IF_ERROR(set_word(line, key, word.substr(equals + 1)));
    values += key == "energy_j" || key == "power_w" ? 1 : 0;
  }
  if (values != 1)
    return unexpected_text(output.substr(0, 100), "energy_j=NUMBER or power_w=NUMBER");
  return line;
}

SensorSet find_command_sensor(const std::filesystem::path& program, Milliseconds deadline) {
  SensorSet set;
  auto first = ask(program.string(), deadline);
  if (!first) {
    set.unavailable.push_back({program.filename().string(), "command", first.error().message()});
    return set;
  }
  SensorChannel channel;
  channel.domain.name = first->name.empty() ? program.filename().string() : first->name;
  channel.domain.kind = first->kind;
  channel.domain.covers = first->covers;
  channel.domain.source = "command";
  channel.domain.about = program.string();
  channel.domain.provenance = first->provenance;
  channel.domain.resolution = kCommandSampling.period;
  channel.domain.max_power = first->max_power;
  channel.domain.relative_uncertainty = first->uncertainty;
  channel.believable = kPeakOverLimit * first->max_power;
  channel.counter_lag = kCommandSampling.period;
  channel.sensor = std::make_unique<CommandSensor>(program.string(), deadline, *first);
  set.channels.push_back(std::move(channel));
  return set;
}

}  // namespace symbiont::energy
