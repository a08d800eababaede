// Groups of rows and what is accumulated for each of them. Groups are numbered in the order in
// which they first appear; accumulation goes in row order, so that sums of floats are reproducible.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

#include "engine/exec/byte_blocks.h"
#include "engine/exec/key_groups.h"
#include "engine/query/ast.h"
#include "format/arrow/array.h"
#include "format/arrow/builder.h"

namespace og::engine::exec {

inline constexpr uint32_t kNoGroup = ~uint32_t{0};

struct AggregateSpec {
  query::AggregateFunction function = query::AggregateFunction::kCount;
  format::TypePtr type;  // of the argument; null: rows are counted
};

// A value for each row: value rows[i] of `values` for row i.
struct RowValues {
  format::ArrayPtr values;  // null where rows are counted
  std::span<const uint32_t> rows;
};

// One aggregate of the result, accumulated for every group.
class Accumulator;

class GroupTable {
 public:
  // kBadRequest for an aggregate of a type that it cannot be made of.
  static absl::StatusOr<std::unique_ptr<GroupTable>> Make(
      const std::vector<format::TypePtr>& key_types, const std::vector<AggregateSpec>& aggregates);
  ~GroupTable();

  // The group that has the keys of `group`, a new one if there is none and `may_add`, else
  // kNoGroup. `row_number`: the number among all rows of the row that asks.
  uint32_t GroupOf(const KeyGroups& rows, const KeyGroups::Group& group, int64_t row_number,
                   bool may_add);

  // Row i of the arguments (one for each aggregate) belongs to groups[i].
  absl::Status Accumulate(std::span<const RowValues> arguments, std::span<const uint32_t> groups);

  // One group without keys, for a query that has none.
  void AddOnlyGroup() { num_groups_ = 1; }
  size_t num_groups() const { return num_groups_; }

  // Memory that it takes, about.
  uint64_t MemoryBytes() const;
  // Whether a column has so many bytes that groups should go elsewhere.
  bool full() const;

  // A value a group in each column. Once.
  struct Columns {
    std::vector<format::ArrayPtr> keys;
    std::vector<format::ArrayPtr> aggregates;
    format::ArrayPtr first_rows;  // int64: the number of the row that began the group
  };
  Columns Finish();

 private:
  GroupTable() = default;

  struct Aggregate {
    AggregateSpec spec;
    std::unique_ptr<Accumulator> accumulator;
  };

  struct Slot {
    uint64_t hash = 0;
    uint32_t group = kNoGroup;
  };

  void GrowSlots();

  std::vector<std::unique_ptr<format::ArrayBuilder>> key_builders_;
  std::vector<Aggregate> aggregates_;
  std::vector<Slot> slots_;  // by hash, open addressing; a power of two, at most half full
  std::vector<std::string_view> key_bytes_;  // by group, in blocks_
  ByteBlocks blocks_;
  std::vector<int64_t> first_rows_;
  size_t num_groups_ = 0;
};

}  // namespace og::engine::exec
