// Dense numbers for the nodes of one type: the node in row i of the table, in scan order, has
// number i. Found by id through open addressing over row numbers. Short ids are kept by number,
// longer ones stay in the arrays that they came in.
//
//   NodeIndex people(env.memory());
//   OG_RETURN_IF_ERROR(people.Add(batch.columns[0]));
//   std::optional<uint32_t> alice = people.Find("alice");
//
// Thread-compatible: Add from one thread, then any number of const calls together.
#pragma once

#include <array>
#include <cstdint>
#include <cstring>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "absl/status/status.h"

#include "format/arrow/array.h"
#include "io/base/block_allocator.h"
#include "io/env/memory_budget.h"

namespace og::engine::topology {

// No node: an id that the table does not hold.
inline constexpr uint32_t kNoNode = ~uint32_t{0};

class NodeIndex {
 public:
  // Memory is reserved from `budget`.
  explicit NodeIndex(std::shared_ptr<io::MemoryBudget> budget) : budget_(std::move(budget)) {}

  // Makes room for `num_nodes` nodes in all, so that adding them moves nothing. Not needed.
  //
  //   kResourceExhausted  the budget refuses
  absl::Status Reserve(uint64_t num_nodes);

  // Numbers the ids of `ids` (utf8, large utf8, or a dictionary of these) after those so far. A
  // null gets a number and is not found; of equal ids the first is found.
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

  // The id of node `number`; an empty text for a null. Valid until the next Add.
  std::string_view Id(uint32_t number) const { return entries_[number].id(); }

 private:
  // An id: in place, or its start and where it lies. A line of the cache holds two of them.
  class alignas(32) Entry {
   public:
    static constexpr size_t kInPlaceMax = 28;

    Entry() = default;
    explicit Entry(std::string_view id) : size_(static_cast<uint32_t>(id.size())) {
      if (id.size() <= kInPlaceMax) {
        if (!id.empty()) std::memcpy(bytes_.data(), id.data(), id.size());
      } else {
        const char* const data = id.data();
        std::memcpy(bytes_.data(), &data, sizeof(data));
      }
    }
    bool is_null() const { return size_ == kNull; }
    // Whether this is `id`; not for a null. Without a call for the lengths that ids usually have.
    bool Is(std::string_view id) const {
      if (id.size() != size_) return false;
      if (size_ > kInPlaceMax || size_ < sizeof(uint64_t)) return id == this->id();
      const auto differs = [&](size_t at) {
        uint64_t mine = 0;
        uint64_t theirs = 0;
        std::memcpy(&mine, bytes_.data() + at, sizeof(mine));
        std::memcpy(&theirs, id.data() + at, sizeof(theirs));
        return mine != theirs;
      };
      for (size_t at = 0; at + sizeof(uint64_t) < size_; at += sizeof(uint64_t)) {
        if (differs(at)) return false;
      }
      return !differs(size_ - sizeof(uint64_t));
    }
    std::string_view id() const {
      if (is_null()) return {};
      if (size_ <= kInPlaceMax) return {bytes_.data(), size_};
      const char* data = nullptr;
      std::memcpy(&data, bytes_.data(), sizeof(data));
      return {data, size_};
    }

   private:
    static constexpr uint32_t kNull = ~uint32_t{0};
    uint32_t size_ = kNull;
    std::array<char, kInPlaceMax> bytes_ = {};
  };
  // `tag` is the upper half of the hash; an empty slot has number kNoNode.
  struct Slot {
    uint32_t tag = 0;
    uint32_t number = kNoNode;
  };

  uint32_t Probe(uint64_t hash, std::string_view id) const;
  // Gives nodes from `first` on, entries already, their slots.
  void Insert(uint32_t first);
  void InsertOne(uint32_t number, uint64_t hash);

  std::shared_ptr<io::MemoryBudget> budget_;
  io::MemoryReservation memory_;
  uint64_t kept_bytes_ = 0;             // of kept_
  std::vector<format::ArrayPtr> kept_;  // with ids that are not in place
  std::vector<Entry, io::BlockAllocator<Entry>> entries_;
  std::vector<Slot, io::BlockAllocator<Slot>> slots_;  // a power of two, at most half full
};

// Whether `type` is utf8, large utf8, or a dictionary of one of them.
bool IsText(const format::DataType& type);

}  // namespace og::engine::topology
