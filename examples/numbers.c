/* Makes a dataset of the numbers 0 to 999, deletes some, and adds up what a filter keeps.
 *
 * usage: numbers FOLDER
 */
#include <inttypes.h>
#include <lance/lance.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NUM_ROWS 1000

static void fail(const char* what) {
  const char* message = lance_last_error_message();
  fprintf(stderr, "%s: %s\n", what, message != NULL ? message : "unknown error");
  exit(1);
}

/* A stream of one batch with one column. Nothing of it is allocated, so that nothing is freed. */
static int64_t numbers[NUM_ROWS];
static const void* buffers[2] = {NULL, numbers}; /* no nulls; values */
static const void* no_buffer[1] = {NULL};
static int batches_left = 1;

static void release_schema(struct ArrowSchema* schema) {
  schema->release = NULL;
}
static void release_array(struct ArrowArray* array) {
  array->release = NULL;
}
static void release_stream(struct ArrowArrayStream* stream) {
  stream->release = NULL;
}

static int get_schema(struct ArrowArrayStream* stream, struct ArrowSchema* out) {
  static struct ArrowSchema field;
  static struct ArrowSchema* fields[1] = {&field};
  (void)stream;
  field = (struct ArrowSchema){.format = "l", .name = "n", .release = release_schema};
  *out = (struct ArrowSchema){
      .format = "+s", .n_children = 1, .children = fields, .release = release_schema};
  return 0;
}

static int get_next(struct ArrowArrayStream* stream, struct ArrowArray* out) {
  static struct ArrowArray column;
  static struct ArrowArray* columns[1] = {&column};
  (void)stream;
  memset(out, 0, sizeof(*out)); /* no `release`: the end */
  if (batches_left-- > 0) {
    column = (struct ArrowArray){
        .length = NUM_ROWS, .n_buffers = 2, .buffers = buffers, .release = release_array};
    *out = (struct ArrowArray){.length = NUM_ROWS,
                               .n_buffers = 1,
                               .buffers = no_buffer,
                               .n_children = 1,
                               .children = columns,
                               .release = release_array};
  }
  return 0;
}

static const char* get_last_error(struct ArrowArrayStream* stream) {
  (void)stream;
  return NULL;
}

int main(int argc, char** argv) {
  if (argc != 2) {
    fprintf(stderr, "usage: numbers FOLDER\n");
    return 2;
  }
  for (int64_t i = 0; i < NUM_ROWS; ++i) {
    numbers[i] = i;
  }
  struct ArrowArrayStream rows = {get_schema, get_next, get_last_error, release_stream, NULL};
  struct ArrowSchema schema;
  get_schema(&rows, &schema);
  LanceDataset* dataset = NULL;
  if (lance_dataset_write(argv[1], &schema, &rows, LANCE_WRITE_CREATE, NULL, &dataset) != 0) {
    fail("write");
  }
  uint64_t deleted = 0;
  if (lance_dataset_delete(dataset, "n >= 500", &deleted) != 0) {
    fail("delete");
  }
  printf("version %" PRIu64 ": %" PRIu64 " rows, %" PRIu64 " deleted\n",
         lance_dataset_version(dataset), lance_dataset_count_rows(dataset), deleted);

  LanceScanner* scanner = lance_scanner_new(dataset, NULL, "n BETWEEN 10 AND 19 OR n > 900");
  if (scanner == NULL) {
    fail("scan");
  }
  int64_t sum = 0;
  LanceBatch* batch = NULL;
  int32_t status = 0;
  while ((status = lance_scanner_next(scanner, &batch)) == 0) {
    struct ArrowArray array;
    if (lance_batch_to_arrow(batch, &array, &schema) != 0) {
      fail("batch");
    }
    const struct ArrowArray* column = array.children[0];
    const int64_t* values = (const int64_t*)column->buffers[1] + column->offset;
    for (int64_t i = 0; i < column->length; ++i) {
      sum += values[i];
    }
    array.release(&array);
    schema.release(&schema);
    lance_batch_free(batch);
  }
  if (status < 0) {
    fail("scan");
  }
  printf("sum of what is kept: %" PRId64 "\n", sum);
  lance_scanner_close(scanner);
  lance_dataset_close(dataset);
  return 0;
}
