// Where the commands that run queries get them from: a file or the command line, and which of
// several queries is meant.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"

#include "cli/arguments/spec.h"
#include "engine/query/ast.h"
#include "io/base/json_value.h"

namespace og::cli {

struct QuerySource {
  std::string name;  // what errors call it: the path, or "-e"
  std::string text;
  std::shared_ptr<const engine::query::QueryFile> file;
  const engine::query::Query* query = nullptr;  // of `file`
};

// The query that --query or -e, and NAME, say. `kind`: "query" or "mutation", for messages.
absl::StatusOr<QuerySource> ReadQuerySource(const Arguments& arguments, std::string_view kind);

// The JSON of --params or --params-file; null without either.
absl::StatusOr<io::JsonValue> ReadQueryParams(const Arguments& arguments);

// The options that these read.
OptionSpec QueryFileOption();
OptionSpec QueryTextOption();
OptionSpec ParamsOption();
OptionSpec ParamsFileOption();
OptionSpec QueryNameArgument();

}  // namespace og::cli
