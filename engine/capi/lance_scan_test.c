/* Scans in the background, and many threads on one handle. */
#include <stdatomic.h>
#include <threads.h>

#include "engine/capi/lance_testing.h"

/* --- Scans in the background -------------------------------------------------------------------
 */

typedef struct Answered {
  mtx_t mutex;
  cnd_t changed;
  int count;
  int32_t status;
  struct ArrowArrayStream* stream;
  LanceErrorCode code;
  thrd_t thread;
} Answered;

static void on_scan(void* context, int32_t status, void* result) {
  Answered* answered = context;
  mtx_lock(&answered->mutex);
  ++answered->count;
  answered->status = status;
  answered->stream = result;
  answered->code = lance_last_error_code();
  answered->thread = thrd_current();
  cnd_signal(&answered->changed);
  mtx_unlock(&answered->mutex);
}

static void wait_for(Answered* answered, int count) {
  mtx_lock(&answered->mutex);
  while (answered->count < count) {
    cnd_wait(&answered->changed, &answered->mutex);
  }
  mtx_unlock(&answered->mutex);
}

static void test_async_scan(void) {
  LanceDataset* dataset = make_rows("async", 400);
  Answered answered = {.count = 0};
  CHECK(mtx_init(&answered.mutex, mtx_plain) == thrd_success);
  CHECK(cnd_init(&answered.changed) == thrd_success);
  LanceScanner* scanner = lance_scanner_new(dataset, NULL, "id >= 100");
  lance_scanner_scan_async(scanner, on_scan, &answered);
  lance_scanner_close(scanner);
  wait_for(&answered, 1);
  CHECK(answered.status == 0 && answered.code == LANCE_OK && answered.stream != NULL);
  CHECK(!thrd_equal(answered.thread, thrd_current()));
  CHECK(drain(answered.stream).rows == 300);
  free(answered.stream);

  /* Failures come the same way, and the error is that of the thread that calls. */
  scanner = lance_scanner_new(dataset, NULL, "nope = 1");
  lance_scanner_scan_async(scanner, on_scan, &answered);
  wait_for(&answered, 2);
  CHECK(answered.status == -1 && answered.stream == NULL);
  CHECK(answered.code == LANCE_ERR_INVALID_ARGUMENT);
  lance_scanner_close(scanner);
  lance_scanner_scan_async(NULL, on_scan, &answered);
  wait_for(&answered, 3);
  CHECK(answered.status == -1 && answered.code == LANCE_ERR_INVALID_ARGUMENT);

  /* Many at once: each is answered once. */
  scanner = lance_scanner_new(dataset, NULL, NULL);
  for (int i = 0; i < 8; ++i) {
    lance_scanner_scan_async(scanner, on_scan, &answered);
    wait_for(&answered, 4 + i);
    CHECK(drain(answered.stream).rows == 400);
    free(answered.stream);
  }
  lance_scanner_close(scanner);
  cnd_destroy(&answered.changed);
  mtx_destroy(&answered.mutex);
  lance_dataset_close(dataset);
}

static void wake(void* context) {
  atomic_fetch_add((atomic_int*)context, 1);
}

static void test_poll(void) {
  LanceDataset* dataset = make_rows("poll", 1000);
  LanceScanner* scanner = lance_scanner_new(dataset, NULL, NULL);
  CHECK(lance_scanner_set_batch_size(scanner, 100) == 0);
  atomic_int woken = 0;
  int pending = 0;
  int64_t rows = 0;
  for (;;) {
    LanceBatch* batch = NULL;
    const int before = atomic_load(&woken);
    const LancePollStatus status = lance_scanner_poll_next(scanner, wake, &woken, &batch);
    if (status == LANCE_POLL_PENDING) {
      CHECK(batch == NULL);
      ++pending;
      while (atomic_load(&woken) == before) {
        thrd_yield();
      }
      CHECK(atomic_load(&woken) == pending);
      continue;
    }
    if (status == LANCE_POLL_FINISHED) {
      CHECK(batch == NULL);
      break;
    }
    CHECK(status == LANCE_POLL_READY && batch != NULL);
    struct ArrowArray array;
    struct ArrowSchema schema;
    CHECK(lance_batch_to_arrow(batch, &array, &schema) == 0);
    rows += array.length;
    array.release(&array);
    schema.release(&schema);
    lance_batch_free(batch);
  }
  CHECK(rows == 1000);
  CHECK(atomic_load(&woken) == pending);
  LanceBatch* batch = NULL;
  CHECK(lance_scanner_poll_next(scanner, wake, &woken, &batch) == LANCE_POLL_FINISHED);
  lance_scanner_close(scanner);

  /* Waiting and polling go on from each other. */
  scanner = lance_scanner_new(dataset, NULL, NULL);
  CHECK(lance_scanner_set_batch_size(scanner, 100) == 0);
  rows = 0;
  int32_t status = lance_scanner_next(scanner, &batch);
  CHECK(status == 0);
  lance_batch_free(batch);
  rows += 100;
  LancePollStatus polled = LANCE_POLL_PENDING;
  while (polled == LANCE_POLL_PENDING) {
    polled = lance_scanner_poll_next(scanner, wake, &woken, &batch);
  }
  CHECK(polled == LANCE_POLL_READY);
  lance_batch_free(batch);
  rows += 100;
  while ((status = lance_scanner_next(scanner, &batch)) == 0) {
    rows += 100;
    lance_batch_free(batch);
  }
  CHECK(status == 1 && rows == 1000);
  lance_scanner_close(scanner);

  /* A scan given up half-way; then one that fails, again and again. */
  scanner = lance_scanner_new(dataset, NULL, NULL);
  (void)lance_scanner_poll_next(scanner, wake, &woken, &batch);
  lance_batch_free(batch);
  lance_scanner_close(scanner);
  scanner = lance_scanner_new(dataset, NULL, "nope = 1");
  for (int i = 0; i < 2; ++i) {
    do {
      polled = lance_scanner_poll_next(scanner, wake, &woken, &batch);
    } while (polled == LANCE_POLL_PENDING);
    CHECK(polled == LANCE_POLL_ERROR && batch == NULL);
    CHECK_ERROR(LANCE_ERR_INVALID_ARGUMENT, "nope");
  }
  lance_scanner_close(scanner);
  lance_dataset_close(dataset);
}

/* --- Threads -----------------------------------------------------------------------------------
 */

typedef struct Shared {
  LanceDataset* dataset;
  atomic_int running;
} Shared;

static int read_again_and_again(void* context) {
  Shared* shared = context;
  uint64_t last_version = 0;
  while (atomic_load(&shared->running) > 0) {
    const uint64_t version = lance_dataset_version(shared->dataset);
    CHECK(version >= last_version);
    last_version = version;
    /* Each version is whole: rows are deleted ten at a time. */
    const Totals totals = scan(shared->dataset, NULL);
    CHECK(totals.rows % 10 == 0);
  }
  return 0;
}

static int delete_ten_by_ten(void* context) {
  Shared* shared = context;
  for (int i = 0; i < 10; ++i) {
    uint64_t deleted = 0;
    int64_t first = 0;
    do { /* the two threads share the work: each range falls to one of them */
      char predicate[64];
      snprintf(predicate, sizeof(predicate), "id >= %lld AND id < %lld", (long long)first,
               (long long)first + 10);
      CHECK(lance_dataset_delete(shared->dataset, predicate, &deleted) == 0);
      CHECK(deleted == 0 || deleted == 10);
      first += 10;
    } while (deleted == 0 && first < 200);
  }
  atomic_fetch_sub(&shared->running, 1);
  return 0;
}

static void test_many_threads_one_handle(void) {
  Shared shared = {.dataset = make_rows("threads", 200), .running = 2};
  thrd_t threads[4];
  for (int i = 0; i < 4; ++i) {
    CHECK(thrd_create(&threads[i], i < 2 ? delete_ten_by_ten : read_again_and_again, &shared) ==
          thrd_success);
  }
  for (int i = 0; i < 4; ++i) {
    CHECK(thrd_join(threads[i], NULL) == thrd_success);
  }
  CHECK(lance_dataset_count_rows(shared.dataset) == 0);
  lance_dataset_close(shared.dataset);
}

const Case scan_cases[] = {
    CASE(test_async_scan),
    CASE(test_poll),
    CASE(test_many_threads_one_handle),
    {NULL, NULL},
};
