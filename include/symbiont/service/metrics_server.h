#pragma once
/// GET /metrics over HTTP, for Prometheus and whoever reads its format.

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "symbiont/base/error.h"

namespace symbiont::service {

/// A host and a port to listen on.
struct ListenAddress {
  std::string host = "127.0.0.1";
  int port = 0;  ///< 0: one that is free

  /// "HOST:PORT", "[IPV6]:PORT", ":PORT" or "PORT"; without a host, this machine alone
  /// (127.0.0.1). kInvalidArgument otherwise.
  static Result<ListenAddress> parse(std::string_view text);
};

/// Serves until it is destroyed, from threads of its own that take no signals. Read-only, without
/// authentication: that is why the default address is this machine's own.
class MetricsServer {
 public:
  /// `text` gives the metrics and is called from the server's threads. kInvalidArgument when the
  /// address cannot be listened on, saying why.
  static Result<MetricsServer> start(const ListenAddress& address,
                                     std::function<std::string()> text);

  MetricsServer(MetricsServer&&) noexcept;
  MetricsServer& operator=(MetricsServer&&) noexcept;
  ~MetricsServer();

  /// "http://127.0.0.1:9464/metrics".
  std::string url() const;

 private:
  struct State;
  explicit MetricsServer(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace symbiont::service
