#include "symbiont/base/csv.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include <fmt/format.h>

#include "base/in_quotes.h"
#include "symbiont/base/file.h"

namespace symbiont {
namespace {

// A cell costs 32 bytes of memory and one comma of text, so both counts are bounded.
constexpr std::size_t kMaxColumns = 16 << 10;
constexpr std::size_t kMaxCells = 16 << 20;

constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";

std::string place(std::string_view source, std::size_t line, std::string_view what) {
  return fmt::format("{}:{}: {}", source, line, what);
}

/// Reads fields one after the other and counts lines.
class Reader {
 public:
  Reader(std::string_view text, std::string_view source) : rest_(text), source_(source) {
    if (rest_.starts_with(kByteOrderMark)) {
      rest_.remove_prefix(kByteOrderMark.size());
    }
  }

  std::size_t line() const { return line_; }

  bool skip_blank_lines() {
    while (rest_.starts_with('\n') || rest_.starts_with("\r\n")) {
      skip_line();
    }
    return !rest_.empty();
  }

  bool skip_to_header() {
    while (skip_blank_lines() && rest_.starts_with('#')) {
      skip_line();
    }
    return !rest_.empty();
  }

  /// Moves one field into `field`. True when it was the last of its record.
  Result<bool> read_field(std::string& field) {
    field.clear();
    if (!rest_.starts_with('"')) {
      return read_plain(field);
    }
    SYM_RETURN_IF_ERROR(read_quoted(field));
    return end_field();
  }

  tl::unexpected<Error> error(std::string_view what) const {
    return fail(ErrorCode::kInvalidArgument, place(source_, line_, what));
  }

 private:
  void skip_line() {
    const std::size_t end = rest_.find('\n');
    rest_.remove_prefix(end == rest_.npos ? rest_.size() : end + 1);
    ++line_;
  }

  Result<bool> read_plain(std::string& field) {
    std::string_view text = rest_.substr(0, rest_.find_first_of(",\n"));
    rest_.remove_prefix(text.size());
    if (!rest_.starts_with(',') && text.ends_with('\r')) {
      text.remove_suffix(1);
    }
    if (text.find('"') != text.npos) {
      return error("a quote inside the unquoted field " + in_quotes(text));
    }
    field = text;
    return end_field();
  }

  Result<void> read_quoted(std::string& field) {
    const std::size_t first_line = line_;
    do {
      rest_.remove_prefix(1);
      const std::size_t end = rest_.find('"');
      if (end == rest_.npos) {
        line_ = first_line;
        return error("a quoted field that starts here never ends");
      }
      const std::string_view part = rest_.substr(0, end);
      line_ += static_cast<std::size_t>(std::count(part.begin(), part.end(), '\n'));
      field += part;
      rest_.remove_prefix(end + 1);
      if (rest_.starts_with('"')) {
        field += '"';
      }
    } while (rest_.starts_with('"'));
    return {};
  }

  Result<bool> end_field() {
    if (rest_.starts_with(',')) {
      rest_.remove_prefix(1);
      return false;
    }
    if (rest_.empty() || rest_ == "\r") {
      rest_ = {};
      return true;
    }
    if (rest_.starts_with('\n') || rest_.starts_with("\r\n")) {
      skip_line();
      return true;
    }
    return error("expected a comma after the closing quote, found " +
                 in_quotes(rest_.substr(0, 1)));
  }

  std::string_view rest_;
  std::string_view source_;
  std::size_t line_ = 1;
};

Result<std::vector<std::string>> read_header(Reader& reader) {
  if (!reader.skip_to_header()) {
    return reader.error("expected a header line, found the end of the file");
  }
  std::vector<std::string> header;
  bool last = false;
  while (!last) {
    if (header.size() == kMaxColumns) {
      return reader.error(fmt::format("more than {} columns", kMaxColumns));
    }
    SYM_ASSIGN_OR_RETURN(last, reader.read_field(header.emplace_back()));
  }
  return header;
}

const std::string* find_duplicate(const std::vector<std::string>& header) {
  std::vector<const std::string*> sorted;
  for (const std::string& name : header) {
    sorted.push_back(&name);
  }
  const auto less = [](const std::string* a, const std::string* b) { return *a < *b; };
  const auto equal = [](const std::string* a, const std::string* b) { return *a == *b; };
  std::sort(sorted.begin(), sorted.end(), less);
  const auto found = std::adjacent_find(sorted.begin(), sorted.end(), equal);
  return found == sorted.end() ? nullptr : *found;
}

std::string list_of(std::span<const std::string> names) {
  constexpr std::size_t kMaxListed = 20;
  std::string list;
  for (const std::string& name : names.first(std::min(names.size(), kMaxListed))) {
    list += (list.empty() ? "" : ", ") + in_quotes(name);
  }
  return names.size() > kMaxListed ? list + ", ..." : list;
}

}  // namespace

Result<CsvTable> CsvTable::parse(std::string_view text, std::string source) {
  CsvTable table;
  table.source_ = std::move(source);
  Reader reader(text, table.source_);
  SYM_ASSIGN_OR_RETURN(table.header_, read_header(reader));
  if (const std::string* duplicate = find_duplicate(table.header_)) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("{}: two columns are named {}", table.source_, in_quotes(*duplicate)));
  }
  const std::size_t columns = table.header_.size();
  std::string field;
  while (reader.skip_blank_lines()) {
    const std::size_t line = reader.line();
    std::size_t count = 0;
    for (bool last = false; !last; ++count) {
      SYM_ASSIGN_OR_RETURN(last, reader.read_field(field));
      if (count < columns) {
        table.cells_.push_back(field);
      }
    }
    if (count != columns) {
      return fail(
          ErrorCode::kInvalidArgument,
          place(table.source_, line,
                fmt::format("expected {} fields as in the header, found {}", columns, count)));
    }
    if (table.cells_.size() > kMaxCells) {
      return fail(ErrorCode::kInvalidArgument,
                  place(table.source_, line, fmt::format("more than {} fields", kMaxCells)));
    }
    table.lines_.push_back(line);
  }
  return table;
}

Result<CsvTable> CsvTable::load(const std::filesystem::path& path) {
  const auto text = read_file_gunzipped(path);
  if (!text) {
    const bool damaged = text.error().code() == ErrorCode::kDataLoss;  // bad input like any other
    return fail(damaged ? ErrorCode::kInvalidArgument : text.error().code(),
                text.error().message());
  }
  return parse(*text, path.string());
}

Result<std::size_t> CsvTable::column(std::string_view name) const {
  const auto found = std::find(header_.begin(), header_.end(), name);
  if (found == header_.end()) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("{}: no column {}; the columns are {}", source_, in_quotes(name),
                            list_of(header_)));
  }
  return static_cast<std::size_t>(found - header_.begin());
}

bool CsvTable::has_column(std::string_view name) const {
  return std::find(header_.begin(), header_.end(), name) != header_.end();
}

const std::string& CsvTable::text(std::size_t row, std::size_t column) const {
  SYM_CHECK(row < rows() && column < header_.size());
  return cells_[row * header_.size() + column];
}

Result<double> CsvTable::number(std::size_t row, std::size_t column) const {
  const std::string& field = text(row, column);
  const char* const end = field.data() + field.size();
  double value = 0.0;
  const auto parsed = std::from_chars(field.data(), end, value);
  if (parsed.ec == std::errc::result_out_of_range) {
    return tl::unexpected(error_at(row, column, in_quotes(field) + " is out of range"));
  }
  if (parsed.ec != std::errc() || parsed.ptr != end || !std::isfinite(value)) {
    return tl::unexpected(error_at(row, column, "expected a number, found " + in_quotes(field)));
  }
  return value;
}

Result<std::int64_t> CsvTable::integer(std::size_t row, std::size_t column) const {
  const std::string& field = text(row, column);
  const char* const end = field.data() + field.size();
  std::int64_t value = 0;
  const auto parsed = std::from_chars(field.data(), end, value);
  if (parsed.ec == std::errc::result_out_of_range) {
    return tl::unexpected(error_at(row, column, in_quotes(field) + " is out of range"));
  }
  if (parsed.ec != std::errc() || parsed.ptr != end) {
    return tl::unexpected(error_at(row, column, "expected an integer, found " + in_quotes(field)));
  }
  return value;
}

Error CsvTable::error_at(std::size_t row, std::size_t column, std::string_view what) const {
  SYM_CHECK(row < rows() && column < header_.size());
  return Error(
      ErrorCode::kInvalidArgument,
      place(source_, lines_[row], fmt::format("column {}: {}", in_quotes(header_[column]), what)));
}

}  // namespace symbiont
