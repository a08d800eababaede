/* Errors of calls; datasets and fragments that are written. */
#include <threads.h>
#include <unistd.h>

#include "engine/capi/lance_testing.h"

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

const Case write_cases[] = {
    CASE(test_errors_belong_to_threads),
    CASE(test_null_is_refused),
    CASE(test_write_modes),
    CASE(test_write_refusals),
    CASE(test_write_params),
    CASE(test_append_of_another_schema),
    CASE(test_fragments_without_commit),
    {NULL, NULL},
};
