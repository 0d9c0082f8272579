#include "symbiont/base/file.h"

#include <fstream>
#include <iterator>

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "temporary_directory.h"

namespace symbiont {
namespace {

using ::testing::EndsWith;
using ::testing::HasSubstr;
using testing::TemporaryDirectory;

std::string gzip(std::string_view bytes) {
  z_stream stream{};
  SYM_CHECK(deflateInit2(&stream, 9, Z_DEFLATED, 16 + MAX_WBITS, 9, Z_DEFAULT_STRATEGY) == Z_OK);
  std::string result(deflateBound(&stream, bytes.size()), '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
  stream.avail_in = static_cast<uInt>(bytes.size());
  stream.next_out = reinterpret_cast<Bytef*>(result.data());
  stream.avail_out = static_cast<uInt>(result.size());
  SYM_CHECK(deflate(&stream, Z_FINISH) == Z_STREAM_END);
  result.resize(stream.total_out);
  deflateEnd(&stream);
  return result;
}

void put(const std::filesystem::path& path, std::string_view bytes) {
  std::ofstream(path, std::ios::binary) << bytes;
}

std::ptrdiff_t entries(const std::filesystem::path& directory) {
  return std::distance(std::filesystem::directory_iterator(directory), {});
}

TEST(ReadFile, GivesAllBytesEvenOfAnEmptyFile) {
  const TemporaryDirectory directory;
  const std::string bytes("a\0b\n", 4);
  put(directory / "some", bytes);
  put(directory / "empty", "");

  EXPECT_EQ(read_file(directory / "some").value(), bytes);
  EXPECT_EQ(read_file(directory / "empty").value(), "");
}

TEST(ReadFile, AcceptsExactlyTheLimitAndRefusesOneByteMore) {
  const TemporaryDirectory directory;
  for (const std::int64_t limit : {10, 5000, 200'000}) {
    put(directory / "fits", std::string(static_cast<std::size_t>(limit), 'x'));
    put(directory / "larger", std::string(static_cast<std::size_t>(limit) + 1, 'x'));

    EXPECT_TRUE(read_file(directory / "fits", limit));
    const Result<std::string> larger = read_file(directory / "larger", limit);
    ASSERT_FALSE(larger);
    EXPECT_EQ(larger.error().code(), ErrorCode::kInvalidArgument);
    EXPECT_THAT(larger.error().message(), HasSubstr("/larger: larger than the limit of "));
  }
}

TEST(ReadFile, ReadsFilesOfTheKernelThatClaimAnotherSize) {
  EXPECT_THAT(read_file("/proc/self/stat").value(), EndsWith("\n"));
}

TEST(ReadFile, SaysWhichFileIsMissing) {
  const Result<std::string> file = read_file("/nowhere/job.toml");
  ASSERT_FALSE(file);
  EXPECT_EQ(file.error().code(), ErrorCode::kNotFound);
  EXPECT_EQ(file.error().message(), "read /nowhere/job.toml: No such file or directory");
}

TEST(ReadFile, RefusesWhatIsNoFile) {
  const TemporaryDirectory directory;
  const auto pipe = directory / "pipe";
  ASSERT_EQ(mkfifo(pipe.c_str(), 0600), 0);

  EXPECT_EQ(read_file("/tmp").error().message(), "/tmp: is a directory, expected a file");
  EXPECT_EQ(read_file("/dev/zero").error().message(), "/dev/zero: is a device, expected a file");
  EXPECT_THAT(read_file(pipe).error().message(), EndsWith("is a pipe, expected a file"));
  EXPECT_EQ(read_file(pipe).error().code(), ErrorCode::kInvalidArgument);
}

TEST(ReadFileGunzipped, TakesGzipByItsMagicAndOtherFilesAsTheyAre) {
  const TemporaryDirectory directory;
  put(directory / "packed.csv", gzip("a,b\n"));
  put(directory / "plain.gz", "a,b\n");

  EXPECT_EQ(read_file_gunzipped(directory / "packed.csv").value(), "a,b\n");
  EXPECT_EQ(read_file_gunzipped(directory / "plain.gz").value(), "a,b\n");
}

TEST(Gunzip, JoinsAllMembers) {
  EXPECT_EQ(gunzip(gzip("one ") + gzip("") + gzip("two"), 100, "x.gz").value(), "one two");
}

TEST(Gunzip, AcceptsExactlyTheLimitAndRefusesABomb) {
  constexpr std::int64_t kSize = 8 << 20;
  const std::string bomb = gzip(std::string(kSize, '\0'));

  EXPECT_TRUE(gunzip(bomb, kSize, "bomb.gz"));
  const Result<std::string> refused = gunzip(bomb, kSize - 1, "bomb.gz");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), ErrorCode::kInvalidArgument);
  EXPECT_EQ(refused.error().message(), "bomb.gz: larger than the limit of 8388607 bytes");
}

TEST(Gunzip, NeverReservesMoreThanTheLimit) {
  constexpr std::int64_t kLimit = 3 << 20;
  // Two members: the trailer only speaks of the last one, so the result has to grow.
  const std::string bytes = gzip(std::string(2 << 20, 'a')) + gzip(std::string(1 << 20, 'b'));

  EXPECT_LE(gunzip(bytes, kLimit, "x.gz").value().capacity(), static_cast<std::size_t>(kLimit));
}

TEST(Gunzip, CallsTruncatedDataALoss) {
  const std::string whole = gzip("a fairly long line of text, to be cut anywhere");
  for (std::size_t size = 0; size < whole.size(); ++size) {
    const Result<std::string> cut = gunzip(whole.substr(0, size), 1000, "data.gz");
    ASSERT_FALSE(cut) << size;
    EXPECT_EQ(cut.error().code(), ErrorCode::kDataLoss);
    EXPECT_EQ(cut.error().message(), "data.gz: gzip data is truncated");
  }
}

TEST(Gunzip, CallsCorruptDataALoss) {
  std::string bytes = gzip("text");
  bytes[bytes.size() - 6] ^= 1;  // in the checksum

  const Result<std::string> corrupt = gunzip(bytes, 1000, "data.gz");
  ASSERT_FALSE(corrupt);
  EXPECT_EQ(corrupt.error().code(), ErrorCode::kDataLoss);
  EXPECT_EQ(corrupt.error().message(), "data.gz: gzip data is corrupt: incorrect data check");
  EXPECT_FALSE(gunzip(gzip("text") + "garbage", 1000, "data.gz"));
}

RC_GTEST_PROP(Gunzip, GivesBackWhatGzipTook, (const std::string& text)) {
  RC_ASSERT(gunzip(gzip(text), 1 << 20, "x.gz").value() == text);
}

RC_GTEST_PROP(Gunzip, NeverCrashesOnBytesThatOnlyStartLikeGzip, (const std::string& tail)) {
  const Result<std::string> result =
      gunzip(std::string("\x1f\x8b\x08\0\0\0\0\0\0\x03", 10) + tail, 4096, "x.gz");
  RC_ASSERT(!result || result->size() <= 4096U);
}

TEST(WriteFileAtomically, CreatesAndReplaces) {
  const TemporaryDirectory directory;
  const auto path = directory / "report.json";

  ASSERT_TRUE(write_file_atomically(path, "old"));
  ASSERT_TRUE(write_file_atomically(path, "new and longer"));

  EXPECT_EQ(read_file(path).value(), "new and longer");
  EXPECT_EQ(entries(directory.path()), 1);
}

TEST(WriteFileAtomically, KeepsTheModeOfTheFileItReplacesAndElseObeysTheUmask) {
  const TemporaryDirectory directory;
  const auto mode = [](const std::filesystem::path& path) {
    struct stat status {};
    stat(path.c_str(), &status);
    return status.st_mode & 07777;
  };
  put(directory / "secret", "old");
  chmod((directory / "secret").c_str(), 0600);
  const mode_t before = umask(027);
  ASSERT_TRUE(write_file_atomically(directory / "secret", "new"));
  ASSERT_TRUE(write_file_atomically(directory / "fresh", "new"));
  umask(before);

  EXPECT_EQ(mode(directory / "secret"), 0600U);
  EXPECT_EQ(mode(directory / "fresh"), 0640U);
}

TEST(WriteFileAtomically, ReplacesWhatALinkPointsTo) {
  const TemporaryDirectory directory;
  put(directory / "real", "old");
  std::filesystem::create_symlink("real", directory / "link");

  ASSERT_TRUE(write_file_atomically(directory / "link", "new"));

  EXPECT_TRUE(std::filesystem::is_symlink(directory / "link"));
  EXPECT_EQ(read_file(directory / "real").value(), "new");
}

TEST(WriteFileAtomically, NeverReplacesADeviceOrDirectory) {
  const TemporaryDirectory directory;
  std::filesystem::create_directory(directory / "taken");

  EXPECT_EQ(write_file_atomically("/dev/null", "x").error().message(),
            "/dev/null: is a device, expected a file");
  EXPECT_THAT(write_file_atomically(directory / "taken", "x").error().message(),
              EndsWith("/taken: is a directory, expected a file"));
}

TEST(WriteFileAtomically, SaysWhyADirectoryCannotBeWrittenTo) {
  EXPECT_EQ(write_file_atomically("/nowhere/a.csv", "x").error().message(),
            "write /nowhere/a.csv: No such file or directory");
  EXPECT_FALSE(write_file_atomically("/proc/a.csv", "x"));
}

TEST(WriteFileAtomicallyDeathTest, LeavesTheOldFileAndNoOtherWhenTheDiskIsFull) {
  const TemporaryDirectory directory;
  const auto path = directory / "ledger.csv";
  put(path, "old");
  // A file size limit fails a write halfway, as a full disk does, and needs no privileges.
  const auto fail_halfway = [&] {
    signal(SIGXFSZ, SIG_IGN);
    const rlimit limit{.rlim_cur = 4096, .rlim_max = 4096};
    setrlimit(RLIMIT_FSIZE, &limit);
    const Result<void> written = write_file_atomically(path, std::string(10'000, 'x'));
    _exit(!written && written.error().code() == ErrorCode::kResourceExhausted ? 0 : 1);
  };
  EXPECT_EXIT(fail_halfway(), ::testing::ExitedWithCode(0), "");

  EXPECT_EQ(read_file(path).value(), "old");
  EXPECT_EQ(entries(directory.path()), 1);
}

TEST(CreateDirectories, MakesParentsAndIsFineWithWhatExists) {
  const TemporaryDirectory directory;

  EXPECT_TRUE(symbiont::create_directories(directory / "a/b/c"));
  EXPECT_TRUE(symbiont::create_directories(directory / "a/b/c"));
  EXPECT_TRUE(std::filesystem::is_directory(directory / "a/b/c"));
}

TEST(CreateDirectories, NamesThePathAndTheReason) {
  const TemporaryDirectory directory;
  put(directory / "file", "");

  const Result<void> made = symbiont::create_directories(directory / "file/sub");
  ASSERT_FALSE(made);
  EXPECT_THAT(made.error().message(), HasSubstr("/file/sub: Not a directory"));
}

bool is_open(int fd) {
  return fcntl(fd, F_GETFD) >= 0;
}

TEST(FileDescriptor, ClosesWhatItOwnsExactlyOnce) {
  FileDescriptor first(open("/dev/null", O_RDONLY | O_CLOEXEC));
  const int number = first.get();
  FileDescriptor second(std::move(first));
  EXPECT_FALSE(first.is_open());  // NOLINT(bugprone-use-after-move): what is left is the point
  EXPECT_TRUE(is_open(number));

  second = FileDescriptor();
  EXPECT_FALSE(is_open(number));
}

TEST(FileDescriptor, GivesAwayWithoutClosing) {
  FileDescriptor owner(open("/dev/null", O_RDONLY | O_CLOEXEC));
  const int number = owner.release();
  owner.reset();
  EXPECT_TRUE(is_open(number));
  close(number);
}

TEST(IsInside, HoldsForAFolderAndAllBelowIt) {
  EXPECT_TRUE(is_inside("/a/b", "/a"));
  EXPECT_TRUE(is_inside("/a/b/c", "/a"));
  EXPECT_TRUE(is_inside("/a", "/a"));
  EXPECT_TRUE(is_inside("/a", "/"));
  EXPECT_TRUE(is_inside("jobs/b", "jobs"));
}

TEST(IsInside, DoesNotMindASlashAtTheEnd) {
  EXPECT_TRUE(is_inside("/a/b", "/a/"));
  EXPECT_TRUE(is_inside("/a/", "/a"));
  EXPECT_TRUE(is_inside("/a", "/a/"));
}

TEST(IsInside, IsFalseElsewhere) {
  EXPECT_FALSE(is_inside("/ab", "/a")) << "a name that begins alike is another name";
  EXPECT_FALSE(is_inside("/", "/a"));
  EXPECT_FALSE(is_inside("/b/a", "/a"));
  EXPECT_FALSE(is_inside("/a/../b", "/a/b"));
  EXPECT_FALSE(is_inside("a/b", "/a")) << "relative and absolute paths do not compare";
  EXPECT_FALSE(is_inside("/a/b", "a"));
}

TEST(IsInside, LetsNothingBeInsideTheEmptyPath) {
  EXPECT_FALSE(is_inside("a", ""));
  EXPECT_FALSE(is_inside("", ""));
  EXPECT_FALSE(is_inside("/", ""));
}

}  // namespace
}  // namespace symbiont
