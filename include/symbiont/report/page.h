#pragma once
/// What a run did, as one HTML file that needs nothing else: no script, no network, light and dark,
/// printable.

#include <string>

#include "symbiont/report/summary.h"

namespace symbiont::report {

/// What the ledger does not say.
struct PageContext {
  /// Where the page was written, for people: "written at the end of the run on host". The ledger
  /// keeps meters and power of a job, no machine.
  std::string machine;
};

/// The page. It is well-formed XML too. Of runs with more than 1000 recurrences the table shows the
/// first and last 500; plots say what they leave out. Text from outside is escaped.
std::string to_html(const RunRecords& records, const RunSummary& summary,
                    const PageContext& context);

}  // namespace symbiont::report
