#include <filesystem>
#include <system_error>

#include "cli/command/command.h"
#include "cli/command/files.h"
#include "cli/render/error_text.h"
#include "cli/target/target.h"
#include "io/base/error_detail.h"
#include "io/base/status_macros.h"
#include "io/base/text.h"

namespace og::cli {
namespace {

absl::StatusOr<int> Run(Invocation& invocation) {
  const Arguments& arguments = invocation.arguments();
  const std::string schema_path = *arguments.Get("schema");
  OG_ASSIGN_OR_RETURN(const std::string source, ReadTextFile(schema_path));
  OG_ASSIGN_OR_RETURN(const std::string uri, ResolveGraphUri(arguments));
  OG_ASSIGN_OR_RETURN(io::Env* const env, invocation.Env());
  OG_ASSIGN_OR_RETURN(const io::Location root, env->Resolve(uri));
  // The schema first: a mistake in it leaves no folder behind.
  const absl::StatusOr<engine::schema::CatalogPtr> catalog =
      engine::schema::CatalogFromText(source);
  OG_RETURN_IF_ERROR(AtSource(catalog.status(), schema_path, source));
  std::error_code error;
  bool made_folder = false;
  if (uri.find("://") == std::string::npos) {
    made_folder = std::filesystem::create_directories(uri, error);
    if (error) {
      return io::DetailedError({.kind = io::ErrorKind::kStorage, .code = "", .fields = {}},
                               io::StrCat("cannot create '", uri, "': ", error.message()));
    }
  }
  const absl::Status created =
      engine::graph::Graph::Init(*env, root, source, {.force = arguments.Has("force")});
  if (!created.ok()) {
    if (made_folder) {
      std::filesystem::remove(uri, error);  // only if nothing is in it
    }
    return created;
  }
  return invocation.Print(io::StrCat("initialized ", uri, "\n"));
}

}  // namespace

Command InitCommand() {
  OptionSpec uri = GraphUriArgument();
  uri.help = "Where the graph will be: a folder or file:// URI";
  uri.is_required = true;
  return {.spec = {.path = "init",
                   .summary = "Create an empty graph from a schema",
                   .examples = "  omnigraph init --schema people.pg people.omni",
                   .capability = Capability::kDirect,
                   .takes_store = false,
                   .options = {{.name = "schema",
                                .value_name = "FILE",
                                .help = "The schema (.pg)",
                                .is_required = true},
                               {.name = "force",
                                .help = "Replace left-over schema files where no graph is; never "
                                        "an initialized graph"},
                               uri}},
          .run = Run};
}

}  // namespace og::cli
