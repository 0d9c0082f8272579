#include "cases.h"

namespace symbiont::testing {
namespace {

constexpr int kFailed = 1;
constexpr int kUnreached = 3;

/// Always the same misbehaviour: three more workers are started, then the run gives up.
Case with_worker(const std::string& name, const std::string& worker, const std::string& message) {
  Case one;
  one.name = name;
  one.worker = worker;
  one.exit_code = kFailed;
  one.message = message;
  return one;
}

/// Silence is tolerated for a second only, so that the test need not wait longer.
Case with_silence(const std::string& name, const std::string& worker, const std::string& message) {
  Case one = with_worker(name, worker, message);
  one.edits = {{"deadline_s = 60", "deadline_s = 1"}};
  return one;
}

Case with_trainer(const std::string& name, const std::string& script, const std::string& message) {
  Case one = with_worker(name, "", message);
  one.prepare = [script](const Room& room) { room.write_trainer(script); };
  return one;
}

Case with_learning(const std::string& name, const std::vector<Edit>& edits,
                   const std::string& worker, const std::string& message) {
  Case one = with_worker(name, worker, message);
  one.edits = edits;
  one.exit_code = kUnreached;
  return one;
}

std::vector<Case> cases_of_trainers() {
  Case missing;
  missing.name = "AMissingTrainerNamesItsPackage";
  missing.environment = {{"SYMBIONT_TRAINER_TORCH", "/nonexistent"}};
  missing.message =
      "trainer \"/nonexistent\" cannot be executed: No such file or directory. It is in the "
      "package symbiont-trainer-torch";
  Case not_executable;
  not_executable.name = "ATrainerThatCannotBeExecutedIsNamed";
  not_executable.prepare = [](const Room& room) {
    fs::permissions(room.trainer(), fs::perms::owner_read);
  };
  not_executable.message = "cannot be executed: Permission denied";
  Case folder;
  folder.name = "AFolderIsNoTrainer";
  folder.environment = {{"SYMBIONT_TRAINER_TORCH", "/tmp"}};
  folder.message = "trainer \"/tmp\" cannot be executed";
  return {
      missing,
      not_executable,
      folder,
      with_trainer("ATrainerThatIsNoWorkerFails", "exec true", "the worker failed 4 times"),
      with_trainer("ATrainerWithoutItsInterpreterFails", "exec /nonexistent/python train.py",
                   "/nonexistent/python: not found"),
      with_trainer("AWorkerWithoutMemoryToStartFails", "ulimit -v 1000; exec " SCRIPTED_WORKER,
                   "the worker failed 4 times"),
  };
}

std::vector<Case> cases_of_failures() {
  return {
      with_silence("AWorkerThatHangsAtItsStartIsGivenUp", "--misbehave=mute", "start-up"),
      with_silence("AWorkerThatHangsInALeaseIsGivenUp", "--misbehave=hang", "a lease of 1 step"),
      with_silence("AWorkerThatStopsItselfIsGivenUp", "--misbehave=stop-itself",
                   "a lease of 1 step"),
      with_silence("AWorkerThatIgnoresSigtermIsKilled",
                   "--misbehave=hang --ignore-sigterm --linger", "a lease of 1 step"),
      with_worker("GarbageIsQuoted", "--misbehave=garbage", "garbage"),
      with_worker("GarbageInsteadOfAHelloIsQuoted", "--misbehave=garbage-hello", "garbage"),
      with_worker("ALineThatNeverEndsIsNotReadToItsEnd", "--misbehave=too-long", "garbage"),
      with_worker("HalfALineIsNoMessage", "--misbehave=half-line", "exit code 3"),
      with_worker("AWorkerThatExitsAtOnceIsQuoted", "--misbehave=exit-early", "no such data set"),
      with_worker("AWorkerThatExitsInALeaseIsQuoted", "--misbehave=exit",
                  "Traceback: something broke"),
      with_worker("AWorkerThatExitsAsIfAllWereWellFails", "--misbehave=exit-zero", "exit code 0"),
      with_worker("AWorkerThatIsKilledFails", "--misbehave=kill", "killed by signal 9"),
      with_worker("AWorkerThatHangsUpFails", "--misbehave=close", "the worker failed 4 times"),
      with_worker("AWorkerThatSaysThatItFailedIsQuoted", "--misbehave=failed",
                  "the data set is damaged"),
      with_worker("AWorkerThatCountsWronglyFails", "--misbehave=wrong-steps", "garbage: ran.steps"),
      with_worker("ACheckpointElsewhereIsNotBelieved", "--misbehave=outside-checkpoint",
                  "expected a directory below SYMBIONT_OUTPUT"),
      with_worker("AnEpochWithoutStepsIsNotBelieved", "--misbehave=hello-zero-steps",
                  "steps_per_epoch"),
  };
}

std::vector<Case> cases_of_learning() {
  return {
      with_learning("ATargetOutOfReachEndsUnreachedWithAdvice",
                    {{"value = 0.85", "value = 0.9999"}, {"max_epochs = 5", "max_epochs = 2"}}, "",
                    "raise [job] max_epochs or lower the target"),
      with_learning("ALossOutOfReachEndsUnreachedWithAdvice",
                    {{"metric = \"accuracy\", value = 0.85", "metric = \"loss\", value = 0.001"}},
                    "", "raise [job] max_epochs or raise the target"),
      with_learning("ALearningRateThatDivergesEndsUnreachedWithAdvice",
                    {{"learning_rate = 0.01", "learning_rate = 1e6"}}, "--samples=3200",
                    "lower [train] learning_rate"),
      with_learning("AMetricThatIsNoNumberEndsUnreachedWithAdvice", {}, "--misbehave=nan-metric",
                    "lower [train] learning_rate"),
      with_learning("NoBatchSizeThatFitsEndsUnreachedWithAdvice", {}, "--misbehave=out-of-memory",
                    "smaller sizes to [train] batch_sizes"),
  };
}

}  // namespace

std::vector<Case> worker_cases() {
  std::vector<Case> all = cases_of_trainers();
  for (const auto& more : {cases_of_failures(), cases_of_learning()}) {
    all.insert(all.end(), more.begin(), more.end());
  }
  return all;
}

}  // namespace symbiont::testing
