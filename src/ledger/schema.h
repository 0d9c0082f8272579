#pragma once
/// The tables of the ledger. docs/reference/ledger-schema.md says what each column means.

#include <array>
#include <cstdint>
#include <span>
#include <string_view>

#include "symbiont/store/database.h"

namespace symbiont::ledger {

inline constexpr std::int32_t kApplicationId = 0x53594d42;  // "SYMB"

/// In an order in which every row comes after those it refers to.
inline constexpr std::array<std::string_view, 10> kTables = {
    "jobs",      "histories",    "runs",   "recurrences", "attempts",
    "decisions", "incarnations", "epochs", "checkpoints", "leases"};

std::span<const store::Migration> migrations();

}  // namespace symbiont::ledger
