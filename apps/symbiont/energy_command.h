#pragma once
/// What the commands below `symbiont energy` share.

#include <string>
#include <vector>

#include <CLI/CLI.hpp>

#include "symbiont/energy/monitor.h"

namespace symbiont::app {

/// Options that choose meters, as the [energy] table of a job file does.
struct MeterOptions {
  std::vector<std::string> meters = {"auto"};  ///< --meter
  std::string sysroot = "/";                   ///< --sysroot
  std::string curve;                           ///< --curve
  int threads = 0;                             ///< --threads; 0: all that this process may use

  void add_sysroot_to(CLI::App& command);
  void add_estimator_to(CLI::App& command);
  energy::MonitorOptions monitor_options() const;
};

/// A check for CLI::Option: CLI::Range lets "nan" pass.
std::string refuse_not_a_number(const std::string& text);

void add_measure_command(CLI::App& energy, const std::vector<std::string>& command, int& exit_code);
void add_calibrate_command(CLI::App& energy, int& exit_code);

}  // namespace symbiont::app
