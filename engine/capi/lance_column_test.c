/* Columns that change. */
#include "engine/capi/lance_testing.h"

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

const Case column_cases[] = {
    CASE(test_columns),
    CASE(test_columns_from_a_stream),
    {NULL, NULL},
};
