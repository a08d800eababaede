// Any bytes are refused or are a topology whose lists can be walked and written again.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "engine/topology/topology_file.h"
#include "io/base/check.h"

namespace og::engine::topology {
namespace {

uint64_t SumOf(const AdjacencyLists& lists) {
  uint64_t sum = 0;
  for (uint32_t node = 0; node + 1 < lists.offsets.size(); ++node) {
    for (const uint32_t end : lists.List(lists.ends, node))
      sum += end;
  }
  return sum;
}

void Check(std::string_view bytes) {
  const auto budget = io::MemoryBudget::NewRoot("fuzz", uint64_t{64} << 20);
  DecodeTopologyHead(bytes).IgnoreError();
  const auto stored = DecodeTopology(bytes, budget);
  if (!stored.ok()) return;
  const Topology& topology = stored->topology;
  OG_CHECK(SumOf(topology.out_lists()) + SumOf(topology.in_lists()) < UINT64_MAX);
  OG_CHECK(EncodeTopology(stored->key, topology).size() == bytes.size());
}

}  // namespace
}  // namespace og::engine::topology

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  og::engine::topology::Check(bytes);
  // The same with a checksum that fits, which no mutation finds.
  std::string signed_bytes(bytes);
  const XXH128_hash_t hash = XXH3_128bits(signed_bytes.data(), signed_bytes.size());
  for (const uint64_t half : {uint64_t{hash.low64}, uint64_t{hash.high64}}) {
    for (size_t byte = 0; byte < sizeof(half); ++byte)
      signed_bytes += static_cast<char>(half >> (8 * byte));
  }
  og::engine::topology::Check(signed_bytes);
  return 0;
}
