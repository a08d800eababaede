// Arrays and batches: columnar values in Arrow's memory layout.
//
//   validity   bitmap, least significant bit first, 1 = valid; absent when nothing is null
//   offsets    length + 1 offsets of 32 bits (utf8, binary, list, map) or 64 (large forms)
//   values     fixed-width values back to back (bool: bitmap); the bytes of utf8 and binary;
//              the indices of a dictionary
//   children   struct: one array per field; list, fixed-size list, map: one array
//   dictionary the values that indices point into
//
// `offset` is a slice's start, in values, and applies to validity, offsets, values and (for structs
// and fixed-size lists, times list_size) to children. An array is immutable once shared.
// All const operations may run in any number of threads.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

#include "format/arrow/type.h"
#include "io/base/bits.h"
#include "io/base/buffer.h"
#include "io/base/endian.h"

namespace og::format {

struct Array;
using ArrayPtr = std::shared_ptr<const Array>;

struct Array {
  TypePtr type;
  int64_t length = 0;
  int64_t offset = 0;
  int64_t null_count = 0;  // always exact
  io::Buffer validity;
  io::Buffer offsets;
  io::Buffer values;
  std::vector<ArrayPtr> children;
  ArrayPtr dictionary;

  bool IsNull(int64_t i) const { return !IsValid(i); }
  // Whether value i is not null. A null-type array has only nulls.
  bool IsValid(int64_t i) const {
    return validity.empty() ? null_count == 0
                            : io::GetBit(validity.data(), static_cast<size_t>(offset + i));
  }

  // Fixed-width value i. REQUIRES: sizeof(T) is the value's width. Works at any alignment.
  template <typename T>
  T Value(int64_t i) const {
    return io::LoadLe<T>(values.data() + static_cast<size_t>(offset + i) * sizeof(T));
  }

  // Boolean value i.
  bool BoolValue(int64_t i) const {
    return io::GetBit(values.data(), static_cast<size_t>(offset + i));
  }

  // Values from the slice's start. REQUIRES: fixed width, buffer aligned for T.
  template <typename T>
  std::span<const T> Values() const {
    return {values.as<T>() + offset, static_cast<size_t>(length)};
  }

  // Start of entry i, 0 <= i <= length, in bytes (utf8, binary) or items (list, map).
  int64_t OffsetAt(int64_t i) const {
    const auto at = static_cast<size_t>(offset + i);
    return type->has_large_offsets()
               ? io::LoadLe<int64_t>(offsets.data() + at * 8)
               : static_cast<int64_t>(io::LoadLe<int32_t>(offsets.data() + at * 4));
  }

  // Bytes of utf8 or binary value i (also of fixed-size binary).
  std::string_view StringValue(int64_t i) const {
    if (type->id == TypeId::kFixedSizeBinary) {
      const auto width = static_cast<size_t>(type->byte_width);
      return values.view().substr(static_cast<size_t>(offset + i) * width, width);
    }
    const int64_t start = OffsetAt(i);
    return {reinterpret_cast<const char*>(values.data()) + start,
            static_cast<size_t>(OffsetAt(i + 1) - start)};
  }

  // Bytes of all buffers that this array holds, children included; shared ones count each time.
  size_t MemoryBytes() const;
};

// Values [offset, offset + length) of `array`, sharing memory. REQUIRES: inside the array.
ArrayPtr Slice(const ArrayPtr& array, int64_t offset, int64_t length);

// `array` with the values that `indices` name, in that order; an index of -1 gives a null.
// REQUIRES: every index is -1 or inside the array; the result keeps within its 32-bit offsets.
ArrayPtr Take(const Array& array, std::span<const int64_t> indices);

// The arrays one after the other. Different dictionaries become one, without doubles.
// REQUIRES: at least one, all of equal type; the result keeps within its 32-bit offsets or its
// dictionary's index type.
ArrayPtr Concat(std::span<const ArrayPtr> arrays);

// The most bytes or items behind 32-bit offsets.
inline constexpr int64_t kOffsetMax = 0x7FFF'FFFF;

// As Take() and Concat() where the result may not keep within these: kResourceExhausted then, and
// if texts have more than `bytes_max` bytes.
absl::StatusOr<ArrayPtr> TryTake(const Array& array, std::span<const int64_t> indices,
                                 int64_t bytes_max = kOffsetMax);
absl::StatusOr<ArrayPtr> TryConcat(std::span<const ArrayPtr> arrays);

// The position in `array.dictionary` of value i. REQUIRES: a dictionary array, value i not null.
int64_t DictionaryIndex(const Array& array, int64_t i);

// The values of a dictionary array as an array of their own type; a null entry of the dictionary
// is a null. Any other array comes back as it is.
ArrayPtr DecodeDictionary(const ArrayPtr& array);
// The same where the values may not keep within 32-bit offsets: kResourceExhausted then.
absl::StatusOr<ArrayPtr> TryDecodeDictionary(const ArrayPtr& array);

// `length` nulls of `type`.
ArrayPtr NullArray(const TypePtr& type, int64_t length);

// An array of no values.
ArrayPtr EmptyArray(const TypePtr& type);

// Whether both hold the same values: types equal, nulls in the same places, null != empty.
// Floating-point values compare by bit pattern, except that all NaNs are equal.
bool Equal(const Array& a, const Array& b);

// Deepest nesting of types that Validate and the importers accept.
inline constexpr int kTypeDepthMax = 64;

// Checks everything that a reader relies on: buffer sizes, offsets (monotonic, in bounds), child
// lengths, null counts, dictionary indices, UTF-8 of strings. For data from outside.
// kDataLoss names the first thing found wrong.
absl::Status Validate(const Array& array);

// Rows as one array per field. Lengths equal num_rows.
struct RecordBatch {
  SchemaPtr schema;
  int64_t num_rows = 0;
  std::vector<ArrayPtr> columns;

  // The column named `name`, or null.
  ArrayPtr Column(std::string_view name) const;
};

RecordBatch Slice(const RecordBatch& batch, int64_t offset, int64_t length);
RecordBatch Take(const RecordBatch& batch, std::span<const int64_t> indices);
// REQUIRES: at least one batch, equal schemas.
RecordBatch Concat(std::span<const RecordBatch> batches);
// The same where a column may not keep within 32-bit offsets: kResourceExhausted that names it.
absl::StatusOr<RecordBatch> TryTake(const RecordBatch& batch, std::span<const int64_t> indices);
absl::StatusOr<RecordBatch> TryConcat(std::span<const RecordBatch> batches);
bool Equal(const RecordBatch& a, const RecordBatch& b);
RecordBatch EmptyBatch(const SchemaPtr& schema);
// Bytes of all columns.
size_t MemoryBytes(const RecordBatch& batch);

// A source of batches, in order. Not thread-safe: one consumer.
class BatchStream {
 public:
  virtual ~BatchStream() = default;
  virtual const SchemaPtr& schema() const = 0;
  // The next batch; nullopt at the end. After an error or the end no call may follow.
  virtual absl::StatusOr<std::optional<RecordBatch>> Next() = 0;
};

// All batches of `stream` as one.
absl::StatusOr<RecordBatch> Collect(BatchStream& stream);

// A stream over batches in memory. REQUIRES: all have `schema`.
std::unique_ptr<BatchStream> MakeStream(SchemaPtr schema, std::vector<RecordBatch> batches);

}  // namespace og::format
