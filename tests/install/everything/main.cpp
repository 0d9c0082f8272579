// Uses functions of the lowest floor and of the highest that are not inline, and the libraries
// behind them.
#include <cstdio>

#include "symbiont/base/csv.h"
#include "symbiont/base/log.h"
#include "symbiont/jobs/job_file.h"
#include "symbiont/report/saving.h"

int main() {
  const symbiont::Result<symbiont::CsvTable> table =
      symbiont::CsvTable::parse("epoch,energy_j\n1,20.5\n", "inline");
  if (!table || table->number(0, 1).value_or(0) != 20.5) return 1;
  symbiont::log::debug("the package works");
  const auto broken = symbiont::jobs::parse_job_file("seed = = 7", "job.toml");
  if (broken) return 1;
  std::puts(broken.error().message().c_str());
  const auto job =
      symbiont::jobs::parse_job_file(symbiont::jobs::job_file_template("mine"), "job.toml");
  return job && job->name == "mine" ? 0 : 1;
}
