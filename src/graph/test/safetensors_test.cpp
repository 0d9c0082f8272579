#include "symbiont/graph/safetensors.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

namespace symbiont::graph {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

std::string with_header(const std::string& header, const std::string& data) {
  const std::uint64_t length = header.size();
  std::string bytes(8, '\0');
  std::memcpy(bytes.data(), &length, 8);
  return bytes + header + data;
}

std::string error_of(const std::string& header, const std::string& data) {
  const auto file = parse_safetensors(with_header(header, data), "w.safetensors");
  return file ? "no error" : file.error().message();
}

TEST(Safetensors, ReadsWhatTheFormatDescribes) {
  const auto file = parse_safetensors(
      with_header(R"({"__metadata__":{"format":"pt"},)"
                  R"("fc1.weight":{"dtype":"F32","shape":[1,2],"data_offsets":[0,8]}}  )",
                  std::string("\0\0\x80\x3f\0\0\0\x40", 8)),
      "w.safetensors");
  ASSERT_TRUE(file) << file.error().message();
  EXPECT_EQ(file->metadata.at("format"), "pt");
  const Tensor* weight = file->find("fc1.weight");
  ASSERT_NE(weight, nullptr);
  EXPECT_THAT(weight->shape, ElementsAre(1, 2));
  EXPECT_THAT(float_values(*weight).value(), ElementsAre(1.0F, 2.0F));
  EXPECT_EQ(file->find("fc2.weight"), nullptr);
}

TEST(Safetensors, RefusesATruncatedFileAtEveryLength) {
  TensorFile file;
  file.tensors.push_back(make_tensor("a", {3}, std::vector<float>{1, 2, 3}));
  const std::string whole = format_safetensors(file).value();
  for (std::size_t length = 0; length < whole.size(); ++length) {
    EXPECT_FALSE(parse_safetensors(whole.substr(0, length), "w")) << length;
  }
  EXPECT_TRUE(parse_safetensors(whole, "w"));
}

TEST(Safetensors, RefusesAHeaderLargerThanItsBound) {
  const std::string bytes("\xff\xff\xff\xff\xff\xff\xff\x7f{}", 10);
  const auto file = parse_safetensors(bytes, "w.safetensors");
  ASSERT_FALSE(file);
  EXPECT_EQ(file.error().code(), ErrorCode::kInvalidArgument);
  EXPECT_THAT(file.error().message(), HasSubstr("w.safetensors: not safetensors"));
}

TEST(Safetensors, RefusesTwoTensorsOfOneName) {
  EXPECT_THAT(error_of(R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},)"
                       R"("a":{"dtype":"U8","shape":[1],"data_offsets":[1,2]}})",
                       "xy"),
              HasSubstr("names \"a\" twice"));
}

TEST(Safetensors, AllowsTheSameKeyInTwoTensors) {
  EXPECT_EQ(error_of(R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},)"
                     R"("b":{"dtype":"U8","shape":[1],"data_offsets":[1,2]}})",
                     "xy"),
            "no error");
}

TEST(Safetensors, RefusesTensorsThatOverlapLeaveGapsOrBytes) {
  const std::string a = R"({"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},)";
  EXPECT_THAT(error_of(a + R"("b":{"dtype":"U8","shape":[2],"data_offsets":[1,3]}})", "xyz"),
              HasSubstr("tensor \"b\": its data starts at 1, expected 2"));
  EXPECT_THAT(error_of(a + R"("b":{"dtype":"U8","shape":[1],"data_offsets":[3,4]}})", "wxyz"),
              HasSubstr("starts at 3, expected 2"));
  EXPECT_THAT(error_of(a + R"("b":{"dtype":"U8","shape":[1],"data_offsets":[2,3]}})", "wxyz"),
              HasSubstr("1 bytes are left over"));
  EXPECT_THAT(error_of(a + R"("b":{"dtype":"U8","shape":[9],"data_offsets":[2,11]}})", "wxyz"),
              HasSubstr("truncated"));
}

TEST(Safetensors, RefusesShapesThatDoNotFitTheirBytes) {
  EXPECT_THAT(error_of(R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0,2]}})", "xy"),
              HasSubstr("do not fit shape [1] of F32"));
  EXPECT_THAT(error_of(R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[2,1]}})", "xy"),
              HasSubstr("do not fit"));
  EXPECT_THAT(error_of(R"({"a":{"dtype":"F64","shape":[4294967296,4294967296,2],)"
                       R"("data_offsets":[0,0]}})",
                       ""),
              HasSubstr("do not fit"));
}

TEST(Safetensors, RefusesEntriesOfAnotherForm) {
  for (const char* header : {R"([1])", R"({"a":1})", R"({"a":{"dtype":"F32"}})", R"({"a":)",
                             R"({"a":{"dtype":7,"shape":[1],"data_offsets":[0,1]}})",
                             R"({"a":{"dtype":"F12","shape":[1],"data_offsets":[0,1]}})",
                             R"({"a":{"dtype":"U8","shape":[-1],"data_offsets":[0,1]}})",
                             R"({"a":{"dtype":"U8","shape":[1.0],"data_offsets":[0,1]}})",
                             R"({"a":{"dtype":"U8","shape":1,"data_offsets":[0,1]}})",
                             R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[0]}})",
                             R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1],"more":1}})",
                             R"({"a":{"dtype":"U8","shape":[[[[1]]]],"data_offsets":[0,1]}})",
                             R"({"__metadata__":{"a":1}})", R"({"__metadata__":"a"})"}) {
    const auto file = parse_safetensors(with_header(header, "x"), "w");
    ASSERT_FALSE(file) << header;
    EXPECT_EQ(file.error().code(), ErrorCode::kInvalidArgument) << header;
  }
}

TEST(Safetensors, WritesOnlyWhatCanBeReadBack) {
  const auto refused = [](Tensor tensor) {
    return !format_safetensors({{std::move(tensor)}, {}}).has_value();
  };
  EXPECT_TRUE(refused({"", DType::kUint8, {0}, {}}));
  EXPECT_TRUE(refused({"__metadata__", DType::kUint8, {0}, {}}));
  EXPECT_TRUE(refused({"\xff", DType::kUint8, {0}, {}}));
  EXPECT_TRUE(refused({"a", DType::kFloat32, {1}, {std::byte{0}}}));
  EXPECT_FALSE(
      format_safetensors({{{"a", DType::kUint8, {0}, {}}, {"a", DType::kUint8, {0}, {}}}, {}}));
}

TEST(Safetensors, FileOnDiskIsReplacedWhole) {
  std::string pattern = (std::filesystem::temp_directory_path() / "symbiont-graph-XXXXXX").string();
  const std::filesystem::path folder = mkdtemp(pattern.data());
  const TensorFile file{{make_tensor("a", {2}, std::vector<float>{1, 2})}, {{"k", "v"}}};
  ASSERT_TRUE(save_safetensors(folder / "w.safetensors", file));
  ASSERT_TRUE(save_safetensors(folder / "w.safetensors", file));
  EXPECT_EQ(load_safetensors(folder / "w.safetensors").value(), file);
  const auto missing = load_safetensors(folder / "none.safetensors");
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().code(), ErrorCode::kNotFound);
  std::filesystem::remove_all(folder);
}

Tensor any_tensor(const std::string& name) {
  Tensor tensor;
  tensor.name = name;
  tensor.type = *rc::gen::element(DType::kFloat64, DType::kFloat32, DType::kFloat16,
                                  DType::kBfloat16, DType::kInt64, DType::kInt32, DType::kInt16,
                                  DType::kInt8, DType::kUint8, DType::kBool);
  std::size_t size = width_of(tensor.type);
  const auto dimensions = *rc::gen::inRange(0, 4);
  for (int i = 0; i < dimensions; ++i) {
    tensor.shape.push_back(*rc::gen::inRange(0, 5));
    size *= static_cast<std::size_t>(tensor.shape.back());
  }
  for (std::size_t i = 0; i < size; ++i) {
    tensor.bytes.push_back(static_cast<std::byte>(i * 37));
  }
  return tensor;
}

RC_GTEST_PROP(Safetensors, SurviveTheRoundTrip, ()) {
  TensorFile file;
  const auto count = *rc::gen::inRange(0, 6);
  for (int i = 0; i < count; ++i) {
    file.tensors.push_back(any_tensor("layer." + std::to_string(i) + ".w\"\n\xc3\xa9"));
  }
  file.metadata = {{"epoch", "3"}};
  const auto bytes = format_safetensors(file);
  RC_ASSERT(bytes.has_value());
  auto again = parse_safetensors(*bytes, "w");
  RC_ASSERT(again.has_value());
  std::sort(again->tensors.begin(), again->tensors.end(),
            [](const Tensor& a, const Tensor& b) { return a.name < b.name; });
  RC_ASSERT(*again == file);
  RC_ASSERT(format_safetensors(*again).value() == *bytes);
}

}  // namespace
}  // namespace symbiont::graph
