#include "symbiont/tune/trace.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "symbiont/base/file.h"

namespace symbiont::tune {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Key;

constexpr char kRunsHeader[] =
    "dataset,network,batch_size,optimizer,learning_rate,run,target_metric,target_epoch\n";
constexpr char kPowerHeader[] =
    "dataset,network,batch_size,optimizer,power_limit,time_per_epoch,average_power\n";
const TraceJob kJob = {"digits", "mlp", "sgd"};

Result<void> add_runs(TraceSet& traces, const std::string& rows) {
  const Result<CsvTable> table = CsvTable::parse(kRunsHeader + rows, "runs.csv");
  EXPECT_TRUE(table);
  return traces.add_runs(*table);
}

Result<void> add_power(TraceSet& traces, const std::string& rows) {
  const Result<CsvTable> table = CsvTable::parse(kPowerHeader + rows, "power.csv");
  EXPECT_TRUE(table);
  return traces.add_power("v100", *table);
}

TEST(TraceSet, JoinsRunsAndPowerByBatchSize) {
  TraceSet traces;
  ASSERT_TRUE(add_runs(traces,
                       "digits,mlp,32,sgd,1e-1,1,0.9,4\n"
                       "digits,mlp,32,sgd,1e-1,2,0.9,nan\n"
                       "digits,mlp,64,sgd,1e-1,1,0.9,5\n"));
  ASSERT_TRUE(add_power(traces,
                        "digits,mlp,32,sgd,250,10.5,200\n"
                        "digits,mlp,32,sgd,100,20.5,90\n"
                        "digits,mlp,128,sgd,100,5,95\n"));
  const Result<JobTrace> job = traces.job("v100", kJob);
  ASSERT_TRUE(job);
  ASSERT_THAT(*job, ElementsAre(Key(32)));
  const BatchTrace& batch = job->at(32);
  EXPECT_EQ(batch.power.front().power_limit_w, 100);
  EXPECT_EQ(batch.power.back().time_per_epoch, Seconds(10.5));
  EXPECT_EQ(batch.epochs.at({0.9, 1}), 4);
  EXPECT_EQ(batch.epochs.at({0.9, 2}), std::nullopt);
}

TEST(TraceSet, SaysWhatIsThereWhenAJobIsNot) {
  TraceSet traces;
  ASSERT_TRUE(add_power(traces, "digits,mlp,32,sgd,250,10,200\n"));
  const Result<JobTrace> other_gpu = traces.job("a40", kJob);
  ASSERT_FALSE(other_gpu);
  EXPECT_EQ(other_gpu.error().code(), ErrorCode::kNotFound);
  EXPECT_THAT(other_gpu.error().message(), HasSubstr("there are v100"));
  const Result<JobTrace> no_runs = traces.job("v100", kJob);
  ASSERT_FALSE(no_runs);
  EXPECT_EQ(no_runs.error().code(), ErrorCode::kNotFound);
  EXPECT_THAT(no_runs.error().message(), HasSubstr("digits/mlp with sgd"));
}

struct BadRow {
  std::string row;
  std::string column;
};

TEST(TraceSet, RefusesBadPowerRowsByLineAndColumn) {
  const BadRow rows[] = {
      {"digits,mlp,0,sgd,250,10,200\n", "batch_size"},
      {"digits,mlp,32.5,sgd,250,10,200\n", "batch_size"},
      {"digits,mlp,32,sgd,-250,10,200\n", "power_limit"},
      {"digits,mlp,32,sgd,250,0,200\n", "time_per_epoch"},
      {"digits,mlp,32,sgd,250,nan,200\n", "time_per_epoch"},
      {"digits,mlp,32,sgd,250,10,inf\n", "average_power"},
      {"digits,mlp,32,sgd,250,10,-1\n", "average_power"},
      {",mlp,32,sgd,250,10,200\n", "dataset"},
      {"digits,mlp,16,sgd,250,11,201\n", "power_limit"},  // there already
  };
  for (const BadRow& bad : rows) {
    TraceSet traces;
    const Result<void> added = add_power(traces, "digits,mlp,16,sgd,250,10,200\n" + bad.row);
    ASSERT_FALSE(added) << bad.row;
    EXPECT_EQ(added.error().code(), ErrorCode::kInvalidArgument);
    EXPECT_THAT(added.error().message(), HasSubstr("power.csv:3"));
    EXPECT_THAT(added.error().message(), HasSubstr("\"" + bad.column + "\"")) << bad.row;
  }
}

TEST(TraceSet, RefusesBadRunsByLineAndColumn) {
  const BadRow rows[] = {
      {"digits,mlp,32,sgd,1e-1,0,0.9,4\n", "run"},
      {"digits,mlp,32,sgd,1e-1,1,nan,4\n", "target_metric"},
      {"digits,mlp,32,sgd,1e-1,1,0.9,0\n", "target_epoch"},
      {"digits,mlp,32,sgd,1e-1,1,0.9,never\n", "target_epoch"},
      {"digits,mlp,16,sgd,1e-1,1,0.9,9\n", "run"},  // there already
  };
  for (const BadRow& bad : rows) {
    TraceSet traces;
    const Result<void> added = add_runs(traces, "digits,mlp,16,sgd,1e-1,1,0.9,4\n" + bad.row);
    ASSERT_FALSE(added) << bad.row;
    EXPECT_EQ(added.error().code(), ErrorCode::kInvalidArgument);
    EXPECT_THAT(added.error().message(), HasSubstr("runs.csv:3"));
    EXPECT_THAT(added.error().message(), HasSubstr("\"" + bad.column + "\"")) << bad.row;
  }
}

TEST(TraceSet, RefusesATableWithoutAColumnItNeeds) {
  TraceSet traces;
  const Result<CsvTable> table = CsvTable::parse("dataset,network\n", "power.csv");
  ASSERT_TRUE(table);
  const Result<void> added = traces.add_power("v100", *table);
  ASSERT_FALSE(added);
  EXPECT_THAT(added.error().message(), HasSubstr("optimizer"));
}

TEST(TraceSet, LoadsAFolderAndNamesItsDevices) {
  const std::filesystem::path folder = testing::TempDir() + "tune_trace_set";
  ASSERT_TRUE(symbiont::create_directories(folder));
  ASSERT_TRUE(write_file_atomically(folder / "summary_train.csv",
                                    std::string(kRunsHeader) + "digits,mlp,32,sgd,1e-1,1,0.9,4\n"));
  for (const char* const gpu : {"v100", "a40"}) {
    ASSERT_TRUE(
        write_file_atomically(folder / ("summary_power_" + std::string(gpu) + ".csv"),
                              std::string(kPowerHeader) + "digits,mlp,32,sgd,250,10,200\n"));
  }
  const Result<TraceSet> traces = TraceSet::load(folder);
  ASSERT_TRUE(traces) << traces.error().message();
  EXPECT_THAT(traces->gpus(), ElementsAre("a40", "v100"));
  EXPECT_THAT(traces->jobs("a40"), ElementsAre(kJob));
  EXPECT_TRUE(traces->job("a40", kJob));
}

TEST(TraceSet, SaysSoWhenAFolderHoldsNoTraces) {
  const std::filesystem::path folder = testing::TempDir() + "tune_no_traces";
  ASSERT_TRUE(symbiont::create_directories(folder));
  for (const std::filesystem::path& path : {folder, folder / "absent"}) {
    const Result<TraceSet> traces = TraceSet::load(path);
    ASSERT_FALSE(traces);
    EXPECT_EQ(traces.error().code(), ErrorCode::kNotFound);
    EXPECT_THAT(traces.error().message(), HasSubstr(path.string()));
  }
}

}  // namespace
}  // namespace symbiont::tune
