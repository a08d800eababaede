#include "cli/render/schema_plan.h"

#include "cli/command/command.h"
#include "cli/command/files.h"
#include "cli/render/error_text.h"
#include "cli/target/target.h"
#include "io/base/status_macros.h"

namespace og::cli {
namespace {

absl::StatusOr<int> Run(Invocation& invocation) {
  const Arguments& arguments = invocation.arguments();
  const std::string path = *arguments.Get("schema");
  OG_ASSIGN_OR_RETURN(const std::string source, ReadTextFile(path));
  OG_ASSIGN_OR_RETURN(const std::string uri, ResolveGraphUri(arguments));
  OG_ASSIGN_OR_RETURN(const auto graph, invocation.OpenGraph(engine::graph::OpenMode::kReadOnly));
  const auto plan = graph->PlanSchema(source, arguments.Has("allow-data-loss"));
  OG_RETURN_IF_ERROR(AtSource(plan.status(), path, source));
  return invocation.Print(invocation.json() ? SchemaPlanJson(*plan, uri)
                                            : SchemaPlanText(*plan, uri));
}

}  // namespace

Command SchemaPlanCommand() {
  return {.spec = {.path = "schema plan",
                   .summary = "Show the steps from the accepted schema to another one",
                   .details = "Nothing is changed. A change that cannot be made is a step of its "
                              "own that says why.",
                   .examples = "  omnigraph schema plan --schema people.pg people.omni\n"
                               "  omnigraph schema plan --schema people.pg people.omni --json",
                   .capability = Capability::kDirect,
                   .options = {{.name = "schema",
                                .value_name = "FILE",
                                .help = "The desired schema (.pg)",
                                .is_required = true},
                               {.name = "allow-data-loss",
                                .help = "Plan drops that leave nothing for older snapshots"},
                               JsonOption(),
                               GraphUriArgument()}},
          .run = Run};
}

}  // namespace og::cli
