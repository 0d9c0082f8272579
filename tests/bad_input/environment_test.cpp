// Stories of disks, folders and streams that do not take what is written to them.

#include <csignal>
#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "mount.h"
#include "room.h"
#include "symbiont/base/file.h"

namespace symbiont::testing {
namespace {

using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::StartsWith;
using Json = nlohmann::json;

const Words kRun = {"run", "job.toml", "--json"};

/// What is expected inside a child process counts there; its verdict comes back as the exit code.
bool as_expected() {
  return !::testing::Test::HasFailure();
}

void run_on_small_disk(const Room& room, const std::string& size,
                       const std::function<void()>& story) {
  fs::create_directory(room.home());
  const int result = on_small_disk(room.home(), size, [&] {
    story();
    return as_expected();
  });
  if (result == kCannotMount) {
    GTEST_SKIP() << "mounting a file system is not permitted here";
  }
  EXPECT_EQ(result, 0);
}

/// Takes all the room that is left on a disk.
void fill(const fs::path& folder) {
  std::ofstream ballast(folder / "ballast", std::ios::binary | std::ios::app);
  const std::string block(4096, '\0');
  while (ballast.write(block.data(), static_cast<std::streamsize>(block.size())).flush()) {
  }
}

TEST(BadHome, BelowAFileIsRefused) {
  const Room room;
  room.write(room / "file", "");
  const Ended ended = room.run({"run", "job.toml", "--json", "--home", "file/home"});
  EXPECT_EQ(ended.status.exit_code, 2) << ended.message;
  EXPECT_EQ(ended.output, "");
  EXPECT_THAT(ended.message, HasSubstr("file/home: Not a directory"));
  room.expect_clean();
}

TEST(BadHome, ThatCannotBeWrittenIsNamed) {
  const Room room;
  run_on_small_disk(room, "1m", [&] {
    ASSERT_TRUE(make_read_only(room.home()));
    const Ended ended = room.run(kRun);
    EXPECT_EQ(ended.status.exit_code, 1) << ended.message;
    EXPECT_EQ(ended.output, "");
    EXPECT_THAT(ended.message, HasSubstr("no permission to write"));
  });
}

TEST(BadHome, OnAFullDiskIsNamed) {
  const Room room;
  run_on_small_disk(room, "1m", [&] {
    fill(room.home());
    const Ended ended = room.run(kRun);
    EXPECT_EQ(ended.status.exit_code, 1) << ended.message;
    EXPECT_EQ(ended.output, "");
    EXPECT_THAT(ended.message, HasSubstr("disk is full"));
  });
}

TEST(BadHome, ThatFillsUpDuringARunIsNamedAndTheRunResumesWhenThereIsSpace) {
  const Room room;
  run_on_small_disk(room, "4m", [&] {
    room.write_worker("--samples=3200 --step-ms=5");
    Running running = room.start(kRun);
    ASSERT_TRUE(room.worker_says("checkpoint 1 0"));
    fill(room.home());
    const Ended ended = running.wait();
    EXPECT_EQ(ended.status.exit_code, 1) << ended.message;
    EXPECT_THAT(ended.message,
                ::testing::AnyOf(HasSubstr("disk is full"), HasSubstr("No space left on device")));

    fs::remove(room.home() / "ballast");
    room.expect_clean();
    room.write_worker("--samples=3200");
    const Ended resumed = room.run(kRun);
    EXPECT_EQ(resumed.status.exit_code, 0) << resumed.message;
    EXPECT_TRUE(Json::parse(resumed.output)["resumed"]);
    room.expect_clean();
  });
}

/// What a command says of the weights.
std::string weights_line(const Ended& ended) {
  const std::size_t begin = ended.output.find("weights ");
  return ended.output.substr(begin, ended.output.find('\n', begin) - begin);
}

TEST(AnyHome, IsNamedAsItCanBeUsedFromWhereOneIs) {
  const Room room;
  const Ended beside = room.run({"run", "job.toml"});
  EXPECT_THAT(weights_line(beside),
              HasSubstr(" home/jobs/trial/attempt-1/weights.safetensors (older"))
      << beside.message;
  EXPECT_THAT(beside.output, HasSubstr("\nreport    home/reports/trial-1.html\n"));
  const Ended below =
      room.run_redirected(R"(export HOME="$PWD"; cd / && exec "$@")", {"report", "trial"});
  EXPECT_THAT(weights_line(below), HasSubstr(" ~/home/jobs/trial/attempt-1/weights.safetensors"));
  EXPECT_THAT(below.output, HasSubstr("\nreport    ~/home/reports/trial-1.html\n"));
  const Ended elsewhere =
      room.run_redirected(R"(export HOME=/nowhere; cd / && exec "$@")", {"report", "trial"});
  EXPECT_THAT(weights_line(elsewhere),
              HasSubstr(" " + (room.home() / "jobs/trial/attempt-1/weights.safetensors").string()));
  EXPECT_THAT(elsewhere.output,
              HasSubstr("\nreport    " + (room.home() / "reports/trial-1.html").string() + "\n"));
}

TEST(BadPlaceForThePage, IsAnErrorBeforeTheRunAndAWarningAfterIt) {
  const Room room;
  EXPECT_EQ(room.run({"run", "job.toml", "--report", "/dev/full"}).status.exit_code, 2);
  EXPECT_FALSE(room.has_ledger());

  fs::create_directory(room / "pages");
  room.write_worker("--step-ms=20");
  Running running =
      room.start({"run", "job.toml", "--json", "--report", room / "pages" / "a.html"});
  ASSERT_TRUE(room.worker_says("run"));
  fs::remove(room / "pages");
  const Ended ended = running.wait();
  EXPECT_EQ(ended.status.exit_code, 0) << ended.message;
  EXPECT_THAT(ended.message, HasSubstr("warning: the report was not written: "));
  EXPECT_TRUE(Json::parse(ended.output)["report"].is_null());

  const Ended report = room.run({"report", "trial", "--html", "/dev/full"});
  EXPECT_EQ(report.status.exit_code, 2) << report.message;
  EXPECT_EQ(report.output, "");
  room.expect_clean();
}

TEST(BadPlaceForThePage, IsAFileThatIsNoPage) {
  const Room room;
  ASSERT_EQ(room.run(kRun).status.exit_code, 0);
  const std::string before = room.exported();
  const Ended report = room.run({"report", "trial", "--html", room.ledger()});
  EXPECT_EQ(report.status.exit_code, 2);
  EXPECT_THAT(report.message, HasSubstr("is no HTML page"));
  EXPECT_EQ(room.exported(), before);
  EXPECT_EQ(room.run({"run", "job.toml", "--report", "job.toml"}).status.exit_code, 2);
  room.expect_clean();
}

void expect_page(const Room& room, const std::string& name, const std::string& words) {
  const Ended report = room.run({"report", "trial", "--html", name});
  EXPECT_EQ(report.status.exit_code, 0) << report.message;
  EXPECT_THAT(report.output, HasSubstr("report    " + name));
  const std::string page = read_file(room / name).value_or("");
  EXPECT_THAT(page, StartsWith("<!DOCTYPE html>"));
  EXPECT_THAT(page, HasSubstr(words));
  EXPECT_THAT(page, EndsWith("</html>\n"));
}

TEST(Page, IsLeftByEveryRunAndMadeAgainFromTheLedger) {
  const Room room;
  const Json run = Json::parse(room.run(kRun).output);
  const fs::path usual = room.home() / "reports" / "trial-1.html";
  EXPECT_EQ(run["report"], usual.string());
  EXPECT_TRUE(fs::exists(usual));

  const Ended table = room.run({"report", "trial", "--html", "page.html"});
  EXPECT_EQ(table.status.exit_code, 0) << table.message;
  EXPECT_THAT(table.output, HasSubstr("report    page.html"));
  EXPECT_EQ(fs::file_size(room / "page.html"), fs::file_size(usual));

  const Ended elsewhere = room.run({"run", "job.toml", "--json", "--report", "second.html"});
  EXPECT_EQ(Json::parse(elsewhere.output)["report"], "second.html");
  EXPECT_TRUE(fs::exists(room / "second.html"));
  EXPECT_FALSE(fs::exists(room.home() / "reports" / "trial-2.html"));
}

TEST(Page, IsMadeOfARunThatFailed) {
  const Room room;
  room.write_worker("--misbehave=exit");
  ASSERT_EQ(room.run(kRun).status.exit_code, 1);
  expect_page(room, "page.html", "failed at 16");
  room.expect_clean();
}

TEST(Page, IsMadeOfARunThatWasInterrupted) {
  const Room room;
  room.write_worker("--samples=4000 --step-ms=5");
  Running running = room.start(kRun);
  ASSERT_TRUE(room.worker_says("run"));
  running.process.signal_group(SIGTERM);
  ASSERT_EQ(running.wait().status.exit_code, 5);
  expect_page(room, "page.html", "interrupted at 16");
  room.expect_clean();
}

class BadOutput : public ::testing::TestWithParam<const char*> {};

TEST_P(BadOutput, IsNoSuccess) {
  const Room room;
  ASSERT_EQ(room.run(kRun).status.exit_code, 0);
  for (const Words& words : {
           kRun,
           Words{"run", "job.toml", "--check"},
           Words{"report", "trial", "--json"},
           Words{"report", "trial"},
           Words{"status", "--json"},
           Words{"ledger", "check", "--json"},
           Words{"ledger", "export"},
           Words{"doctor", "--json"},
           Words{"init", "another.toml"},
           Words{"--help"},
           Words{"--version"},
       }) {
    const Ended ended = room.run_redirected(GetParam(), words);
    EXPECT_EQ(ended.status.exit_code, 1) << words.front() << ": " << ended.message;
    EXPECT_THAT(ended.message, HasSubstr("standard output"));
  }
  room.expect_clean();
}

INSTANTIATE_TEST_SUITE_P(Streams, BadOutput,
                         ::testing::Values(R"(exec "$@" >&-)", R"(exec "$@" >/dev/full)"),
                         [](const auto& stream) { return stream.index == 0 ? "Closed" : "Full"; });

TEST(BadStreams, DoNotMisleadARunThatStartsWithoutAny) {
  const Room room;
  const Ended ended = room.run_redirected(R"(exec "$@" <&- >&- 2>&-)", kRun);
  EXPECT_EQ(ended.status.exit_code, 1);
  const Ended report = room.run({"report", "trial", "--json"});
  EXPECT_EQ(report.status.exit_code, 0) << report.message;
  room.expect_clean();
}

/// Paths hold any bytes; TOML and JSON do not.
TEST(BadPath, ThatIsNotUtf8IsNoReasonToBreakDown) {
  const Room room;
  const fs::path folder = room / "m\xfcll";
  fs::create_directory(folder);
  for (const char* name : {"job.toml", "data", "energy.csv"}) {
    fs::rename(room / name, folder / name);
  }
  const std::string job = (folder / "job.toml").string();
  const std::string home = (folder / "home").string();
  for (const Words& words : {
           Words{"run", job, "--check", "--json"},
           Words{"run", job, "--json"},
           Words{"report", "trial", "--json"},
           Words{"doctor", "--json", "--home", home},
           Words{"status", "--json", "--home", home},
       }) {
    const Ended ended = room.run(words);
    EXPECT_TRUE(ended.status.success()) << words.front() << ": " << ended.message;
    EXPECT_TRUE(Json::accept(ended.output)) << ended.output;
  }
  room.expect_clean();
}

/// Workers are told where to write in JSON.
TEST(BadPath, ThatWorkersCannotBeToldIsNoHome) {
  const Room room;
  const Ended ended =
      room.run({"run", "job.toml", "--json", "--home", (room / "m\xfcll").string()});
  EXPECT_EQ(ended.status.exit_code, 2) << ended.message;
  EXPECT_EQ(ended.output, "");
  EXPECT_THAT(ended.message, HasSubstr("is not UTF-8"));
  EXPECT_FALSE(fs::exists(room / "m\xfcll"));
  room.expect_clean();
}

TEST(BadPath, ThatIsTooLongIsRefused) {
  const Room room;
  const std::string name(5000, 'a');
  for (const Words& words :
       {Words{"init", name}, Words{"run", name}, Words{"run", "job.toml", "--home", name},
        Words{"report", name}, Words{"ledger", "check", "--ledger", name},
        Words{"tune", "replay", "--traces", name, "--tape", name}}) {
    const Ended ended = room.run(words);
    EXPECT_EQ(ended.status.signal, 0) << words.front() << ": " << ended.message;
    EXPECT_EQ(ended.status.exit_code, 2) << words.front() << ": " << ended.message;
    EXPECT_EQ(ended.output, "");
  }
  EXPECT_FALSE(room.has_ledger());
  room.expect_clean();
}

TEST(BadPath, FromAFolderThatIsGoneIsRefused) {
  const Room room;
  const Ended ended =
      room.run_redirected(R"(mkdir gone && cd gone && rmdir ../gone && exec "$@")",
                          {"run", room.job_file().string(), "--json", "--home", "home"});
  EXPECT_EQ(ended.status.signal, 0) << ended.message;
  EXPECT_NE(ended.status.exit_code, 0);
  EXPECT_EQ(ended.output, "");
  EXPECT_THAT(ended.message, HasSubstr("No such file or directory"));
  room.expect_clean();
}

}  // namespace
}  // namespace symbiont::testing
