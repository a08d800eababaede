// Values of fixed width as rows hold them, those of full-zip pages and of packed structs.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <vector>

#include "format/page/leaf_values.h"
#include "io/base/bits.h"
#include "io/base/buffer.h"

namespace og::format {

// The slots of `values`, which must live longer: of each the bitmaps of its lists, outermost first,
// then the data.
class FixedSlots {
 public:
  explicit FixedSlots(const LeafValues& values) : values_(values) {
    uint64_t items = 1;
    for (const ListDimension& dimension : values.dimensions) {
      items *= dimension.items;
      if (dimension.has_validity) {
        bitmaps_.push_back({&dimension.validity, items});
        bytes_ += io::BytesForBits(items);
      }
    }
    data_bytes_ = io::BytesForBits(values.slot_bits());
    bytes_ += data_bytes_;
  }

  // Of a slot.
  size_t bytes() const { return bytes_; }

  // Writes slot `i` to `out`.
  void Copy(size_t i, std::byte* out) const {
    for (const Bitmap& bitmap : bitmaps_) {
      CopyBitsOf(*bitmap.bits, i * bitmap.items, bitmap.items, out);
      out += io::BytesForBits(bitmap.items);
    }
    if (data_bytes_ == 0) {
      return;
    }
    if (values_.slot_bits() % 8 == 0) {
      std::memcpy(out, values_.data.data() + i * data_bytes_, data_bytes_);
    } else {
      CopyBitsOf(values_.data, i * values_.slot_bits(), values_.slot_bits(), out);
    }
  }

 private:
  struct Bitmap {
    const io::Buffer* bits;
    uint64_t items;
  };

  static void CopyBitsOf(const io::Buffer& from, size_t start, size_t bits, std::byte* out) {
    std::memset(out, 0, io::BytesForBits(bits));
    io::CopyBits(from.data(), start, out, 0, bits);
  }

  const LeafValues& values_;
  std::vector<Bitmap> bitmaps_;
  size_t data_bytes_ = 0;
  size_t bytes_ = 0;
};

}  // namespace og::format
