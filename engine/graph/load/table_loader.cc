#include "engine/graph/load/table_loader.h"

#include <utility>
#include <variant>

#include "engine/exec/staging.h"
#include "engine/graph/errors.h"
#include "engine/graph/keyed_write.h"
#include "format/file/reader.h"
#include "io/base/status_macros.h"
#include "io/base/text.h"

namespace og::engine::graph {
namespace {

format::RecordBatch Project(const format::RecordBatch& batch,
                            const std::vector<std::string>& columns) {
  auto schema = std::make_shared<format::Schema>();
  format::RecordBatch projected{schema, batch.num_rows, {}};
  for (const std::string& column : columns) {
    const std::optional<size_t> at = batch.schema->IndexOf(column);
    if (!at.has_value()) continue;
    schema->fields.push_back(batch.schema->fields[*at]);
    projected.columns.push_back(batch.columns[*at]);
  }
  return projected;
}

// The fragments that a staged append or overwrite wrote.
std::vector<format::Fragment>* FragmentsOf(dataset::StagedTransaction& staged) {
  format::Operation& operation = staged.transaction.operation;
  if (auto* append = std::get_if<format::AppendOperation>(&operation)) return &append->fragments;
  if (auto* overwrite = std::get_if<format::OverwriteOperation>(&operation)) {
    return &overwrite->fragments;
  }
  return nullptr;
}

}  // namespace

TableLoader::TableLoader(TableEntry entry, dataset::DatasetPtr base, format::SchemaPtr schema,
                         LoadMode mode)
    : entry_(std::move(entry)), base_(std::move(base)), schema_(std::move(schema)), mode_(mode) {}

void TableLoader::Add(format::RecordBatch batch) {
  num_rows_ += static_cast<uint64_t>(batch.num_rows);
  kept_.push_back(std::move(batch));
}

absl::StatusOr<dataset::StagedTransaction> TableLoader::StageRows(
    std::vector<format::RecordBatch> rows) {
  if (mode_ == LoadMode::kAppend) {
    for (const format::RecordBatch& batch : rows) {
      OG_ASSIGN_OR_RETURN(inserted_, base_->InsertedRowsFilter(batch, "id", std::move(inserted_)));
    }
  }
  const auto stream = format::MakeStream(schema_, std::move(rows));
  return mode_ == LoadMode::kOverwrite ? base_->StageOverwrite(schema_, stream.get(), {})
                                       : base_->StageAppend(*stream, {});
}

absl::Status TableLoader::AddChunk(dataset::StagedTransaction staged) {
  if (!staged_.has_value()) {
    staged_ = std::move(staged);
    return absl::OkStatus();
  }
  std::vector<format::Fragment>* const all = FragmentsOf(*staged_);
  std::vector<format::Fragment>* const more = FragmentsOf(staged);
  if (all == nullptr || more == nullptr) {
    return InternalFault("a staged chunk is neither an append nor an overwrite");
  }
  all->insert(all->end(), more->begin(), more->end());
  staged_->files.insert(staged_->files.end(), staged.files.begin(), staged.files.end());
  staged_->num_rows_written += staged.num_rows_written;
  staged_->num_bytes_written += staged.num_bytes_written;
  return absl::OkStatus();
}

void TableLoader::TakeChunk() {
  chunk_ = std::exchange(kept_, {});
}

absl::Status TableLoader::StageChunk() {
  uint64_t num_rows = 0;
  for (const format::RecordBatch& batch : chunk_)
    num_rows += static_cast<uint64_t>(batch.num_rows);
  OG_ASSIGN_OR_RETURN(dataset::StagedTransaction staged, StageRows(std::exchange(chunk_, {})));
  OG_RETURN_IF_ERROR(AddChunk(std::move(staged)));
  num_staged_rows_ += num_rows;
  return absl::OkStatus();
}

absl::StatusOr<dataset::StagedTransaction> TableLoader::Finish() {
  if (mode_ == LoadMode::kMerge) {
    OG_ASSIGN_OR_RETURN(const format::RecordBatch rows, exec::LastRowOfEachId(kept_));
    return StageUpsert(*base_, rows);
  }
  if (!kept_.empty() || !staged_.has_value()) {
    TakeChunk();
    OG_RETURN_IF_ERROR(StageChunk());
  }
  dataset::StagedTransaction staged = *std::move(staged_);
  staged_.reset();
  if (mode_ == LoadMode::kAppend) {
    OG_RETURN_IF_ERROR(MakeStrictInsert(*base_, *std::move(inserted_), staged));
  }
  return staged;
}

void TableLoader::Discard() const {
  if (staged_.has_value()) base_->Discard(*staged_);
}

absl::StatusOr<format::RecordBatch> TableLoader::Lookup(
    uint64_t row, const std::vector<std::string>& columns) const {
  if (row < num_staged_rows_) return LookupStaged(row, columns);
  uint64_t begin = num_staged_rows_;
  for (const format::RecordBatch& batch : kept_) {
    const auto size = static_cast<uint64_t>(batch.num_rows);
    if (row < begin + size) {
      return format::Slice(Project(batch, columns), static_cast<int64_t>(row - begin), 1);
    }
    begin += size;
  }
  return InternalFault(io::StrCat("row ", row, " of ", entry_.table_key, " was not added"));
}

absl::StatusOr<format::RecordBatch> TableLoader::LookupStaged(
    uint64_t row, const std::vector<std::string>& columns) const {
  dataset::StagedTransaction staged = *staged_;
  uint64_t begin = 0;
  for (const format::Fragment& fragment : *FragmentsOf(staged)) {
    if (row >= begin + fragment.physical_rows) {
      begin += fragment.physical_rows;
      continue;
    }
    const io::Location file =
        base_->branch_root().Child(io::StrCat("data/", fragment.files.at(0).path));
    OG_ASSIGN_OR_RETURN(const auto reader,
                        format::FileReader::Open(file, fragment.files[0].size_bytes));
    std::vector<format::ColumnRequest> requests;
    for (const format::ColumnRequest& request : reader->AllColumns()) {
      for (const std::string& column : columns) {
        if (request.field.name == column) requests.push_back(request);
      }
    }
    const uint64_t rows[] = {row - begin};
    OG_ASSIGN_OR_RETURN(const format::RecordBatch found, reader->Take(std::move(requests), rows));
    return Project(found, columns);
  }
  return InternalFault(io::StrCat("row ", row, " of ", entry_.table_key, " was not staged"));
}

}  // namespace og::engine::graph
