#include "engine/dataset/statistics.h"

#include <map>
#include <span>

#include "engine/dataset/dataset_handle.h"
#include "io/base/status_macros.h"

namespace og::engine::dataset {
namespace {

void AppendFields(std::span<const format::LanceField> fields,
                  std::vector<FieldStatistics>& statistics) {
  for (const format::LanceField& field : fields) {
    statistics.push_back({.field_id = field.id, .stored_bytes = 0});
    AppendFields(field.children, statistics);
  }
}

// Adds the columns of one data file. A column without a field of its own continues the one before.
absl::Status AddFile(const DatasetHandle& dataset, const format::DataFile& file,
                     std::map<int32_t, uint64_t>& bytes) {
  OG_ASSIGN_OR_RETURN(const io::Location location, dataset.folders().DataFile(file));
  OG_ASSIGN_OR_RETURN(const auto reader, dataset.session()->OpenFile(location, file.size_bytes));
  OG_ASSIGN_OR_RETURN(const format::FileInfo info, reader->Info());
  std::map<int32_t, int32_t> field_of_column;
  for (size_t i = 0; i < file.fields.size() && i < file.column_indices.size(); ++i) {
    if (file.column_indices[i] >= 0) {
      field_of_column[file.column_indices[i]] = file.fields[i];
    }
  }
  int32_t field_id = format::kNoFieldId;
  for (const format::StoredColumn& column : info.columns) {
    if (const auto at = field_of_column.find(column.index); at != field_of_column.end()) {
      field_id = at->second;
    }
    bytes[field_id] += column.stored_bytes;
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::vector<FieldStatistics>> ReadFieldStatistics(const Dataset& dataset) {
  const auto& handle = static_cast<const DatasetHandle&>(dataset);
  std::map<int32_t, uint64_t> bytes;
  for (const format::Fragment& fragment : dataset.manifest().fragments) {
    for (const format::DataFile& file : fragment.files) {
      OG_RETURN_IF_ERROR(AddFile(handle, file, bytes));
    }
  }
  std::vector<FieldStatistics> statistics;
  AppendFields(dataset.lance_schema().fields, statistics);
  for (FieldStatistics& field : statistics) {
    if (const auto at = bytes.find(field.field_id); at != bytes.end()) {
      field.stored_bytes = at->second;
    }
  }
  return statistics;
}

}  // namespace og::engine::dataset
