#include "engine/graph/load/key_ledger.h"

#include <algorithm>
#include <string>
#include <utility>

#include <xxhash.h>

#include "io/base/status_macros.h"
#include "io/env/env.h"

namespace og::engine::graph {
namespace {

// Entries as they are kept: the top bits of `high` are the partition's number.
struct Packed {
  uint64_t high;
  uint64_t low;
  uint64_t source_and_row;  // source << 48 | row
  auto operator<=>(const Packed&) const = default;
};
static_assert(sizeof(Packed) == 24);

constexpr int kPartitionBits = 8;
constexpr size_t kNumPartitions = size_t{1} << kPartitionBits;
constexpr uint64_t kRowMask = (uint64_t{1} << 48) - 1;
// Memory is reserved in steps of this size.
constexpr uint64_t kReserveBytes = uint64_t{4} << 20;
// Without any budget left, at least this much stays in memory between two spills.
constexpr uint64_t kMemoryBytesMin = uint64_t{1} << 20;

}  // namespace

struct KeyLedger::Partition {
  struct Run {
    uint64_t offset;  // in the spill file
    uint64_t count;
  };
  std::vector<Packed> entries;
  std::vector<Run> runs;
};

KeyLedger::KeyLedger(io::Env& env, std::shared_ptr<io::MemoryBudget> budget)
    : budget_(std::move(budget)), secret_(env.RandomU64()), partitions_(kNumPartitions) {}

KeyLedger::~KeyLedger() = default;

bool KeyLedger::spilled() const {
  return spill_ != nullptr;
}

KeyHash KeyLedger::Hash(std::string_view key) const {
  const XXH128_hash_t hash = XXH3_128bits_withSeed(key.data(), key.size(), secret_);
  return {hash.low64, hash.high64};
}

KeyHash KeyLedger::Hash(std::span<const std::string_view> parts) const {
  if (parts.size() == 1) return Hash(parts[0]);
  // Hashes have one width, so their sequence is free of ambiguity.
  std::string joined;
  for (const std::string_view part : parts) {
    const KeyHash hash = Hash(part);
    joined.append(reinterpret_cast<const char*>(&hash), sizeof(hash));
  }
  return Hash(joined);
}

absl::Status KeyLedger::Add(const KeyHash& key, uint16_t source, uint64_t row) {
  if (bytes_in_memory_ + sizeof(Packed) > reservation_.bytes() &&
      bytes_in_memory_ >= kMemoryBytesMin) {
    // Vectors grow by doubling: reserve for the larger copy.
    const uint64_t wanted = bytes_in_memory_ + bytes_in_memory_ / 2 + kReserveBytes;
    bool granted = false;
    if (reservation_.bytes() == 0) {
      auto reserved = budget_->Reserve(wanted);
      granted = reserved.ok();
      if (granted) reservation_ = *std::move(reserved);
    } else {
      granted = reservation_.Resize(wanted).ok();
    }
    if (!granted) OG_RETURN_IF_ERROR(Spill());
  }
  partitions_[key.high >> (64 - kPartitionBits)].entries.push_back(
      {key.high, key.low, uint64_t{source} << 48 | (row & kRowMask)});
  bytes_in_memory_ += sizeof(Packed);
  ++num_entries_;
  return absl::OkStatus();
}

absl::Status KeyLedger::Spill() {
  if (spill_ == nullptr) {
    OG_ASSIGN_OR_RETURN(spill_, io::SpillFile::Create());
  }
  for (Partition& partition : partitions_) {
    if (partition.entries.empty()) continue;
    OG_ASSIGN_OR_RETURN(const uint64_t offset,
                        spill_->Append(std::as_bytes(std::span(partition.entries))));
    partition.runs.push_back({offset, partition.entries.size()});
    partition.entries.clear();
  }
  bytes_in_memory_ = 0;
  return absl::OkStatus();
}

absl::Status KeyLedger::Finish(
    const std::function<absl::Status(std::span<const LedgerEntry>)>& visit) {
  std::vector<LedgerEntry> same;
  for (Partition& partition : partitions_) {
    std::vector<Packed> entries = std::move(partition.entries);
    partition.entries.clear();
    uint64_t spilled = 0;
    for (const Partition::Run& run : partition.runs)
      spilled += run.count;
    size_t at = entries.size();
    entries.resize(at + spilled);
    for (const Partition::Run& run : partition.runs) {
      const std::span<Packed> into = std::span(entries).subspan(at, run.count);
      OG_RETURN_IF_ERROR(spill_->Read(run.offset, std::as_writable_bytes(into)));
      at += run.count;
    }
    std::sort(entries.begin(), entries.end());
    for (size_t begin = 0; begin < entries.size();) {
      const Packed& first = entries[begin];
      same.clear();
      size_t end = begin;
      for (;
           end < entries.size() && entries[end].high == first.high && entries[end].low == first.low;
           ++end) {
        same.push_back({{first.low, first.high},
                        static_cast<uint16_t>(entries[end].source_and_row >> 48),
                        entries[end].source_and_row & kRowMask});
      }
      OG_RETURN_IF_ERROR(visit(same));
      begin = end;
    }
  }
  reservation_.Release();
  bytes_in_memory_ = 0;
  return absl::OkStatus();
}

}  // namespace og::engine::graph
