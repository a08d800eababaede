// Values for the parameters of a query, from JSON.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "absl/status/statusor.h"

#include "engine/query/ast.h"
#include "io/base/json_value.h"

namespace og::engine::query {

// Parameter name to value. Dates keep their text until they meet a column.
using ParamValues = std::map<std::string, Literal>;

// Binds the members of the JSON object `json` to the parameters that `query` declares: each value
// must fit its declared type; a member that is not declared is kept with the type it shows; an
// omitted nullable parameter becomes null, and an omitted required one stays unbound (its first use
// fails). A JSON null binds no member. kBadRequest with "param 'k': ..." or "params must be a JSON
// object".
absl::StatusOr<ParamValues> BindParams(const Query& query, const io::JsonValue& json);

// Adds the instant that now() stands for: `unix_ms` as RFC 3339 UTC text.
void BindNow(int64_t unix_ms, ParamValues& values);

}  // namespace og::engine::query
