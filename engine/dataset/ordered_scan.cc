#include "engine/dataset/ordered_scan.h"

#include <algorithm>
#include <bit>
#include <compare>
#include <numeric>
#include <optional>
#include <span>
#include <string_view>
#include <utility>

#include "engine/dataset/dataset_handle.h"
#include "engine/dataset/output.h"
#include "engine/dataset/staging.h"
#include "engine/expr/expr.h"
#include "format/arrow/half.h"
#include "io/base/endian.h"
#include "io/base/status.h"
#include "io/base/status_macros.h"
#include "io/base/text.h"

namespace og::engine::dataset {
namespace {

using format::Array;
using format::ArrayPtr;
using format::RecordBatch;
using format::TypeId;

bool HasOrder(const format::DataType& type) {
  switch (type.id) {
    case TypeId::kStruct:
    case TypeId::kList:
    case TypeId::kLargeList:
    case TypeId::kFixedSizeList:
    case TypeId::kMap:
    case TypeId::kDictionary:
      return false;
    default:
      return true;
  }
}

// A signed number of `words` 64-bit words, least significant first.
std::strong_ordering CompareWide(const Array& a, int64_t i, const Array& b, int64_t j, int words) {
  const auto word = [words](const Array& array, int64_t row, int at) {
    return io::LoadLe<uint64_t>(array.values.data() +
                                static_cast<size_t>((array.offset + row) * words + at) * 8);
  };
  const auto high_a = static_cast<int64_t>(word(a, i, words - 1));
  const auto high_b = static_cast<int64_t>(word(b, j, words - 1));
  if (high_a != high_b) return high_a <=> high_b;
  for (int at = words - 2; at >= 0; --at) {
    if (word(a, i, at) != word(b, j, at)) return word(a, i, at) <=> word(b, j, at);
  }
  return std::strong_ordering::equal;
}

// Values of one type, none of them null.
std::strong_ordering CompareValues(const Array& a, int64_t i, const Array& b, int64_t j) {
  switch (a.type->id) {
    case TypeId::kBool:
      return a.BoolValue(i) <=> b.BoolValue(j);
    case TypeId::kInt8:
      return a.Value<int8_t>(i) <=> b.Value<int8_t>(j);
    case TypeId::kInt16:
      return a.Value<int16_t>(i) <=> b.Value<int16_t>(j);
    case TypeId::kInt32:
    case TypeId::kDate32:
    case TypeId::kTime32:
      return a.Value<int32_t>(i) <=> b.Value<int32_t>(j);
    case TypeId::kInt64:
    case TypeId::kDate64:
    case TypeId::kTime64:
    case TypeId::kTimestamp:
    case TypeId::kDuration:
      return a.Value<int64_t>(i) <=> b.Value<int64_t>(j);
    case TypeId::kUint8:
      return a.Value<uint8_t>(i) <=> b.Value<uint8_t>(j);
    case TypeId::kUint16:
      return a.Value<uint16_t>(i) <=> b.Value<uint16_t>(j);
    case TypeId::kUint32:
      return a.Value<uint32_t>(i) <=> b.Value<uint32_t>(j);
    case TypeId::kUint64:
      return a.Value<uint64_t>(i) <=> b.Value<uint64_t>(j);
    case TypeId::kFloat16:
      return std::strong_order(format::HalfToFloat(a.Value<uint16_t>(i)),
                               format::HalfToFloat(b.Value<uint16_t>(j)));
    case TypeId::kFloat32:
      return std::strong_order(a.Value<float>(i), b.Value<float>(j));
    case TypeId::kFloat64:
      return std::strong_order(a.Value<double>(i), b.Value<double>(j));
    case TypeId::kDecimal128:
      return CompareWide(a, i, b, j, 2);
    case TypeId::kDecimal256:
      return CompareWide(a, i, b, j, 4);
    case TypeId::kNull:
      return std::strong_ordering::equal;
    default:
      return a.StringValue(i) <=> b.StringValue(j);
  }
}

// Rows under consideration: values of the keys, and where each row lies.
class Candidates {
 public:
  Candidates(std::vector<SortKey> keys, uint64_t wanted)
      : keys_(std::move(keys)), wanted_(wanted) {}

  // `columns`: one a key.
  void Add(std::vector<ArrayPtr> columns, const Array& addresses) {
    for (int64_t i = 0; i < addresses.length; ++i) {
      rows_.push_back({batches_.size(), i, addresses.Value<uint64_t>(i)});
    }
    batches_.push_back(std::move(columns));
    constexpr uint64_t kRowsBeyondMin = 1 << 16;
    if (wanted_ < UINT64_MAX / 2 && rows_.size() > 2 * wanted_ + kRowsBeyondMin) Prune();
  }

  // Addresses of the first `wanted` rows in order.
  std::vector<uint64_t> Finish() {
    Prune();
    std::vector<uint64_t> addresses;
    addresses.reserve(rows_.size());
    for (const Row& row : rows_)
      addresses.push_back(row.address);
    return addresses;
  }

 private:
  struct Row {
    size_t batch;
    int64_t index;
    uint64_t address;
  };

  bool Less(const Row& a, const Row& b) const {
    for (size_t key = 0; key < keys_.size(); ++key) {
      const Array& left = *batches_[a.batch][key];
      const Array& right = *batches_[b.batch][key];
      const bool left_is_null = left.IsNull(a.index);
      const bool right_is_null = right.IsNull(b.index);
      if (left_is_null != right_is_null) return left_is_null == keys_[key].nulls_first;
      if (left_is_null) continue;
      const std::strong_ordering order = CompareValues(left, a.index, right, b.index);
      if (order != 0) return (order < 0) != keys_[key].descending;
    }
    return a.batch != b.batch ? a.batch < b.batch : a.index < b.index;
  }

  // Sorts, and lets go of rows beyond the wanted ones with the batches that only they need.
  void Prune() {
    const auto less = [this](const Row& a, const Row& b) { return Less(a, b); };
    if (rows_.size() > wanted_) {
      const auto end = rows_.begin() + static_cast<ptrdiff_t>(wanted_);
      std::partial_sort(rows_.begin(), end, rows_.end(), less);
      rows_.erase(end, rows_.end());
    } else {
      std::ranges::sort(rows_, less);
    }
    std::vector<bool> is_needed(batches_.size());
    for (const Row& row : rows_)
      is_needed[row.batch] = true;
    for (size_t i = 0; i < batches_.size(); ++i) {
      if (!is_needed[i]) batches_[i].clear();
    }
  }

  const std::vector<SortKey> keys_;
  const uint64_t wanted_;
  std::vector<std::vector<ArrayPtr>> batches_;
  std::vector<Row> rows_;
};

class OrderedStream : public format::BatchStream {
 public:
  OrderedStream(std::shared_ptr<const Dataset> dataset, TakeOptions options,
                std::vector<uint64_t> addresses, uint64_t batch_rows, RecordBatch none)
      : dataset_(std::move(dataset)),
        options_(std::move(options)),
        addresses_(std::move(addresses)),
        batch_rows_(batch_rows),
        schema_(none.schema) {}

  const format::SchemaPtr& schema() const override { return schema_; }

  absl::StatusOr<std::optional<RecordBatch>> Next() override {
    const size_t count = std::min<size_t>(batch_rows_, addresses_.size() - done_);
    if (count == 0) {
      return std::nullopt;
    }
    OG_ASSIGN_OR_RETURN(RecordBatch batch,
                        dataset_->Take(std::span(addresses_).subspan(done_, count), options_));
    done_ += count;
    return batch;
  }

 private:
  const std::shared_ptr<const Dataset> dataset_;
  const TakeOptions options_;
  const std::vector<uint64_t> addresses_;
  const uint64_t batch_rows_;
  const format::SchemaPtr schema_;
  size_t done_ = 0;
};

// What to take of the rows that come out.
TakeOptions TakeOptionsOf(const Dataset& dataset, const ScanOptions& options) {
  TakeOptions take{.columns = options.columns,
                   .with_row_id = options.with_row_id,
                   .with_row_address = options.with_row_address,
                   .blobs = options.blobs};
  if (options.with_created_at_version || options.with_last_updated_at_version) {
    if (!take.columns.has_value()) {
      take.columns.emplace();
      for (const format::LanceField& field : dataset.lance_schema().fields)
        take.columns->push_back(field.name);
    }
    if (options.with_created_at_version) take.columns->emplace_back(kCreatedAtColumn);
    if (options.with_last_updated_at_version) take.columns->emplace_back(kLastUpdatedAtColumn);
  }
  return take;
}

}  // namespace

absl::StatusOr<std::unique_ptr<format::BatchStream>> ScanOrdered(const Dataset& dataset,
                                                                 const ScanOptions& options,
                                                                 const std::vector<SortKey>& keys) {
  if (keys.empty()) {
    return io::InvalidArgumentError("an order without a column");
  }
  if (options.batch_rows <= 0) {
    return io::InvalidArgumentError(io::StrCat("batches of ", options.batch_rows, " rows"));
  }
  ScanOptions scan;
  scan.columns.emplace();
  std::vector<std::vector<std::string>> paths;
  for (const SortKey& key : keys) {
    scan.columns->push_back(key.column);
    std::vector<std::string>& path = paths.emplace_back();
    if (dataset.lance_schema().Find(key.column) != nullptr) {
      path.push_back(key.column);
      continue;
    }
    for (const std::string_view name : io::Split(key.column, '.'))
      path.emplace_back(name);
  }
  scan.filter = options.filter;
  scan.with_row_address = true;
  scan.batch_rows = 65536;
  scan.fragment_ids = options.fragment_ids;
  scan.threads = options.threads;
  scan.use_indices = options.use_indices;
  OG_ASSIGN_OR_RETURN(const auto rows, HandleOf(dataset).ScanStored(scan));
  uint64_t wanted = options.limit.value_or(UINT64_MAX);
  wanted = wanted > UINT64_MAX - options.offset ? UINT64_MAX : wanted + options.offset;
  Candidates candidates(keys, wanted);
  while (true) {
    OG_ASSIGN_OR_RETURN(const std::optional<RecordBatch> batch, rows->Next());
    if (!batch.has_value()) {
      break;
    }
    std::vector<ArrayPtr> columns;
    for (const auto& path : paths) {
      columns.push_back(format::DecodeDictionary(expr::FindColumn(*batch, path)));
      if (!HasOrder(*columns.back()->type)) {
        return io::InvalidArgumentError(io::StrCat("column ", io::Join(path, "."), " of type ",
                                                   columns.back()->type->ToString(),
                                                   " has no order"));
      }
    }
    candidates.Add(std::move(columns), *batch->columns.back());
  }
  std::vector<uint64_t> addresses = candidates.Finish();
  addresses.erase(addresses.begin(), addresses.begin() + static_cast<ptrdiff_t>(std::min<uint64_t>(
                                                             options.offset, addresses.size())));
  TakeOptions take = TakeOptionsOf(dataset, options);
  OG_ASSIGN_OR_RETURN(RecordBatch none, dataset.Take({}, take));
  return std::make_unique<OrderedStream>(
      dataset.shared_from_this(), std::move(take), std::move(addresses),
      static_cast<uint64_t>(options.batch_rows), std::move(none));
}

}  // namespace og::engine::dataset
