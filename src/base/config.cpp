#include "symbiont/base/config.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <map>
#include <optional>

#include <fmt/format.h>
#include <toml++/toml.h>

#include "base/in_quotes.h"
#include "symbiont/base/file.h"

namespace symbiont {
namespace {

constexpr std::int64_t kMaxFile = 1 << 20;

/// Refuses dotted keys of absurd depth: each part becomes a nested table, toml++ frees those
/// recursively, and a key of a million parts would overflow the stack.
class KeyDepthCheck {
 public:
  KeyDepthCheck(std::string_view text, std::string_view source) : rest_(text), source_(source) {}

  Result<void> run() {
    constexpr int kMaxParts = 16;
    int parts = 1;
    while (!rest_.empty()) {
      const char c = rest_.front();
      if (c == '"' || c == '\'') {
        skip_string(c);
        continue;
      }
      if (c == '#') {
        advance(rest_.find('\n'));
        continue;
      }
      if (std::string_view("=,[{\n").find(c) != std::string_view::npos) {
        parts = 1;
      }
      if (c == '.' && ++parts > kMaxParts) {
        return fail(ErrorCode::kInvalidArgument,
                    fmt::format("{}:{}: a key of more than {} parts", source_, line_, kMaxParts));
      }
      advance(1);
    }
    return {};
  }

 private:
  void advance(std::size_t count) {
    const std::string_view passed = rest_.substr(0, count);
    line_ += std::count(passed.begin(), passed.end(), '\n');
    rest_.remove_prefix(passed.size());
  }

  void skip_string(char quote) {
    const std::string triple(3, quote);
    const bool multi_line = rest_.starts_with(triple);
    advance(multi_line ? 3 : 1);
    const std::string_view end =
        multi_line ? std::string_view(triple) : std::string_view(triple).substr(0, 1);
    while (!rest_.empty() && !rest_.starts_with(end)) {
      if (!multi_line && rest_.front() == '\n') {
        return;  // never closed: toml++ says so
      }
      advance(quote == '"' && rest_.front() == '\\' ? 2 : 1);
    }
    advance(end.size());
    // Up to two more quotes belong to the content of a multi-line string.
    for (int more = 0; multi_line && more < 2 && rest_.starts_with(quote); ++more) {
      advance(1);
    }
  }

  std::string_view rest_;
  std::string_view source_;
  std::ptrdiff_t line_ = 1;
};

std::string found(const toml::node& node) {
  switch (node.type()) {
    case toml::node_type::string:
      return "the string " + in_quotes(node.as_string()->get());
    case toml::node_type::integer:
      return fmt::format("the integer {}", node.as_integer()->get());
    case toml::node_type::floating_point:
      return fmt::format("the number {}", node.as_floating_point()->get());
    case toml::node_type::boolean:
      return node.as_boolean()->get() ? "true" : "false";
    case toml::node_type::table:
      return "a table";
    case toml::node_type::array:
      return "a list";
    default:
      return "a date or time";
  }
}

template <typename T>
constexpr std::string_view kExpected = "";
template <>
constexpr std::string_view kExpected<std::string> = "a string";
template <>
constexpr std::string_view kExpected<std::int64_t> = "an integer";
template <>
constexpr std::string_view kExpected<double> = "a number";
template <>
constexpr std::string_view kExpected<bool> = "true or false";
template <>
constexpr std::string_view kExpected<std::vector<std::string>> = "a list of strings";
template <>
constexpr std::string_view kExpected<std::vector<std::int64_t>> = "a list of integers";
template <>
constexpr std::string_view kExpected<std::vector<double>> = "a list of numbers";

template <typename T>
constexpr bool kIsList = false;
template <typename T>
constexpr bool kIsList<std::vector<T>> = true;

template <typename T>
std::optional<T> to_scalar(const toml::node& node) {
  return node.value_exact<T>();
}

template <>
std::optional<double> to_scalar<double>(const toml::node& node) {
  if (const auto* integer = node.as_integer()) {
    return static_cast<double>(integer->get());
  }
  const auto* number = node.as_floating_point();
  return number != nullptr && std::isfinite(number->get()) ? std::optional(number->get())
                                                           : std::nullopt;
}

std::uint64_t rank(toml::source_position position) {
  return static_cast<std::uint64_t>(position.line) << 32 | position.column;
}

}  // namespace

/// A table of the document, or the place where one could be, and what was asked of it.
struct ConfigTable::Node {
  const std::string* source = nullptr;
  const toml::table* content = nullptr;  // null: absent, or something else than a table
  std::string path;                      // "train.target"; empty for the document itself
  toml::source_position position{1, 1};
  std::optional<Error> wrong_type;
  std::map<std::string, std::unique_ptr<Node>, std::less<>> asked;  // null: a plain key

  /// What is wrong first, by its place in the file.
  struct Problem {
    std::uint64_t rank;
    Error error;
  };

  Error error(toml::source_position at, std::string_view what) const {
    const std::string table = path.empty() ? "" : fmt::format("[{}] ", path);
    return Error(ErrorCode::kInvalidArgument,
                 fmt::format("{}:{}: {}{}", *source, at.line, table, what));
  }

  Error error_at_key(std::string_view key, std::string_view what) const {
    return error(position_of(key), fmt::format("{}: {}", key, what));
  }

  toml::source_position position_of(std::string_view key) const {
    if (content == nullptr) {
      return position;
    }
    const auto entry = content->find(key);
    return entry == content->end() ? position : entry->first.source().begin;
  }

  const toml::node* ask(std::string_view key) {
    asked.try_emplace(std::string(key));
    return content == nullptr ? nullptr : content->get(key);
  }

  Node* child(std::string_view key) {
    const toml::node* const value = ask(key);
    std::unique_ptr<Node>& table = asked.find(key)->second;
    if (table != nullptr) {
      return table.get();
    }
    table = std::make_unique<Node>();
    table->source = source;
    table->path = path.empty() ? std::string(key) : fmt::format("{}.{}", path, key);
    table->position = position_of(key);
    table->content = value == nullptr ? nullptr : value->as_table();
    if (value != nullptr && table->content == nullptr) {
      table->wrong_type = error_at_key(key, "expected a table, found " + found(*value));
    }
    return table.get();
  }

  template <typename T>
  Result<T> convert(std::string_view key, const toml::node& value) const {
    if constexpr (kIsList<T>) {
      return convert_list<T>(key, value);
    } else {
      std::optional<T> result = to_scalar<T>(value);
      return result ? Result<T>(*std::move(result)) : wrong_value<T>(key, value);
    }
  }

  template <typename List>
  Result<List> convert_list(std::string_view key, const toml::node& value) const {
    using Item = typename List::value_type;
    const toml::array* const array = value.as_array();
    if (array == nullptr) {
      return wrong_value<List>(key, value);
    }
    List list;
    for (const toml::node& item : *array) {
      std::optional<Item> converted = to_scalar<Item>(item);
      if (!converted) {
        return tl::unexpected(
            error(item.source().begin, fmt::format("{}[{}]: expected {}, found {}", key,
                                                   list.size(), kExpected<Item>, found(item))));
      }
      list.push_back(*std::move(converted));
    }
    return list;
  }

  template <typename T>
  Result<T> wrong_value(std::string_view key, const toml::node& value) const {
    return tl::unexpected(
        error_at_key(key, fmt::format("expected {}, found {}", kExpected<T>, found(value))));
  }

  std::string nearest_asked(std::string_view key) const {
    std::vector<std::string> candidates;
    for (const auto& [candidate, table] : asked) {
      candidates.push_back(candidate);
    }
    return nearest_word(key, candidates);
  }

  Error unknown(const toml::key& key, const toml::node& value) const {
    const toml::table* const table = value.as_table();
    const bool is_header = value.is_array_of_tables() || (table != nullptr && !table->is_inline());
    std::string what =
        fmt::format("unknown {} {}", is_header ? "table" : "key", in_quotes(key.str()));
    if (const std::string nearest = nearest_asked(key.str()); !nearest.empty()) {
      what += fmt::format("; did you mean \"{}\"?", nearest);
    }
    return error(key.source().begin, what);
  }

  void keep_first(std::optional<Problem>& first) const {
    const auto keep = [&](toml::source_position at, const Error& error) {
      if (!first || rank(at) < first->rank) {
        first = Problem{rank(at), error};
      }
    };
    if (wrong_type) {
      keep(position, *wrong_type);
    }
    if (content != nullptr) {
      for (const auto& [key, value] : *content) {
        if (asked.find(key.str()) == asked.end()) {
          keep(key.source().begin, unknown(key, value));
        }
      }
    }
    for (const auto& [key, table] : asked) {
      if (table != nullptr) {
        table->keep_first(first);
      }
    }
  }
};

bool ConfigTable::present() const {
  return node_->content != nullptr || node_->wrong_type.has_value();
}

bool ConfigTable::has(std::string_view key) {
  return node_->ask(key) != nullptr;
}

template <typename T>
Result<T> ConfigTable::required(std::string_view key) {
  if (node_->wrong_type) {
    return tl::unexpected(*node_->wrong_type);
  }
  const toml::node* const value = node_->ask(key);
  if (value == nullptr) {
    return tl::unexpected(error_at(key, fmt::format("missing (expected {})", kExpected<T>)));
  }
  return node_->convert<T>(key, *value);
}

template <typename T>
Result<T> ConfigTable::optional(std::string_view key, T fallback) {
  if (node_->wrong_type) {
    return tl::unexpected(*node_->wrong_type);
  }
  const toml::node* const value = node_->ask(key);
  return value == nullptr ? Result<T>(std::move(fallback)) : node_->convert<T>(key, *value);
}

#define SYM_CONFIG_TYPE(...)                                            \
  template Result<__VA_ARGS__> ConfigTable::required(std::string_view); \
  template Result<__VA_ARGS__> ConfigTable::optional(std::string_view, __VA_ARGS__)
SYM_CONFIG_TYPE(std::string);
SYM_CONFIG_TYPE(std::int64_t);
SYM_CONFIG_TYPE(double);
SYM_CONFIG_TYPE(bool);
SYM_CONFIG_TYPE(std::vector<std::string>);
SYM_CONFIG_TYPE(std::vector<std::int64_t>);
SYM_CONFIG_TYPE(std::vector<double>);
#undef SYM_CONFIG_TYPE

ConfigTable ConfigTable::table(std::string_view key) {
  return ConfigTable(node_->child(key));
}

int ConfigTable::line_of(std::string_view key) const {
  return static_cast<int>(node_->position_of(key).line);
}

Error ConfigTable::error_at(std::string_view key, std::string_view what) const {
  return node_->error_at_key(key, what);
}

struct Config::Document {
  std::string source;
  toml::table content;
  ConfigTable::Node root;
};

Config::Config(std::unique_ptr<Document> document) : document_(std::move(document)) {}
Config::Config(Config&&) noexcept = default;
Config& Config::operator=(Config&&) noexcept = default;
Config::~Config() = default;

Result<Config> Config::parse(std::string_view text, std::string source) {
  SYM_RETURN_IF_ERROR(KeyDepthCheck(text, source).run());
  auto document = std::make_unique<Document>();
  try {
    document->content = toml::parse(text);
  } catch (const toml::parse_error& error) {
    const toml::source_position at = error.source().begin;
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("{}:{}:{}: {}", source, at.line, at.column, error.description()));
  } catch (const std::exception& error) {
    return fail(ErrorCode::kUnknown, fmt::format("{}: {}", source, error.what()));
  }
  document->source = std::move(source);
  document->root.source = &document->source;
  document->root.content = &document->content;
  return Config(std::move(document));
}

Result<Config> Config::load(const std::filesystem::path& path) {
  SYM_ASSIGN_OR_RETURN(const std::string text, read_file(path, kMaxFile));
  return parse(text, path.string());
}

ConfigTable Config::table(std::string_view name) {
  return ConfigTable(document_->root.child(name));
}

Result<void> Config::finish() const {
  std::optional<ConfigTable::Node::Problem> first;
  document_->root.keep_first(first);
  if (first) {
    return tl::unexpected(std::move(first->error));
  }
  return {};
}

namespace {

/// Edit distance in which swapping two neighbours is one edit (optimal string alignment).
std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> before_previous;
  std::vector<std::size_t> previous(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) {
    previous[j] = j;
  }
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::vector<std::size_t> current(b.size() + 1, i);
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t replaced = previous[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
      current[j] = std::min({previous[j] + 1, current[j - 1] + 1, replaced});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
        current[j] = std::min(current[j], before_previous[j - 2] + 1);
      }
    }
    before_previous = std::move(previous);
    previous = std::move(current);
  }
  return previous.back();
}

}  // namespace

std::string nearest_word(std::string_view word, const std::vector<std::string>& candidates) {
  constexpr std::size_t kLongest = 100;
  std::string nearest;
  std::size_t least = kLongest;
  for (const std::string& candidate : candidates) {
    const std::size_t length = std::max(word.size(), candidate.size());
    if (length > kLongest) {
      continue;
    }
    const std::size_t distance = edit_distance(word, candidate);
    if (distance <= length / 3 && distance < least) {
      least = distance;
      nearest = candidate;
    }
  }
  return nearest;
}

}  // namespace symbiont
