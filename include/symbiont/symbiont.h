#ifndef SYMBIONT_SYMBIONT_H_
#define SYMBIONT_SYMBIONT_H_
/**
 * Symbiont for C, and for every language that can call C: energy windows and the worker's half of
 * the worker protocol (docs/reference/worker-protocol.md). C99. Link with -lsymbiont_c.
 *
 * Handles are opaque and owned by the caller: what `..._open` returns goes to `..._close`, which
 * accepts NULL. A function fails by returning NULL or a code other than SYMBIONT_OK;
 * symbiont_error_message() then says what happened. No exception leaves this library, and it never
 * raises SIGPIPE. A NULL handle where one is needed is SYMBIONT_INVALID_ARGUMENT.
 *
 * Threads: functions without a handle may be called from any thread. A monitor and its windows may
 * be used by several threads at once; a worker by one thread at a time.
 *
 * Strings are UTF-8 as the environment gave them. One that is returned belongs to the library; its
 * comment says how long it stays.
 *
 * The library's ABI version is its soname. Within one version functions are only added, and no
 * structure changes.
 */

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* NOLINTBEGIN(readability-identifier-naming): the names are C's, not those of the C++ headers. */

#define SYMBIONT_ABI_VERSION 1

#if defined(__GNUC__)
#define SYMBIONT_API __attribute__((visibility("default")))
#else
#define SYMBIONT_API
#endif

/** What went wrong, numbered as gRPC's status codes. */
typedef enum symbiont_code {
  SYMBIONT_OK = 0,
  SYMBIONT_CANCELLED = 1,           /**< the runner has gone: end, nobody wants the result */
  SYMBIONT_UNKNOWN = 2,             /**< a library failed without saying how */
  SYMBIONT_INVALID_ARGUMENT = 3,    /**< bad input */
  SYMBIONT_NOT_FOUND = 5,           /**< a file is missing */
  SYMBIONT_PERMISSION_DENIED = 7,   /**< the operating system said no */
  SYMBIONT_RESOURCE_EXHAUSTED = 8,  /**< disk full, out of memory */
  SYMBIONT_FAILED_PRECONDITION = 9, /**< not now: answers something that was not asked */
  SYMBIONT_UNIMPLEMENTED = 12,      /**< not in this version */
  SYMBIONT_UNAVAILABLE = 14,        /**< a meter that cannot be read */
  SYMBIONT_DATA_LOSS = 15           /**< corrupt or truncated bytes */
} symbiont_code;

/** The ABI version of the library that is loaded; compare it with SYMBIONT_ABI_VERSION. */
SYMBIONT_API int symbiont_abi_version(void);
/** "0.1.0". Stays. */
SYMBIONT_API const char* symbiont_version(void);
/** What the latest failure in this thread was; "" before the first. Stays until the next one. */
SYMBIONT_API const char* symbiont_error_message(void);

/* --- Energy ------------------------------------------------------------------------------------
 */

/** A set of meters. */
typedef struct symbiont_monitor symbiont_monitor;
/** Energy and time since it was opened. Windows may nest and overlap. */
typedef struct symbiont_window symbiont_window;

/** How a figure was obtained. */
typedef enum symbiont_provenance {
  SYMBIONT_MEASURED = 0,
  SYMBIONT_MODELLED = 1,
  SYMBIONT_REPLAYED = 2,
  SYMBIONT_SIMULATED = 3,
  SYMBIONT_MIXED = 4
} symbiont_provenance;

/** What a figure covers. Never add figures of different scope. */
typedef enum symbiont_scope {
  SYMBIONT_MACHINE = 0, /**< all that the meter sees, neighbours included */
  SYMBIONT_PROCESS = 1  /**< this process and its children */
} symbiont_scope;

/** What some work used. */
typedef struct symbiont_usage {
  double energy_j;
  double uncertainty_j; /**< half-width of the interval around energy_j */
  double time_s;
  symbiont_provenance provenance;
  symbiont_scope scope;
} symbiont_usage;

/**
 * Opens `count` meters, each a word of a job file's [energy] meters: "auto", "rapl", "estimator",
 * ...; none (count 0) is "auto", which always finds something. What is estimated is this process
 * and its children. `threads`, at least 1: processors the work occupies, for the estimator.
 */
SYMBIONT_API symbiont_monitor* symbiont_monitor_open(const char* const* meters, size_t count,
                                                     int threads);
/** Its windows must be closed before. */
SYMBIONT_API void symbiont_monitor_close(symbiont_monitor* monitor);
/** For people: "modelled ±40 %, this process". Stays as long as the monitor. */
SYMBIONT_API const char* symbiont_monitor_describe(const symbiont_monitor* monitor);

SYMBIONT_API symbiont_window* symbiont_window_open(const symbiont_monitor* monitor);
/** What was used since the window was opened. May be asked again; never decreases. */
SYMBIONT_API symbiont_code symbiont_window_read(const symbiont_window* window,
                                                symbiont_usage* usage);
SYMBIONT_API void symbiont_window_close(symbiont_window* window);

/* --- Worker ------------------------------------------------------------------------------------
 */

/** A training under leases, or alone where nobody runs it. */
typedef struct symbiont_worker symbiont_worker;

/** What to train with where no runner says so. */
typedef struct symbiont_settings {
  int64_t batch_size;   /**< at least 1 */
  double learning_rate; /**< finite, above 0 */
  int64_t max_epochs;   /**< at least 1 */
  uint64_t seed;
  const char* output; /**< an existing directory; NULL: the current one */
} symbiont_settings;

/** The model, for those who plan with it. Zeros and NULLs where nothing is known. */
typedef struct symbiont_hello {
  int64_t steps_per_epoch; /**< at least 1 */
  int64_t parameters;
  int64_t memory_persistent_bytes; /**< weights, optimizer state, data */
  int64_t memory_ephemeral_bytes;  /**< activations and gradients of one step */
  const char* framework;           /**< "ggml 1.0" */
  const char* device;              /**< "cpu" */
} symbiont_hello;

typedef enum symbiont_task_kind {
  SYMBIONT_TRAIN = 0,    /**< `steps` more steps of this epoch: symbiont_worker_trained */
  SYMBIONT_EVALUATE = 1, /**< the epoch's steps are done: symbiont_worker_evaluated */
  SYMBIONT_SAVE = 2,     /**< write all that is needed into `folder`: symbiont_worker_saved */
  SYMBIONT_FINISH = 3    /**< write the final weights, because of `reason`: _finished */
} symbiont_task_kind;

typedef struct symbiont_task {
  symbiont_task_kind kind;
  int64_t steps;
  const char* folder; /**< stays until the next call on the worker; so does `reason` */
  const char* reason;
} symbiont_task;

/**
 * Connects to the runner that started this process (SYMBIONT_CHANNEL). Without one it is `alone`:
 * it trains settings->max_epochs epochs with these settings; SYMBIONT_BATCH_SIZE and the like win
 * over them where they are set. While a runner is connected, a thread of the library ends this
 * process (exit code 5) within a second after the runner has gone.
 */
SYMBIONT_API symbiont_worker* symbiont_worker_open(const symbiont_settings* settings);
/** Without a word to the runner, which calls that a failure before symbiont_worker_finished. */
SYMBIONT_API void symbiont_worker_close(symbiont_worker* worker);

/** What to train with. `output`, `initial_weights` and `resume` stay as long as the worker. */
SYMBIONT_API int symbiont_worker_alone(const symbiont_worker* worker);
SYMBIONT_API int64_t symbiont_worker_batch_size(const symbiont_worker* worker);
SYMBIONT_API double symbiont_worker_learning_rate(const symbiont_worker* worker);
SYMBIONT_API int64_t symbiont_worker_max_epochs(const symbiont_worker* worker);
SYMBIONT_API uint64_t symbiont_worker_seed(const symbiont_worker* worker);
/** All that the worker writes goes below it. */
SYMBIONT_API const char* symbiont_worker_output(const symbiont_worker* worker);
/** A safetensors file to start from; "" if none. */
SYMBIONT_API const char* symbiont_worker_initial_weights(const symbiont_worker* worker);
/** A directory that SYMBIONT_SAVE filled, to go on from; "" if none. Wins over initial weights. */
SYMBIONT_API const char* symbiont_worker_resume(const symbiont_worker* worker);
/** Whole epochs done, and steps done of the next one. */
SYMBIONT_API int64_t symbiont_worker_epoch(const symbiont_worker* worker);
SYMBIONT_API int64_t symbiont_worker_position(const symbiont_worker* worker);

/** What is in `resume` cannot be used: epoch and position become 0. Before symbiont_worker_start.
 */
SYMBIONT_API void symbiont_worker_start_over(symbiont_worker* worker);
/** The model is there, and what is to be resumed is loaded. Once. */
SYMBIONT_API symbiont_code symbiont_worker_start(symbiont_worker* worker,
                                                 const symbiont_hello* hello);

/** Blocks until there is something to do. The same task is given until it is answered. */
SYMBIONT_API symbiont_code symbiont_worker_next(symbiont_worker* worker, symbiont_task* task);
/**
 * That many steps were run, at most what the task allows: call it after one or after all of them.
 * `loss_sum`: the sum of their losses, not finite when training diverged; 0 if unknown.
 */
SYMBIONT_API symbiont_code symbiont_worker_trained(symbiont_worker* worker, int64_t steps,
                                                   int64_t samples, double loss_sum);
SYMBIONT_API symbiont_code symbiont_worker_evaluated(symbiont_worker* worker, double metric);
/** The files are written. They become a checkpoint: flushed, renamed, older ones removed. */
SYMBIONT_API symbiont_code symbiont_worker_saved(symbiont_worker* worker);
/** `weights`: a safetensors file below the output directory; NULL if there is none. The last word.
 */
SYMBIONT_API symbiont_code symbiont_worker_finished(symbiont_worker* worker, const char* weights);
/**
 * Instead of any answer: the training cannot go on. The code "out_of_memory" says that the batch
 * size does not fit, and it is never tried again; any other that it may be. The last word.
 */
SYMBIONT_API symbiont_code symbiont_worker_failed(symbiont_worker* worker, const char* code,
                                                  const char* message);

/* NOLINTEND(readability-identifier-naming) */

#ifdef __cplusplus
}
#endif

#endif /* SYMBIONT_SYMBIONT_H_ */
