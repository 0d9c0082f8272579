// TOML configuration: any bytes give a document or an error that names the file, never a crash.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "symbiont/base/config.h"

namespace {

using symbiont::Config;
using symbiont::ConfigTable;
using symbiont::Result;

constexpr std::string_view kSource = "job.toml";

void require(bool condition) {
  if (!condition) std::abort();
}

// An error must tell a person where to look.
template <typename T>
void require_named_source(const Result<T>& result) {
  if (!result) require(result.error().message().find(kSource) != std::string::npos);
}

template <typename T>
void read(ConfigTable& table, std::string_view key) {
  require_named_source(table.required<T>(key));
}

void read_every_type(ConfigTable& table) {
  for (const std::string_view key : {"name", "seed", "values", "target"}) {
    read<std::string>(table, key);
    read<std::int64_t>(table, key);
    read<double>(table, key);
    read<bool>(table, key);
    read<std::vector<std::string>>(table, key);
    read<std::vector<std::int64_t>>(table, key);
    read<std::vector<double>>(table, key);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  Result<Config> config = Config::parse(text, std::string(kSource));
  require_named_source(config);
  if (!config) return 0;

  ConfigTable job = config->table("job");
  read_every_type(job);
  ConfigTable nested = job.table("target");
  read_every_type(nested);
  require_named_source(config->finish());
  return 0;
}
