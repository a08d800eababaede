// Batches in a temporary file, for work that is larger than its memory.
//
//   OG_ASSIGN_OR_RETURN(auto spill, BatchSpill::Create(schema));
//   OG_RETURN_IF_ERROR(spill->Append(batch));
//   OG_ASSIGN_OR_RETURN(RecordBatch first, spill->Read(0));
//
// The file has no name and goes with the process. A batch lies in it as its arrays in pre-order,
// each as length and null count (8 bytes each), then every buffer of its type: length (8) and
// bytes, padded to 8.
//
// One thread appends; once it is done, any number may read.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

#include "format/arrow/array.h"
#include "io/local/spill_file.h"

namespace og::engine::exec {

class BatchSpill {
 public:
  static absl::StatusOr<std::unique_ptr<BatchSpill>> Create(format::SchemaPtr schema);

  // REQUIRES: columns of the schema's types; dictionaries are written as their values.
  absl::Status Append(const format::RecordBatch& batch);

  absl::StatusOr<format::RecordBatch> Read(size_t batch) const;

  const format::SchemaPtr& schema() const { return schema_; }
  size_t num_batches() const { return places_.size(); }
  uint64_t num_rows() const { return num_rows_; }
  uint64_t num_bytes() const { return file_->size(); }
  // Whether some value of column `column` is null.
  bool has_null(size_t column) const { return has_null_[column]; }

 private:
  BatchSpill(format::SchemaPtr schema, std::unique_ptr<io::SpillFile> file)
      : schema_(std::move(schema)),
        file_(std::move(file)),
        has_null_(schema_->fields.size(), false) {}

  struct Place {
    uint64_t offset = 0;
    uint64_t size = 0;
    int64_t num_rows = 0;
  };

  format::SchemaPtr schema_;
  std::unique_ptr<io::SpillFile> file_;
  std::vector<Place> places_;
  std::vector<bool> has_null_;
  uint64_t num_rows_ = 0;
};

}  // namespace og::engine::exec
