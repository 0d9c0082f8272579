// The worker protocol: any line gives a message or an error that says why, never a crash, and a
// message that was understood is understood again, the same, when it is repeated.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "symbiont/train/protocol.h"

namespace {

using symbiont::Result;

void require(bool condition) {
  if (!condition) std::abort();
}

template <typename Message>
void check(std::string_view line, Result<Message> (*decode)(std::string_view)) {
  const Result<Message> message = decode(line);
  if (!message) {
    require(!message.error().message().empty());
    return;
  }
  const std::string repeated = symbiont::train::encode(*message);
  require(repeated.size() <= symbiont::train::kMaxMessageBytes);
  require(repeated.find('\n') == std::string::npos);
  const Result<Message> again = decode(repeated);
  require(again && again->index() == message->index());
  // Texts are cut once; from then on nothing changes any more.
  require(symbiont::train::encode(*again) == repeated);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view line(reinterpret_cast<const char*>(data), size);
  check(line, symbiont::train::decode_worker_message);
  check(line, symbiont::train::decode_runner_message);
  return 0;
}
