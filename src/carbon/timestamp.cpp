#include "carbon/timestamp.h"

#include <chrono>

namespace symbiont::carbon {
namespace {

using std::chrono::minutes;
using std::chrono::nanoseconds;

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

/// Takes a text apart from its front. Whatever does not fit makes the whole text unfit.
class Scanner {
 public:
  explicit Scanner(std::string_view text) : rest_(text) {}

  bool at_end() const { return rest_.empty(); }
  bool fits() const { return fits_; }

  bool accept(char c) {
    if (!rest_.starts_with(c)) return false;
    rest_.remove_prefix(1);
    return true;
  }
  void expect(char c) { fits_ = accept(c) && fits_; }

  /// A number of exactly `width` digits, between the bounds.
  int number(std::size_t width, int least, int most) {
    int value = 0;
    for (std::size_t i = 0; i < width; ++i) {
      if (rest_.empty() || !is_digit(rest_.front())) {
        fits_ = false;
        return least;
      }
      value = value * 10 + (rest_.front() - '0');
      rest_.remove_prefix(1);
    }
    fits_ = fits_ && value >= least && value <= most;
    return value;
  }

  /// One to nine digits after a decimal point.
  nanoseconds fraction() {
    nanoseconds value{0};
    std::int64_t place = 100'000'000;
    fits_ = fits_ && !rest_.empty() && is_digit(rest_.front());
    for (; !rest_.empty() && is_digit(rest_.front()); rest_.remove_prefix(1), place /= 10) {
      fits_ = fits_ && place > 0;
      value += nanoseconds(place * (rest_.front() - '0'));
    }
    return value;
  }

 private:
  std::string_view rest_;
  bool fits_ = true;
};

}  // namespace

std::optional<Timestamp> parse_timestamp(std::string_view text) {
  Scanner scanner(text);
  const int year = scanner.number(4, 1970, 2200);
  scanner.expect('-');
  const int month = scanner.number(2, 1, 12);
  scanner.expect('-');
  const int day = scanner.number(2, 1, 31);
  if (!scanner.accept(' ')) scanner.expect('T');
  nanoseconds time_of_day = std::chrono::hours(scanner.number(2, 0, 23));
  scanner.expect(':');
  time_of_day += minutes(scanner.number(2, 0, 59));
  if (scanner.accept(':')) {
    time_of_day += std::chrono::seconds(scanner.number(2, 0, 59));
    if (scanner.accept('.')) time_of_day += scanner.fraction();
  }

  Timestamp timestamp;
  minutes offset{0};
  if (scanner.accept('Z')) {
    timestamp.has_zone = true;
  } else if (const bool east = scanner.accept('+'); east || scanner.accept('-')) {
    timestamp.has_zone = true;
    offset = std::chrono::hours(scanner.number(2, 0, 23));
    scanner.expect(':');
    offset += minutes(scanner.number(2, 0, 59));
    if (!east) offset = -offset;
  }
  const std::chrono::year_month_day date{std::chrono::year(year),
                                         std::chrono::month(static_cast<unsigned>(month)),
                                         std::chrono::day(static_cast<unsigned>(day))};
  if (!scanner.fits() || !scanner.at_end() || !date.ok()) return std::nullopt;
  timestamp.time = std::chrono::sys_days(date) + time_of_day - offset;
  return timestamp;
}

}  // namespace symbiont::carbon
