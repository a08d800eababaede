#include "index/scalar/value_set.h"

#include <algorithm>
#include <optional>

namespace og::index {
namespace {

// The smallest bytes above all that start with `prefix`; nullopt if there are none.
std::optional<std::string> Successor(std::string prefix) {
  while (!prefix.empty() && prefix.back() == '\xff') {
    prefix.pop_back();
  }
  if (prefix.empty()) return std::nullopt;
  prefix.back() = static_cast<char>(static_cast<unsigned char>(prefix.back()) + 1);
  return prefix;
}

}  // namespace

ValueSet ValueSet::Nulls() {
  ValueSet set;
  set.has_nulls_ = true;
  return set;
}

ValueSet ValueSet::NotNull() {
  return Range(StartCut(), EndCut());
}

ValueSet ValueSet::Range(Cut low, Cut high) {
  ValueSet set;
  if (low < high) set.ranges_.push_back({std::move(low), std::move(high)});
  return set;
}

ValueSet ValueSet::Points(std::vector<SortKey> keys) {
  std::ranges::sort(keys);
  keys.erase(std::ranges::unique(keys).begin(), keys.end());
  ValueSet set;
  set.ranges_.reserve(keys.size());
  for (SortKey& key : keys) {
    Cut low = Before(key);
    set.ranges_.push_back({std::move(low), After(std::move(key))});
  }
  return set;
}

ValueSet ValueSet::Prefix(std::string_view prefix) {
  std::optional<std::string> end = Successor(std::string(prefix));
  return Range(Before({0, std::string(prefix)}), end ? Before({0, *std::move(end)}) : EndCut());
}

ValueSet ValueSet::And(const ValueSet& other) const {
  ValueSet both;
  both.has_nulls_ = has_nulls_ && other.has_nulls_;
  for (size_t a = 0, b = 0; a < ranges_.size() && b < other.ranges_.size();) {
    const Cut& low = std::max(ranges_[a].low, other.ranges_[b].low);
    const Cut& high = std::min(ranges_[a].high, other.ranges_[b].high);
    if (low < high) both.ranges_.push_back({low, high});
    ++(ranges_[a].high < other.ranges_[b].high ? a : b);
  }
  return both;
}

ValueSet ValueSet::Or(const ValueSet& other) const {
  std::vector<KeyRange> all;
  all.reserve(ranges_.size() + other.ranges_.size());
  std::merge(ranges_.begin(), ranges_.end(), other.ranges_.begin(), other.ranges_.end(),
             std::back_inserter(all),
             [](const KeyRange& x, const KeyRange& y) { return x.low < y.low; });
  ValueSet either;
  either.has_nulls_ = has_nulls_ || other.has_nulls_;
  for (KeyRange& range : all) {
    if (!either.ranges_.empty() && range.low <= either.ranges_.back().high) {
      Cut& high = either.ranges_.back().high;
      high = std::max(high, std::move(range.high));
    } else {
      either.ranges_.push_back(std::move(range));
    }
  }
  return either;
}

ValueSet ValueSet::NotNullRest() const {
  ValueSet rest;
  Cut from = StartCut();
  for (const KeyRange& range : ranges_) {
    if (from < range.low) rest.ranges_.push_back({from, range.low});
    from = range.high;
  }
  if (from < EndCut()) rest.ranges_.push_back({std::move(from), EndCut()});
  return rest;
}

bool ValueSet::Contains(const SortKey& key) const {
  const Cut before = Before(key);
  const size_t at = FirstEndingAfter(before);
  return at < ranges_.size() && ranges_[at].low <= before;
}

size_t ValueSet::FirstEndingAfter(const Cut& cut) const {
  return static_cast<size_t>(
      std::ranges::upper_bound(ranges_, cut, {},
                               [](const KeyRange& range) -> const Cut& { return range.high; }) -
      ranges_.begin());
}

}  // namespace og::index
