#include "cli/command/command.h"
#include "cli/render/graph_output.h"
#include "io/base/status_macros.h"

namespace og::cli {
namespace {

absl::StatusOr<int> Run(Invocation& invocation) {
  OG_ASSIGN_OR_RETURN(const auto graph, invocation.OpenGraph(engine::graph::OpenMode::kReadOnly));
  const std::string source = graph->schema_source();
  return invocation.Print(invocation.json() ? SchemaJson(source) : source + "\n");
}

}  // namespace

Command SchemaShowCommand() {
  return {.spec = {.path = "schema show",
                   .summary = "Print the accepted schema",
                   .examples = "  omnigraph schema show people.omni",
                   .takes_actor = true,
                   .options = {JsonOption(), GraphUriArgument()}},
          .run = Run};
}

}  // namespace og::cli
