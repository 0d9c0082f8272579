#pragma once
/// The few functions of NVML that read, loaded while running.

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <utility>

#include "symbiont/base/error.h"

namespace symbiont::energy {

/// NVML, open and initialised. Thread-safe, as NVML is.
class NvmlLibrary {
 public:
  using Device = void*;  // nvmlDevice_t, a pointer to what only NVML knows

  /// kNotFound without the library, kUnavailable when it cannot start, saying what to do.
  static Result<std::unique_ptr<NvmlLibrary>> open(const std::filesystem::path& path);
  ~NvmlLibrary();
  NvmlLibrary(const NvmlLibrary&) = delete;
  NvmlLibrary& operator=(const NvmlLibrary&) = delete;

  Result<unsigned> count() const;
  Result<Device> device(unsigned index) const;
  /// Starts NVML again if the driver was loaded again in between.
  Result<Device> find(const std::string& uuid) const;
  /// The GPU of which a MIG slice is a part.
  Result<Device> whole_of(Device slice) const;
  Result<std::string> uuid(Device device) const;
  Result<std::string> name(Device device) const;
  Result<std::int64_t> energy_mj(Device device) const;
  Result<std::int64_t> power_mw(Device device) const;
  Result<std::int64_t> max_power_mw(Device device) const;
  bool is_divided(Device device) const;  ///< MIG is on

 private:
  explicit NvmlLibrary(void* handle) : handle_(handle) {}

  template <typename... Arguments>
  Result<void> call(const char* function, Arguments... arguments) const;
  Error error_of(const char* function, int code) const;

  void* const handle_;  // of dlopen
};

}  // namespace symbiont::energy
