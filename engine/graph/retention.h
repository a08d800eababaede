// What a cleanup must leave: the versions of tables and the refs that live branches publish, that
// merges of them would start from, and that somebody reads at this moment.
//
//   live branches    the versions that they have published, and all later ones of main
//   merge bases      of each two of them, the versions of the commit from which both developed
//   readers          what snapshots, writes and merges under way in this process pin, and, on a
//                    local root, those of other processes, which hold a lock on the version of
//                    `__manifest` that they read
//
// Source: engine.md 7.4; merge bases and readers are ours (docs/dev/extensions.md).
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

#include "engine/graph/context.h"
#include "engine/graph/manifest/rows.h"
#include "engine/graph/manifest/store.h"

namespace og::engine::graph {

struct NeededVersions {
  std::optional<uint64_t> floor;  // the oldest version of main that a live branch reads
  std::set<uint64_t> versions;    // of main, beside those
  std::set<std::string, std::less<>> refs;
};
using Needs = std::map<TableIdentity, NeededVersions>;

// All branches of the graph, main first, with their histories, as they are at one moment. kConflict
// if one cannot be read, or while they go on changing.
absl::StatusOr<std::vector<ManifestView>> OpenLiveBranches(const GraphContext& context);

void AddPublished(std::span<const ManifestView> branches, Needs& needs);

// A base that was on a branch that is gone is not missed: no merge can read it.
absl::Status AddMergeBases(const GraphContext& context, std::span<const ManifestView> branches,
                           Needs& needs);

void AddReaders(std::span<const PinnedVersion> pinned, Needs& needs);

// What processes of this machine read in a local root, this one included; other roots: nothing.
absl::StatusOr<std::vector<PinnedVersion>> VersionsReadHere(const GraphContext& context,
                                                            std::span<const ManifestView> branches);

}  // namespace og::engine::graph
