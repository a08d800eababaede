// Reading Lance data files, versions 2.0 to 2.2.
//
// A FileReader knows one file: its footer, its own schema and, per column and only once it is
// asked for, the metadata of the column's pages. Reading is plan, fetch, decode: the byte ranges
// of all columns of a step are listed, merged and fetched together, then whole pages or chunks are
// decoded straight into the arrays that come out.
//
// Errors. kDataLoss: stored bytes are wrong; the message names file, column, page, offset and
// reason. kUnimplemented: a layout, codec or type that we lack, named the same way.
// kInvalidArgument: a request that does not fit the file (rows beyond its end, a column index that
// it does not have). Errors of the store come through.
//
// Threads: a FileReader may be used by any number of threads; a stream has one consumer.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

#include "format/arrow/array.h"
#include "format/arrow/type.h"
#include "format/file/file_info.h"
#include "format/file/footer.h"
#include "format/file/lance_schema.h"
#include "format/page/row_range.h"
#include "io/store/store.h"

namespace og::io {
class WorkerPool;
}

namespace og::format {

// What to read of one top-level field.
struct ColumnRequest {
  // The field, of the dataset's schema; members that are not wanted are left out of the tree.
  LanceField field;
  // For every field of the tree that owns a column (ColumnFields() of `field`), in that order, the
  // column of the file that holds it; -1: none, its values are null.
  std::vector<int32_t> column_indices;
  // Blob v1 only: the bytes (large_binary). false: the descriptor. A blob v2 field always gives
  // the descriptor.
  bool blob_contents = false;
};

struct FileReaderOptions {
  // Bytes of the first read, from the end of the file; 0: 4 KiB locally, 64 KiB elsewhere.
  uint64_t tail_bytes = 0;
  // Compares every page with its checksum before rows of it are first given out. Whoever wants one
  // row of a page reads all of it then, and no byte twice unless pages of more than 64 MiB are
  // under way. Later reads of the page by this reader trust it. Files without checksums
  // (page_sums.h), as other writers make them, are read unchecked; bytes of blobs have none.
  bool check_pages = false;
};

// What CheckPages() has found in order.
struct PageCheck {
  bool has_sums = false;
  uint64_t num_pages = 0;
};

struct FileScanOptions {
  uint64_t batch_rows = 8192;  // upper bound of rows in a batch
  // Utf8 columns whose pages are dictionary-coded come as dictionary arrays (int32 keys) where a
  // batch lies in pages with one dictionary, otherwise plain. The type may differ from batch to
  // batch; the stream's schema has the plain one.
  bool dictionary_strings = false;
  // dictionary_strings also where a batch lies in several such pages: its dictionary is theirs one
  // after the other, so that a value may be in it more than once.
  bool join_dictionaries = false;
  // Bytes of the file that are fetched ahead of the consumer.
  uint64_t readahead_bytes = uint64_t{16} << 20;
  // Decodes several columns and steps at once; null: all in the consumer's thread. Outlives the
  // stream.
  io::WorkerPool* pool = nullptr;
};

// Rows that are being read. Destroying it gives them up. Thread-compatible.
class PendingRows {
 public:
  virtual ~PendingRows() = default;

  // Starts to decode what has been read; waits for the rest of the bytes, if need be.
  virtual absl::Status Decode() = 0;

  // Waits for the rows. REQUIRES: called once, last.
  virtual absl::StatusOr<RecordBatch> Wait() = 0;
};

class FileReader {
 public:
  // Opens the file at `location` of `file_bytes` bytes (0: unknown, asked from the store). One read
  // of the tail; a second one if schema and tables do not fit into it.
  static absl::StatusOr<std::shared_ptr<const FileReader>> Open(
      const io::Location& location, uint64_t file_bytes, const FileReaderOptions& options = {});

  virtual ~FileReader() = default;

  virtual FileVersion version() const = 0;
  virtual uint64_t num_rows() const = 0;
  virtual uint32_t num_columns() const = 0;
  virtual uint64_t file_bytes() const = 0;

  // The schema that the file carries. Blobs of version 2 are the descriptor in it.
  virtual const LanceSchema& schema() const = 0;

  // Requests for all fields of schema(), each with its column indices.
  virtual std::vector<ColumnRequest> AllColumns() const = 0;

  // What the metadata says about how the file is stored. Reads the metadata of all columns.
  virtual absl::StatusOr<FileInfo> Info() const = 0;

  // Compares the schema, and the pages that were not compared yet, with the file's checksums.
  //
  //   kDataLoss  one that differs; names column, page and offset
  virtual absl::StatusOr<PageCheck> CheckPages() const = 0;

  // Global buffers, the first of which is the schema; index files keep others of their own.
  virtual uint32_t num_global_buffers() const = 0;
  virtual absl::StatusOr<io::Buffer> ReadGlobalBuffer(uint32_t index) const = 0;

  // The rows of `ranges`, in their order, in batches of at most batch_rows. Ranges may touch but
  // not overlap or go back. The fields of the batches are those of `columns` in their order.
  virtual absl::StatusOr<std::unique_ptr<BatchStream>> Scan(
      std::vector<ColumnRequest> columns, std::vector<RowRange> ranges,
      const FileScanOptions& options) const = 0;

  // The given rows, in any order and repeated as given, as one batch.
  virtual absl::StatusOr<RecordBatch> Take(std::vector<ColumnRequest> columns,
                                           std::span<const uint64_t> rows,
                                           io::WorkerPool* pool = nullptr) const = 0;

  // Starts a Take(), also the reads, on `pool`. The pool outlives it, the file is kept open.
  virtual absl::StatusOr<std::unique_ptr<PendingRows>> StartTake(std::vector<ColumnRequest> columns,
                                                                 std::span<const uint64_t> rows,
                                                                 io::WorkerPool& pool) const = 0;
};

// The Arrow schema of batches for `columns`. Errors as ArrowTypeOf().
absl::StatusOr<SchemaPtr> SchemaOf(std::span<const ColumnRequest> columns);

}  // namespace og::format
