// Rows of bindings between operators. A row says for each variable which node or edge it is bound
// to, as a slot of a set of distinct entities; a property is read when somebody asks for it, once
// for each entity and not for each row.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

#include "engine/exec/tables.h"
#include "format/arrow/array.h"

namespace og::engine::exec {

// Bytes of the values of `array` alone: a slice shares its buffers with others. A dictionary counts
// as a whole.
uint64_t OwnBytes(const format::Array& array);
uint64_t OwnBytes(const format::RecordBatch& batch);

// Values of a column: those of entity i at places[i], or at i if there are no places.
struct ColumnView {
  format::ArrayPtr values;
  std::span<const uint32_t> places;
};

// Entities of one type, and the columns of them that were read so far.
class Entities {
 public:
  // Rows that a scan gave, with the columns it gave and the row address of each. Without addresses
  // there are no other columns and no numbers.
  Entities(Table* table, const format::RecordBatch& columns, std::vector<uint64_t> addresses);

  // Nodes by dense number. REQUIRES: the table's index exists.
  Entities(Table* table, std::vector<uint32_t> numbers);

  size_t size() const { return size_; }
  Table* table() const { return table_; }

  // Reads those of the columns `names` that are missing.
  absl::Status Fetch(const std::vector<std::string>& names);

  // Column `name`, one value an entity.
  absl::StatusOr<format::ArrayPtr> Column(const std::string& name);
  // The same where it lies, with a dictionary if it was read with one. Valid as long as the
  // entities.
  absl::StatusOr<ColumnView> View(const std::string& name);

  // The entities at `slots`, in that order, with the columns that are known of them.
  std::shared_ptr<Entities> Pick(std::span<const uint32_t> slots) const;

  // Bytes of the columns and places that are held.
  uint64_t MemoryBytes() const;

  // Dense numbers of nodes.
  absl::StatusOr<std::span<const uint32_t>> Numbers();

 private:
  Table* table_;
  size_t size_;
  bool is_numbered_;
  std::vector<uint64_t> addresses_;  // unless is_numbered_
  std::vector<uint32_t> numbers_;    // if is_numbered_, or once they were asked for
  std::map<std::string, format::ArrayPtr> columns_;
};

// What one variable is bound to in each row.
struct Binding {
  std::shared_ptr<Entities> entities;  // null: not bound yet
  std::vector<uint32_t> slots;
};

struct Chunk {
  size_t num_rows = 0;
  std::vector<Binding> bindings;  // by variable number
  std::vector<uint32_t> origins;  // inside a negation: the outer row of each row

  // Rows `rows` of this chunk, in that order.
  Chunk Pick(std::span<const uint32_t> rows) const;

  // The same rows with entities that no row is bound to left out, where they are most. What is read
  // from then on is read for the rows that are left.
  Chunk Compact() const;

  // Both halves of the rows, compact. REQUIRES: two rows.
  std::array<Chunk, 2> Halves() const;

  // Property `column` of variable `variable`, one value a row. kResourceExhausted if the rows have
  // more than one array holds, or texts of more than `bytes_max` that are not in memory as they
  // are: fewer rows may do.
  absl::StatusOr<format::ArrayPtr> Column(size_t variable, const std::string& column,
                                          int64_t bytes_max = format::kOffsetMax) const;

  // Bytes of the slots; entities are shared with other chunks and not counted.
  uint64_t MemoryBytes() const;
};

// A stage of the pipeline: takes chunks, hands chunks to the next stage.
class Operator {
 public:
  virtual ~Operator() = default;

  // Takes the next rows. What is held back comes out by Flush at the latest.
  virtual absl::Status Push(const Chunk& chunk) = 0;

  // Hands on what is held back, and flushes the next stage. May be followed by more Push.
  virtual absl::Status Flush() = 0;

  // No more rows are wanted: whoever produces them may stop.
  virtual bool done() const = 0;
};

// A stage in front of another one.
class Stage : public Operator {
 public:
  explicit Stage(Operator* next) : next_(next) {}
  absl::Status Flush() override { return next_->Flush(); }
  bool done() const override { return next_->done(); }

 protected:
  Operator& next() { return *next_; }

 private:
  Operator* next_;
};

}  // namespace og::engine::exec
