#include "engine/topology/grouped_ids.h"

#include <cstddef>
#include <span>

namespace og::engine::topology {
namespace {

using format::Array;
using format::TypeId;

// Whether value i is equal to the one before it.
bool IsRepeated(const Array& ids, int64_t i) {
  if (ids.IsNull(i) || ids.IsNull(i - 1)) return ids.IsNull(i) && ids.IsNull(i - 1);
  return ids.StringValue(i) == ids.StringValue(i - 1);
}

}  // namespace

std::vector<uint32_t> NumbersOfGrouped(const NodeIndex& index, const Array& ids) {
  std::vector<uint32_t> numbers(static_cast<size_t>(ids.length));
  if (ids.type->id == TypeId::kDictionary) {
    if (ids.null_count != 0 || ids.type->index_type->id != TypeId::kInt32) {
      return index.FindAll(ids);
    }
    const std::vector<uint32_t> of_entries = index.FindAll(*ids.dictionary);
    const std::span<const int32_t> entries = ids.Values<int32_t>();
    for (size_t i = 0; i < numbers.size(); ++i)
      numbers[i] = of_entries[static_cast<size_t>(entries[i])];
    return numbers;
  }
  std::vector<int64_t> starts;  // of runs of equal ids
  for (int64_t i = 0; i < ids.length; ++i) {
    if (i == 0 || !IsRepeated(ids, i)) starts.push_back(i);
    numbers[static_cast<size_t>(i)] = static_cast<uint32_t>(starts.size() - 1);
  }
  const std::vector<uint32_t> of_runs = index.FindAll(*Take(ids, starts));
  for (uint32_t& number : numbers)
    number = of_runs[number];
  return numbers;
}

}  // namespace og::engine::topology
