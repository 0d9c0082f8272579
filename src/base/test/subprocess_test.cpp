#include "symbiont/base/subprocess.h"

#include <array>
#include <fstream>
#include <functional>
#include <thread>

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "symbiont/base/file.h"
#include "temporary_directory.h"

namespace symbiont {
namespace {

using std::chrono::milliseconds;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using testing::TemporaryDirectory;

constexpr milliseconds kLong{20'000};  // never waited for in full

SpawnOptions shell(std::string script) {
  SpawnOptions options;
  options.argv = {"/bin/sh", "-c", std::move(script)};
  return options;
}

Subprocess spawned(const SpawnOptions& options) {
  Result<Subprocess> child = Subprocess::spawn(options);
  SYM_CHECK(child.has_value());
  return *std::move(child);
}

/// What a script prints, run to its end.
std::string output_of(SpawnOptions options) {
  const TemporaryDirectory directory;
  options.stdout_file = directory / "out";
  spawned(options).wait(kLong);
  return read_file(options.stdout_file).value();
}

bool eventually(const std::function<bool()>& condition) {
  for (int tries = 0; tries < 2000; ++tries) {
    if (condition()) {
      return true;
    }
    std::this_thread::sleep_for(milliseconds(5));
  }
  return false;
}

/// A pid that a script wrote to a file, once it has.
pid_t pid_in(const std::filesystem::path& path) {
  pid_t pid = 0;
  eventually([&] { return static_cast<bool>(std::ifstream(path) >> pid); });
  return pid;
}

TEST(Subprocess, TellsHowItsChildEnded) {
  EXPECT_TRUE(spawned(shell("exit 0")).wait(kLong)->success());
  EXPECT_EQ(spawned(shell("exit 3")).wait(kLong)->describe(), "exit code 3");
  EXPECT_EQ(spawned(shell("kill -9 $$")).wait(kLong)->describe(), "killed by signal 9 (Killed)");
}

TEST(Subprocess, GivesUpWaitingWhenTheTimeIsOver) {
  Subprocess child = spawned(shell("sleep 60"));

  EXPECT_FALSE(child.wait(milliseconds(0)));
  EXPECT_FALSE(child.wait(milliseconds(30)));
  child.signal_group(SIGKILL);
  EXPECT_EQ(child.wait(kLong)->signal, SIGKILL);
  EXPECT_EQ(child.wait(milliseconds(0))->signal, SIGKILL);
}

TEST(Subprocess, AcceptsTheLongestTimeout) {
  EXPECT_TRUE(spawned(shell("exit 0")).wait(milliseconds::max()));
}

TEST(Subprocess, PassesArgumentsUntouchedByAnyShell) {
  SpawnOptions options;
  options.argv = {"printf", "%s|", "a b", "$HOME", "", "*"};
  EXPECT_EQ(output_of(options), "a b|$HOME||*|");
}

TEST(Subprocess, AddsToTheEnvironmentAndReplacesInIt) {
  setenv("SYMBIONT_TEST_OLD", "old", 1);
  SpawnOptions options = shell("echo $SYMBIONT_TEST_OLD $SYMBIONT_TEST_NEW ${PATH:+path}");
  options.environment = {{"SYMBIONT_TEST_OLD", "replaced"},
                         {"SYMBIONT_TEST_NEW", "first"},
                         {"SYMBIONT_TEST_NEW", "last"}};
  EXPECT_EQ(output_of(options), "replaced last path\n");
  unsetenv("SYMBIONT_TEST_OLD");
}

TEST(Subprocess, RunsInTheWorkingDirectory) {
  SpawnOptions options = shell("pwd");
  options.working_directory = "/usr";
  EXPECT_EQ(output_of(options), "/usr\n");
}

TEST(Subprocess, AppendsBothStreamsToFilesAndReadsNothing) {
  const TemporaryDirectory directory;
  SpawnOptions options = shell("cat; echo out; echo err >&2");
  options.stdout_file = directory / "out";
  options.stderr_file = directory / "err";
  for (int run = 0; run < 2; ++run) {
    spawned(options).wait(kLong);
  }
  EXPECT_EQ(read_file(directory / "out").value(), "out\nout\n");
  EXPECT_EQ(read_file(directory / "err").value(), "err\nerr\n");
}

TEST(Subprocess, WritesBothStreamsToADescriptorOfItsParent) {
  std::array<int, 2> ends{};
  ASSERT_EQ(pipe2(ends.data(), O_CLOEXEC), 0);
  const FileDescriptor read_end(ends[0]);
  FileDescriptor write_end(ends[1]);
  SpawnOptions options = shell("echo out; echo err >&2");
  options.output_descriptor = write_end.get();
  spawned(options).wait(kLong);
  write_end.reset();
  std::string bytes(100, ' ');
  bytes.resize(static_cast<std::size_t>(read(read_end.get(), bytes.data(), bytes.size())));
  EXPECT_EQ(bytes, "out\nerr\n");
}

TEST(Subprocess, FindsTheProgramThatItWouldExecute) {
  EXPECT_THAT(find_program("sh").value_or(""), EndsWith("/sh"));
  EXPECT_EQ(find_program("/no/such").value_or(""), "/no/such") << "left for the start to find out";
  EXPECT_EQ(find_program("no-such-program").error().code(), ErrorCode::kNotFound);
}

TEST(Subprocess, InheritsNoOtherDescriptor) {
  const int leaky = open("/dev/null", O_RDONLY);  // without O_CLOEXEC, as a library might
  // Beside the three streams there is the one with which ls reads the directory.
  EXPECT_EQ(output_of(shell("ls /proc/self/fd | wc -l")), "4\n");
  close(leaky);
}

TEST(Subprocess, StartsWithSignalsAsAFreshProgramExpectsThem) {
  signal(SIGINT, SIG_IGN);
  sigset_t blocked;
  sigset_t before;
  sigemptyset(&blocked);
  sigaddset(&blocked, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &blocked, &before);

  const std::string status =
      output_of(shell("grep -E '^Sig(Blk|Ign)' /proc/self/status | cut -f2 | tr '\\n' ' '"));

  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  signal(SIGINT, SIG_DFL);
  EXPECT_EQ(status, "0000000000000000 0000000000000000 ");
}

TEST(Subprocess, ReportsAtOnceThatAProgramDoesNotExist) {
  SpawnOptions options;
  options.argv = {"no-such-program-of-ours"};
  EXPECT_EQ(Subprocess::spawn(options).error().message(),
            "start no-such-program-of-ours: no such program in PATH");
  EXPECT_EQ(Subprocess::spawn(options).error().code(), ErrorCode::kNotFound);

  options.argv = {"/nowhere/trainer"};
  EXPECT_EQ(Subprocess::spawn(options).error().message(),
            "start /nowhere/trainer: No such file or directory");
  EXPECT_EQ(Subprocess::spawn(options).error().code(), ErrorCode::kNotFound);
}

TEST(Subprocess, ReportsAtOnceThatAProgramCannotBeExecuted) {
  const TemporaryDirectory directory;
  std::ofstream(directory / "script") << "#!/bin/sh\n";
  SpawnOptions options;
  options.argv = {(directory / "script").string()};

  EXPECT_EQ(Subprocess::spawn(options).error().code(), ErrorCode::kPermissionDenied);
}

TEST(Subprocess, ReportsWhatElseCannotBePrepared) {
  SpawnOptions options = shell("exit 0");
  options.working_directory = "/nowhere";
  EXPECT_EQ(Subprocess::spawn(options).error().message(),
            "start /bin/sh: enter directory /nowhere: No such file or directory");

  options = shell("exit 0");
  options.stdout_file = "/nowhere/out";
  EXPECT_EQ(Subprocess::spawn(options).error().message(),
            "open /nowhere/out: No such file or directory");

  EXPECT_EQ(Subprocess::spawn(SpawnOptions()).error().code(), ErrorCode::kInvalidArgument);
  options = shell(std::string("a\0b", 3));
  EXPECT_EQ(Subprocess::spawn(options).error().code(), ErrorCode::kInvalidArgument);
  options = shell("exit 0");
  options.environment = {{"A=B", "c"}};
  EXPECT_EQ(Subprocess::spawn(options).error().code(), ErrorCode::kInvalidArgument);
}

TEST(Subprocess, TerminatesPolitelyFirst) {
  const TemporaryDirectory directory;
  Subprocess child = spawned(shell("trap 'exit 7' TERM; echo $$ > " + (directory / "pid").string() +
                                   "; while :; do sleep 0.01; done"));
  ASSERT_EQ(pid_in(directory / "pid"), child.pid());

  EXPECT_EQ(child.terminate(kLong).describe(), "exit code 7");
}

TEST(Subprocess, KillsAChildThatDoesNotComply) {
  const TemporaryDirectory directory;
  Subprocess child = spawned(shell("trap '' TERM; echo $$ > " + (directory / "pid").string() +
                                   "; while :; do sleep 0.01; done"));
  ASSERT_EQ(pid_in(directory / "pid"), child.pid());

  EXPECT_EQ(child.terminate(milliseconds(20)).signal, SIGKILL);
}

TEST(Subprocess, LeavesNoGrandchildWhenDestroyed) {
  const TemporaryDirectory directory;
  pid_t grandchild = 0;
  {
    const Subprocess child =
        spawned(shell("sleep 60 & echo $! > " + (directory / "pid").string() + "; wait"));
    grandchild = pid_in(directory / "pid");
    ASSERT_TRUE(identify_process(grandchild));
  }
  EXPECT_TRUE(eventually([&] { return !identify_process(grandchild); }));
}

TEST(Subprocess, LeavesNoGrandchildWhenTheChildEndsByItself) {
  const TemporaryDirectory directory;
  Subprocess child = spawned(shell("sleep 60 & echo $! > " + (directory / "pid").string()));
  const pid_t grandchild = pid_in(directory / "pid");

  EXPECT_TRUE(child.wait(kLong)->success());
  EXPECT_TRUE(eventually([&] { return !identify_process(grandchild); }));
}

TEST(Subprocess, DiesWithAParentThatIsKilled) {
  const TemporaryDirectory directory;
  const pid_t parent = fork();
  if (parent == 0) {
    const Subprocess child =
        spawned(shell("echo $$ > " + (directory / "pid").string() + "; exec sleep 60"));
    pause();
    _exit(0);
  }
  const pid_t child = pid_in(directory / "pid");
  ASSERT_TRUE(identify_process(child));
  kill(parent, SIGKILL);
  waitpid(parent, nullptr, 0);

  EXPECT_TRUE(eventually([&] { return !identify_process(child); }));
}

TEST(Subprocess, CanBeMovedAndReplacedAndStillOwnsOneChild) {
  Subprocess first = spawned(shell("sleep 60"));
  const pid_t first_pid = first.pid();
  Subprocess second = spawned(shell("exit 5"));

  first = std::move(second);

  EXPECT_FALSE(identify_process(first_pid));
  EXPECT_EQ(first.wait(kLong)->exit_code, 5);
}

TEST(IdentifyProcess, IsTheSameForALiveProcessAndNothingForADeadOne) {
  const auto self = identify_process(getpid());
  ASSERT_TRUE(self);
  EXPECT_EQ(self, identify_process(getpid()));
  EXPECT_GT(self->start_ticks, 0);

  Subprocess child = spawned(shell("exit 0"));
  EXPECT_TRUE(eventually([&] { return !identify_process(child.pid()); }));  // a zombie is gone
  EXPECT_FALSE(identify_process(0));
  EXPECT_FALSE(identify_process(-1));
}

TEST(IdentifyProcess, IsNotFooledByAStrangeProgramName) {
  const TemporaryDirectory directory;
  const auto program = directory / "a) Z (b 1 2";
  std::filesystem::copy_file("/bin/sleep", program);
  SpawnOptions options;
  options.argv = {program.string(), "60"};
  const Subprocess child = spawned(options);

  const auto identity = identify_process(child.pid());
  ASSERT_TRUE(identity);
  EXPECT_GE(identity->start_ticks, identify_process(getpid())->start_ticks);
}

TEST(TailOfFile, GivesTheLastLines) {
  const TemporaryDirectory directory;
  const auto path = directory / "log";
  std::ofstream(path) << "one\ntwo\n\nfour\n";

  EXPECT_EQ(tail_of_file(path, 1), "four");
  EXPECT_EQ(tail_of_file(path, 3), "two\n\nfour");
  EXPECT_EQ(tail_of_file(path, 4), "one\ntwo\n\nfour");
  EXPECT_EQ(tail_of_file(path, 100), "one\ntwo\n\nfour");
  EXPECT_EQ(tail_of_file(path, 0), "");
}

TEST(TailOfFile, IsBoundedAndEmptyWhenThereIsNothingToRead) {
  const TemporaryDirectory directory;
  const auto path = directory / "log";
  std::ofstream(path) << std::string(200'000, 'x') << "\nend\n";

  EXPECT_EQ(tail_of_file(path, 1), "end");
  EXPECT_LE(tail_of_file(path, 2).size(), 64U << 10);
  EXPECT_THAT(tail_of_file(path, 2), EndsWith("xxx\nend"));
  EXPECT_EQ(tail_of_file(directory / "none", 5), "");
  EXPECT_EQ(tail_of_file(directory.path(), 5), "");
}

}  // namespace
}  // namespace symbiont
