#include "symbiont/energy/nvml.h"

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <limits>
#include <memory>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "energy/nvml_library.h"
#include "energy/word_list.h"

namespace symbiont::energy {
namespace {

using Device = NvmlLibrary::Device;

constexpr Watts kUnknownMaxPower{1000.0};
constexpr double kPeakOverLimit = 4.0;
constexpr std::chrono::milliseconds kCounterRefresh{200};
constexpr std::int64_t kMicroPerMilli = 1000;

// Every sensor owns the library: it goes with the last of them.
using SharedLibrary = std::shared_ptr<const NvmlLibrary>;

struct Gpu {
  std::string uuid;
  std::string name;
};

class GpuSensor final : public Sensor {
 public:
  GpuSensor(SharedLibrary library, std::string uuid, DomainKind kind)
      : library_(std::move(library)), uuid_(std::move(uuid)), kind_(kind) {}

  Result<std::int64_t> read() override {
    auto value = read_milli();
    if (!value) {
      device_ = nullptr;
      const ErrorCode code = value.error().code();
      // A lost card or an unloaded driver is gone, which is no gap to be bridged.
      return fail(code == ErrorCode::kPermissionDenied ? code : ErrorCode::kNotFound,
                  std::move(value).error().message());
    }
    if (*value < 0 || *value > std::numeric_limits<std::int64_t>::max() / kMicroPerMilli) {
      return fail(ErrorCode::kUnavailable, fmt::format("NVML shows nonsense: {}", *value));
    }
    return *value * kMicroPerMilli;
  }

 private:
  Result<std::int64_t> read_milli() {
    if (device_ == nullptr) {
      SYM_ASSIGN_OR_RETURN(device_, library_->find(uuid_));
    }
    return kind_ == DomainKind::kCounter ? library_->energy_mj(device_)
                                         : library_->power_mw(device_);
  }

  const SharedLibrary library_;
  const std::string uuid_;
  const DomainKind kind_;
  Device device_ = nullptr;  // nullptr: to be found
};

std::vector<Gpu> list_gpus(const NvmlLibrary& library, std::vector<Unavailable>& unavailable) {
  const Result<unsigned> count = library.count();
  if (!count) unavailable.push_back({"gpu", "nvml", count.error().message()});
  std::vector<Gpu> gpus;
  for (unsigned index = 0; index < count.value_or(0); ++index) {
    const Result<Device> device = library.device(index);
    const auto uuid = device ? library.uuid(*device) : tl::unexpected(device.error());
    if (!uuid) {
      unavailable.push_back({fmt::format("gpu {}", index), "nvml", uuid.error().message()});
    }
    // A GPU without a UUID keeps its place: indices count it.
    gpus.push_back({uuid.value_or(""), device ? library.name(*device).value_or("") : ""});
  }
  return gpus;
}

const Gpu* find_by_uuid(std::span<const Gpu> gpus, std::string_view beginning) {
  const Gpu* found = nullptr;
  for (const Gpu& gpu : gpus) {
    if (gpu.uuid.empty() || !gpu.uuid.starts_with(beginning)) continue;
    if (found != nullptr) return nullptr;  // it could be either
    found = &gpu;
  }
  return found;
}

const Gpu* find_by_slice(const NvmlLibrary& library, std::span<const Gpu> gpus,
                         const std::string& slice) {
  constexpr std::string_view kOldPrefix = "MIG-GPU-";  // MIG-GPU-<uuid>/<instance>/<instance>
  if (slice.starts_with(kOldPrefix)) {
    const std::size_t begin = std::string_view("MIG-").size();
    return find_by_uuid(gpus, slice.substr(begin, slice.find('/') - begin));
  }
  const auto uuid = library.find(slice)
                        .and_then([&](Device found) { return library.whole_of(found); })
                        .and_then([&](Device whole) { return library.uuid(whole); });
  return uuid ? find_by_uuid(gpus, *uuid) : nullptr;
}

const Gpu* find_by_index(std::span<const Gpu> gpus, std::string_view word) {
  std::size_t index = 0;
  const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), index);
  const bool is_index = error == std::errc() && end == word.data() + word.size();
  return is_index && index < gpus.size() ? &gpus[index] : nullptr;
}

const Gpu* find_visible(const NvmlLibrary& library, std::span<const Gpu> gpus,
                        const std::string& word) {
  if (word.starts_with("MIG-")) return find_by_slice(library, gpus, word);
  if (word.starts_with("GPU-")) return find_by_uuid(gpus, word);
  return find_by_index(gpus, word);
}

bool are_of_one_kind(std::span<const Gpu> gpus) {
  return std::all_of(gpus.begin(), gpus.end(),
                     [&](const Gpu& gpu) { return gpu.name == gpus[0].name; });
}

bool names_an_index(std::string_view words) {
  return words.find_first_not_of("0123456789, ") == words.npos;
}

std::vector<Gpu> visible_gpus(const NvmlLibrary& library, std::vector<Gpu> gpus,
                              const NvmlOptions& options, std::vector<Unavailable>& unavailable) {
  if (!options.visible_devices) return gpus;
  const std::string& words = *options.visible_devices;
  if (names_an_index(words) && !options.indices_are_pci_order && !are_of_one_kind(gpus)) {
    unavailable.push_back(
        {"gpu", "nvml",
         fmt::format("CUDA_VISIBLE_DEVICES=\"{}\" counts GPUs of different kinds in CUDA's order; "
                     "name them by UUID, or set CUDA_DEVICE_ORDER=PCI_BUS_ID",
                     words)});
    return {};
  }
  std::vector<Gpu> visible;
  for (const std::string& word : split_list(words)) {
    const Gpu* const gpu = find_visible(library, gpus, word);
    if (gpu == nullptr) break;
    const bool is_known = std::any_of(visible.begin(), visible.end(),
                                      [&](const Gpu& each) { return each.uuid == gpu->uuid; });
    if (!is_known) visible.push_back(*gpu);
  }
  if (visible.empty()) {
    unavailable.push_back(
        {"gpu", "nvml", fmt::format("CUDA_VISIBLE_DEVICES=\"{}\" leaves no GPU", words)});
  }
  return visible;
}

std::vector<Gpu> wanted_gpus(std::span<const Gpu> gpus, std::span<const std::string> wanted,
                             std::vector<Unavailable>& unavailable) {
  std::vector<Gpu> found;
  for (const std::string& word : wanted) {
    if (const Gpu* const gpu = word.empty() ? nullptr : find_by_uuid(gpus, word)) {
      found.push_back(*gpu);
      continue;
    }
    std::vector<std::string> known;
    for (const Gpu& gpu : gpus) known.push_back(gpu.uuid);
    unavailable.push_back({word, "nvml",
                           fmt::format("no one GPU has a UUID that begins so; there are: {}",
                                       fmt::join(known, ", "))});
  }
  return found;
}

SensorChannel make_channel(const SharedLibrary& library, const Gpu& gpu) {
  const Result<Device> device = library->find(gpu.uuid);
  const bool counts = device && library->energy_mj(*device);
  const auto limit = device ? library->max_power_mw(*device) : tl::unexpected(device.error());
  SensorChannel channel;
  channel.domain.name = gpu.uuid;
  channel.domain.kind = counts ? DomainKind::kCounter : DomainKind::kGauge;
  channel.domain.covers = {"gpu:" + gpu.uuid};
  channel.domain.source = "nvml";
  channel.domain.about = gpu.name;
  if (device && library->is_divided(*device)) {
    channel.domain.about += "; MIG is on: this is the energy of the whole card, not of a slice";
  }
  channel.domain.resolution = kCounterRefresh;
  channel.domain.max_power =
      limit && *limit > 0 ? Watts(1e-3 * static_cast<double>(*limit)) : kUnknownMaxPower;
  channel.believable = std::max(kUnknownMaxPower, kPeakOverLimit * channel.domain.max_power);
  channel.counter_lag = kCounterRefresh;
  channel.sensor = std::make_unique<GpuSensor>(library, gpu.uuid, channel.domain.kind);
  return channel;
}

}  // namespace

NvmlOptions NvmlOptions::from_environment(const std::filesystem::path& sysroot) {
  NvmlOptions options;
  if (const char* const library = std::getenv("SYMBIONT_NVML_LIBRARY")) {
    options.library = library;
  } else if (sysroot != "/") {
    options.library = sysroot / "usr/lib/libnvidia-ml.so.1";
  }
  if (const char* const visible = std::getenv("CUDA_VISIBLE_DEVICES")) {
    options.visible_devices = visible;
  }
  const char* const order = std::getenv("CUDA_DEVICE_ORDER");
  options.indices_are_pci_order = order != nullptr && std::string_view(order) == "PCI_BUS_ID";
  return options;
}

SensorSet find_nvml_sensors(const NvmlOptions& options) {
  SensorSet set;
  auto opened = NvmlLibrary::open(options.library);
  if (!opened) {
    const bool missing = opened.error().code() == ErrorCode::kNotFound;
    set.unavailable.push_back(
        {"gpu", "nvml",
         opened.error().message() +
             (missing ? "; there is no NVIDIA driver here, or SYMBIONT_NVML_LIBRARY has to name "
                        "its libnvidia-ml.so.1"
                      : "")});
    return set;
  }
  const SharedLibrary library(*std::move(opened));
  std::vector<Gpu> gpus = list_gpus(*library, set.unavailable);
  if (gpus.empty() && set.unavailable.empty()) {
    set.unavailable.push_back({"gpu", "nvml", "the NVIDIA driver shows no GPU"});
  }
  if (gpus.empty()) return set;
  gpus = options.wanted.empty() ? visible_gpus(*library, std::move(gpus), options, set.unavailable)
                                : wanted_gpus(gpus, options.wanted, set.unavailable);
  for (const Gpu& gpu : gpus) {
    if (!gpu.uuid.empty()) set.channels.push_back(make_channel(library, gpu));
  }
  return set;
}

}  // namespace symbiont::energy
