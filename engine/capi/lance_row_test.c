/* Rows that change: delete, update, merge-insert, compaction. */
#include "engine/capi/lance_testing.h"

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

const Case row_cases[] = {
    CASE(test_delete),     CASE(test_update), CASE(test_merge_insert),
    CASE(test_compaction), {NULL, NULL},
};
