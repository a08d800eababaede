// Pieces that staged changes are made of: written rows, rows that leave their fragments, files that
// are taken back when staging fails.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

#include "engine/dataset/data_writer.h"
#include "engine/dataset/dataset.h"
#include "engine/dataset/dataset_handle.h"
#include "format/arrow/array.h"
#include "format/table/manifest.h"

namespace og::engine::dataset {

// The one implementation behind every Dataset that free functions of this room work on.
const DatasetHandle& HandleOf(const Dataset& dataset);

// A transaction without an operation, read at `read_version`.
StagedTransaction NewTransaction(io::Env& env, uint64_t read_version, const WriteOptions& options);

// Removes the files that `staged` lists by the end of its life, unless Keep() was called.
class StagingGuard {
 public:
  StagingGuard(const Dataset& dataset, const StagedTransaction& staged)
      : dataset_(dataset), staged_(staged) {}
  ~StagingGuard() {
    if (!kept_) {
      dataset_.Discard(staged_);
    }
  }
  StagingGuard(const StagingGuard&) = delete;
  StagingGuard& operator=(const StagingGuard&) = delete;

  void Keep() { kept_ = true; }

 private:
  const Dataset& dataset_;
  const StagedTransaction& staged_;
  bool kept_ = false;
};

// New fragments from batches, written as they come; no file before the first row.
class RowWriter {
 public:
  // `staged` must outlive the writer; Finish() notes files and sizes in it.
  RowWriter(io::Env& env, io::Location root, std::shared_ptr<const format::LanceSchema> schema,
            std::string file_version, WriteOptions options, StagedTransaction& staged)
      : env_(env),
        root_(std::move(root)),
        schema_(std::move(schema)),
        file_version_(std::move(file_version)),
        options_(std::move(options)),
        staged_(staged) {}

  absl::Status Write(const format::RecordBatch& batch);
  uint64_t num_rows() const { return num_rows_; }

  // The fragments, without ids. No other call may follow.
  absl::StatusOr<std::vector<format::Fragment>> Finish();

 private:
  io::Env& env_;
  const io::Location root_;
  const std::shared_ptr<const format::LanceSchema> schema_;
  const std::string file_version_;
  const WriteOptions options_;
  StagedTransaction& staged_;
  std::unique_ptr<DataWriter> writer_;
  uint64_t num_rows_ = 0;
};

// A RowWriter of rows of `dataset`.
RowWriter WriterOf(const DatasetHandle& dataset, const WriteOptions& options,
                   StagedTransaction& staged);

// Gives the first rows of `fragments` the stable row ids `moved`, in their order.
// REQUIRES: not more ids than rows.
void KeepRowIds(std::span<const uint64_t> moved, std::vector<format::Fragment>& fragments);

// Rows that leave fragments: what becomes of each.
struct Removal {
  std::vector<format::Fragment> updated;
  std::vector<uint64_t> removed;
};

// `sorted`: row addresses, ascending, distinct. Writes deletion files and notes them in `staged`.
// kNotFound for a row that does not exist or is deleted.
absl::StatusOr<Removal> RemoveRows(const DatasetHandle& dataset, std::span<const uint64_t> sorted,
                                   StagedTransaction& staged);

// The addresses in ascending order. kInvalidArgument if one is there twice.
absl::StatusOr<std::vector<uint64_t>> SortedAddresses(std::span<const uint64_t> addresses);

// The ids of `fields` and of all fields below them.
void AppendFieldIds(std::span<const format::LanceField> fields, std::vector<uint32_t>& ids);

}  // namespace og::engine::dataset
