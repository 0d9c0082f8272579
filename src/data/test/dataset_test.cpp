#include "symbiont/data/dataset.h"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <numeric>
#include <set>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>
#include <zlib.h>

namespace symbiont::data {
namespace {

namespace fs = std::filesystem;
using testing::Each;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::SizeIs;

// A folder of data files that is gone after the test.
class DataFolder : public testing::Test {
 protected:
  DataFolder() {
    std::string pattern = (fs::temp_directory_path() / "symbiont-data-XXXXXX").string();
    folder_ = mkdtemp(pattern.data());
  }
  ~DataFolder() override {
    unsetenv("SYMBIONT_DATASETS");
    fs::remove_all(folder_);
  }

  fs::path write(const std::string& name, const std::string& bytes) {
    std::ofstream(folder_ / name, std::ios::binary) << bytes;
    return folder_ / name;
  }

  // Four files of 4x3 images; the i-th has all pixels i and label i % 10.
  void write_images(std::uint8_t train, std::uint8_t evaluation) {
    write("train-images-idx3-ubyte", images(train));
    write("train-labels-idx1-ubyte", labels(train));
    write("t10k-images-idx3-ubyte", images(evaluation));
    write("t10k-labels-idx1-ubyte", labels(evaluation));
  }

  static std::string images(std::uint8_t rows) {
    std::string bytes("\0\0\x08\x03\0\0\0", 7);
    bytes += static_cast<char>(rows);
    bytes += std::string("\0\0\0\4\0\0\0\3", 8);
    for (int row = 0; row < rows; ++row) {
      bytes += std::string(12, static_cast<char>(row));
    }
    return bytes;
  }

  static std::string labels(std::uint8_t rows) {
    std::string bytes("\0\0\x08\x01\0\0\0", 7);
    bytes += static_cast<char>(rows);
    for (int row = 0; row < rows; ++row) {
      bytes += static_cast<char>(row % 10);
    }
    return bytes;
  }

  static std::string gzip(const std::string& bytes) {
    z_stream stream{};
    EXPECT_EQ(deflateInit2(&stream, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
    std::string packed(bytes.size() + 256, '\0');
    stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
    stream.avail_in = static_cast<uInt>(bytes.size());
    stream.next_out = reinterpret_cast<Bytef*>(packed.data());
    stream.avail_out = static_cast<uInt>(packed.size());
    EXPECT_EQ(deflate(&stream, Z_FINISH), Z_STREAM_END);
    packed.resize(stream.total_out);
    deflateEnd(&stream);
    return packed;
  }

  Result<Split> load_folder() { return load({"idx:" + folder_.string(), {}}); }

  std::string error_of_folder() {
    const auto split = load_folder();
    return split ? "no error" : split.error().message();
  }

  fs::path folder_;
};

TEST_F(DataFolder, HoldsTheFourFilesOfAnImageSet) {
  write_images(40, 20);
  const auto split = load_folder();
  ASSERT_TRUE(split) << split.error().message();
  EXPECT_EQ(split->train.rows, 40U);
  EXPECT_EQ(split->evaluation.rows, 20U);
  EXPECT_EQ(split->train.shape, (Shape{1, 4, 3}));
  EXPECT_EQ(split->train.classes, 10U);
  EXPECT_EQ(split->train.labels[17], 7);
  const Pixels& pixels = std::get<Pixels>(split->train.features);
  EXPECT_EQ(pixels.values[17 * 12], 17);
  EXPECT_EQ(pixels.full_scale, 255.0F);
}

TEST_F(DataFolder, MayHoldCompressedFiles) {
  write_images(40, 20);
  fs::remove(folder_ / "train-images-idx3-ubyte");
  write("train-images-idx3-ubyte.gz", gzip(images(40)));
  EXPECT_TRUE(load_folder());
}

TEST_F(DataFolder, WithATruncatedCompressedFileIsRefusedByName) {
  write_images(40, 20);
  fs::remove(folder_ / "train-images-idx3-ubyte");
  const std::string packed = gzip(images(40));
  write("train-images-idx3-ubyte.gz", packed.substr(0, packed.size() - 9));
  const auto split = load_folder();
  ASSERT_FALSE(split);
  EXPECT_EQ(split.error().code(), ErrorCode::kDataLoss);
  EXPECT_THAT(split.error().message(), HasSubstr("train-images-idx3-ubyte.gz"));
}

TEST_F(DataFolder, WithACorruptCompressedFileIsRefused) {
  write_images(40, 20);
  fs::remove(folder_ / "train-labels-idx1-ubyte");
  std::string packed = gzip(labels(40));
  packed[packed.size() / 2] = static_cast<char>(packed[packed.size() / 2] ^ 0x55);
  write("train-labels-idx1-ubyte.gz", packed);
  const auto split = load_folder();
  ASSERT_FALSE(split);
  EXPECT_EQ(split.error().code(), ErrorCode::kDataLoss);
}

TEST_F(DataFolder, WithoutAFileSaysWhichOne) {
  write_images(40, 20);
  fs::remove(folder_ / "t10k-labels-idx1-ubyte");
  const auto split = load_folder();
  ASSERT_FALSE(split);
  EXPECT_EQ(split.error().code(), ErrorCode::kNotFound);
  EXPECT_THAT(split.error().message(), HasSubstr("t10k-labels-idx1-ubyte: no such file"));
}

TEST_F(DataFolder, WithFewerLabelsThanImagesIsRefused) {
  write_images(40, 20);
  write("train-labels-idx1-ubyte", labels(39));
  EXPECT_THAT(error_of_folder(), HasSubstr("39 labels, expected 40"));
}

TEST_F(DataFolder, WithAnUnknownLabelInEvaluationIsRefused) {
  write_images(5, 20);
  EXPECT_THAT(error_of_folder(), HasSubstr("evaluation has the label 9, training none above 4"));
}

TEST_F(DataFolder, WithEvaluationImagesOfAnotherShapeIsRefused) {
  write_images(40, 20);
  std::string other = images(20);
  std::swap(other[11], other[15]);
  write("t10k-images-idx3-ubyte", other);
  EXPECT_THAT(error_of_folder(), HasSubstr("4x3, evaluation images 3x4"));
}

TEST_F(DataFolder, WithLabelsInPlaceOfImagesIsRefused) {
  write_images(40, 20);
  write("train-images-idx3-ubyte", labels(40));
  EXPECT_THAT(error_of_folder(), HasSubstr("expected images: 3 dimensions"));
}

TEST_F(DataFolder, NamedByTheEnvironmentReplacesTheInstalledSets) {
  setenv("SYMBIONT_DATASETS", folder_.c_str(), 1);
  const auto split = load({"fashion-mnist", {}});
  ASSERT_FALSE(split);
  EXPECT_EQ(split.error().code(), ErrorCode::kNotFound);
  EXPECT_THAT(split.error().message(), HasSubstr("apt-get install dataset-fashion-mnist"));
}

std::string digits_csv(int rows) {
  std::string text;
  for (int row = 0; row < rows; ++row) {
    for (int pixel = 0; pixel < 64; ++pixel) {
      text += std::to_string((row + pixel) % 17) + ",";
    }
    text += std::to_string(row % 10) + "\n";
  }
  return text;
}

TEST_F(DataFolder, MayHoldTheDigits) {
  setenv("SYMBIONT_DATASETS", folder_.c_str(), 1);
  write("digits.csv.gz", gzip(digits_csv(1797)));
  const auto split = load({"digits", {}});
  ASSERT_TRUE(split) << split.error().message();
  EXPECT_EQ(split->train.rows, 1437U);
  EXPECT_EQ(split->evaluation.rows, 360U);
  EXPECT_EQ(split->evaluation.labels[0], 1437 % 10);
  EXPECT_EQ(std::get<Pixels>(split->train.features).full_scale, 16.0F);
  EXPECT_EQ(std::get<Pixels>(split->evaluation.features).values.size(), 360U * 64);
}

TEST_F(DataFolder, WithTooFewOrTooManyDigitsIsRefusedWithTheLine) {
  setenv("SYMBIONT_DATASETS", folder_.c_str(), 1);
  write("digits.csv.gz", digits_csv(1796));
  const auto fewer = load({"digits", {}});
  ASSERT_FALSE(fewer);
  EXPECT_THAT(fewer.error().message(), HasSubstr("digits.csv.gz:1797: expected 64 pixels"));
  write("digits.csv.gz", digits_csv(1798));
  EXPECT_FALSE(load({"digits", {}}));
}

TEST_F(DataFolder, LimitKeepsTheFirstRowsAndBoundsEvaluation) {
  write_images(40, 20);
  const auto split = load({"idx:" + folder_.string(), 7});
  ASSERT_TRUE(split);
  EXPECT_EQ(split->train.rows, 7U);
  EXPECT_THAT(split->train.labels, ElementsAre(0, 1, 2, 3, 4, 5, 6));
  EXPECT_THAT(std::get<Pixels>(split->train.features).values, SizeIs(7 * 12));
  EXPECT_EQ(split->evaluation.rows, 20U) << "fewer than the least number a small job gets";
}

TEST(Load, RefusesALimitBelowOneAndUnknownSets) {
  EXPECT_FALSE(load({"digits", 0}));
  for (const char* set : {"mnist", "idx:", "csv:", ""}) {
    const auto split = load({set, {}});
    ASSERT_FALSE(split) << set;
    EXPECT_EQ(split.error().code(), ErrorCode::kInvalidArgument);
  }
}

TEST(Load, ReadsTheInstalledFashionImages) {
  if (!fs::exists("/usr/share/datasets/fashion-mnist")) {
    GTEST_SKIP() << "dataset-fashion-mnist is not installed";
  }
  const auto split = load({"fashion-mnist", 2000});
  ASSERT_TRUE(split) << split.error().message();
  EXPECT_EQ(split->train.rows, 2000U);
  EXPECT_EQ(split->evaluation.rows, 2000U);
  EXPECT_EQ(split->train.shape, (Shape{1, 28, 28}));
  // The first labels of the published file.
  EXPECT_THAT(std::vector(split->train.labels.begin(), split->train.labels.begin() + 5),
              ElementsAre(9, 0, 0, 3, 0));
}

std::string table(int rows) {
  std::string text = "height,label,weight\n";
  for (int row = 0; row < rows; ++row) {
    text += std::to_string(row) + "," + std::to_string(row % 3) + ",-" + std::to_string(row) + "\n";
  }
  return text;
}

TEST_F(DataFolder, TableIsSplitAndScaledByItsTrainingRows) {
  const auto split = load({"csv:" + write("t.csv", table(11)).string(), {}});
  ASSERT_TRUE(split) << split.error().message();
  EXPECT_EQ(split->train.rows, 8U);
  EXPECT_EQ(split->evaluation.rows, 3U);
  EXPECT_EQ(split->train.shape, (Shape{1, 1, 2}));
  EXPECT_EQ(split->train.classes, 3U);
  EXPECT_EQ(split->evaluation.classes, 3U);
  const auto& values = std::get<std::vector<float>>(split->train.features);
  EXPECT_EQ(*std::min_element(values.begin(), values.end()), 0.0F);
  EXPECT_EQ(*std::max_element(values.begin(), values.end()), 1.0F);
}

TEST_F(DataFolder, TableWithoutALabelColumnUsesTheLastOne) {
  const auto split = load({"csv:" + write("t.csv", "a,b,kind\n1,2,4\n3,5,0\n").string(), {}});
  ASSERT_TRUE(split) << split.error().message();
  EXPECT_EQ(split->train.classes, 5U);
}

TEST_F(DataFolder, TableWithAConstantColumnScalesItToZero) {
  const auto split = load({"csv:" + write("t.csv", "a,label\n7,0\n7,1\n7,0\n7,1\n").string(), {}});
  ASSERT_TRUE(split);
  EXPECT_THAT(std::get<std::vector<float>>(split->train.features), Each(0.0F));
}

TEST_F(DataFolder, TableErrorsNameLineAndColumn) {
  const auto negative = load({"csv:" + write("t.csv", "a,label\n1,0\n2,-1\n").string(), {}});
  ASSERT_FALSE(negative);
  EXPECT_THAT(negative.error().message(), HasSubstr("t.csv:3"));
  EXPECT_THAT(negative.error().message(), HasSubstr("label"));
  EXPECT_FALSE(load({"csv:" + write("t.csv", "a,label\nx,0\n2,1\n").string(), {}}));
  EXPECT_FALSE(load({"csv:" + write("t.csv", "a,label\n1e300,0\n2,1\n").string(), {}}));
  EXPECT_FALSE(load({"csv:" + write("t.csv", "a,label\n1,0.5\n2,1\n").string(), {}}));
  EXPECT_FALSE(load({"csv:" + write("t.csv", "a,label\n1,999999999\n2,1\n").string(), {}}));
  EXPECT_FALSE(load({"csv:" + write("t.csv", "label\n1\n2\n").string(), {}}));
}

TEST(StepsPerEpoch, DropTheLastPartialBatch) {
  EXPECT_EQ(steps_per_epoch(60000, 32).value(), 1875);
  EXPECT_EQ(steps_per_epoch(1437, 512).value(), 2);
  EXPECT_EQ(steps_per_epoch(10, 10).value(), 1);
}

TEST(StepsPerEpoch, AreRefusedWhenTheBatchExceedsTheSet) {
  const auto steps = steps_per_epoch(1437, 2048);
  ASSERT_FALSE(steps);
  EXPECT_EQ(steps.error().code(), ErrorCode::kInvalidArgument);
  EXPECT_THAT(steps.error().message(), HasSubstr("2048, expected at most the 1437 training rows"));
  EXPECT_FALSE(steps_per_epoch(10, 0));
}

RC_GTEST_PROP(EpochOrder, IsAPermutation, ()) {
  const auto rows = *rc::gen::inRange<std::size_t>(0, 200);
  const auto seed = *rc::gen::arbitrary<std::uint64_t>();
  auto order = epoch_order(rows, seed, 3);
  std::sort(order.begin(), order.end());
  std::vector<std::int64_t> all(rows);
  std::iota(all.begin(), all.end(), 0);
  RC_ASSERT(order == all);
}

TEST(EpochOrder, IsTheSameForTheSameSeedAndEpochOnly) {
  EXPECT_EQ(epoch_order(100, 1, 1), epoch_order(100, 1, 1));
  EXPECT_NE(epoch_order(100, 1, 1), epoch_order(100, 1, 2));
  EXPECT_NE(epoch_order(100, 1, 1), epoch_order(100, 2, 1));
}

TEST(EpochOrder, PutsEveryRowFirstAboutEquallyOften) {
  std::vector<int> first(5, 0);
  for (std::int64_t epoch = 0; epoch < 5000; ++epoch) {
    ++first[static_cast<std::size_t>(epoch_order(5, 7, epoch)[0])];
  }
  for (const int count : first) {
    EXPECT_NEAR(count, 1000, 120);  // over four standard deviations
  }
}

}  // namespace
}  // namespace symbiont::data
