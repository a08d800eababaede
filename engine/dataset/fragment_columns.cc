#include "engine/dataset/fragment_columns.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "engine/dataset/data_writer.h"
#include "engine/dataset/fragment_reader.h"
#include "format/table/deletion_vector.h"
#include "io/base/status.h"
#include "io/base/status_macros.h"
#include "io/env/env.h"

namespace og::engine::dataset {
namespace {

using format::ArrayPtr;
using format::RecordBatch;

// Puts values of live rows where they belong, with blanks between them.
class Expander {
 public:
  Expander(format::SchemaPtr schema, bool blanks_are_null, DataWriter& writer)
      : schema_(std::move(schema)), blanks_are_null_(blanks_are_null), writer_(writer) {}

  // `columns` has a value for each live row; `is_live` says which rows these are.
  absl::Status Add(std::vector<ArrayPtr> columns, const std::vector<bool>& is_live) {
    const int64_t num_live = std::ranges::count(is_live, true);
    for (const ArrayPtr& column : columns) {
      if (column->length != num_live) {
        return io::InvalidArgumentError("new columns have another number of rows than the dataset");
      }
    }
    if (num_live == 0 && !blanks_are_null_) {
      if (last_.empty()) {
        num_pending_ += is_live.size();
        return absl::OkStatus();
      }
      return Write(last_, std::vector<int64_t>(is_live.size(), 0));
    }
    if (num_live == 0) {
      for (const format::Field& field : schema_->fields) {
        columns.push_back(format::EmptyArray(field.type));
      }
    }
    std::vector<int64_t> sources(num_pending_, 0);
    num_pending_ = 0;
    int64_t next = 0;
    for (const bool live : is_live) {
      const int64_t blank = blanks_are_null_ ? -1 : std::max<int64_t>(next - 1, 0);
      sources.push_back(live ? next++ : blank);
    }
    if (!blanks_are_null_) {
      last_.clear();
      for (const ArrayPtr& column : columns) {
        last_.push_back(format::Slice(column, num_live - 1, 1));
      }
    }
    return Write(columns, sources);
  }

 private:
  absl::Status Write(const std::vector<ArrayPtr>& columns, const std::vector<int64_t>& sources) {
    RecordBatch batch{
        .schema = nullptr, .num_rows = static_cast<int64_t>(sources.size()), .columns = {}};
    auto schema = std::make_shared<format::Schema>(*schema_);
    for (size_t i = 0; i < columns.size(); ++i) {
      batch.columns.push_back(format::Take(*columns[i], sources));
      schema->fields[i].type = batch.columns.back()->type;
    }
    batch.schema = std::move(schema);
    return writer_.Write(batch);
  }

  const format::SchemaPtr schema_;
  const bool blanks_are_null_;
  DataWriter& writer_;
  std::vector<ArrayPtr> last_;  // the values of the last live row
  size_t num_pending_ = 0;      // blanks before the first live row
};

}  // namespace

absl::StatusOr<format::DataFile> WriteFragmentColumns(
    const DatasetHandle& dataset, const format::Fragment& fragment, const Projection& read,
    std::shared_ptr<const format::LanceSchema> schema, const ComputeColumns& compute,
    StagedTransaction& staged) {
  OG_ASSIGN_OR_RETURN(const format::DeletionVectorPtr deletions, dataset.DeletionsOf(fragment));
  OG_ASSIGN_OR_RETURN(
      const std::shared_ptr<const FragmentReader> reader,
      FragmentReader::Open(*dataset.session(), dataset.folders(), dataset.manifest(), fragment,
                           read, {.pool = &dataset.env().pool()}));
  OG_ASSIGN_OR_RETURN(const format::SchemaPtr arrow, format::ToArrow(*schema));
  const bool blanks_are_null =
      std::ranges::all_of(arrow->fields, [](const format::Field& field) { return field.nullable; });
  WriteOptions options;
  options.max_rows_per_file = fragment.physical_rows;
  options.max_bytes_per_file = UINT64_MAX;
  OG_ASSIGN_OR_RETURN(const std::unique_ptr<DataWriter> writer,
                      DataWriter::Open(dataset.env(), dataset.branch_root(), schema,
                                       dataset.manifest().data_format_version, options));
  Expander expander(arrow, blanks_are_null, *writer);
  OG_ASSIGN_OR_RETURN(const auto stream, reader->Scan({{0, fragment.physical_rows}}));
  uint64_t offset = 0;
  while (true) {
    OG_ASSIGN_OR_RETURN(const std::optional<RecordBatch> batch, stream->Next());
    if (!batch) {
      break;
    }
    std::vector<bool> is_live(static_cast<size_t>(batch->num_rows), true);
    if (deletions != nullptr) {
      for (const uint32_t deleted :
           deletions->Between(offset, offset + static_cast<uint64_t>(batch->num_rows))) {
        is_live[deleted - offset] = false;
      }
    }
    std::vector<int64_t> live;
    std::vector<uint64_t> addresses;
    for (size_t i = 0; i < is_live.size(); ++i) {
      if (is_live[i]) {
        live.push_back(static_cast<int64_t>(i));
        addresses.push_back(fragment.id << 32 | (offset + i));
      }
    }
    std::vector<ArrayPtr> columns;
    if (!live.empty()) {
      const RecordBatch rows = live.size() == is_live.size() ? *batch : format::Take(*batch, live);
      OG_ASSIGN_OR_RETURN(columns, compute(rows, addresses));
    }
    OG_RETURN_IF_ERROR(expander.Add(std::move(columns), is_live));
    offset += static_cast<uint64_t>(batch->num_rows);
  }
  OG_ASSIGN_OR_RETURN(DataWriter::Written written, writer->Finish());
  if (written.num_rows != fragment.physical_rows || written.fragments.size() != 1) {
    return io::InternalError("new columns do not have the rows of their fragment");
  }
  staged.files.insert(staged.files.end(), written.files.begin(), written.files.end());
  staged.num_rows_written += written.num_rows;
  staged.num_bytes_written += written.num_bytes;
  return std::move(written.fragments[0].files[0]);
}

}  // namespace og::engine::dataset
