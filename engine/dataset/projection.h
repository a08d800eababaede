// Which columns of a dataset to read: trees of fields cut down to the members that are asked for.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

#include "format/arrow/array.h"
#include "format/arrow/type.h"
#include "format/file/lance_schema.h"

namespace og::engine::dataset {

using Projection = std::vector<format::LanceField>;

// The fields that `columns` (names or dotted paths) name, each top-level field once, in order of
// first appearance. kNotFound for an unknown one.
absl::StatusOr<Projection> ProjectColumns(const format::LanceSchema& schema,
                                          std::span<const std::string> columns);

// The fields at `paths`, as ProjectColumns().
absl::StatusOr<Projection> ProjectPaths(const format::LanceSchema& schema,
                                        std::span<const std::vector<std::string>> paths);

// All that is in `a` or `b`: the fields of `a`, then those only in `b`. Both are of `schema`, which
// gives the order of members.
Projection Union(const format::LanceSchema& schema, const Projection& a, const Projection& b);

// The position of the field with `id` among the top-level fields, or nullopt.
std::optional<size_t> IndexOfField(std::span<const format::LanceField> fields, int32_t id);

// `array` of `from`, cut down to the members of `to`.
format::ArrayPtr Prune(const format::ArrayPtr& array, const format::LanceField& from,
                       const format::LanceField& to);

}  // namespace og::engine::dataset
