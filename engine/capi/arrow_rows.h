/* Rows made by hand for programs written in C: a stream of batches with the columns
 * `id` (int64, not null), `value` (float64) and `name` (utf8, null in every row whose id divides by
 * 10). Counts how often its parts are released. */
#ifndef ENGINE_CAPI_ARROW_ROWS_H
#define ENGINE_CAPI_ARROW_ROWS_H

#include <stdint.h>

#include "lance/lance.h"

enum { ROWS_NUM_COLUMNS = 3 };

/* How often streams, batches and schemas of this file were made and released. */
typedef struct RowsCounts {
  int streams_made;
  int streams_released;
  int batches_made;
  int batches_released;
  int schemas_made;
  int schemas_released;
} RowsCounts;

extern RowsCounts rows_counts;

/* The first `num_columns` columns of the rows first, first + 1, ..., in batches. `value` of row i
 * is i * factor, `name` is "row" and the digits of i. */
void rows_stream(struct ArrowArrayStream* out, int64_t first, int64_t num_rows,
                 int64_t rows_per_batch, int num_columns, double factor);

void rows_schema(struct ArrowSchema* out, int num_columns);

/* A schema with one nullable field of the given format. */
void rows_field_schema(struct ArrowSchema* out, const char* name, const char* format);

/* A stream that fails at its second batch. */
void rows_failing_stream(struct ArrowArrayStream* out);

#endif /* ENGINE_CAPI_ARROW_ROWS_H */
