#include "symbiont/energy/cpu_time.h"

#include <fstream>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
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

}  // namespace
}  // namespace symbiont::energy
