// WriteNulls() and WriteConstant() of page_layouts.h.
//
//   nulls      no buffers if there is one layer; else rep and def: raw u16 (2.1), or block-coded
//              with codec and count in the layout (2.2)
//   constant   fields: inline_value of at most 32 bytes, or buffer 0 =
//              u32 n | n u32 lengths | n Arrow buffers of an array of length 1; then, if the page
//              has levels, rep and def as raw u16. An absent array is a buffer of size 0.

#include <cstring>
#include <utility>

#include "format/page/level_encoder.h"
#include "format/page/page_layouts.h"
#include "io/base/bits.h"
#include "io/base/endian.h"

namespace og::format {
namespace {

constexpr size_t kInlineValueMax = 32;

io::Buffer RawLevels(const std::vector<uint16_t>& levels) {
  return io::Buffer::CopyOf(std::as_bytes(std::span(levels)));
}

// The Arrow buffers of an array of one variable-width value: offsets 0 and n, and the bytes.
io::Buffer ScalarBuffer(const LeafValues& values, size_t i) {
  const std::span<const std::byte> bytes =
      values.shape == LeafShape::kVariable
          ? values.value(i)
          : values.data.span().subspan(i * values.bits / 8, values.bits / 8);
  io::MutableBuffer out;
  const auto store = [&out](auto value) {
    const size_t at = out.size();
    out.Resize(at + sizeof(value));
    io::StoreLe(out.data() + at, value);
  };
  if (values.shape == LeafShape::kVariable) {
    store(uint32_t{2});
    store(static_cast<uint32_t>(2 * values.offset_bits / 8));
    store(static_cast<uint32_t>(bytes.size()));
    if (values.offset_bits == 64) {
      store(uint64_t{0});
      store(uint64_t{bytes.size()});
    } else {
      store(uint32_t{0});
      store(static_cast<uint32_t>(bytes.size()));
    }
  } else {
    store(uint32_t{1});
    store(static_cast<uint32_t>(bytes.size()));
  }
  out.Append(bytes);
  return std::move(out).Share();
}

}  // namespace

EncodedPage WriteNulls(const PageLevels& levels, bool is_2_2) {
  lance::encodings21::PageLayout layout;
  auto* const constant = layout.mutable_constant_layout();
  SetLayers(levels, *constant->mutable_layers());
  EncodedPage page;
  page.num_rows = levels.num_rows;
  if (levels.layers.size() > 1) {
    const auto add = [&](const std::vector<uint16_t>& all, bool is_rep) {
      if (!is_2_2 || all.empty()) {
        page.buffers.push_back(RawLevels(all));
        return;
      }
      const auto count = static_cast<uint32_t>(all.size());
      const LevelEncoder encoder(all, std::span(&count, 1), /*allow_rle=*/true);
      io::MutableBuffer block;
      encoder.Append(all, block);
      page.buffers.push_back(std::move(block).Share());
      if (is_rep) {
        *constant->mutable_rep_compression() = encoder.Encoding();
        constant->set_num_rep_values(all.size());
      } else {
        *constant->mutable_def_compression() = encoder.Encoding();
        constant->set_num_def_values(all.size());
      }
    };
    add(levels.rep, true);
    add(levels.def, false);
  }
  page.layout = layout.SerializeAsString();
  return page;
}

EncodedPage WriteConstant(const PageLevels& levels, const LeafValues& values, size_t value_index) {
  lance::encodings21::PageLayout layout;
  auto* const constant = layout.mutable_constant_layout();
  SetLayers(levels, *constant->mutable_layers());
  EncodedPage page;
  page.num_rows = levels.num_rows;
  if (values.bits == 1) {
    constant->set_inline_value(
        std::string(1, io::GetBit(values.data.data(), value_index) ? '\1' : '\0'));
  } else if (values.shape == LeafShape::kFixed && values.bits / 8 <= kInlineValueMax) {
    constant->set_inline_value(
        std::string(values.data.view().substr(value_index * values.bits / 8, values.bits / 8)));
  } else {
    page.buffers.push_back(ScalarBuffer(values, value_index));
  }
  if (levels.has_levels()) {
    page.buffers.push_back(RawLevels(levels.rep));
    page.buffers.push_back(RawLevels(levels.def));
  }
  page.layout = layout.SerializeAsString();
  return page;
}

}  // namespace og::format
