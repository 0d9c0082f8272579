#include "symbiont/energy/replay_device.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include <fmt/format.h>

namespace symbiont::energy {
namespace {

using std::chrono::nanoseconds;

constexpr std::int64_t kNanosecondsPerSecond = 1'000'000'000;
constexpr std::int64_t kMicrojoulesPerJoule = 1'000'000;
constexpr std::int64_t kMaxSeconds = 10'000'000;
constexpr std::int64_t kMaxJoules = 10'000'000'000;

// A plain decimal as whole units of 1/scale, digits beyond rounded half up. No double in between:
// the trace's own digits are kept. Nothing for any other text or a value above `max`.
std::optional<std::int64_t> parse_decimal(std::string_view text, std::int64_t scale,
                                          std::int64_t max) {
  const std::size_t point = std::min(text.find('.'), text.size());
  const std::string_view whole = text.substr(0, point);
  std::string_view digits = text.substr(std::min(point + 1, text.size()));
  const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
  if (whole.empty() && digits.empty()) return std::nullopt;
  if (!std::all_of(whole.begin(), whole.end(), is_digit)) return std::nullopt;
  if (!std::all_of(digits.begin(), digits.end(), is_digit)) return std::nullopt;

  std::int64_t value = 0;
  for (const char digit : whole) {
    value = value * 10 + (digit - '0');
    if (value > max) return std::nullopt;
  }
  value *= scale;
  for (std::int64_t place = scale / 10; place >= 1 && !digits.empty(); place /= 10) {
    value += place * (digits.front() - '0');
    digits.remove_prefix(1);
  }
  if (!digits.empty() && digits.front() >= '5') ++value;
  if (value > max * scale) return std::nullopt;
  return value;
}

struct Columns {
  std::size_t batch_size, epoch, time, energy;
};

Result<Columns> find_columns(const CsvTable& table) {
  Columns columns{};
  SYM_ASSIGN_OR_RETURN(columns.batch_size, table.column("batch_size"));
  SYM_ASSIGN_OR_RETURN(columns.epoch, table.column("epoch"));
  SYM_ASSIGN_OR_RETURN(columns.time, table.column("time_s"));
  SYM_ASSIGN_OR_RETURN(columns.energy, table.column("energy_j"));
  return columns;
}

struct Row {
  std::int64_t batch_size = 0;
  std::int64_t epoch = 0;
  RecordedEpoch recorded;
  std::size_t row = 0;
};

tl::unexpected<Error> refuse(const CsvTable& table, std::size_t row, std::size_t column,
                             std::string_view expected) {
  return tl::unexpected(table.error_at(
      row, column, fmt::format("found \"{}\", expected {}", table.text(row, column), expected)));
}

Result<std::int64_t> parse_count(const CsvTable& table, std::size_t row, std::size_t column) {
  SYM_ASSIGN_OR_RETURN(const std::int64_t value, table.integer(row, column));
  if (value < 1) return refuse(table, row, column, "a whole number of at least 1");
  return value;
}

Result<Row> parse_row(const CsvTable& table, std::size_t row, const Columns& columns) {
  Row parsed;
  parsed.row = row;
  SYM_ASSIGN_OR_RETURN(parsed.batch_size, parse_count(table, row, columns.batch_size));
  SYM_ASSIGN_OR_RETURN(parsed.epoch, parse_count(table, row, columns.epoch));
  const auto time =
      parse_decimal(table.text(row, columns.time), kNanosecondsPerSecond, kMaxSeconds);
  if (!time || *time == 0) {
    return refuse(table, row, columns.time, "seconds as a decimal, above 0 and at most 10000000");
  }
  const auto energy =
      parse_decimal(table.text(row, columns.energy), kMicrojoulesPerJoule, kMaxJoules);
  if (!energy) {
    return refuse(table, row, columns.energy, "joules as a decimal, 0 to 10000000000");
  }
  parsed.recorded = {nanoseconds(*time), *energy};
  return parsed;
}

Result<std::vector<Row>> parse_rows(const CsvTable& table, const Columns& columns) {
  std::vector<Row> rows;
  rows.reserve(table.rows());
  for (std::size_t i = 0; i < table.rows(); ++i) {
    SYM_ASSIGN_OR_RETURN(Row row, parse_row(table, i, columns));
    rows.push_back(row);
  }
  std::stable_sort(rows.begin(), rows.end(), [](const Row& a, const Row& b) {
    return std::pair(a.batch_size, a.epoch) < std::pair(b.batch_size, b.epoch);
  });
  return rows;
}

std::int64_t round_fraction(double fraction, std::int64_t whole) {
  if (fraction >= 1.0) return whole;
  return std::llround(fraction * static_cast<double>(whole));
}

RecordedEpoch part_of(const RecordedEpoch& whole, double fraction) {
  return {nanoseconds(round_fraction(fraction, whole.time.count())),
          round_fraction(fraction, whole.energy_uj)};
}

std::optional<RecordedEpoch> add(const RecordedEpoch& a, const RecordedEpoch& b) {
  std::int64_t time = 0;
  std::int64_t energy = 0;
  if (__builtin_add_overflow(a.time.count(), b.time.count(), &time)) return std::nullopt;
  if (__builtin_add_overflow(a.energy_uj, b.energy_uj, &energy)) return std::nullopt;
  return RecordedEpoch{nanoseconds(time), energy};
}

Domain trace_domain(Watts max_power) {
  Domain domain;
  domain.name = "trace";
  domain.covers = {"job"};
  domain.source = "replay";
  domain.provenance = Provenance::kReplayed;
  domain.scope = Scope::kProcess;
  domain.max_power = max_power;
  return domain;
}

}  // namespace

Result<ReplayTrace> ReplayTrace::parse(const CsvTable& table) {
  SYM_ASSIGN_OR_RETURN(const Columns columns, find_columns(table));
  SYM_ASSIGN_OR_RETURN(const std::vector<Row> rows, parse_rows(table, columns));
  if (rows.empty()) {
    return fail(ErrorCode::kInvalidArgument, table.source() + ": no rows below the header");
  }
  ReplayTrace trace;
  trace.source_ = table.source();
  for (const Row& row : rows) {
    std::vector<RecordedEpoch>& epochs = trace.epochs_[row.batch_size];
    const auto expected = static_cast<std::int64_t>(epochs.size()) + 1;
    if (row.epoch < expected) {
      return tl::unexpected(table.error_at(
          row.row, columns.epoch,
          fmt::format("batch size {} lists epoch {} twice", row.batch_size, row.epoch)));
    }
    if (row.epoch > expected) {
      return tl::unexpected(table.error_at(
          row.row, columns.epoch,
          fmt::format("batch size {} has epoch {} but no epoch {}: epochs count from 1 "
                      "without gaps",
                      row.batch_size, row.epoch, expected)));
    }
    epochs.push_back(row.recorded);
    const Joules energy(static_cast<double>(row.recorded.energy_uj) * 1e-6);
    trace.max_power_ = std::max(trace.max_power_, energy / to_seconds(row.recorded.time));
  }
  return trace;
}

Result<ReplayTrace> ReplayTrace::load(const std::filesystem::path& path) {
  SYM_ASSIGN_OR_RETURN(const CsvTable table, CsvTable::load(path));
  return parse(table);
}

Result<RecordedEpoch> ReplayTrace::find(std::int64_t batch_size, std::int64_t epoch) const {
  const auto it = epochs_.find(batch_size);
  if (it == epochs_.end()) {
    std::vector<std::int64_t> known;
    for (const auto& [size, epochs] : epochs_) known.push_back(size);
    return fail(ErrorCode::kNotFound, fmt::format("{}: no batch size {} in this trace, it has {}",
                                                  source_, batch_size, fmt::join(known, ", ")));
  }
  if (epoch < 1) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("{}: epoch {} asked for, they count from 1", source_, epoch));
  }
  const std::vector<RecordedEpoch>& epochs = it->second;
  return epochs[std::min(static_cast<std::size_t>(epoch), epochs.size()) - 1];
}

ReplayDevice::ReplayDevice(ReplayTrace trace, WallTime wall_start)
    : trace_(std::move(trace)),
      domains_{trace_domain(trace_.max_power())},
      wall_start_(wall_start) {}

bool ReplayDevice::continues(const Position& position) const {
  return position_ && position_->batch_size == position.batch_size &&
         position_->epoch == position.epoch && position_->fraction <= position.fraction;
}

Result<void> ReplayDevice::advance(std::int64_t batch_size, std::int64_t epoch, double fraction) {
  const std::lock_guard lock(mutex_);
  const auto remember = [&](Error error) {
    failure_ = error;
    return tl::unexpected(std::move(error));
  };
  Result<RecordedEpoch> entry = trace_.find(batch_size, epoch);
  if (!entry) return remember(std::move(entry).error());

  const Position position{batch_size, epoch, fraction > 0.0 ? std::min(fraction, 1.0) : 0.0};
  const RecordedEpoch pass = part_of(*entry, position.fraction);
  // The sum of two held counters cannot overflow: that was checked when `pass_` was taken.
  const RecordedEpoch before = continues(position) ? before_ : *add(before_, pass_);
  if (!add(before, pass)) {
    return remember(Error(ErrorCode::kOutOfRange, "the replayed counter is full"));
  }
  before_ = before;
  pass_ = pass;
  position_ = position;
  failure_.reset();
  return {};
}

void ReplayDevice::begin_attempt() {
  const std::lock_guard lock(mutex_);
  position_.reset();
}

void ReplayDevice::attach(int) {
  begin_attempt();
}

void ReplayDevice::progress(std::int64_t batch_size, std::int64_t epoch, double fraction) {
  static_cast<void>(advance(batch_size, epoch, fraction));
}

Result<std::int64_t> ReplayDevice::read_uj(std::size_t domain) {
  SYM_CHECK(domain < domains_.size());
  const std::lock_guard lock(mutex_);
  if (failure_) return tl::unexpected(*failure_);
  return before_.energy_uj + pass_.energy_uj;
}

nanoseconds ReplayDevice::now() const {
  const std::lock_guard lock(mutex_);
  return before_.time + pass_.time;
}

WallTime ReplayDevice::wall_now() const {
  return wall_start_ + now();
}

}  // namespace symbiont::energy
