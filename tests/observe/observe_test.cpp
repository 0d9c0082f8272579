#include <csignal>
#include <fstream>
#include <set>
#include <sstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <httplib.h>
#include <nlohmann/json.hpp>

#include "room.h"
#include "symbiont/base/file.h"

namespace symbiont::testing {
namespace {

using nlohmann::json;
using ::testing::Contains;
using ::testing::HasSubstr;

std::vector<json> lines_of(const fs::path& path) {
  std::ifstream file(path);
  std::vector<json> lines;
  for (std::string line; std::getline(file, line);) {
    lines.push_back(json::parse(line));
  }
  return lines;
}

std::vector<std::string> events_of(const fs::path& path) {
  std::vector<std::string> events;
  for (const json& line : lines_of(path)) {
    events.push_back(line.at("event"));
  }
  return events;
}

std::string text_of(const fs::path& path) {
  return read_file(path).value_or("");
}

/// The port in "metrics at http://127.0.0.1:PORT/metrics"; 0 while it has not been said.
int port_said_in(const std::string& message) {
  constexpr std::string_view kBefore = "metrics at http://127.0.0.1:";
  const std::size_t at = message.find(kBefore);
  const std::size_t end = message.find("/metrics\n");
  return at == message.npos || end == message.npos ? 0
                                                   : std::stoi(message.substr(at + kBefore.size()));
}

TEST(ARun, IsSeenByAMonitoringSystemWhileItGoesOn) {
  const Room room;
  room.write_worker("--step-ms=5 --target=0.9");
  Running running = room.start({"run", room.job_file(), "--metrics", "0", "--events",
                                room / "events.jsonl", "--trace", room / "trace.jsonl"});
  int port = 0;
  ASSERT_TRUE(eventually([&] { return (port = port_said_in(text_of(running.message))) != 0; }));
  ASSERT_TRUE(eventually([&] {
    const auto events = events_of(room / "events.jsonl");
    return std::find(events.begin(), events.end(), "epoch") != events.end();
  }));
  httplib::Client client("127.0.0.1", port);
  const auto answer = client.Get("/metrics");
  ASSERT_TRUE(answer);
  EXPECT_THAT(answer->body, HasSubstr("symbiont_epochs_total{job="));
  EXPECT_THAT(answer->body, HasSubstr("symbiont_build_info{version="));
  const std::string reference = text_of(fs::path(REFERENCE_FOLDER) / "observability.md");
  std::istringstream text(answer->body);
  for (std::string line; std::getline(text, line);) {
    if (line.starts_with("# TYPE ")) {
      const std::string name = line.substr(7, line.find(' ', 7) - 7);
      EXPECT_THAT(reference, HasSubstr("`" + name + "`"));
    }
  }

  running.process.signal_group(SIGINT);
  EXPECT_EQ(running.wait().status.exit_code, 5);
  const json last = lines_of(room / "events.jsonl").back();
  EXPECT_EQ(last.at("event"), "run_ended");
  EXPECT_EQ(last.at("outcome"), "interrupted");

  room.write_worker("--target=0.9");
  EXPECT_EQ(room.run({"run", room.job_file(), "--events", room / "events.jsonl", "--trace",
                      room / "trace.jsonl"})
                .status.exit_code,
            0);
  EXPECT_EQ(lines_of(room / "events.jsonl").back().at("outcome"), "finished");
  std::set<std::string> traces;
  std::set<std::string> spans;
  for (const json& line : lines_of(room / "trace.jsonl")) {
    for (const json& span : line.at("resourceSpans").at(0).at("scopeSpans").at(0).at("spans")) {
      traces.insert(span.at("traceId"));
      EXPECT_TRUE(spans.insert(span.at("spanId")).second);
    }
  }
  EXPECT_EQ(traces.size(), 1U) << "a resumed run is one trace";
  room.expect_clean();
}

TEST(ARun, RefusesAnAddressThatIsTakenBeforeItChangesAnything) {
  const Room room;
  httplib::Server taken;
  taken.set_socket_options([](int) {});
  const int port = taken.bind_to_any_port("127.0.0.1");
  const Ended ended =
      room.run({"run", room.job_file(), "--metrics", "127.0.0.1:" + std::to_string(port)});
  EXPECT_EQ(ended.status.exit_code, 2);
  EXPECT_THAT(ended.message, HasSubstr("--metrics: listen on 127.0.0.1:" + std::to_string(port)));
  EXPECT_FALSE(room.has_ledger());
}

TEST(ARun, RefusesFilesThatItCannotWriteBeforeItChangesAnything) {
  const Room room;
  for (const char* option : {"--events", "--trace"}) {
    const Ended ended = room.run({"run", room.job_file(), option, room / "no" / "such" / "file"});
    EXPECT_EQ(ended.status.exit_code, 2);
    EXPECT_THAT(ended.message, HasSubstr(option));
    EXPECT_THAT(ended.message, HasSubstr("No such file or directory"));
  }
  EXPECT_FALSE(room.has_ledger());
}

TEST(ARun, GoesOnWhenTheDiskOfItsLogIsFull) {
  const Room room;
  const Ended ended = room.run({"run", room.job_file(), "--events", "/dev/full"});
  EXPECT_EQ(ended.status.exit_code, 0);
  EXPECT_THAT(ended.message, HasSubstr("No space left on device"));
  EXPECT_THAT(ended.message, HasSubstr("the run goes on"));
}

TEST(Documentation, NamesEveryEventAndItsKeys) {
  const Room room;
  room.write_worker("--misbehave=exit --once=" + (room / "once").string());
  room.write(room / "once", "x");
  ASSERT_EQ(room.run({"run", room.job_file(), "--events", room / "events.jsonl"}).status.exit_code,
            0);
  const std::string reference = text_of(fs::path(REFERENCE_FOLDER) / "observability.md");
  std::set<std::string> seen;
  for (const json& line : lines_of(room / "events.jsonl")) {
    const std::string event = line.at("event");
    seen.insert(event);
    EXPECT_THAT(reference, HasSubstr("| `" + event + "` |"));
    for (const auto& [key, value] : line.items()) {
      EXPECT_THAT(reference, HasSubstr("`" + key + "`")) << event;
    }
  }
  EXPECT_THAT(seen, Contains("worker_retried"));
  EXPECT_EQ(seen.size(), 10U);
}

}  // namespace
}  // namespace symbiont::testing
