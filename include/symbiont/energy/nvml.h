#pragma once
/// The energy of NVIDIA GPUs, as their driver's library (NVML) tells it.
///
/// The library is loaded while running, so nothing of NVIDIA's is needed to build, and a machine
/// without it is only one without these sensors. Only functions that read are called. A GPU of the
/// Volta generation or later has a counter of millijoules, refreshed every 20 to 100 ms, that
/// starts again at zero when the driver is loaded or the GPU reset; on an older one power is
/// integrated. A GPU that is lost, and one whose driver was loaded again, is looked for at the next
/// reading.

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "symbiont/energy/sensor_meter.h"

namespace symbiont::energy {

/// Where to find the library and which GPUs to read.
struct NvmlOptions {
  std::filesystem::path library = "libnvidia-ml.so.1";
  /// UUIDs, as in "GPU-5fd4f087-86f3-7a43-b711-4771313afc50", or the beginning of one. Empty: those
  /// that `visible_devices` leaves.
  std::vector<std::string> wanted;
  /// CUDA_VISIBLE_DEVICES: indices, UUIDs of GPUs or of MIG slices. As CUDA does, what follows a
  /// word that names nothing is left out. Absent: all.
  std::optional<std::string> visible_devices;
  /// CUDA_DEVICE_ORDER is PCI_BUS_ID, so an index means the same to CUDA as to NVML. Otherwise CUDA
  /// puts fast GPUs first, and indices are only understood where all GPUs are of one kind.
  bool indices_are_pci_order = false;

  /// The options of this process: CUDA_VISIBLE_DEVICES, CUDA_DEVICE_ORDER, and the library named by
  /// SYMBIONT_NVML_LIBRARY; without that, the loader's below "/", else
  /// SYSROOT/usr/lib/libnvidia-ml.so.1.
  static NvmlOptions from_environment(const std::filesystem::path& sysroot);
};

/// Machine scope, measured. Domains are named by UUID and cover "gpu:UUID": the whole card, also
/// where MIG divides it, which `Domain::about` then says. `Domain::max_power` is the highest limit
/// that the card accepts, else 1000 W. Never fails: what cannot be read is in `unavailable`.
SensorSet find_nvml_sensors(const NvmlOptions& options);

/// Ten times a second where power has to be integrated.
inline constexpr Sampling kNvmlSampling{.period = std::chrono::milliseconds(100)};

}  // namespace symbiont::energy
