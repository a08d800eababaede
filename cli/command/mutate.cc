#include <optional>
#include <utility>

#include "cli/command/command.h"
#include "cli/command/query_source.h"
#include "cli/render/error_text.h"
#include "cli/render/graph_output.h"
#include "engine/query/params.h"
#include "io/base/error_detail.h"
#include "io/base/status.h"
#include "io/base/status_macros.h"
#include "io/base/text.h"

namespace og::cli {
namespace {

// Whether the branch has another head than --if-commit names: an answer, not a failure.
bool LostTheRace(const absl::Status& status) {
  const std::optional<io::ErrorDetail> detail = io::DetailOf(status);
  return detail && detail->kind == io::ErrorKind::kPreconditionFailed;
}

absl::StatusOr<int> Run(Invocation& invocation) {
  const Arguments& arguments = invocation.arguments();
  OG_ASSIGN_OR_RETURN(const QuerySource source, ReadQuerySource(arguments, "mutation"));
  OG_ASSIGN_OR_RETURN(const io::JsonValue json, ReadQueryParams(arguments));
  OG_ASSIGN_OR_RETURN(const engine::query::ParamValues params,
                      engine::query::BindParams(*source.query, json));
  OG_ASSIGN_OR_RETURN(const auto graph, invocation.OpenGraph(engine::graph::OpenMode::kReadWrite));
  ChangeReport report;
  report.branch = arguments.Get("branch").value_or("main");
  report.query_name = source.query->name;
  report.actor_id = arguments.Get("as");
  absl::StatusOr<engine::graph::MutationResult> result =
      graph->Mutate(*source.query, params,
                    {.branch = report.branch,
                     .actor_id = report.actor_id,
                     .expected_head = arguments.Get("if-commit")});
  if (LostTheRace(result.status())) {
    if (invocation.json()) {
      OG_RETURN_IF_ERROR(invocation.Print(PreconditionJson(result.status())).status());
    } else {
      invocation.console().Err(io::StrCat(io::Message(result.status()), "\n"));
    }
    return kExitPreconditionFailed;
  }
  OG_RETURN_IF_ERROR(AtSource(result.status(), source.name, source.text));
  report.result = *std::move(result);
  return invocation.Print(invocation.json() ? ChangeJson(report) : ChangeText(report));
}

}  // namespace

Command MutateCommand() {
  return {
      .spec = {.path = "mutate",
               .summary = "Run a mutation as one commit",
               .details = "The mutation comes from a file (--query) or the command line (-e). NAME "
                          "picks one of several queries of the source.\nA mutation that matches "
                          "nothing makes no commit. With --if-commit the command leaves with 4 if "
                          "the branch has another head.",
               .examples =
                   "  omnigraph mutate --store people.omni -e 'query add() { insert Person { name: "
                   "\"Ada\" } }'\n"
                   "  omnigraph mutate --store people.omni --query change.gq rename --params "
                   "'{\"name\": \"Ada\"}' --as ops",
               .takes_actor = true,
               .options = {QueryFileOption(),
                           QueryTextOption(),
                           ParamsOption(),
                           ParamsFileOption(),
                           BranchOption(),
                           {.name = "if-commit",
                            .value_name = "COMMIT",
                            .help = "Write only if this commit is the head of the branch"},
                           JsonOption(),
                           QueryNameArgument()}},
      .run = Run};
}

}  // namespace og::cli
