// Groups of rows and what is accumulated for each of them. Groups are numbered in the order in
// which they first appear; accumulation goes in row order, so that sums of floats are reproducible.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"

#include "engine/query/ast.h"
#include "format/arrow/array.h"
#include "format/arrow/builder.h"

namespace og::engine::exec {

inline constexpr uint32_t kNoGroup = ~uint32_t{0};

struct AggregateSpec {
  query::AggregateFunction function = query::AggregateFunction::kCount;
  format::TypePtr type;  // of the argument; null: rows are counted
};

// One aggregate of the result, accumulated for every group.
class Accumulator;

class GroupTable {
 public:
  // kBadRequest for an aggregate of a type that it cannot be made of.
  static absl::StatusOr<std::unique_ptr<GroupTable>> Make(
      const std::vector<format::TypePtr>& key_types, const std::vector<AggregateSpec>& aggregates);
  ~GroupTable();

  // The group of row `row` of the key columns, a new one if it is new and `may_add`, else kNoGroup.
  // `row_number` is the row's among all rows.
  uint32_t GroupOf(const std::vector<format::ArrayPtr>& keys, int64_t row, int64_t row_number,
                   bool may_add);
  // A hash of the keys of the last call of GroupOf.
  uint64_t last_hash() const;

  // Row i of the arguments (one for each aggregate, null where rows are counted) belongs to
  // groups[i].
  absl::Status Accumulate(const std::vector<format::ArrayPtr>& arguments,
                          const std::vector<uint32_t>& groups);

  // One group without keys, for a query that has none.
  void AddOnlyGroup() { num_groups_ = 1; }
  size_t num_groups() const { return num_groups_; }

  // Memory that it takes, about.
  uint64_t MemoryBytes() const;

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

  std::vector<std::unique_ptr<format::ArrayBuilder>> key_builders_;
  std::vector<Aggregate> aggregates_;
  absl::flat_hash_map<std::string, uint32_t> groups_;
  std::vector<int64_t> first_rows_;
  size_t num_groups_ = 0;
  uint64_t key_bytes_ = 0;
  std::string text_;
};

}  // namespace og::engine::exec
