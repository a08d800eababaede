#include "cli/command/command.h"
#include "cli/command/files.h"
#include "cli/render/error_text.h"
#include "cli/render/schema_plan.h"
#include "cli/target/target.h"
#include "io/base/status_macros.h"

namespace og::cli {
namespace {

absl::StatusOr<int> Run(Invocation& invocation) {
  const Arguments& arguments = invocation.arguments();
  const std::string path = *arguments.Get("schema");
  OG_ASSIGN_OR_RETURN(const std::string source, ReadTextFile(path));
  OG_ASSIGN_OR_RETURN(const std::string uri, ResolveGraphUri(arguments));
  if (!arguments.Has("quiet")) {
    invocation.console().Err(WriteEcho("schema apply", uri));
  }
  OG_ASSIGN_OR_RETURN(const auto graph, invocation.OpenGraph(engine::graph::OpenMode::kReadWrite));
  const auto result = graph->ApplySchema(
      source,
      {.allow_data_loss = arguments.Has("allow-data-loss"), .actor_id = arguments.Get("as")});
  OG_RETURN_IF_ERROR(AtSource(result.status(), path, source));
  return invocation.Print(invocation.json() ? SchemaApplyJson(*result, uri)
                                            : SchemaApplyText(*result, uri));
}

}  // namespace

Command SchemaApplyCommand() {
  return {.spec = {.path = "schema apply",
                   .summary = "Change the schema of a graph, as one commit",
                   .details = "A property or type that the new schema lacks is dropped: older "
                              "snapshots keep it until a cleanup, unless --allow-data-loss is "
                              "given. The change shows as the next graph-manifest version.",
                   .examples = "  omnigraph schema apply --schema people.pg people.omni\n"
                               "  omnigraph schema apply --schema people.pg people.omni --json",
                   .takes_actor = true,
                   .options = {{.name = "schema",
                                .value_name = "FILE",
                                .help = "The desired schema (.pg)",
                                .is_required = true},
                               {.name = "allow-data-loss",
                                .help = "Let drops leave nothing for older snapshots"},
                               JsonOption(),
                               GraphUriArgument()}},
          .run = Run};
}

}  // namespace og::cli
