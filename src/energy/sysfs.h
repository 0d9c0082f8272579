#pragma once
/// Reading the small files in which the kernel shows its sensors.

#include <cstdint>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "symbiont/base/error.h"
#include "symbiont/energy/sensor_meter.h"

namespace symbiont::energy {

/// The first line, without its end. Errors of read_file.
Result<std::string> read_line(const std::filesystem::path& path);

/// The one whole number of a file, at least 0. kUnavailable when it holds something else.
Result<std::int64_t> read_number(const std::filesystem::path& path);

/// A caller acts on two cases: kPermissionDenied stays, all else is kUnavailable.
Error unreadable(Error error);

/// The entries of a directory by name; none when it cannot be read.
std::vector<std::filesystem::path> sorted_entries(const std::filesystem::path& directory);

/// A file that holds one whole number: microjoules or microwatts.
class FileSensor final : public Sensor {
 public:
  /// `when_denied` says what to do without permission.
  FileSensor(std::filesystem::path path, std::string when_denied)
      : path_(std::move(path)), when_denied_(std::move(when_denied)) {}
  Result<std::int64_t> read() override;

 private:
  const std::filesystem::path path_;
  const std::string when_denied_;
};

}  // namespace symbiont::energy
