// Upserts: the rows of a request are matched by key against one version.
#include <algorithm>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"

#include "engine/dataset/dataset_handle.h"
#include "engine/dataset/staging.h"
#include "engine/expr/expr.h"
#include "format/table/key_filter.h"
#include "io/base/status.h"
#include "io/base/status_macros.h"
#include "io/base/text.h"

namespace og::engine::dataset {
namespace {

using format::Array;
using format::RecordBatch;

// Up to this many keys are looked for by a filter, which reads the key column first and the
// addresses of matches only; more are matched against the whole key column.
constexpr size_t kKeysInFilterMax = 1024;

// A row of the table that a key matches.
struct Match {
  uint64_t address = 0;
  uint64_t row_id = 0;
};

// The key of row i as bytes that are equal for equal values of one type. REQUIRES: not null.
std::string KeyOf(const Array& keys, int64_t i) {
  if (keys.type->is_variable() || keys.type->id == format::TypeId::kFixedSizeBinary) {
    return std::string(keys.StringValue(i));
  }
  const auto width = static_cast<size_t>(keys.type->bit_width() / 8);
  return std::string(
      keys.values.view().substr(static_cast<size_t>(keys.offset + i) * width, width));
}

bool IsKeyType(const format::DataType& type) {
  return type.is_variable() || type.is_integer() || type.id == format::TypeId::kFixedSizeBinary ||
         type.id == format::TypeId::kDate32 || type.id == format::TypeId::kDate64 ||
         type.id == format::TypeId::kTimestamp;
}

}  // namespace

absl::StatusOr<StagedMerge> DatasetHandle::StageMerge(const MergeRequest& request) const {
  const format::LanceField* key_field = lance_schema().Find(request.key_column);
  if (key_field == nullptr) {
    return io::NotFoundError(io::StrCat("no column ", request.key_column));
  }
  const auto key_index = schema_->IndexOf(request.key_column);
  const format::TypePtr key_type = stored_schema_->fields[*key_index].type;
  if (!IsKeyType(*key_type)) {
    return io::InvalidArgumentError(
        io::StrCat("column ", request.key_column, " of type ", key_type->ToString(), " is no key"));
  }
  OG_ASSIGN_OR_RETURN(const RecordBatch rows, format::Collect(*request.rows));
  const format::ArrayPtr keys = rows.Column(request.key_column);
  if (keys == nullptr || !(*keys->type == *key_type)) {
    return io::InvalidArgumentError(
        io::StrCat("the rows have no column ", request.key_column, " of the table's type"));
  }

  // The first row of each key.
  StagedMerge result;
  absl::flat_hash_map<std::string, int64_t> first_rows;
  std::vector<int64_t> distinct;
  for (int64_t i = 0; i < rows.num_rows; ++i) {
    if (keys->IsNull(i)) {
      return io::InvalidArgumentError(io::StrCat("row ", i, " has no ", request.key_column));
    }
    if (first_rows.emplace(KeyOf(*keys, i), i).second) {
      distinct.push_back(i);
    } else {
      ++result.num_skipped_duplicates;
    }
  }

  // Which of them the table has.
  std::vector<std::optional<Match>> matches(static_cast<size_t>(rows.num_rows));
  ScanOptions scan;
  scan.columns = {request.key_column};
  scan.with_row_id = true;
  scan.with_row_address = true;
  if (distinct.size() <= kKeysInFilterMax) {
    scan.filter = expr::In(expr::Column(request.key_column), format::Take(*keys, distinct));
  }
  if (!distinct.empty() && num_rows_ > 0) {
    OG_ASSIGN_OR_RETURN(const auto stream, Scan(scan));
    while (true) {
      OG_ASSIGN_OR_RETURN(const std::optional<RecordBatch> batch, stream->Next());
      if (!batch) {
        break;
      }
      for (int64_t i = 0; i < batch->num_rows; ++i) {
        if (batch->columns[0]->IsNull(i)) {
          continue;
        }
        const auto found = first_rows.find(KeyOf(*batch->columns[0], i));
        if (found == first_rows.end()) {
          continue;
        }
        std::optional<Match>& match = matches[static_cast<size_t>(found->second)];
        if (match) {
          return io::FailedPreconditionError(
              io::StrCat("two rows of the table have the same ", request.key_column));
        }
        match = Match{.address = batch->columns[2]->Value<uint64_t>(i),
                      .row_id = batch->columns[1]->Value<uint64_t>(i)};
      }
    }
  }

  // Moved rows first, in the order of the request, then new ones.
  UpdateRequest update;
  update.write = request.write;
  std::vector<int64_t> order;
  for (const int64_t i : distinct) {
    const std::optional<Match>& match = matches[static_cast<size_t>(i)];
    if (match && request.when_matched == WhenMatched::kUpdateAll) {
      order.push_back(i);
      update.removed_addresses.push_back(match->address);
      update.moved_row_ids.push_back(match->row_id);
    }
  }
  result.num_updated = order.size();
  for (const int64_t i : distinct) {
    if (!matches[static_cast<size_t>(i)] &&
        request.when_not_matched == WhenNotMatched::kInsertAll) {
      order.push_back(i);
    }
  }
  result.num_inserted = order.size() - result.num_updated;

  const format::ArrayPtr inserted_keys =
      format::Take(*keys, std::span(order).subspan(result.num_updated));
  format::KeyExistenceFilter filter = format::MakeKeyFilter({key_field->id});
  format::AddKeys(*inserted_keys, filter);
  update.inserted_rows = std::move(filter);
  AppendFieldIds(lance_schema().fields, update.fields_for_preserving_frag_bitmap);
  const RecordBatch ordered = format::Take(rows, order);
  const auto stream = format::MakeStream(ordered.schema, {ordered});
  update.rows = order.empty() ? nullptr : stream.get();
  OG_ASSIGN_OR_RETURN(result.staged, StageUpdate(update));
  return result;
}

}  // namespace og::engine::dataset
