/* What the tests of lance.h share: checks, datasets of a few rows, totals of what is read. */
#pragma once

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/capi/arrow_rows.h"
#include "lance/lance.h"

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

/* A path in the folder of this run. The last four stay valid. */
const char* path_of(const char* name);

/* Writes rows `first` and on of arrow_rows.h. */
int32_t write_rows(const char* uri, int32_t mode, int64_t first, int64_t num_rows,
                   LanceDataset** out);

/* A new dataset of rows 0 and on. */
LanceDataset* make_rows(const char* name, int64_t num_rows);

typedef struct Totals {
  int64_t rows;
  int64_t batches;
  int64_t columns;
  int64_t id_sum;
  int64_t first_id;
} Totals;

/* Reads the stream to its end and releases it; `id` is its first column. */
Totals drain(struct ArrowArrayStream* stream);

Totals scan(const LanceDataset* dataset, const char* filter);

/* 0 + 1 + ... + (n - 1) */
int64_t sum_below(int64_t n);

int64_t num_columns(const LanceDataset* dataset);

typedef struct Case {
  const char* name;
  void (*run)(void);
} Case;

#define CASE(name) \
  { #name, name }

/* The cases of each file, ended by one without a name. */
extern const Case column_cases[];
extern const Case index_cases[];
extern const Case read_cases[];
extern const Case row_cases[];
extern const Case scan_cases[];
extern const Case write_cases[];
