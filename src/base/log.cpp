#include "symbiont/base/log.h"

#include <cstdlib>
#include <memory>
#include <optional>
#include <string>

#include <spdlog/logger.h>
#include <spdlog/sinks/stdout_sinks.h>

namespace symbiont::log {
namespace {

spdlog::level::level_enum to_spdlog(Level level) {
  switch (level) {
    case Level::kDebug:
      return spdlog::level::debug;
    case Level::kInfo:
      return spdlog::level::info;
    case Level::kWarning:
      return spdlog::level::warn;
    case Level::kError:
      return spdlog::level::err;
  }
  return spdlog::level::warn;
}

std::optional<Level> parse_level(std::string_view word) {
  if (word == "debug") return Level::kDebug;
  if (word == "info") return Level::kInfo;
  if (word == "warning") return Level::kWarning;
  if (word == "error") return Level::kError;
  return std::nullopt;
}

spdlog::logger make_logger() {
  spdlog::logger logger("symbiont", std::make_shared<spdlog::sinks::stderr_sink_mt>());
  logger.set_pattern("%Y-%m-%dT%H:%M:%S.%eZ %l: %v", spdlog::pattern_time_type::utc);
  const char* const word = std::getenv("SYMBIONT_LOG");
  const std::optional<Level> level = parse_level(word == nullptr ? "warning" : word);
  logger.set_level(to_spdlog(level.value_or(Level::kWarning)));
  if (!level) {
    logger.warn("SYMBIONT_LOG: expected debug, info, warning or error, found \"{}\"", word);
  }
  return logger;
}

/// Made at the first line, so that a program that logs nothing starts without it.
spdlog::logger& logger() {
  static spdlog::logger instance = make_logger();
  return instance;
}

void write(Level level, std::string_view message) {
  logger().log(to_spdlog(level), spdlog::string_view_t(message.data(), message.size()));
}

}  // namespace

void set_level(Level level) {
  logger().set_level(to_spdlog(level));
}

void debug(std::string_view message) {
  write(Level::kDebug, message);
}
void info(std::string_view message) {
  write(Level::kInfo, message);
}
void warning(std::string_view message) {
  write(Level::kWarning, message);
}
void error(std::string_view message) {
  write(Level::kError, message);
}

}  // namespace symbiont::log
