// Takes: rows by address, stable row id or position, in the order asked for.
#include <algorithm>
#include <numeric>

#include "engine/dataset/dataset_handle.h"
#include "engine/dataset/json_columns.h"
#include "engine/dataset/output.h"
#include "engine/dataset/tail_prefetch.h"
#include "io/base/status.h"
#include "io/base/status_macros.h"
#include "io/base/text.h"

namespace og::engine::dataset {
absl::StatusOr<format::RecordBatch> DatasetHandle::Take(std::span<const uint64_t> addresses,
                                                        const TakeOptions& options) const {
  return TakeAs(addresses, options, JsonForm::kText);
}

absl::StatusOr<format::RecordBatch> DatasetHandle::TakeStored(std::span<const uint64_t> addresses,
                                                              const TakeOptions& options) const {
  return TakeAs(addresses, options, JsonForm::kStored);
}

absl::StatusOr<format::RecordBatch> DatasetHandle::TakeAs(std::span<const uint64_t> addresses,
                                                          const TakeOptions& options,
                                                          JsonForm json) const {
  OG_ASSIGN_OR_RETURN(const Output output, MakeOutput(*this, options.columns,
                                                      {.row_id = options.with_row_id,
                                                       .row_address = options.with_row_address},
                                                      options.blobs, json));
  if (addresses.empty()) {
    return format::EmptyBatch(output.schema);
  }
  // Rows are read in physical order, each once; `position` leads back to the order asked for.
  std::vector<uint64_t> sorted(addresses.begin(), addresses.end());
  const bool in_order = std::ranges::adjacent_find(sorted, std::greater_equal<>()) == sorted.end();
  if (!in_order) {
    std::ranges::sort(sorted);
    sorted.erase(std::ranges::unique(sorted).begin(), sorted.end());
  }
  const std::vector<const format::Fragment*> fragments = FragmentsOf(sorted);
  std::vector<format::RecordBatch> batches;
  for (auto first = sorted.begin(); first != sorted.end();) {
    if (batches.size() % kFragmentsOfPrefetch == 0) {
      const auto rest = std::span(fragments).subspan(std::min(batches.size(), fragments.size()));
      const auto window = rest.first(std::min(rest.size(), kFragmentsOfPrefetch));
      PrefetchTails(folders_, window, output.fields);
      PrefetchDeletions(window);
    }
    const uint64_t fragment_id = *first >> 32;
    const auto last = std::ranges::upper_bound(first, sorted.end(), fragment_id << 32 | UINT32_MAX);
    const format::Fragment* fragment = manifest().FindFragment(fragment_id);
    if (fragment == nullptr) {
      return io::NotFoundError(io::StrCat("row address ", *first, ": no fragment ", fragment_id));
    }
    OG_ASSIGN_OR_RETURN(const format::DeletionVectorPtr deletions, DeletionsOf(*fragment));
    std::vector<uint64_t> offsets;
    offsets.reserve(static_cast<size_t>(last - first));
    for (; first != last; ++first) {
      const uint64_t offset = *first & UINT32_MAX;
      if (offset >= fragment->physical_rows ||
          (deletions != nullptr && deletions->Contains(offset))) {
        return io::NotFoundError(io::StrCat(
            "row address ", *first, ": fragment ", fragment_id,
            offset >= fragment->physical_rows ? " has no such row" : " has deleted the row"));
      }
      offsets.push_back(offset);
    }
    OG_ASSIGN_OR_RETURN(
        const auto reader,
        FragmentReader::Open(
            *session_, folders_, manifest(), *fragment, output.fields,
            {.blob_contents = options.blobs == BlobHandling::kContents, .pool = &env_->pool()}));
    OG_ASSIGN_OR_RETURN(const VirtualColumns virtual_columns, output.OpenVirtual(*this, *fragment));
    OG_ASSIGN_OR_RETURN(const format::RecordBatch read, reader->Take(offsets));
    OG_ASSIGN_OR_RETURN(
        format::RecordBatch batch,
        output.Assemble(*this, *reader, {&read, &reader->fields()}, {},
                        static_cast<int64_t>(offsets.size()), offsets, virtual_columns));
    batches.push_back(std::move(batch));
  }
  OG_ASSIGN_OR_RETURN(format::RecordBatch all, format::TryConcat(batches));
  if (in_order) {
    return all;
  }
  std::vector<int64_t> positions;
  positions.reserve(addresses.size());
  for (const uint64_t address : addresses) {
    positions.push_back(std::ranges::lower_bound(sorted, address) - sorted.begin());
  }
  return format::TryTake(all, positions);
}

absl::StatusOr<format::RecordBatch> DatasetHandle::TakeRowIds(std::span<const uint64_t> row_ids,
                                                              const TakeOptions& options) const {
  if (!manifest().has_stable_row_ids()) {
    return Take(row_ids, options);
  }
  OG_ASSIGN_OR_RETURN(const auto found, AddressesOf(row_ids));
  std::vector<uint64_t> addresses;
  addresses.reserve(found.size());
  for (size_t i = 0; i < found.size(); ++i) {
    if (!found[i]) {
      return io::NotFoundError(io::StrCat("no row has the row id ", row_ids[i]));
    }
    addresses.push_back(*found[i]);
  }
  return Take(addresses, options);
}

absl::StatusOr<format::RecordBatch> DatasetHandle::TakeOffsets(std::span<const uint64_t> offsets,
                                                               const TakeOptions& options) const {
  // Live rows before each fragment.
  std::vector<uint64_t> starts;
  uint64_t total = 0;
  for (const format::Fragment& fragment : manifest().fragments) {
    starts.push_back(total);
    total += fragment.num_rows();
  }
  // As if no row were deleted: in which fragments they are.
  std::vector<uint64_t> addresses;
  addresses.reserve(offsets.size());
  for (const uint64_t offset : offsets) {
    if (offset >= total) {
      return io::NotFoundError(io::StrCat("row ", offset, " of ", total));
    }
    const auto at =
        static_cast<size_t>(std::ranges::upper_bound(starts, offset) - starts.begin()) - 1;
    addresses.push_back(manifest().fragments[at].id << 32 | (offset - starts[at]));
  }
  PrefetchDeletionsAt(addresses);
  for (uint64_t& address : addresses) {
    const uint64_t live = address & UINT32_MAX;
    const format::Fragment& fragment = *manifest().FindFragment(address >> 32);
    OG_ASSIGN_OR_RETURN(const format::DeletionVectorPtr deletions, DeletionsOf(fragment));
    address = fragment.id << 32 | (deletions == nullptr ? live : deletions->OffsetOfLiveRow(live));
  }
  return Take(addresses, options);
}

absl::StatusOr<std::vector<std::optional<uint64_t>>> DatasetHandle::AddressesOf(
    std::span<const uint64_t> row_ids) const {
  const bool stable = manifest().has_stable_row_ids();
  std::shared_ptr<const RowIdIndex> index;
  if (stable) {
    OG_ASSIGN_OR_RETURN(index, row_id_index());
  }
  const auto append_candidates = [&](uint64_t row_id, std::vector<uint64_t>& addresses) {
    if (stable) {
      index->AppendCandidates(row_id, addresses);
    } else {
      addresses.push_back(row_id);
    }
  };
  std::vector<uint64_t> candidates;
  if (!branch_root_.store->is_local()) {
    for (const uint64_t row_id : row_ids) {
      append_candidates(row_id, candidates);
    }
    PrefetchDeletionsAt(candidates);
  }

  std::vector<std::optional<uint64_t>> result;
  result.reserve(row_ids.size());
  for (const uint64_t row_id : row_ids) {
    candidates.clear();
    append_candidates(row_id, candidates);
    std::optional<uint64_t> found;
    for (const uint64_t address : candidates) {
      const format::Fragment* fragment = manifest().FindFragment(address >> 32);
      const uint64_t offset = address & UINT32_MAX;
      if (fragment == nullptr || offset >= fragment->physical_rows) {
        continue;
      }
      OG_ASSIGN_OR_RETURN(const format::DeletionVectorPtr deletions, DeletionsOf(*fragment));
      if (deletions == nullptr || !deletions->Contains(offset)) {
        found = address;
        break;
      }
    }
    result.push_back(found);
  }
  return result;
}

}  // namespace og::engine::dataset
