#pragma once
/// Text from outside, made safe to show in an error message.

#include <string>
#include <string_view>

namespace symbiont {

/// `text` in double quotes, control characters escaped, cut after 60 bytes.
std::string in_quotes(std::string_view text);

}  // namespace symbiont
