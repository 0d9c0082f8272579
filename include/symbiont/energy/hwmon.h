#pragma once
/// Power and energy sensors of drivers, as the kernel's hwmon shows them.
///
/// Read below SYSROOT/sys/class/hwmon. A sensor is called CHIP@DEVICE/LABEL, for example
/// "amdgpu@0000:03:00.0/PPT"; without a device only CHIP/LABEL, without a label "power1" or
/// "energy1". Where one place has both, its energy counter is preferred to its power gauge, and an
/// averaged gauge to one of the moment.
///
/// What is read unasked is what is known to cover something:
///   power_meter, corsairpsu's total    the whole machine; then nothing else is read
///   amdgpu, i915, nouveau, xe's card   the graphics card at that PCI address; on an AMD processor
///                                      with graphics the figure contains "package-0" too
///   amd_energy's sockets               "package-N", as RAPL
/// Any other may be a part of something that another meter reads, so it is read only by name. A
/// battery or charger is never read: it tells what flows through it, not what the machine uses.

#include <filesystem>
#include <span>
#include <string>

#include "symbiont/energy/sensor_meter.h"

namespace symbiont::energy {

/// Machine scope, measured. `wanted`: CHIP/LABEL or CHIP@DEVICE/LABEL of each sensor to read; each
/// covers itself, so whoever names it vouches that no other meter has it in it. Empty: those with
/// known cover. Never fails: what is not read is in `unavailable`. `Domain::max_power` is the
/// sensor's highest limit, else 1000 W.
SensorSet find_hwmon_sensors(const std::filesystem::path& sysroot,
                             std::span<const std::string> wanted = {});

/// Ten times a second.
inline constexpr Sampling kHwmonSampling{.period = std::chrono::milliseconds(100)};

}  // namespace symbiont::energy
