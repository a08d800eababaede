// The indexes of a dataset: what there is, and staging their creation, removal and upkeep. Scans,
// counts and everything that finds rows by a filter use them on their own (ScanOptions).
//
//   OG_ASSIGN_OR_RETURN(auto staged, StageCreateIndex(*table, {.column = "id"}));
//   OG_ASSIGN_OR_RETURN(table, table->Commit(staged, {}));
//
// An index is a list of segments of one name, each over some fragments. Fragments that no segment
// covers are scanned. Kinds that this version does not build (all but BTREE) are listed, carried
// through commits, and left out of plans.
//
// Source: lance 10.0.0: src/index.rs, src/index/append.rs; lance-index.md 1, 4.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"

#include "engine/dataset/dataset.h"

namespace og::engine::dataset {

struct IndexDescription {
  std::string name;
  std::string kind;      // "BTree", "Inverted", "IVF", ...; "Unknown"
  std::string type_url;  // of the details; empty if there are none
  std::vector<int32_t> field_ids;
  std::vector<std::string> columns;  // their paths; empty text for a field that is gone
  std::vector<format::IndexMetadata> segments;
  std::vector<uint64_t> fragment_ids;  // live fragments that some segment covers, ascending
  uint64_t num_indexed_rows = 0;       // live rows of those
  uint64_t num_unindexed_rows = 0;
  // Plans use it.
  bool is_used = false;
};

// In the order of the manifest, those of the system left out. kDataLoss for damaged coverage.
absl::StatusOr<std::vector<IndexDescription>> ListIndices(const Dataset& dataset);

// The index `name`; kNotFound if there is none.
absl::StatusOr<IndexDescription> FindIndex(const Dataset& dataset, std::string_view name);

// What is in the files of a BTREE index.
struct BtreeSegmentStatistics {
  std::string uuid;
  uint64_t num_pages = 0;
  std::string min;  // of the first page, "NULL" if it has nulls
  std::string max;
};
absl::StatusOr<std::vector<BtreeSegmentStatistics>> ReadBtreeStatistics(
    const Dataset& dataset, const IndexDescription& index);

struct CreateIndexRequest {
  std::string column;     // a path
  std::string name = {};  // empty: "{column}_idx"
  // Replaces the index of that name; else it must not exist (kAlreadyExists).
  bool replace = false;
  uint32_t page_rows = 4096;
  WriteOptions write = {};
};

// Builds a BTREE index over all live rows. kUnimplemented for columns without an order.
absl::StatusOr<StagedTransaction> StageCreateIndex(const Dataset& dataset,
                                                   const CreateIndexRequest& request);

// Removes all segments of the index. kNotFound if there is none.
absl::StatusOr<StagedTransaction> StageDropIndex(const Dataset& dataset, std::string_view name,
                                                 const WriteOptions& options);

struct OptimizeIndicesRequest {
  // Only these; absent: all. Indexes that we do not build are left alone.
  std::optional<std::vector<std::string>> names = {};
  // How many segments the new rows are merged with, from the last one back; 0: the new rows become
  // a segment of their own. Absent: the last one, and all that cover fragments with deletions where
  // row ids are stable.
  std::optional<uint64_t> num_segments_to_merge = {};
  WriteOptions write = {};
};

// Indexes the fragments that are not covered. nullopt if there is nothing to do.
absl::StatusOr<std::optional<StagedTransaction>> StageOptimizeIndices(
    const Dataset& dataset, const OptimizeIndicesRequest& request);

// Whether RemapIndexSegment() can follow rows that move: BTREE indexes.
bool CanRemapIndexSegment(const format::IndexMetadata& segment);

// For a compaction of a dataset without stable row ids: writes `segment` again with the addresses
// in `moved` (before, now; ascending by the first) replaced. Entries of fragments that `moved`
// names without a place for the row are dropped. Paths of what was written are appended to `files`.
// nullopt for a segment that cannot be remapped.
absl::StatusOr<std::optional<format::RewrittenIndex>> RemapIndexSegment(
    const Dataset& dataset, const format::IndexMetadata& segment,
    const std::vector<std::pair<uint64_t, uint64_t>>& moved, std::vector<std::string>& files);

// How a scan would go.
struct ScanExplanation {
  // One operator a line, indented by depth: what is read, by which index, what is filtered.
  std::string plan;
  uint64_t num_fragments = 0;
  uint64_t num_fragments_pruned = 0;  // covered by the index, without a match
  uint64_t num_fragments_scanned = 0;
  std::optional<uint64_t> num_rows_from_index;
};

// Searches the indexes as Scan() would, and reads no rows.
absl::StatusOr<ScanExplanation> ExplainScan(const Dataset& dataset, const ScanOptions& options);

}  // namespace og::engine::dataset
