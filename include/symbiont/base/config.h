#pragma once
/// Reading TOML configuration so that a person is told exactly what is wrong.
///
/// A reader asks for the keys it knows; `finish` then refuses any key nobody asked for and names
/// the nearest known one. Every error carries "FILE:LINE:" and says what was found and expected.
///
///   SYM_ASSIGN_OR_RETURN(Config config, Config::load("job.toml"));
///   ConfigTable job = config.table("job");
///   SYM_ASSIGN_OR_RETURN(spec.name, job.required<std::string>("name"));
///   SYM_ASSIGN_OR_RETURN(spec.seed, job.optional<std::int64_t>("seed", 1));
///   SYM_RETURN_IF_ERROR(config.finish());

#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "symbiont/base/error.h"

namespace symbiont {

/// One table of a document. A view: the Config must outlive it.
class ConfigTable {
 public:
  /// Whether the document has something under this name. If it is no table, the first value asked
  /// of it fails.
  bool present() const;
  /// Whether the key is there (and marks it as known).
  bool has(std::string_view key);

  /// The value of a key. T: std::string, std::int64_t, double (finite; an integer is accepted),
  /// bool, std::vector<std::string>, std::vector<std::int64_t>, std::vector<double>.
  /// kInvalidArgument when it is missing or of another type.
  template <typename T>
  Result<T> required(std::string_view key);
  /// As `required`, or `fallback` when the key is absent.
  template <typename T>
  Result<T> optional(std::string_view key, T fallback);

  /// A nested table, for example `target = {metric = ..., value = ...}`.
  ConfigTable table(std::string_view key);

  /// The line of a key, for checks that come after reading. An absent key gets that of its table.
  int line_of(std::string_view key) const;

  /// "FILE:LINE: [table] key: <what>", for checks that only the caller can make. An absent key
  /// gets the line of its table.
  Error error_at(std::string_view key, std::string_view what) const;

 private:
  friend class Config;
  struct Node;
  explicit ConfigTable(Node* node) : node_(node) {}
  Node* node_;
};

/// A parsed document. Move-only. Not thread-safe (it remembers which keys were asked for).
class Config {
 public:
  /// Parses TOML; `source` (a path) is named in errors. kInvalidArgument with line and column.
  static Result<Config> parse(std::string_view text, std::string source);
  /// Reads a file of at most 1 MiB.
  static Result<Config> load(const std::filesystem::path& path);

  Config(Config&&) noexcept;
  Config& operator=(Config&&) noexcept;
  ~Config();

  /// A top-level table; absent ones read as empty.
  ConfigTable table(std::string_view name);
  /// kInvalidArgument for the first (by line) key or table that nobody asked for, with the nearest
  /// known name.
  Result<void> finish() const;

 private:
  struct Document;
  explicit Config(std::unique_ptr<Document> document);
  std::unique_ptr<Document> document_;
};

/// The candidate nearest to `word` by edit distance, empty when none is near enough to suggest.
std::string nearest_word(std::string_view word, const std::vector<std::string>& candidates);

}  // namespace symbiont
