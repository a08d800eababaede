// WriteFullZip() of page_layouts.h. Buffer 0 holds, level by level,
//
//   [control word]  rep << bits_def | def in 0, 1, 2 or 4 bytes, iff the page has levels
//   [length]        u32 or u64; variable width only, iff the level has a value and def is 0
//   [value]         fixed width: of every visible level, null items included; variable width: with
//                   the length. Item bitmaps of fixed-size lists stand before the data of a slot.
//
// Buffer 1, iff variable width or lists: the offset of every row's start, and the end, in entries
// of 1, 2, 4 or 8 bytes.

#include <algorithm>
#include <cstring>
#include <utility>

#include "format/page/fixed_slots.h"
#include "format/page/page_layouts.h"
#include "io/base/bits.h"
#include "io/base/check.h"
#include "io/base/endian.h"
#include "io/base/status.h"
#include "io/base/status_macros.h"
#include "io/base/text.h"

namespace og::format {
namespace {

size_t ControlBytes(unsigned bits) {
  if (bits == 0) return 0;
  if (bits <= 8) return 1;
  return bits <= 16 ? 2 : 4;
}

io::Buffer RowIndex(const std::vector<uint64_t>& row_starts) {
  const uint64_t last = row_starts.back();
  const size_t width = last <= UINT8_MAX ? 1 : last <= UINT16_MAX ? 2 : last <= UINT32_MAX ? 4 : 8;
  io::MutableBuffer index(row_starts.size() * width);
  for (size_t i = 0; i < row_starts.size(); ++i) {
    std::memcpy(index.data() + i * width, &row_starts[i], width);
  }
  return std::move(index).Share();
}

CompressiveEncoding FixedEncoding(const LeafValues& values) {
  if (values.shape == LeafShape::kNullItems) {
    CompressiveEncoding nulls;
    nulls.mutable_constant();
    return nulls;
  }
  return values.is_list() ? ListEncoding(values.bits, values.dimensions)
                          : FlatEncoding(io::BytesForBits(values.slot_bits()) * 8);
}

}  // namespace

absl::StatusOr<EncodedPage> WriteFullZip(const PageLevels& levels, const LeafValues& values,
                                         const CodecOptions& options) {
  const unsigned bits_rep = io::BitLength(levels.max_rep);
  const unsigned bits_def = io::BitLength(levels.max_def);
  const size_t control_bytes = ControlBytes(bits_rep + bits_def);
  const bool is_variable = values.has_offsets();
  const size_t num_levels = levels.has_levels() ? levels.num_levels : levels.num_visible;
  if (num_levels > UINT32_MAX) {
    return io::UnimplementedError(io::StrCat("full-zip page of ", num_levels, " levels"));
  }

  PerValueBytes text;
  std::optional<FixedSlots> slots;
  size_t total = num_levels * control_bytes;
  const size_t length_bytes = is_variable ? values.offset_bits / 8 : 0;
  if (is_variable) {
    OG_ASSIGN_OR_RETURN(text, EncodePerValue(values, options));
    total += text.bytes.size() + values.num_values * length_bytes;
  } else {
    slots.emplace(values);
    total += values.num_values * slots->bytes();
  }
  io::MutableBuffer zipped(total);
  std::byte* at = zipped.data();
  std::vector<uint64_t> row_starts;
  row_starts.reserve(levels.num_rows + 1);
  size_t value = 0;
  for (size_t i = 0; i < num_levels; ++i) {
    const uint32_t rep = levels.rep.empty() ? 0 : levels.rep[i];
    const uint32_t def = levels.def.empty() ? 0 : levels.def[i];
    if (levels.rep.empty() || rep == levels.max_rep) {
      row_starts.push_back(static_cast<uint64_t>(at - zipped.data()));
    }
    const uint32_t word = rep << bits_def | def;
    std::memcpy(at, &word, control_bytes);
    at += control_bytes;
    if (def > levels.max_visible_def) {
      continue;
    }
    if (!is_variable) {
      slots->Copy(value, at);
      at += slots->bytes();
    } else if (def == 0) {
      const uint64_t start = text.offsets[value];
      const uint64_t length = text.offsets[value + 1] - start;
      std::memcpy(at, &length, length_bytes);
      at += length_bytes;
      if (length > 0) {
        std::memcpy(at, text.bytes.data() + start, length);
        at += length;
      }
    }
    ++value;
  }
  OG_CHECK(value == values.num_values && row_starts.size() == levels.num_rows);
  zipped.Resize(static_cast<size_t>(at - zipped.data()));
  row_starts.push_back(zipped.size());

  lance::encodings21::PageLayout layout;
  auto* const full_zip = layout.mutable_full_zip_layout();
  full_zip->set_bits_rep(bits_rep);
  full_zip->set_bits_def(bits_def);
  full_zip->set_num_items(static_cast<uint32_t>(num_levels));
  full_zip->set_num_visible_items(static_cast<uint32_t>(levels.num_visible));
  SetLayers(levels, *full_zip->mutable_layers());
  EncodedPage page;
  page.num_rows = levels.num_rows;
  page.buffers.push_back(std::move(zipped).Share());
  if (is_variable) {
    full_zip->set_bits_per_offset(values.offset_bits);
    *full_zip->mutable_value_compression() = std::move(text.encoding);
  } else {
    full_zip->set_bits_per_value(static_cast<uint32_t>(slots->bytes() * 8));
    *full_zip->mutable_value_compression() = FixedEncoding(values);
  }
  if (is_variable || !levels.rep.empty()) {
    page.buffers.push_back(RowIndex(row_starts));
  }
  page.layout = layout.SerializeAsString();
  return page;
}

}  // namespace og::format
