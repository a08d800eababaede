#include "engine/exec/hash_join.h"

#include <algorithm>
#include <set>
#include <utility>

namespace og::engine::exec {
namespace {

using format::Array;
using format::ArrayPtr;
using format::DataType;
using format::TypeId;

bool IsNumber(const DataType& type) {
  return type.is_integer() || type.id == TypeId::kDate32 || type.id == TypeId::kDate64 ||
         type.id == TypeId::kTimestamp;
}

int64_t NumberAt(const Array& values, int64_t i) {
  switch (values.type->bit_width()) {
    case 8:
      return values.Value<int8_t>(i);
    case 16:
      return values.Value<int16_t>(i);
    case 32:
      return values.Value<int32_t>(i);
    default:
      return values.Value<int64_t>(i);
  }
}

// The variables that `steps` bind.
std::set<std::string, std::less<>> BoundBy(std::span<const query::PlanStep> steps) {
  std::set<std::string, std::less<>> names;
  for (const query::PlanStep& step : steps) {
    if (const auto* scan = std::get_if<query::NodeScan>(&step.value)) names.insert(scan->variable);
    if (const auto* expand = std::get_if<query::Expand>(&step.value)) {
      names.insert(expand->destination);
      if (expand->edge_binding.has_value()) names.insert(*expand->edge_binding);
    }
  }
  return names;
}

}  // namespace

std::optional<JoinKey> JoinKeyOf(std::span<const query::PlanStep> steps, size_t at) {
  const std::string& scanned = std::get<query::NodeScan>(steps[at].value).variable;
  const auto not_before = BoundBy(steps.subspan(at));
  for (const query::PlanStep& step : steps.subspan(at + 1)) {
    const auto* const filter = std::get_if<query::FilterRows>(&step.value);
    if (filter == nullptr || filter->predicate.op != query::CompareOp::kEqual) continue;
    const query::Expr* mine = &filter->predicate.left;
    const query::Expr* other = &filter->predicate.right;
    if (mine->kind != query::ExprKind::kProperty || other->kind != query::ExprKind::kProperty) {
      continue;
    }
    if (mine->variable != scanned) std::swap(mine, other);
    if (mine->variable != scanned || not_before.contains(other->variable)) continue;
    return JoinKey{other->variable, other->property, mine->property};
  }
  return std::nullopt;
}

std::optional<JoinTable> JoinTable::Make(const ArrayPtr& values) {
  JoinTable table;
  table.values_ = format::DecodeDictionary(values);
  const Array& column = *table.values_;
  table.next_.assign(static_cast<size_t>(column.length), kEnd);
  const auto fill = [&](auto& firsts, const auto& key_at) {
    firsts.reserve(static_cast<size_t>(column.length));
    for (int64_t i = column.length; i-- > 0;) {
      if (column.IsNull(i)) continue;
      const auto [known, is_new] = firsts.try_emplace(key_at(i), kEnd);
      table.next_[static_cast<size_t>(i)] = known->second;
      known->second = static_cast<uint32_t>(i);
    }
  };
  if (IsNumber(*column.type)) {
    fill(table.firsts_.emplace<Numbers>(), [&](int64_t i) { return NumberAt(column, i); });
  } else if (column.type->id == TypeId::kUtf8 || column.type->id == TypeId::kLargeUtf8) {
    fill(table.firsts_.emplace<Texts>(), [&](int64_t i) { return column.StringValue(i); });
  } else {
    return std::nullopt;
  }
  return table;
}

uint64_t JoinTable::MemoryBytes() const {
  constexpr uint64_t kBytesPerKey = 32;  // at three quarters of the places
  const size_t num_keys = std::visit([](const auto& firsts) { return firsts.size(); }, firsts_);
  return num_keys * kBytesPerKey + next_.size() * sizeof(uint32_t);
}

uint32_t JoinTable::First(const Array& other, int64_t i) const {
  const auto find = [](const auto& firsts, const auto& key) {
    const auto known = firsts.find(key);
    return known == firsts.end() ? kEnd : known->second;
  };
  if (const auto* const numbers = std::get_if<Numbers>(&firsts_)) {
    return find(*numbers, NumberAt(other, i));
  }
  return find(std::get<Texts>(firsts_), other.StringValue(i));
}

}  // namespace og::engine::exec
