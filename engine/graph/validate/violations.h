// The checks that a whole change has to pass before anything of it is committed: values, keys and
// @unique, endpoints, @card. Shared by every writer whose change fits in memory; loads of any size
// have the same rules over hashes (load/integrity.h).
//
// Only what the change touches is looked at: its own rows, and of the committed tables the rows
// that it may collide with, by filtered scans that indexes answer where they cover the column.
//
// Order: values of all tables; per node type its key, then its @unique groups; per edge type its
// @unique groups, its endpoints, its @card. Types in the order of the catalog.
//
// Source: omnigraph 0.10.0: src/validate.rs; engine.md 5.6.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

#include "engine/dataset/dataset.h"
#include "engine/graph/validate/change_set.h"
#include "engine/schema/catalog.h"

namespace og::engine::graph {

enum class ViolationKind : uint8_t { kValueConstraint, kUnique, kOrphanEdge, kCardinality };

struct Violation {
  std::string table_key;
  std::optional<std::string> entity_id;
  ViolationKind kind = ViolationKind::kValueConstraint;
  std::string message;
};

// The committed rows of a table that the change is made over; null: there are none that stay.
using CommittedTable =
    std::function<absl::StatusOr<dataset::DatasetPtr>(std::string_view table_key)>;

// Takes one violation after the other; an error ends the search and is returned.
using ViolationSink = std::function<absl::Status(Violation violation)>;

// Finds all violations of `changes`. The error is that of a table or of the sink.
absl::Status FindViolations(const schema::Catalog& catalog, const ChangeSet& changes,
                            const CommittedTable& committed, const ViolationSink& sink);

// How many violations an error names beside the first.
inline constexpr size_t kFurtherViolationsMax = 20;

// Ok if `changes` violate nothing; else kBadRequest with the text of the first violation, up to
// kFurtherViolationsMax others as fields "violation" and their whole number as "num_violations".
absl::Status CheckChanges(const schema::Catalog& catalog, const ChangeSet& changes,
                          const CommittedTable& committed);

}  // namespace og::engine::graph
