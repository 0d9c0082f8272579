#include "symbiont/energy/hwmon.h"

#include <algorithm>
#include <charconv>
#include <map>
#include <optional>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "energy/sysfs.h"

namespace symbiont::energy {
namespace {

namespace fs = std::filesystem;

constexpr double kMicrowattsPerWatt = 1e6;
constexpr Watts kUnknownMaxPower{1000.0};
constexpr double kPeakOverLimit = 4.0;
constexpr std::chrono::milliseconds kCounterLag{100};

struct Chip {
  fs::path path;
  std::string name;    // "amdgpu"
  std::string device;  // "0000:03:00.0"; may be empty

  std::string id() const { return device.empty() ? name : name + '@' + device; }
};

/// A place of a chip where power or energy is measured.
struct Place {
  Chip chip;
  std::string label;               // or "power1"
  int number = 0;                  // of power1_input
  std::optional<fs::path> energy;  // files
  std::optional<fs::path> average;
  std::optional<fs::path> momentary;

  std::string id() const { return chip.id() + '/' + label; }
  bool is_called(std::string_view word) const {
    return word == id() || word == chip.name + '/' + label;
  }
};

/// What a place covers, or why it is not read unasked.
struct Cover {
  std::vector<std::string> components;
  std::string why_not;
};

Chip read_chip(const fs::path& path) {
  Chip chip{path, read_line(path / "name").value_or(""), ""};
  std::error_code error;
  const fs::path device = fs::canonical(path / "device", error);
  if (!error) chip.device = device.filename().string();
  return chip;
}

// "power12_average" -> 12, with prefix "power" and suffix "_average".
std::optional<int> number_in(std::string_view name, std::string_view prefix,
                             std::string_view suffix) {
  if (!name.starts_with(prefix) || !name.ends_with(suffix)) return std::nullopt;
  const std::string_view digits =
      name.substr(prefix.size(), std::max(name.size(), prefix.size() + suffix.size()) -
                                     prefix.size() - suffix.size());
  int number = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
  if (error != std::errc() || end != digits.data() + digits.size()) return std::nullopt;
  return number;
}

// A label joins the counter and the gauge of one place, and so does the number where there is none.
std::vector<Place> places_of(const Chip& chip) {
  std::map<std::pair<std::string, int>, Place> places;
  const auto place = [&](std::string_view kind, int number) -> Place& {
    const std::string stem = fmt::format("{}{}", kind, number);
    const std::string label = read_line(chip.path / (stem + "_label")).value_or("");
    Place& found = places[{label, label.empty() ? number : 0}];
    if (found.label.empty()) {
      found = Place{chip, label.empty() ? stem : label, number, {}, {}, {}};
    }
    return found;
  };
  for (const fs::path& path : sorted_entries(chip.path)) {
    const std::string name = path.filename().string();
    if (const auto energy = number_in(name, "energy", "_input")) {
      place("energy", *energy).energy = path;
    } else if (const auto average = number_in(name, "power", "_average")) {
      place("power", *average).average = path;
    } else if (const auto momentary = number_in(name, "power", "_input")) {
      place("power", *momentary).momentary = path;
    }
  }
  std::vector<Place> result;
  for (auto& [key, found] : places) result.push_back(std::move(found));
  return result;
}

// Only processors with graphics have a northbridge voltage.
bool is_processor_with_graphics(const Chip& chip) {
  return read_line(chip.path / "in1_label").value_or("") == "vddnb";
}

Cover part_of(std::string_view whole) {
  return {{}, fmt::format("a part of {}, which would count it twice", whole)};
}

Cover graphics_card(const Chip& chip) {
  Cover cover{{"gpu:" + (chip.device.empty() ? chip.path.filename().string() : chip.device)}, ""};
  if (is_processor_with_graphics(chip)) cover.components.emplace_back("package-0");
  return cover;
}

Cover cover_of_known_chip(const Place& place) {
  const std::string& chip = place.chip.name;
  if (chip == "power_meter") {
    if (read_number(place.chip.path / fmt::format("power{}_is_battery", place.number)) == 1) {
      return {{}, "a battery shows what it gives or takes, not what the machine uses"};
    }
    return {{std::string(kWholeMachine)}, ""};
  }
  if (chip == "corsairpsu") {
    return place.label == "power total" ? Cover{{std::string(kWholeMachine)}, ""}
                                        : part_of("the power supply's total");
  }
  if (chip == "amdgpu" || chip == "i915" || chip == "nouveau") {
    return place.number == 1 ? graphics_card(place.chip) : part_of("the graphics card");
  }
  if (chip == "xe") {
    return place.label == "card" ? graphics_card(place.chip) : part_of("the graphics card");
  }
  if (chip == "amd_energy") {
    const auto socket = number_in(place.label, "Esocket", "");
    return socket ? Cover{{fmt::format("package-{}", *socket)}, ""} : part_of("its socket");
  }
  return {{},
          fmt::format("it is not known what this sensor covers; write hwmon:{} to read it, if no "
                      "other chosen meter has it in it",
                      place.id())};
}

Cover cover_of(const Place& place) {
  const std::string supply = read_line(place.chip.path / "device/type").value_or("");
  if (supply == "Battery" || supply == "Mains" || supply == "USB" || supply == "UPS") {
    return {{}, "a battery or charger shows what flows through it, not what the machine uses"};
  }
  return cover_of_known_chip(place);
}

Watts highest_limit(const Place& place) {
  for (const std::string_view limit : {"cap_max", "rated_max", "max", "cap"}) {
    const auto file = fmt::format("power{}_{}", place.number, limit);
    const auto microwatts = read_number(place.chip.path / file);
    if (microwatts && *microwatts > 0) {
      return Watts(static_cast<double>(*microwatts) / kMicrowattsPerWatt);
    }
  }
  return kUnknownMaxPower;
}

// The first that can be read, or the first there is: its error is the reason.
std::pair<DomainKind, fs::path> best_file(const Place& place) {
  std::vector<std::pair<DomainKind, fs::path>> files;
  if (place.energy) files.emplace_back(DomainKind::kCounter, *place.energy);
  if (place.average) files.emplace_back(DomainKind::kGauge, *place.average);
  if (place.momentary) files.emplace_back(DomainKind::kGauge, *place.momentary);
  const auto readable = std::find_if(files.begin(), files.end(), [](const auto& file) {
    return read_number(file.second).has_value();
  });
  return readable == files.end() ? files.front() : *readable;
}

SensorChannel make_channel(const Place& place, std::vector<std::string> covers) {
  const auto [kind, file] = best_file(place);
  SensorChannel channel;
  channel.domain.name = place.id();
  channel.domain.kind = kind;
  channel.domain.covers = std::move(covers);
  channel.domain.source = "hwmon";
  channel.domain.about = file.string();
  channel.domain.resolution = kHwmonSampling.period;
  channel.domain.max_power = highest_limit(place);
  channel.believable = std::max(kUnknownMaxPower, kPeakOverLimit * channel.domain.max_power);
  channel.counter_lag = kCounterLag;
  channel.sensor = std::make_unique<FileSensor>(
      file, "run as root, or let an administrator make it readable for a group");
  return channel;
}

std::vector<Place> all_places(const fs::path& hwmon) {
  std::vector<Place> places;
  for (const fs::path& path : sorted_entries(hwmon)) {
    for (Place& place : places_of(read_chip(path))) places.push_back(std::move(place));
  }
  return places;
}

void find_wanted(std::span<const Place> places, std::span<const std::string> wanted,
                 SensorSet& set) {
  for (const std::string& word : wanted) {
    std::vector<const Place*> called;
    std::vector<std::string> known;
    for (const Place& place : places) {
      if (place.is_called(word)) called.push_back(&place);
      known.push_back(place.id());
    }
    if (called.size() == 1) {
      set.channels.push_back(make_channel(*called[0], {"hwmon:" + called[0]->id()}));
      continue;
    }
    set.unavailable.push_back(
        {word, "hwmon",
         fmt::format("{} sensor of that name; there are: {}",
                     called.empty() ? "no" : "more than one",
                     known.empty() ? "none" : fmt::format("{}", fmt::join(known, ", ")))});
  }
}

void find_covering(std::span<const Place> places, SensorSet& set) {
  const auto is_whole = [](const Cover& cover) {
    return !cover.components.empty() && cover.components[0] == kWholeMachine;
  };
  std::vector<Cover> covers;
  for (const Place& place : places) covers.push_back(cover_of(place));
  const auto whole = std::find_if(covers.begin(), covers.end(), is_whole);
  for (std::size_t i = 0; i < places.size(); ++i) {
    Cover& cover = covers[i];
    if (whole != covers.end() && &cover != &*whole && !cover.components.empty()) {
      cover = part_of("the whole machine, which another sensor reads");
    }
    if (cover.components.empty()) {
      set.unavailable.push_back({places[i].id(), "hwmon", cover.why_not});
    } else {
      set.channels.push_back(make_channel(places[i], cover.components));
    }
  }
}

}  // namespace

SensorSet find_hwmon_sensors(const fs::path& sysroot, std::span<const std::string> wanted) {
  const fs::path hwmon = sysroot / "sys/class/hwmon";
  const std::vector<Place> places = all_places(hwmon);
  SensorSet set;
  if (!wanted.empty()) {
    find_wanted(places, wanted, set);
  } else if (places.empty()) {
    set.unavailable.push_back(
        {"hwmon", "hwmon",
         fmt::format("no power or energy sensor under {}: a virtual machine, or a machine whose "
                     "drivers show none",
                     hwmon.string())});
  } else {
    find_covering(places, set);
  }
  return set;
}

}  // namespace symbiont::energy
