#include <cstdio>
#include <filesystem>
#include <memory>

#include "command.h"
#include "symbiont/base/file.h"
#include "symbiont/jobs/job_file.h"

namespace symbiont::app {
namespace {

/// "nightly.toml" names the job "nightly".
std::string job_name_of(const std::filesystem::path& file) {
  const std::string stem = file.stem().string();
  return stem == "job" || stem.empty() ? "my-job" : stem;
}

int init(const std::string& file, bool plain) {
  std::error_code unknown;  // whatever keeps us from looking also keeps us from writing
  if (std::filesystem::exists(std::filesystem::symlink_status(file, unknown))) {
    return report_error(Error(ErrorCode::kAlreadyExists, file + ": exists, and is left as it is"));
  }
  const std::string name = job_name_of(file);
  const std::string text =
      plain ? jobs::plain_job_file_template(name) : jobs::job_file_template(name);
  if (const auto valid = jobs::parse_job_file(text, file); !valid) {
    return report_error(valid.error());  // a file name that is no job name
  }
  if (const auto written = write_file_atomically(file, text); !written) {
    return report_error(written.error());
  }
  std::printf("wrote %s; next: symbiont run %s --check\n", file.c_str(), file.c_str());
  return kDone;
}

}  // namespace

void add_init_command(CLI::App& app, int& exit_code) {
  CLI::App* command = app.add_subcommand("init", "Write a commented job file to start from");
  const auto file = std::make_shared<std::string>("job.toml");  // shared with the callback
  const auto plain = std::make_shared<bool>(false);
  command->add_flag("--plain", *plain, "For a training command of your own, run as it is");
  command->add_option("FILE", *file, "Where to write it")->type_name("FILE")->capture_default_str();
  command->footer("Example:\n  symbiont init nightly.toml\n  symbiont init --plain my-script.toml");
  command->callback([file, plain, &exit_code] { exit_code = init(*file, *plain); });
}

}  // namespace symbiont::app
