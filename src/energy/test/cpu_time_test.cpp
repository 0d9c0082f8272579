#include "symbiont/energy/cpu_time.h"

#include <filesystem>
#include <fstream>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "symbiont/base/subprocess.h"

namespace symbiont::energy {
namespace {

using std::chrono::milliseconds;
using std::chrono::nanoseconds;

constexpr milliseconds kBurn{60};
constexpr milliseconds kTicks{25};     // cutime and cstime are whole clock ticks each
constexpr milliseconds kOverhead{50};  // fork, exit and a slow machine

nanoseconds own_cpu_time() {
  timespec time{};
  ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
  return std::chrono::seconds(time.tv_sec) + nanoseconds(time.tv_nsec);
}

void burn(nanoseconds duration) {
  const nanoseconds end = own_cpu_time() + duration;
  while (own_cpu_time() < end) {
  }
}

/// A child that does as told, one order at a time, and may have a child of its own.
class Worker {
 public:
  enum Order : char {
    kBurnItself = 'b',   // use processor time itself
    kForkAndKeep = 'f',  // fork a child that uses processor time and stays
    kEndChild = 'e',     // end and reap that child
    kForkAndReap = 'r',  // fork a child that uses processor time and ends, and reap it
  };

  Worker() {
    EXPECT_EQ(::pipe(orders_), 0);
    EXPECT_EQ(::pipe(replies_), 0);
    pid_ = ::fork();
    if (pid_ == 0) serve();
  }
  ~Worker() {
    kill_and_reap();
    for (const int fd : {orders_[0], orders_[1], replies_[0], replies_[1]}) ::close(fd);
  }
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  pid_t pid() const { return pid_; }

  /// Returns when the order is done: the child's pid, if it has one.
  pid_t tell(Order order) {
    pid_t reply = 0;
    EXPECT_EQ(::write(orders_[1], &order, 1), 1);
    EXPECT_EQ(::read(replies_[0], &reply, sizeof reply), static_cast<ssize_t>(sizeof reply));
    return reply;
  }

  void kill_and_reap() {
    if (pid_ <= 0) return;
    ::kill(pid_, SIGKILL);
    ::waitpid(std::exchange(pid_, 0), nullptr, 0);
  }

 private:
  [[noreturn]] void serve() {
    pid_t child = 0;
    for (char order = 0; ::read(orders_[0], &order, 1) == 1;) {
      if (order == kBurnItself) burn(kBurn);
      if (order == kForkAndKeep) child = fork_and_keep();
      if (order == kEndChild) end(child);
      if (order == kForkAndReap) fork_and_reap();
      static_cast<void>(!::write(replies_[1], &child, sizeof child));
    }
    ::_exit(0);
  }
  static pid_t fork_and_keep() {
    int ready[2];
    static_cast<void>(!::pipe(ready));
    const pid_t parent = ::getpid();
    const pid_t child = ::fork();
    if (child == 0) {
      burn(kBurn);
      static_cast<void>(!::write(ready[1], "x", 1));
      while (::getppid() == parent) ::usleep(1000);  // ends with its parent
      ::_exit(0);
    }
    char byte = 0;
    static_cast<void>(!::read(ready[0], &byte, 1));
    ::close(ready[0]);
    ::close(ready[1]);
    return child;
  }
  static void end(pid_t child) {
    ::kill(child, SIGKILL);
    ::waitpid(child, nullptr, 0);
  }
  static void fork_and_reap() {
    const pid_t child = ::fork();
    if (child == 0) {
      burn(kBurn);
      ::_exit(0);
    }
    ::waitpid(child, nullptr, 0);
  }

  pid_t pid_ = 0;
  int orders_[2] = {-1, -1};
  int replies_[2] = {-1, -1};
};

TEST(ProcessTreeCpuTime, IsZeroWhileNobodyIsFollowed) {
  EXPECT_EQ(ProcessTreeCpuTime().used(), nanoseconds(0));
}

TEST(ProcessTreeCpuTime, CountsFromTheMomentItFollows) {
  Worker worker;
  worker.tell(Worker::kBurnItself);
  ProcessTreeCpuTime tree;
  tree.follow(worker.pid());
  EXPECT_LT(tree.used(), kOverhead);

  worker.tell(Worker::kBurnItself);
  EXPECT_GE(tree.used(), kBurn);
  EXPECT_LT(tree.used(), kBurn + kOverhead);
}

TEST(ProcessTreeCpuTime, SeesChildrenBornLater) {
  Worker worker;
  ProcessTreeCpuTime tree;
  tree.follow(worker.pid());

  worker.tell(Worker::kForkAndKeep);

  EXPECT_GE(tree.used(), kBurn);
}

TEST(ProcessTreeCpuTime, CountsAWatchedChildOnceWhenItsParentReapsIt) {
  Worker worker;
  ProcessTreeCpuTime tree;
  tree.follow(worker.pid());
  worker.tell(Worker::kForkAndKeep);
  const nanoseconds alive = tree.used();

  worker.tell(Worker::kEndChild);

  EXPECT_GE(tree.used(), alive);
  EXPECT_LT(tree.used(), kBurn + kOverhead);
}

TEST(ProcessTreeCpuTime, CountsChildrenThatLivedAndDiedUnseen) {
  Worker worker;
  ProcessTreeCpuTime tree;
  tree.follow(worker.pid());

  worker.tell(Worker::kForkAndReap);
  worker.tell(Worker::kForkAndReap);

  EXPECT_GE(tree.used(), 2 * kBurn - kTicks);
  EXPECT_LT(tree.used(), 2 * kBurn + kOverhead);
}

TEST(ProcessTreeCpuTime, LeavesOutWhatAChildUsedBeforeItWasFollowed) {
  Worker worker;
  worker.tell(Worker::kForkAndKeep);
  worker.tell(Worker::kForkAndReap);
  ProcessTreeCpuTime tree;
  tree.follow(worker.pid());

  worker.tell(Worker::kEndChild);

  EXPECT_LT(tree.used(), kOverhead);
}

TEST(ProcessTreeCpuTime, KeepsWhatAVanishedTreeHasUsed) {
  Worker worker;
  ProcessTreeCpuTime tree;
  tree.follow(worker.pid());
  worker.tell(Worker::kBurnItself);
  worker.tell(Worker::kForkAndKeep);
  const nanoseconds alive = tree.used();

  worker.kill_and_reap();

  EXPECT_GE(tree.used(), alive);
  EXPECT_GE(alive, 2 * kBurn);
}

TEST(ProcessTreeCpuTime, AddsTheNextTreeToTheLast) {
  ProcessTreeCpuTime tree;
  for (int attempt = 1; attempt <= 2; ++attempt) {
    Worker worker;
    tree.follow(worker.pid());
    tree.follow(worker.pid());  // changes nothing
    worker.tell(Worker::kBurnItself);
    EXPECT_GE(tree.used(), attempt * kBurn);
    EXPECT_LT(tree.used(), attempt * (kBurn + kOverhead));
  }
}

// This machine's kernel may lack the file, so a tree of files stands for it; the clocks are real.
TEST(ProcessTreeCpuTime, FindsChildrenThroughTheKernelsOwnListWhereThereIsOne) {
  Worker worker;
  const pid_t child = worker.tell(Worker::kForkAndKeep);
  std::string pattern = testing::TempDir() + "/proc-XXXXXX";
  const std::filesystem::path proc = ::mkdtemp(pattern.data());
  const auto write = [&](pid_t pid, pid_t parent, const std::string& children) {
    const std::string id = std::to_string(pid);
    std::filesystem::create_directories(proc / id / "task" / id);
    std::ofstream(proc / id / "task" / id / "children") << children;
    std::ofstream(proc / id / "stat")
        << id << " (a) b) R " << parent << " 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 77 0\n";
  };
  write(worker.pid(), 1, "");
  ProcessTreeCpuTime tree(proc);
  tree.follow(worker.pid());
  EXPECT_LT(tree.used(), kOverhead);

  write(worker.pid(), 1, std::to_string(child) + " ");
  write(child, worker.pid(), "");
  burn(milliseconds(15));  // the next search is due

  EXPECT_GE(tree.used(), kBurn);
  std::filesystem::remove_all(proc);
}

/// A made-up proc file system with processes whose pids no kernel hands out, so that nothing but
/// the files can tell their time.
struct SchedstatTest : testing::Test {
  ~SchedstatTest() override { std::filesystem::remove_all(proc); }
  void write(const std::filesystem::path& file, const std::string& text) const {
    std::filesystem::create_directories((proc / file).parent_path());
    std::ofstream(proc / file) << text;
  }
  void add_process(int pid, int parent) const {
    const std::string name = std::to_string(pid);
    write(name + "/stat", name + " (train) S " + std::to_string(parent) +
                              " 1 1 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 77 0 0\n");
  }
  void set_time(int pid, int thread, int time_ns) const {
    write(std::to_string(pid) + "/task/" + std::to_string(thread) + "/schedstat",
          std::to_string(time_ns) + " 0 1\n");
  }

  const std::filesystem::path proc =
      std::filesystem::path(testing::TempDir()) / ("schedstat-" + std::to_string(::getpid()));
  static constexpr int kParent = 900'000'001;
  static constexpr int kChild = 900'000'002;
};

TEST_F(SchedstatTest, StandsInForAClockThatCannotBeRead) {
  add_process(kParent, 1);
  set_time(kParent, kParent, 1'000);
  ProcessTreeCpuTime tree(proc);
  tree.follow(kParent);
  EXPECT_EQ(tree.used(), nanoseconds(0));

  set_time(kParent, kParent, 1'700);
  set_time(kParent, kParent + 50, 40);
  EXPECT_EQ(tree.used(), nanoseconds(740));
}

TEST_F(SchedstatTest, KeepsTheTimeOfThreadsThatHaveEnded) {
  add_process(kParent, 1);
  set_time(kParent, kParent, 0);
  ProcessTreeCpuTime tree(proc);
  tree.follow(kParent);
  set_time(kParent, kParent + 50, 500);
  EXPECT_EQ(tree.used(), nanoseconds(500));

  std::filesystem::remove_all(proc / std::to_string(kParent) / "task" /
                              std::to_string(kParent + 50));
  EXPECT_EQ(tree.used(), nanoseconds(500));
}

TEST_F(SchedstatTest, FindsChildrenByParentWhereTheKernelDoesNotListThem) {
  add_process(kParent, 1);
  set_time(kParent, kParent, 100);
  add_process(kChild, kParent);
  set_time(kChild, kChild, 10);
  ProcessTreeCpuTime tree(proc);
  tree.follow(kParent);

  set_time(kParent, kParent, 200);
  set_time(kChild, kChild, 17);

  EXPECT_EQ(tree.used(), nanoseconds(107));
}

TEST(LaunchedCpuTime, IsExactForAChildThatIsReaped) {
  LaunchedCpuTime launched;
  launched.follow(0);
  const pid_t child = ::fork();
  if (child == 0) {
    burn(kBurn);
    ::_exit(0);
  }
  rusage usage{};
  ASSERT_EQ(::wait4(child, nullptr, 0, &usage), child);

  const auto reaped = std::chrono::microseconds(usage.ru_utime.tv_usec) +
                      std::chrono::microseconds(usage.ru_stime.tv_usec);
  // Either is cut off at whole microseconds, user and system time apart.
  EXPECT_NEAR(static_cast<double>(launched.used().count()),
              static_cast<double>(nanoseconds(reaped).count()), 2'000);
  EXPECT_GE(launched.used(), kBurn);
}

TEST(LaunchedCpuTime, CountsTheLivingAndThenTheDeadOnce) {
  LaunchedCpuTime launched;
  launched.follow(0);
  Worker worker;
  worker.tell(Worker::kForkAndKeep);
  const nanoseconds alive = launched.used();
  EXPECT_GE(alive, kBurn);

  worker.tell(Worker::kEndChild);
  worker.kill_and_reap();

  EXPECT_GE(launched.used(), alive);
  EXPECT_LT(launched.used(), kBurn + kOverhead);
}

TEST(LaunchedCpuTime, DoesNotCountWhatWasUsedBefore) {
  Worker worker;
  worker.tell(Worker::kBurnItself);
  LaunchedCpuTime launched;
  EXPECT_EQ(launched.used(), nanoseconds(0));
  launched.follow(0);

  worker.kill_and_reap();

  EXPECT_LT(launched.used(), kOverhead);
}

TEST(LiveDescendants, AreThoseThatHaveNotEnded) {
  EXPECT_TRUE(live_descendants().empty());
  Worker worker;
  const pid_t grandchild = worker.tell(Worker::kForkAndKeep);

  const std::vector<LiveProcess> live = live_descendants();

  ASSERT_EQ(live.size(), 2U);
  EXPECT_EQ(live[0].pid, worker.pid());
  EXPECT_EQ(live[1].pid, grandchild);
  EXPECT_EQ(live[1].name, "energy_test");
}

}  // namespace
}  // namespace symbiont::energy
