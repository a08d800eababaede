#include "engine/exec/result_rows.h"

#include <utility>

#include "io/base/status_macros.h"

namespace og::engine::exec {
namespace {

uint64_t BytesOf(const std::vector<format::ArrayPtr>& arrays) {
  uint64_t bytes = 0;
  for (const format::ArrayPtr& array : arrays)
    bytes += array->MemoryBytes();
  return bytes;
}

}  // namespace

ResultRows::ResultRows(const ExecContext& context, std::vector<std::string> names,
                       std::vector<format::TypePtr> types)
    : context_(context),
      names_(std::move(names)),
      types_(std::move(types)),
      memory_(context.tables.budget()) {}

absl::Status ResultRows::Append(std::vector<format::ArrayPtr> columns) {
  num_rows_ += static_cast<uint64_t>(columns[0]->length);
  OG_RETURN_IF_ERROR(context_.CheckRows(num_rows_));
  if (spilled_ != nullptr) return Spill(std::move(columns));
  const absl::Status reserved = memory_.Add(BytesOf(columns));
  if (reserved.ok()) {
    batches_.push_back(std::move(columns));
    return absl::OkStatus();
  }
  if (!context_.options.spill_result || !absl::IsResourceExhausted(reserved)) return reserved;
  return Spill(std::move(columns));
}

absl::Status ResultRows::Spill(std::vector<format::ArrayPtr> columns) {
  if (spilled_ == nullptr) {
    auto schema = std::make_shared<format::Schema>();
    for (size_t i = 0; i < names_.size(); ++i)
      schema->fields.push_back({names_[i], types_[i], true, {}});
    OG_ASSIGN_OR_RETURN(spilled_, BatchSpill::Create(std::move(schema)));
  }
  const int64_t num_rows = columns[0]->length;
  return spilled_->Append({spilled_->schema(), num_rows, std::move(columns)});
}

QueryResult ResultRows::Finish() {
  auto schema = std::make_shared<format::Schema>();
  for (size_t column = 0; column < names_.size(); ++column) {
    bool has_null = spilled_ != nullptr && spilled_->has_null(column);
    for (const auto& batch : batches_)
      has_null = has_null || batch[column]->null_count != 0;
    schema->fields.push_back({names_[column], types_[column], has_null, {}});
  }
  QueryResult result{.schema = schema, .batches = {}, .spilled = std::move(spilled_)};
  for (std::vector<format::ArrayPtr>& columns : batches_) {
    const int64_t num_rows = columns[0]->length;
    result.batches.push_back({schema, num_rows, std::move(columns)});
  }
  return result;
}

}  // namespace og::engine::exec
