#include "engine/exec/order.h"

#include <algorithm>
#include <bit>
#include <functional>
#include <limits>
#include <numeric>
#include <string_view>

#include "io/base/error_detail.h"
#include "io/base/text.h"

namespace og::engine::exec {
namespace {

using format::Array;
using format::TypeId;

constexpr uint64_t kSignBit = uint64_t{1} << 63;

uint64_t OfSigned(int64_t value) {
  return static_cast<uint64_t>(value) ^ kSignBit;
}

uint64_t OfDouble(double value) {
  if (value != value) return ~uint64_t{0};
  const auto bits = std::bit_cast<uint64_t>(value);
  return (bits & kSignBit) != 0 ? ~bits : bits | kSignBit;
}

// The first 8 bytes of a text as a number in the same order.
uint64_t OfText(std::string_view text) {
  uint64_t prefix = 0;
  for (size_t i = 0; i < 8; ++i) {
    prefix = (prefix << 8) | (i < text.size() ? static_cast<uint8_t>(text[i]) : 0);
  }
  return prefix;
}

// Calls visit(prefix_of), where prefix_of(i) is a number in the order of the values; texts may be
// equal in it and still differ.
template <typename Visit>
auto WithPrefixes(const Array& array, const Visit& visit) {
  const auto of_signed = [&]<typename T>(T) {
    return visit([&](int64_t i) { return OfSigned(array.Value<T>(i)); });
  };
  const auto of_unsigned = [&]<typename T>(T) {
    return visit([&](int64_t i) { return uint64_t{array.Value<T>(i)}; });
  };
  switch (array.type->id) {
    case TypeId::kBool:
      return visit([&](int64_t i) { return uint64_t{array.BoolValue(i)}; });
    case TypeId::kInt8:
      return of_signed(int8_t{});
    case TypeId::kInt16:
      return of_signed(int16_t{});
    case TypeId::kInt32:
    case TypeId::kDate32:
      return of_signed(int32_t{});
    case TypeId::kUint8:
      return of_unsigned(uint8_t{});
    case TypeId::kUint16:
      return of_unsigned(uint16_t{});
    case TypeId::kUint32:
      return of_unsigned(uint32_t{});
    case TypeId::kUint64:
      return of_unsigned(uint64_t{});
    case TypeId::kFloat32:
      return visit([&](int64_t i) { return OfDouble(array.Value<float>(i)); });
    case TypeId::kFloat64:
      return visit([&](int64_t i) { return OfDouble(array.Value<double>(i)); });
    case TypeId::kUtf8:
    case TypeId::kLargeUtf8:
      return visit([&](int64_t i) { return OfText(array.StringValue(i)); });
    default:
      return of_signed(int64_t{});
  }
}

uint64_t PrefixOf(const Array& array, int64_t i) {
  return WithPrefixes(array, [i](const auto& prefix_of) { return prefix_of(i); });
}

// Calls visit(row, prefix) for each row of `rows`, prefixes in the direction of the order: nulls
// come first, or last if descending.
template <typename Visit>
void ForEachPrefix(const Array& array, bool descending, const std::vector<int64_t>& rows,
                   const Visit& visit) {
  const uint64_t flip = descending ? UINT64_MAX : 0;
  WithPrefixes(array, [&](const auto& prefix_of) {
    for (const int64_t row : rows) {
      const bool is_null = array.null_count != 0 && array.IsNull(row);
      visit(row, (is_null ? 0 : prefix_of(row)) ^ flip);
    }
  });
}

bool IsText(const Array& array) {
  return array.type->is_variable();
}

// A key made ready: prefixes in the direction of the order.
struct Column {
  const Array* values;
  bool descending;
  std::vector<uint64_t> prefixes;

  // Negative, zero or positive as row a comes before, with or after row b.
  int Compare(int64_t a, int64_t b) const {
    const uint64_t x = prefixes[static_cast<size_t>(a)];
    const uint64_t y = prefixes[static_cast<size_t>(b)];
    if (x != y) return x < y ? -1 : 1;
    const bool a_null = values->null_count != 0 && values->IsNull(a);
    const bool b_null = values->null_count != 0 && values->IsNull(b);
    int order = static_cast<int>(b_null) - static_cast<int>(a_null);
    if (order == 0 && !a_null && IsText(*values)) {
      order = values->StringValue(a).compare(values->StringValue(b));
    }
    return descending ? -order : order;
  }
};

// With the prefixes of `rows`; others are never compared.
Column Prepare(const SortKey& key, const std::vector<int64_t>& rows) {
  Column column{key.values.get(), key.descending, {}};
  column.prefixes.resize(static_cast<size_t>(key.values->length));
  ForEachPrefix(*key.values, key.descending, rows, [&](int64_t row, uint64_t prefix) {
    column.prefixes[static_cast<size_t>(row)] = prefix;
  });
  return column;
}

// Leaves out of `rows` those that the first key alone puts behind the first `limit`.
void KeepCandidates(const Column& first, uint64_t limit, std::vector<int64_t>& rows) {
  std::vector<uint64_t> prefixes = first.prefixes;
  const auto last = prefixes.begin() + static_cast<std::ptrdiff_t>(limit - 1);
  std::nth_element(prefixes.begin(), last, prefixes.end());
  std::erase_if(rows, [&, bound = *last](int64_t row) {
    return first.prefixes[static_cast<size_t>(row)] > bound;
  });
}

// The keys made ready, and in `rows` all of `num_rows` rows but some that the first key puts behind
// the first `limit`.
std::vector<Column> PrepareAll(const std::vector<SortKey>& keys, int64_t num_rows,
                               std::optional<uint64_t> limit, std::vector<int64_t>& rows) {
  rows.resize(static_cast<size_t>(num_rows));
  std::iota(rows.begin(), rows.end(), 0);
  const bool is_cut = limit.has_value() && *limit > 0 && *limit < rows.size();
  std::vector<Column> columns;
  for (const SortKey& key : keys) {
    columns.push_back(Prepare(key, rows));
    if (is_cut && columns.size() == 1) KeepCandidates(columns[0], *limit, rows);
  }
  return columns;
}

// Negative, zero or positive as row a comes before, with or after row b.
int Compare(const std::vector<Column>& columns, int64_t a, int64_t b) {
  for (const Column& column : columns) {
    const int order = column.Compare(a, b);
    if (order != 0) return order;
  }
  return 0;
}

}  // namespace

absl::Status CheckSortable(const format::DataType& type) {
  const bool sortable = type.id == TypeId::kBool || type.is_integer() ||
                        type.id == TypeId::kFloat32 || type.id == TypeId::kFloat64 ||
                        type.id == TypeId::kDate32 || type.id == TypeId::kDate64 ||
                        type.id == TypeId::kTimestamp || type.is_variable();
  if (sortable) return absl::OkStatus();
  return io::DetailedError({io::ErrorKind::kBadRequest, "", {}},
                           io::StrCat("cannot order by a value of type ", type.ToString()));
}

std::vector<int64_t> SortRows(const std::vector<SortKey>& keys, int64_t num_rows,
                              std::optional<uint64_t> limit) {
  std::vector<int64_t> rows;
  const std::vector<Column> columns = PrepareAll(keys, num_rows, limit, rows);
  const auto before = [&](int64_t a, int64_t b) {
    const int order = Compare(columns, a, b);
    return order != 0 ? order < 0 : a < b;
  };
  if (limit.has_value() && *limit < rows.size()) {
    const auto end = rows.begin() + static_cast<std::ptrdiff_t>(*limit);
    std::partial_sort(rows.begin(), end, rows.end(), before);
    rows.erase(end, rows.end());
  } else {
    std::sort(rows.begin(), rows.end(), before);
  }
  return rows;
}

std::vector<int64_t> RowsWithin(const std::vector<SortKey>& keys, int64_t num_rows,
                                uint64_t limit) {
  std::vector<int64_t> rows;
  const std::vector<Column> columns = PrepareAll(keys, num_rows, limit, rows);
  if (rows.size() <= limit) return rows;
  std::vector<int64_t> partitioned = rows;
  const auto last = partitioned.begin() + static_cast<std::ptrdiff_t>(limit - 1);
  std::nth_element(partitioned.begin(), last, partitioned.end(),
                   [&](int64_t a, int64_t b) { return Compare(columns, a, b) < 0; });
  std::erase_if(rows, [&, bound = *last](int64_t row) { return Compare(columns, row, bound) > 0; });
  return rows;
}

std::vector<int64_t> FirstKeyBound::Keep(const Array& values, std::vector<int64_t> rows) {
  uint64_t bound = bound_.load(std::memory_order_relaxed);
  std::vector<uint64_t> prefixes;
  size_t num_kept = 0;
  ForEachPrefix(values, descending_, rows, [&](int64_t row, uint64_t prefix) {
    if (prefix > bound) return;
    rows[num_kept++] = row;
    prefixes.push_back(prefix);
  });
  rows.resize(num_kept);
  if (num_kept < limit_) return rows;
  std::vector<uint64_t> partitioned = prefixes;
  const auto last = partitioned.begin() + static_cast<std::ptrdiff_t>(limit_ - 1);
  std::nth_element(partitioned.begin(), last, partitioned.end());
  while (*last < bound && !bound_.compare_exchange_weak(bound, *last, std::memory_order_relaxed)) {
  }
  bound = std::min(bound, *last);
  num_kept = 0;
  for (size_t i = 0; i < rows.size(); ++i) {
    if (prefixes[i] <= bound) rows[num_kept++] = rows[i];
  }
  rows.resize(num_kept);
  return rows;
}

int CompareRows(const std::vector<SortKey>& a, int64_t i, const std::vector<SortKey>& b,
                int64_t j) {
  for (size_t key = 0; key < a.size(); ++key) {
    const Array& left = *a[key].values;
    const Array& right = *b[key].values;
    int order = static_cast<int>(right.IsNull(j)) - static_cast<int>(left.IsNull(i));
    if (order == 0 && left.IsValid(i)) {
      const uint64_t x = PrefixOf(left, i);
      const uint64_t y = PrefixOf(right, j);
      order = x < y ? -1 : x > y ? 1 : 0;
      if (order == 0 && IsText(left)) order = left.StringValue(i).compare(right.StringValue(j));
    }
    if (order != 0) return a[key].descending ? -order : order;
  }
  return 0;
}

}  // namespace og::engine::exec
