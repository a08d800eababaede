/* Indexes, searches, and what is not supported. */
#include "engine/capi/lance_testing.h"

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

const Case index_cases[] = {
    CASE(test_indices),
    CASE(test_what_is_not_supported),
    {NULL, NULL},
};
