#include "engine/exec/group_table.h"

#include <cmath>
#include <limits>
#include <optional>
#include <type_traits>
#include <utility>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "engine/expr/expr.h"
#include "format/arrow/json.h"
#include "io/base/error_detail.h"
#include "io/base/status_macros.h"
#include "io/base/text.h"

namespace og::engine::exec {

using format::Array;
using format::ArrayPtr;
using format::TypePtr;
using query::AggregateFunction;

class Accumulator {
 public:
  virtual ~Accumulator() = default;
  // Groups are numbered from 0 without gaps.
  virtual void Grow(size_t num_groups) = 0;
  // Row i of `values` belongs to group groups[i]. `values` is null where rows are counted.
  virtual void Add(const Array* values, const std::vector<uint32_t>& groups) = 0;
  virtual ArrayPtr Finish() = 0;
  // Of values that live outside of the accumulator: texts.
  virtual uint64_t ValueBytes() const { return 0; }
};

namespace {

// Of a group beside its keys and of an aggregate of it: entries of hash tables and vectors.
constexpr uint64_t kBytesPerGroup = 96;
constexpr uint64_t kBytesPerAggregate = 40;

class Counter final : public Accumulator {
 public:
  void Grow(size_t num_groups) override { counts_.resize(num_groups); }
  void Add(const Array* values, const std::vector<uint32_t>& groups) override {
    for (size_t i = 0; i < groups.size(); ++i) {
      if (values == nullptr || values->IsValid(static_cast<int64_t>(i))) ++counts_[groups[i]];
    }
  }
  ArrayPtr Finish() override {
    format::FixedBuilder<int64_t> builder(format::Int64());
    for (const int64_t count : counts_)
      builder.Append(count);
    return builder.Finish();
  }

 private:
  std::vector<int64_t> counts_;
};

// Sum and average, in 64-bit floats. Values come as such.
class Summer final : public Accumulator {
 public:
  explicit Summer(bool averages) : averages_(averages) {}
  void Grow(size_t num_groups) override {
    sums_.resize(num_groups);
    counts_.resize(num_groups);
  }
  void Add(const Array* values, const std::vector<uint32_t>& groups) override {
    for (size_t i = 0; i < groups.size(); ++i) {
      if (values->IsNull(static_cast<int64_t>(i))) continue;
      sums_[groups[i]] += values->Value<double>(static_cast<int64_t>(i));
      ++counts_[groups[i]];
    }
  }
  ArrayPtr Finish() override {
    format::FixedBuilder<double> builder(format::Float64());
    for (size_t group = 0; group < sums_.size(); ++group) {
      if (counts_[group] == 0) {
        builder.AppendNull();
      } else {
        const auto count = static_cast<double>(counts_[group]);
        builder.Append(averages_ ? sums_[group] / count : sums_[group]);
      }
    }
    return builder.Finish();
  }

 private:
  bool averages_;
  std::vector<double> sums_;
  std::vector<int64_t> counts_;
};

// Whether value i of `array` is smaller (or greater) than `best`, by IEEE comparison.
template <typename T>
class Extreme final : public Accumulator {
 public:
  Extreme(TypePtr type, bool least) : type_(std::move(type)), least_(least) {}
  void Grow(size_t num_groups) override { best_.resize(num_groups); }
  void Add(const Array* values, const std::vector<uint32_t>& groups) override {
    for (size_t i = 0; i < groups.size(); ++i) {
      if (values->IsNull(static_cast<int64_t>(i))) continue;
      std::optional<T>& best = best_[groups[i]];
      if constexpr (std::is_same_v<T, std::string>) {
        const std::string_view value = values->StringValue(static_cast<int64_t>(i));
        if (best && (least_ ? value >= *best : value <= *best)) continue;
        text_bytes_ += value.size() - (best ? best->size() : 0);
        best = std::string(value);
      } else {
        const T value = values->Value<T>(static_cast<int64_t>(i));
        if (!best || (least_ ? value < *best : value > *best)) best = value;
      }
    }
  }
  ArrayPtr Finish() override {
    using Builder = std::conditional_t<std::is_same_v<T, std::string>, format::StringBuilder,
                                       format::FixedBuilder<T>>;
    Builder builder(type_);
    for (const std::optional<T>& best : best_) {
      best.has_value() ? builder.Append(*best) : builder.AppendNull();
    }
    return builder.Finish();
  }
  uint64_t ValueBytes() const override { return text_bytes_; }

 private:
  TypePtr type_;
  bool least_;
  std::vector<std::optional<T>> best_;
  uint64_t text_bytes_ = 0;
};

template <typename T>
void AppendBytes(const T& value, std::string& out) {
  out.append(reinterpret_cast<const char*>(&value), sizeof(value));
}

template <typename T>
void AppendFloat(T value, std::string& out) {
  AppendBytes(std::isnan(value) ? std::numeric_limits<T>::quiet_NaN() : value, out);
}

// Bytes that tell all values of one type apart, and null from each of them, whatever follows.
void AppendKey(const Array& values, int64_t row, std::string& out) {
  if (values.IsNull(row)) {
    out += '\0';
    return;
  }
  out += '\1';
  switch (values.type->id) {
    case format::TypeId::kUtf8: {
      const std::string_view text = values.StringValue(row);
      AppendBytes(static_cast<uint32_t>(text.size()), out);
      out += text;
      return;
    }
    case format::TypeId::kBool:
      out += values.BoolValue(row) ? '\1' : '\0';
      return;
    case format::TypeId::kInt32:
    case format::TypeId::kUint32:
    case format::TypeId::kDate32:
      return AppendBytes(values.Value<uint32_t>(row), out);
    case format::TypeId::kInt64:
    case format::TypeId::kUint64:
    case format::TypeId::kDate64:
      return AppendBytes(values.Value<uint64_t>(row), out);
    case format::TypeId::kFloat32:
      return AppendFloat(values.Value<float>(row), out);
    case format::TypeId::kFloat64:
      return AppendFloat(values.Value<double>(row), out);
    default:
      AppendJsonValue(values, row, out);
      out += ',';
  }
}

absl::Status Unsupported(AggregateFunction function, const TypePtr& type) {
  return io::DetailedError(
      {io::ErrorKind::kBadRequest, "", {}},
      io::StrCat(AggregateName(function), ": unsupported type ", type->ToString()));
}

absl::StatusOr<std::unique_ptr<Accumulator>> MakeExtreme(AggregateFunction function,
                                                         const TypePtr& type) {
  const bool least = function == AggregateFunction::kMin;
  switch (type->id) {
    case format::TypeId::kInt32:
      return std::make_unique<Extreme<int32_t>>(type, least);
    case format::TypeId::kInt64:
      return std::make_unique<Extreme<int64_t>>(type, least);
    case format::TypeId::kUint32:
      return std::make_unique<Extreme<uint32_t>>(type, least);
    case format::TypeId::kUint64:
      return std::make_unique<Extreme<uint64_t>>(type, least);
    case format::TypeId::kFloat32:
      return std::make_unique<Extreme<float>>(type, least);
    case format::TypeId::kFloat64:
      return std::make_unique<Extreme<double>>(type, least);
    case format::TypeId::kUtf8:
      return std::make_unique<Extreme<std::string>>(type, least);
    default:
      return Unsupported(function, type);
  }
}

absl::StatusOr<std::unique_ptr<Accumulator>> MakeAccumulator(const AggregateSpec& spec) {
  switch (spec.function) {
    case AggregateFunction::kCount:
      return std::make_unique<Counter>();
    case AggregateFunction::kSum:
    case AggregateFunction::kAvg:
      if (!spec.type->is_integer() && !spec.type->is_floating()) {
        return Unsupported(spec.function, spec.type);
      }
      return std::make_unique<Summer>(spec.function == AggregateFunction::kAvg);
    default:
      return MakeExtreme(spec.function, spec.type);
  }
}

bool AddsUp(AggregateFunction function) {
  return function == AggregateFunction::kSum || function == AggregateFunction::kAvg;
}

}  // namespace

GroupTable::~GroupTable() = default;

absl::StatusOr<std::unique_ptr<GroupTable>> GroupTable::Make(
    const std::vector<TypePtr>& key_types, const std::vector<AggregateSpec>& aggregates) {
  auto table = std::unique_ptr<GroupTable>(new GroupTable());
  for (const TypePtr& type : key_types)
    table->key_builders_.push_back(format::MakeBuilder(type));
  for (const AggregateSpec& spec : aggregates) {
    OG_ASSIGN_OR_RETURN(std::unique_ptr<Accumulator> accumulator, MakeAccumulator(spec));
    table->aggregates_.push_back({spec, std::move(accumulator)});
  }
  return table;
}

uint32_t GroupTable::GroupOf(const std::vector<ArrayPtr>& keys, int64_t row, int64_t row_number,
                             bool may_add) {
  text_.clear();
  for (const ArrayPtr& key : keys)
    AppendKey(*key, row, text_);
  if (!may_add) {
    const auto known = groups_.find(text_);
    return known == groups_.end() ? kNoGroup : known->second;
  }
  const auto [known, is_new] = groups_.try_emplace(text_, static_cast<uint32_t>(num_groups_));
  if (is_new) {
    ++num_groups_;
    first_rows_.push_back(row_number);
    key_bytes_ += 2 * text_.size();
    for (size_t i = 0; i < keys.size(); ++i)
      key_builders_[i]->AppendSlice(*keys[i], row, 1);
  }
  return known->second;
}

uint64_t GroupTable::last_hash() const {
  return XXH3_64bits(text_.data(), text_.size());
}

absl::Status GroupTable::Accumulate(const std::vector<ArrayPtr>& arguments,
                                    const std::vector<uint32_t>& groups) {
  for (size_t i = 0; i < aggregates_.size(); ++i) {
    Aggregate& aggregate = aggregates_[i];
    aggregate.accumulator->Grow(num_groups_);
    if (aggregate.spec.type == nullptr) {
      aggregate.accumulator->Add(nullptr, groups);
      continue;
    }
    ArrayPtr values = arguments[i];
    if (AddsUp(aggregate.spec.function)) {
      OG_ASSIGN_OR_RETURN(values, expr::Cast(values, format::Float64()));
    }
    aggregate.accumulator->Add(values.get(), groups);
  }
  return absl::OkStatus();
}

uint64_t GroupTable::MemoryBytes() const {
  uint64_t bytes =
      key_bytes_ + num_groups_ * (kBytesPerGroup + kBytesPerAggregate * aggregates_.size());
  for (const Aggregate& aggregate : aggregates_)
    bytes += aggregate.accumulator->ValueBytes();
  return bytes;
}

GroupTable::Columns GroupTable::Finish() {
  Columns columns;
  for (const auto& builder : key_builders_)
    columns.keys.push_back(builder->Finish());
  for (Aggregate& aggregate : aggregates_) {
    aggregate.accumulator->Grow(num_groups_);
    columns.aggregates.push_back(aggregate.accumulator->Finish());
  }
  format::FixedBuilder<int64_t> first_rows(format::Int64());
  for (const int64_t row : first_rows_)
    first_rows.Append(row);
  columns.first_rows = first_rows.Finish();
  return columns;
}

}  // namespace og::engine::exec
