// Which declaration of a new schema is which of the accepted one. Identity follows names, and
// @rename_from where a name is new; everything unmatched draws fresh numbers in a fixed order:
// types (interface, node, edge; then by name), properties (owner's type id, name), table
// incarnations (type id).
//
// Source: omnigraph-compiler 0.10.0: src/catalog/schema_ir.rs (resolve).
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

#include "engine/schema/ir.h"
#include "engine/schema/shape.h"

namespace og::engine::schema {

// A rename hint that had no effect.
struct RenameWarning {
  enum class Kind : uint8_t {
    kInertAtInit,        // a new graph has nothing to rename
    kIgnoredExactMatch,  // the declaration already exists under its name
  } kind = Kind::kInertAtInit;
  std::string entity;  // "node:T", "edge:E.p"
  std::string hint;
};

// "inert_initialization_rename_hint", "ignored_exact_match_rename_hint".
std::string_view RenameWarningName(RenameWarning::Kind kind);

struct SchemaResolution {
  SchemaIr ir;
  std::vector<RenameWarning> warnings;
};

// The first IR of a graph. `identity_domain` is a canonical ULID.
absl::StatusOr<SchemaResolution> InitializeIr(std::string_view identity_domain,
                                              const SchemaShape& shape);

// The IR that `shape` becomes as the successor of `accepted`. Errors are kBadRequest with
// "schema identity resolution failed: ...".
absl::StatusOr<SchemaResolution> ResolveIr(const SchemaIr& accepted, const SchemaShape& shape);

}  // namespace og::engine::schema
