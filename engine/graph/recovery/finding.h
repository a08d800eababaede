// What a table says about the write that a recovery record is about: whether the transactions that
// the record planned are there, and what came after them.
//
// The versions of a table from the first planned one to its newest are looked at, at most 1026 of
// them. The uuid of a transaction decides; nothing is inferred from counts.
//
// Source: engine.md 4.3.
#pragma once

#include <cstdint>
#include <optional>

#include "absl/status/statusor.h"

#include "engine/dataset/dataset.h"
#include "engine/graph/context.h"
#include "engine/graph/manifest/store.h"
#include "engine/graph/recovery/record.h"

namespace og::engine::graph {

enum class Ownership : uint8_t {
  kNone,
  kAtHead,             // the newest version is the write's own, though perhaps not its last
  kBeforeHead,         // someone wrote on top of it
  kCompensatedAtHead,  // the newest version takes the write's own back
  kUnverifiable,       // too long or unreadable a history
};

struct TableFinding {
  dataset::DatasetPtr head;  // of the ref that the record writes; null: there is no such ref
  uint64_t pin = 0;          // newest published version of the table, 0: none
  // The branch reads the table on that ref; false: the write was to make it.
  bool is_published_ref = false;
  // The version that the ref would be forked from; only with !is_published_ref.
  uint64_t fork_version = 0;
  std::optional<BranchIdentifier> ref_identifier;  // of an unpublished ref that exists
  Ownership ownership = Ownership::kNone;
  // Every planned effect is there and nothing else.
  bool is_complete = false;

  bool owned() const {
    return ownership == Ownership::kAtHead || ownership == Ownership::kCompensatedAtHead;
  }
  uint64_t head_version() const { return head == nullptr ? 0 : head->version(); }
  // An unpublished ref that stands where it was forked.
  bool is_untouched_fork() const {
    return !is_published_ref && head != nullptr && head_version() == fork_version;
  }
};

// Looks at one table of a record. `view`: the record's branch as it is published now. `is_fenced`:
// recovery takes versions that the write has not made yet.
absl::StatusOr<TableFinding> FindTable(const GraphContext& context, const ManifestView& view,
                                       const RecordedTable& table, bool is_fenced);

}  // namespace og::engine::graph
