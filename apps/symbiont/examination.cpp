#include "examination.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <ctime>
#include <filesystem>
#include <iterator>

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <sys/statfs.h>
#include <sys/timex.h>
#include <unistd.h>

#include "symbiont/base/file.h"
#include "symbiont/base/provenance.h"
#include "symbiont/base/subprocess.h"
#include "symbiont/data/dataset.h"
#include "symbiont/energy/monitor.h"
#include "symbiont/train/oom_kills.h"

namespace symbiont::app {
namespace {

namespace fs = std::filesystem;

constexpr const char* kFastBlas = "libopenblas0-pthread";

std::string install(const std::string& package) {
  return "apt-get install " + package;
}

std::string to_text(const energy::Domain& domain) {
  return fmt::format("{}, this {}, at most {:.3g} W", to_string(domain.provenance),
                     to_string(domain.scope), domain.max_power.value());
}

/// What `[energy] meters = ["auto"]` gives.
Diagnosis look_at_energy() {
  const auto monitor = energy::Monitor::open({});
  if (!monitor) {
    return {"energy", Verdict::kMissing, monitor.error().message(), "", "", true};
  }
  if (monitor->provenance() == Provenance::kMeasured) {
    return {"energy", Verdict::kOk, monitor->describe(), "", ""};
  }
  return {"energy", Verdict::kAdvice, monitor->describe(),
          "to have it measured, make one of the meters below readable", ""};
}

std::vector<Diagnosis> look_at_meters() {
  const auto survey = energy::survey_meters({});
  if (!survey) {
    return {{"meters", Verdict::kMissing, survey.error().message(), "", ""}};
  }
  std::vector<Diagnosis> list;
  for (const energy::Domain& domain : survey->domains) {
    list.push_back(
        {"meter " + domain.source, Verdict::kOk, domain.name + ": " + to_text(domain), "", ""});
  }
  for (const energy::Unavailable& missing : survey->unavailable) {
    list.push_back({"meter " + missing.source, Verdict::kAdvice, missing.name + " cannot be read",
                    missing.why, ""});
  }
  return list;
}

/// Who may count events of whole processors, energy among them.
Diagnosis look_at_perf() {
  const auto text = read_file("/proc/sys/kernel/perf_event_paranoid", 64);
  if (!text) {
    return {"perf events", Verdict::kAdvice, "not in this kernel", "", ""};
  }
  const std::string level = text->substr(0, text->find('\n'));
  const bool open = ::geteuid() == 0 || level == "0" || level == "-1";
  return {"perf events", open ? Verdict::kOk : Verdict::kAdvice, "perf_event_paranoid is " + level,
          open ? "" : "as root: sysctl kernel.perf_event_paranoid=0", ""};
}

Diagnosis look_at_control_group() {
  if (train::count_oom_kills("/")) {
    return {"control group", Verdict::kOk, "workers killed for lack of memory are told from others",
            "", ""};
  }
  return {"control group", Verdict::kAdvice, "memory events cannot be read",
          "a worker killed for lack of memory counts as crashed; mount /sys/fs/cgroup to tell them "
          "apart",
          ""};
}

/// What libblas.so.3 stands for, where alternatives say it.
fs::path blas_in_use() {
  std::error_code error;
  for (const fs::directory_entry& entry : fs::directory_iterator("/etc/alternatives", error)) {
    if (entry.path().filename().string().starts_with("libblas.so.3")) {
      return fs::read_symlink(entry.path(), error);
    }
  }
  return {};
}

/// The reference BLAS trains twenty times slower than OpenBLAS.
Diagnosis look_at_blas() {
  const std::string blas = blas_in_use().string();
  if (blas.empty()) {
    return {"BLAS", Verdict::kMissing, "none", install(kFastBlas), kFastBlas};
  }
  for (const char* fast : {"openblas", "mkl", "blis"}) {
    if (blas.find(fast) != blas.npos) {
      return {"BLAS", Verdict::kOk, blas, "", ""};
    }
  }
  return {"BLAS", Verdict::kAdvice, blas, install(kFastBlas) + " (trains many times faster)",
          kFastBlas};
}

/// How long the trainer takes to say its version; kUnavailable when it does not.
Result<std::chrono::milliseconds> time_to_start(const fs::path& trainer) {
  constexpr std::chrono::seconds kDeadline{60};
  SpawnOptions options;
  options.argv = {trainer.string(), "--version"};
  options.stderr_file = "/dev/null";
  const auto start = std::chrono::steady_clock::now();
  SYM_ASSIGN_OR_RETURN(Subprocess process, Subprocess::spawn(options));
  const auto status = process.wait(kDeadline);
  if (!status) {
    return fail(ErrorCode::kUnavailable,
                fmt::format("has not started within {} s", kDeadline.count()));
  }
  if (!status->success()) {
    return fail(ErrorCode::kUnavailable, "ends with " + status->describe());
  }
  return std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() -
                                                               start);
}

Diagnosis look_at_trainer() {
  const fs::path trainer = find_trainer();
  if (::access(trainer.c_str(), X_OK) != 0) {
    return {
        "trainer", Verdict::kMissing, "not found at " + trainer.string(),
        "install the package symbiont-trainer-torch, or set SYMBIONT_TRAINER_TORCH; jobs with a "
        "command of their own run without it",
        ""};
  }
  const auto start = time_to_start(trainer);
  if (!start) {
    return {"trainer", Verdict::kMissing, trainer.string() + " " + start.error().message(),
            "see what it says: " + trainer.string() + " --version", ""};
  }
  return {"trainer", Verdict::kOk,
          fmt::format("{}, starts in {:.2f} s", trainer.string(),
                      std::chrono::duration<double>(*start).count()),
          "", ""};
}

Diagnosis look_at_supervisor() {
  const fs::path supervisor = find_supervisor();
  if (::access(supervisor.c_str(), X_OK) == 0) {
    return {"supervisor", Verdict::kOk, supervisor.string(), "", ""};
  }
  return {"supervisor", Verdict::kMissing, "not found at " + supervisor.string(),
          "it belongs to the package symbiont: plain commands run under it", ""};
}

Diagnosis look_at_data(const std::string& set, const std::string& package) {
  data::DataOptions options;
  options.set = set;
  const auto rows = data::training_rows(options);
  if (rows) {
    return {"data set " + set, Verdict::kOk, fmt::format("{} training rows", *rows), "", ""};
  }
  if (rows.error().code() == ErrorCode::kNotFound) {
    return {"data set " + set, Verdict::kMissing, "absent", install(package), package};
  }
  return {"data set " + set, Verdict::kMissing, rows.error().message(), "", ""};
}

/// `path`, or the folder above it that exists: where it would be created.
fs::path nearest_existing(const fs::path& path) {
  std::error_code error;
  fs::path existing = fs::absolute(path, error);
  while (!fs::exists(existing, error) && existing.has_relative_path()) {
    existing = existing.parent_path();
  }
  return existing;
}

Diagnosis look_at_home(const fs::path& home) {
  constexpr double kLittle = 200e6;  // bytes: some dozen sets of weights and checkpoints
  const fs::path existing = nearest_existing(home);
  std::error_code error;
  if (!fs::is_directory(existing, error) || ::access(existing.c_str(), W_OK | X_OK) != 0) {
    return {"home",
            Verdict::kMissing,
            existing.string() + " is no folder that can be written to",
            "choose another with --home or SYMBIONT_HOME",
            "",
            true};
  }
  const fs::space_info space = fs::space(existing, error);
  const double free = error ? 0.0 : static_cast<double>(space.available);
  return {"home", free < kLittle ? Verdict::kAdvice : Verdict::kOk,
          fmt::format("{}, {:.3g} GB free", home.string(), free / 1e9),
          free < kLittle ? "make room, or choose another with --home" : "", ""};
}

Diagnosis look_at_ledger(const StateOptions& state, const std::string& url) {
  const auto ledger = ledger::Ledger::open_read_only(url);
  if (!ledger && ledger.error().code() == ErrorCode::kNotFound) {
    return {"ledger", Verdict::kOk, "none yet; the first run makes it", "", ""};
  }
  if (!ledger) {
    return {"ledger",
            Verdict::kMissing,
            ledger.error().message(),
            state.ledger.empty() ? "choose another --home, or a copy of the ledger" : "",
            "",
            true};
  }
  const auto jobs = ledger->jobs();
  if (!jobs) {
    return {"ledger",
            Verdict::kMissing,
            jobs.error().message(),
            "see what is wrong: symbiont ledger check",
            "",
            true};
  }
  return {"ledger", Verdict::kOk,
          fmt::format("{}, {} job{}", url, jobs->size(), jobs->size() == 1 ? "" : "s"), "", ""};
}

/// Kinds of statfs(2) that do not keep the promises which a ledger in write-ahead mode relies on.
struct FileSystem {
  std::uint32_t magic;
  const char* name;
  const char* why;
};
constexpr const char* kShared =
    "several machines do not share its locks and memory; put the ledger on a local disk (--ledger)";
constexpr const char* kVolatile = "a restart of the machine empties it";
constexpr std::array kFileSystems = {
    FileSystem{0x6969, "NFS", kShared},          FileSystem{0xFF534D42, "CIFS", kShared},
    FileSystem{0xFE534D42, "SMB", kShared},      FileSystem{0x517B, "SMB", kShared},
    FileSystem{0x00C36400, "Ceph", kShared},     FileSystem{0x0BD00BD0, "Lustre", kShared},
    FileSystem{0x47504653, "GPFS", kShared},     FileSystem{0x5346414F, "AFS", kShared},
    FileSystem{0x01021997, "9P", kShared},       FileSystem{0x65735546, "FUSE", kShared},
    FileSystem{0x01021994, "memory", kVolatile},
};

Diagnosis look_at_file_system(const fs::path& file) {
  const fs::path existing = nearest_existing(file);
  struct statfs found = {};
  if (::statfs(existing.c_str(), &found) != 0) {
    return {"ledger's disk", Verdict::kAdvice, existing.string() + " says nothing of itself", "",
            ""};
  }
  const auto magic = static_cast<std::uint32_t>(found.f_type);
  for (const FileSystem& one : kFileSystems) {
    if (one.magic == magic) {
      return {"ledger's disk", Verdict::kAdvice,
              fmt::format("{}, on {}", existing.string(), one.name), one.why, ""};
    }
  }
  return {"ledger's disk", Verdict::kOk, existing.string() + ", a local file system", "", ""};
}

/// Grams are those of the hour, so the hour has to be right.
Diagnosis look_at_clock() {
  struct timex state = {};
  const bool known = ::adjtimex(&state) >= 0;
  const std::time_t now = std::chrono::system_clock::to_time_t(std::chrono::system_clock::now());
  const std::string time = fmt::format("{:%F %R} UTC", fmt::gmtime(now));
  if (known && (state.status & STA_UNSYNC) == 0) {
    return {"clock", Verdict::kOk, time + ", synchronised", "", ""};
  }
  return {"clock", Verdict::kAdvice, time + ", not synchronised as far as the kernel knows",
          "grams of a series go by the hour: timedatectl set-ntp true", ""};
}

std::vector<Diagnosis> look_at_state(const StateOptions& state) {
  const auto home = state.home_directory();
  const auto url = state.ledger_url();
  if (!home || !url) {
    const Error& error = home ? url.error() : home.error();
    return {{"home", Verdict::kMissing, error.message(), "give --home", "", true}};
  }
  const std::string path = url->starts_with("sqlite:") ? url->substr(7) : *url;
  return {look_at_home(*home), look_at_ledger(state, *url), look_at_file_system(path)};
}

}  // namespace

std::vector<Diagnosis> examine(const StateOptions& state) {
  std::vector<Diagnosis> list = {look_at_energy()};
  const auto append = [&list](std::vector<Diagnosis> more) {
    std::move(more.begin(), more.end(), std::back_inserter(list));
  };
  append(look_at_meters());
  append({look_at_perf(), look_at_control_group(), look_at_clock()});
  append({look_at_blas(), look_at_trainer(), look_at_supervisor()});
  append({look_at_data("fashion-mnist", "dataset-fashion-mnist"),
          look_at_data("digits", "python3-sklearn")});
  append(look_at_state(state));
  return list;
}

}  // namespace symbiont::app
