// Text of a .pg schema to a checked source tree.
#pragma once

#include <cstdint>
#include <string_view>

#include "absl/status/statusor.h"

#include "engine/schema/source.h"

namespace og::engine::schema {

enum class SourceMode : uint8_t {
  kNew,       // a schema that wants to become a graph's, or is linted
  kAccepted,  // the stored source of an existing graph: a body-level @unique may name a Blob, which
              // releases before 0.10 let in
};

// Parses `text`, resolves interfaces and checks annotations and constraints. Every error is
// kBadRequest with the reference's text: "parse error:  --> L:C ..." with fields line and column
// for syntax, "parse error: parse error: ..." for meaning; the first one in checking order wins.
// Does not compare declarations of different names with each other: BuildCatalog and CompileShape
// find duplicates and unknown endpoints.
absl::StatusOr<SchemaSource> ParseSchema(std::string_view text, SourceMode mode = SourceMode::kNew);

}  // namespace og::engine::schema
