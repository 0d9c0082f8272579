/* The C interface as a C99 program uses it, with a runner of its own at the other end. */
#define _POSIX_C_SOURCE 200809L /* mkdtemp, setenv */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "symbiont/symbiont.h"

static int failures = 0;

#define EXPECT(condition)                                                                     \
  do {                                                                                        \
    if (!(condition)) {                                                                       \
      fprintf(stderr, "%s:%d: expected %s; last error: %s\n", __FILE__, __LINE__, #condition, \
              symbiont_error_message());                                                      \
      ++failures;                                                                             \
    }                                                                                         \
  } while (0)

static char folder[64];

static void in_folder(char* path, size_t size, const char* name) {
  snprintf(path, size, "%s/%s", folder, name);
}

/* --- The other end ------------------------------------------------------------------------------
 */

static int listener = -1;
static FILE* runner = NULL;

static void listen_as_runner(void) {
  struct sockaddr_un address;
  memset(&address, 0, sizeof address);
  address.sun_family = AF_UNIX;
  in_folder(address.sun_path, sizeof address.sun_path, "channel");
  listener = socket(AF_UNIX, SOCK_STREAM, 0);
  EXPECT(bind(listener, (const struct sockaddr*)&address, sizeof address) == 0);
  EXPECT(listen(listener, 1) == 0);
  setenv("SYMBIONT_CHANNEL", address.sun_path, 1);
  setenv("SYMBIONT_BATCH_SIZE", "64", 1);
  setenv("SYMBIONT_LEARNING_RATE", "0.5", 1);
  setenv("SYMBIONT_MAX_EPOCHS", "9", 1);
  setenv("SYMBIONT_SEED", "18446744073709551615", 1);
  setenv("SYMBIONT_OUTPUT", folder, 1);
}

static void ask(const char* message) {
  EXPECT(write(fileno(runner), message, strlen(message)) == (ssize_t)strlen(message));
  EXPECT(write(fileno(runner), "\n", 1) == 1);
}

/* Reads the next line that the worker said and looks for some words in it. */
static int heard(const char* words) {
  char line[4096];
  if (fgets(line, sizeof line, runner) == NULL || strstr(line, words) == NULL) {
    fprintf(stderr, "heard %s", line);
    return 0;
  }
  return 1;
}

/* --- What is tested -----------------------------------------------------------------------------
 */

static void test_version(void) {
  EXPECT(symbiont_abi_version() == SYMBIONT_ABI_VERSION);
  EXPECT(strchr(symbiont_version(), '.') != NULL);
  EXPECT(strcmp(symbiont_error_message(), "") == 0);
}

static void test_window_measures_work(void) {
  const char* const meters[] = {"estimator"};
  symbiont_monitor* monitor = symbiont_monitor_open(meters, 1, 1);
  symbiont_window* window = symbiont_window_open(monitor);
  symbiont_usage usage;
  volatile double sum = 0.0;
  int i;
  EXPECT(monitor != NULL && window != NULL);
  EXPECT(strstr(symbiont_monitor_describe(monitor), "this process") != NULL);
  for (i = 0; i < 10000000; ++i) {
    sum += i;
  }
  EXPECT(symbiont_window_read(window, &usage) == SYMBIONT_OK);
  EXPECT(usage.energy_j > 0.0 && usage.time_s > 0.0 && usage.uncertainty_j > 0.0);
  EXPECT(usage.provenance == SYMBIONT_MODELLED && usage.scope == SYMBIONT_PROCESS);
  symbiont_window_close(window);
  symbiont_monitor_close(monitor);

  monitor = symbiont_monitor_open(NULL, 0, 1); /* "auto" always finds something */
  EXPECT(monitor != NULL);
  symbiont_monitor_close(monitor);
}

static void test_misuse_is_answered(void) {
  const char* const meters[] = {"rapel"};
  symbiont_usage usage;
  symbiont_task task;
  EXPECT(symbiont_monitor_open(meters, 1, 1) == NULL);
  EXPECT(strstr(symbiont_error_message(), "did you mean \"rapl\"?") != NULL);
  EXPECT(symbiont_window_open(NULL) == NULL);
  EXPECT(symbiont_window_read(NULL, &usage) == SYMBIONT_INVALID_ARGUMENT);
  EXPECT(symbiont_worker_open(NULL) == NULL);
  EXPECT(symbiont_worker_next(NULL, &task) == SYMBIONT_INVALID_ARGUMENT);
  EXPECT(symbiont_worker_batch_size(NULL) == 0);
  EXPECT(strcmp(symbiont_worker_output(NULL), "") == 0);
  symbiont_window_close(NULL);
  symbiont_monitor_close(NULL);
  symbiont_worker_close(NULL);
}

static void test_worker_trains_alone(void) {
  const symbiont_settings settings = {32, 0.1, 2, 7, NULL};
  symbiont_worker* worker = symbiont_worker_open(&settings);
  symbiont_hello hello = {5, 0, 0, 0, NULL, NULL};
  symbiont_task task;
  int epochs = 0;
  int steps = 0;
  EXPECT(worker != NULL && symbiont_worker_alone(worker) == 1);
  EXPECT(symbiont_worker_batch_size(worker) == 32 && symbiont_worker_seed(worker) == 7);
  EXPECT(symbiont_worker_next(worker, &task) == SYMBIONT_FAILED_PRECONDITION);
  EXPECT(symbiont_worker_start(worker, &hello) == SYMBIONT_OK);
  while (symbiont_worker_next(worker, &task) == SYMBIONT_OK && task.kind != SYMBIONT_FINISH) {
    if (task.kind == SYMBIONT_TRAIN) {
      EXPECT(symbiont_worker_trained(worker, 1, 32, 0.5) == SYMBIONT_OK);
      ++steps;
    } else {
      EXPECT(task.kind == SYMBIONT_EVALUATE);
      EXPECT(symbiont_worker_evaluated(worker, 0.9) == SYMBIONT_OK);
      ++epochs;
    }
  }
  EXPECT(epochs == 2 && steps == 10);
  EXPECT(symbiont_worker_finished(worker, NULL) == SYMBIONT_OK);
  symbiont_worker_close(worker);
}

static void test_worker_obeys_its_runner(void) {
  const symbiont_settings settings = {32, 0.1, 2, 7, NULL};
  const symbiont_hello hello = {10, 101770, 1024, 512, "plain C", "cpu"};
  symbiont_worker* worker;
  symbiont_task task;
  char path[256];
  FILE* weights;

  listen_as_runner();
  worker = symbiont_worker_open(&settings);
  runner = fdopen(accept(listener, NULL, NULL), "r+");
  EXPECT(worker != NULL && runner != NULL && symbiont_worker_alone(worker) == 0);
  EXPECT(symbiont_worker_batch_size(worker) == 64);
  EXPECT(symbiont_worker_learning_rate(worker) == 0.5);
  EXPECT(symbiont_worker_max_epochs(worker) == 9);
  EXPECT(symbiont_worker_seed(worker) == UINT64_MAX);
  EXPECT(strcmp(symbiont_worker_output(worker), folder) == 0);
  EXPECT(strcmp(symbiont_worker_resume(worker), "") == 0);
  EXPECT(symbiont_worker_start(worker, &hello) == SYMBIONT_OK);
  EXPECT(heard("\"steps_per_epoch\":10"));

  ask("{\"v\":1,\"type\":\"run\",\"steps\":4}");
  EXPECT(symbiont_worker_next(worker, &task) == SYMBIONT_OK);
  EXPECT(task.kind == SYMBIONT_TRAIN && task.steps == 4);
  EXPECT(symbiont_worker_trained(worker, 5, 320, 0.0) == SYMBIONT_INVALID_ARGUMENT);
  EXPECT(symbiont_worker_evaluated(worker, 1.0) == SYMBIONT_FAILED_PRECONDITION);
  EXPECT(symbiont_worker_trained(worker, 4, 256, 2.0) == SYMBIONT_OK);
  EXPECT(heard("\"loss\":0.5"));
  EXPECT(symbiont_worker_epoch(worker) == 0 && symbiont_worker_position(worker) == 4);

  ask("{\"v\":1,\"type\":\"checkpoint\"}");
  EXPECT(symbiont_worker_next(worker, &task) == SYMBIONT_OK && task.kind == SYMBIONT_SAVE);
  snprintf(path, sizeof path, "%s/weights", task.folder);
  weights = fopen(path, "w");
  EXPECT(weights != NULL && fputs("w", weights) >= 0 && fclose(weights) == 0);
  EXPECT(symbiont_worker_saved(worker) == SYMBIONT_OK);
  EXPECT(heard("\"position\":4"));
  in_folder(path, sizeof path, "checkpoint-0-4/weights");
  EXPECT(access(path, R_OK) == 0);

  ask("{\"v\":1,\"type\":\"stop\",\"reason\":\"enough\"}");
  EXPECT(symbiont_worker_next(worker, &task) == SYMBIONT_OK && task.kind == SYMBIONT_FINISH);
  EXPECT(strcmp(task.reason, "enough") == 0);
  EXPECT(symbiont_worker_finished(worker, NULL) == SYMBIONT_OK);
  EXPECT(heard("\"done\""));
  EXPECT(symbiont_worker_next(worker, &task) == SYMBIONT_FAILED_PRECONDITION);
  symbiont_worker_close(worker);
  fclose(runner);
}

static void test_worker_resumes_and_fails(void) {
  const symbiont_settings settings = {32, 0.1, 2, 7, NULL};
  const symbiont_hello hello = {10, 0, 0, 0, NULL, NULL};
  symbiont_worker* worker;
  char checkpoint[256];

  in_folder(checkpoint, sizeof checkpoint, "checkpoint-0-4");
  setenv("SYMBIONT_RESUME", checkpoint, 1);
  worker = symbiont_worker_open(&settings);
  runner = fdopen(accept(listener, NULL, NULL), "r+");
  EXPECT(symbiont_worker_position(worker) == 4);
  EXPECT(strcmp(symbiont_worker_resume(worker), checkpoint) == 0);
  EXPECT(symbiont_worker_start(worker, &hello) == SYMBIONT_OK);
  EXPECT(heard("\"resumed_from\":{\"epoch\":0,\"position\":4}"));
  EXPECT(symbiont_worker_failed(worker, "out_of_memory", "no room for 32") == SYMBIONT_OK);
  EXPECT(heard("\"out_of_memory\""));
  symbiont_worker_close(worker);
  fclose(runner);
}

int main(void) {
  char command[128];
  strcpy(folder, "symbiont-c-test-XXXXXX"); /* where the test runs, in the build folder */
  if (mkdtemp(folder) == NULL) {
    perror("mkdtemp");
    return 1;
  }
  test_version();
  test_window_measures_work();
  test_misuse_is_answered();
  test_worker_trains_alone();
  test_worker_obeys_its_runner();
  test_worker_resumes_and_fails();
  snprintf(command, sizeof command, "rm -rf %s", folder);
  if (system(command) != 0) {
    ++failures;
  }
  return failures == 0 ? 0 : 1;
}
