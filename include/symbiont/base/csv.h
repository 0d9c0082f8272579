#pragma once
/// Comma-separated values with errors that name line and column.
///
/// RFC 4180 with a header line: quoted fields, doubled quotes, LF or CRLF. Blank lines, a UTF-8
/// byte order mark, and lines before the header that start with '#' are skipped. Numbers are plain
/// C locale decimals. At most 16384 columns and 16 Mi fields.

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "symbiont/base/error.h"

namespace symbiont {

/// A parsed file. A value; thread-safe to read.
class CsvTable {
 public:
  /// Parses `text`; `source` (a path) is named in errors. Every row must have as many fields as the
  /// header, and header names must be unique. kInvalidArgument otherwise.
  static Result<CsvTable> parse(std::string_view text, std::string source);
  /// Reads a file, gzip or plain. Errors of `read_file`; kInvalidArgument for damaged gzip too.
  static Result<CsvTable> load(const std::filesystem::path& path);

  const std::string& source() const { return source_; }
  std::span<const std::string> header() const { return header_; }
  std::size_t rows() const { return lines_.size(); }

  /// Index of a column. kInvalidArgument naming the columns that exist when there is none.
  Result<std::size_t> column(std::string_view name) const;
  bool has_column(std::string_view name) const;

  /// Requires row < rows() and column < header().size().
  const std::string& text(std::size_t row, std::size_t column) const;
  /// A finite number. "nan", "inf", empty or trailing text is an error naming line and column.
  Result<double> number(std::size_t row, std::size_t column) const;
  Result<std::int64_t> integer(std::size_t row, std::size_t column) const;

  /// "FILE:LINE: column \"NAME\": <what>", for checks that only the caller can make.
  Error error_at(std::size_t row, std::size_t column, std::string_view what) const;

 private:
  std::string source_;
  std::vector<std::string> header_;
  std::vector<std::string> cells_;  // row-major
  std::vector<std::size_t> lines_;  // 1-based line where each row starts
};

}  // namespace symbiont
