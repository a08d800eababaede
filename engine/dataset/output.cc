#include "engine/dataset/output.h"

#include <algorithm>

#include "engine/dataset/blob_reader.h"
#include "engine/dataset/dataset_handle.h"
#include "engine/dataset/fragment_reader.h"
#include "format/file/lance_schema.h"
#include "io/base/status.h"
#include "io/base/status_macros.h"
#include "io/base/text.h"

namespace og::engine::dataset {
namespace {

// The values that `append` adds for each run of neighbouring offsets, as a uint64 array.
template <typename Append>
format::ArrayPtr Uint64Column(std::span<const uint64_t> offsets, Append append) {
  std::vector<uint64_t> values;
  values.reserve(offsets.size());
  for (size_t i = 0; i < offsets.size();) {
    size_t end = i + 1;
    while (end < offsets.size() && offsets[end] == offsets[end - 1] + 1) {
      ++end;
    }
    append(offsets[i], end - i, values);
    i = end;
  }
  auto array = std::make_shared<format::Array>();
  array->type = format::Uint64();
  array->length = static_cast<int64_t>(values.size());
  array->values = io::Buffer::CopyOf(std::as_bytes(std::span(values)));
  return array;
}

}  // namespace

absl::StatusOr<Output> MakeOutput(const DatasetHandle& dataset,
                                  const std::optional<std::vector<std::string>>& columns,
                                  VirtualSelection virtual_columns, BlobHandling blobs,
                                  JsonForm json) {
  Output output;
  output.blobs = blobs;
  if (columns) {
    std::vector<std::string> stored;
    for (const std::string& column : *columns) {
      const bool exists = dataset.lance_schema().Find(column) != nullptr;
      if (!exists && column == kRowIdColumn) {
        virtual_columns.row_id = true;
      } else if (!exists && column == kRowAddressColumn) {
        virtual_columns.row_address = true;
      } else if (!exists && column == kCreatedAtColumn) {
        virtual_columns.created_at_version = true;
      } else if (!exists && column == kLastUpdatedAtColumn) {
        virtual_columns.last_updated_at_version = true;
      } else {
        stored.push_back(column);
      }
    }
    OG_ASSIGN_OR_RETURN(output.fields, ProjectColumns(dataset.lance_schema(), stored));
  } else {
    output.fields = dataset.lance_schema().fields;
  }
  output.decodes_json = json == JsonForm::kText && std::ranges::any_of(output.fields, HasJson);
  output.virtual_columns = virtual_columns;
  if ((virtual_columns.created_at_version || virtual_columns.last_updated_at_version) &&
      !dataset.manifest().has_stable_row_ids()) {
    return io::InvalidArgumentError("row versions need a table with stable row ids");
  }
  auto schema = std::make_shared<format::Schema>();
  schema->metadata = dataset.schema()->metadata;
  for (const format::LanceField& field : output.fields) {
    OG_ASSIGN_OR_RETURN(format::Field arrow, format::ToArrow(field));
    if (field.is_blob()) {
      arrow.type = blobs == BlobHandling::kContents
                       ? format::LargeBinary()
                       : format::BlobDescriptorType(field.is_blob_v2());
    }
    schema->fields.push_back(output.decodes_json ? WithTextJson(arrow) : std::move(arrow));
  }
  const auto add = [&](bool wanted, std::string_view name) {
    if (wanted) {
      schema->fields.push_back(
          {.name = std::string(name), .type = format::Uint64(), .nullable = false, .metadata = {}});
    }
  };
  add(virtual_columns.row_id, kRowIdColumn);
  add(virtual_columns.row_address, kRowAddressColumn);
  add(virtual_columns.created_at_version, kCreatedAtColumn);
  add(virtual_columns.last_updated_at_version, kLastUpdatedAtColumn);
  output.schema = std::move(schema);
  return output;
}

absl::StatusOr<VirtualColumns> Output::OpenVirtual(const DatasetHandle& dataset,
                                                   const format::Fragment& fragment) const {
  VirtualColumns source;
  source.fragment_id = fragment.id;
  if (virtual_columns.row_id && dataset.manifest().has_stable_row_ids()) {
    OG_ASSIGN_OR_RETURN(source.row_ids, dataset.RowIdsOf(fragment));
  }
  if (virtual_columns.created_at_version) {
    OG_ASSIGN_OR_RETURN(source.created, dataset.CreatedVersionsOf(fragment));
  }
  if (virtual_columns.last_updated_at_version) {
    OG_ASSIGN_OR_RETURN(source.last_updated, dataset.LastUpdatedVersionsOf(fragment));
  }
  return source;
}

absl::StatusOr<format::RecordBatch> Output::Assemble(const DatasetHandle& dataset,
                                                     const FragmentReader& reader,
                                                     const ReadColumns& first,
                                                     const ReadColumns& second, int64_t num_rows,
                                                     std::span<const uint64_t> offsets,
                                                     const VirtualColumns& source) const {
  format::RecordBatch batch{.schema = schema, .num_rows = num_rows, .columns = {}};
  batch.columns.reserve(schema->fields.size());
  for (const format::LanceField& field : fields) {
    const ReadColumns* columns = &first;
    std::optional<size_t> at = IndexOfField(*first.fields, field.id);
    if (!at && second.fields != nullptr) {
      columns = &second;
      at = IndexOfField(*second.fields, field.id);
    }
    if (!at) {
      return io::InternalError(io::StrCat("column ", field.name, " was not read"));
    }
    format::ArrayPtr array = columns->batch->columns[*at];
    if (field.is_blob_v2() && blobs == BlobHandling::kContents) {
      const io::Location* file = columns == &first ? reader.file_of(*at) : nullptr;
      if (file == nullptr) {
        array = format::NullArray(format::LargeBinary(), batch.num_rows);
      } else {
        OG_ASSIGN_OR_RETURN(array, ReadBlobs(dataset.env(), dataset.folders(), *file, *array));
      }
    } else {
      array = Prune(array, (*columns->fields)[*at], field);
      if (decodes_json) {
        OG_ASSIGN_OR_RETURN(array, WithTextJson(array, field));
      }
    }
    batch.columns.push_back(std::move(array));
  }
  const auto addresses = [&](uint64_t start, uint64_t length, std::vector<uint64_t>& values) {
    for (uint64_t i = 0; i < length; ++i) {
      values.push_back(source.fragment_id << 32 | (start + i));
    }
  };
  if (virtual_columns.row_id) {
    batch.columns.push_back(
        source.row_ids
            ? Uint64Column(offsets,
                           [&](uint64_t start, uint64_t length, std::vector<uint64_t>& values) {
                             source.row_ids->AppendTo(start, length, values);
                           })
            : Uint64Column(offsets, addresses));
  }
  if (virtual_columns.row_address) {
    batch.columns.push_back(Uint64Column(offsets, addresses));
  }
  for (const auto* versions : {&source.created, &source.last_updated}) {
    if (*versions) {
      batch.columns.push_back(Uint64Column(
          offsets, [&](uint64_t start, uint64_t length, std::vector<uint64_t>& values) {
            (*versions)->AppendTo(start, length, values);
          }));
    }
  }
  return batch;
}

}  // namespace og::engine::dataset
