#include "format/arrow/validity.h"

#include <algorithm>
#include <cstddef>
#include <memory>
#include <utility>

#include "io/base/bits.h"

namespace og::format {
namespace {

// Bits for `count` values, all zero.
io::MutableBuffer NoBits(size_t count) {
  io::MutableBuffer bits(io::BytesForBits(count));
  std::ranges::fill(bits.span(), std::byte{0});
  return bits;
}

}  // namespace

ArrayPtr MaskedBy(const Array& parent, const ArrayPtr& child) {
  const ArrayPtr member = Slice(child, parent.offset, parent.length);
  if (parent.null_count == 0 || member->type->id == TypeId::kNull) return member;
  auto masked = std::make_shared<Array>(*member);
  const auto offset = static_cast<size_t>(member->offset);
  io::MutableBuffer bits = NoBits(offset + static_cast<size_t>(member->length));
  masked->null_count = 0;
  for (int64_t i = 0; i < member->length; ++i) {
    const bool valid = parent.IsValid(i) && member->IsValid(i);
    io::WriteBit(bits.data(), offset + static_cast<size_t>(i), valid);
    masked->null_count += valid ? 0 : 1;
  }
  masked->validity = masked->null_count == 0 ? io::Buffer() : std::move(bits).Share();
  return masked;
}

void SetValidWhereAny(std::span<const ArrayPtr> parts, Array& array) {
  array.null_count = 0;
  array.validity = io::Buffer();
  const bool has_nulls =
      std::ranges::all_of(parts, [](const ArrayPtr& part) { return part->null_count > 0; });
  if (!has_nulls) return;
  io::MutableBuffer bits = NoBits(static_cast<size_t>(array.length));
  for (int64_t i = 0; i < array.length; ++i) {
    const bool valid =
        std::ranges::any_of(parts, [i](const ArrayPtr& part) { return part->IsValid(i); });
    io::WriteBit(bits.data(), static_cast<size_t>(i), valid);
    array.null_count += valid ? 0 : 1;
  }
  if (array.null_count > 0) array.validity = std::move(bits).Share();
}

}  // namespace og::format
