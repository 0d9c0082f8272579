/// ledger_victim LEDGER PROGRESS SEED STEPS [LIFE...]: plays on after earlier lives of LIFE steps
/// each, and writes one byte to PROGRESS after every step, until it is killed or has done STEPS.

#include <cstdint>
#include <cstdio>
#include <string>

#include <fcntl.h>
#include <unistd.h>

#include "play.h"

namespace {

using symbiont::Result;
using symbiont::ledger::Ledger;
using symbiont::ledger::Play;

Result<void> live(Play& play, std::string_view path, int progress, int steps) {
  SYM_ASSIGN_OR_RETURN(Ledger ledger, Ledger::open(path));
  play.begin_life();
  for (int step = 0; step < steps; ++step) {
    SYM_RETURN_IF_ERROR(play.step(&ledger));
    SYM_CHECK(write(progress, ".", 1) == 1);
  }
  return {};
}

}  // namespace

int main(int argc, char** argv) {
  SYM_CHECK(argc >= 5);
  Play play(std::stoull(argv[3]));
  for (int life = 5; life < argc; ++life) {
    play.begin_life();
    for (int step = 0; step < std::stoi(argv[life]); ++step) {
      SYM_CHECK(play.step(nullptr));
    }
  }
  const int progress = open(argv[2], O_WRONLY | O_CREAT | O_TRUNC, 0600);
  const Result<void> lived = live(play, argv[1], progress, std::stoi(argv[4]));
  if (!lived) {
    std::fprintf(stderr, "%s\n", lived.error().message().c_str());
    return 1;
  }
  return 0;
}
