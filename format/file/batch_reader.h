// Steps of a scan: rows that are planned, fetched and decoded together, several of them under way.
// Internal to format/file.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

#include "format/arrow/array.h"
#include "format/file/field_task.h"
#include "format/file/file_source.h"
#include "format/file/reader.h"
#include "io/env/worker_pool.h"

namespace og::format {

// Whether what is stored of some rows is as it was written; the bytes that were looked at for that,
// of which the rows are then read, disjoint and ascending. One thread at a time.
using RowCheck = std::function<absl::StatusOr<std::vector<FilePiece>>(std::span<const RowRange>)>;

// One step: all fields of some rows. Thread-compatible; decoding may run on a pool.
class ReadStep {
 public:
  // `check` is called with the rows before anything of them is read; may be empty.
  ReadStep(const FileSource& source, const std::vector<std::unique_ptr<FieldReader>>& fields,
           std::vector<RowRange> rows, const RowCheck& check);

  // Reads what has to be known first and starts to read the rest. On a local store what the page
  // cache holds is copied right then; with a `pool` that happens there.
  absl::Status Start(io::WorkerPool* pool);
  // Bytes that Start() asked for.
  uint64_t bytes_under_way() const { return bytes_under_way_; }
  // Waits for the bytes and starts to decode them, on `pool` if there is one.
  absl::Status Launch(io::WorkerPool* pool);
  bool is_launched() const { return is_launched_; }
  // Waits for the rows.
  absl::StatusOr<RecordBatch> Finish(const SchemaPtr& schema);

 private:
  absl::Status Submit(std::span<const FileRange> ranges);

  const FileSource& source_;
  const RowCheck& check_;
  const std::vector<RowRange> rows_;
  uint64_t num_rows_ = 0;
  std::vector<std::unique_ptr<FieldTask>> tasks_;
  std::vector<FilePiece> pieces_;   // what the check has brought
  std::vector<size_t> num_ranges_;  // of the last reads, by task
  FileFetch fetch_;
  uint64_t bytes_under_way_ = 0;
  bool is_launched_ = false;
  std::vector<ArrayPtr> columns_;
  std::optional<io::TaskGroup> group_;  // last: waits before the rest goes
};

// The stream behind FileReader::Scan(). `owner` is kept alive.
class ScanStream final : public BatchStream {
 public:
  ScanStream(std::shared_ptr<const FileReader> owner, const FileSource& source, SchemaPtr schema,
             std::vector<std::unique_ptr<FieldReader>> fields, std::vector<RowRange> ranges,
             const FileScanOptions& options, RowCheck check);

  const SchemaPtr& schema() const override { return schema_; }
  absl::StatusOr<std::optional<RecordBatch>> Next() override;

 private:
  // The rows of the next step; empty at the end.
  absl::StatusOr<std::vector<RowRange>> NextRows();
  absl::Status FillSteps();

  const std::shared_ptr<const FileReader> owner_;
  const FileSource& source_;
  const SchemaPtr schema_;
  const std::vector<std::unique_ptr<FieldReader>> fields_;
  const std::vector<RowRange> ranges_;
  const FileScanOptions options_;
  const RowCheck check_;
  size_t next_range_ = 0;
  uint64_t next_row_ = 0;  // in that range, counted from its start
  uint64_t step_rows_max_ = 0;
  std::deque<std::unique_ptr<ReadStep>> steps_;
  std::optional<RecordBatch> rows_;  // decoded, from row given_ on not handed out yet
  uint64_t given_ = 0;
};

}  // namespace og::format
