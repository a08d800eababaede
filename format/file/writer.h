// Writes a Lance data file of version 2.0, 2.1 or 2.2 from batches: columns are buffered, encoded
// page by page on the worker pool, and streamed to the store in the order in which they fill up.
//
//   OG_ASSIGN_OR_RETURN(auto writer, FileWriter::Open(location, schema, options));
//   OG_RETURN_IF_ERROR(writer->Write(batch));
//   OG_ASSIGN_OR_RETURN(const FileSummary summary, writer->Finish());
//
// How each page is encoded is decided from its values, so that it is small and quick to read;
// field metadata ("lance-encoding:...") steers it as in the reference. What Lance 10 cannot read
// is never written. Version 2.0 does not store the validity of structs: a null struct comes back
// as one whose members are null.
//
// Source: lance-file 10.0.0: src/writer.rs; lance-encoding 10.0.0: src/encodings/logical/**.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

#include "format/arrow/array.h"
#include "format/file/footer.h"
#include "format/file/lance_schema.h"
#include "format/page/page_options.h"
#include "io/store/store.h"

namespace og::io {
class WorkerPool;
}  // namespace og::io

namespace og::format {

struct WriterOptions {
  FileVersion version = FileVersion::kV2_2;
  // Bytes of Arrow memory that one column buffers before they become a page. Rows never straddle
  // pages, so that a larger row makes a larger page.
  size_t page_bytes = size_t{8} << 20;
  // Rows that one column buffers before they become a page, whatever their size.
  int64_t page_rows = int64_t{1} << 22;
  // Smaller files that take longer to write and to read: general compression wherever it saves
  // bytes, over larger chunks. Metadata of the schema or of a field ask for it too, see
  // page_options.h.
  bool compact = false;
  // A checksum for every page, in a global buffer behind those of the caller (page_sums.h).
  bool page_sums = true;
  // Where pages are encoded; outlives the writer. Null: in the thread that calls Write.
  io::WorkerPool* pool = nullptr;
  // Demands of tests, see page_options.h.
  ForcedLayout forced_layout = ForcedLayout::kNone;
  ForcedCodec forced_codec = ForcedCodec::kNone;
};

// What a manifest says about the file: field_ids[i] is stored in column column_indices[i]. Both
// list the fields that own a column (leaves and packed structs), in schema order.
struct FileSummary {
  uint64_t size_bytes = 0;
  uint64_t num_rows = 0;
  std::vector<int32_t> field_ids;
  std::vector<int32_t> column_indices;
  // Paths of the blob sidecars in the file's store: they live, and are synced, with the file.
  std::vector<std::string> sidecar_paths;
};

// Thread-compatible. Destroying a writer that was not finished leaves nothing behind.
class FileWriter {
 public:
  // Starts the file at `location`, replacing what is there once it is finished. `schema` carries
  // the field ids.
  //
  //   kInvalidArgument  a file version other than 2.0, 2.1 and 2.2
  //   kUnimplemented    a type that the version cannot store (map in 2.1, union, interval, ...)
  static absl::StatusOr<std::unique_ptr<FileWriter>> Open(const io::Location& location,
                                                          const LanceSchema& schema,
                                                          const WriterOptions& options);

  ~FileWriter();
  FileWriter(const FileWriter&) = delete;
  FileWriter& operator=(const FileWriter&) = delete;

  // Appends the rows of `batch`, whose columns are those of the schema in its order. The batch's
  // memory is shared until its pages are written. After an error no other call may follow.
  //
  //   kInvalidArgument  columns that do not fit the schema
  absl::Status Write(const RecordBatch& batch);

  // Writes a buffer of the caller's own, as index files hold them, and returns its number; the
  // first one is 1.
  absl::StatusOr<uint32_t> AddGlobalBuffer(std::span<const std::byte> bytes);

  // Sets an entry of the schema metadata that the file will carry.
  void SetMetadata(std::string_view key, std::string_view value);

  // Writes what is buffered and the metadata, and publishes the file. No other call may follow.
  absl::StatusOr<FileSummary> Finish();

  // Bytes that went to the store so far, and Arrow memory that waits to be encoded: for callers
  // that start a new file at a size.
  uint64_t bytes_written() const;
  size_t bytes_buffered() const;

  // Rows taken so far.
  uint64_t num_rows() const;

 private:
  class Impl;

  explicit FileWriter(std::unique_ptr<Impl> impl);

  std::unique_ptr<Impl> impl_;
};

}  // namespace og::format
