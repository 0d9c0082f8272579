#include "symbiont/train/metrics.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>
#include <utility>

#include <nlohmann/json.hpp>

#include "base/in_quotes.h"
#include "metrics_pattern.h"

namespace symbiont::train {
namespace {

using Json = nlohmann::json;
using MaybeReport = Result<std::optional<EpochReport>>;

constexpr std::string_view kJsonl = "jsonl:";
constexpr std::string_view kRegex = "regex:";
constexpr std::int64_t kMaxEpoch = std::int64_t{1} << 53;
constexpr int kMaxNesting = 16;
constexpr double kNotFinite = std::numeric_limits<double>::quiet_NaN();

// --- Where reports are --------------------------------------------------------------------------

bool leads_below(const std::filesystem::path& path) {
  if (path.empty() || path.is_absolute() || path.filename().empty()) {
    return false;
  }
  for (const std::filesystem::path& part : path) {
    if (part == "..") {
      return false;
    }
  }
  return path.lexically_normal() != ".";
}

// --- JSON lines ---------------------------------------------------------------------------------

// Python and others write NaN and Infinity, which are no JSON: outside of strings they become null.
std::string with_null_for_not_finite(std::string_view line) {
  std::string json;
  json.reserve(line.size());
  bool in_string = false;
  for (std::size_t at = 0; at < line.size(); ++at) {
    const std::string_view rest = line.substr(at);
    if (in_string && rest[0] == '\\' && rest.size() > 1) {
      json += rest.substr(0, 2);
      ++at;
      continue;
    }
    in_string = rest[0] == '"' ? !in_string : in_string;
    std::size_t skipped = 0;
    if (!in_string) {
      for (const std::string_view word : {"NaN", "-Infinity", "Infinity"}) {
        skipped = skipped == 0 && rest.starts_with(word) ? word.size() : skipped;
      }
    }
    json += skipped > 0 ? std::string_view("null") : rest.substr(0, 1);
    at += skipped > 0 ? skipped - 1 : 0;
  }
  return json;
}

// Not an object: discarded, whatever is wrong with it.
Json parse_object(std::string_view line) {
  bool too_deep = false;
  const auto bounded = [&too_deep](int depth, Json::parse_event_t, const Json&) {
    too_deep = too_deep || depth > kMaxNesting;
    return !too_deep;
  };
  try {
    Json json = Json::parse(with_null_for_not_finite(line), bounded);
    return json.is_object() && !too_deep ? json : Json(Json::value_t::discarded);
  } catch (const Json::exception&) {
    return Json(Json::value_t::discarded);
  }
}

std::optional<std::int64_t> epoch_number(const Json& value) {
  if (value.is_number_unsigned() && value.get<std::uint64_t>() <= kMaxEpoch) {
    return value.get<std::int64_t>();
  }
  const bool whole = value.is_number_float() && value.get<double>() >= 0 &&
                     value.get<double>() <= static_cast<double>(kMaxEpoch) &&
                     value.get<double>() == std::floor(value.get<double>());
  return whole ? std::optional(static_cast<std::int64_t>(value.get<double>())) : std::nullopt;
}

std::optional<double> metric_number(const Json& value) {
  if (value.is_null()) {
    return kNotFinite;
  }
  return value.is_number() ? std::optional(value.get<double>()) : std::nullopt;
}

// --- Matches ------------------------------------------------------------------------------------

template <typename Number>
std::optional<Number> parsed(std::string_view text) {
  Number number{};
  text.remove_prefix(text.starts_with('+') ? 1 : 0);
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  const bool whole = error == std::errc() && end == text.data() + text.size();
  return whole && !text.empty() ? std::optional(number) : std::nullopt;
}

MaybeReport read_match(const MetricsPattern::Match& match) {
  const auto epoch = parsed<std::int64_t>(match.epoch);
  if (!epoch || *epoch < 0 || *epoch > kMaxEpoch) {
    return fail(ErrorCode::kInvalidArgument,
                "epoch: found " + in_quotes(match.epoch) + ", expected a whole number");
  }
  const auto metric = parsed<double>(match.metric);
  if (!metric) {
    return fail(ErrorCode::kInvalidArgument,
                "metric: found " + in_quotes(match.metric) + ", expected a number");
  }
  return EpochReport{*epoch, std::isfinite(*metric) ? *metric : kNotFinite};
}

}  // namespace

// A name that the header can announce without the library behind it.
class MetricsFormat::Pattern : public MetricsPattern {
 public:
  explicit Pattern(MetricsPattern&& pattern) : MetricsPattern(std::move(pattern)) {}
};

MetricsFormat::MetricsFormat(std::string metric, std::filesystem::path file,
                             std::unique_ptr<Pattern> pattern)
    : metric_(std::move(metric)), file_(std::move(file)), pattern_(std::move(pattern)) {}
MetricsFormat::MetricsFormat(MetricsFormat&&) noexcept = default;
MetricsFormat& MetricsFormat::operator=(MetricsFormat&&) noexcept = default;
MetricsFormat::~MetricsFormat() = default;

Result<MetricsFormat> MetricsFormat::parse(std::string_view text, std::string metric) {
  if (text.starts_with(kRegex)) {
    SYM_ASSIGN_OR_RETURN(MetricsPattern pattern,
                         MetricsPattern::compile(text.substr(kRegex.size())));
    return MetricsFormat(std::move(metric), {}, std::make_unique<Pattern>(std::move(pattern)));
  }
  if (!text.starts_with(kJsonl)) {
    return fail(
        ErrorCode::kInvalidArgument,
        "expected \"jsonl:FILE\", \"jsonl:-\" or \"regex:PATTERN\", found " + in_quotes(text));
  }
  const std::string_view file = text.substr(kJsonl.size());
  if (file == "-") {
    return MetricsFormat(std::move(metric), {}, nullptr);
  }
  if (!leads_below(file) || file.find('\0') != file.npos) {
    return fail(ErrorCode::kInvalidArgument,
                "expected the path of a file below SYMBIONT_OUTPUT after \"jsonl:\", found " +
                    in_quotes(file) + "; \"jsonl:-\" reads what the command prints");
  }
  return MetricsFormat(std::move(metric), file, nullptr);
}

MaybeReport MetricsFormat::read(std::string_view line) const {
  if (line.size() > kMaxMetricLine) {
    return fail(ErrorCode::kInvalidArgument,
                "found a line longer than " + std::to_string(kMaxMetricLine) + " bytes");
  }
  if (!pattern_) {
    return read_json(line);
  }
  const auto match = pattern_->find(line);
  return match ? read_match(*match) : MaybeReport(std::nullopt);
}

MaybeReport MetricsFormat::read_json(std::string_view line) const {
  const std::size_t begin = line.find_first_not_of(" \t");
  const bool among_others = file_.empty();
  if (begin == line.npos || (among_others && line[begin] != '{')) {
    return std::nullopt;
  }
  const Json json = parse_object(line);
  if (json.is_discarded()) {
    return fail(ErrorCode::kInvalidArgument,
                "found " + in_quotes(line) + ", expected a JSON object");
  }
  const auto epoch = json.find("epoch");
  const auto metric = json.find(metric_);
  if (epoch == json.end() || metric == json.end()) {
    return std::nullopt;
  }
  const auto number = epoch_number(*epoch);
  const auto value = metric_number(*metric);
  if (!number || !value) {
    return fail(ErrorCode::kInvalidArgument, "found " + in_quotes(line) +
                                                 ", expected a whole number as \"epoch\" and a "
                                                 "number as " +
                                                 in_quotes(metric_));
  }
  return EpochReport{*number, *value};
}

// --- Lines --------------------------------------------------------------------------------------

void LineSplitter::feed(std::string_view bytes, const Taker& take) {
  std::size_t carriage = bytes.find('\r');  // looked for once, not once per line
  for (std::size_t at = 0; at < bytes.size();) {
    const std::size_t end = std::min(bytes.find('\n', at), carriage);
    const std::string_view piece = bytes.substr(at, end - at);
    if (end != bytes.npos && begun_.empty() && !too_long_ && piece.size() <= kMaxMetricLine) {
      if (!piece.empty()) {
        take(piece);
      }
    } else {
      append(piece);
      if (end == bytes.npos) {
        return;
      }
      finish(take);
    }
    carriage = end == carriage ? bytes.find('\r', end + 1) : carriage;
    at = end + 1;
  }
}

void LineSplitter::append(std::string_view piece) {
  too_long_ = too_long_ || begun_.size() + piece.size() > kMaxMetricLine;
  if (too_long_) {
    begun_.clear();
  } else {
    begun_ += piece;
  }
}

void LineSplitter::finish(const Taker& take) {
  const std::string line = std::exchange(begun_, {});
  if (std::exchange(too_long_, false)) {
    take(std::nullopt);
  } else if (!line.empty()) {
    take(line);
  }
}

void LineSplitter::clear() {
  begun_.clear();
  too_long_ = false;
}

// --- Epochs -------------------------------------------------------------------------------------

Result<std::optional<std::int64_t>> EpochSequence::index_of(std::int64_t reported) {
  const std::int64_t index = reported - first_ + 1;
  if (index < 1) {
    return fail(ErrorCode::kOutOfRange, "found epoch " + std::to_string(reported) +
                                            ", expected the first to be " + std::to_string(first_) +
                                            " ([train] first_epoch)");
  }
  if (index <= last_) {
    return std::nullopt;
  }
  const std::int64_t most = (last_ == 0 ? recorded_ : last_) + 1;
  if (index > most) {
    ahead_ = last_ == 0;
    return fail(ErrorCode::kOutOfRange, "found epoch " + std::to_string(reported) + ", expected " +
                                            std::to_string(most + first_ - 1) +
                                            (last_ == 0 && most > 1 ? " at most" : ""));
  }
  last_ = index;
  return index;
}

}  // namespace symbiont::train
