/* Every function of lance.h, as a program in C sees it: answers, errors, who owns what. One file a
 * topic (lance_*_test.c); here is what runs them. */
#define _XOPEN_SOURCE 700 /* mkdtemp, nftw */

#include <ftw.h>
#include <unistd.h>

#include "engine/capi/lance_testing.h"

static char folder[256];

const char* path_of(const char* name) {
  static char paths[4][512];
  static int next = 0;
  char* path = paths[next++ % 4];
  snprintf(path, sizeof(paths[0]), "%s/%s", folder, name);
  return path;
}

int32_t write_rows(const char* uri, int32_t mode, int64_t first, int64_t num_rows,
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

LanceDataset* make_rows(const char* name, int64_t num_rows) {
  LanceDataset* dataset = NULL;
  CHECK(write_rows(path_of(name), LANCE_WRITE_CREATE, 0, num_rows, &dataset) == 0);
  CHECK(dataset != NULL);
  return dataset;
}

Totals drain(struct ArrowArrayStream* stream) {
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

Totals scan(const LanceDataset* dataset, const char* filter) {
  LanceScanner* scanner = lance_scanner_new(dataset, NULL, filter);
  CHECK(scanner != NULL);
  struct ArrowArrayStream stream;
  CHECK(lance_scanner_to_arrow_stream(scanner, &stream) == 0);
  lance_scanner_close(scanner);
  return drain(&stream);
}

int64_t sum_below(int64_t n) {
  return n * (n - 1) / 2;
}

int64_t num_columns(const LanceDataset* dataset) {
  struct ArrowSchema schema;
  CHECK(lance_dataset_schema(dataset, &schema) == 0);
  const int64_t count = schema.n_children;
  schema.release(&schema);
  return count;
}

static int remove_entry(const char* path, const struct stat* stat, int kind, struct FTW* walk) {
  (void)stat;
  (void)kind;
  (void)walk;
  return remove(path);
}

int main(int argc, char** argv) {
  const Case* files[] = {write_cases, scan_cases, read_cases, index_cases, row_cases, column_cases};
  const char* parent = getenv("TEST_TMPDIR");
  snprintf(folder, sizeof(folder), "%s/lance_test_XXXXXX", parent != NULL ? parent : "/tmp");
  CHECK(mkdtemp(folder) != NULL);
  int num_run = 0;
  for (size_t file = 0; file < sizeof(files) / sizeof(files[0]); ++file) {
    for (const Case* one = files[file]; one->name != NULL; ++one) {
      if (argc > 1 && strstr(one->name, argv[1]) == NULL) {
        continue;
      }
      printf("%s\n", one->name);
      fflush(stdout);
      one->run();
      ++num_run;
    }
  }
  CHECK(rows_counts.streams_made == rows_counts.streams_released);
  CHECK(rows_counts.batches_made == rows_counts.batches_released);
  CHECK(rows_counts.schemas_made == rows_counts.schemas_released);
  CHECK(nftw(folder, remove_entry, 16, FTW_DEPTH | FTW_PHYS) == 0);
  printf("%d cases; %d streams, %d batches, %d schemas made and released once\n", num_run,
         rows_counts.streams_made, rows_counts.batches_made, rows_counts.schemas_made);
  return num_run > 0 ? 0 : 1;
}
