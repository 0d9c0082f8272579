#include "symbiont/service/metrics_server.h"

#include <memory>
#include <string>
#include <vector>

#include <arpa/inet.h>
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <httplib.h>
#include <sys/socket.h>

#include "symbiont/base/file.h"

namespace symbiont::service {
namespace {

using ::testing::HasSubstr;

int port_of(const MetricsServer& server) {
  const std::string url = server.url();
  const std::size_t colon = url.rfind(':');
  return std::stoi(url.substr(colon + 1));
}

TEST(MetricsServer, AnswersWithTheTextOfTheMoment) {
  int asked = 0;
  const auto server =
      MetricsServer::start({}, [&] { return fmt::format("asked_total {}\n", ++asked); });
  ASSERT_TRUE(server) << server.error().message();
  httplib::Client client("127.0.0.1", port_of(*server));
  const auto first = client.Get("/metrics");
  ASSERT_TRUE(first);
  EXPECT_EQ(first->body, "asked_total 1\n");
  EXPECT_EQ(first->get_header_value("Content-Type"), "text/plain; version=0.0.4; charset=utf-8");
  EXPECT_EQ(client.Get("/metrics")->body, "asked_total 2\n");
}

TEST(MetricsServer, SaysWhereTheMetricsAreAndNothingElse) {
  const auto server = MetricsServer::start({}, [] { return std::string(); });
  ASSERT_TRUE(server);
  httplib::Client client("127.0.0.1", port_of(*server));
  EXPECT_THAT(client.Get("/")->body, HasSubstr("/metrics"));
  EXPECT_EQ(client.Get("/../etc/passwd")->status, 404);
  EXPECT_EQ(client.Post("/metrics", std::string(1 << 20, 'x'), "text/plain")->status, 413);
}

/// A connection to this machine's port that has sent `bytes` and stays open.
FileDescriptor connected(int port, std::string_view bytes) {
  FileDescriptor client(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  EXPECT_EQ(::connect(client.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  EXPECT_EQ(::send(client.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL), std::ssize(bytes));
  return client;
}

TEST(MetricsServer, AnswersWhileOthersKeepTheirConnectionsAndSayNoMore) {
  const auto server = MetricsServer::start({}, [] { return std::string("up 1\n"); });
  ASSERT_TRUE(server);
  std::vector<FileDescriptor> others;
  for (int i = 0; i < 10; ++i) {
    others.push_back(connected(port_of(*server), ""));
    others.push_back(connected(port_of(*server), "GET /metrics HTTP/1.1\r\nHost: me"));
  }
  httplib::Client client("127.0.0.1", port_of(*server));
  client.set_read_timeout(15);
  const auto answer = client.Get("/metrics");
  ASSERT_TRUE(answer) << httplib::to_string(answer.error());
  EXPECT_EQ(answer->body, "up 1\n");
}

TEST(MetricsServer, RefusesAPortThatIsTaken) {
  const auto first = MetricsServer::start({}, [] { return std::string(); });
  ASSERT_TRUE(first);
  const auto second =
      MetricsServer::start({"127.0.0.1", port_of(*first)}, [] { return std::string(); });
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code(), ErrorCode::kInvalidArgument);
  EXPECT_THAT(second.error().message(), HasSubstr("Address already in use"));
}

TEST(MetricsServer, GivesThePortBackWhenItEnds) {
  int port = 0;
  {
    const auto server = MetricsServer::start({}, [] { return std::string(); });
    ASSERT_TRUE(server);
    port = port_of(*server);
  }
  EXPECT_TRUE(MetricsServer::start({"127.0.0.1", port}, [] { return std::string(); }));
}

TEST(ListenAddress, ReadsTheFormsThatPeopleWrite) {
  const auto is = [](std::string_view text, const std::string& host, int port) {
    const auto address = ListenAddress::parse(text);
    return address && address->host == host && address->port == port;
  };
  EXPECT_TRUE(is("9464", "127.0.0.1", 9464));
  EXPECT_TRUE(is(":0", "127.0.0.1", 0));
  EXPECT_TRUE(is("0.0.0.0:9464", "0.0.0.0", 9464));
  EXPECT_TRUE(is("[::1]:9464", "::1", 9464));
  EXPECT_TRUE(is("node.example:80", "node.example", 80));
}

TEST(ListenAddress, RefusesOthersAndShowsWhatItFound) {
  for (const char* text :
       {"", "port", "1.2.3.4", "host:", "host:65536", "host:-1", "::1:80", "1 "}) {
    const auto address = ListenAddress::parse(text);
    ASSERT_FALSE(address) << text;
    EXPECT_EQ(address.error().code(), ErrorCode::kInvalidArgument);
    EXPECT_THAT(address.error().message(), HasSubstr(fmt::format("\"{}\"", text)));
  }
}

}  // namespace
}  // namespace symbiont::service
