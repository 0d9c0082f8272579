#pragma once
/// Words separated by commas.

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

namespace symbiont::energy {

/// "a, b" -> "a" and "b": blanks around a word are dropped, empty words stay.
inline std::vector<std::string> split_list(std::string_view list) {
  std::vector<std::string> words;
  while (!list.empty()) {
    const std::size_t comma = std::min(list.find(','), list.size());
    const std::string_view word = list.substr(0, comma);
    const std::size_t begin = std::min(word.find_first_not_of(' '), word.size());
    words.emplace_back(word.substr(begin, word.find_last_not_of(' ') + 1 - begin));
    list.remove_prefix(std::min(comma + 1, list.size()));
  }
  return words;
}

}  // namespace symbiont::energy
