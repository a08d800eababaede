// What a probe of an index looks for: a set of values of one column, as ranges, and whether nulls
// belong to it. Conditions on the column become sets; AND, OR and NOT become operations on them.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "index/scalar/sort_key.h"

namespace og::index {

// A place between values: before or after a key, before all keys or after all.
struct Cut {
  enum class Place : uint8_t { kStart, kKey, kEnd };
  Place place = Place::kStart;
  SortKey key = {};
  bool after = false;
  friend auto operator<=>(const Cut&, const Cut&) = default;
  friend bool operator==(const Cut&, const Cut&) = default;
};

inline Cut StartCut() {
  return {};
}
inline Cut EndCut() {
  return {Cut::Place::kEnd, {}, false};
}
inline Cut Before(SortKey key) {
  return {Cut::Place::kKey, std::move(key), false};
}
inline Cut After(SortKey key) {
  return {Cut::Place::kKey, std::move(key), true};
}

// The values between two cuts. Never empty inside a ValueSet.
struct KeyRange {
  Cut low;
  Cut high;
  friend bool operator==(const KeyRange&, const KeyRange&) = default;
};

// Immutable; ranges ascend and do not touch.
class ValueSet {
 public:
  // Nothing at all.
  ValueSet() = default;

  static ValueSet Nulls();
  static ValueSet NotNull();
  // The values of `keys`, in any order.
  static ValueSet Points(std::vector<SortKey> keys);
  // Nothing if `low` is not before `high`.
  static ValueSet Range(Cut low, Cut high);
  // Values of bytes form that start with `prefix`.
  static ValueSet Prefix(std::string_view prefix);

  std::span<const KeyRange> ranges() const { return ranges_; }
  bool has_nulls() const { return has_nulls_; }
  bool empty() const { return ranges_.empty() && !has_nulls_; }

  ValueSet And(const ValueSet& other) const;
  ValueSet Or(const ValueSet& other) const;
  // The values that are not in the set; nulls are left out of it whether they were in or not, as
  // NOT of an unknown condition is unknown.
  ValueSet NotNullRest() const;

  bool Contains(const SortKey& key) const;
  // The first range that ends after `cut`: its position, or the number of ranges.
  size_t FirstEndingAfter(const Cut& cut) const;

  friend bool operator==(const ValueSet&, const ValueSet&) = default;

 private:
  std::vector<KeyRange> ranges_;
  bool has_nulls_ = false;
};

}  // namespace og::index
