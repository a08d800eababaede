// Where the rows of `__manifest` lie, so that opening and publishing cost the same however long the
// history is.
//
// Rows are never dropped, and nearly all of them are history: versions that a later one of their
// table covers, and commits before the newest. A version that we publish keeps everything else in
// its last fragments, the present part, and says how many these are as a property of its
// transaction:
//
//   omnigraph.present_fragments = "1"
//
// Who only wants the present state reads these fragments. Each publish writes the present part
// again; once enough history has gathered in it, that becomes a fragment of its own before the
// present one, and of eight history fragments of one size class one is made. So a version names
// O(log n) fragments, and a row is written O(log n) times.
//
// A version of another writer has no such property: then every fragment belongs to the present
// part, and the next publish of ours sorts it out.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"

#include "engine/dataset/dataset.h"
#include "format/arrow/array.h"
#include "io/env/env.h"

namespace og::engine::graph {

// Rows of history that gather in the present part before they leave it.
inline constexpr int64_t kHistoryRowsMin = 32;
// History fragments of one size class, each eight times the one below.
inline constexpr uint64_t kHistoryFanout = 8;

// The fragments of the present part of `manifest`, a version of `__manifest` below `root`.
absl::StatusOr<std::vector<uint64_t>> PresentFragments(io::Env& env, const io::Location& root,
                                                       const dataset::Dataset& manifest);

// Rows on their way into the next version.
struct NextRows {
  std::vector<format::RecordBatch> history;  // leave the present part
  std::vector<format::RecordBatch> present;  // not empty
  std::vector<uint64_t> removed_addresses;   // of all rows that `history` and `present` write again
};

struct StagedRows {
  // The update that makes them, with its property set, not yet committed.
  dataset::StagedTransaction staged;
  // The rows of its last fragment, which is its present part, in their order.
  format::RecordBatch present;
};

// Writes the rows of the next version. History rows of `manifest` are drawn in as the size classes
// fill.
absl::StatusOr<StagedRows> StageNextRows(const dataset::Dataset& manifest,
                                         std::span<const uint64_t> present, NextRows rows);

}  // namespace og::engine::graph
