#pragma once
/// A made-up /sys/class/powercap in a temporary directory.

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <string>

#include <gtest/gtest.h>
#include <stdlib.h>

namespace symbiont::energy {

class PowercapTree {
 public:
  PowercapTree() {
    std::string pattern = testing::TempDir() + "/sysroot-XXXXXX";
    root_ = ::mkdtemp(pattern.data());
    std::filesystem::create_directories(powercap());
  }
  ~PowercapTree() { std::filesystem::remove_all(root_); }
  PowercapTree(const PowercapTree&) = delete;
  PowercapTree& operator=(const PowercapTree&) = delete;

  const std::filesystem::path& root() const { return root_; }
  std::filesystem::path powercap() const { return root_ / "sys/class/powercap"; }

  void write(const std::string& file, const std::string& text) const {
    const std::filesystem::path path = powercap() / file;
    std::filesystem::create_directories(path.parent_path());
    std::ofstream(path) << text << '\n';
  }
  void set_energy(const std::string& zone, std::int64_t energy_uj) const {
    // Replaced as a whole: a sampler never reads half a number, as it never does in sysfs.
    write(zone + "/next", std::to_string(energy_uj));
    std::filesystem::rename(powercap() / zone / "next", powercap() / zone / "energy_uj");
  }
  void add_zone(const std::string& zone, const std::string& name, std::int64_t energy_uj,
                std::int64_t range_uj = 262'143'328'850) const {
    write(zone + "/name", name);
    write(zone + "/max_energy_range_uj", std::to_string(range_uj));
    set_energy(zone, energy_uj);
  }
  /// The counter is there and reading it fails.
  void make_unreadable(const std::string& zone) const {
    std::filesystem::remove(powercap() / zone / "energy_uj");
    std::filesystem::create_directories(powercap() / zone / "energy_uj");
  }
  void remove(const std::string& file) const { std::filesystem::remove_all(powercap() / file); }

 private:
  std::filesystem::path root_;
};

}  // namespace symbiont::energy
