#include <optional>
#include <utility>

#include "cli/command/command.h"
#include "cli/command/files.h"
#include "cli/render/error_text.h"
#include "cli/render/read_output.h"
#include "engine/exec/execute.h"
#include "engine/graph/query_view.h"
#include "engine/graph/snapshot.h"
#include "engine/query/check.h"
#include "engine/query/params.h"
#include "engine/query/parse.h"
#include "engine/query/plan.h"
#include "io/base/error_detail.h"
#include "io/base/json_value.h"
#include "io/base/status.h"
#include "io/base/status_macros.h"
#include "io/base/text.h"

namespace og::cli {
namespace {

absl::Status Refusal(std::string_view message) {
  return io::DetailedError({.kind = io::ErrorKind::kBadRequest, .code = "", .fields = {}}, message);
}

struct Source {
  std::string name;  // what errors call it: the path, or "-e"
  std::string text;
};

absl::StatusOr<Source> ReadSource(const Arguments& arguments) {
  if (const auto text = arguments.Get("query-string")) {
    if (io::Trim(*text).empty()) {
      return Refusal("--query-string must not be empty");
    }
    return Source{.name = "-e", .text = *text};
  }
  if (const auto path = arguments.Get("query")) {
    OG_ASSIGN_OR_RETURN(std::string text, ReadTextFile(*path));
    return Source{.name = *path, .text = std::move(text)};
  }
  if (arguments.Has("NAME")) {
    return Refusal(
        "by-name invocation needs a server (the stored-query catalog is server-owned); use -e "
        "'<gq>' or --query <file> for an ad-hoc query against --store, or address a server with "
        "--server / --profile");
  }
  return Refusal(
      "provide a query name to invoke from the catalog, or -e '<gq>' / --query <file> for an "
      "ad-hoc query");
}

absl::StatusOr<const engine::query::Query*> Select(const engine::query::QueryFile& file,
                                                   const std::optional<std::string>& name) {
  if (name) {
    const engine::query::Query* query = file.Find(*name);
    return query != nullptr ? absl::StatusOr<const engine::query::Query*>(query)
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

absl::StatusOr<io::JsonValue> ReadParams(const Arguments& arguments) {
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

ReadFormat FormatOf(const Invocation& invocation) {
  const Arguments& arguments = invocation.arguments();
  if (arguments.Has("json")) {
    return ReadFormat::kJson;
  }
  return ReadFormatNamed(arguments.Get("format").value_or("table")).value_or(ReadFormat::kTable);
}

absl::StatusOr<int> Run(Invocation& invocation) {
  const Arguments& arguments = invocation.arguments();
  OG_ASSIGN_OR_RETURN(const Source source, ReadSource(arguments));
  OG_ASSIGN_OR_RETURN(const io::JsonValue json, ReadParams(arguments));
  const absl::StatusOr<engine::query::QueryFile> file = engine::query::ParseQueryFile(source.text);
  OG_RETURN_IF_ERROR(AtSource(file.status(), source.name, source.text));
  OG_ASSIGN_OR_RETURN(const engine::query::Query* const query,
                      Select(*file, arguments.Get("NAME")));

  OG_ASSIGN_OR_RETURN(const auto graph, invocation.OpenGraph(engine::graph::OpenMode::kReadOnly));
  OG_ASSIGN_OR_RETURN(io::Env* const env, invocation.Env());
  const engine::graph::ReadTarget target = {.branch = arguments.Get("branch").value_or("main"),
                                            .snapshot = arguments.Get("snapshot")};
  OG_ASSIGN_OR_RETURN(const auto snapshot, graph->SnapshotAt(target));
  if (query->is_mutation()) {
    return Refusal(io::StrCat("query '", query->name,
                              "' contains mutations (insert/update/delete), which this command "
                              "does not run"));
  }
  const auto checked = engine::query::CheckQuery(*snapshot->catalog(), *query);
  OG_RETURN_IF_ERROR(AtSource(checked.status(), source.name, source.text));
  OG_ASSIGN_OR_RETURN(engine::query::ParamValues params, engine::query::BindParams(*query, json));
  engine::query::BindNow(env->NowUs() / 1000, params);
  OG_ASSIGN_OR_RETURN(const engine::exec::QueryResult result,
                      engine::exec::ExecuteQuery(*env, *engine::graph::QueryViewOf(snapshot),
                                                 *checked, params, {}));

  ReadHeader header = {.query_name = query->name,
                       .branch = std::nullopt,
                       .snapshot = target.snapshot,
                       .graph_commit_id = snapshot->commit_id()};
  if (!target.snapshot) {
    header.branch = target.branch;
  }
  OG_RETURN_IF_ERROR(
      RenderRead(header, *result.schema, result.batches, FormatOf(invocation), {},
                 [&](std::string_view text) { return invocation.console().Out(text); }));
  return kExitOk;
}

}  // namespace

Command QueryCommand() {
  return {
      .spec = {.path = "query",
               .summary = "Run a read query",
               .details = "The query comes from a file (--query) or the command line (-e). NAME "
                          "picks one of several queries of the source.",
               .examples =
                   "  omnigraph query --store people.omni -e 'query all() { match { $p: Person } "
                   "return { $p.name } }'\n"
                   "  omnigraph query --store people.omni --query find.gq by_name --params "
                   "'{\"name\": \"Ada\"}' --format csv",
               .options = {{.name = "query",
                            .value_name = "FILE",
                            .help = "A query file (.gq)",
                            .excludes = {"query-string"}},
                           {.name = "query-string",
                            .short_name = 'e',
                            .value_name = "GQ",
                            .help = "The text of a query"},
                           {.name = "params",
                            .value_name = "JSON",
                            .help = "Parameters as a JSON object",
                            .excludes = {"params-file"}},
                           {.name = "params-file",
                            .value_name = "FILE",
                            .help = "A file with the parameters"},
                           {.name = "branch",
                            .value_name = "BRANCH",
                            .help = "Read the head of this branch [default: main]",
                            .excludes = {"snapshot"}},
                           {.name = "snapshot",
                            .value_name = "COMMIT",
                            .help = "Read the graph as it was at this commit"},
                           {.name = "format",
                            .value_name = "FORMAT",
                            .help = "Output format [default: table]",
                            .choices = {"table", "kv", "csv", "jsonl", "json"},
                            .excludes = {"json"}},
                           JsonOption(),
                           {.name = "NAME",
                            .help = "Which query of the source to run",
                            .is_positional = true}}},
      .run = Run};
}

}  // namespace og::cli
