// The static result schema of a projection: its name and kinds. Internal to the checker.
#pragma once

#include <string>

#include "engine/query/ast.h"
#include "engine/query/check.h"
#include "engine/schema/type.h"

namespace og::engine::query {

// The kind of a column with values of `kind`; a list's is kList, its items have this one.
ResultKind KindOf(schema::ScalarKind kind);

// The alias, else what the projection is called in lint documents: "p" for $x.p, "count", ...
std::string StaticName(const Projection& projection);

}  // namespace og::engine::query
