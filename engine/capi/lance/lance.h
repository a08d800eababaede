/*
 * Lance datasets from C: open, scan, take, write, change, index.
 *
 * The functions, structures and numbers are those of lance-c, so that a program written for its
 * header compiles and runs with this one. Rows cross it as the Arrow C data and stream interfaces.
 *
 * Errors
 *   A function that fails returns NULL, -1 or (counts and ids) 0, and leaves a code and a message
 *   with the calling thread. Success clears them. Fetching the message clears them too.
 *
 * Strings are UTF-8 and end with a zero byte. Lists of strings end with NULL.
 *
 * Ownership
 *   - What lance_*_open, _new, _next, _versions or the like return, the caller gives back to the
 *     function named after it: _close or _free. All of these accept NULL.
 *   - A scanner, stream, batch or array lives on after the handle that it was made from is closed.
 *   - ArrowSchema arguments are only read. ArrowArrayStream arguments are taken over, also when the
 *     call fails, unless the argument itself is NULL.
 *   - An out parameter is written on success only, except where its function says otherwise.
 *
 * Threads
 *   Any number of threads may use one LanceDataset, also while one of them changes it: a call sees
 *   the version before or after the change. A scanner, stream or batch belongs to one thread at a
 *   time.
 *
 * Not in this version, answered with LANCE_ERR_NOT_SUPPORTED: Substrait filters, nearest-neighbour
 * and full-text search, indexes of other kinds than BTREE, files of the legacy format.
 */
#ifndef LANCE_H
#define LANCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* --- The Arrow C data and stream interfaces ----------------------------------------------------
 * As Arrow defines them. Left out where another header has defined them before this one. */

#ifndef ARROW_C_DATA_INTERFACE
#define ARROW_C_DATA_INTERFACE

struct ArrowSchema {
  const char* format;
  const char* name;
  const char* metadata;
  int64_t flags;
  int64_t n_children;
  struct ArrowSchema** children;
  struct ArrowSchema* dictionary;
  void (*release)(struct ArrowSchema*);
  void* private_data;
};

struct ArrowArray {
  int64_t length;
  int64_t null_count;
  int64_t offset;
  int64_t n_buffers;
  int64_t n_children;
  const void** buffers;
  struct ArrowArray** children;
  struct ArrowArray* dictionary;
  void (*release)(struct ArrowArray*);
  void* private_data;
};

#ifndef ARROW_C_STREAM_INTERFACE
#define ARROW_C_STREAM_INTERFACE

struct ArrowArrayStream {
  int (*get_schema)(struct ArrowArrayStream*, struct ArrowSchema* out);
  int (*get_next)(struct ArrowArrayStream*, struct ArrowArray* out);
  const char* (*get_last_error)(struct ArrowArrayStream*);
  void (*release)(struct ArrowArrayStream*);
  void* private_data;
};

#endif /* ARROW_C_STREAM_INTERFACE */

#endif /* ARROW_C_DATA_INTERFACE */

/* --- Errors ------------------------------------------------------------------------------------
 */

typedef enum {
  LANCE_OK = 0,
  LANCE_ERR_INVALID_ARGUMENT = 1, /* also filters and columns that do not fit the dataset */
  LANCE_ERR_IO = 2,
  LANCE_ERR_NOT_FOUND = 3, /* a dataset, version or index */
  LANCE_ERR_DATASET_ALREADY_EXISTS = 4,
  LANCE_ERR_INDEX = 5,
  LANCE_ERR_INTERNAL = 6, /* also damaged files */
  LANCE_ERR_NOT_SUPPORTED = 7,
  LANCE_ERR_COMMIT_CONFLICT = 8 /* another writer changed the same rows or files */
} LanceErrorCode;

/* Of the calling thread's last failure; LANCE_OK if there is none. */
LanceErrorCode lance_last_error_code(void);

/* Its message, for lance_free_string(), or NULL. Clears code and message. */
const char* lance_last_error_message(void);

/* Frees a string that a function of this header returned. */
void lance_free_string(const char* s);

/* --- Handles -----------------------------------------------------------------------------------
 */

typedef struct LanceDataset LanceDataset;
typedef struct LanceScanner LanceScanner;
typedef struct LanceBatch LanceBatch;
typedef struct LanceVersions LanceVersions;
typedef struct LanceDataStatistics LanceDataStatistics;

/* --- Opening -----------------------------------------------------------------------------------
 */

/* The dataset at `uri`: a path, file://, s3:// or memory://. `version` 0 is the latest.
 * `storage_opts` lists keys and values in turn, ended by NULL, or is NULL: what the environment
 * variables of the store would say ("aws_access_key_id", "aws_region", "aws_endpoint",
 * "allow_http", ...), for this handle. */
LanceDataset* lance_dataset_open(const char* uri, const char* const* storage_opts,
                                 uint64_t version);
void lance_dataset_close(LanceDataset* dataset);

/* --- What a handle shows -----------------------------------------------------------------------
 */

uint64_t lance_dataset_version(const LanceDataset* dataset);

/* Live rows, from metadata alone. */
uint64_t lance_dataset_count_rows(const LanceDataset* dataset);

/* The latest version in storage, which may be newer than the handle's. */
uint64_t lance_dataset_latest_version(const LanceDataset* dataset);

/* The schema as a struct type with one child a column. */
int32_t lance_dataset_schema(const LanceDataset* dataset, struct ArrowSchema* out);

uint64_t lance_dataset_fragment_count(const LanceDataset* dataset);

/* `out_ids` has room for lance_dataset_fragment_count() ids. */
int32_t lance_dataset_fragment_ids(const LanceDataset* dataset, uint64_t* out_ids);

/* --- Versions ----------------------------------------------------------------------------------
 */

/* All versions there are now, ascending. */
LanceVersions* lance_dataset_versions(const LanceDataset* dataset);
uint64_t lance_versions_count(const LanceVersions* versions);

/* 0 for an index that does not exist. */
uint64_t lance_versions_id_at(const LanceVersions* versions, size_t index);
/* When the version was committed, in milliseconds since the epoch. */
int64_t lance_versions_timestamp_ms_at(const LanceVersions* versions, size_t index);
void lance_versions_close(LanceVersions* versions);

/* Makes the content of `version` (not 0) the next version, even if it is the latest, and returns a
 * handle of that. `dataset` stays where it is. */
LanceDataset* lance_dataset_restore(const LanceDataset* dataset, uint64_t version);

/* --- Statistics --------------------------------------------------------------------------------
 */

/* Bytes in data files by field, members of structs and items of lists included, in the order of
 * the schema. Reads the metadata of every data file. */
LanceDataStatistics* lance_dataset_calculate_data_stats(const LanceDataset* dataset);

/* 0 for a dataset without columns too: the error code tells them apart. */
uint64_t lance_data_statistics_count(const LanceDataStatistics* stats);
/* 0 for an index that does not exist, and for field 0. */
uint32_t lance_data_statistics_field_id_at(const LanceDataStatistics* stats, size_t index);
uint64_t lance_data_statistics_bytes_on_disk_at(const LanceDataStatistics* stats, size_t index);
void lance_data_statistics_close(LanceDataStatistics* stats);

/* --- Rows by place -----------------------------------------------------------------------------
 */

/* The rows at these positions among the live rows, in this order, repeats allowed, as a stream of
 * one batch. `columns`: names or paths of struct members, which stay inside their struct; NULL:
 * all. LANCE_ERR_INVALID_ARGUMENT for a position that does not exist. */
int32_t lance_dataset_take(const LanceDataset* dataset, const uint64_t* indices, size_t num_indices,
                           const char* const* columns, struct ArrowArrayStream* out);

/* The same by value of `_rowid`. Ids that no live row has are left out. `_rowid` may be among
 * `columns`. */
int32_t lance_dataset_take_rows(const LanceDataset* dataset, const uint64_t* row_ids,
                                size_t num_row_ids, const char* const* columns,
                                struct ArrowArrayStream* out);

/* --- Scanning ----------------------------------------------------------------------------------
 */

/* A scan of the version that `dataset` is at now. `columns`: names or paths of struct members
 * ("a.b", which gives a column of that name), `_rowid` and `_rowaddr` among them; NULL: all.
 * `filter`: SQL, or NULL. Columns and filter are looked at when the scan starts. */
LanceScanner* lance_scanner_new(const LanceDataset* dataset, const char* const* columns,
                                const char* filter);

int32_t lance_scanner_set_limit(LanceScanner* scanner, int64_t limit);
int32_t lance_scanner_set_offset(LanceScanner* scanner, int64_t offset);
/* Upper bound of rows in a batch. */
int32_t lance_scanner_set_batch_size(LanceScanner* scanner, int64_t batch_size);
/* Adds the column `_rowid` after the others. */
int32_t lance_scanner_with_row_id(LanceScanner* scanner, bool enable);
/* Only these fragments; those that do not exist count as empty. */
int32_t lance_scanner_set_fragment_ids(LanceScanner* scanner, const uint64_t* ids, size_t len);
int32_t lance_scanner_set_substrait_filter(LanceScanner* scanner, const uint8_t* bytes, size_t len);
/* Ends a scan under way by lance_scanner_next() or _poll_next(); no waker is called after it. */
void lance_scanner_close(LanceScanner* scanner);

/* A new scan as a stream. */
int32_t lance_scanner_to_arrow_stream(LanceScanner* scanner, struct ArrowArrayStream* out);

/* The scanner's own scan, batch by batch. 0: `*out` is a batch. 1: the end. -1: an error. `*out` is
 * NULL in the last two cases. */
int32_t lance_scanner_next(LanceScanner* scanner, LanceBatch** out);

/* `status` 0: `result` is an ArrowArrayStream* from malloc(), which the receiver releases and
 * frees. -1: `result` is NULL and the error is that of the calling thread. */
typedef void (*LanceCallback)(void* ctx, int32_t status, void* result);

/* Starts a new scan in the background and hands the stream to `callback`, which is called once,
 * on a thread that all callbacks of the process share. The scanner may be closed meanwhile. */
void lance_scanner_scan_async(const LanceScanner* scanner, LanceCallback callback,
                              void* callback_ctx);

typedef enum {
  LANCE_POLL_READY = 0,
  LANCE_POLL_PENDING = 1,
  LANCE_POLL_FINISHED = 2,
  LANCE_POLL_ERROR = -1
} LancePollStatus;

typedef void (*LanceWaker)(void* ctx);

/* lance_scanner_next() that does not wait. After LANCE_POLL_PENDING `waker` is called once, from
 * another thread, when it is worth asking again; a later call replaces a waker that has not been
 * called yet. `*out` is NULL unless LANCE_POLL_READY. */
LancePollStatus lance_scanner_poll_next(LanceScanner* scanner, LanceWaker waker, void* waker_ctx,
                                        LanceBatch** out);

/* The batch as a struct array and its type. May be called more than once. */
int32_t lance_batch_to_arrow(const LanceBatch* batch, struct ArrowArray* out_array,
                             struct ArrowSchema* out_schema);
void lance_batch_free(LanceBatch* batch);

/* --- Changing rows -----------------------------------------------------------------------------
 * Each call commits one version and moves the handle to it. Scanners and streams made before keep
 * the version that they were made of. Changes that others committed since are kept; where they
 * touched the same rows or files the call fails with LANCE_ERR_COMMIT_CONFLICT. */

/* Deletes the rows for which the SQL `predicate` is true. */
int32_t lance_dataset_delete(LanceDataset* dataset, const char* predicate,
                             uint64_t* out_num_deleted);

/* Sets each of `columns` to the SQL expression of the same place in `values`, which sees the row
 * before the change. `predicate` NULL: every row. */
int32_t lance_dataset_update(LanceDataset* dataset, const char* predicate,
                             const char* const* columns, const char* const* values,
                             size_t num_updates, uint64_t* out_num_updated);

typedef enum {
  LANCE_MERGE_WHEN_MATCHED_DO_NOTHING = 0,
  LANCE_MERGE_WHEN_MATCHED_UPDATE_ALL = 1,
  LANCE_MERGE_WHEN_MATCHED_UPDATE_IF = 2, /* where when_matched_expr is true */
  LANCE_MERGE_WHEN_MATCHED_FAIL = 3,
  LANCE_MERGE_WHEN_MATCHED_DELETE = 4
} LanceMergeWhenMatched;

typedef enum {
  LANCE_MERGE_WHEN_NOT_MATCHED_INSERT_ALL = 0,
  LANCE_MERGE_WHEN_NOT_MATCHED_DO_NOTHING = 1
} LanceMergeWhenNotMatched;

typedef enum {
  LANCE_MERGE_WHEN_NOT_MATCHED_BY_SOURCE_KEEP = 0,
  LANCE_MERGE_WHEN_NOT_MATCHED_BY_SOURCE_DELETE = 1,
  LANCE_MERGE_WHEN_NOT_MATCHED_BY_SOURCE_DELETE_IF = 2 /* where its expression is true */
} LanceMergeWhenNotMatchedBySource;

/* All zero: rows whose key is new are inserted, nothing else happens. An expression stands exactly
 * where its mode needs one, else it is NULL. */
typedef struct LanceMergeInsertParams {
  int32_t when_matched; /* LanceMergeWhenMatched */
  /* Over the columns of both sides, as source.name and target.name. */
  const char* when_matched_expr;
  int32_t when_not_matched;           /* LanceMergeWhenNotMatched */
  int32_t when_not_matched_by_source; /* LanceMergeWhenNotMatchedBySource */
  const char* when_not_matched_by_source_expr;
} LanceMergeInsertParams;

typedef struct LanceMergeInsertResult {
  uint64_t num_inserted_rows;
  uint64_t num_updated_rows;
  uint64_t num_deleted_rows;
} LanceMergeInsertResult;

/* Joins the rows of `source` with the dataset by equal values of `on_columns` and does with pairs
 * and leftovers what `params` (NULL: all zero) says. */
int32_t lance_dataset_merge_insert(LanceDataset* dataset, const char* const* on_columns,
                                   size_t num_on_columns, struct ArrowArrayStream* source,
                                   const LanceMergeInsertParams* params,
                                   LanceMergeInsertResult* out_result);

/* --- Compaction --------------------------------------------------------------------------------
 */

/* 0 everywhere: the defaults. */
typedef struct LanceCompactionOptions {
  uint64_t target_rows_per_fragment; /* smaller neighbours are joined; default 1 Mi */
  uint64_t max_rows_per_group;       /* of the legacy format; ignored */
  uint64_t max_bytes_per_file;
  uint64_t num_threads;
  uint64_t batch_size;
} LanceCompactionOptions;

typedef struct LanceCompactionMetrics {
  uint64_t fragments_removed;
  uint64_t fragments_added;
  uint64_t files_removed; /* deletion files included */
  uint64_t files_added;
} LanceCompactionMetrics;

/* Joins small fragments and drops deleted rows. Where there is nothing to do, no version is
 * made and all metrics are 0. */
int32_t lance_dataset_compact_files(LanceDataset* dataset, const LanceCompactionOptions* options,
                                    LanceCompactionMetrics* out_metrics);

/* --- Columns -----------------------------------------------------------------------------------
 */

/* Takes columns out of the schema; no data file changes. At least one column stays. */
int32_t lance_dataset_drop_columns(LanceDataset* dataset, const char* const* columns,
                                   size_t num_columns);

typedef enum {
  LANCE_COLUMN_NULLABLE_UNCHANGED = 0,
  LANCE_COLUMN_NULLABLE_TRUE = 1,
  LANCE_COLUMN_NULLABLE_FALSE = 2 /* refused while a row has a null */
} LanceColumnNullableMode;

/* At least one of the last three asks for a change. */
typedef struct LanceColumnAlteration {
  const char* path;
  const char* rename;                  /* NULL: keeps its name */
  int32_t nullable_mode;               /* LanceColumnNullableMode */
  const struct ArrowSchema* data_type; /* NULL: keeps its type. Another type rewrites the column */
} LanceColumnAlteration;

int32_t lance_dataset_alter_columns(LanceDataset* dataset, const LanceColumnAlteration* alterations,
                                    size_t num_alterations);

typedef struct LanceSqlColumn {
  const char* name;
  const char* expression; /* SQL over the columns there are */
} LanceSqlColumn;

/* New columns, computed. `batch_size` 0: the default; at most UINT32_MAX. */
int32_t lance_dataset_add_columns_sql(LanceDataset* dataset, const LanceSqlColumn* columns,
                                      size_t num_columns, uint64_t batch_size);

/* New nullable columns without a value; no data file changes. */
int32_t lance_dataset_add_columns_nulls(LanceDataset* dataset, const struct ArrowSchema* schema);

/* New columns from a stream with one row for each row of the dataset, in its order. */
int32_t lance_dataset_add_columns_stream(LanceDataset* dataset, struct ArrowArrayStream* stream,
                                         uint64_t batch_size);

/* --- Writing -----------------------------------------------------------------------------------
 */

typedef enum {
  LANCE_WRITE_CREATE = 0,   /* LANCE_ERR_DATASET_ALREADY_EXISTS if there is one */
  LANCE_WRITE_APPEND = 1,   /* to the dataset, or creates it */
  LANCE_WRITE_OVERWRITE = 2 /* rows and schema, as the next version, or creates it */
} LanceWriteMode;

/* Writes the rows of `stream`, whose fields have to be those of `schema`, and commits them. A new
 * dataset records that versions older than 14 days go at every 20th. `out_dataset` may be NULL. */
int32_t lance_dataset_write(const char* uri, const struct ArrowSchema* schema,
                            struct ArrowArrayStream* stream, int32_t mode,
                            const char* const* storage_opts, LanceDataset** out_dataset);

typedef struct LanceWriteParams {
  uint64_t max_rows_per_file;       /* 0: 1 Mi */
  uint64_t max_rows_per_group;      /* of the legacy format; ignored */
  uint64_t max_bytes_per_file;      /* 0: 90 GiB */
  const char* data_storage_version; /* "2.0", "2.1", "2.2", "stable"; NULL: 2.1 or unchanged */
  bool enable_stable_row_ids;       /* of a dataset that is created */
} LanceWriteParams;

/* The same with `params`; NULL: the defaults. */
int32_t lance_dataset_write_with_params(const char* uri, const struct ArrowSchema* schema,
                                        struct ArrowArrayStream* stream, int32_t mode,
                                        const LanceWriteParams* params,
                                        const char* const* storage_opts,
                                        LanceDataset** out_dataset);

/* Writes data files below `uri`/data and commits nothing: what reads their footers later makes
 * fragments of them. */
int32_t lance_write_fragments(const char* uri, const struct ArrowSchema* schema,
                              struct ArrowArrayStream* stream, const char* const* storage_opts);

/* --- Indexes -----------------------------------------------------------------------------------
 */

typedef enum {
  LANCE_INDEX_IVF_FLAT = 101,
  LANCE_INDEX_IVF_SQ = 102,
  LANCE_INDEX_IVF_PQ = 103,
  LANCE_INDEX_IVF_HNSW_SQ = 104,
  LANCE_INDEX_IVF_HNSW_PQ = 105,
  LANCE_INDEX_IVF_HNSW_FLAT = 106
} LanceVectorIndexType;

typedef enum {
  LANCE_SCALAR_BTREE = 1,
  LANCE_SCALAR_BITMAP = 2,
  LANCE_SCALAR_LABEL_LIST = 3,
  LANCE_SCALAR_INVERTED = 4
} LanceScalarIndexType;

typedef enum {
  LANCE_METRIC_L2 = 0,
  LANCE_METRIC_COSINE = 1,
  LANCE_METRIC_DOT = 2,
  LANCE_METRIC_HAMMING = 3
} LanceMetricType;

typedef enum {
  LANCE_DTYPE_FLOAT32 = 0,
  LANCE_DTYPE_FLOAT16 = 1,
  LANCE_DTYPE_FLOAT64 = 2,
  LANCE_DTYPE_UINT8 = 3,
  LANCE_DTYPE_INT8 = 4
} LanceDataType;

typedef struct {
  LanceVectorIndexType index_type;
  LanceMetricType metric;
  uint32_t num_partitions;
  uint32_t num_sub_vectors;
  uint32_t num_bits;
  uint32_t max_iterations;
  uint32_t hnsw_m;
  uint32_t hnsw_ef_construction;
  uint32_t sample_rate;
} LanceVectorIndexParams;

int32_t lance_dataset_create_vector_index(LanceDataset* dataset, const char* column,
                                          const char* index_name,
                                          const LanceVectorIndexParams* params, bool replace);

/* Indexes all live rows. `index_name` NULL: "{column}_idx". LANCE_ERR_INDEX if there is one of that
 * name and not `replace`. `params_json`: NULL, or for a BTREE {"zone_size": rows of a page}. */
int32_t lance_dataset_create_scalar_index(LanceDataset* dataset, const char* column,
                                          const char* index_name, LanceScalarIndexType index_type,
                                          const char* params_json, bool replace);

int32_t lance_dataset_drop_index(LanceDataset* dataset, const char* name);

/* Segments of all indexes; those that the format keeps for itself do not count. */
uint64_t lance_dataset_index_count(const LanceDataset* dataset);

/* [{"name": "...", "uuid": "...", "columns": ["..."], "type": "BTree", "dataset_version": n}, ...],
 * one object a segment, for lance_free_string(). */
const char* lance_dataset_index_list_json(const LanceDataset* dataset);

uint64_t lance_dataset_index_segment_count(const LanceDataset* dataset, const char* index_name);

/* The uuids of the segments, 16 bytes each. LANCE_ERR_INVALID_ARGUMENT, and nothing is written,
 * where there are more than `capacity`. `out_count` may be NULL. */
int32_t lance_dataset_index_segments(const LanceDataset* dataset, const char* index_name,
                                     uint8_t* out_uuids, size_t capacity, uint64_t* out_count);

/* --- Search ------------------------------------------------------------------------------------
 * Arguments are checked; a search is then refused, and so is every scan of its scanner. */

int32_t lance_scanner_nearest(LanceScanner* scanner, const char* column, const void* query_data,
                              size_t query_len, LanceDataType element_type, uint32_t k);
int32_t lance_scanner_set_nprobes(LanceScanner* scanner, uint32_t n);
int32_t lance_scanner_set_refine_factor(LanceScanner* scanner, uint32_t f);
int32_t lance_scanner_set_ef(LanceScanner* scanner, uint32_t e);
int32_t lance_scanner_set_metric(LanceScanner* scanner, LanceMetricType metric);
int32_t lance_scanner_set_use_index(LanceScanner* scanner, bool enable);
int32_t lance_scanner_set_prefilter(LanceScanner* scanner, bool enable);
/* `len` uuids of 16 bytes; 0: all segments again. */
int32_t lance_scanner_set_index_segments(LanceScanner* scanner, const uint8_t* segment_uuids,
                                         size_t len);
int32_t lance_scanner_full_text_search(LanceScanner* scanner, const char* query,
                                       const char* const* columns, uint32_t max_fuzzy_distance);

#ifdef __cplusplus
} /* extern "C" */
#endif

#endif /* LANCE_H */
