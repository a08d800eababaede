// Keys of rows for joins: the values of some columns as bytes that are equal when the values are.
// A key with a null in it equals none, itself included.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

#include "format/arrow/array.h"

namespace og::engine::dataset {

// A row by its batch and its place there.
struct RowRef {
  uint32_t batch = 0;
  uint32_t row = 0;
  friend bool operator==(const RowRef&, const RowRef&) = default;
};

// The bytes of row `i` of `columns` in `key`; false if one of the values is null.
bool EncodeKey(std::span<const format::ArrayPtr> columns, int64_t i, std::string& key);

// The hash of an encoded key; equal in every process.
uint64_t HashKey(std::string_view key);

// "id = 5, name = \"a\"": row `i` of the columns, for messages.
std::string KeyText(std::span<const std::string> names, std::span<const format::ArrayPtr> columns,
                    int64_t i);

// The columns `names` of `batch`, dictionaries decoded. kInvalidArgument if one is not there.
absl::StatusOr<std::vector<format::ArrayPtr>> KeyColumns(const format::RecordBatch& batch,
                                                         std::span<const std::string> names);

// From keys to the rows of some batches that have them, in the order in which they were added.
// Thread-compatible.
class KeyTable {
 public:
  // Adds all rows of a batch with these key columns. Rows with a null in the key are left out.
  void AddBatch(std::span<const format::ArrayPtr> columns);

  // A row that was added; positions count in order.
  struct Entry {
    RowRef row;
    uint32_t key_bytes = 0;
    uint32_t tag = 0;  // of the hash: keys of other tags differ
    uint64_t key_offset = 0;
    uint64_t next = kNone;  // with the same hash
  };
  static constexpr uint64_t kNone = UINT64_MAX;

  const std::vector<Entry>& entries() const { return entries_; }

  // Appends the positions of the entries with `key`, ascending, to `found`.
  void Find(std::string_view key, std::vector<uint64_t>& found) const;

  // Bytes held.
  size_t MemoryBytes() const;

 private:
  void Rehash();
  std::string_view KeyOf(const Entry& entry) const {
    return std::string_view(keys_).substr(entry.key_offset, entry.key_bytes);
  }

  struct Slot {
    uint64_t first = kNone;
    uint64_t last = kNone;
  };

  std::string keys_;
  std::vector<Entry> entries_;
  std::vector<Slot> slots_;  // a power of two
  uint32_t num_batches_ = 0;
};

// Rows of `batches` in this order as one batch. REQUIRES: at least one batch, all of one schema.
format::RecordBatch Gather(std::span<const format::RecordBatch> batches,
                           std::span<const RowRef> rows);

}  // namespace og::engine::dataset
