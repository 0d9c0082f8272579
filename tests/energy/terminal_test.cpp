// `symbiont energy measure` on a terminal.

#include <fstream>

#include <gtest/gtest.h>
#include <pty.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "desk.h"

namespace symbiont::energy_command {
namespace {

/// A session with a terminal of its own, whose keys are ours.
class Terminal {
 public:
  Terminal(const Desk& desk, const std::string& script) {
    pid_ = ::forkpty(&keyboard_, nullptr, nullptr, nullptr);
    if (pid_ > 0) return;
    static_cast<void>(!::chdir((desk / ".").c_str()));
    ::execl(SYMBIONT_PROGRAM, SYMBIONT_PROGRAM, "energy", "measure", "--output", "out.json", "--",
            "sh", "-c", script.c_str(), nullptr);
    ::_exit(99);
  }
  ~Terminal() {
    ::close(keyboard_);
    if (pid_ <= 0) return;
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
  }
  Terminal(const Terminal&) = delete;
  Terminal& operator=(const Terminal&) = delete;

  void press(char key) const { EXPECT_EQ(::write(keyboard_, &key, 1), 1); }
  int wait() {
    int status = -1;
    EXPECT_TRUE(eventually([&] { return ::waitpid(pid_, &status, WNOHANG) == pid_; }));
    pid_ = -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  }

 private:
  pid_t pid_ = -1;
  int keyboard_ = -1;
};

TEST(Measure, LeavesTheTerminalToTheCommand) {
  const Desk desk;
  Terminal terminal(desk, "test -t 0 && test -t 1 && test -t 2 && read word && echo $word > word");
  for (const char key : std::string("hello\n")) terminal.press(key);

  EXPECT_EQ(terminal.wait(), 0);
  EXPECT_EQ(desk.text("word"), "hello\n");
}

TEST(Measure, DoesNotRepeatWhatTheTerminalHasTold) {
  const Desk desk;
  Terminal terminal(desk,
                    "trap 'echo int >> heard' INT; touch ready; "
                    "until [ -e go ]; do sleep 0.01; done; exit 3");
  EXPECT_TRUE(eventually([&] { return desk.has("ready"); }));
  terminal.press('\x03');
  EXPECT_TRUE(eventually([&] { return !desk.text("heard").empty(); }));
  desk.write("go", "");

  EXPECT_EQ(terminal.wait(), 3);
  EXPECT_EQ(desk.text("heard"), "int\n");
}

TEST(Measure, ReportsOnACommandThatCtrlCEnds) {
  const Desk desk;
  Terminal terminal(desk, "touch ready; while :; do sleep 0.01; done");
  EXPECT_TRUE(eventually([&] { return desk.has("ready"); }));
  terminal.press('\x03');

  EXPECT_EQ(terminal.wait(), 128 + SIGINT);
  EXPECT_EQ(nlohmann::json::parse(desk.text("out.json"))["signal"], SIGINT);
}

// Nobody could continue this session: the kernel does not let Ctrl-Z stop it, nor us.
TEST(Measure, IsNotLeftStoppedWhereNobodyCouldContinueIt) {
  const Desk desk;
  Terminal terminal(desk, "touch ready; until [ -e go ]; do sleep 0.01; done; exit 4");
  EXPECT_TRUE(eventually([&] { return desk.has("ready"); }));
  terminal.press('\x1a');
  desk.write("go", "");

  EXPECT_EQ(terminal.wait(), 4);
}

}  // namespace
}  // namespace symbiont::energy_command
