#include <string>

#include <nlohmann/json.hpp>

#include "schema.h"
#include "state.h"

namespace symbiont::ledger {
namespace {

using Json = nlohmann::ordered_json;

Json to_json(const store::Value& value) {
  return std::visit(
      [](const auto& held) -> Json {
        if constexpr (std::is_same_v<std::decay_t<decltype(held)>, std::monostate>) {
          return nullptr;
        } else {
          return held;
        }
      },
      value);
}

std::string to_line(std::string_view table, store::Statement& statement) {
  Json line;
  line["table"] = table;
  for (int column = 0; column < statement.column_count(); ++column) {
    line[std::string(statement.column_name(column))] = to_json(statement.row().value());
  }
  // A text that is not UTF-8 must not end the export.
  return line.dump(-1, ' ', false, Json::error_handler_t::replace);
}

Result<void> export_table(store::Database& database, std::string_view table,
                          const std::function<Result<void>(std::string_view)>& write) {
  SYM_ASSIGN_OR_RETURN(store::Statement statement,
                       database.prepare("SELECT * FROM " + std::string(table) + " ORDER BY 1, 2"));
  while (true) {
    SYM_ASSIGN_OR_RETURN(const bool there, statement.step());
    if (!there) {
      return {};
    }
    SYM_RETURN_IF_ERROR(write(to_line(table, statement)));
  }
}

}  // namespace

Result<void> Ledger::export_lines(
    const std::function<Result<void>(std::string_view)>& write) const {
  return state_->look("export ledger", [&](store::Database& database) -> Result<void> {
    for (const std::string_view table : kTables) {
      SYM_RETURN_IF_ERROR(export_table(database, table, write));
    }
    return {};
  });
}

}  // namespace symbiont::ledger
