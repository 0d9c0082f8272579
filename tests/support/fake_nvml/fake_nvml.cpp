// NVML as a text file tells it. FAKE_NVML_FILE names the file; it is read again at every call, so a
// test changes what the machine is by replacing it. A line each:
//
//   init CODE                nvmlInit_v2 fails with this nvmlReturn_t
//   driver NUMBER            another number: the driver was loaded again, and handles are void
//   until nvmlInit_v2 gpu UUID WORD=NUMBER...  a GPU, in the order of indices
//     name=TEXT              underscores are blanks
//     energy_mj, power_mw, max_mw, mig
//     real=1                 energy_mj grows by power_mw since the library was loaded, in steps of
//     100 ms energy_error, power_error, limit_error, uuid_error: the nvmlReturn_t of that call
//     lost=1                 every call fails with NVML_ERROR_GPU_IS_LOST
//   slice UUID GPU           a MIG slice of that GPU

#include <chrono>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <map>
#include <mutex>
#include <set>
#include <sstream>
#include <string>
#include <vector>

namespace {

enum Return {
  kSuccess = 0,
  kUninitialized = 1,
  kInvalidArgument = 2,
  kNotSupported = 3,
  kNotFound = 6,
  kInsufficientSize = 7,
  kGpuIsLost = 15,
};

struct Gpu {
  std::string uuid;
  std::map<std::string, std::string> words;

  unsigned long long number(const std::string& word) const {
    const auto found = words.find(word);
    return found == words.end() ? 0 : std::stoull(found->second);
  }
  bool has(const std::string& word) const { return words.count(word) > 0; }
};

struct Machine {
  int init = kSuccess;
  int driver = 0;
  std::vector<Gpu> gpus;
  std::map<std::string, std::string> slices;
};

Machine read_machine() {
  Machine machine;
  const char* const path = std::getenv("FAKE_NVML_FILE");
  std::ifstream file(path == nullptr ? "" : path);
  for (std::string line; std::getline(file, line);) {
    std::istringstream words(line);
    std::string kind;
    words >> kind;
    if (kind == "init") words >> machine.init;
    if (kind == "driver") words >> machine.driver;
    if (kind == "slice") {
      std::string slice;
      words >> slice;
      words >> machine.slices[slice];
    }
    if (kind != "gpu") continue;
    Gpu gpu;
    words >> gpu.uuid;
    for (std::string word; words >> word;) {
      gpu.words[word.substr(0, word.find('='))] = word.substr(word.find('=') + 1);
    }
    machine.gpus.push_back(gpu);
  }
  return machine;
}

std::mutex mutex;
int users = 0;
int started_driver = 0;
std::set<std::string> handles;  // a handle is the address of its UUID here
const auto kLoaded = std::chrono::steady_clock::now();

void* handle_of(const std::string& uuid) {
  return const_cast<std::string*>(&*handles.insert(uuid).first);
}

bool is_started(const Machine& machine) {
  return users > 0 && machine.driver == started_driver;
}

// What a call about a device begins with.
int find(const Machine& machine, void* device, const Gpu*& found) {
  if (!is_started(machine)) return kUninitialized;
  if (device == nullptr) return kInvalidArgument;
  for (const Gpu& gpu : machine.gpus) {
    if (gpu.uuid == *static_cast<std::string*>(device)) found = &gpu;
  }
  return found == nullptr || found->number("lost") != 0 ? kGpuIsLost : kSuccess;
}

int copy(const std::string& text, char* to, unsigned length) {
  if (text.size() >= length) return kInsufficientSize;
  std::memcpy(to, text.c_str(), text.size() + 1);
  return kSuccess;
}

// Reads `word` of a device, or fails as the file says.
template <typename Number>
int get(void* device, const char* word, const char* error, Number* value) {
  const std::lock_guard lock(mutex);
  const Machine machine = read_machine();
  const Gpu* gpu = nullptr;
  if (const int code = find(machine, device, gpu); code != kSuccess) return code;
  if (gpu->has(error)) return static_cast<int>(gpu->number(error));
  if (!gpu->has(word)) return kNotSupported;
  *value = static_cast<Number>(gpu->number(word));
  return kSuccess;
}

}  // namespace

// Names and shapes are NVML's.
// NOLINTBEGIN(readability-identifier-naming)
extern "C" {

int nvmlInit_v2() {
  const std::lock_guard lock(mutex);
  const Machine machine = read_machine();
  if (machine.init != kSuccess) return machine.init;
  ++users;
  started_driver = machine.driver;
  return kSuccess;
}

int nvmlShutdown() {
  const std::lock_guard lock(mutex);
  if (users == 0) return kUninitialized;
  --users;
  return kSuccess;
}

const char* nvmlErrorString(int code) {
  switch (code) {
    case kNotSupported:
      return "Not Supported";
    case kGpuIsLost:
      return "GPU is lost";
    case 9:
      return "Driver Not Loaded";
    default:
      return "Unknown Error";
  }
}

int nvmlDeviceGetCount_v2(unsigned* count) {
  const std::lock_guard lock(mutex);
  const Machine machine = read_machine();
  if (!is_started(machine)) return kUninitialized;
  *count = static_cast<unsigned>(machine.gpus.size());
  return kSuccess;
}

int nvmlDeviceGetHandleByIndex_v2(unsigned index, void** device) {
  const std::lock_guard lock(mutex);
  const Machine machine = read_machine();
  if (!is_started(machine)) return kUninitialized;
  if (index >= machine.gpus.size()) return kInvalidArgument;
  *device = handle_of(machine.gpus[index].uuid);
  return kSuccess;
}

int nvmlDeviceGetHandleByUUID(const char* uuid, void** device) {
  const std::lock_guard lock(mutex);
  const Machine machine = read_machine();
  if (!is_started(machine)) return kUninitialized;
  bool known = machine.slices.count(uuid) > 0;
  for (const Gpu& gpu : machine.gpus) known = known || gpu.uuid == uuid;
  if (!known) return kNotFound;
  *device = handle_of(uuid);
  return kSuccess;
}

int nvmlDeviceGetDeviceHandleFromMigDeviceHandle(void* slice, void** device) {
  const std::lock_guard lock(mutex);
  const Machine machine = read_machine();
  const auto whole = machine.slices.find(*static_cast<std::string*>(slice));
  if (whole == machine.slices.end()) return kInvalidArgument;
  *device = handle_of(whole->second);
  return kSuccess;
}

int nvmlDeviceGetUUID(void* device, char* uuid, unsigned length) {
  const std::lock_guard lock(mutex);
  const Machine machine = read_machine();
  const Gpu* gpu = nullptr;
  if (const int code = find(machine, device, gpu); code != kSuccess) return code;
  if (gpu->has("uuid_error")) return static_cast<int>(gpu->number("uuid_error"));
  return copy(gpu->uuid, uuid, length);
}

int nvmlDeviceGetName(void* device, char* name, unsigned length) {
  const std::lock_guard lock(mutex);
  const Machine machine = read_machine();
  const Gpu* gpu = nullptr;
  if (const int code = find(machine, device, gpu); code != kSuccess) return code;
  std::string text = gpu->has("name") ? gpu->words.at("name") : "Fake";
  for (char& letter : text) letter = letter == '_' ? ' ' : letter;
  return copy(text, name, length);
}

#ifndef FAKE_NVML_BEFORE_VOLTA
int nvmlDeviceGetTotalEnergyConsumption(void* device, unsigned long long* energy) {
  if (const int code = get(device, "energy_mj", "energy_error", energy); code != kSuccess)
    return code;
  unsigned long long real = 0;
  unsigned long long power = 0;
  if (get(device, "real", "energy_error", &real) != kSuccess || real == 0) return kSuccess;
  if (get(device, "power_mw", "energy_error", &power) != kSuccess) return kNotSupported;
  const auto steps = (std::chrono::steady_clock::now() - kLoaded) / std::chrono::milliseconds(100);
  *energy += power * static_cast<unsigned long long>(steps) / 10;
  return kSuccess;
}
#endif

int nvmlDeviceGetPowerUsage(void* device, unsigned* power) {
  return get(device, "power_mw", "power_error", power);
}

int nvmlDeviceGetPowerManagementLimitConstraints(void* device, unsigned* lowest,
                                                 unsigned* highest) {
  *lowest = 0;
  return get(device, "max_mw", "limit_error", highest);
}

int nvmlDeviceGetMigMode(void* device, unsigned* current, unsigned* pending) {
  *pending = 0;
  return get(device, "mig", "mig_error", current);
}

}  // extern "C"
// NOLINTEND(readability-identifier-naming)
