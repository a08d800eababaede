#include "engine/query/lint.h"

#include "cli/command/command.h"
#include "cli/command/files.h"
#include "cli/render/error_text.h"
#include "cli/render/graph_output.h"
#include "cli/target/target.h"
#include "io/base/error_detail.h"
#include "io/base/status_macros.h"

namespace og::cli {
namespace {

using engine::query::LintSchemaSource;

struct LintSchema {
  engine::schema::CatalogPtr catalog;
  LintSchemaSource source;
};

absl::StatusOr<LintSchema> SchemaOf(Invocation& invocation) {
  const Arguments& arguments = invocation.arguments();
  if (const auto path = arguments.Get("schema")) {
    OG_ASSIGN_OR_RETURN(const std::string text, ReadTextFile(*path));
    absl::StatusOr<engine::schema::CatalogPtr> catalog = engine::schema::CatalogFromText(text);
    OG_RETURN_IF_ERROR(AtSource(catalog.status(), *path, text));
    return LintSchema{.catalog = *std::move(catalog),
                      .source = {.kind = LintSchemaSource::Kind::kFile, .location = *path}};
  }
  if (!arguments.Has("URI") && !arguments.Has("store")) {
    return io::DetailedError(
        {.kind = io::ErrorKind::kBadRequest, .code = "", .fields = {}},
        "lint requires --schema <schema.pg> (offline) or a graph target (--store <uri> / "
        "--cluster <dir> --graph <id>)");
  }
  OG_ASSIGN_OR_RETURN(const std::string uri, ResolveGraphUri(arguments));
  OG_ASSIGN_OR_RETURN(const auto graph, invocation.OpenGraph(engine::graph::OpenMode::kReadOnly));
  return LintSchema{.catalog = graph->catalog(),
                    .source = {.kind = LintSchemaSource::Kind::kGraph, .location = uri}};
}

absl::StatusOr<int> Run(Invocation& invocation) {
  const std::string path = *invocation.arguments().Get("query");
  OG_ASSIGN_OR_RETURN(const std::string source, ReadTextFile(path));
  OG_ASSIGN_OR_RETURN(const LintSchema schema, SchemaOf(invocation));
  const engine::query::LintReport report =
      engine::query::LintQueryFile(*schema.catalog, source, path, schema.source);
  OG_RETURN_IF_ERROR(invocation
                         .Print(invocation.json() ? engine::query::LintJson(report) + "\n"
                                                  : LintText(report, source))
                         .status());
  return report.ok() ? kExitOk : kExitError;
}

}  // namespace

Command LintCommand() {
  return {.spec = {.path = "lint",
                   .summary = "Check a query file against a schema",
                   .details = "The schema is a file (--schema) or that of a graph. Exit code 1 if "
                              "a query has an error.",
                   .examples = "  omnigraph lint --query find.gq --schema people.pg\n"
                               "  omnigraph lint --query find.gq people.omni --json",
                   .capability = Capability::kDirect,
                   .options = {{.name = "query",
                                .value_name = "FILE",
                                .help = "The query file (.gq)",
                                .is_required = true},
                               {.name = "schema",
                                .value_name = "FILE",
                                .help = "Check against this schema (.pg), without a graph"},
                               JsonOption(),
                               GraphUriArgument()}},
          .run = Run};
}

}  // namespace og::cli
