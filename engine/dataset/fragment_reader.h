// Reads columns of one fragment, wherever they are stored: in several data files, below another
// base path, or nowhere (nulls).
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "absl/status/statusor.h"

#include "engine/dataset/projection.h"
#include "engine/dataset/session.h"
#include "format/arrow/array.h"
#include "format/file/reader.h"
#include "format/table/manifest.h"
#include "io/env/worker_pool.h"
#include "io/store/store.h"

namespace og::io {
class Env;
}

namespace og::engine::dataset {

// The folders that data files, deletion files and indexes of a version lie in.
class BaseFolders {
 public:
  // Resolves the base paths of `manifest` through `env`.
  static absl::StatusOr<BaseFolders> Make(io::Env& env, const io::Location& root,
                                          const format::Manifest& manifest);

  absl::StatusOr<io::Location> DataFile(const format::DataFile& file) const;
  absl::StatusOr<io::Location> DeletionFile(uint64_t fragment_id,
                                            const format::DeletionFile& file) const;
  // `path` below base path `base_id`.
  absl::StatusOr<io::Location> BelowBase(uint32_t base_id, std::string_view path) const;

 private:
  struct Base {
    uint32_t id = 0;
    bool is_dataset_root = false;
    io::Location location;
  };
  absl::StatusOr<io::Location> Folder(std::optional<uint32_t> base_id, std::string_view name) const;

  io::Location root_;
  std::vector<Base> bases_;
};

struct FragmentReadOptions {
  uint64_t batch_rows = 8192;
  bool dictionary_strings = false;
  bool blob_contents = false;  // blob v1 only
  io::WorkerPool* pool = nullptr;
};

// Thread-compatible; the data files are shared.
class FragmentReader : public std::enable_shared_from_this<FragmentReader> {
 public:
  // Opens the data files that hold `fields`.
  static absl::StatusOr<std::shared_ptr<const FragmentReader>> Open(
      Session& session, const BaseFolders& folders, const format::Manifest& manifest,
      const format::Fragment& fragment, Projection fields, const FragmentReadOptions& options);

  const Projection& fields() const { return fields_; }
  const format::SchemaPtr& schema() const { return schema_; }

  // The rows of `ranges` (physical offsets), in batches of at most batch_rows.
  absl::StatusOr<std::unique_ptr<format::BatchStream>> Scan(
      std::vector<format::RowRange> ranges) const;

  // The rows at these physical offsets, in this order.
  absl::StatusOr<format::RecordBatch> Take(std::span<const uint64_t> rows) const;

  // Starts that, on the pool if there is one. Keeps this reader alive.
  absl::StatusOr<std::unique_ptr<format::PendingRows>> StartTake(
      std::span<const uint64_t> rows) const;

  // The location of the data file that holds top-level field i; null if none does.
  const io::Location* file_of(size_t i) const;

 private:
  // What one data file contributes.
  struct Part {
    std::shared_ptr<const format::FileReader> reader;
    io::Location location;
    std::vector<int32_t> field_ids;  // that the file stores
    std::vector<size_t> fields;      // positions in fields_
    std::vector<format::ColumnRequest> requests;
  };
  friend class FragmentStream;
  class PendingTake;

  // Puts the columns of all parts together.
  absl::StatusOr<format::RecordBatch> Assemble(std::span<const format::RecordBatch> parts,
                                               int64_t num_rows) const;

  Projection fields_;
  format::SchemaPtr schema_;
  FragmentReadOptions options_;
  std::vector<Part> parts_;
  // For field i: the parts that hold some of it, the first one with its parents' validity.
  std::vector<std::vector<size_t>> parts_of_;
};

}  // namespace og::engine::dataset
