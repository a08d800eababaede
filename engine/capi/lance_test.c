/* Every function of lance.h, as a program in C sees it: answers, errors, who owns what. */
#define _DEFAULT_SOURCE /* mkdtemp */

#include "lance/lance.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <threads.h>
#include <unistd.h>

#include "engine/capi/arrow_rows.h"

#define CHECK(condition)                                                                    \
  do {                                                                                      \
    if (!(condition)) {                                                                     \
      const char* message = lance_last_error_message();                                     \
      fprintf(stderr, "line %d: %s does not hold (last error: %s)\n", __LINE__, #condition, \
              message != NULL ? message : "none");                                          \
      exit(1);                                                                              \
    }                                                                                       \
  } while (0)

/* The call failed with `code`, and its message has `word` in it. */
#define CHECK_ERROR(wanted, word)                                                                  \
  do {                                                                                             \
    const LanceErrorCode found_code = lance_last_error_code();                                     \
    const char* found = lance_last_error_message();                                                \
    if (found_code != (wanted) || found == NULL || strstr(found, (word)) == NULL) {                \
      fprintf(stderr, "line %d: error %d: %s; wanted %d with \"%s\"\n", __LINE__, (int)found_code, \
              found != NULL ? found : "none", (int)(wanted), (word));                              \
      exit(1);                                                                                     \
    }                                                                                              \
    lance_free_string(found);                                                                      \
    CHECK(lance_last_error_code() == LANCE_OK);                                                    \
    CHECK(lance_last_error_message() == NULL);                                                     \
  } while (0)

static char folder[256];

static const char* path_of(const char* name) {
  static char paths[4][512];
  static int next = 0;
  char* path = paths[next++ % 4];
  snprintf(path, sizeof(paths[0]), "%s/%s", folder, name);
  return path;
}

/* --- Tools -------------------------------------------------------------------------------------
 */

static int32_t write_rows(const char* uri, int32_t mode, int64_t first, int64_t num_rows,
                          LanceDataset** out) {
  struct ArrowArrayStream stream;
  struct ArrowSchema schema;
  rows_stream(&stream, first, num_rows, 100, ROWS_NUM_COLUMNS, 0.5);
  rows_schema(&schema, ROWS_NUM_COLUMNS);
  const int32_t status = lance_dataset_write(uri, &schema, &stream, mode, NULL, out);
  CHECK(stream.release == NULL);
  CHECK(schema.release != NULL);
  schema.release(&schema);
  return status;
}

static LanceDataset* make_rows(const char* name, int64_t num_rows) {
  LanceDataset* dataset = NULL;
  CHECK(write_rows(path_of(name), LANCE_WRITE_CREATE, 0, num_rows, &dataset) == 0);
  CHECK(dataset != NULL);
  return dataset;
}

typedef struct Totals {
  int64_t rows;
  int64_t batches;
  int64_t columns;
  int64_t id_sum;
  int64_t first_id;
} Totals;

/* Reads the stream to its end and releases it; `id` is its first column. */
static Totals drain(struct ArrowArrayStream* stream) {
  Totals totals = {.first_id = -1};
  struct ArrowSchema schema;
  CHECK(stream->get_schema(stream, &schema) == 0);
  totals.columns = schema.n_children;
  schema.release(&schema);
  for (;;) {
    struct ArrowArray array;
    CHECK(stream->get_next(stream, &array) == 0);
    if (array.release == NULL) {
      break;
    }
    totals.rows += array.length;
    ++totals.batches;
    if (array.n_children > 0) {
      const struct ArrowArray* ids = array.children[0];
      const int64_t* values = (const int64_t*)ids->buffers[1] + ids->offset + array.offset;
      for (int64_t i = 0; i < array.length; ++i) {
        if (totals.first_id < 0) {
          totals.first_id = values[i];
        }
        totals.id_sum += values[i];
      }
    }
    array.release(&array);
  }
  stream->release(stream);
  CHECK(stream->release == NULL);
  return totals;
}

static Totals scan(const LanceDataset* dataset, const char* filter) {
  LanceScanner* scanner = lance_scanner_new(dataset, NULL, filter);
  CHECK(scanner != NULL);
  struct ArrowArrayStream stream;
  CHECK(lance_scanner_to_arrow_stream(scanner, &stream) == 0);
  lance_scanner_close(scanner);
  return drain(&stream);
}

static int64_t sum_below(int64_t n) {
  return n * (n - 1) / 2;
}

static int64_t num_columns(const LanceDataset* dataset) {
  struct ArrowSchema schema;
  CHECK(lance_dataset_schema(dataset, &schema) == 0);
  const int64_t count = schema.n_children;
  schema.release(&schema);
  return count;
}

/* --- Errors ------------------------------------------------------------------------------------
 */

static int fail_elsewhere(void* context) {
  (void)context;
  CHECK(lance_last_error_code() == LANCE_OK);
  CHECK(lance_dataset_open(path_of("elsewhere"), NULL, 0) == NULL);
  CHECK_ERROR(LANCE_ERR_NOT_FOUND, "elsewhere");
  return 0;
}

static void test_errors_belong_to_threads(void) {
  CHECK(lance_last_error_code() == LANCE_OK);
  CHECK(lance_last_error_message() == NULL);
  CHECK(lance_dataset_open(path_of("missing"), NULL, 0) == NULL);
  CHECK(lance_last_error_code() == LANCE_ERR_NOT_FOUND);
  thrd_t other;
  CHECK(thrd_create(&other, fail_elsewhere, NULL) == thrd_success);
  CHECK(thrd_join(other, NULL) == thrd_success);
  CHECK_ERROR(LANCE_ERR_NOT_FOUND, "missing");

  /* Success forgets the failure before it. */
  CHECK(lance_dataset_open(NULL, NULL, 0) == NULL);
  CHECK(lance_last_error_code() == LANCE_ERR_INVALID_ARGUMENT);
  LanceDataset* dataset = make_rows("errors", 1);
  CHECK(lance_last_error_code() == LANCE_OK);
  lance_dataset_close(dataset);

  const char* odd[] = {"key", NULL};
  CHECK(lance_dataset_open(path_of("errors"), odd, 0) == NULL);
  CHECK_ERROR(LANCE_ERR_INVALID_ARGUMENT, "storage_opts");
  CHECK(lance_dataset_open("\xff\xfe", NULL, 0) == NULL);
  CHECK_ERROR(LANCE_ERR_INVALID_ARGUMENT, "UTF-8");
  CHECK(lance_dataset_open("http://host/x", NULL, 0) == NULL);
  CHECK_ERROR(LANCE_ERR_NOT_SUPPORTED, "http");
  CHECK(lance_dataset_open(path_of("errors"), NULL, 99) == NULL);
  CHECK_ERROR(LANCE_ERR_NOT_FOUND, "99");
  CHECK(lance_dataset_open("s3://", odd + 1, 0) == NULL);
  CHECK_ERROR(LANCE_ERR_INVALID_ARGUMENT, "s3://");
}

static void test_null_is_refused(void) {
  struct ArrowSchema schema;
  struct ArrowArray array;
  struct ArrowArrayStream stream;
  LanceBatch* batch = NULL;
  uint64_t number = 0;
  uint8_t bytes[16] = {0};
  const char* names[] = {"id", NULL};
  lance_dataset_close(NULL);
  lance_scanner_close(NULL);
  lance_batch_free(NULL);
  lance_versions_close(NULL);
  lance_data_statistics_close(NULL);
  lance_free_string(NULL);
#define REFUSED(call, word)                        \
  do {                                             \
    (void)(call);                                  \
    CHECK_ERROR(LANCE_ERR_INVALID_ARGUMENT, word); \
  } while (0)
  REFUSED(lance_dataset_version(NULL), "dataset");
  REFUSED(lance_dataset_count_rows(NULL), "dataset");
  REFUSED(lance_dataset_latest_version(NULL), "dataset");
  REFUSED(lance_dataset_schema(NULL, &schema), "dataset");
  REFUSED(lance_dataset_fragment_count(NULL), "dataset");
  REFUSED(lance_dataset_fragment_ids(NULL, &number), "dataset");
  REFUSED(lance_dataset_versions(NULL), "dataset");
  REFUSED(lance_versions_count(NULL), "versions");
  REFUSED(lance_versions_id_at(NULL, 0), "versions");
  REFUSED(lance_versions_timestamp_ms_at(NULL, 0), "versions");
  REFUSED(lance_dataset_restore(NULL, 1), "dataset");
  REFUSED(lance_dataset_calculate_data_stats(NULL), "dataset");
  REFUSED(lance_data_statistics_count(NULL), "stats");
  REFUSED(lance_data_statistics_field_id_at(NULL, 0), "stats");
  REFUSED(lance_data_statistics_bytes_on_disk_at(NULL, 0), "stats");
  REFUSED(lance_dataset_take(NULL, &number, 1, NULL, &stream), "dataset");
  REFUSED(lance_dataset_take_rows(NULL, &number, 1, NULL, &stream), "dataset");
  REFUSED(lance_scanner_new(NULL, names, NULL), "dataset");
  REFUSED(lance_scanner_set_limit(NULL, 1), "scanner");
  REFUSED(lance_scanner_set_offset(NULL, 1), "scanner");
  REFUSED(lance_scanner_set_batch_size(NULL, 1), "scanner");
  REFUSED(lance_scanner_with_row_id(NULL, true), "scanner");
  REFUSED(lance_scanner_set_fragment_ids(NULL, &number, 1), "scanner");
  REFUSED(lance_scanner_set_substrait_filter(NULL, bytes, 1), "scanner");
  REFUSED(lance_scanner_to_arrow_stream(NULL, &stream), "scanner");
  REFUSED(lance_scanner_next(NULL, &batch), "scanner");
  CHECK(lance_scanner_poll_next(NULL, NULL, NULL, &batch) == LANCE_POLL_ERROR);
  CHECK_ERROR(LANCE_ERR_INVALID_ARGUMENT, "scanner");
  REFUSED(lance_batch_to_arrow(NULL, &array, &schema), "batch");
  REFUSED(lance_dataset_delete(NULL, "true", NULL), "dataset");
  REFUSED(lance_dataset_update(NULL, NULL, names, names, 1, NULL), "dataset");
  REFUSED(lance_dataset_merge_insert(NULL, names, 1, NULL, NULL, NULL), "source");
  REFUSED(lance_dataset_compact_files(NULL, NULL, NULL), "dataset");
  REFUSED(lance_dataset_drop_columns(NULL, names, 1), "dataset");
  REFUSED(lance_dataset_alter_columns(NULL, NULL, 1), "dataset");
  REFUSED(lance_dataset_add_columns_sql(NULL, NULL, 1, 0), "dataset");
  REFUSED(lance_dataset_add_columns_nulls(NULL, NULL), "dataset");
  REFUSED(lance_dataset_add_columns_stream(NULL, NULL, 0), "stream");
  REFUSED(lance_dataset_write(NULL, NULL, NULL, 0, NULL, NULL), "stream");
  REFUSED(lance_write_fragments(NULL, NULL, NULL, NULL), "stream");
  REFUSED(lance_dataset_create_vector_index(NULL, "v", NULL, NULL, false), "dataset");
  REFUSED(lance_dataset_create_scalar_index(NULL, "id", NULL, LANCE_SCALAR_BTREE, NULL, false),
          "dataset");
  REFUSED(lance_dataset_drop_index(NULL, "id_idx"), "dataset");
  REFUSED(lance_dataset_index_count(NULL), "dataset");
  REFUSED(lance_dataset_index_list_json(NULL), "dataset");
  REFUSED(lance_dataset_index_segment_count(NULL, "id_idx"), "dataset");
  REFUSED(lance_dataset_index_segments(NULL, "id_idx", bytes, 1, NULL), "dataset");
  REFUSED(lance_scanner_nearest(NULL, "v", bytes, 4, LANCE_DTYPE_FLOAT32, 1), "scanner");
  REFUSED(lance_scanner_set_nprobes(NULL, 1), "scanner");
  REFUSED(lance_scanner_set_refine_factor(NULL, 1), "scanner");
  REFUSED(lance_scanner_set_ef(NULL, 1), "scanner");
  REFUSED(lance_scanner_set_metric(NULL, LANCE_METRIC_L2), "scanner");
  REFUSED(lance_scanner_set_use_index(NULL, true), "scanner");
  REFUSED(lance_scanner_set_prefilter(NULL, true), "scanner");
  REFUSED(lance_scanner_set_index_segments(NULL, bytes, 1), "scanner");
  REFUSED(lance_scanner_full_text_search(NULL, "x", NULL, 0), "scanner");
#undef REFUSED
}

/* --- Writing -----------------------------------------------------------------------------------
 */

static void test_write_modes(void) {
  const char* uri = path_of("modes");
  LanceDataset* dataset = NULL;
  CHECK(write_rows(uri, LANCE_WRITE_APPEND, 0, 250, &dataset) == 0); /* creates */
  CHECK(lance_dataset_version(dataset) == 1);
  CHECK(lance_dataset_count_rows(dataset) == 250);
  CHECK(num_columns(dataset) == 3);

  LanceDataset* untouched = dataset;
  CHECK(write_rows(uri, LANCE_WRITE_CREATE, 0, 5, &untouched) == -1);
  CHECK_ERROR(LANCE_ERR_DATASET_ALREADY_EXISTS, "modes");
  CHECK(untouched == dataset);

  CHECK(write_rows(uri, LANCE_WRITE_APPEND, 250, 50, NULL) == 0);
  CHECK(lance_dataset_version(dataset) == 1); /* the handle stays */
  CHECK(lance_dataset_latest_version(dataset) == 2);
  LanceDataset* latest = lance_dataset_open(uri, NULL, 0);
  CHECK(lance_dataset_count_rows(latest) == 300);
  CHECK(lance_dataset_fragment_count(latest) == 2);
  uint64_t ids[2] = {9, 9};
  CHECK(lance_dataset_fragment_ids(latest, ids) == 0);
  CHECK(ids[0] == 0 && ids[1] == 1);
  const Totals totals = scan(latest, NULL);
  CHECK(totals.rows == 300 && totals.id_sum == sum_below(300));
  lance_dataset_close(latest);

  CHECK(write_rows(uri, LANCE_WRITE_OVERWRITE, 0, 7, &latest) == 0);
  CHECK(lance_dataset_version(latest) == 3);
  CHECK(scan(latest, NULL).rows == 7);
  CHECK(scan(dataset, NULL).rows == 250);
  lance_dataset_close(latest);
  lance_dataset_close(dataset);

  dataset = lance_dataset_open(uri, NULL, 2);
  CHECK(lance_dataset_version(dataset) == 2);
  CHECK(lance_dataset_count_rows(dataset) == 300);
  lance_dataset_close(dataset);
}

static void test_write_refusals(void) {
  const RowsCounts before = rows_counts;
  const char* uri = path_of("refused");
  LanceDataset* out = NULL;
  CHECK(write_rows(uri, 7, 0, 5, &out) == -1);
  CHECK_ERROR(LANCE_ERR_INVALID_ARGUMENT, "mode");
  CHECK(write_rows(NULL, LANCE_WRITE_CREATE, 0, 5, &out) == -1);
  CHECK_ERROR(LANCE_ERR_INVALID_ARGUMENT, "uri");
  CHECK(write_rows("", LANCE_WRITE_CREATE, 0, 5, &out) == -1);
  CHECK_ERROR(LANCE_ERR_INVALID_ARGUMENT, "uri");

  struct ArrowArrayStream stream;
  struct ArrowSchema schema;
  rows_stream(&stream, 0, 5, 5, ROWS_NUM_COLUMNS, 1.0);
  rows_schema(&schema, 2);
  CHECK(lance_dataset_write(uri, &schema, &stream, LANCE_WRITE_CREATE, NULL, &out) == -1);
  CHECK_ERROR(LANCE_ERR_INVALID_ARGUMENT, "name");
  CHECK(stream.release == NULL);
  rows_stream(&stream, 0, 5, 5, ROWS_NUM_COLUMNS, 1.0);
  CHECK(lance_dataset_write(uri, NULL, &stream, LANCE_WRITE_CREATE, NULL, &out) == -1);
  CHECK_ERROR(LANCE_ERR_INVALID_ARGUMENT, "schema");
  schema.release(&schema);
  rows_stream(&stream, 0, 5, 5, ROWS_NUM_COLUMNS, 1.0);
  CHECK(lance_dataset_write(uri, &schema, &stream, LANCE_WRITE_CREATE, NULL, &out) == -1);
  CHECK_ERROR(LANCE_ERR_INVALID_ARGUMENT, "released");

  /* A stream that fails leaves nothing. */
  rows_failing_stream(&stream);
  rows_schema(&schema, ROWS_NUM_COLUMNS);
  CHECK(lance_dataset_write(uri, &schema, &stream, LANCE_WRITE_CREATE, NULL, &out) == -1);
  CHECK_ERROR(LANCE_ERR_IO, "ran dry");
  CHECK(stream.release == NULL);
  CHECK(out == NULL);
  CHECK(lance_dataset_open(uri, NULL, 0) == NULL);
  CHECK_ERROR(LANCE_ERR_NOT_FOUND, "refused");

  /* Streams that lack what a stream has. */
  rows_stream(&stream, 0, 5, 5, ROWS_NUM_COLUMNS, 1.0);
  stream.get_next = NULL;
  CHECK(lance_dataset_write(uri, &schema, &stream, LANCE_WRITE_CREATE, NULL, &out) == -1);
  CHECK_ERROR(LANCE_ERR_INVALID_ARGUMENT, "get_next");
  CHECK(lance_dataset_write(uri, &schema, &stream, LANCE_WRITE_CREATE, NULL, &out) == -1);
  CHECK_ERROR(LANCE_ERR_INVALID_ARGUMENT, "released");
  schema.release(&schema);

  CHECK(rows_counts.streams_made - before.streams_made ==
        rows_counts.streams_released - before.streams_released);
}

static void test_write_params(void) {
  struct ArrowArrayStream stream;
  struct ArrowSchema schema;
  rows_schema(&schema, ROWS_NUM_COLUMNS);
  LanceWriteParams params;
  memset(&params, 0, sizeof(params));
  params.max_rows_per_file = 100;
  params.data_storage_version = "2.1";
  params.enable_stable_row_ids = true;
  LanceDataset* dataset = NULL;
  rows_stream(&stream, 0, 250, 100, ROWS_NUM_COLUMNS, 1.0);
  CHECK(lance_dataset_write_with_params(path_of("params"), &schema, &stream, LANCE_WRITE_CREATE,
                                        &params, NULL, &dataset) == 0);
  CHECK(lance_dataset_fragment_count(dataset) == 3);
  lance_dataset_close(dataset);

  const char* versions[] = {"3.7", "", "2.3", "legacy"};
  const LanceErrorCode codes[] = {LANCE_ERR_INVALID_ARGUMENT, LANCE_ERR_INVALID_ARGUMENT,
                                  LANCE_ERR_NOT_SUPPORTED, LANCE_ERR_NOT_SUPPORTED};
  for (int i = 0; i < 4; ++i) {
    params.data_storage_version = versions[i];
    rows_stream(&stream, 0, 5, 5, ROWS_NUM_COLUMNS, 1.0);
    CHECK(lance_dataset_write_with_params(path_of("params2"), &schema, &stream, LANCE_WRITE_CREATE,
                                          &params, NULL, NULL) == -1);
    CHECK_ERROR(codes[i], "data_storage_version");
  }

  rows_stream(&stream, 0, 5, 5, ROWS_NUM_COLUMNS, 1.0);
  CHECK(lance_dataset_write_with_params(path_of("params2"), &schema, &stream, LANCE_WRITE_CREATE,
                                        NULL, NULL, NULL) == 0);
  schema.release(&schema);
}

static void test_append_of_another_schema(void) {
  lance_dataset_close(make_rows("schemas", 10));
  struct ArrowArrayStream stream;
  struct ArrowSchema schema;
  rows_stream(&stream, 10, 5, 5, 1, 1.0); /* only `id`: the others become null */
  rows_schema(&schema, 1);
  LanceDataset* dataset = NULL;
  CHECK(lance_dataset_write(path_of("schemas"), &schema, &stream, LANCE_WRITE_APPEND, NULL,
                            &dataset) == 0);
  schema.release(&schema);
  CHECK(scan(dataset, "value IS NULL").rows == 5);
  rows_field_schema(&schema, "later", "l");
  CHECK(lance_dataset_add_columns_nulls(dataset, &schema) == 0);
  schema.release(&schema);
  const char* others[] = {"value"};
  CHECK(lance_dataset_drop_columns(dataset, others, 1) == 0);
  lance_dataset_close(dataset);
  CHECK(write_rows(path_of("schemas"), LANCE_WRITE_APPEND, 0, 5, NULL) == -1); /* `value` is gone */
  CHECK_ERROR(LANCE_ERR_INVALID_ARGUMENT, "value");
}

static void test_fragments_without_commit(void) {
  struct ArrowArrayStream stream;
  struct ArrowSchema schema;
  rows_schema(&schema, ROWS_NUM_COLUMNS);
  rows_stream(&stream, 0, 50, 50, ROWS_NUM_COLUMNS, 1.0);
  CHECK(lance_write_fragments(path_of("fragments"), &schema, &stream, NULL) == 0);
  CHECK(stream.release == NULL);
  CHECK(access(path_of("fragments/data"), F_OK) == 0);
  CHECK(access(path_of("fragments/_versions"), F_OK) != 0);
  CHECK(lance_dataset_open(path_of("fragments"), NULL, 0) == NULL);
  CHECK_ERROR(LANCE_ERR_NOT_FOUND, "fragments");
  schema.release(&schema);
}

/* --- Reading -----------------------------------------------------------------------------------
 */

static void test_scan_options(void) {
  LanceDataset* dataset = make_rows("scan", 1000);
  CHECK(scan(dataset, "id >= 10 AND id < 20 AND name IS NOT NULL").rows == 9);
  CHECK(scan(dataset, "value = 5.5").first_id == 11);

  const char* columns[] = {"id", "name", NULL};
  LanceScanner* scanner = lance_scanner_new(dataset, columns, "id > 99");
  CHECK(lance_scanner_set_limit(scanner, 55) == 0);
  CHECK(lance_scanner_set_offset(scanner, 5) == 0);
  CHECK(lance_scanner_set_batch_size(scanner, 10) == 0);
  CHECK(lance_scanner_with_row_id(scanner, true) == 0);
  struct ArrowArrayStream stream;
  CHECK(lance_scanner_to_arrow_stream(scanner, &stream) == 0);
  Totals totals = drain(&stream);
  CHECK(totals.rows == 55 && totals.columns == 3 && totals.first_id == 105);
  CHECK(totals.batches >= 6);
  /* The scanner may be used again, with other options. */
  CHECK(lance_scanner_set_limit(scanner, 1) == 0);
  CHECK(lance_scanner_with_row_id(scanner, false) == 0);
  CHECK(lance_scanner_to_arrow_stream(scanner, &stream) == 0);
  totals = drain(&stream);
  CHECK(totals.rows == 1 && totals.columns == 2);
  CHECK(lance_scanner_set_limit(scanner, -1) == 0);
  CHECK(lance_scanner_to_arrow_stream(scanner, &stream) == -1);
  CHECK_ERROR(LANCE_ERR_INVALID_ARGUMENT, "limit");
  CHECK(lance_scanner_set_limit(scanner, 1) == 0);
  CHECK(lance_scanner_set_batch_size(scanner, 0) == 0);
  CHECK(lance_scanner_to_arrow_stream(scanner, &stream) == -1);
  CHECK_ERROR(LANCE_ERR_INVALID_ARGUMENT, "0");
  lance_scanner_close(scanner);

  const char* wrong[][3] = {{"nope", NULL, NULL}, {"id", "id", NULL}, {"ID", NULL, NULL}};
  const char* words[] = {"nope", "twice", "ID"};
  for (int i = 0; i < 3; ++i) {
    scanner = lance_scanner_new(dataset, wrong[i], NULL);
    CHECK(scanner != NULL);
    CHECK(lance_scanner_to_arrow_stream(scanner, &stream) == -1);
    CHECK_ERROR(LANCE_ERR_INVALID_ARGUMENT, words[i]);
    LanceBatch* batch = NULL;
    CHECK(lance_scanner_next(scanner, &batch) == -1);
    CHECK_ERROR(LANCE_ERR_INVALID_ARGUMENT, words[i]);
    CHECK(batch == NULL);
    lance_scanner_close(scanner);
  }
  const char* filters[] = {"nope = 1", "id >>> 2", "id + 1"};
  for (int i = 0; i < 3; ++i) {
    scanner = lance_scanner_new(dataset, NULL, filters[i]);
    CHECK(lance_scanner_to_arrow_stream(scanner, &stream) == -1);
    CHECK(lance_last_error_code() == LANCE_ERR_INVALID_ARGUMENT);
    lance_scanner_close(scanner);
  }

  /* No columns: rows are still counted. */
  const char* none[] = {NULL};
  scanner = lance_scanner_new(dataset, none, "id < 3");
  CHECK(lance_scanner_to_arrow_stream(scanner, &stream) == 0);
  totals = drain(&stream);
  CHECK(totals.rows == 3 && totals.columns == 0);
  lance_scanner_close(scanner);
  lance_dataset_close(dataset);
}

static void test_scan_of_fragments(void) {
  lance_dataset_close(make_rows("parts", 100));
  LanceDataset* dataset = NULL;
  CHECK(write_rows(path_of("parts"), LANCE_WRITE_APPEND, 100, 20, &dataset) == 0);
  LanceScanner* scanner = lance_scanner_new(dataset, NULL, NULL);
  const uint64_t ids[] = {1, 77};
  struct ArrowArrayStream stream;
  CHECK(lance_scanner_set_fragment_ids(scanner, ids, 2) == 0);
  CHECK(lance_scanner_to_arrow_stream(scanner, &stream) == 0);
  const Totals totals = drain(&stream);
  CHECK(totals.rows == 20 && totals.first_id == 100);
  CHECK(lance_scanner_set_fragment_ids(scanner, NULL, 1) == -1);
  CHECK_ERROR(LANCE_ERR_INVALID_ARGUMENT, "ids");
  CHECK(lance_scanner_set_fragment_ids(scanner, NULL, 0) == 0);
  CHECK(lance_scanner_to_arrow_stream(scanner, &stream) == 0);
  CHECK(drain(&stream).rows == 0);
  lance_scanner_close(scanner);
  lance_dataset_close(dataset);
}

static void test_batches(void) {
  LanceDataset* dataset = make_rows("batches", 300);
  LanceScanner* scanner = lance_scanner_new(dataset, NULL, NULL);
  CHECK(lance_scanner_set_batch_size(scanner, 128) == 0);
  lance_dataset_close(dataset); /* the scanner lives on */
  int64_t rows = 0;
  LanceBatch* batch = NULL;
  LanceBatch* last = NULL;
  int32_t status = 0;
  while ((status = lance_scanner_next(scanner, &batch)) == 0) {
    for (int twice = 0; twice < 2; ++twice) {
      struct ArrowArray array;
      struct ArrowSchema schema;
      CHECK(lance_batch_to_arrow(batch, &array, &schema) == 0);
      CHECK(array.n_children == 3 && schema.n_children == 3);
      CHECK(strcmp(schema.format, "+s") == 0 && strcmp(schema.children[2]->name, "name") == 0);
      rows += twice == 0 ? array.length : 0;
      schema.release(&schema);
      array.release(&array);
    }
    lance_batch_free(last);
    last = batch;
  }
  CHECK(status == 1 && batch == NULL && rows == 300);
  CHECK(lance_scanner_next(scanner, &batch) == 1); /* and stays there */
  lance_scanner_close(scanner);
  struct ArrowArray array;
  struct ArrowSchema schema;
  CHECK(lance_batch_to_arrow(last, &array, &schema) == 0); /* the batch lives on */
  lance_batch_free(last);
  CHECK(array.length > 0 &&
        ((const int64_t*)array.children[0]->buffers[1])[array.children[0]->offset] > 0);
  array.release(&array);
  schema.release(&schema);
}

static void test_stream_outlives_its_makers(void) {
  LanceDataset* dataset = make_rows("outlives", 500);
  LanceScanner* scanner = lance_scanner_new(dataset, NULL, NULL);
  struct ArrowArrayStream stream;
  CHECK(lance_scanner_to_arrow_stream(scanner, &stream) == 0);
  struct ArrowArrayStream unread;
  CHECK(lance_scanner_to_arrow_stream(scanner, &unread) == 0);
  lance_scanner_close(scanner);
  lance_dataset_close(dataset);
  unread.release(&unread);
  CHECK(drain(&stream).rows == 500);
}

static void test_take(void) {
  LanceDataset* dataset = make_rows("take", 100);
  const uint64_t rows[] = {7, 3, 7, 99};
  const char* columns[] = {"id", "_rowid", NULL};
  struct ArrowArrayStream stream;
  CHECK(lance_dataset_take(dataset, rows, 4, columns, &stream) == 0);
  Totals totals = drain(&stream);
  CHECK(totals.rows == 4 && totals.columns == 2 && totals.id_sum == 116 && totals.first_id == 7);
  CHECK(lance_dataset_take(dataset, rows, 0, NULL, &stream) == 0);
  totals = drain(&stream);
  CHECK(totals.rows == 0 && totals.columns == 3);
  const uint64_t beyond[] = {100};
  CHECK(lance_dataset_take(dataset, beyond, 1, NULL, &stream) == -1);
  CHECK_ERROR(LANCE_ERR_INVALID_ARGUMENT, "row 100 of 100");
  CHECK(lance_dataset_take(dataset, NULL, 0, NULL, &stream) == -1);
  CHECK_ERROR(LANCE_ERR_INVALID_ARGUMENT, "indices");
  const char* unknown[] = {"nope", NULL};
  CHECK(lance_dataset_take(dataset, rows, 1, unknown, &stream) == -1);
  CHECK_ERROR(LANCE_ERR_INVALID_ARGUMENT, "nope");

  /* By row id; those that nobody has are left out. */
  const uint64_t ids[] = {5, 1000, 2, 5};
  CHECK(lance_dataset_take_rows(dataset, ids, 4, columns, &stream) == 0);
  totals = drain(&stream);
  CHECK(totals.rows == 3 && totals.id_sum == 12 && totals.first_id == 5);
  CHECK(lance_dataset_take_rows(dataset, NULL, 0, NULL, &stream) == 0);
  CHECK(drain(&stream).rows == 0);
  CHECK(lance_dataset_take_rows(dataset, NULL, 1, NULL, &stream) == -1);
  CHECK_ERROR(LANCE_ERR_INVALID_ARGUMENT, "row_ids");
  CHECK(lance_dataset_take_rows(dataset, ids, 1, unknown, &stream) == -1);
  CHECK_ERROR(LANCE_ERR_INVALID_ARGUMENT, "nope");
  lance_dataset_close(dataset);
}

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

/* --- History -----------------------------------------------------------------------------------
 */

static void test_versions_and_restore(void) {
  lance_dataset_close(make_rows("history", 10));
  LanceDataset* dataset = NULL;
  CHECK(write_rows(path_of("history"), LANCE_WRITE_APPEND, 10, 10, &dataset) == 0);
  LanceVersions* versions = lance_dataset_versions(dataset);
  CHECK(lance_versions_count(versions) == 2);
  CHECK(lance_versions_id_at(versions, 0) == 1 && lance_versions_id_at(versions, 1) == 2);
  CHECK(lance_versions_timestamp_ms_at(versions, 0) > 1500000000000);
  CHECK(lance_versions_timestamp_ms_at(versions, 1) >= lance_versions_timestamp_ms_at(versions, 0));
  CHECK(lance_versions_id_at(versions, 2) == 0);
  CHECK_ERROR(LANCE_ERR_INVALID_ARGUMENT, "index 2 of 2");

  LanceDataset* restored = lance_dataset_restore(dataset, 1);
  CHECK(restored != NULL);
  CHECK(lance_dataset_version(restored) == 3 && lance_dataset_count_rows(restored) == 10);
  CHECK(lance_dataset_version(dataset) == 2 && lance_dataset_count_rows(dataset) == 20);
  lance_dataset_close(restored);
  restored = lance_dataset_restore(dataset, 3); /* the latest: still a version of its own */
  CHECK(lance_dataset_version(restored) == 4);
  lance_dataset_close(restored);
  CHECK(lance_dataset_restore(dataset, 0) == NULL);
  CHECK_ERROR(LANCE_ERR_INVALID_ARGUMENT, "version");
  CHECK(lance_dataset_restore(dataset, 50) == NULL);
  CHECK_ERROR(LANCE_ERR_NOT_FOUND, "50");
  CHECK(lance_versions_count(versions) == 2); /* as it was */
  lance_dataset_close(dataset);
  lance_versions_close(versions);
}

static void test_statistics(void) {
  LanceDataset* dataset = make_rows("statistics", 1000);
  LanceDataStatistics* stats = lance_dataset_calculate_data_stats(dataset);
  lance_dataset_close(dataset);
  CHECK(lance_data_statistics_count(stats) == 3);
  for (size_t i = 0; i < 3; ++i) {
    CHECK(lance_data_statistics_field_id_at(stats, i) == i);
    CHECK(lance_data_statistics_bytes_on_disk_at(stats, i) > 100);
  }
  CHECK(lance_data_statistics_bytes_on_disk_at(stats, 3) == 0);
  CHECK_ERROR(LANCE_ERR_INVALID_ARGUMENT, "index 3 of 3");
  (void)lance_data_statistics_field_id_at(stats, 3);
  CHECK_ERROR(LANCE_ERR_INVALID_ARGUMENT, "index 3 of 3");
  lance_data_statistics_close(stats);
}

/* --- Indexes and search ------------------------------------------------------------------------
 */

static void test_indices(void) {
  LanceDataset* dataset = make_rows("indices", 2000);
  uint8_t uuids[32];
  uint64_t count = 77;
  CHECK(lance_dataset_index_count(dataset) == 0);
  CHECK(lance_last_error_code() == LANCE_OK);
  CHECK(lance_dataset_create_scalar_index(dataset, "id", NULL, LANCE_SCALAR_BTREE,
                                          "{\"zone_size\": 128}", false) == 0);
  CHECK(lance_dataset_version(dataset) == 2); /* the handle has moved */
  CHECK(lance_dataset_index_count(dataset) == 1);
  CHECK(lance_dataset_create_scalar_index(dataset, "id", "id_idx", LANCE_SCALAR_BTREE, NULL,
                                          false) == -1);
  CHECK_ERROR(LANCE_ERR_INDEX, "id_idx");
  CHECK(lance_dataset_create_scalar_index(dataset, "id", "id_idx", LANCE_SCALAR_BTREE, NULL,
                                          true) == 0);
  CHECK(lance_dataset_create_scalar_index(dataset, "nope", NULL, LANCE_SCALAR_BTREE, NULL, true) ==
        -1);
  CHECK_ERROR(LANCE_ERR_INDEX, "nope");
  CHECK(lance_dataset_create_scalar_index(dataset, "id", "b", LANCE_SCALAR_BITMAP, NULL, true) ==
        -1);
  CHECK_ERROR(LANCE_ERR_NOT_SUPPORTED, "bitmap");
  CHECK(lance_dataset_create_scalar_index(dataset, "id", "b", (LanceScalarIndexType)9, NULL,
                                          true) == -1);
  CHECK_ERROR(LANCE_ERR_INVALID_ARGUMENT, "index_type");
  CHECK(lance_dataset_create_scalar_index(dataset, "id", "b", LANCE_SCALAR_BTREE, "{", true) == -1);
  CHECK_ERROR(LANCE_ERR_INVALID_ARGUMENT, "params_json");
  CHECK(lance_dataset_index_count(dataset) == 1);

  const Totals totals = scan(dataset, "id BETWEEN 500 AND 509");
  CHECK(totals.rows == 10 && totals.first_id == 500);

  const char* json = lance_dataset_index_list_json(dataset);
  CHECK(json != NULL);
  CHECK(strstr(json, "\"name\":\"id_idx\"") != NULL &&
        strstr(json, "\"columns\":[\"id\"]") != NULL);
  CHECK(strstr(json, "\"type\":\"BTree\"") != NULL);
  CHECK(lance_dataset_index_segment_count(dataset, "id_idx") == 1);
  CHECK(lance_dataset_index_segments(dataset, "id_idx", uuids, 2, &count) == 0 && count == 1);
  char first[3];
  snprintf(first, sizeof(first), "%02x", uuids[0]);
  CHECK(strncmp(strstr(json, "\"uuid\":\"") + strlen("\"uuid\":\""), first, 2) == 0);
  lance_free_string(json);
  CHECK(lance_dataset_index_segments(dataset, "id_idx", uuids, 0, &count) == -1);
  CHECK_ERROR(LANCE_ERR_INVALID_ARGUMENT, "capacity");
  CHECK(count == 1);
  CHECK(lance_dataset_index_segments(dataset, "nope", uuids, 2, NULL) == -1);
  CHECK_ERROR(LANCE_ERR_NOT_FOUND, "nope");
  CHECK(lance_dataset_index_segment_count(dataset, "nope") == 0);
  CHECK_ERROR(LANCE_ERR_NOT_FOUND, "nope");

  CHECK(lance_dataset_drop_index(dataset, "nope") == -1);
  CHECK_ERROR(LANCE_ERR_NOT_FOUND, "nope");
  CHECK(lance_dataset_drop_index(dataset, "id_idx") == 0);
  CHECK(lance_dataset_index_count(dataset) == 0);
  lance_dataset_close(dataset);
}

static void test_what_is_not_supported(void) {
  LanceDataset* dataset = make_rows("unsupported", 10);
  const float query[2] = {0, 1};
  const uint8_t bytes[16] = {1};
  struct ArrowArrayStream stream;
  LanceScanner* scanner = lance_scanner_new(dataset, NULL, NULL);
  CHECK(lance_scanner_set_nprobes(scanner, 1) == 0);
  CHECK(lance_scanner_set_refine_factor(scanner, 1) == 0);
  CHECK(lance_scanner_set_ef(scanner, 1) == 0);
  CHECK(lance_scanner_set_use_index(scanner, false) == 0);
  CHECK(lance_scanner_set_prefilter(scanner, true) == 0);
  CHECK(lance_scanner_set_metric(scanner, LANCE_METRIC_HAMMING) == 0);
  CHECK(lance_scanner_set_metric(scanner, (LanceMetricType)4) == -1);
  CHECK_ERROR(LANCE_ERR_INVALID_ARGUMENT, "metric");
  CHECK(lance_scanner_nearest(scanner, "v", query, 2, LANCE_DTYPE_FLOAT32, 0) == -1);
  CHECK_ERROR(LANCE_ERR_INVALID_ARGUMENT, "k is 0");
  CHECK(lance_scanner_nearest(scanner, "v", NULL, 2, LANCE_DTYPE_FLOAT32, 1) == -1);
  CHECK_ERROR(LANCE_ERR_INVALID_ARGUMENT, "query_data");
  CHECK(lance_scanner_nearest(scanner, "v", query, 2, (LanceDataType)5, 1) == -1);
  CHECK_ERROR(LANCE_ERR_INVALID_ARGUMENT, "element_type");
  /* Nothing but arguments was wrong so far: it still scans. */
  CHECK(lance_scanner_to_arrow_stream(scanner, &stream) == 0);
  CHECK(drain(&stream).rows == 10);
  CHECK(lance_scanner_set_index_segments(scanner, bytes, 1) == 0);
  CHECK(lance_scanner_to_arrow_stream(scanner, &stream) == -1);
  CHECK_ERROR(LANCE_ERR_INVALID_ARGUMENT, "segments");
  CHECK(lance_scanner_set_index_segments(scanner, NULL, 1) == -1);
  CHECK_ERROR(LANCE_ERR_INVALID_ARGUMENT, "segment_uuids");
  CHECK(lance_scanner_set_index_segments(scanner, NULL, 0) == 0);
  CHECK(lance_scanner_nearest(scanner, "v", query, 2, LANCE_DTYPE_FLOAT32, 1) == -1);
  CHECK_ERROR(LANCE_ERR_NOT_SUPPORTED, "column v");
  CHECK(lance_scanner_to_arrow_stream(scanner, &stream) == -1);
  CHECK_ERROR(LANCE_ERR_NOT_SUPPORTED, "column v");
  CHECK(lance_scanner_full_text_search(scanner, "word", NULL, 0) == -1);
  CHECK_ERROR(LANCE_ERR_INVALID_ARGUMENT, "nearest");
  lance_scanner_close(scanner);

  scanner = lance_scanner_new(dataset, NULL, NULL);
  CHECK(lance_scanner_full_text_search(scanner, "word", NULL, 0) == -1);
  CHECK_ERROR(LANCE_ERR_NOT_SUPPORTED, "full-text");
  CHECK(lance_scanner_nearest(scanner, "v", query, 2, LANCE_DTYPE_FLOAT32, 1) == -1);
  CHECK_ERROR(LANCE_ERR_INVALID_ARGUMENT, "full_text_search");
  lance_scanner_close(scanner);

  scanner = lance_scanner_new(dataset, NULL, NULL);
  CHECK(lance_scanner_set_substrait_filter(scanner, bytes, 0) == -1);
  CHECK_ERROR(LANCE_ERR_INVALID_ARGUMENT, "bytes");
  CHECK(lance_scanner_set_substrait_filter(scanner, bytes, 16) == -1);
  CHECK_ERROR(LANCE_ERR_NOT_SUPPORTED, "Substrait");
  LanceBatch* batch = NULL;
  CHECK(lance_scanner_next(scanner, &batch) == -1);
  CHECK_ERROR(LANCE_ERR_NOT_SUPPORTED, "Substrait");
  lance_scanner_close(scanner);

  LanceVectorIndexParams params;
  memset(&params, 0, sizeof(params));
  params.index_type = LANCE_INDEX_IVF_PQ;
  CHECK(lance_dataset_create_vector_index(dataset, "v", NULL, &params, false) == -1);
  CHECK_ERROR(LANCE_ERR_INVALID_ARGUMENT, "num_partitions");
  params.num_partitions = 1;
  CHECK(lance_dataset_create_vector_index(dataset, "v", NULL, &params, false) == -1);
  CHECK_ERROR(LANCE_ERR_INVALID_ARGUMENT, "num_sub_vectors");
  params.index_type = LANCE_INDEX_IVF_FLAT;
  CHECK(lance_dataset_create_vector_index(dataset, "v", NULL, &params, false) == -1);
  CHECK_ERROR(LANCE_ERR_NOT_SUPPORTED, "column v");
  lance_dataset_close(dataset);
}

/* --- Changing rows -----------------------------------------------------------------------------
 */

static void test_delete(void) {
  LanceDataset* dataset = make_rows("delete", 100);
  LanceScanner* before = lance_scanner_new(dataset, NULL, NULL);
  uint64_t deleted = 7;
  CHECK(lance_dataset_delete(dataset, "id < 30", &deleted) == 0);
  CHECK(deleted == 30);
  CHECK(lance_dataset_version(dataset) == 2 && lance_dataset_count_rows(dataset) == 70);
  CHECK(scan(dataset, NULL).first_id == 30);
  struct ArrowArrayStream stream;
  CHECK(lance_scanner_to_arrow_stream(before, &stream) == 0);
  CHECK(drain(&stream).rows == 100);
  lance_scanner_close(before);
  CHECK(lance_dataset_delete(dataset, "id < 30", &deleted) == 0 && deleted == 0);
  deleted = 7;
  const char* wrong[] = {"", "id >", "nope = 1", "id + 1"};
  for (int i = 0; i < 4; ++i) {
    CHECK(lance_dataset_delete(dataset, wrong[i], &deleted) == -1);
    CHECK(lance_last_error_code() == LANCE_ERR_INVALID_ARGUMENT);
  }
  CHECK(lance_dataset_delete(dataset, NULL, &deleted) == -1);
  CHECK_ERROR(LANCE_ERR_INVALID_ARGUMENT, "predicate");
  CHECK(deleted == 7 && lance_dataset_count_rows(dataset) == 70);
  const uint64_t ids[] = {5, 31}; /* 5 is gone */
  CHECK(lance_dataset_take_rows(dataset, ids, 2, NULL, &stream) == 0);
  CHECK(drain(&stream).id_sum == 31);
  CHECK(lance_dataset_delete(dataset, "true", NULL) == 0);
  CHECK(lance_dataset_count_rows(dataset) == 0);
  lance_dataset_close(dataset);
}

static void test_update(void) {
  LanceDataset* dataset = make_rows("update", 100);
  const char* columns[] = {"value", "name"};
  const char* values[] = {"value * 2 + 1", "'new'"};
  uint64_t updated = 7;
  CHECK(lance_dataset_update(dataset, "id >= 90", columns, values, 2, &updated) == 0);
  CHECK(updated == 10 && lance_dataset_count_rows(dataset) == 100);
  CHECK(scan(dataset, "name = 'new'").rows == 10);
  CHECK(scan(dataset, "id = 95 AND value = 96").rows == 1);
  CHECK(lance_dataset_update(dataset, NULL, columns + 1, values + 1, 1, &updated) == 0);
  CHECK(updated == 100 && scan(dataset, "name = 'new'").rows == 100);
  CHECK(lance_dataset_update(dataset, "id = 1000", columns, values, 1, &updated) == 0);
  CHECK(updated == 0);
  updated = 7;
  const uint64_t version = lance_dataset_version(dataset);
  const char* holes[] = {"value", NULL};
  const char* empty[] = {""};
  const char* unknown[] = {"nope"};
  const char* bad[] = {"value +"};
  CHECK(lance_dataset_update(dataset, "", columns, values, 1, &updated) == -1);
  CHECK_ERROR(LANCE_ERR_INVALID_ARGUMENT, "predicate");
  CHECK(lance_dataset_update(dataset, NULL, columns, values, 0, &updated) == -1);
  CHECK_ERROR(LANCE_ERR_INVALID_ARGUMENT, "columns");
  CHECK(lance_dataset_update(dataset, NULL, columns, NULL, 1, &updated) == -1);
  CHECK_ERROR(LANCE_ERR_INVALID_ARGUMENT, "values");
  CHECK(lance_dataset_update(dataset, NULL, holes, values, 2, &updated) == -1);
  CHECK_ERROR(LANCE_ERR_INVALID_ARGUMENT, "columns[1]");
  CHECK(lance_dataset_update(dataset, NULL, columns, empty, 1, &updated) == -1);
  CHECK_ERROR(LANCE_ERR_INVALID_ARGUMENT, "values[0]");
  CHECK(lance_dataset_update(dataset, NULL, unknown, values, 1, &updated) == -1);
  CHECK_ERROR(LANCE_ERR_INVALID_ARGUMENT, "nope");
  CHECK(lance_dataset_update(dataset, "nope = 1", columns, values, 1, &updated) == -1);
  CHECK_ERROR(LANCE_ERR_INVALID_ARGUMENT, "nope");
  CHECK(lance_dataset_update(dataset, NULL, columns, bad, 1, &updated) == -1);
  CHECK(lance_last_error_code() == LANCE_ERR_INVALID_ARGUMENT);
  CHECK(updated == 7 && lance_dataset_version(dataset) == version);
  lance_dataset_close(dataset);
}

static int32_t merge(LanceDataset* dataset, int64_t first, int64_t num_rows,
                     const LanceMergeInsertParams* params, LanceMergeInsertResult* result) {
  const char* on[] = {"id"};
  struct ArrowArrayStream source;
  rows_stream(&source, first, num_rows, 7, ROWS_NUM_COLUMNS, 100.0);
  const int32_t status = lance_dataset_merge_insert(dataset, on, 1, &source, params, result);
  CHECK(source.release == NULL);
  return status;
}

static void test_merge_insert(void) {
  LanceDataset* dataset = make_rows("merge", 100);
  LanceMergeInsertResult result = {9, 9, 9};
  CHECK(merge(dataset, 90, 20, NULL, &result) == 0); /* only the new ones */
  CHECK(result.num_inserted_rows == 10 && result.num_updated_rows == 0);
  CHECK(result.num_deleted_rows == 0 && lance_dataset_count_rows(dataset) == 110);
  CHECK(scan(dataset, "value = id * 100 AND id > 0").rows == 10);

  LanceMergeInsertParams params;
  memset(&params, 0, sizeof(params));
  params.when_matched = LANCE_MERGE_WHEN_MATCHED_UPDATE_ALL;
  CHECK(merge(dataset, 80, 40, &params, &result) == 0);
  CHECK(result.num_inserted_rows == 10 && result.num_updated_rows == 30);
  CHECK(scan(dataset, "value = id * 100 AND id > 0").rows == 40);

  params.when_matched = LANCE_MERGE_WHEN_MATCHED_UPDATE_IF;
  params.when_matched_expr = "source.id < 5 AND target.value < 100";
  CHECK(merge(dataset, 0, 10, &params, &result) == 0);
  CHECK(result.num_updated_rows == 5);

  memset(&params, 0, sizeof(params));
  params.when_matched = LANCE_MERGE_WHEN_MATCHED_DELETE;
  params.when_not_matched = LANCE_MERGE_WHEN_NOT_MATCHED_DO_NOTHING;
  CHECK(merge(dataset, 110, 40, &params, &result) == 0);
  CHECK(result.num_deleted_rows == 10 && result.num_inserted_rows == 0);

  memset(&params, 0, sizeof(params));
  params.when_not_matched_by_source = LANCE_MERGE_WHEN_NOT_MATCHED_BY_SOURCE_DELETE_IF;
  params.when_not_matched_by_source_expr = "id >= 100";
  CHECK(merge(dataset, 0, 10, &params, &result) == 0);
  CHECK(result.num_deleted_rows == 10 && lance_dataset_count_rows(dataset) == 100);

  memset(&params, 0, sizeof(params));
  params.when_matched = LANCE_MERGE_WHEN_MATCHED_FAIL;
  result.num_inserted_rows = 99;
  CHECK(merge(dataset, 0, 1, &params, &result) == -1);
  CHECK(lance_last_error_code() == LANCE_ERR_INVALID_ARGUMENT);
  CHECK(result.num_inserted_rows == 99);

  /* Modes and expressions that do not go together. */
  const LanceMergeInsertParams wrong[] = {
      {5, NULL, 0, 0, NULL},       {-1, NULL, 0, 0, NULL}, {0, NULL, 2, 0, NULL},
      {0, NULL, 0, 3, NULL},       {2, NULL, 0, 0, NULL},  {2, "", 0, 0, NULL},
      {1, "true", 0, 0, NULL},     {0, NULL, 0, 2, NULL},  {0, NULL, 0, 1, "true"},
      {0, NULL, 0, 2, "nope = 1"}, {0, NULL, 1, 0, NULL},
  };
  for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); ++i) {
    CHECK(merge(dataset, 0, 1, &wrong[i], NULL) == -1);
    CHECK(lance_last_error_code() == LANCE_ERR_INVALID_ARGUMENT);
  }
  struct ArrowArrayStream source;
  const char* unknown[] = {"nope"};
  const char* holes[] = {"id", NULL};
  rows_stream(&source, 0, 5, 5, ROWS_NUM_COLUMNS, 1.0);
  CHECK(lance_dataset_merge_insert(dataset, unknown, 1, &source, NULL, NULL) == -1);
  CHECK_ERROR(LANCE_ERR_INVALID_ARGUMENT, "nope");
  rows_stream(&source, 0, 5, 5, ROWS_NUM_COLUMNS, 1.0);
  CHECK(lance_dataset_merge_insert(dataset, holes, 2, &source, NULL, NULL) == -1);
  CHECK_ERROR(LANCE_ERR_INVALID_ARGUMENT, "on_columns[1]");
  rows_stream(&source, 0, 5, 5, ROWS_NUM_COLUMNS, 1.0);
  CHECK(lance_dataset_merge_insert(dataset, holes, 0, &source, NULL, NULL) == -1);
  CHECK_ERROR(LANCE_ERR_INVALID_ARGUMENT, "on_columns");
  rows_stream(&source, 0, 5, 5, ROWS_NUM_COLUMNS, 1.0);
  CHECK(lance_dataset_merge_insert(NULL, holes, 1, &source, NULL, NULL) == -1);
  CHECK_ERROR(LANCE_ERR_INVALID_ARGUMENT, "dataset");
  CHECK(source.release == NULL);
  lance_dataset_close(dataset);
}

static void test_compaction(void) {
  lance_dataset_close(make_rows("compact", 10));
  LanceDataset* dataset = NULL;
  for (int i = 1; i < 8; ++i) {
    CHECK(write_rows(path_of("compact"), LANCE_WRITE_APPEND, i * 10, 10, &dataset) == 0);
    if (i < 7) {
      lance_dataset_close(dataset);
    }
  }
  CHECK(lance_dataset_delete(dataset, "id < 5", NULL) == 0);
  LanceCompactionMetrics metrics = {9, 9, 9, 9};
  CHECK(lance_dataset_compact_files(dataset, NULL, &metrics) == 0);
  CHECK(metrics.fragments_removed == 8 && metrics.fragments_added == 1);
  CHECK(metrics.files_removed == 9 && metrics.files_added == 1);
  CHECK(lance_dataset_fragment_count(dataset) == 1);
  const Totals totals = scan(dataset, NULL);
  CHECK(totals.rows == 75 && totals.id_sum == sum_below(80) - sum_below(5));
  const uint64_t version = lance_dataset_version(dataset);
  LanceCompactionOptions options;
  memset(&options, 0, sizeof(options));
  options.num_threads = 1;
  options.batch_size = 64;
  CHECK(lance_dataset_compact_files(dataset, &options, &metrics) == 0); /* nothing to do */
  CHECK(metrics.fragments_removed == 0 && metrics.fragments_added == 0);
  CHECK(lance_dataset_version(dataset) == version);
  lance_dataset_close(dataset);
}

/* --- Changing columns --------------------------------------------------------------------------
 */

static void test_columns(void) {
  LanceDataset* dataset = make_rows("columns", 50);
  const LanceSqlColumn computed[] = {{"twice", "id * 2"}, {"label", "'row'"}};
  CHECK(lance_dataset_add_columns_sql(dataset, computed, 2, 0) == 0);
  CHECK(num_columns(dataset) == 5);
  CHECK(scan(dataset, "twice = id + id AND label = 'row'").rows == 50);

  struct ArrowSchema schema;
  rows_field_schema(&schema, "later", "l");
  CHECK(lance_dataset_add_columns_nulls(dataset, &schema) == 0);
  CHECK(scan(dataset, "later IS NULL").rows == 50);
  CHECK(lance_dataset_add_columns_nulls(dataset, &schema) == -1);
  CHECK_ERROR(LANCE_ERR_INVALID_ARGUMENT, "later");
  schema.release(&schema);
  CHECK(lance_dataset_add_columns_nulls(dataset, &schema) == -1);
  CHECK_ERROR(LANCE_ERR_INVALID_ARGUMENT, "schema");

  LanceColumnAlteration alterations[2];
  memset(alterations, 0, sizeof(alterations));
  alterations[0].path = "twice";
  alterations[0].rename = "doubled";
  alterations[1].path = "id";
  alterations[1].nullable_mode = LANCE_COLUMN_NULLABLE_TRUE;
  CHECK(lance_dataset_alter_columns(dataset, alterations, 2) == 0);
  CHECK(scan(dataset, "doubled = 4").first_id == 2);
  CHECK(lance_dataset_schema(dataset, &schema) == 0);
  CHECK((schema.children[0]->flags & 2) != 0);
  schema.release(&schema);
  struct ArrowSchema type;
  rows_field_schema(&type, "x", "i");
  alterations[0].path = "doubled";
  alterations[0].rename = NULL;
  alterations[0].data_type = type.children[0];
  CHECK(lance_dataset_alter_columns(dataset, alterations, 1) == 0);
  CHECK(scan(dataset, "doubled = 98").rows == 1);
  type.release(&type);

  LanceColumnAlteration wrong;
  memset(&wrong, 0, sizeof(wrong));
#define REFUSED(word)                                             \
  do {                                                            \
    CHECK(lance_dataset_alter_columns(dataset, &wrong, 1) == -1); \
    CHECK_ERROR(LANCE_ERR_INVALID_ARGUMENT, word);                \
  } while (0)
  REFUSED("alterations[0].path");
  wrong.path = "id";
  REFUSED("no change");
  wrong.nullable_mode = 99;
  REFUSED("nullable_mode");
  wrong.nullable_mode = 0;
  wrong.rename = "";
  REFUSED("rename");
  wrong.rename = NULL;
  wrong.data_type = &type; /* released */
  REFUSED("data_type");
  wrong.data_type = NULL;
  wrong.path = "nope";
  wrong.rename = "other";
  REFUSED("nope");
  wrong.path = "later";
  wrong.rename = NULL;
  wrong.nullable_mode = LANCE_COLUMN_NULLABLE_FALSE;
  REFUSED("later");
#undef REFUSED
  CHECK(lance_dataset_alter_columns(dataset, NULL, 1) == -1);
  CHECK_ERROR(LANCE_ERR_INVALID_ARGUMENT, "alterations");
  CHECK(lance_dataset_alter_columns(dataset, &wrong, 0) == -1);
  CHECK_ERROR(LANCE_ERR_INVALID_ARGUMENT, "alterations");

  const char* drop[] = {"label", "later", "doubled"};
  CHECK(lance_dataset_drop_columns(dataset, drop, 3) == 0);
  CHECK(num_columns(dataset) == 3);
  const char* all[] = {"id", "value", "name"};
  CHECK(lance_dataset_drop_columns(dataset, all, 3) == -1);
  CHECK(lance_last_error_code() == LANCE_ERR_INVALID_ARGUMENT);
  CHECK(lance_dataset_drop_columns(dataset, drop, 1) == -1);
  CHECK_ERROR(LANCE_ERR_INVALID_ARGUMENT, "label");
  CHECK(lance_dataset_drop_columns(dataset, all, 0) == -1);
  CHECK_ERROR(LANCE_ERR_INVALID_ARGUMENT, "columns");
  CHECK(num_columns(dataset) == 3);

  const LanceSqlColumn bad[] = {{NULL, "id"},      {"x", NULL},      {"", "id"},   {"x", ""},
                                {"x", "nope + 1"}, {"id", "id + 1"}, {"x", "id +"}};
  for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); ++i) {
    CHECK(lance_dataset_add_columns_sql(dataset, &bad[i], 1, 0) == -1);
    CHECK(lance_last_error_code() == LANCE_ERR_INVALID_ARGUMENT);
  }
  CHECK(lance_dataset_add_columns_sql(dataset, computed, 1, UINT64_C(1) << 32) == -1);
  CHECK_ERROR(LANCE_ERR_INVALID_ARGUMENT, "batch_size");
  lance_dataset_close(dataset);
}

static void test_columns_from_a_stream(void) {
  LanceDataset* dataset = make_rows("spliced", 50);
  const char* names[] = {"value", "name"};
  CHECK(lance_dataset_drop_columns(dataset, names, 2) == 0);
  LanceColumnAlteration rename;
  memset(&rename, 0, sizeof(rename));
  rename.path = "id";
  rename.rename = "key";
  CHECK(lance_dataset_alter_columns(dataset, &rename, 1) == 0);
  struct ArrowArrayStream stream;
  rows_stream(&stream, 0, 50, 20, ROWS_NUM_COLUMNS, 3.0);
  CHECK(lance_dataset_add_columns_stream(dataset, &stream, 0) == 0);
  CHECK(stream.release == NULL);
  CHECK(num_columns(dataset) == 4);
  CHECK(scan(dataset, "key = id AND value = id * 3").rows == 50);
  rows_stream(&stream, 0, 50, 20, ROWS_NUM_COLUMNS, 3.0); /* names that are taken */
  CHECK(lance_dataset_add_columns_stream(dataset, &stream, 0) == -1);
  CHECK(lance_last_error_code() == LANCE_ERR_INVALID_ARGUMENT && stream.release == NULL);
  const char* added[] = {"id", "value", "name"};
  CHECK(lance_dataset_drop_columns(dataset, added, 3) == 0);
  rows_stream(&stream, 0, 49, 20, ROWS_NUM_COLUMNS, 3.0); /* a row too few */
  CHECK(lance_dataset_add_columns_stream(dataset, &stream, 0) == -1);
  CHECK(lance_last_error_code() == LANCE_ERR_INVALID_ARGUMENT && stream.release == NULL);
  rows_stream(&stream, 0, 50, 20, ROWS_NUM_COLUMNS, 3.0);
  CHECK(lance_dataset_add_columns_stream(dataset, &stream, UINT64_C(1) << 32) == -1);
  CHECK_ERROR(LANCE_ERR_INVALID_ARGUMENT, "batch_size");
  CHECK(stream.release == NULL);
  rows_stream(&stream, 0, 50, 20, ROWS_NUM_COLUMNS, 3.0);
  CHECK(lance_dataset_add_columns_stream(NULL, &stream, 0) == -1);
  CHECK_ERROR(LANCE_ERR_INVALID_ARGUMENT, "dataset");
  CHECK(stream.release == NULL);
  CHECK(num_columns(dataset) == 1);
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

/* --- All of them -------------------------------------------------------------------------------
 */

typedef struct Case {
  const char* name;
  void (*run)(void);
} Case;

#define CASE(name) \
  { #name, name }

static const Case cases[] = {
    CASE(test_errors_belong_to_threads),
    CASE(test_null_is_refused),
    CASE(test_write_modes),
    CASE(test_write_refusals),
    CASE(test_write_params),
    CASE(test_append_of_another_schema),
    CASE(test_fragments_without_commit),
    CASE(test_scan_options),
    CASE(test_scan_of_fragments),
    CASE(test_batches),
    CASE(test_stream_outlives_its_makers),
    CASE(test_take),
    CASE(test_async_scan),
    CASE(test_poll),
    CASE(test_versions_and_restore),
    CASE(test_statistics),
    CASE(test_indices),
    CASE(test_what_is_not_supported),
    CASE(test_delete),
    CASE(test_update),
    CASE(test_merge_insert),
    CASE(test_compaction),
    CASE(test_columns),
    CASE(test_columns_from_a_stream),
    CASE(test_many_threads_one_handle),
};

int main(int argc, char** argv) {
  const char* parent = getenv("TEST_TMPDIR");
  snprintf(folder, sizeof(folder), "%s/lance_test_XXXXXX", parent != NULL ? parent : "/tmp");
  CHECK(mkdtemp(folder) != NULL);
  int num_run = 0;
  for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); ++i) {
    if (argc > 1 && strstr(cases[i].name, argv[1]) == NULL) {
      continue;
    }
    printf("%s\n", cases[i].name);
    fflush(stdout);
    cases[i].run();
    ++num_run;
  }
  CHECK(rows_counts.streams_made == rows_counts.streams_released);
  CHECK(rows_counts.batches_made == rows_counts.batches_released);
  CHECK(rows_counts.schemas_made == rows_counts.schemas_released);
  printf("%d cases; %d streams, %d batches, %d schemas made and released once\n", num_run,
         rows_counts.streams_made, rows_counts.batches_made, rows_counts.schemas_made);
  return num_run > 0 ? 0 : 1;
}
