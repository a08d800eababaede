#include "engine/dataset/row_moves.h"

#include <algorithm>
#include <set>
#include <utility>

#include "engine/dataset/index_coverage.h"
#include "io/base/status_macros.h"

namespace og::engine::dataset {
namespace {

using format::FragmentDigest;
using format::FragmentReuseGroup;

// Where the row at `address` of one of the old fragments of `group` went.
std::optional<uint64_t> MovedIn(const FragmentReuseGroup& group, uint64_t address) {
  const auto at = std::ranges::lower_bound(group.moved, address);
  if (at == group.moved.end() || *at != address) {
    return std::nullopt;
  }
  auto row = static_cast<uint64_t>(at - group.moved.begin());
  for (const FragmentDigest& fragment : group.new_fragments) {
    if (row < fragment.physical_rows) {
      return fragment.id << 32 | row;
    }
    row -= fragment.physical_rows;
  }
  return std::nullopt;
}

bool CoversAll(const std::set<uint64_t>& covered, const FragmentReuseGroup& group) {
  return std::ranges::all_of(group.old_fragments, [&](const FragmentDigest& fragment) {
    return covered.contains(fragment.id);
  });
}

}  // namespace

RowMoves::RowMoves(std::vector<format::FragmentReuseVersion> versions) {
  for (format::FragmentReuseVersion& version : versions) {
    Compaction& compaction = compactions_.emplace_back();
    compaction.groups = std::move(version.groups);
    for (size_t group = 0; group < compaction.groups.size(); ++group) {
      for (const FragmentDigest& fragment : compaction.groups[group].old_fragments) {
        compaction.left.push_back({.fragment_id = fragment.id, .group = group});
      }
    }
    std::ranges::sort(compaction.left, {}, &Left::fragment_id);
  }
}

std::optional<uint64_t> RowMoves::Follow(uint64_t address) const {
  std::optional<uint64_t> now = address;
  for (const Compaction& compaction : compactions_) {
    const uint64_t fragment_id = *now >> 32;
    const auto left =
        std::ranges::lower_bound(compaction.left, fragment_id, {}, &Left::fragment_id);
    if (left == compaction.left.end() || left->fragment_id != fragment_id) {
      continue;
    }
    now = MovedIn(compaction.groups[left->group], *now);
    if (!now) {
      break;
    }
  }
  return now;
}

std::vector<uint64_t> RowMoves::FollowAll(std::span<const uint64_t> addresses) const {
  std::vector<uint64_t> followed;
  followed.reserve(addresses.size());
  for (const uint64_t address : addresses) {
    if (const std::optional<uint64_t> now = Follow(address)) {
      followed.push_back(*now);
    }
  }
  return followed;
}

absl::Status RowMoves::LeadOn(std::vector<format::IndexMetadata>& indices) const {
  for (format::IndexMetadata& index : indices) {
    if (index.name == format::kFragmentReuseIndexName) {
      continue;
    }
    OG_ASSIGN_OR_RETURN(const std::optional<std::vector<uint32_t>> stored, CoverageOf(index));
    if (!stored) {
      continue;
    }
    std::set<uint64_t> covered(stored->begin(), stored->end());
    bool has_changed = false;
    for (const Compaction& compaction : compactions_) {
      for (const FragmentReuseGroup& group : compaction.groups) {
        const bool whole = !group.old_fragments.empty() && CoversAll(covered, group);
        for (const FragmentDigest& fragment : group.old_fragments) {
          has_changed = covered.erase(fragment.id) > 0 || has_changed;
        }
        for (size_t i = 0; whole && i < group.new_fragments.size(); ++i) {
          covered.insert(group.new_fragments[i].id);
        }
      }
    }
    if (has_changed) {
      SetCoverage({covered.begin(), covered.end()}, index);
    }
  }
  return absl::OkStatus();
}

}  // namespace og::engine::dataset
