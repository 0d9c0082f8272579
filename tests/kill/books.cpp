#include "books.h"

#include <algorithm>

#include "job.h"
#include "trace.h"

namespace symbiont::testing {
namespace {

using Json = nlohmann::json;

/// The tables whose rows last, and the columns that differ from run to run.
const std::map<std::string, std::vector<const char*>> kVolatileColumns = {
    {"jobs", {"created_ns"}},
    {"histories", {}},
    {"runs", {"started_ns", "finished_ns"}},
    {"recurrences", {}},
    {"attempts", {"failures"}},
    {"decisions", {}},
    {"epochs", {"incarnation", "train_time_s", "evaluation_time_s", "begin_ns", "end_ns"}},
};

/// The row of a table that holds this value in this column; null when there is none.
Json find(const std::vector<Json>& rows, const char* column, const Json& value) {
  const auto found =
      std::find_if(rows.begin(), rows.end(), [&](const Json& row) { return row[column] == value; });
  return found == rows.end() ? Json() : *found;
}

std::int64_t count_epochs(const Books& books, const Json& attempt) {
  const std::vector<Json>& epochs = books.rows("epochs");
  return std::count_if(epochs.begin(), epochs.end(),
                       [&](const Json& epoch) { return epoch["attempt"] == attempt["id"]; });
}

/// Whether an attempt reached the target in `books`.
bool ends_reached(const Books& books, const Json& attempt) {
  const Json twin = find(books.rows("attempts"), "id", attempt["id"]);
  return !twin.is_null() && twin["stopped"] == "reached";
}

}  // namespace

Books Books::parse(std::string_view lines) {
  Books books;
  while (!lines.empty()) {
    const std::size_t end = std::min(lines.find('\n'), lines.size());
    Json row = Json::parse(lines.substr(0, end));
    const std::string table = row["table"];
    books.tables_[table].push_back(std::move(row));
    lines.remove_prefix(std::min(end + 1, lines.size()));
  }
  return books;
}

const std::vector<Json>& Books::rows(const std::string& table) const {
  static const std::vector<Json> none;
  const auto found = tables_.find(table);
  return found == tables_.end() ? none : found->second;
}

std::vector<std::string> Books::lasting() const {
  std::vector<std::string> lines;
  for (const auto& [table, columns] : kVolatileColumns) {
    for (Json row : rows(table)) {
      for (const char* const column : columns) {
        row.erase(column);
      }
      lines.push_back(row.dump());
    }
  }
  return lines;
}

bool Books::has_unfinished_run() const {
  return !find(rows("runs"), "status", "unfinished").is_null();
}

std::int64_t Books::sum(const std::string& table, const char* column) const {
  std::int64_t total = 0;
  for (const Json& row : rows(table)) {
    total += row[column].get<std::int64_t>();
  }
  return total;
}

std::int64_t Books::useful_uj() const {
  return sum("epochs", "energy_uj");
}

std::int64_t Books::lost_uj() const {
  return sum("incarnations", "lost_energy_uj");
}

std::int64_t Books::pending_uj() const {
  return sum("incarnations", "pending_energy_uj");
}

std::int64_t Books::open_attempt() const {
  const Json attempt = find(rows("attempts"), "stopped", nullptr);
  return attempt.is_null() ? 0 : attempt["id"].get<std::int64_t>();
}

std::int64_t Books::to_repeat_uj(const Books& undisturbed, bool has_weights) const {
  const Json attempt = find(rows("attempts"), "stopped", nullptr);
  if (attempt.is_null()) {
    return 0;
  }
  const std::int64_t recorded = count_epochs(*this, attempt);
  if (recorded == count_epochs(undisturbed, attempt) &&
      (!ends_reached(undisturbed, attempt) || has_weights)) {
    return 0;  // it had ended, and only that was not written down yet
  }
  const Json checkpoint = find(rows("checkpoints"), "attempt", attempt["id"]);
  const std::int64_t from = checkpoint.is_null() ? 0 : checkpoint["epoch"].get<std::int64_t>();
  const std::int64_t batch_size = attempt["batch_size"];
  std::int64_t energy = 0;
  for (std::int64_t epoch = from + 1; epoch <= recorded; ++epoch) {
    energy += epoch_uj(batch_size, epoch);
  }
  if (from < recorded && !checkpoint.is_null()) {
    energy -= part_uj(batch_size, from + 1, checkpoint["position"], kRows / batch_size);
  }
  return energy;
}

}  // namespace symbiont::testing
