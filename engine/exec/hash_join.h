// Equality with something bound before, for a scan that crosses many rows with many nodes: only
// pairs of equal values are made. The comparison itself follows as a filter, which decides.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "absl/container/flat_hash_map.h"

#include "engine/query/plan.h"
#include "format/arrow/array.h"

namespace og::engine::exec {

// `property` of the scanned node is equal to `bound_property` of `bound`.
struct JoinKey {
  std::string bound;
  std::string bound_property;
  std::string property;
};

// An equality that every row of the scan steps[at] has to pass later on; nullopt if there is none.
std::optional<JoinKey> JoinKeyOf(std::span<const query::PlanStep> steps, size_t at);

// Positions of equal values of a column.
class JoinTable {
 public:
  // nullopt for types whose values are not equal exactly if their bytes are.
  static std::optional<JoinTable> Make(const format::ArrayPtr& values);

  const format::DataType& type() const { return *values_->type; }
  uint64_t MemoryBytes() const;

  // Calls f with the positions of the values that are equal to value `i` of `other`, ascending. A
  // null equals nothing. REQUIRES: `other` is of type().
  template <typename F>
  void ForEachEqual(const format::Array& other, int64_t i, const F& f) const {
    if (other.IsNull(i)) return;
    for (uint32_t at = First(other, i); at != kEnd; at = next_[at])
      f(at);
  }

 private:
  static constexpr uint32_t kEnd = ~uint32_t{0};
  using Texts = absl::flat_hash_map<std::string_view, uint32_t>;  // into values_
  using Numbers = absl::flat_hash_map<int64_t, uint32_t>;

  JoinTable() = default;
  uint32_t First(const format::Array& other, int64_t i) const;

  format::ArrayPtr values_;
  std::variant<Numbers, Texts> firsts_;
  std::vector<uint32_t> next_;  // by position
};

}  // namespace og::engine::exec
