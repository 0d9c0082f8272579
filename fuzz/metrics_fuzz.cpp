// What a plain command prints and writes: the first line is how it is to be read, the rest are its
// lines. Any bytes give formats, reports and indices, or errors that say why, never a crash.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <optional>
#include <string>
#include <string_view>

#include "symbiont/train/metrics.h"

namespace {

using namespace symbiont::train;  // NOLINT(google-build-using-namespace)

void require(bool condition) {
  if (!condition) std::abort();
}

void check_all(const MetricsFormat& format, std::string_view bytes) {
  LineSplitter splitter;
  EpochSequence sequence(1, 3);
  std::int64_t last = 0;
  const auto take = [&](std::optional<std::string_view> line) {
    if (!line) return;
    require(!line->empty() && line->size() <= kMaxMetricLine);
    require(line->find_first_of("\r\n") == line->npos);
    const auto report = format.read(*line);
    require(report || !report.error().message().empty());
    if (!report || !*report) return;
    require((*report)->epoch >= 0);
    const auto index = sequence.index_of((*report)->epoch);
    require(index || !index.error().message().empty());
    if (index && *index) {
      require(**index == last + 1 || (last == 0 && **index <= 4));
      last = **index;
    }
  };
  splitter.feed(bytes.substr(0, bytes.size() / 2), take);
  splitter.feed(bytes.substr(bytes.size() / 2), take);
  splitter.finish(take);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const std::size_t end = std::min(input.find('\n'), input.size());
  const std::string_view lines = input.substr(std::min(end + 1, input.size()));
  const auto format = MetricsFormat::parse(input.substr(0, end), "accuracy");
  if (format) {
    check_all(*format, lines);
  } else {
    require(!format.error().message().empty());
  }
  for (const char* text : {"jsonl:m", "jsonl:-", R"(regex:(?P<epoch>\d+).*?(?P<metric>\S+))"}) {
    check_all(*MetricsFormat::parse(text, "accuracy"), lines);
  }
  return 0;
}
