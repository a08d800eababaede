// Keys of rows for joins: the values of some columns as bytes that are equal when the values are.
// A key with a null in it equals none, itself included.
#pragma once

#include <cstddef>
#include <cstdint>
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

// The keys of the rows of a batch, encoded and hashed. Equal keys have equal bytes and hashes, in
// every batch and process.
class KeyBatch {
 public:
  // `columns` as KeyColumns() gives them, at least one; borrowed for the life of the batch if a key
  // is one column of fixed width.
  explicit KeyBatch(std::span<const format::ArrayPtr> columns);

  int64_t num_rows() const { return num_rows_; }
  // Bytes of every key; 0 if they differ.
  size_t width() const { return width_; }
  // Whether a value in the key of row `i` is null. Such a key has neither bytes nor hash.
  bool IsNull(int64_t i) const { return has_nulls_ && is_null_[static_cast<size_t>(i)]; }
  uint64_t Hash(int64_t i) const { return hashes_[static_cast<size_t>(i)]; }
  std::string_view Bytes(int64_t i) const {
    const auto row = static_cast<size_t>(i);
    return width_ != 0 ? bytes_.substr(row * width_, width_)
                       : bytes_.substr(ends_[row], ends_[row + 1] - ends_[row]);
  }

 private:
  int64_t num_rows_ = 0;
  size_t width_ = 0;        // of every key; 0: they differ
  std::string_view bytes_;  // of the column itself, or of encoded_
  std::string encoded_;
  std::vector<size_t> ends_;  // num_rows_ + 1; empty if width_ says it
  std::vector<uint64_t> hashes_;
  std::vector<bool> is_null_;
  bool has_nulls_ = false;
};

// "id = 5, name = \"a\"": row `i` of the columns, for messages.
std::string KeyText(std::span<const std::string> names, std::span<const format::ArrayPtr> columns,
                    int64_t i);

// The columns `names` of `batch`, dictionaries decoded. kInvalidArgument if one is not there.
absl::StatusOr<std::vector<format::ArrayPtr>> KeyColumns(const format::RecordBatch& batch,
                                                         std::span<const std::string> names);

// From keys to the rows of some batches that have them. Thread-compatible.
class KeyTable {
 public:
  // Makes room for so many rows.
  void Reserve(size_t num_rows);

  // Adds all rows of a batch. Rows with a null in the key are left out.
  void Add(const KeyBatch& keys);

  // A row with a key that is in the table, and a row that was added with it.
  struct Match {
    int64_t row = 0;
    RowRef added;
  };

  // All matches of the rows of `keys`, by row, those of one row in the order of adding.
  std::vector<Match> Find(const KeyBatch& keys) const;

  // The rows of `keys` with a match, ascending.
  std::vector<int64_t> Matching(const KeyBatch& keys) const;

  // False if no row of `columns`, as KeyColumns() gives them, can have a match, which for numbers
  // the smallest and the largest may tell without hashing any.
  bool MayMatch(std::span<const format::ArrayPtr> columns) const;

 private:
  // Positions among the rows that were added; rows with equal keys form a ring.
  static constexpr uint64_t kNone = (uint64_t{1} << 40) - 1;
  struct Entry {
    RowRef row;
    uint64_t next = 0;  // in the ring
  };

  // A key: 24 bits of its hash above the position of the row that has come last.
  static uint64_t SlotOf(uint64_t hash, uint64_t position) { return (hash >> 40 << 40) | position; }
  static uint64_t PositionIn(uint64_t slot) { return slot & kNone; }

  // The bit of seen_ for a hash.
  size_t BitOf(uint64_t hash) const { return (hash >> 8) & (seen_.size() * 64 - 1); }
  bool MayHave(uint64_t hash) const {
    const size_t bit = BitOf(hash);
    return (seen_[bit / 64] >> (bit % 64) & 1) != 0;
  }
  void NoteNumbers(const KeyBatch& keys);
  void Insert(uint64_t position, uint64_t hash);
  void GrowTo(size_t num_slots);
  // The slot from `at` on that is empty or may be that of a key with `hash`.
  size_t SlotFrom(uint64_t hash, size_t at) const;
  // Calls visit(row, last) for every row of `keys` with a match.
  template <typename Visit>
  void ForEachMatching(const KeyBatch& keys, Visit visit) const;
  size_t KeyStart(uint64_t position) const {
    return width_ != 0 ? position * width_ : (position == 0 ? 0 : key_ends_[position - 1]);
  }
  std::string_view KeyOf(uint64_t position) const {
    const size_t start = KeyStart(position);
    const size_t end = width_ != 0 ? start + width_ : key_ends_[position];
    return std::string_view(keys_).substr(start, end - start);
  }

  std::string keys_;
  size_t width_ = 0;  // of every key so far; 0: they differ
  std::vector<size_t> key_ends_;
  std::vector<Entry> entries_;
  std::vector<uint64_t> slots_;  // a power of two, or none
  // A bit for each value of some bits of the hash that a key has: mostly says that there is none,
  // from memory that a cache holds.
  std::vector<uint64_t> seen_;
  uint32_t num_batches_ = 0;
  // Of the keys as numbers, while all are of 4 or all of 8 bytes.
  int64_t min_ = INT64_MAX;
  int64_t max_ = INT64_MIN;
};

// Rows of `batches` in this order as one batch. REQUIRES: at least one batch, all of one schema.
absl::StatusOr<format::RecordBatch> Gather(std::span<const format::RecordBatch> batches,
                                           std::span<const RowRef> rows);

}  // namespace og::engine::dataset
