#include "symbiont/base/failpoint.h"

#include <atomic>
#include <charconv>
#include <cstdint>
#include <cstdlib>
#include <optional>
#include <string>

#include <signal.h>
#include <unistd.h>

#include "symbiont/base/log.h"

namespace symbiont {
namespace {

struct Trap {
  std::string name;
  std::uint64_t count = 0;
  std::string token;
};

std::optional<Trap> parse_trap(std::string_view text) {
  const std::size_t first = text.find(':');
  const std::size_t second = first == text.npos ? text.npos : text.find(':', first + 1);
  if (second == text.npos) {
    return std::nullopt;
  }
  Trap trap{std::string(text.substr(0, first)), 0, std::string(text.substr(second + 1))};
  const char* const end = text.data() + second;
  const auto parsed = std::from_chars(text.data() + first + 1, end, trap.count);
  if (parsed.ec != std::errc() || parsed.ptr != end || trap.count == 0) {
    return std::nullopt;
  }
  return trap;
}

std::optional<Trap> trap_from_environment() {
  const char* const text = std::getenv("SYMBIONT_FAILPOINT");
  if (text == nullptr) {
    return std::nullopt;
  }
  std::optional<Trap> trap = parse_trap(text);
  if (!trap) {
    log::error("SYMBIONT_FAILPOINT: expected name:count:token, found \"" + std::string(text) + '"');
  }
  return trap;
}

}  // namespace

void failpoint(std::string_view name) {
  static const std::optional<Trap> trap = trap_from_environment();
  if (!trap || trap->name != name) {
    return;
  }
  static std::atomic<std::uint64_t> passed = 0;
  if (++passed == trap->count && unlink(trap->token.c_str()) == 0) {
    kill(getpid(), SIGKILL);
  }
}

}  // namespace symbiont
