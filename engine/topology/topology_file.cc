#include "engine/topology/topology_file.h"

#include <algorithm>
#include <cstring>
#include <utility>
#include <vector>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "io/base/endian.h"
#include "io/base/status.h"
#include "io/base/status_macros.h"
#include "io/base/text.h"

namespace og::engine::topology {
namespace {

constexpr std::string_view kMagic = "OGTOPO01";
constexpr size_t kHeadBytes = 64;
constexpr size_t kFragmentBytes = 16;
constexpr size_t kChecksumBytes = 16;
constexpr uint32_t kOut = 1;
constexpr uint32_t kIn = 2;

absl::Status Damaged(std::string_view what) {
  return io::DataLossError(io::StrCat("topology file: ", what));
}

template <typename T>
void Append(T value, std::string& out) {
  for (size_t byte = 0; byte < sizeof(T); ++byte)
    out += static_cast<char>(static_cast<uint64_t>(value) >> (8 * byte));
}

void Append(const std::vector<uint32_t>& values, std::string& out) {
  if constexpr (std::endian::native == std::endian::little) {
    out.append(reinterpret_cast<const char*>(values.data()), values.size() * sizeof(uint32_t));
  } else {
    for (const uint32_t value : values)
      Append(value, out);
  }
}

template <typename T>
T Load(std::string_view bytes, size_t at) {
  return io::LoadLe<T>(reinterpret_cast<const std::byte*>(bytes.data()) + at);
}

struct Counts {
  uint64_t num_rows = 0;
  uint64_t num_dangling = 0;
  uint64_t out_entries = 0;
  uint64_t in_entries = 0;
};

struct Head {
  TopologyHead what;
  Counts counts;
  size_t size_bytes = 0;
};

absl::StatusOr<Head> ParseHead(std::string_view bytes) {
  if (bytes.size() < kHeadBytes) return io::OutOfRangeError("topology file: no head");
  if (!bytes.starts_with(kMagic)) return Damaged("wrong magic");
  const auto directions = Load<uint32_t>(bytes, 8);
  if (directions == 0 || (directions & ~(kOut | kIn)) != 0) return Damaged("unknown directions");
  Head head;
  head.what.out = (directions & kOut) != 0;
  head.what.in = (directions & kIn) != 0;
  head.counts = {Load<uint64_t>(bytes, 24), Load<uint64_t>(bytes, 32), Load<uint64_t>(bytes, 40),
                 Load<uint64_t>(bytes, 48)};
  RowSet* const sets[] = {&head.what.key.sources, &head.what.key.destinations,
                          &head.what.key.edges};
  size_t at = kHeadBytes;
  for (size_t i = 0; i < std::size(sets); ++i) {
    const uint64_t num_fragments = Load<uint32_t>(bytes, 12 + 4 * i);
    if (num_fragments > (bytes.size() - at) / kFragmentBytes) {
      return io::OutOfRangeError("topology file: the head is cut off");
    }
    for (uint64_t k = 0; k < num_fragments; ++k, at += kFragmentBytes) {
      sets[i]->fragments.push_back({Load<uint64_t>(bytes, at), Load<uint64_t>(bytes, at + 8)});
      if (sets[i]->fragments.back().num_rows >= kNoNode) return Damaged("too many rows");
    }
    if (sets[i]->num_rows() >= kNoNode) return Damaged("too many rows");
  }
  head.size_bytes = at;
  return head;
}

absl::StatusOr<std::vector<uint32_t>> TakeNumbers(uint64_t count, std::string_view& bytes) {
  if (count > bytes.size() / sizeof(uint32_t)) return Damaged("lists are cut off");
  std::vector<uint32_t> numbers(count);
  const size_t size = count * sizeof(uint32_t);
  if constexpr (std::endian::native == std::endian::little) {
    if (size != 0) std::memcpy(numbers.data(), bytes.data(), size);
  } else {
    for (size_t i = 0; i < count; ++i)
      numbers[i] = Load<uint32_t>(bytes, 4 * i);
  }
  bytes.remove_prefix(size);
  return numbers;
}

absl::StatusOr<AdjacencyLists> TakeLists(uint64_t num_nodes, uint64_t num_entries,
                                         uint64_t num_ends, std::string_view& bytes) {
  AdjacencyLists lists;
  OG_ASSIGN_OR_RETURN(lists.offsets, TakeNumbers(num_nodes + 1, bytes));
  OG_ASSIGN_OR_RETURN(lists.ends, TakeNumbers(num_entries, bytes));
  if (lists.offsets.front() != 0 || lists.offsets.back() != num_entries ||
      !std::is_sorted(lists.offsets.begin(), lists.offsets.end())) {
    return Damaged("offsets that are none");
  }
  const uint32_t last =
      lists.ends.empty() ? 0 : *std::max_element(lists.ends.begin(), lists.ends.end());
  if (!lists.ends.empty() && last >= num_ends) return Damaged("an entry that is no node");
  return lists;
}

}  // namespace

std::string EncodeTopology(const TopologyKey& key, const Topology& topology) {
  std::string out(kMagic);
  const TopologyOptions& options = topology.options();
  Append((options.out ? kOut : 0) | (options.in ? kIn : 0), out);
  const RowSet* const sets[] = {&key.sources, &key.destinations, &key.edges};
  for (const RowSet* set : sets)
    Append(static_cast<uint32_t>(set->fragments.size()), out);
  Append(topology.num_rows(), out);
  Append(topology.num_dangling(), out);
  Append(uint64_t{topology.out_lists().ends.size()}, out);
  Append(uint64_t{topology.in_lists().ends.size()}, out);
  Append(uint64_t{0}, out);
  for (const RowSet* set : sets) {
    for (const RowSet::Fragment& fragment : set->fragments) {
      Append(fragment.fingerprint, out);
      Append(fragment.num_rows, out);
    }
  }
  out.reserve(out.size() + topology.MemoryBytes() + kChecksumBytes);
  for (const AdjacencyLists* lists : {&topology.out_lists(), &topology.in_lists()}) {
    Append(lists->offsets, out);
    Append(lists->ends, out);
  }
  const XXH128_hash_t hash = XXH3_128bits(out.data(), out.size());
  Append(uint64_t{hash.low64}, out);
  Append(uint64_t{hash.high64}, out);
  return out;
}

absl::StatusOr<StoredTopology> DecodeTopology(std::string_view bytes,
                                              const std::shared_ptr<io::MemoryBudget>& budget) {
  if (bytes.size() < kHeadBytes + kChecksumBytes) return Damaged("too short");
  std::string_view content = bytes.substr(0, bytes.size() - kChecksumBytes);
  const XXH128_hash_t hash = XXH3_128bits(content.data(), content.size());
  if (Load<uint64_t>(bytes, content.size()) != hash.low64 ||
      Load<uint64_t>(bytes, content.size() + 8) != hash.high64) {
    return Damaged("wrong checksum");
  }
  absl::StatusOr<Head> head = ParseHead(content);
  if (absl::IsOutOfRange(head.status())) return Damaged("the head is cut off");
  OG_RETURN_IF_ERROR(head.status());
  content.remove_prefix(head->size_bytes);
  const TopologyKey& key = head->what.key;
  const Counts& counts = head->counts;
  if (counts.num_rows != key.edges.num_rows() || counts.num_dangling > counts.num_rows) {
    return Damaged("row counts that do not agree");
  }
  const uint64_t num_listed = counts.num_rows - counts.num_dangling;
  OG_ASSIGN_OR_RETURN(io::MemoryReservation memory, budget->Reserve(content.size()));
  AdjacencyLists out;
  AdjacencyLists in;
  const uint64_t num_sources = key.sources.num_rows();
  const uint64_t num_destinations = key.destinations.num_rows();
  if (counts.out_entries != (head->what.out ? num_listed : 0) ||
      counts.in_entries != (head->what.in ? num_listed : 0)) {
    return Damaged("lists that do not hold every edge");
  }
  if (head->what.out) {
    OG_ASSIGN_OR_RETURN(out, TakeLists(num_sources, counts.out_entries, num_destinations, content));
  }
  if (head->what.in) {
    OG_ASSIGN_OR_RETURN(in, TakeLists(num_destinations, counts.in_entries, num_sources, content));
  }
  if (!content.empty()) return Damaged("bytes behind the lists");
  const TopologyOptions options{.out = head->what.out, .in = head->what.in};
  return StoredTopology{std::move(head->what.key),
                        Topology(options, counts.num_rows, counts.num_dangling, std::move(out),
                                 std::move(in), std::move(memory))};
}

absl::StatusOr<TopologyHead> DecodeTopologyHead(std::string_view head) {
  OG_ASSIGN_OR_RETURN(Head parsed, ParseHead(head));
  return std::move(parsed.what);
}

}  // namespace og::engine::topology
