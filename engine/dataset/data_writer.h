// Rows become data files: batches are brought to the table's schema and cut into files of bounded
// size. A blob column is given as bytes or as struct{data, uri}, JSON as text or as it is stored.
// Nothing is visible until a commit names the files.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

#include "engine/dataset/dataset.h"
#include "format/arrow/array.h"
#include "format/file/lance_schema.h"
#include "format/file/writer.h"
#include "format/table/manifest.h"
#include "io/env/env.h"

namespace og::engine::dataset {

// The file version of "2.0", "2.1" or "2.2"; kUnimplemented for others, which are never written.
absl::StatusOr<format::FileVersion> WritableVersion(std::string_view text);

// Thread-compatible. Destroying it before Finish() removes the files that it wrote.
class DataWriter {
 public:
  static absl::StatusOr<std::unique_ptr<DataWriter>> Open(
      io::Env& env, const io::Location& root, std::shared_ptr<const format::LanceSchema> schema,
      std::string_view file_version, const WriteOptions& options);
  ~DataWriter();

  // Appends rows. Columns are found by name; one that is missing must be nullable.
  // kInvalidArgument for unknown columns, other types, and nulls where none may be.
  absl::Status Write(const format::RecordBatch& batch);

  struct Written {
    std::vector<format::Fragment> fragments;  // ids 0, no row ids
    std::vector<std::string> files;           // paths in the store
    uint64_t num_rows = 0;
    uint64_t num_bytes = 0;
  };
  absl::StatusOr<Written> Finish();

 private:
  DataWriter() = default;
  absl::Status StartFile();
  absl::Status FinishFile();
  absl::StatusOr<format::RecordBatch> Conform(const format::RecordBatch& batch) const;

  io::Env* env_ = nullptr;
  io::Location root_;
  std::shared_ptr<const format::LanceSchema> schema_;
  format::SchemaPtr arrow_;
  format::FileVersion version_{};
  uint64_t max_rows_per_file_ = 0;
  uint64_t max_bytes_per_file_ = 0;
  std::string file_name_;
  std::unique_ptr<format::FileWriter> file_;
  Written written_;
  bool finished_ = false;
};

}  // namespace og::engine::dataset
