// The batches that scans and takes return: stored columns in the order asked for, blobs and JSON in
// the form asked for, then the columns that a row has by its place: id, address, versions.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

#include "engine/dataset/dataset.h"
#include "engine/dataset/json_columns.h"
#include "engine/dataset/projection.h"
#include "format/arrow/array.h"
#include "format/table/row_ids.h"

namespace og::engine::dataset {

class DatasetHandle;
class FragmentReader;

inline constexpr std::string_view kRowIdColumn = "_rowid";
inline constexpr std::string_view kRowAddressColumn = "_rowaddr";
inline constexpr std::string_view kCreatedAtColumn = "_row_created_at_version";
inline constexpr std::string_view kLastUpdatedAtColumn = "_row_last_updated_at_version";

struct VirtualSelection {
  bool row_id = false;
  bool row_address = false;
  bool created_at_version = false;
  bool last_updated_at_version = false;

  bool any() const {
    return row_id || row_address || created_at_version || last_updated_at_version;
  }
};

// What the virtual columns of one fragment are made from.
struct VirtualColumns {
  uint64_t fragment_id = 0;
  std::optional<format::RowIdSequence> row_ids;  // absent: ids are addresses
  std::optional<format::RowVersions> created;
  std::optional<format::RowVersions> last_updated;
};

// Columns as they were read, with the fields they belong to; both null for none.
struct ReadColumns {
  const format::RecordBatch* batch = nullptr;
  const Projection* fields = nullptr;
};

struct Output {
  Projection fields;  // stored columns
  VirtualSelection virtual_columns;
  BlobHandling blobs = BlobHandling::kContents;
  bool decodes_json = false;  // there is some, and it is wanted as text
  format::SchemaPtr schema;

  absl::StatusOr<VirtualColumns> OpenVirtual(const DatasetHandle& dataset,
                                             const format::Fragment& fragment) const;

  // The batch of `num_rows` rows whose columns stand in `first` or `second`. `reader` tells where
  // blobs lie. `offsets` are those of the rows; only virtual columns need them.
  absl::StatusOr<format::RecordBatch> Assemble(const DatasetHandle& dataset,
                                               const FragmentReader& reader,
                                               const ReadColumns& first, const ReadColumns& second,
                                               int64_t num_rows, std::span<const uint64_t> offsets,
                                               const VirtualColumns& virtual_source) const;
};

// kNotFound for unknown columns; kInvalidArgument for versions of a table that keeps none. Names of
// virtual columns among `columns` select those.
absl::StatusOr<Output> MakeOutput(const DatasetHandle& dataset,
                                  const std::optional<std::vector<std::string>>& columns,
                                  VirtualSelection virtual_columns, BlobHandling blobs,
                                  JsonForm json);

}  // namespace og::engine::dataset
