#include "symbiont/base/words.h"

#include <optional>
#include <utility>

namespace symbiont {
namespace {

constexpr std::string_view kBlanks = " \t\r\n";
constexpr std::string_view kEscapedInDoubleQuotes = "\"\\$`\n";

class Splitter {
 public:
  explicit Splitter(std::string_view text) : text_(text) {}

  Result<std::vector<std::string>> split() {
    while (at_ < text_.size()) {
      SYM_RETURN_IF_ERROR(take(text_[at_++]));
    }
    end_word();
    return std::move(words_);
  }

 private:
  Result<void> take(char c) {
    if (kBlanks.find(c) != kBlanks.npos) {
      end_word();
      return {};
    }
    switch (c) {
      case '\'':
        return take_single_quotes();
      case '"':
        return take_double_quotes();
      case '\\':
        return take_escaped();
      default:
        word() += c;
        return {};
    }
  }

  Result<void> take_single_quotes() {
    const std::size_t begin = at_;
    const std::size_t end = text_.find('\'', begin);
    if (end == text_.npos) {
      return never_closed('\'', begin);
    }
    word() += text_.substr(begin, end - begin);
    at_ = end + 1;
    return {};
  }

  Result<void> take_double_quotes() {
    const std::size_t begin = at_;
    word();
    for (; at_ < text_.size(); ++at_) {
      const char c = text_[at_];
      if (c == '"') {
        ++at_;
        return {};
      }
      const bool escapes = c == '\\' && at_ + 1 < text_.size() &&
                           kEscapedInDoubleQuotes.find(text_[at_ + 1]) != text_.npos;
      if (!escapes) {
        word() += c;
      } else if (text_[++at_] != '\n') {
        word() += text_[at_];
      }
    }
    return never_closed('"', begin);
  }

  Result<void> take_escaped() {
    if (at_ == text_.size()) {
      return fail(ErrorCode::kInvalidArgument,
                  "found a backslash at the end, with nothing after it");
    }
    const char c = text_[at_++];
    if (c != '\n') {  // a line that goes on
      word() += c;
    }
    return {};
  }

  static tl::unexpected<Error> never_closed(char quote, std::size_t begin) {
    return fail(ErrorCode::kInvalidArgument, std::string("found the quote ") + quote +
                                                 " at character " + std::to_string(begin) +
                                                 ", which is never closed");
  }

  std::string& word() { return word_ ? *word_ : word_.emplace(); }
  void end_word() {
    if (word_) {
      words_.push_back(*std::exchange(word_, std::nullopt));
    }
  }

  std::string_view text_;
  std::size_t at_ = 0;
  std::optional<std::string> word_;  // begun and not ended
  std::vector<std::string> words_;
};

}  // namespace

Result<std::vector<std::string>> split_words(std::string_view text) {
  return Splitter(text).split();
}

}  // namespace symbiont
