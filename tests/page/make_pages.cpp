/// Writes the pages that page_test.py looks at into the folder named: one for each state a run's
/// page can be in.

#include <cstdio>
#include <filesystem>
#include <string>

#include "simulated_run.h"
#include "symbiont/base/file.h"
#include "symbiont/report/page.h"

namespace symbiont::testing {
namespace {

bool write(const std::filesystem::path& place, const SimulatedRun& run) {
  const auto records = report::read_run(run.ledger(), run.run());
  const auto summary = report::summarise(*records, false);
  const auto written =
      write_file_atomically(place, report::to_html(*records, *summary, {"a machine of the test"}));
  if (!written) {
    std::fprintf(stderr, "%s\n", written.error().message().c_str());
  }
  return written.has_value();
}

bool write_finished(const std::filesystem::path& place, SimulatedJob job) {
  SimulatedRun run(std::move(job));
  run.perform_all();
  return write(place, run);
}

bool write_all(const std::filesystem::path& folder) {
  SimulatedJob many;
  many.recurrences = 500;
  SimulatedJob alone;
  alone.batch_sizes = {32};
  alone.baseline_runs = 0;
  alone.recurrences = 6;
  alone.constant_intensity = true;
  SimulatedJob hostile;
  hostile.name = R"(</title><script>console.error("name")</script>)";
  hostile.reason = R"("><img src=x onerror='console.error("reason")'> & )"
                   "\x01\xff";
  SimulatedRun unfinished{SimulatedJob{}};
  unfinished.baseline();
  unfinished.recurrences(3);
  SimulatedRun begun{SimulatedJob{}};
  begun.leave_unfinished(0);
  return write_finished(folder / "finished.html", {}) &&
         write_finished(folder / "many.html", many) &&
         write_finished(folder / "alone.html", alone) &&
         write_finished(folder / "hostile.html", hostile) &&
         write(folder / "unfinished.html", unfinished) && write(folder / "begun.html", begun);
}

}  // namespace
}  // namespace symbiont::testing

int main(int argc, char** argv) {
  return argc == 2 && symbiont::testing::write_all(argv[1]) ? 0 : 1;
}
