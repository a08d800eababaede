#include "engine/capi/arrow_rows.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

RowsCounts rows_counts;

enum { kNullable = 2, kNameBytes = 24 };

/* --- Schemas ---------------------------------------------------------------------------------- */

typedef struct SchemaParts {
  struct ArrowSchema fields[ROWS_NUM_COLUMNS];
  struct ArrowSchema* children[ROWS_NUM_COLUMNS];
  char name[kNameBytes];
} SchemaParts;

static void release_field(struct ArrowSchema* schema) {
  schema->release = NULL;
}

static void release_schema(struct ArrowSchema* schema) {
  for (int64_t i = 0; i < schema->n_children; ++i) {
    if (schema->children[i]->release != NULL) {
      schema->children[i]->release(schema->children[i]);
    }
  }
  free(schema->private_data);
  schema->release = NULL;
  ++rows_counts.schemas_released;
}

static void set_field(struct ArrowSchema* field, const char* name, const char* format,
                      int64_t flags) {
  memset(field, 0, sizeof(*field));
  field->name = name;
  field->format = format;
  field->flags = flags;
  field->release = release_field;
}

static SchemaParts* set_schema(struct ArrowSchema* out, int num_columns) {
  SchemaParts* parts = calloc(1, sizeof(SchemaParts));
  for (int i = 0; i < ROWS_NUM_COLUMNS; ++i) {
    parts->children[i] = &parts->fields[i];
  }
  memset(out, 0, sizeof(*out));
  out->format = "+s";
  out->n_children = num_columns;
  out->children = parts->children;
  out->release = release_schema;
  out->private_data = parts;
  ++rows_counts.schemas_made;
  return parts;
}

void rows_schema(struct ArrowSchema* out, int num_columns) {
  SchemaParts* parts = set_schema(out, num_columns);
  set_field(&parts->fields[0], "id", "l", 0);
  set_field(&parts->fields[1], "value", "g", kNullable);
  set_field(&parts->fields[2], "name", "u", kNullable);
}

void rows_field_schema(struct ArrowSchema* out, const char* name, const char* format) {
  SchemaParts* parts = set_schema(out, 1);
  snprintf(parts->name, sizeof(parts->name), "%s", name);
  set_field(&parts->fields[0], parts->name, format, kNullable);
}

/* --- Batches ---------------------------------------------------------------------------------- */

typedef struct BatchParts {
  struct ArrowArray columns[ROWS_NUM_COLUMNS];
  struct ArrowArray* children[ROWS_NUM_COLUMNS];
  const void* buffers[1];
  const void* id_buffers[2];
  const void* value_buffers[2];
  const void* name_buffers[3];
  int64_t* ids;
  double* values;
  uint8_t* name_validity;
  int32_t* name_offsets;
  char* names;
} BatchParts;

static void release_column(struct ArrowArray* array) {
  array->release = NULL;
}

static void release_batch(struct ArrowArray* array) {
  BatchParts* parts = array->private_data;
  for (int64_t i = 0; i < array->n_children; ++i) {
    if (array->children[i]->release != NULL) {
      array->children[i]->release(array->children[i]);
    }
  }
  free(parts->ids);
  free(parts->values);
  free(parts->name_validity);
  free(parts->name_offsets);
  free(parts->names);
  free(parts);
  array->release = NULL;
  ++rows_counts.batches_released;
}

static void set_column(struct ArrowArray* column, int64_t length, int64_t null_count,
                       const void** buffers, int64_t num_buffers) {
  column->length = length;
  column->null_count = null_count;
  column->n_buffers = num_buffers;
  column->buffers = buffers;
  column->release = release_column;
}

static void make_batch(struct ArrowArray* out, int64_t first, int64_t length, int num_columns,
                       double factor) {
  const size_t size = (size_t)length;
  BatchParts* parts = calloc(1, sizeof(BatchParts));
  parts->ids = calloc(size + 1, sizeof(int64_t));
  parts->values = calloc(size + 1, sizeof(double));
  parts->name_validity = calloc(size / 8 + 1, 1);
  parts->name_offsets = calloc(size + 1, sizeof(int32_t));
  parts->names = calloc(size + 1, kNameBytes);
  int64_t num_nulls = 0;
  int32_t used = 0;
  for (size_t i = 0; i < size; ++i) {
    const int64_t id = first + (int64_t)i;
    parts->ids[i] = id;
    parts->values[i] = (double)id * factor;
    if (id % 10 == 0) {
      ++num_nulls;
    } else {
      parts->name_validity[i / 8] = (uint8_t)(parts->name_validity[i / 8] | (1u << (i % 8)));
      used += snprintf(parts->names + used, kNameBytes, "row%lld", (long long)id);
    }
    parts->name_offsets[i + 1] = used;
  }
  parts->id_buffers[1] = parts->ids;
  parts->value_buffers[1] = parts->values;
  parts->name_buffers[0] = parts->name_validity;
  parts->name_buffers[1] = parts->name_offsets;
  parts->name_buffers[2] = parts->names;
  set_column(&parts->columns[0], length, 0, parts->id_buffers, 2);
  set_column(&parts->columns[1], length, 0, parts->value_buffers, 2);
  set_column(&parts->columns[2], length, num_nulls, parts->name_buffers, 3);
  for (int i = 0; i < ROWS_NUM_COLUMNS; ++i) {
    parts->children[i] = &parts->columns[i];
  }
  memset(out, 0, sizeof(*out));
  out->length = length;
  out->n_buffers = 1;
  out->buffers = parts->buffers;
  out->n_children = num_columns;
  out->children = parts->children;
  out->release = release_batch;
  out->private_data = parts;
  ++rows_counts.batches_made;
}

/* --- Streams ---------------------------------------------------------------------------------- */

typedef struct StreamState {
  int64_t next;
  int64_t end;
  int64_t rows_per_batch;
  int num_columns;
  int fails_after; /* batches; negative: never */
  double factor;
} StreamState;

static int stream_schema(struct ArrowArrayStream* stream, struct ArrowSchema* out) {
  const StreamState* state = stream->private_data;
  rows_schema(out, state->num_columns);
  return 0;
}

static int stream_next(struct ArrowArrayStream* stream, struct ArrowArray* out) {
  StreamState* state = stream->private_data;
  memset(out, 0, sizeof(*out));
  if (state->fails_after == 0) {
    return EIO;
  }
  --state->fails_after;
  if (state->next < state->end) {
    const int64_t left = state->end - state->next;
    const int64_t length = left < state->rows_per_batch ? left : state->rows_per_batch;
    make_batch(out, state->next, length, state->num_columns, state->factor);
    state->next += length;
  }
  return 0;
}

static const char* stream_error(struct ArrowArrayStream* stream) {
  (void)stream;
  return "the source ran dry";
}

static void release_stream(struct ArrowArrayStream* stream) {
  free(stream->private_data);
  stream->release = NULL;
  ++rows_counts.streams_released;
}

void rows_stream(struct ArrowArrayStream* out, int64_t first, int64_t num_rows,
                 int64_t rows_per_batch, int num_columns, double factor) {
  StreamState* state = calloc(1, sizeof(StreamState));
  state->next = first;
  state->end = first + num_rows;
  state->rows_per_batch = rows_per_batch;
  state->num_columns = num_columns;
  state->fails_after = -1;
  state->factor = factor;
  out->get_schema = stream_schema;
  out->get_next = stream_next;
  out->get_last_error = stream_error;
  out->release = release_stream;
  out->private_data = state;
  ++rows_counts.streams_made;
}

void rows_failing_stream(struct ArrowArrayStream* out) {
  rows_stream(out, 0, 100, 10, ROWS_NUM_COLUMNS, 1.0);
  ((StreamState*)out->private_data)->fails_after = 1;
}
