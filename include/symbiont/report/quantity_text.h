#pragma once
/// Quantities in the words of people: tables, pages and commands write them alike.

#include <string>
#include <string_view>

#include "symbiont/base/usage.h"
#include "symbiont/report/saving.h"

namespace symbiont::report {

/// Three significant digits and a prefix: "18.3 J", "1.24 kJ". Modelled figures deserve no more.
std::string with_prefix(double value, std::string_view unit);
/// "12.30 s", from two minutes on "0:02:05".
std::string duration(double seconds);
/// "18.3 J ±40 %"; without the interval where there is none.
std::string energy_with_interval(const Usage& usage);
/// "45.2 %".
std::string percent(double fraction);
/// What the sign and the interval of a saving mean: "not distinguishable from none", "more than the
/// default"; empty when it is one. Requires a fraction.
std::string_view meaning(const Saving& saving);

}  // namespace symbiont::report
