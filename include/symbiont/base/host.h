#pragma once
/// The machine and the installation this process runs on. Thread-safe.

#include <filesystem>
#include <string>

namespace symbiont {

/// The name of this machine as gethostname gives it; empty when there is none.
std::string host_name();

/// The identity of this boot of the kernel (/proc/sys/kernel/random/boot_id), so that counters and
/// start times from before a restart are not mistaken for today's. Empty when it cannot be read.
std::string boot_id();

/// The directory of the running program: programs of ours are installed side by side. Empty when
/// /proc is not mounted.
std::filesystem::path executable_directory();

/// Processors that this process may run on.
int available_processors();

}  // namespace symbiont
