// Tapes and saved tuner states are outside input: whatever the bytes, reading them ends in a value
// or an Error, and a state that was accepted can be used.

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <utility>

#include "symbiont/tune/policy.h"
#include "symbiont/tune/tape.h"

namespace {

using namespace symbiont;

constexpr int kEvents = 8;

tune::PolicyConfig config_of(tune::PolicyKind kind) {
  tune::PolicyConfig config;
  config.kind = kind;
  config.batch_sizes = {8, 16, 32, 64};
  config.default_batch_size = 16;
  return config;
}

void use(tune::RecurrenceController controller) {
  tune::SeededDraws draws{Random(1)};
  for (int event = 0; event < kEvents; ++event) {
    const Result<tune::Trial> trial = controller.next(draws);
    if (!trial) {
      return;
    }
    SYM_CHECK(controller.observe(trial->batch_size, {tune::OutcomeKind::kReached, Joules(1.0)}));
  }
}

void restore(tune::PolicyKind kind, std::string_view state) {
  const tune::PolicyConfig config = config_of(kind);
  Result<tune::RecurrenceController> controller =
      tune::RecurrenceController::restore(config, state);
  if (controller) {
    SYM_CHECK(tune::RecurrenceController::restore(config, controller->save()).has_value());
    use(std::move(*controller));
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  (void)tune::parse_tape(text, "fuzz");
  restore(tune::PolicyKind::kFaithful, text);
  restore(tune::PolicyKind::kFixed, text);
  return 0;
}
