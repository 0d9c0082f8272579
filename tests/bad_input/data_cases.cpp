#include "cases.h"

namespace symbiont::testing {
namespace {

constexpr const char* kImages = "data/train-images-idx3-ubyte";
constexpr const char* kLabels = "data/train-labels-idx1-ubyte";

Case with_data(const std::string& name, const std::string& message,
               std::function<void(const Room&)> prepare) {
  Case one;
  one.name = name;
  one.message = message;
  one.prepare = std::move(prepare);
  return one;
}

Case with_set(const std::string& name, const std::string& set, const std::string& message) {
  Case one;
  one.name = name;
  one.edits = {{"idx:data", set}};
  one.message = message;
  return one;
}

/// The file gives way to the first half of its compressed self.
void cut_in_half(const Room& room, const std::string& file, const std::string& bytes) {
  fs::remove(room / file);
  const std::string whole = gzipped(bytes);
  room.write(room / (file + ".gz"), whole.substr(0, whole.size() / 2));
}

}  // namespace

std::vector<Case> data_cases() {
  Case too_large;
  too_large.name = "ABatchIsNoLargerThanTheSet";
  too_large.edits = {{"batch_sizes = [16]", "batch_sizes = [16, 65]"}};
  too_large.message =
      "job.toml:16: [train] batch_sizes: 65 is larger than the training set (64 rows)";
  return {
      too_large,
      with_set("AMissingSetNamesThePackage", "fashion-mnist",
               "install it with: apt-get install dataset-fashion-mnist"),
      with_set("MissingDigitsNameThePackage", "digits",
               "install it with: apt-get install python3-sklearn"),
      with_set("AFolderWithoutImagesIsNamed", "idx:elsewhere",
               "elsewhere/train-images-idx3-ubyte: no such file, with or without .gz"),
      with_set("AMissingTableIsNamed", "csv:none.csv", "none.csv: No such file or directory"),
      with_set("AMissingSetIsNamedWithItsPlace", "fashion-mnist",
               "job.toml:9: [data] set: load data: "),
      with_data(
          "TruncatedLabelsAreNotTrainedOn", "train-labels-idx1-ubyte.gz: gzip data is truncated",
          [](const Room& room) { cut_in_half(room, kLabels, idx({64}, std::string(64, '\1'))); }),
      with_data("TruncatedImagesAreNotTrainedOn",
                "train-images-idx3-ubyte.gz: gzip data is truncated",
                [](const Room& room) {
                  cut_in_half(room, kImages, idx({64, 4, 4}, std::string(1024, '\1')));
                }),
      with_data("AFileOfAnotherKindIsNoIdxFile", "not an IDX file: starts with 47 49 46 38",
                [](const Room& room) { room.write(room / kLabels, "GIF89a..."); }),
      with_data("ImagesOfAnotherKindAreNoIdxFile", "not an IDX file: starts with 47 49 46 38",
                [](const Room& room) { room.write(room / kImages, "GIF89a..."); }),
      with_data(
          "EveryImageHasOneLabel", "63 labels, expected 64",
          [](const Room& room) { room.write(room / kLabels, idx({63}, std::string(63, '\1'))); }),
      with_data("ImagesToEvaluateByAreThere", "t10k-images-idx3-ubyte: no such file",
                [](const Room& room) { fs::remove(room / "data/t10k-images-idx3-ubyte"); }),
      with_data("ASetHasAtLeastOneRow", "expected images: 3 dimensions and at least one value",
                [](const Room& room) {
                  room.write(room / kImages, idx({0, 4, 4}, ""));
                  room.write(room / kLabels, idx({0}, ""));
                }),
  };
}

}  // namespace symbiont::testing
