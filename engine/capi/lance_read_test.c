/* Scans and takes, versions and statistics. */
#include "engine/capi/lance_testing.h"

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

const Case read_cases[] = {
    CASE(test_scan_options), CASE(test_scan_of_fragments),
    CASE(test_batches),      CASE(test_stream_outlives_its_makers),
    CASE(test_take),         CASE(test_versions_and_restore),
    CASE(test_statistics),   {NULL, NULL},
};
