#include "symbiont/service/metrics_server.h"

#include <atomic>
#include <cerrno>
#include <charconv>
#include <condition_variable>
#include <csignal>
#include <mutex>
#include <thread>
#include <utility>

#include <fmt/format.h>
#include <httplib.h>
#include <pthread.h>
#include <sys/socket.h>

namespace symbiont::service {
namespace {

constexpr std::string_view kContentType = "text/plain; version=0.0.4; charset=utf-8";
constexpr int kThreads = 16;
constexpr int kMostConnections = 2 * kThreads;
constexpr int kTimeoutSeconds = 1;  // of a client that is silent or does not read

tl::unexpected<Error> malformed(std::string_view text, std::string_view why) {
  return fail(
      ErrorCode::kInvalidArgument,
      fmt::format("found address \"{}\": {}; expected HOST:PORT, :PORT or PORT", text, why));
}

/// A pool with a bounded queue. What comes beyond it is left to the kernel, so that a flood takes
/// neither memory nor the descriptors that the run needs.
class BoundedPool : public httplib::TaskQueue {
 public:
  void enqueue(std::function<void()> work) override {
    {
      std::unique_lock lock(mutex_);
      freed_.wait(lock, [this] { return connections_ < kMostConnections; });
      ++connections_;
    }
    pool_.enqueue([this, work = std::move(work)] {
      work();
      forget_connection();
    });
  }
  void shutdown() override { pool_.shutdown(); }

 private:
  void forget_connection() {
    {
      const std::lock_guard lock(mutex_);
      --connections_;
    }
    freed_.notify_one();
  }

  httplib::ThreadPool pool_{kThreads};
  std::mutex mutex_;
  std::condition_variable freed_;
  int connections_ = 0;
};

/// Blocks all signals while it lives, so that threads made meanwhile never take one: they belong to
/// the thread that runs the job.
class SignalsBlocked {
 public:
  SignalsBlocked() {
    sigset_t all;
    sigfillset(&all);
    ::pthread_sigmask(SIG_SETMASK, &all, &before_);
  }
  ~SignalsBlocked() { ::pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
  SignalsBlocked(const SignalsBlocked&) = delete;
  SignalsBlocked& operator=(const SignalsBlocked&) = delete;

 private:
  sigset_t before_{};
};

}  // namespace

Result<ListenAddress> ListenAddress::parse(std::string_view text) {
  const std::size_t colon = text.rfind(':');
  std::string_view host = colon == std::string_view::npos ? "" : text.substr(0, colon);
  const std::string_view port = colon == std::string_view::npos ? text : text.substr(colon + 1);
  if (host.size() >= 2 && host.front() == '[' && host.back() == ']') {
    host = host.substr(1, host.size() - 2);
  } else if (host.find(':') != std::string_view::npos) {
    return malformed(text, "an IPv6 host goes in brackets");
  }
  ListenAddress address;
  const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), address.port);
  if (error != std::errc() || end != port.data() + port.size() || address.port < 0 ||
      address.port > 65'535) {
    return malformed(text, "the port is not a number from 0 to 65535");
  }
  if (!host.empty()) {
    address.host = host;
  }
  return address;
}

struct MetricsServer::State {
  ListenAddress address;
  httplib::Server server;
  std::atomic<bool> ended = false;
  std::jthread thread;

  void listen() {
    const SignalsBlocked blocked;
    thread = std::jthread([this] {
      server.listen_after_bind();
      ended = true;
    });
    // A server that is not running yet would miss its stop.
    while (!server.is_running() && !ended) {
      std::this_thread::yield();
    }
  }
  ~State() { server.stop(); }
};

MetricsServer::MetricsServer(std::unique_ptr<State> state) : state_(std::move(state)) {}
MetricsServer::MetricsServer(MetricsServer&&) noexcept = default;
MetricsServer& MetricsServer::operator=(MetricsServer&&) noexcept = default;
MetricsServer::~MetricsServer() = default;

Result<MetricsServer> MetricsServer::start(const ListenAddress& address,
                                           std::function<std::string()> text) {
  auto state = std::make_unique<State>();
  state->address = address;
  httplib::Server& server = state->server;
  server.new_task_queue = [] { return new BoundedPool; };  // it takes ownership
  // The library's default lets two programs share a port, each hearing half of the requests.
  server.set_socket_options([](int socket) {
    const int on = 1;
    ::setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  });
  // One that is kept alive would hold a thread between two requests.
  server.set_keep_alive_max_count(1);
  server.set_keep_alive_timeout(kTimeoutSeconds);  // before the first byte, too
  server.set_read_timeout(kTimeoutSeconds);
  server.set_write_timeout(kTimeoutSeconds);
  server.set_payload_max_length(0);
  server.Get("/metrics", [text = std::move(text)](const httplib::Request&, httplib::Response& to) {
    to.set_content(text(), kContentType.data());
  });
  server.Get("/", [](const httplib::Request&, httplib::Response& to) {
    to.set_content("Symbiont. Metrics are at /metrics\n", "text/plain");
  });
  errno = 0;
  if (address.port == 0) {
    state->address.port = server.bind_to_any_port(address.host);
  } else if (!server.bind_to_port(address.host, address.port)) {
    state->address.port = -1;
  }
  if (state->address.port < 0) {
    const std::string where = fmt::format("listen on {}:{}", address.host, address.port);
    return fail(ErrorCode::kInvalidArgument,
                errno != 0 ? errno_error(errno, where).message()
                           : where + ": the host is not an address of this machine");
  }
  state->listen();
  return MetricsServer(std::move(state));
}

std::string MetricsServer::url() const {
  const ListenAddress& address = state_->address;
  const bool is_ipv6 = address.host.find(':') != std::string::npos;
  return fmt::format("http://{}:{}/metrics", is_ipv6 ? "[" + address.host + "]" : address.host,
                     address.port);
}

}  // namespace symbiont::service
