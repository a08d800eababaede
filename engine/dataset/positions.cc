#include "engine/dataset/positions.h"

#include "absl/container/flat_hash_map.h"

#include "engine/dataset/dataset_handle.h"
#include "io/base/status.h"
#include "io/base/status_macros.h"
#include "io/base/text.h"

namespace og::engine::dataset {
namespace {

struct FragmentStart {
  const format::Fragment* fragment = nullptr;
  uint64_t position = 0;  // of its first live row
};

absl::Status NoRow(uint64_t address) {
  return io::NotFoundError(
      io::StrCat("no row at fragment ", address >> 32, ", offset ", address & UINT32_MAX));
}

}  // namespace

absl::StatusOr<std::vector<uint32_t>> PositionsOf(const Dataset& dataset,
                                                  std::span<const uint64_t> addresses) {
  const auto& handle = static_cast<const DatasetHandle&>(dataset);
  absl::flat_hash_map<uint64_t, FragmentStart> starts;
  uint64_t position = 0;
  for (const format::Fragment& fragment : handle.manifest().fragments) {
    starts[fragment.id] = {&fragment, position};
    position += fragment.num_rows();
  }
  handle.PrefetchDeletionsAt(addresses);
  std::vector<uint32_t> positions;
  positions.reserve(addresses.size());
  const format::Fragment* known = nullptr;  // whose deletions these are
  format::DeletionVectorPtr deletions;
  for (const uint64_t address : addresses) {
    const uint64_t offset = address & UINT32_MAX;
    const auto start = starts.find(address >> 32);
    if (start == starts.end() || offset >= start->second.fragment->physical_rows) {
      return NoRow(address);
    }
    if (known != start->second.fragment) {
      known = start->second.fragment;
      OG_ASSIGN_OR_RETURN(deletions, handle.DeletionsOf(*known));
    }
    uint64_t deleted_before = 0;
    if (deletions != nullptr) {
      if (deletions->Contains(offset)) return NoRow(address);
      deleted_before = deletions->Between(0, offset).size();
    }
    const uint64_t at = start->second.position + offset - deleted_before;
    if (at >= UINT32_MAX) {
      return io::ResourceExhaustedError(io::StrCat("row ", at, " has no number of 32 bits"));
    }
    positions.push_back(static_cast<uint32_t>(at));
  }
  return positions;
}

}  // namespace og::engine::dataset
