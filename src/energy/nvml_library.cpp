#include "energy/nvml_library.h"

#include <array>

#include <dlfcn.h>
#include <fmt/format.h>

namespace symbiont::energy {
namespace {

// From NVML's reference manual, "nvmlReturn_t".
constexpr int kSuccess = 0;
constexpr int kUninitialized = 1;
constexpr int kNotSupported = 3;
constexpr int kNoPermission = 4;
constexpr int kDriverNotLoaded = 9;
constexpr int kVersionMismatch = 18;

constexpr unsigned kTextLength = 96;  // NVML_DEVICE_UUID_V2_BUFFER_SIZE, NVML_DEVICE_NAME_V2_...
using Text = std::array<char, kTextLength>;

std::string to_string(const Text& text) {
  std::size_t length = 0;
  while (length < text.size() && text[length] != '\0') ++length;
  return std::string(text.data(), length);
}

ErrorCode code_of(int nvml_code) {
  switch (nvml_code) {
    case kNoPermission:
      return ErrorCode::kPermissionDenied;
    case kNotSupported:
      return ErrorCode::kUnimplemented;
    case kUninitialized:
      return ErrorCode::kFailedPrecondition;
    default:
      return ErrorCode::kUnavailable;
  }
}

std::string_view what_to_do(int nvml_code) {
  switch (nvml_code) {
    case kDriverNotLoaded:
      return "; load the nvidia driver";
    case kVersionMismatch:
      return "; the driver was updated: load it again or restart the machine";
    default:
      return "";
  }
}

}  // namespace

// An older driver lacks some of the functions, so each is looked for when it is called.
template <typename... Arguments>
Result<void> NvmlLibrary::call(const char* function, Arguments... arguments) const {
  using Function = int (*)(Arguments...);
  const auto entry = reinterpret_cast<Function>(::dlsym(handle_, function));
  if (entry == nullptr) {
    return fail(ErrorCode::kUnimplemented, fmt::format("this driver has no {}", function));
  }
  if (const int code = entry(arguments...); code != kSuccess) {
    return tl::unexpected(error_of(function, code));
  }
  return {};
}

Error NvmlLibrary::error_of(const char* function, int code) const {
  using ErrorString = const char* (*)(int);
  const auto describe = reinterpret_cast<ErrorString>(::dlsym(handle_, "nvmlErrorString"));
  const char* const text = describe == nullptr ? nullptr : describe(code);
  return Error(code_of(code),
               fmt::format("{}: {} (NVML error {}){}", function, text == nullptr ? "failed" : text,
                           code, what_to_do(code)));
}

Result<std::unique_ptr<NvmlLibrary>> NvmlLibrary::open(const std::filesystem::path& path) {
  void* const handle = ::dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (handle == nullptr) {
    const char* const reason = ::dlerror();
    return fail(ErrorCode::kNotFound, reason == nullptr ? path.string() : reason);
  }
  std::unique_ptr<NvmlLibrary> library(new NvmlLibrary(handle));
  SYM_RETURN_IF_ERROR(library->call("nvmlInit_v2"));
  return library;
}

NvmlLibrary::~NvmlLibrary() {
  static_cast<void>(call("nvmlShutdown"));  // harmless if it never started
  ::dlclose(handle_);
}

Result<unsigned> NvmlLibrary::count() const {
  unsigned count = 0;
  SYM_RETURN_IF_ERROR(call("nvmlDeviceGetCount_v2", &count));
  return count;
}

Result<NvmlLibrary::Device> NvmlLibrary::device(unsigned index) const {
  Device device = nullptr;
  SYM_RETURN_IF_ERROR(call("nvmlDeviceGetHandleByIndex_v2", index, &device));
  return device;
}

Result<NvmlLibrary::Device> NvmlLibrary::find(const std::string& uuid) const {
  Device device = nullptr;
  Result<void> found = call("nvmlDeviceGetHandleByUUID", uuid.c_str(), &device);
  if (!found && found.error().code() == ErrorCode::kFailedPrecondition) {
    SYM_RETURN_IF_ERROR(call("nvmlInit_v2"));
    found = call("nvmlDeviceGetHandleByUUID", uuid.c_str(), &device);
  }
  SYM_RETURN_IF_ERROR(found);
  return device;
}

Result<NvmlLibrary::Device> NvmlLibrary::whole_of(Device slice) const {
  Device device = nullptr;
  SYM_RETURN_IF_ERROR(call("nvmlDeviceGetDeviceHandleFromMigDeviceHandle", slice, &device));
  return device;
}

Result<std::string> NvmlLibrary::uuid(Device device) const {
  Text text{};
  SYM_RETURN_IF_ERROR(call("nvmlDeviceGetUUID", device, text.data(), kTextLength));
  return to_string(text);
}

Result<std::string> NvmlLibrary::name(Device device) const {
  Text text{};
  SYM_RETURN_IF_ERROR(call("nvmlDeviceGetName", device, text.data(), kTextLength));
  return to_string(text);
}

Result<std::int64_t> NvmlLibrary::energy_mj(Device device) const {
  unsigned long long energy = 0;
  SYM_RETURN_IF_ERROR(call("nvmlDeviceGetTotalEnergyConsumption", device, &energy));
  return static_cast<std::int64_t>(energy);
}

Result<std::int64_t> NvmlLibrary::power_mw(Device device) const {
  unsigned power = 0;
  SYM_RETURN_IF_ERROR(call("nvmlDeviceGetPowerUsage", device, &power));
  return power;
}

Result<std::int64_t> NvmlLibrary::max_power_mw(Device device) const {
  unsigned lowest = 0;
  unsigned highest = 0;
  SYM_RETURN_IF_ERROR(
      call("nvmlDeviceGetPowerManagementLimitConstraints", device, &lowest, &highest));
  return highest;
}

bool NvmlLibrary::is_divided(Device device) const {
  unsigned current = 0;
  unsigned pending = 0;
  return call("nvmlDeviceGetMigMode", device, &current, &pending).has_value() && current == 1;
}

}  // namespace symbiont::energy
