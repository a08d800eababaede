#include "format/tabular/ipc_batch.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "format/tabular/ipc_compression.h"
#include "io/base/bits.h"
#include "io/base/endian.h"
#include "io/base/status.h"
#include "io/base/status_macros.h"
#include "io/base/text.h"

namespace og::format {
namespace {

constexpr size_t kPairBytes = 16;  // of a FieldNode, of a Buffer
constexpr int64_t kLengthMax = int64_t{1} << 40;
constexpr size_t kViewBytes = 16;
constexpr size_t kInlineBytesMax = 12;
// Values without bytes (nulls, structs without members) may be this many in a batch, or as many as
// its buffers have bits.
constexpr int64_t kBytelessValuesMax = int64_t{1} << 24;
// Views may share what they point to. This much text is always taken; more only if it is at most
// so many times the buffers that it comes from.
constexpr size_t kViewBytesMax = size_t{64} << 20;
constexpr size_t kViewExpansionMax = 32;

absl::Status Damaged(std::string_view what) {
  return io::DataLossError(io::StrCat("arrow: ", what));
}

class BatchReader {
 public:
  BatchReader(FlatReader& flat, const io::Buffer& body, const IpcDictionaries& dictionaries)
      : flat_(flat), body_(body), dictionaries_(dictionaries) {}

  absl::StatusOr<IpcColumns> Read(FlatTable batch, std::span<const IpcField> fields) {
    IpcColumns read;
    read.num_rows = flat_.Scalar<int64_t>(batch, 0, 0);
    nodes_ = flat_.Vector(batch, 1, kPairBytes);
    buffers_ = flat_.Vector(batch, 2, kPairBytes);
    variadic_counts_ = flat_.Vector(batch, 4, sizeof(int64_t));
    if (const std::optional<FlatTable> compression = flat_.Table(batch, 3)) {
      OG_ASSIGN_OR_RETURN(codec_, IpcCodecOf(flat_.Scalar<int8_t>(*compression, 0, 0)));
    }
    if (flat_.damaged() || read.num_rows < 0) return Damaged("damaged batch");
    for (const IpcField& field : fields) {
      OG_ASSIGN_OR_RETURN(ArrayPtr column, ReadArray(field));
      if (column->length != read.num_rows) {
        return Damaged(io::StrCat("a column of ", column->length, " values in a batch of ",
                                  read.num_rows, " rows"));
      }
      OG_RETURN_IF_ERROR(Validate(*column));
      read.columns.push_back(std::move(column));
    }
    if (longest_ > kBytelessValuesMax && static_cast<uint64_t>(longest_) / 8 > expanded_bytes_) {
      return io::ResourceExhaustedError(io::StrCat("arrow: an array of ", longest_,
                                                   " values without bytes, at most ",
                                                   kBytelessValuesMax, " in a batch"));
    }
    return read;
  }

 private:
  absl::StatusOr<ArrayPtr> ReadArray(const IpcField& field) {
    if (next_node_ == nodes_.size) return Damaged("a batch has too few arrays");
    const size_t node = next_node_++;
    auto array = std::make_shared<Array>();
    array->type = field.type;
    array->length = flat_.StructScalar<int64_t>(nodes_, node, kPairBytes, 0);
    if (array->length < 0 || array->length > kLengthMax) {
      return Damaged(io::StrCat("an array of ", array->length, " values"));
    }
    longest_ = std::max(longest_, array->length);
    const DataType& type = *field.type;
    if (type.id == TypeId::kNull) {
      array->null_count = array->length;
      return array;
    }
    OG_RETURN_IF_ERROR(ReadValidity(*array));
    if (field.is_view && type.id != TypeId::kDictionary) {
      OG_RETURN_IF_ERROR(ReadViews(*array));
      return array;
    }
    if (type.is_variable() || type.is_list()) {
      OG_ASSIGN_OR_RETURN(array->offsets, NextBuffer());
      // Nothing needs no offsets.
      if (array->offsets.empty()) array->offsets = io::Buffer::Zeros(sizeof(int64_t));
    }
    const bool has_values =
        type.is_variable() || type.bit_width() != 0 || type.id == TypeId::kFixedSizeBinary;
    if (has_values) {
      OG_ASSIGN_OR_RETURN(array->values, NextBuffer());
    }
    if (type.id == TypeId::kDictionary) {
      const auto dictionary = dictionaries_.find(*field.dictionary);
      array->dictionary =
          dictionary != dictionaries_.end() ? dictionary->second : EmptyArray(type.value_type);
      return array;
    }
    for (const IpcField& child : field.children) {
      OG_ASSIGN_OR_RETURN(ArrayPtr values, ReadArray(child));
      array->children.push_back(std::move(values));
    }
    return array;
  }

  absl::Status ReadValidity(Array& array) {
    OG_ASSIGN_OR_RETURN(io::Buffer bits, NextBuffer());
    if (bits.empty()) return absl::OkStatus();
    const auto length = static_cast<size_t>(array.length);
    if (bits.size() < io::BytesForBits(length)) return Damaged("a bitmap is too short");
    array.null_count =
        array.length - static_cast<int64_t>(io::CountSetBits(bits.data(), 0, length));
    if (array.null_count != 0) array.validity = std::move(bits);
    return absl::OkStatus();
  }

  // Values of which each is 16 bytes: its length (i32), then itself if that is at most 12, else
  // four bytes of it, the number of a buffer and where it starts there (i32 each).
  absl::Status ReadViews(Array& array) {
    OG_ASSIGN_OR_RETURN(const io::Buffer views, NextBuffer());
    if (next_variadic_ == variadic_counts_.size) return Damaged("a batch lacks a buffer count");
    const auto count =
        flat_.StructScalar<int64_t>(variadic_counts_, next_variadic_++, sizeof(int64_t), 0);
    std::vector<io::Buffer> buffers;
    size_t buffer_bytes = views.size();
    for (int64_t i = 0; i < count; ++i) {
      OG_ASSIGN_OR_RETURN(io::Buffer buffer, NextBuffer());
      buffer_bytes += buffer.size();
      buffers.push_back(std::move(buffer));
    }
    const size_t bytes_max = std::max(kViewBytesMax, kViewExpansionMax * buffer_bytes);
    const auto length = static_cast<size_t>(array.length);
    if (views.size() / kViewBytes < length) return Damaged("too few views");
    io::MutableBuffer offsets((length + 1) * sizeof(int32_t));
    io::MutableBuffer values;
    io::StoreLe<int32_t>(offsets.data(), 0);
    for (size_t i = 0; i < length; ++i) {
      if (array.IsValid(static_cast<int64_t>(i))) {
        OG_ASSIGN_OR_RETURN(const auto value,
                            ViewValue(views.span().subspan(i * kViewBytes, kViewBytes), buffers));
        if (values.size() + value.size() > bytes_max) {
          return io::ResourceExhaustedError(io::StrCat("arrow: ", buffer_bytes,
                                                       " bytes of text views stand for more than ",
                                                       bytes_max, " bytes of text in one batch"));
        }
        values.Append(value);
      }
      if (values.size() > std::numeric_limits<int32_t>::max()) {
        return io::UnimplementedError("arrow: more than 2 GiB of text views in one batch");
      }
      io::StoreLe<int32_t>(offsets.data() + (i + 1) * sizeof(int32_t),
                           static_cast<int32_t>(values.size()));
    }
    array.offsets = std::move(offsets).Share();
    array.values = std::move(values).Share();
    return absl::OkStatus();
  }

  static absl::StatusOr<std::span<const std::byte>> ViewValue(
      std::span<const std::byte> view, const std::vector<io::Buffer>& buffers) {
    const auto size = io::LoadLe<uint32_t>(view, 0);
    if (size <= kInlineBytesMax) return view.subspan(sizeof(uint32_t), size);
    const auto buffer = io::LoadLe<uint32_t>(view, 8);
    const auto start = io::LoadLe<uint32_t>(view, 12);
    if (buffer >= buffers.size() || start > buffers[buffer].size() ||
        size > buffers[buffer].size() - start) {
      return Damaged("a view leaves its buffer");
    }
    return buffers[buffer].span().subspan(start, size);
  }

  absl::StatusOr<io::Buffer> NextBuffer() {
    if (next_buffer_ == buffers_.size) return Damaged("a batch has too few buffers");
    const size_t i = next_buffer_++;
    const auto start = flat_.StructScalar<int64_t>(buffers_, i, kPairBytes, 0);
    const auto size = flat_.StructScalar<int64_t>(buffers_, i, kPairBytes, 8);
    if (start < 0 || size < 0 || static_cast<uint64_t>(start) > body_.size() ||
        static_cast<uint64_t>(size) > body_.size() - static_cast<uint64_t>(start)) {
      return Damaged("a buffer leaves the body");
    }
    io::Buffer buffer = body_.Slice(static_cast<size_t>(start), static_cast<size_t>(size));
    if (codec_ && !buffer.empty()) {
      // Each byte expands once, so that the body bounds what its buffers become.
      compressed_bytes_ += buffer.size();
      if (compressed_bytes_ > body_.size()) return Damaged("compressed buffers overlap");
      OG_ASSIGN_OR_RETURN(buffer, IpcDecompress(*codec_, buffer));
    }
    expanded_bytes_ += buffer.size();
    return buffer.Aligned(sizeof(int64_t));
  }

  FlatReader& flat_;
  const io::Buffer& body_;
  const IpcDictionaries& dictionaries_;
  std::optional<IpcCodec> codec_;
  FlatVector nodes_;
  FlatVector buffers_;
  FlatVector variadic_counts_;
  size_t next_node_ = 0;
  size_t next_buffer_ = 0;
  size_t next_variadic_ = 0;
  int64_t longest_ = 0;          // values of the longest array
  uint64_t expanded_bytes_ = 0;  // of all buffers
  size_t compressed_bytes_ = 0;
};

}  // namespace

absl::StatusOr<IpcColumns> ReadIpcColumns(FlatReader& flat, FlatTable batch,
                                          std::span<const IpcField> fields, const io::Buffer& body,
                                          const IpcDictionaries& dictionaries) {
  return BatchReader(flat, body, dictionaries).Read(batch, fields);
}

}  // namespace og::format
