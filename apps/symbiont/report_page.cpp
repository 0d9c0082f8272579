#include "report_page.h"

#include <algorithm>
#include <cctype>
#include <cstdio>
#include <fstream>
#include <thread>

#include <fmt/format.h>
#include <unistd.h>

#include "symbiont/base/file.h"
#include "symbiont/base/host.h"
#include "symbiont/report/page.h"

namespace symbiont::app {
namespace {

namespace fs = std::filesystem;

/// "AMD EPYC 7B13"; empty where the kernel does not say.
std::string processor() {
  const auto text = read_file("/proc/cpuinfo", 1 << 20);
  const std::size_t key = text ? text->find("model name") : std::string::npos;
  const std::size_t colon = key == std::string::npos ? key : text->find(": ", key);
  if (colon == std::string::npos) {
    return "";
  }
  return text->substr(colon + 2, text->find('\n', colon) - colon - 2);
}

/// The ledger names no machine: the page says where it was made.
std::string this_machine() {
  const std::string name = processor();
  return fmt::format(
      "this page was written on {}{}, {} hardware threads; the ledger names no "
      "machine",
      host_name(), name.empty() ? "" : ", " + name, std::thread::hardware_concurrency());
}

/// What a report may replace: a page, or nothing. Other files were named by mistake.
bool is_page_or_empty(const fs::path& place) {
  std::ifstream file(place, std::ios::binary);
  std::string begin(std::size_t{15}, '\0');
  file.read(begin.data(), static_cast<std::streamsize>(begin.size()));
  begin.resize(static_cast<std::size_t>(file.gcount()));
  std::transform(begin.begin(), begin.end(), begin.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return begin.empty() || begin == "<!doctype html>";
}

/// HOME/reports/JOB-RUN.html.
fs::path usual_page(const fs::path& home, const report::RunRecords& records) {
  return home / "reports" / fmt::format("{}-{}.html", records.job.name, records.run.id);
}

}  // namespace

Result<void> check_page(const std::string& place) {
  if (place.empty()) {
    return {};
  }
  std::error_code ignored;
  if (fs::is_directory(place, ignored)) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("report \"{}\": it is a folder; name a file", place));
  }
  if (fs::exists(place, ignored) && !is_page_or_empty(place)) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("report \"{}\": it exists and is no HTML page, so it is not replaced; "
                            "name another file",
                            place));
  }
  const fs::path folder = fs::path(place).parent_path();
  if (!folder.empty() && !fs::is_directory(folder, ignored)) {
    return fail(ErrorCode::kNotFound,
                fmt::format("report \"{}\": there is no folder \"{}\"", place, folder.string()));
  }
  return {};
}

Result<void> write_page(const fs::path& place, const report::RunRecords& records,
                        report::RunSummary& summary) {
  SYM_RETURN_IF_ERROR(
      write_file_atomically(place, report::to_html(records, summary, {this_machine()})));
  summary.page = place.string();
  return {};
}

Result<void> write_usual_page(const fs::path& home, const report::RunRecords& records,
                              report::RunSummary& summary) {
  const fs::path place = usual_page(home, records);
  SYM_RETURN_IF_ERROR(symbiont::create_directories(place.parent_path()));
  return write_page(place, records, summary);
}

std::string existing_page(const StateOptions& state, const report::RunRecords& records) {
  const auto home = state.home_directory();
  std::error_code ignored;
  if (!home || !fs::is_regular_file(usual_page(*home, records), ignored)) {
    return "";
  }
  return usual_page(*home, records).string();
}

void print_summary(report::RunSummary summary, bool json, const StateOptions& state) {
  if (!json && !summary.page.empty()) {
    summary.page = shown_path(summary.page).string();
  }
  const bool color = ::isatty(STDOUT_FILENO) == 1;
  const std::string text =
      json ? report::to_json(summary) : report::to_text(summary, color, state.shown_home());
  std::fputs(text.c_str(), stdout);
}

}  // namespace symbiont::app
