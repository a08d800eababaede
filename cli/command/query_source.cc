#include "cli/command/query_source.h"

#include <optional>
#include <utility>

#include "cli/command/files.h"
#include "cli/render/error_text.h"
#include "engine/query/parse.h"
#include "io/base/error_detail.h"
#include "io/base/status.h"
#include "io/base/status_macros.h"
#include "io/base/text.h"

namespace og::cli {
namespace {

using engine::query::Query;
using engine::query::QueryFile;

absl::Status Refusal(std::string_view message) {
  return io::DetailedError({.kind = io::ErrorKind::kBadRequest, .code = "", .fields = {}}, message);
}

absl::Status ReadText(const Arguments& arguments, std::string_view kind, QuerySource& source) {
  if (const auto text = arguments.Get("query-string")) {
    if (io::Trim(*text).empty()) {
      return Refusal("--query-string must not be empty");
    }
    source.name = "-e";
    source.text = *text;
    return absl::OkStatus();
  }
  if (const auto path = arguments.Get("query")) {
    OG_ASSIGN_OR_RETURN(source.text, ReadTextFile(*path));
    source.name = *path;
    return absl::OkStatus();
  }
  if (arguments.Has("NAME")) {
    return Refusal(io::StrCat(
        "by-name invocation needs a server (the stored-query catalog is server-owned); use -e "
        "'<gq>' or --query <file> for an ad-hoc ",
        kind, " against --store, or address a server with --server / --profile"));
  }
  return Refusal(io::StrCat("provide a ", kind,
                            " name to invoke from the catalog, or -e '<gq>' / --query <file> for "
                            "an ad-hoc ",
                            kind));
}

absl::StatusOr<const Query*> Select(const QueryFile& file, const std::optional<std::string>& name) {
  if (name) {
    const Query* query = file.Find(*name);
    return query != nullptr ? absl::StatusOr<const Query*>(query)
                            : Refusal(io::StrCat("query '", *name, "' not found"));
  }
  if (file.queries.size() > 1) {
    return Refusal("query file contains multiple queries; pass --name");
  }
  if (file.queries.empty()) {
    return Refusal("query file contains no query");
  }
  return &file.queries.front();
}

}  // namespace

absl::StatusOr<QuerySource> ReadQuerySource(const Arguments& arguments, std::string_view kind) {
  QuerySource source;
  OG_RETURN_IF_ERROR(ReadText(arguments, kind, source));
  absl::StatusOr<QueryFile> file = engine::query::ParseQueryFile(source.text);
  OG_RETURN_IF_ERROR(AtSource(file.status(), source.name, source.text));
  source.file = std::make_shared<const QueryFile>(*std::move(file));
  OG_ASSIGN_OR_RETURN(source.query, Select(*source.file, arguments.Get("NAME")));
  return source;
}

absl::StatusOr<io::JsonValue> ReadQueryParams(const Arguments& arguments) {
  std::string text = arguments.Get("params").value_or("null");
  std::string name = "--params";
  if (const auto path = arguments.Get("params-file")) {
    OG_ASSIGN_OR_RETURN(text, ReadTextFile(*path));
    name = *path;
  }
  absl::StatusOr<io::JsonValue> value = io::JsonValue::Parse(text);
  if (!value.ok()) {
    return Refusal(io::StrCat("invalid JSON in ", name, ": ", io::Message(value.status())));
  }
  return value;
}

OptionSpec QueryFileOption() {
  return {.name = "query",
          .value_name = "FILE",
          .help = "A query file (.gq)",
          .excludes = {"query-string"}};
}

OptionSpec QueryTextOption() {
  return {
      .name = "query-string", .short_name = 'e', .value_name = "GQ", .help = "The text of a query"};
}

OptionSpec ParamsOption() {
  return {.name = "params",
          .value_name = "JSON",
          .help = "Parameters as a JSON object",
          .excludes = {"params-file"}};
}

OptionSpec ParamsFileOption() {
  return {.name = "params-file", .value_name = "FILE", .help = "A file with the parameters"};
}

OptionSpec QueryNameArgument() {
  return {.name = "NAME", .help = "Which query of the source to run", .is_positional = true};
}

}  // namespace og::cli
