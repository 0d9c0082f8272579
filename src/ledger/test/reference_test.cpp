#include <filesystem>
#include <sstream>
#include <string>

#include "story.h"
#include "symbiont/base/file.h"

namespace symbiont::ledger {
namespace {

/// "table.column", one per line, in the order of the document.
std::string documented_columns() {
  const std::filesystem::path page = std::filesystem::path(REFERENCE_FOLDER) / "ledger-schema.md";
  std::istringstream lines(must(read_file(page)));
  std::string columns;
  std::string table;
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with("## ")) {
      table = line.substr(3);
    } else if (line.starts_with("| `")) {
      columns += table + "." + line.substr(3, line.find('`', 3) - 3) + "\n";
    }
  }
  return columns;
}

TEST(LedgerSchema, IsWhatTheReferenceSays) {
  const symbiont::testing::TemporaryDirectory folder;
  const std::string path = folder / "ledger.db";
  must(Ledger::open(path));
  store::Database database = must(store::Database::open(path, {.application_id = 0x53594d42}));
  std::string columns;
  must(database.for_each(
      "SELECT tables.name || '.' || columns.name FROM sqlite_schema AS tables "
      "JOIN pragma_table_info(tables.name) AS columns WHERE tables.type = 'table' "
      "ORDER BY tables.rowid, columns.cid",
      [&](store::Row& row) { columns += row.text() + "\n"; }));
  EXPECT_EQ(columns, documented_columns());
}

}  // namespace
}  // namespace symbiont::ledger
