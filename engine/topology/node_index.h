// Dense numbers for the nodes of one type: the node in row i of the table, in scan order, has
// number i. Found by id through open addressing over row numbers; the ids themselves stay in the
// arrays that they came in.
//
//   NodeIndex people(env.memory());
//   OG_RETURN_IF_ERROR(people.Add(batch.columns[0]));
//   std::optional<uint32_t> alice = people.Find("alice");
//
// Thread-compatible: Add from one thread, then any number of const calls together.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "absl/status/status.h"

#include "format/arrow/array.h"
#include "io/env/memory_budget.h"

namespace og::engine::topology {

// No node: an id that the table does not hold.
inline constexpr uint32_t kNoNode = ~uint32_t{0};

class NodeIndex {
 public:
  // Memory is reserved from `budget`.
  explicit NodeIndex(std::shared_ptr<io::MemoryBudget> budget) : budget_(std::move(budget)) {}

  // Numbers the ids of `ids` (utf8, large utf8, or a dictionary of these) after those so far, and
  // keeps the array. A null gets a number and is not found; of equal ids the first is found.
  //
  //   kInvalidArgument    `ids` is not text
  //   kResourceExhausted  the budget refuses, or there are more than 2^32 - 2 nodes
  absl::Status Add(const format::ArrayPtr& ids);

  // What is reserved for it.
  uint64_t MemoryBytes() const { return memory_.bytes(); }

  uint32_t num_nodes() const { return static_cast<uint32_t>(entries_.size()); }

  // The number of the node with this id.
  std::optional<uint32_t> Find(std::string_view id) const;

  // The number of each value of `ids`, kNoNode for nulls and unknown ids. Entries of a dictionary
  // that is no longer than the array are looked up once. REQUIRES: text as in Add.
  std::vector<uint32_t> FindAll(const format::Array& ids) const;

  // The id of node `number`; an empty text for a null. Valid as long as the index.
  std::string_view Id(uint32_t number) const {
    return {entries_[number].data, entries_[number].size};
  }

 private:
  struct Entry {
    const char* data = nullptr;
    uint32_t size = 0;
  };
  // `tag` is the upper half of the hash; an empty slot has number kNoNode.
  struct Slot {
    uint32_t tag = 0;
    uint32_t number = kNoNode;
  };

  uint32_t Probe(uint64_t hash, std::string_view id) const;
  void Insert(uint32_t number);
  // Makes room for `num_nodes` nodes.
  absl::Status Grow(size_t num_nodes);

  std::shared_ptr<io::MemoryBudget> budget_;
  io::MemoryReservation memory_;
  uint64_t kept_bytes_ = 0;  // of kept_
  std::vector<format::ArrayPtr> kept_;
  std::vector<Entry> entries_;
  std::vector<Slot> slots_;  // a power of two, at most half full
};

// Whether `type` is utf8, large utf8, or a dictionary of one of them.
bool IsText(const format::DataType& type);

}  // namespace og::engine::topology
