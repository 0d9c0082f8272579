#pragma once
/// A sensor that shows what the test says.

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>

#include "symbiont/energy/sensor_meter.h"

namespace symbiont::energy {

/// What a sensor shows from now on.
struct Script {
  std::atomic<std::int64_t> value{0};
  std::atomic<bool> fails{false};
  std::atomic<int> readings{0};
};

class ScriptedSensor final : public Sensor {
 public:
  explicit ScriptedSensor(Script& script) : script_(script) {}
  Result<std::int64_t> read() override {
    ++script_.readings;
    if (script_.fails) return fail(ErrorCode::kUnavailable, "unplugged: plug it in");
    return script_.value.load();
  }

 private:
  Script& script_;
};

inline SensorChannel scripted_channel(Script& script, DomainKind kind) {
  SensorChannel channel;
  channel.domain.name = "scripted";
  channel.domain.kind = kind;
  channel.domain.covers = {"scripted"};
  channel.domain.source = "script";
  channel.domain.max_power = Watts(200);
  channel.sensor = std::make_unique<ScriptedSensor>(script);
  return channel;
}

}  // namespace symbiont::energy
