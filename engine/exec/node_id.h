// The id of a node that has a @key: the canonical text of the key's value, or, of a key of several
// columns, the compact JSON array of theirs.
//
// Source: omnigraph 0.10.0: src/loader/mod.rs (canonical_node_id); engine.md 1.5.
#pragma once

#include <optional>
#include <span>
#include <string>

#include "absl/status/statusor.h"

#include "format/arrow/array.h"

namespace og::engine::exec {

// The id of row `row`, whose key columns are `key`, in key order. nullopt: one of them is null.
// kBadRequest for values that cannot be a key. REQUIRES: `key` is not empty.
absl::StatusOr<std::optional<std::string>> NodeId(std::span<const format::ArrayPtr> key,
                                                  int64_t row);

}  // namespace og::engine::exec
