#include "engine/dataset/clone.h"

#include "cli/lance_tool/command.h"
#include "cli/lance_tool/dataset_arguments.h"
#include "io/base/status_macros.h"
#include "io/base/text.h"

namespace og::cli {
namespace {

struct CloneArguments {
  DatasetArguments dataset;
  std::string target;
};

void Declare(OptionSet& options, CloneArguments& arguments) {
  arguments.dataset.Declare(options);
  options.Add("TARGET", arguments.target, "Path or URI of the clone").Required();
  arguments.dataset.DeclareVersion(options);
}

absl::Status Run(ToolContext& context, const CloneArguments& arguments) {
  OG_ASSIGN_OR_RETURN(const auto source, arguments.dataset.Open(context));
  OG_ASSIGN_OR_RETURN(const io::Location target, context.env.Resolve(arguments.target));
  OG_ASSIGN_OR_RETURN(const auto clone, engine::dataset::CloneShallow(*source, target, {}));
  return context.output.Write(
      arguments.dataset.json ? io::StrCat("{\"version\":", clone->version(),
                                          ",\"num_rows\":", clone->num_rows(), "}\n")
                             : io::StrCat("version ", clone->version(), ", ", clone->num_rows(),
                                          " rows, files of ", source->branch_root().Uri(), "\n"));
}

}  // namespace

ToolCommand CloneCommand() {
  return MakeToolCommand(
      {.path = "clone",
       .summary = "A dataset that reads the files of another one (shallow clone)",
       .examples = "  lance-tool clone people.lance experiment.lance\n"
                   "  lance-tool clone people.lance old.lance --version 3\n"},
      Declare, Run);
}

}  // namespace og::cli
