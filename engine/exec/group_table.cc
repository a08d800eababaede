#include "engine/exec/group_table.h"

#include <algorithm>
#include <optional>
#include <utility>

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
  // Row i of `values` belongs to group groups[i].
  virtual absl::Status Add(const RowValues& values, std::span<const uint32_t> groups) = 0;
  // Gives up what it has as it goes.
  virtual ArrayPtr Finish() = 0;
  // Of values that live outside of the accumulator: texts.
  virtual uint64_t ValueBytes() const { return 0; }
};

namespace {

// Of a group beside its keys and of an aggregate of it: entries of hash tables and vectors.
constexpr uint64_t kBytesPerGroup = 96;
constexpr uint64_t kBytesPerAggregate = 40;

constexpr size_t kFirstSlots = 64;

// Bytes of texts that were replaced before those that are left are moved together.
constexpr uint64_t kReplacedBytesMin = uint64_t{1} << 20;

// Calls visit(value's place, group) for each row whose value is not null, in the order of the rows.
template <typename Visit>
void ForEachValue(const RowValues& values, std::span<const uint32_t> groups, const Visit& visit) {
  const Array& array = *values.values;
  if (array.null_count == 0) {
    for (size_t i = 0; i < groups.size(); ++i)
      visit(int64_t{values.rows[i]}, groups[i]);
    return;
  }
  for (size_t i = 0; i < groups.size(); ++i) {
    if (array.IsValid(values.rows[i])) visit(int64_t{values.rows[i]}, groups[i]);
  }
}

class Counter final : public Accumulator {
 public:
  void Grow(size_t num_groups) override { counts_.resize(num_groups); }
  absl::Status Add(const RowValues& values, std::span<const uint32_t> groups) override {
    if (values.values == nullptr) {
      for (const uint32_t group : groups)
        ++counts_[group];
    } else {
      ForEachValue(values, groups, [&](int64_t, uint32_t group) { ++counts_[group]; });
    }
    return absl::OkStatus();
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

// Sum and average of numbers of type T, in 64-bit floats. Sums of floats depend on the order in
// which they are added up, so that it is always that of the rows.
template <typename T>
class Summer final : public Accumulator {
 public:
  explicit Summer(bool averages) : averages_(averages) {}
  void Grow(size_t num_groups) override { totals_.resize(num_groups); }
  absl::Status Add(const RowValues& values, std::span<const uint32_t> groups) override {
    ForEachValue(values, groups, [&, &array = *values.values](int64_t at, uint32_t group) {
      totals_[group].sum += static_cast<double>(array.template Value<T>(at));
      ++totals_[group].count;
    });
    return absl::OkStatus();
  }
  ArrayPtr Finish() override {
    format::FixedBuilder<double> builder(format::Float64());
    for (const Total& total : totals_) {
      if (total.count == 0) {
        builder.AppendNull();
      } else {
        builder.Append(averages_ ? total.sum / static_cast<double>(total.count) : total.sum);
      }
    }
    return builder.Finish();
  }

 private:
  struct Total {
    double sum = 0;
    int64_t count = 0;
  };
  bool averages_;
  std::vector<Total> totals_;
};

// The smallest or greatest value by IEEE comparison.
template <typename T>
class Extreme final : public Accumulator {
 public:
  Extreme(TypePtr type, bool least) : type_(std::move(type)), least_(least) {}
  void Grow(size_t num_groups) override { best_.resize(num_groups); }
  absl::Status Add(const RowValues& values, std::span<const uint32_t> groups) override {
    ForEachValue(values, groups, [&, &array = *values.values](int64_t at, uint32_t group) {
      const T value = array.template Value<T>(at);
      std::optional<T>& best = best_[group];
      if (!best || (least_ ? value < *best : value > *best)) best = value;
    });
    return absl::OkStatus();
  }
  ArrayPtr Finish() override {
    format::FixedBuilder<T> builder(type_);
    for (const std::optional<T>& best : best_)
      best.has_value() ? builder.Append(*best) : builder.AppendNull();
    return builder.Finish();
  }

 private:
  TypePtr type_;
  bool least_;
  std::vector<std::optional<T>> best_;
};

// The first or last text in the order of its bytes.
class TextExtreme final : public Accumulator {
 public:
  TextExtreme(TypePtr type, bool least) : type_(std::move(type)), least_(least) {}
  void Grow(size_t num_groups) override { best_.resize(num_groups); }
  absl::Status Add(const RowValues& values, std::span<const uint32_t> groups) override {
    ForEachValue(values, groups, [&, &array = *values.values](int64_t at, uint32_t group) {
      const std::string_view value = array.StringValue(at);
      std::optional<std::span<char>>& best = best_[group];
      if (best && (least_ ? value >= ViewOf(*best) : value <= ViewOf(*best))) return;
      Replace(best, value);
    });
    if (replaced_bytes_ > std::max(kReplacedBytesMin, texts_.num_bytes() / 2)) MoveTogether();
    return absl::OkStatus();
  }
  ArrayPtr Finish() override {
    format::StringBuilder builder(type_);
    builder.Reserve(best_.size(), texts_.num_bytes() - replaced_bytes_);
    for (const std::optional<std::span<char>>& best : best_)
      best.has_value() ? builder.Append(ViewOf(*best)) : builder.AppendNull();
    return builder.Finish();
  }
  uint64_t ValueBytes() const override { return texts_.num_bytes(); }

 private:
  static std::string_view ViewOf(std::span<const char> text) { return {text.data(), text.size()}; }

  void Replace(std::optional<std::span<char>>& best, std::string_view value) {
    const size_t room = best.has_value() ? best->size() : 0;
    if (best.has_value() && value.size() <= room) {
      std::ranges::copy(value, best->begin());
      best = best->first(value.size());
      replaced_bytes_ += room - value.size();
    } else {
      best = texts_.Keep(value);
      replaced_bytes_ += room;
    }
  }

  void MoveTogether() {
    ByteBlocks together;
    for (std::optional<std::span<char>>& best : best_)
      if (best.has_value()) best = together.Keep(ViewOf(*best));
    texts_ = std::move(together);
    replaced_bytes_ = 0;
  }

  TypePtr type_;
  bool least_;
  std::vector<std::optional<std::span<char>>> best_;  // in texts_
  ByteBlocks texts_;
  uint64_t replaced_bytes_ = 0;  // of texts_, in no group any more
};

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
      return std::make_unique<TextExtreme>(type, least);
    default:
      return Unsupported(function, type);
  }
}

absl::StatusOr<std::unique_ptr<Accumulator>> MakeSummer(AggregateFunction function,
                                                        const TypePtr& type) {
  const bool averages = function == AggregateFunction::kAvg;
  switch (type->id) {
    case format::TypeId::kInt32:
      return std::make_unique<Summer<int32_t>>(averages);
    case format::TypeId::kInt64:
      return std::make_unique<Summer<int64_t>>(averages);
    case format::TypeId::kUint32:
      return std::make_unique<Summer<uint32_t>>(averages);
    case format::TypeId::kUint64:
      return std::make_unique<Summer<uint64_t>>(averages);
    case format::TypeId::kFloat32:
      return std::make_unique<Summer<float>>(averages);
    case format::TypeId::kFloat64:
      return std::make_unique<Summer<double>>(averages);
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
      return MakeSummer(spec.function, spec.type);
    default:
      return MakeExtreme(spec.function, spec.type);
  }
}

// Value `row` of `key`, from a dictionary if it has one, to a builder of plain values.
void AppendValue(const Array& key, int64_t row, format::ArrayBuilder& builder) {
  if (key.type->id != format::TypeId::kDictionary) {
    builder.AppendSlice(key, row, 1);
  } else if (key.IsNull(row)) {
    builder.AppendNull();
  } else {
    builder.AppendSlice(*key.dictionary, DictionaryIndex(key, row), 1);
  }
}

// Where slots for `hash` begin; its lower bits are the same for all groups of a spilled file.
size_t StartOf(uint64_t hash, size_t num_slots) {
  return static_cast<size_t>(hash >> 24) & (num_slots - 1);
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

void GroupTable::GrowSlots() {
  const std::vector<Slot> before =
      std::exchange(slots_, std::vector<Slot>(std::max(kFirstSlots, 2 * slots_.size())));
  for (const Slot& slot : before) {
    if (slot.group == kNoGroup) continue;
    size_t at = StartOf(slot.hash, slots_.size());
    while (slots_[at].group != kNoGroup)
      at = (at + 1) & (slots_.size() - 1);
    slots_[at] = slot;
  }
}

uint32_t GroupTable::GroupOf(const KeyGroups& rows, const KeyGroups::Group& group,
                             int64_t row_number, bool may_add) {
  if (2 * (num_groups_ + 1) > slots_.size()) GrowSlots();
  size_t at = StartOf(group.hash, slots_.size());
  for (; slots_[at].group != kNoGroup; at = (at + 1) & (slots_.size() - 1)) {
    if (slots_[at].hash == group.hash && key_bytes_[slots_[at].group] == group.bytes) {
      return slots_[at].group;
    }
  }
  if (!may_add) return kNoGroup;
  slots_[at] = {group.hash, static_cast<uint32_t>(num_groups_++)};
  const std::span<const char> key_bytes = blocks_.Keep(group.bytes);
  key_bytes_.emplace_back(key_bytes.data(), key_bytes.size());
  first_rows_.push_back(row_number);
  for (size_t key = 0; key < key_builders_.size(); ++key)
    AppendValue(*rows.keys()[key], group.row, *key_builders_[key]);
  return slots_[at].group;
}

absl::Status GroupTable::Accumulate(std::span<const RowValues> arguments,
                                    std::span<const uint32_t> groups) {
  for (size_t i = 0; i < aggregates_.size(); ++i) {
    Accumulator& accumulator = *aggregates_[i].accumulator;
    accumulator.Grow(num_groups_);
    OG_RETURN_IF_ERROR(accumulator.Add(arguments[i], groups));
  }
  return absl::OkStatus();
}

uint64_t GroupTable::MemoryBytes() const {
  uint64_t bytes = 2 * blocks_.num_bytes() +
                   num_groups_ * (kBytesPerGroup + kBytesPerAggregate * aggregates_.size());
  for (const Aggregate& aggregate : aggregates_)
    bytes += aggregate.accumulator->ValueBytes();
  return bytes;
}

bool GroupTable::full() const {
  return std::ranges::any_of(key_builders_, [](const auto& builder) { return builder->full(); }) ||
         std::ranges::any_of(aggregates_, [](const Aggregate& aggregate) {
           return aggregate.accumulator->ValueBytes() >= format::kBuilderBytesMax;
         });
}

GroupTable::Columns GroupTable::Finish() {
  slots_ = std::vector<Slot>();
  key_bytes_ = std::vector<std::string_view>();
  blocks_ = ByteBlocks();
  Columns columns;
  for (const auto& builder : key_builders_)
    columns.keys.push_back(builder->Finish());
  for (Aggregate& aggregate : aggregates_) {
    aggregate.accumulator->Grow(num_groups_);
    columns.aggregates.push_back(aggregate.accumulator->Finish());
    aggregate.accumulator.reset();
  }
  format::FixedBuilder<int64_t> first_rows(format::Int64());
  for (const int64_t row : first_rows_)
    first_rows.Append(row);
  columns.first_rows = first_rows.Finish();
  return columns;
}

}  // namespace og::engine::exec
