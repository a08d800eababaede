#include "engine/topology/node_index.h"

#include <algorithm>
#include <bit>
#include <utility>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "io/base/status.h"
#include "io/base/status_macros.h"
#include "io/base/text.h"

namespace og::engine::topology {
namespace {

using format::Array;
using format::TypeId;

// Ids that are worked on together, one memory access of each after the other: enough to hide the
// latency of memory.
constexpr uint32_t kTogether = 64;

uint64_t HashOf(std::string_view id) {
  return XXH3_64bits(id.data(), id.size());
}

uint32_t TagOf(uint64_t hash) {
  return static_cast<uint32_t>(hash >> 32);
}

// Text value i, empty for null, through a dictionary if there is one.
std::string_view TextAt(const Array& array, int64_t i) {
  if (array.IsNull(i)) return {};
  if (array.type->id != TypeId::kDictionary) return array.StringValue(i);
  const int64_t entry = DictionaryIndex(array, i);
  return array.dictionary->IsNull(entry) ? std::string_view()
                                         : array.dictionary->StringValue(entry);
}

bool IsNullAt(const Array& array, int64_t i) {
  if (array.IsNull(i)) return true;
  return array.type->id == TypeId::kDictionary && array.dictionary->null_count != 0 &&
         array.dictionary->IsNull(DictionaryIndex(array, i));
}

// Bytes of the values of `array`, a slice's own only: batches may share the buffers of a page.
uint64_t BytesOf(const Array& array) {
  const auto length = static_cast<uint64_t>(array.length);
  if (array.type->id == TypeId::kDictionary) return 4 * length + BytesOf(*array.dictionary);
  return 4 * length + static_cast<uint64_t>(array.OffsetAt(array.length) - array.OffsetAt(0));
}

}  // namespace

bool IsText(const format::DataType& type) {
  if (type.id == TypeId::kDictionary) return IsText(*type.value_type);
  return type.id == TypeId::kUtf8 || type.id == TypeId::kLargeUtf8;
}

absl::Status NodeIndex::Reserve(uint64_t num_nodes) {
  if (num_nodes >= kNoNode) {
    return io::ResourceExhaustedError(
        io::StrCat("a topology holds fewer than ", kNoNode, " nodes of a type, got ", num_nodes));
  }
  const size_t num_entries = num_nodes <= entries_.capacity()
                                 ? entries_.capacity()
                                 : std::max<size_t>(num_nodes, entries_.size() * 2);
  const size_t wanted = std::bit_ceil(std::max<size_t>(num_nodes * 2, 64));
  const size_t num_slots = std::max(wanted, slots_.size());
  const uint64_t bytes = num_slots * sizeof(Slot) + num_entries * sizeof(Entry) + kept_bytes_;
  if (memory_.bytes() == 0) {
    OG_ASSIGN_OR_RETURN(memory_, budget_->Reserve(bytes));
  } else {
    OG_RETURN_IF_ERROR(memory_.Resize(bytes));
  }
  entries_.reserve(num_entries);
  if (num_slots == slots_.size()) return absl::OkStatus();
  slots_.assign(num_slots, Slot{});
  Insert(0);
  return absl::OkStatus();
}

void NodeIndex::InsertOne(uint32_t number, uint64_t hash) {
  const size_t mask = slots_.size() - 1;
  for (size_t at = hash & mask;; at = (at + 1) & mask) {
    Slot& slot = slots_[at];
    if (slot.number == kNoNode) {
      slot = {TagOf(hash), number};
      return;
    }
    if (slot.tag == TagOf(hash) && Id(slot.number) == Id(number)) return;
  }
}

void NodeIndex::Insert(uint32_t first) {
  const size_t mask = slots_.size() - 1;
  uint64_t hashes[kTogether];
  for (uint32_t start = first; start < entries_.size(); start += kTogether) {
    const auto count = static_cast<uint32_t>(std::min<size_t>(kTogether, entries_.size() - start));
    for (uint32_t k = 0; k < count; ++k) {
      hashes[k] = HashOf(Id(start + k));
      __builtin_prefetch(&slots_[hashes[k] & mask], 1);
    }
    for (uint32_t k = 0; k < count; ++k) {
      if (!entries_[start + k].is_null()) InsertOne(start + k, hashes[k]);
    }
  }
}

absl::Status NodeIndex::Add(const format::ArrayPtr& ids) {
  if (!IsText(*ids->type)) {
    return io::InvalidArgumentError(
        io::StrCat("ids of nodes are text, got ", ids->type->ToString()));
  }
  const auto first = static_cast<uint32_t>(entries_.size());
  const uint64_t kept_bytes = kept_bytes_;
  kept_bytes_ += BytesOf(*ids);
  OG_RETURN_IF_ERROR(Reserve(uint64_t{first} + static_cast<uint64_t>(ids->length)));
  bool is_kept = false;
  for (int64_t i = 0; i < ids->length; ++i) {
    if (IsNullAt(*ids, i)) {
      entries_.emplace_back();
      continue;
    }
    const std::string_view id = TextAt(*ids, i);
    entries_.emplace_back(id);
    is_kept = is_kept || id.size() > Entry::kInPlaceMax;
  }
  if (is_kept) {
    kept_.push_back(ids);
  } else {
    kept_bytes_ = kept_bytes;
  }
  Insert(first);
  return absl::OkStatus();
}

uint32_t NodeIndex::Probe(uint64_t hash, std::string_view id) const {
  const size_t mask = slots_.size() - 1;
  for (size_t at = hash & mask;; at = (at + 1) & mask) {
    const Slot& slot = slots_[at];
    if (slot.number == kNoNode) return kNoNode;
    if (slot.tag == TagOf(hash) && Id(slot.number) == id) return slot.number;
  }
}

std::optional<uint32_t> NodeIndex::Find(std::string_view id) const {
  if (slots_.empty()) return std::nullopt;
  const uint32_t number = Probe(HashOf(id), id);
  if (number == kNoNode) return std::nullopt;
  return number;
}

std::vector<uint32_t> NodeIndex::FindAll(const Array& ids) const {
  std::vector<uint32_t> numbers(static_cast<size_t>(ids.length), kNoNode);
  if (slots_.empty()) return numbers;
  if (ids.type->id == TypeId::kDictionary && ids.dictionary->length <= ids.length) {
    const std::vector<uint32_t> of_entries = FindAll(*ids.dictionary);
    for (int64_t i = 0; i < ids.length; ++i) {
      if (ids.IsValid(i)) {
        numbers[static_cast<size_t>(i)] = of_entries[static_cast<size_t>(DictionaryIndex(ids, i))];
      }
    }
    return numbers;
  }
  const size_t mask = slots_.size() - 1;
  uint64_t hashes[kTogether];
  std::string_view texts[kTogether];
  uint32_t candidates[kTogether];  // whose tag is the same
  for (size_t start = 0; start < numbers.size(); start += kTogether) {
    const size_t count = std::min<size_t>(kTogether, numbers.size() - start);
    for (size_t k = 0; k < count; ++k) {
      texts[k] = TextAt(ids, static_cast<int64_t>(start + k));
      hashes[k] = HashOf(texts[k]);
      __builtin_prefetch(&slots_[hashes[k] & mask]);
    }
    for (size_t k = 0; k < count; ++k) {
      size_t at = hashes[k] & mask;
      while (slots_[at].number != kNoNode && slots_[at].tag != TagOf(hashes[k]))
        at = (at + 1) & mask;
      candidates[k] = slots_[at].number;
      if (candidates[k] != kNoNode) __builtin_prefetch(&entries_[candidates[k]]);
    }
    for (size_t k = 0; k < count; ++k) {
      if (candidates[k] == kNoNode || IsNullAt(ids, static_cast<int64_t>(start + k))) continue;
      numbers[start + k] =
          entries_[candidates[k]].Is(texts[k]) ? candidates[k] : Probe(hashes[k], texts[k]);
    }
  }
  return numbers;
}

}  // namespace og::engine::topology
