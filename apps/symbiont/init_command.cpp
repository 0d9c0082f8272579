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

int init(const std::string& file) {
  std::error_code unknown;  // whatever keeps us from looking also keeps us from writing
  if (std::filesystem::exists(std::filesystem::symlink_status(file, unknown))) {
    return report_error(Error(ErrorCode::kAlreadyExists, file + ": exists, and is left as it is"));
  }
  const std::string text = jobs::job_file_template(job_name_of(file));
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
  command->add_option("FILE", *file, "Where to write it")->type_name("FILE")->capture_default_str();
  command->footer("Example:\n  symbiont init nightly.toml");
  command->callback([file, &exit_code] { exit_code = init(*file); });
}

}  // namespace symbiont::app
