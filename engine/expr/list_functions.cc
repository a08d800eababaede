// Functions of lists.
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "engine/expr/functions.h"
#include "engine/expr/row_values.h"
#include "format/arrow/builder.h"
#include "io/base/error_detail.h"
#include "io/base/status.h"
#include "io/base/status_macros.h"
#include "io/base/text.h"

namespace og::engine::expr {
namespace {

using format::Array;
using format::ArrayPtr;
using format::TypeId;

struct Items {
  int64_t first = 0;
  int64_t count = 0;
};

Items ItemsAt(const Array& list, int64_t i) {
  if (list.type->id == TypeId::kFixedSizeList) {
    return {(list.offset + i) * list.type->list_size, list.type->list_size};
  }
  return {list.OffsetAt(i), list.OffsetAt(i + 1) - list.OffsetAt(i)};
}

ArrayPtr Lengths(const Array& list) {
  format::FixedBuilder<uint64_t> lengths(format::Uint64());
  for (int64_t i = 0; i < list.length; ++i) {
    list.IsNull(i) ? lengths.AppendNull()
                   : lengths.Append(static_cast<uint64_t>(ItemsAt(list, i).count));
  }
  return lengths.Finish();
}

absl::StatusOr<ArrayPtr> ItemsByNumber(const Array& list, const ArrayPtr& number) {
  OG_ASSIGN_OR_RETURN(const ArrayPtr numbers, Cast(number, format::Int64()));
  std::vector<int64_t> rows;
  for (int64_t i = 0; i < list.length; ++i) {
    int64_t row = -1;
    if (list.IsValid(i) && numbers->IsValid(i)) {
      const Items items = ItemsAt(list, i);
      const int64_t wanted = numbers->Value<int64_t>(i);
      if (wanted > 0 && wanted <= items.count) row = items.first + wanted - 1;
      if (wanted < 0 && -wanted <= items.count) row = items.first + items.count + wanted;
    }
    rows.push_back(row);
  }
  return Take(*list.children[0], rows);
}

// How many items of each row come before the place where a search starts.
absl::StatusOr<std::vector<int64_t>> Skipped(const Array& list, const ArrayPtr& start) {
  std::vector<int64_t> skipped(static_cast<size_t>(list.length), 0);
  if (start == nullptr) return skipped;
  OG_ASSIGN_OR_RETURN(const ArrayPtr starts, Cast(start, format::Int64()));
  for (int64_t i = 0; i < list.length; ++i) {
    if (list.IsNull(i)) continue;
    const int64_t first = starts->IsValid(i) ? starts->Value<int64_t>(i) : 0;
    if (first < 1 || first - 1 > ItemsAt(list, i).count) {
      return io::InvalidArgumentError(io::StrCat(
          "array_position: start ", first, " is outside of a list of ", ItemsAt(list, i).count));
    }
    skipped[static_cast<size_t>(i)] = first - 1;
  }
  return skipped;
}

absl::StatusOr<ArrayPtr> Positions(const Array& list, const ArrayPtr& item, const ArrayPtr& start) {
  OG_ASSIGN_OR_RETURN(const std::vector<int64_t> skipped, Skipped(list, start));
  std::vector<int64_t> items;
  std::vector<int64_t> rows;
  for (int64_t i = 0; i < list.length; ++i) {
    if (list.IsNull(i)) continue;
    const Items all = ItemsAt(list, i);
    for (int64_t k = skipped[static_cast<size_t>(i)]; k < all.count; ++k) {
      items.push_back(all.first + k);
      rows.push_back(i);
    }
  }
  const ArrayPtr pair[] = {Take(*list.children[0], items), Take(*item, rows)};
  OG_ASSIGN_OR_RETURN(const std::vector<ArrayPtr> values, OfOneType(pair, "array_position"));
  OG_ASSIGN_OR_RETURN(const std::vector<bool> equal,
                      CompareArrays(CompareOp::kEq, values[0], values[1]));
  std::vector<int64_t> found(static_cast<size_t>(list.length), 0);
  for (size_t at = 0; at < items.size(); ++at) {
    const auto k = static_cast<int64_t>(at);
    const bool both_null = values[0]->IsNull(k) && values[1]->IsNull(k);
    int64_t& position = found[static_cast<size_t>(rows[at])];
    if (position == 0 && (equal[at] || both_null)) {
      position = items[at] - ItemsAt(list, rows[at]).first + 1;
    }
  }
  format::FixedBuilder<uint64_t> positions(format::Uint64());
  for (const int64_t position : found)
    position == 0 ? positions.AppendNull() : positions.Append(static_cast<uint64_t>(position));
  return positions.Finish();
}

absl::StatusOr<ArrayPtr> Texts(const Array& list, const ArrayPtr& separator, const ArrayPtr& null) {
  OG_ASSIGN_OR_RETURN(const ArrayPtr items, AsText(list.children[0]));
  OG_ASSIGN_OR_RETURN(const ArrayPtr separators, AsText(separator));
  ArrayPtr nulls;
  if (null != nullptr) {
    OG_ASSIGN_OR_RETURN(nulls, AsText(null));
  }
  TextRows texts(format::Utf8());
  for (int64_t i = 0; i < list.length; ++i) {
    if (list.IsNull(i) || separators->IsNull(i)) {
      texts.AppendNull();
      continue;
    }
    const Items all = ItemsAt(list, i);
    std::string text;
    bool is_first = true;
    for (int64_t k = all.first; k < all.first + all.count; ++k) {
      const bool is_null = items->IsNull(k);
      if (is_null && (nulls == nullptr || nulls->IsNull(i))) continue;
      if (!is_first) text += separators->StringValue(i);
      text += is_null ? nulls->StringValue(i) : items->StringValue(k);
      is_first = false;
    }
    OG_RETURN_IF_ERROR(texts.Append(text));
  }
  return texts.Finish();
}

// The item of each row for which `op` holds beside the others; nulls do not count.
absl::StatusOr<ArrayPtr> Extreme(const Array& list, CompareOp op) {
  std::vector<int64_t> best(static_cast<size_t>(list.length), -1);
  const Array& items = *list.children[0];
  for (int64_t k = 0;; ++k) {
    std::vector<int64_t> rows;
    std::vector<int64_t> candidates;
    std::vector<int64_t> former;
    for (int64_t i = 0; i < list.length; ++i) {
      if (list.IsNull(i) || ItemsAt(list, i).count <= k) continue;
      rows.push_back(i);
      candidates.push_back(ItemsAt(list, i).first + k);
      former.push_back(best[static_cast<size_t>(i)]);
    }
    if (rows.empty()) return Take(items, best);
    const ArrayPtr candidate = Take(items, candidates);
    OG_ASSIGN_OR_RETURN(const std::vector<bool> better,
                        CompareArrays(op, candidate, Take(items, former)));
    for (size_t at = 0; at < rows.size(); ++at) {
      const bool is_first = former[at] < 0 && candidate->IsValid(static_cast<int64_t>(at));
      if (better[at] || is_first) best[static_cast<size_t>(rows[at])] = candidates[at];
    }
  }
}

}  // namespace

absl::StatusOr<ArrayPtr> CallListFunction(Function function, std::span<const ArrayPtr> args) {
  const Array& list = *args[0];
  if (!list.type->is_list() && list.type->id != TypeId::kFixedSizeList) {
    return io::DetailedError({io::ErrorKind::kBadRequest, "", {}},
                             io::StrCat(FunctionName(function), " of ", list.type->ToString()));
  }
  const ArrayPtr third = args.size() > 2 ? args[2] : nullptr;
  switch (function) {
    case Function::kListLength:
      return Lengths(list);
    case Function::kListItem:
      return ItemsByNumber(list, args[1]);
    case Function::kListPosition:
      return Positions(list, args[1], third);
    case Function::kListText:
      return Texts(list, args[1], third);
    case Function::kListMax:
      return Extreme(list, CompareOp::kGt);
    case Function::kListMin:
      return Extreme(list, CompareOp::kLt);
    default:
      return MakeBools(args, [&](int64_t i) { return ItemsAt(list, i).count == 0; });
  }
}

}  // namespace og::engine::expr
