#pragma once
/// What a run leaves for people: its HTML page, where that goes, and the summary that names it.

#include <filesystem>
#include <string>

#include "command.h"
#include "symbiont/report/summary.h"

namespace symbiont::app {

/// Whether a page may be put at a place that the user named; empty is none. Before anything else is
/// done: kNotFound when its folder is missing, kInvalidArgument when it is a folder itself.
Result<void> check_page(const std::string& place);

/// Writes the page, all or nothing, and names it in the summary.
Result<void> write_page(const std::filesystem::path& place, const report::RunRecords& records,
                        report::RunSummary& summary);

/// Likewise at HOME/reports/JOB-RUN.html.
Result<void> write_usual_page(const std::filesystem::path& home, const report::RunRecords& records,
                              report::RunSummary& summary);

/// The usual place if there is a page; empty otherwise.
std::string existing_page(const StateOptions& state, const report::RunRecords& records);

/// The summary on standard output: one JSON document, or the table for people, whose paths are as
/// `shown_path` has them.
void print_summary(report::RunSummary summary, bool json, const StateOptions& state);

}  // namespace symbiont::app
