#include "engine/graph/merge/row_values.h"

#include <algorithm>
#include <utility>

#include "engine/graph/errors.h"
#include "engine/graph/export/record_lines.h"
#include "io/base/status_macros.h"

namespace og::engine::graph {
namespace {

bool IsNullIn(const format::ArrayPtr& column, int64_t i) {
  return column == nullptr || column->IsNull(i);
}

bool ValuesEqual(const format::ArrayPtr& a, int64_t i, const format::ArrayPtr& b, int64_t j) {
  if (IsNullIn(a, i) || IsNullIn(b, j)) return IsNullIn(a, i) && IsNullIn(b, j);
  return format::Equal(*format::Slice(a, i, 1), *format::Slice(b, j, 1));
}

class RowStream final : public format::BatchStream {
 public:
  RowStream(dataset::DatasetPtr dataset, std::vector<uint64_t> addresses)
      : dataset_(std::move(dataset)), addresses_(std::move(addresses)) {}

  const format::SchemaPtr& schema() const override { return dataset_->schema(); }

  absl::StatusOr<std::optional<format::RecordBatch>> Next() override {
    if (at_ == addresses_.size()) return std::nullopt;
    const size_t size = std::min(kRowsOfChunk, addresses_.size() - at_);
    OG_ASSIGN_OR_RETURN(format::RecordBatch batch,
                        TakeRows(*dataset_, std::span(addresses_).subspan(at_, size), {}));
    at_ += size;
    return batch;
  }

 private:
  const dataset::DatasetPtr dataset_;
  const std::vector<uint64_t> addresses_;
  size_t at_ = 0;
};

}  // namespace

absl::StatusOr<format::RecordBatch> TakeRows(const dataset::Dataset& dataset,
                                             std::span<const uint64_t> addresses,
                                             const std::vector<std::string>& columns) {
  dataset::TakeOptions options;
  if (!columns.empty()) options.columns = columns;
  absl::StatusOr<format::RecordBatch> rows = dataset.Take(addresses, options);
  OG_RETURN_IF_ERROR(FromStorage(rows.status()));
  return rows;
}

absl::StatusOr<std::vector<std::string>> TakeIds(const dataset::Dataset& dataset,
                                                 std::span<const uint64_t> addresses) {
  std::vector<std::string> ids;
  if (addresses.empty()) return ids;
  OG_ASSIGN_OR_RETURN(const format::RecordBatch rows, TakeRows(dataset, addresses, {"id"}));
  ids.reserve(addresses.size());
  for (int64_t i = 0; i < rows.num_rows; ++i)
    ids.emplace_back(rows.columns[0]->StringValue(i));
  return ids;
}

bool RowsEqual(const format::RecordBatch& a, int64_t i, const format::RecordBatch& b, int64_t j) {
  for (size_t c = 0; c < a.columns.size(); ++c) {
    if (!ValuesEqual(a.columns[c], i, b.Column(a.schema->fields[c].name), j)) return false;
  }
  for (size_t c = 0; c < b.columns.size(); ++c) {
    if (a.Column(b.schema->fields[c].name) == nullptr && !b.columns[c]->IsNull(j)) return false;
  }
  return true;
}

absl::StatusOr<std::string> JsonOf(const format::Array& column, int64_t i) {
  std::string json;
  const absl::Status written = AppendColumnValue(column, i, json);
  OG_RETURN_IF_ERROR(FromStorage(written));
  return json;
}

std::unique_ptr<format::BatchStream> StreamRows(dataset::DatasetPtr dataset,
                                                std::vector<uint64_t> addresses) {
  return std::make_unique<RowStream>(std::move(dataset), std::move(addresses));
}

}  // namespace og::engine::graph
