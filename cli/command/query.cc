#include <optional>
#include <utility>

#include "cli/command/command.h"
#include "cli/command/query_source.h"
#include "cli/render/error_text.h"
#include "cli/render/read_output.h"
#include "engine/exec/execute.h"
#include "engine/graph/query_view.h"
#include "engine/graph/snapshot.h"
#include "engine/query/check.h"
#include "engine/query/params.h"
#include "io/base/error_detail.h"
#include "io/base/json_value.h"
#include "io/base/status_macros.h"
#include "io/base/text.h"

namespace og::cli {
namespace {

ReadFormat FormatOf(const Invocation& invocation) {
  const Arguments& arguments = invocation.arguments();
  if (arguments.Has("json")) {
    return ReadFormat::kJson;
  }
  return ReadFormatNamed(arguments.Get("format").value_or("table")).value_or(ReadFormat::kTable);
}

absl::StatusOr<int> Run(Invocation& invocation) {
  const Arguments& arguments = invocation.arguments();
  OG_ASSIGN_OR_RETURN(const QuerySource source, ReadQuerySource(arguments, "query"));
  OG_ASSIGN_OR_RETURN(const io::JsonValue json, ReadQueryParams(arguments));
  const engine::query::Query* const query = source.query;

  OG_ASSIGN_OR_RETURN(const auto graph, invocation.OpenGraph(engine::graph::OpenMode::kReadOnly));
  OG_ASSIGN_OR_RETURN(io::Env* const env, invocation.Env());
  const engine::graph::ReadTarget target = {.branch = arguments.Get("branch").value_or("main"),
                                            .snapshot = arguments.Get("snapshot")};
  OG_ASSIGN_OR_RETURN(const auto snapshot, graph->SnapshotAt(target));
  if (query->is_mutation()) {
    return io::DetailedError({.kind = io::ErrorKind::kBadRequest, .code = "", .fields = {}},
                             io::StrCat("query '", query->name,
                                        "' contains mutations (insert/update/delete), which this "
                                        "command does not run"));
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
               .options = {QueryFileOption(),
                           QueryTextOption(),
                           ParamsOption(),
                           ParamsFileOption(),
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
                           QueryNameArgument()}},
      .run = Run};
}

}  // namespace og::cli
