/// Runs a plain training command for `symbiont run`, which starts this program: nobody else does.

#include <cstdio>
#include <string>
#include <vector>

#include "symbiont/train/supervisor.h"

int main(int argc, char** argv) {
  constexpr int kMisuse = 2;
  const auto options =
      symbiont::train::parse_arguments(std::vector<std::string>(argv + 1, argv + argc));
  if (!options) {
    std::fprintf(stderr, "symbiont-supervisor: %s; `symbiont run` starts this program\n",
                 options.error().message().c_str());
    return kMisuse;
  }
  return symbiont::train::supervise(*options);
}
