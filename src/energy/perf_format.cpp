#include "energy/perf_format.h"

#include <charconv>
#include <cmath>

#include <fmt/format.h>

#include "energy/word_list.h"

namespace symbiont::energy {
namespace {

constexpr unsigned kBits = 64;
constexpr std::uint64_t kMostCpus = 4096;

tl::unexpected<Error> unexpected_text(std::string_view found, std::string_view expected) {
  return fail(ErrorCode::kUnavailable, fmt::format("found \"{}\", expected {}", found, expected));
}

Result<std::uint64_t> parse_whole(std::string_view text, int base = 10) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
  if (error != std::errc() || end != text.data() + text.size()) {
    return unexpected_text(text, "a whole number");
  }
  return value;
}

Result<std::uint64_t> parse_hex_or_decimal(std::string_view text) {
  if (text.starts_with("0x")) return parse_whole(text.substr(2), 16);
  return parse_whole(text);
}

struct Range {
  std::uint64_t first;
  std::uint64_t last;
};

// "5" or "5-7".
Result<Range> parse_range(std::string_view text, std::uint64_t limit) {
  const std::size_t dash = std::min(text.find('-'), text.size());
  Range range{};
  SYM_ASSIGN_OR_RETURN(range.first, parse_whole(text.substr(0, dash)));
  range.last = range.first;
  if (dash < text.size()) {
    SYM_ASSIGN_OR_RETURN(range.last, parse_whole(text.substr(dash + 1)));
  }
  if (range.last < range.first || range.last >= limit) {
    return unexpected_text(text, fmt::format("a range below {}", limit));
  }
  return range;
}

std::uint64_t low_bits(std::uint64_t value, std::uint64_t count) {
  return count >= kBits ? value : value & ((std::uint64_t{1} << count) - 1);
}

}  // namespace

Result<std::vector<std::pair<std::string, std::uint64_t>>> parse_perf_terms(std::string_view text) {
  std::vector<std::pair<std::string, std::uint64_t>> terms;
  for (const std::string& word : split_list(text)) {
    const std::size_t equals = std::min(word.find('='), word.size());
    std::uint64_t value = 1;
    if (equals < word.size()) {
      SYM_ASSIGN_OR_RETURN(value, parse_hex_or_decimal(std::string_view(word).substr(equals + 1)));
    }
    if (equals == 0) return unexpected_text(word, "NAME=NUMBER");
    terms.emplace_back(word.substr(0, equals), value);
  }
  if (terms.empty()) return unexpected_text(text, "NAME=NUMBER");
  return terms;
}

Result<std::uint64_t> place_perf_field(std::string_view format, std::uint64_t value) {
  constexpr std::string_view kPrefix = "config:";
  if (!format.starts_with(kPrefix)) return unexpected_text(format, "config:FIRST-LAST");
  std::uint64_t config = 0;
  std::uint64_t rest = value;
  for (const std::string& word : split_list(format.substr(kPrefix.size()))) {
    SYM_ASSIGN_OR_RETURN(const Range bits, parse_range(word, kBits));
    const std::uint64_t count = bits.last - bits.first + 1;
    config |= low_bits(rest, count) << bits.first;
    rest = count >= kBits ? 0 : rest >> count;
  }
  if (rest != 0) {
    return unexpected_text(fmt::format("{:#x}", value),
                           fmt::format("a number that fits into {}", format));
  }
  return config;
}

Result<std::vector<int>> parse_cpu_list(std::string_view text) {
  std::vector<int> cpus;
  for (const std::string& word : split_list(text)) {
    SYM_ASSIGN_OR_RETURN(const Range range, parse_range(word, kMostCpus));
    if (cpus.size() + (range.last - range.first) >= kMostCpus) {
      return unexpected_text("more", fmt::format("at most {} processors", kMostCpus));
    }
    for (std::uint64_t cpu = range.first; cpu <= range.last; ++cpu) {
      cpus.push_back(static_cast<int>(cpu));
    }
  }
  if (cpus.empty()) return unexpected_text(text, "a list of processors");
  return cpus;
}

Result<double> parse_perf_scale(std::string_view text) {
  double scale = 0.0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), scale);
  if (error != std::errc() || end != text.data() + text.size() || !std::isfinite(scale) ||
      scale <= 0.0) {
    return unexpected_text(text, "a positive number");
  }
  return scale;
}

}  // namespace symbiont::energy
