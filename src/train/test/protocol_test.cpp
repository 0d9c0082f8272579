#include "symbiont/train/protocol.h"

#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

namespace symbiont::train {
namespace {

using testing::AllOf;
using testing::HasSubstr;

constexpr std::int64_t kMaxCount = std::int64_t{1} << 53;
constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

// Equality for round trips: every NaN is the same NaN, as on the wire.
bool same(double a, double b) {
  return a == b || (std::isnan(a) && std::isnan(b));
}

bool same(const Hello& a, const Hello& b) {
  return a.framework == b.framework && a.device == b.device && a.parameters == b.parameters &&
         a.steps_per_epoch == b.steps_per_epoch &&
         a.memory_persistent_bytes == b.memory_persistent_bytes &&
         a.memory_ephemeral_bytes == b.memory_ephemeral_bytes &&
         a.resumed_epoch == b.resumed_epoch && a.resumed_position == b.resumed_position;
}
bool same(const Ran& a, const Ran& b) {
  return a.steps == b.steps && a.samples == b.samples && same(a.seconds, b.seconds) &&
         same(a.loss, b.loss) && a.epoch_end == b.epoch_end;
}
bool same(const EpochDone& a, const EpochDone& b) {
  return a.index == b.index && same(a.metric, b.metric) && same(a.train_seconds, b.train_seconds) &&
         same(a.evaluation_seconds, b.evaluation_seconds);
}
bool same(const Saved& a, const Saved& b) {
  return a.path == b.path && a.epoch == b.epoch && a.position == b.position;
}
bool same(const Done& a, const Done& b) {
  return a.weights == b.weights;
}
bool same(const Failed& a, const Failed& b) {
  return a.code == b.code && a.message == b.message;
}
bool same(const Run& a, const Run& b) {
  return a.steps == b.steps;
}
bool same(const Checkpoint&, const Checkpoint&) {
  return true;
}
bool same(const Stop& a, const Stop& b) {
  return a.reason == b.reason;
}

template <typename Kind, typename Message>
bool comes_back(const Kind& sent, const Result<Message>& decoded) {
  const Kind* received = decoded ? std::get_if<Kind>(&*decoded) : nullptr;
  return received != nullptr && same(sent, *received);
}

template <typename Kind>
void expect_worker_round_trip(const Kind& sent) {
  const std::string line = encode(WorkerMessage(sent));
  RC_ASSERT(line.find('\n') == std::string::npos);
  RC_ASSERT(line.size() <= kMaxMessageBytes);
  RC_ASSERT(comes_back(sent, decode_worker_message(line)));
}

std::int64_t any_count() {
  return *rc::gen::inRange<std::int64_t>(0, kMaxCount + 1);
}

std::optional<std::int64_t> any_count_or_nothing() {
  return *rc::gen::arbitrary<bool>() ? std::optional(any_count()) : std::nullopt;
}

double any_seconds() {
  return std::abs(*rc::gen::arbitrary<double>());
}

double any_loss() {
  const double infinity = std::numeric_limits<double>::infinity();
  const double loss =
      *rc::gen::oneOf(rc::gen::arbitrary<double>(), rc::gen::element(kNan, infinity, -infinity));
  return loss;
}

// What a loss is after the wire, which has only one word for "not finite".
double on_the_wire(double loss) {
  return std::isfinite(loss) ? loss : kNan;
}

std::string any_text() {
  return *rc::gen::container<std::string>(rc::gen::inRange<char>(1, 127));
}

RC_GTEST_PROP(WorkerMessage, HelloSurvivesTheWire, ()) {
  Hello hello;
  hello.framework = any_text();
  hello.device = any_text();
  hello.parameters = any_count_or_nothing();
  hello.steps_per_epoch = any_count_or_nothing();
  hello.memory_persistent_bytes = any_count_or_nothing();
  hello.memory_ephemeral_bytes = any_count_or_nothing();
  hello.resumed_epoch = any_count();
  hello.resumed_position = any_count();
  expect_worker_round_trip(hello);
}

RC_GTEST_PROP(WorkerMessage, RanSurvivesTheWire, ()) {
  expect_worker_round_trip(Ran{any_count(), any_count(), any_seconds(), on_the_wire(any_loss()),
                               *rc::gen::arbitrary<bool>()});
}

RC_GTEST_PROP(WorkerMessage, EpochSurvivesTheWire, ()) {
  expect_worker_round_trip(
      EpochDone{any_count(), on_the_wire(any_loss()), any_seconds(), any_seconds()});
}

RC_GTEST_PROP(WorkerMessage, TextsSurviveTheWire, ()) {
  expect_worker_round_trip(Saved{any_text(), any_count(), any_count()});
  expect_worker_round_trip(Done{any_text()});
  expect_worker_round_trip(Failed{any_text(), any_text()});
}

RC_GTEST_PROP(RunnerMessage, SurvivesTheWire, ()) {
  const train::Run lease{any_count()};
  RC_ASSERT(comes_back(lease, decode_runner_message(encode(RunnerMessage(lease)))));
  const Stop stop{any_text()};
  RC_ASSERT(comes_back(stop, decode_runner_message(encode(RunnerMessage(stop)))));
}

TEST(RunnerMessage, WithoutStepsIsALeaseToTheEndOfTheEpoch) {
  EXPECT_TRUE(comes_back(train::Run{}, decode_runner_message(encode(RunnerMessage(train::Run{})))));
  EXPECT_TRUE(comes_back(train::Run{}, decode_runner_message(R"({"v":1,"type":"run"})")));
  EXPECT_TRUE(comes_back(Checkpoint{}, decode_runner_message(encode(RunnerMessage(Checkpoint{})))));
}

TEST(WorkerMessage, WithALossThatIsNotFiniteSaysNull) {
  const double infinity = std::numeric_limits<double>::infinity();
  for (const double loss : {kNan, infinity, -infinity}) {
    const std::string line = encode(WorkerMessage(Ran{1, 1, 0.5, loss, false}));
    EXPECT_THAT(line, HasSubstr(R"("loss":null)"));
    EXPECT_TRUE(comes_back(Ran{1, 1, 0.5, kNan, false}, decode_worker_message(line)));
  }
}

RC_GTEST_PROP(WorkerMessage, FitsTheBoundWhateverTheBytesOfItsTexts, ()) {
  const auto any_bytes = rc::gen::container<std::string>(rc::gen::arbitrary<char>());
  std::string bytes = *any_bytes;
  const auto length = *rc::gen::inRange<std::size_t>(0, 20000);
  bytes.resize(std::max(bytes.size(), length), *rc::gen::arbitrary<char>());
  const std::string line = encode(WorkerMessage(Failed{bytes, bytes}));
  RC_ASSERT(line.size() <= kMaxMessageBytes);
  RC_ASSERT(decode_worker_message(line).has_value());
}

RC_GTEST_PROP(WorkerMessage, OfRandomBytesIsRefusedOrUnderstoodButNeverACrash, ()) {
  const std::string prefix = *rc::gen::element<std::string>(
      "", R"({"v":1,)", R"({"v":1,"type":"ran",)", R"({"v":1,"type":"failed","code":")");
  const std::string bytes = *rc::gen::container<std::string>(rc::gen::arbitrary<char>());
  const Result<WorkerMessage> worker = decode_worker_message(prefix + bytes);
  const Result<RunnerMessage> runner = decode_runner_message(prefix + bytes);
  RC_ASSERT(worker || !worker.error().message().empty());
  RC_ASSERT(runner || !runner.error().message().empty());
}

void expect_refused(const std::string& line, const std::vector<std::string>& words) {
  const Result<WorkerMessage> decoded = decode_worker_message(line);
  ASSERT_FALSE(decoded) << line.substr(0, 200);
  EXPECT_EQ(decoded.error().code(), ErrorCode::kInvalidArgument);
  for (const std::string& word : words) {
    EXPECT_THAT(decoded.error().message(), HasSubstr(word));
  }
  EXPECT_LT(decoded.error().message().size(), 300u);
}

std::string ran_with(const std::string& field, const std::string& value) {
  std::string line = R"({"v":1,"type":"ran")";
  const std::vector<std::pair<std::string, std::string>> fields = {{"steps", "5"},
                                                                   {"samples", "320"},
                                                                   {"seconds", "0.5"},
                                                                   {"loss", "1.5"},
                                                                   {"epoch_end", "false"}};
  for (const auto& [key, good] : fields) {
    line += ",\"" + key + "\":" + (key == field ? value : good);
  }
  return line + "}";
}

TEST(WorkerMessage, NamesTheFieldWhatWasFoundAndWhatWasExpected) {
  expect_refused(ran_with("steps", "\"five\""), {"ran.steps", "\"five\"", "whole number"});
  expect_refused(ran_with("steps", "-1"), {"ran.steps", "-1"});
  expect_refused(ran_with("steps", "1.5"), {"ran.steps", "1.5"});
  expect_refused(ran_with("steps", "9007199254740993"), {"ran.steps", "9007199254740993"});
  expect_refused(ran_with("steps", "18446744073709551616"), {"ran.steps"});
  expect_refused(ran_with("samples", "null"), {"ran.samples", "null"});
  expect_refused(ran_with("seconds", "-0.5"), {"ran.seconds", "-0.5"});
  expect_refused(ran_with("seconds", "null"), {"ran.seconds", "null"});
  expect_refused(ran_with("loss", "\"NaN\""), {"ran.loss", "null for one that is not finite"});
  expect_refused(ran_with("epoch_end", "0"), {"ran.epoch_end", "true or false"});
  expect_refused(R"({"v":1,"type":"done","weights":["a"]})", {"done.weights", "a string"});
  expect_refused(R"({"v":1,"type":"done"})", {"done.weights", "nothing"});
}

TEST(WorkerMessage, SaysWhatItsWorkerDoesNotKnow) {
  const auto hello = decode_worker_message(
      R"({"v":1,"type":"hello","framework":"f","device":"d","parameters":null,)"
      R"("steps_per_epoch":null,"memory":{"persistent":null,"ephemeral":null}})");
  ASSERT_TRUE(hello) << hello.error().message();
  EXPECT_EQ(std::get<Hello>(*hello).steps_per_epoch, std::nullopt);
  expect_refused(R"({"v":1,"type":"hello","framework":"f","device":"d","parameters":1})",
                 {"hello.steps_per_epoch", "nothing"});
}

TEST(WorkerMessage, NamesAFieldInsideAnother) {
  const std::string hello =
      R"({"v":1,"type":"hello","framework":"f","device":"cpu","parameters":1,"steps_per_epoch":1,)";
  expect_refused(hello + R"("memory":{"persistent":"1","ephemeral":2}})",
                 {"hello.memory.persistent"});
  expect_refused(hello + R"("memory":7})", {"hello.memory", "an object"});
  expect_refused(hello + R"("memory":{"persistent":1,"ephemeral":2},"resumed_from":{"epoch":1}})",
                 {"hello.resumed_from.position", "nothing"});
}

TEST(WorkerMessage, WithUnknownFieldsIsUnderstood) {
  EXPECT_TRUE(decode_worker_message(
      R"({"v":1,"type":"done","weights":"w","mood":{"today":["good",1e300]}})"));
}

TEST(WorkerMessage, OfUnknownTypeIsRefused) {
  expect_refused(R"({"v":1,"type":"hallo"})", {"message.type", "hallo", "hello, ran"});
  expect_refused(R"({"v":1,"type":"run"})", {"message.type"});  // only the runner says so
  expect_refused(R"({"v":1,"type":7})", {"message.type", "a string"});
  expect_refused(R"({"v":1})", {"message.type", "nothing"});
  expect_refused(R"({"type":"done","weights":""})", {"message.v"});
  expect_refused(R"({"v":"1","type":"done","weights":""})", {"message.v"});
}

TEST(WorkerMessage, OfAnotherProtocolVersionIsUnimplemented) {
  const auto decoded = decode_worker_message(R"({"v":2,"type":"done","weights":""})");
  ASSERT_FALSE(decoded);
  EXPECT_EQ(decoded.error().code(), ErrorCode::kUnimplemented);
  EXPECT_THAT(decoded.error().message(), AllOf(HasSubstr("found 2"), HasSubstr("expected 1")));
}

TEST(WorkerMessage, ThatIsNoJsonObjectIsRefused) {
  expect_refused("", {"not JSON"});
  expect_refused("training...", {"not JSON at byte"});
  expect_refused("[1,2]", {"expected an object"});
  expect_refused("42", {"expected an object"});
  expect_refused(R"({"v":1,"type":"done","weights":""} trailing)", {"not JSON"});
  expect_refused(R"({"v":1,"type":"ran","loss":NaN})", {"not JSON"});
  expect_refused(ran_with("loss", "1e999"), {"too large"});
  expect_refused("{\"v\":1,\"type\":\"done\",\"weights\":\"\xff\xfe\"}", {"not JSON"});
  expect_refused("{\"v\":1,\"type\":\"done\",\"weights\":\"\xed\xa0\x80\"}", {"not JSON"});
  expect_refused(std::string("{\"v\":1\0}", 8), {"not JSON"});
}

TEST(WorkerMessage, NestedTooDeepIsRefused) {
  const auto nested = [](std::size_t depth) {
    return R"({"v":1,"type":"done","weights":"","more":)" + std::string(depth, '[') +
           std::string(depth, ']') + "}";
  };
  EXPECT_TRUE(decode_worker_message(nested(8)));
  expect_refused(nested(17), {"nested deeper than"});
  expect_refused(nested(30000), {"nested deeper than"});
  expect_refused(std::string(60000, '['), {"not JSON"});
}

TEST(WorkerMessage, LongerThanTheBoundIsRefusedUnread) {
  const std::string line = R"({"v":1,"type":"done","weights":")";
  const std::string filler(kMaxMessageBytes - line.size() - 2, 'x');
  EXPECT_TRUE(decode_worker_message(line + filler + "\"}"));
  expect_refused(line + filler + "x\"}", {"65537 bytes"});
}

}  // namespace
}  // namespace symbiont::train
