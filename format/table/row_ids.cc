#include "format/table/row_ids.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <limits>

#include "format/proto/rowids.pb.h"
#include "io/base/bits.h"
#include "io/base/check.h"
#include "io/base/endian.h"
#include "io/base/status.h"
#include "io/base/status_macros.h"
#include "io/base/text.h"

namespace og::format {
namespace {

using Form = RowIdSegment::Form;

constexpr size_t kRankBlockBytes = 64;
constexpr uint64_t kU64Max = std::numeric_limits<uint64_t>::max();

size_t Count(std::string_view bitmap, size_t first_byte, size_t num_bytes) {
  return io::CountSetBits(reinterpret_cast<const std::byte*>(bitmap.data()), first_byte * 8,
                          num_bytes * 8);
}

template <typename T>
absl::StatusOr<std::vector<uint64_t>> DecodeOffsets(uint64_t base, const std::string& bytes) {
  if (bytes.size() % sizeof(T) != 0) {
    return io::DataLossError(
        io::StrCat("row ids: ", bytes.size(), " bytes of ", sizeof(T), "-byte offsets"));
  }
  std::vector<uint64_t> values(bytes.size() / sizeof(T));
  const auto* data = reinterpret_cast<const std::byte*>(bytes.data());
  for (size_t i = 0; i < values.size(); ++i) {
    const uint64_t offset = io::LoadLe<T>(data + i * sizeof(T));
    if (offset > kU64Max - base) {
      return io::DataLossError(io::StrCat("row ids: offset ", offset, " from ", base, " wraps"));
    }
    values[i] = base + offset;
  }
  return values;
}

absl::StatusOr<std::vector<uint64_t>> DecodeArray(const lance::table::EncodedU64Array& array) {
  switch (array.array_case()) {
    case lance::table::EncodedU64Array::kU16Array:
      return DecodeOffsets<uint16_t>(array.u16_array().base(), array.u16_array().offsets());
    case lance::table::EncodedU64Array::kU32Array:
      return DecodeOffsets<uint32_t>(array.u32_array().base(), array.u32_array().offsets());
    case lance::table::EncodedU64Array::kU64Array:
      return DecodeOffsets<uint64_t>(0, array.u64_array().values());
    case lance::table::EncodedU64Array::ARRAY_NOT_SET:
      break;
  }
  return io::DataLossError("row ids: an array without values");
}

template <typename T>
std::string EncodeOffsets(std::span<const uint64_t> values, uint64_t base) {
  std::string bytes(values.size() * sizeof(T), '\0');
  for (size_t i = 0; i < values.size(); ++i) {
    io::StoreLe<T>(reinterpret_cast<std::byte*>(bytes.data()) + i * sizeof(T),
                   static_cast<T>(values[i] - base));
  }
  return bytes;
}

void EncodeArray(std::span<const uint64_t> values, lance::table::EncodedU64Array& array) {
  if (values.empty()) {
    array.mutable_u64_array();
    return;
  }
  const auto [low, high] = std::ranges::minmax(values);
  if (high - low <= std::numeric_limits<uint16_t>::max()) {
    array.mutable_u16_array()->set_base(low);
    array.mutable_u16_array()->set_offsets(EncodeOffsets<uint16_t>(values, low));
  } else if (high - low <= std::numeric_limits<uint32_t>::max()) {
    array.mutable_u32_array()->set_base(low);
    array.mutable_u32_array()->set_offsets(EncodeOffsets<uint32_t>(values, low));
  } else {
    array.mutable_u64_array()->set_values(EncodeOffsets<uint64_t>(values, 0));
  }
}

absl::Status CheckRange(uint64_t start, uint64_t end) {
  if (start > end) {
    return io::DataLossError(io::StrCat("row ids: range ", start, "..", end));
  }
  return absl::OkStatus();
}

absl::StatusOr<RowIdSegment> DecodeSegment(const lance::table::U64Segment& segment) {
  switch (segment.segment_case()) {
    case lance::table::U64Segment::kRange: {
      const auto& range = segment.range();
      OG_RETURN_IF_ERROR(CheckRange(range.start(), range.end()));
      return RowIdSegment::Range(range.start(), range.end());
    }
    case lance::table::U64Segment::kRangeWithHoles: {
      const auto& range = segment.range_with_holes();
      OG_RETURN_IF_ERROR(CheckRange(range.start(), range.end()));
      OG_ASSIGN_OR_RETURN(std::vector<uint64_t> holes, DecodeArray(range.holes()));
      for (size_t i = 0; i < holes.size(); ++i) {
        if (holes[i] < range.start() || holes[i] >= range.end() ||
            (i > 0 && holes[i] <= holes[i - 1])) {
          return io::DataLossError(io::StrCat("row ids: hole ", holes[i], " in range ",
                                              range.start(), "..", range.end()));
        }
      }
      return RowIdSegment::RangeWithHoles(range.start(), range.end(), std::move(holes));
    }
    case lance::table::U64Segment::kRangeWithBitmap: {
      const auto& range = segment.range_with_bitmap();
      OG_RETURN_IF_ERROR(CheckRange(range.start(), range.end()));
      const uint64_t slots = range.end() - range.start();
      const std::string& bitmap = range.bitmap();
      if (bitmap.size() != io::BytesForBits(slots)) {
        return io::DataLossError(
            io::StrCat("row ids: bitmap of ", bitmap.size(), " bytes for ", slots, " ids"));
      }
      if (slots % 8 != 0 && (static_cast<uint8_t>(bitmap.back()) >> (slots % 8)) != 0) {
        return io::DataLossError("row ids: bits after the end of a bitmap");
      }
      return RowIdSegment::RangeWithBitmap(range.start(), range.end(), bitmap);
    }
    case lance::table::U64Segment::kSortedArray: {
      OG_ASSIGN_OR_RETURN(std::vector<uint64_t> values, DecodeArray(segment.sorted_array()));
      if (!std::ranges::is_sorted(values)) {
        return io::DataLossError("row ids: a sorted array is not sorted");
      }
      return RowIdSegment::Values(Form::kSortedArray, std::move(values));
    }
    case lance::table::U64Segment::kArray: {
      OG_ASSIGN_OR_RETURN(std::vector<uint64_t> values, DecodeArray(segment.array()));
      return RowIdSegment::Values(Form::kArray, std::move(values));
    }
    case lance::table::U64Segment::SEGMENT_NOT_SET:
      break;
  }
  return io::DataLossError("row ids: a segment without content");
}

void EncodeSegment(const RowIdSegment& segment, lance::table::U64Segment& message) {
  switch (segment.form()) {
    case Form::kRange:
      message.mutable_range()->set_start(segment.start());
      message.mutable_range()->set_end(segment.end());
      break;
    case Form::kRangeWithHoles:
      message.mutable_range_with_holes()->set_start(segment.start());
      message.mutable_range_with_holes()->set_end(segment.end());
      EncodeArray(segment.values(), *message.mutable_range_with_holes()->mutable_holes());
      break;
    case Form::kRangeWithBitmap:
      message.mutable_range_with_bitmap()->set_start(segment.start());
      message.mutable_range_with_bitmap()->set_end(segment.end());
      message.mutable_range_with_bitmap()->set_bitmap(segment.bitmap());
      break;
    case Form::kSortedArray:
      EncodeArray(segment.values(), *message.mutable_sorted_array());
      break;
    case Form::kArray:
      EncodeArray(segment.values(), *message.mutable_array());
      break;
  }
}

absl::Status CheckTotal(uint64_t total, uint64_t more, uint64_t size_max) {
  if (more > size_max - total) {
    return io::DataLossError(
        io::StrCat("row ids: more than the fragment's ", size_max, " rows are listed"));
  }
  return absl::OkStatus();
}

}  // namespace

RowIdSegment RowIdSegment::Range(uint64_t start, uint64_t end) {
  OG_CHECK(start <= end);
  RowIdSegment segment;
  segment.start_ = start;
  segment.end_ = end;
  segment.size_ = end - start;
  return segment;
}

RowIdSegment RowIdSegment::RangeWithHoles(uint64_t start, uint64_t end,
                                          std::vector<uint64_t> holes) {
  RowIdSegment segment = Range(start, end);
  segment.form_ = Form::kRangeWithHoles;
  segment.size_ -= holes.size();
  segment.values_ = std::move(holes);
  return segment;
}

RowIdSegment RowIdSegment::RangeWithBitmap(uint64_t start, uint64_t end, std::string bitmap) {
  RowIdSegment segment = Range(start, end);
  segment.form_ = Form::kRangeWithBitmap;
  segment.size_ = 0;
  for (size_t at = 0; at < bitmap.size(); at += kRankBlockBytes) {
    segment.ranks_.push_back(segment.size_);
    segment.size_ += Count(bitmap, at, std::min(kRankBlockBytes, bitmap.size() - at));
  }
  segment.bitmap_ = std::move(bitmap);
  return segment;
}

RowIdSegment RowIdSegment::Values(Form form, std::vector<uint64_t> values) {
  OG_CHECK(form == Form::kSortedArray || form == Form::kArray);
  RowIdSegment segment;
  segment.form_ = form;
  segment.size_ = values.size();
  segment.values_ = std::move(values);
  return segment;
}

uint64_t RowIdSegment::Get(uint64_t i) const {
  OG_DCHECK(i < size_);
  switch (form_) {
    case Form::kRange:
      return start_ + i;
    case Form::kRangeWithHoles: {
      // Holes that stand before row i: the k-th has k holes before it.
      size_t low = 0;
      size_t high = values_.size();
      while (low < high) {
        const size_t middle = low + (high - low) / 2;
        if (values_[middle] - start_ - middle <= i) {
          low = middle + 1;
        } else {
          high = middle;
        }
      }
      return start_ + i + low;
    }
    case Form::kRangeWithBitmap: {
      const auto block = std::ranges::upper_bound(ranks_, i) - ranks_.begin() - 1;
      uint64_t left = i - ranks_[static_cast<size_t>(block)];
      for (size_t at = static_cast<size_t>(block) * kRankBlockBytes; at < bitmap_.size(); ++at) {
        auto bits = static_cast<uint8_t>(bitmap_[at]);
        const auto set = static_cast<uint64_t>(std::popcount(bits));
        if (left >= set) {
          left -= set;
          continue;
        }
        for (; left > 0; --left) {
          bits = static_cast<uint8_t>(bits & (bits - 1));
        }
        return start_ + at * 8 + static_cast<uint64_t>(std::countr_zero(bits));
      }
      break;
    }
    case Form::kSortedArray:
    case Form::kArray:
      return values_[i];
  }
  OG_CHECK(false);
  return 0;
}

void RowIdSegment::AppendTo(uint64_t offset, uint64_t length, std::vector<uint64_t>& ids) const {
  if (length == 0) {
    return;
  }
  switch (form_) {
    case Form::kRange:
      for (uint64_t i = 0; i < length; ++i) {
        ids.push_back(start_ + offset + i);
      }
      return;
    case Form::kSortedArray:
    case Form::kArray:
      ids.insert(ids.end(), values_.begin() + static_cast<ptrdiff_t>(offset),
                 values_.begin() + static_cast<ptrdiff_t>(offset + length));
      return;
    case Form::kRangeWithHoles: {
      uint64_t id = Get(offset);
      auto hole = std::ranges::lower_bound(values_, id);
      for (uint64_t i = 0; i < length; ++i, ++id) {
        while (hole != values_.end() && *hole == id) {
          ++id;
          ++hole;
        }
        ids.push_back(id);
      }
      return;
    }
    case Form::kRangeWithBitmap: {
      const auto* bits = reinterpret_cast<const std::byte*>(bitmap_.data());
      for (uint64_t at = Get(offset) - start_; length > 0; ++at) {
        if (io::GetBit(bits, at)) {
          ids.push_back(start_ + at);
          --length;
        }
      }
      return;
    }
  }
}

std::optional<uint64_t> RowIdSegment::Find(uint64_t id) const {
  switch (form_) {
    case Form::kRange:
      return id >= start_ && id < end_ ? std::optional(id - start_) : std::nullopt;
    case Form::kRangeWithHoles: {
      const auto hole = std::ranges::lower_bound(values_, id);
      if (id < start_ || id >= end_ || (hole != values_.end() && *hole == id)) {
        return std::nullopt;
      }
      return id - start_ - static_cast<uint64_t>(hole - values_.begin());
    }
    case Form::kRangeWithBitmap: {
      const auto* bits = reinterpret_cast<const std::byte*>(bitmap_.data());
      if (id < start_ || id >= end_ || !io::GetBit(bits, id - start_)) {
        return std::nullopt;
      }
      const size_t block = (id - start_) / 8 / kRankBlockBytes;
      const size_t first_bit = block * kRankBlockBytes * 8;
      return ranks_[block] + io::CountSetBits(bits, first_bit, id - start_ - first_bit);
    }
    case Form::kSortedArray: {
      const auto at = std::ranges::lower_bound(values_, id);
      return at != values_.end() && *at == id
                 ? std::optional(static_cast<uint64_t>(at - values_.begin()))
                 : std::nullopt;
    }
    case Form::kArray: {
      const auto at = std::ranges::find(values_, id);
      return at != values_.end() ? std::optional(static_cast<uint64_t>(at - values_.begin()))
                                 : std::nullopt;
    }
  }
  return std::nullopt;
}

uint64_t RowIdSegment::min() const {
  return form_ == Form::kArray ? std::ranges::min(values_) : Get(0);
}

uint64_t RowIdSegment::max() const {
  return form_ == Form::kArray ? std::ranges::max(values_) : Get(size_ - 1);
}

RowIdSegment MakeSegment(std::span<const uint64_t> ids) {
  if (ids.empty()) {
    return RowIdSegment::Range(0, 0);
  }
  if (!std::ranges::is_sorted(ids)) {
    return RowIdSegment::Values(Form::kArray, {ids.begin(), ids.end()});
  }
  const uint64_t count = ids.size();
  const uint64_t first = ids.front();
  const uint64_t last = ids.back();
  // A range with end 2^64 cannot be written; equal neighbours rule the range forms out as well.
  const bool distinct = std::ranges::adjacent_find(ids) == ids.end();
  if (last == kU64Max || !distinct) {
    return RowIdSegment::Values(Form::kSortedArray, {ids.begin(), ids.end()});
  }
  const uint64_t slots = last - first + 1;
  if (slots == count) {
    return RowIdSegment::Range(first, last + 1);
  }
  // Estimated bytes of each form; the first of equal ones is taken.
  const uint64_t num_holes = slots - count;
  const uint64_t holes_bytes = num_holes > (kU64Max - 24) / 4 ? kU64Max : 24 + 4 * num_holes;
  const uint64_t bitmap_bytes = 24 + io::BytesForBits(slots);
  const uint64_t array_bytes = 24 + 2 * count;
  if (holes_bytes <= bitmap_bytes && holes_bytes <= array_bytes) {
    std::vector<uint64_t> holes;
    holes.reserve(num_holes);
    for (size_t i = 1; i < ids.size(); ++i) {
      for (uint64_t id = ids[i - 1] + 1; id < ids[i]; ++id) {
        holes.push_back(id);
      }
    }
    return RowIdSegment::RangeWithHoles(first, last + 1, std::move(holes));
  }
  if (bitmap_bytes <= array_bytes) {
    std::string bitmap(io::BytesForBits(slots), '\0');
    for (const uint64_t id : ids) {
      io::SetBit(reinterpret_cast<std::byte*>(bitmap.data()), id - first);
    }
    return RowIdSegment::RangeWithBitmap(first, last + 1, std::move(bitmap));
  }
  return RowIdSegment::Values(Form::kSortedArray, {ids.begin(), ids.end()});
}

RowIdSequence::RowIdSequence(std::vector<RowIdSegment> segments) : segments_(std::move(segments)) {
  for (const RowIdSegment& segment : segments_) {
    starts_.push_back(starts_.back() + segment.size());
  }
}

absl::StatusOr<RowIdSequence> RowIdSequence::Decode(std::string_view bytes, uint64_t size_max) {
  lance::table::RowIdSequence message;
  if (bytes.size() > std::numeric_limits<int>::max() ||
      !message.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
    return io::DataLossError("row ids: the message does not parse");
  }
  std::vector<RowIdSegment> segments;
  segments.reserve(static_cast<size_t>(message.segments_size()));
  uint64_t total = 0;
  for (const auto& encoded : message.segments()) {
    OG_ASSIGN_OR_RETURN(RowIdSegment segment, DecodeSegment(encoded));
    OG_RETURN_IF_ERROR(CheckTotal(total, segment.size(), size_max));
    total += segment.size();
    segments.push_back(std::move(segment));
  }
  return RowIdSequence(std::move(segments));
}

std::string RowIdSequence::Encode() const {
  lance::table::RowIdSequence message;
  for (const RowIdSegment& segment : segments_) {
    EncodeSegment(segment, *message.add_segments());
  }
  return message.SerializeAsString();
}

uint64_t RowIdSequence::Get(uint64_t i) const {
  const auto after = std::ranges::upper_bound(starts_, i);
  const auto segment = static_cast<size_t>(after - starts_.begin() - 1);
  return segments_[segment].Get(i - starts_[segment]);
}

void RowIdSequence::AppendTo(uint64_t offset, uint64_t length, std::vector<uint64_t>& ids) const {
  auto segment = static_cast<size_t>(std::ranges::upper_bound(starts_, offset) - starts_.begin());
  for (--segment; length > 0; ++segment) {
    const uint64_t skip = offset - starts_[segment];
    const uint64_t here = std::min(length, segments_[segment].size() - skip);
    segments_[segment].AppendTo(skip, here, ids);
    offset += here;
    length -= here;
  }
}

std::vector<uint64_t> RowIdSequence::ToVector() const {
  std::vector<uint64_t> ids;
  ids.reserve(size());
  AppendTo(0, size(), ids);
  return ids;
}

RowIdSequence WithoutRows(const RowIdSequence& sequence, std::span<const uint32_t> deleted) {
  std::vector<RowIdSegment> segments;
  for (size_t i = 0; i < sequence.segments().size(); ++i) {
    const RowIdSegment& segment = sequence.segments()[i];
    const uint64_t start = sequence.segment_start(i);
    const auto first = std::ranges::lower_bound(deleted, start);
    const auto last = std::ranges::lower_bound(deleted, start + segment.size());
    if (first == last) {
      segments.push_back(segment);
      continue;
    }
    std::vector<uint64_t> ids;
    uint64_t row = start;
    for (auto at = first; at != last; ++at) {
      segment.AppendTo(row - start, *at - row, ids);
      row = uint64_t{*at} + 1;
    }
    segment.AppendTo(row - start, start + segment.size() - row, ids);
    if (!ids.empty()) {
      segments.push_back(MakeSegment(ids));
    }
  }
  return RowIdSequence(std::move(segments));
}

absl::StatusOr<RowVersions> RowVersions::Decode(std::string_view bytes, uint64_t size_max) {
  lance::table::RowDatasetVersionSequence message;
  if (bytes.size() > std::numeric_limits<int>::max() ||
      !message.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
    return io::DataLossError("row versions: the message does not parse");
  }
  RowVersions versions;
  for (const auto& run : message.runs()) {
    OG_ASSIGN_OR_RETURN(const RowIdSegment span, DecodeSegment(run.span()));
    OG_RETURN_IF_ERROR(CheckTotal(versions.size(), span.size(), size_max));
    versions.Append(span.size(), run.version());
  }
  return versions;
}

std::string RowVersions::Encode() const {
  lance::table::RowDatasetVersionSequence message;
  uint64_t start = 0;
  for (const Run& run : runs_) {
    auto* encoded = message.add_runs();
    EncodeSegment(RowIdSegment::Range(start, start + run.length), *encoded->mutable_span());
    encoded->set_version(run.version);
    start += run.length;
  }
  return message.SerializeAsString();
}

void RowVersions::Append(uint64_t length, uint64_t version) {
  if (length == 0) {
    return;
  }
  if (!runs_.empty() && runs_.back().version == version) {
    runs_.back().length += length;
    ends_.back() += length;
    return;
  }
  ends_.push_back(size() + length);
  runs_.push_back({length, version});
}

uint64_t RowVersions::Get(uint64_t i) const {
  OG_DCHECK(i < size());
  return runs_[static_cast<size_t>(std::ranges::upper_bound(ends_, i) - ends_.begin())].version;
}

void RowVersions::AppendTo(uint64_t offset, uint64_t length,
                           std::vector<uint64_t>& versions) const {
  auto run = static_cast<size_t>(std::ranges::upper_bound(ends_, offset) - ends_.begin());
  for (; length > 0; ++run) {
    const uint64_t here = std::min(length, ends_[run] - offset);
    versions.insert(versions.end(), here, runs_[run].version);
    offset += here;
    length -= here;
  }
}

RowVersions WithoutRows(const RowVersions& versions, std::span<const uint32_t> deleted) {
  RowVersions kept;
  uint64_t start = 0;
  for (const RowVersions::Run& run : versions.runs()) {
    const auto first = std::ranges::lower_bound(deleted, start);
    const auto last = std::ranges::lower_bound(deleted, start + run.length);
    kept.Append(run.length - static_cast<uint64_t>(last - first), run.version);
    start += run.length;
  }
  return kept;
}

}  // namespace og::format
