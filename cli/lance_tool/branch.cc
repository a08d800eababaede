#include "cli/lance_tool/command.h"
#include "cli/lance_tool/dataset_arguments.h"
#include "cli/lance_tool/text_table.h"
#include "engine/dataset/metadata.h"
#include "engine/dataset/refs.h"
#include "io/base/json_writer.h"
#include "io/base/status_macros.h"
#include "io/base/text.h"

namespace og::cli {
namespace {

struct BranchArguments {
  DatasetArguments dataset;
  std::string name;
  bool force = false;
  bool yes = false;
};

void DeclareName(OptionSet& options, BranchArguments& arguments) {
  arguments.dataset.Declare(options);
  options.Add("NAME", arguments.name, "Name of the branch").Required();
}

void DeclareList(OptionSet& options, BranchArguments& arguments) {
  arguments.dataset.Declare(options);
}

void DeclareCreate(OptionSet& options, BranchArguments& arguments) {
  DeclareName(options, arguments);
  options.Add("--version", arguments.dataset.version, "Version to fork (default: the latest)");
  options.Add("--from", arguments.dataset.branch, "Branch to fork (default: main)");
}

void DeclareDelete(OptionSet& options, BranchArguments& arguments) {
  DeclareName(options, arguments);
  options.Flag("--force", arguments.force, "Also what a crash left of a branch");
  DeclareYes(options, arguments.yes);
}

absl::Status List(ToolContext& context, const BranchArguments& arguments) {
  OG_ASSIGN_OR_RETURN(const io::Location root, context.env.Resolve(arguments.dataset.dataset));
  OG_ASSIGN_OR_RETURN(const auto branches, engine::dataset::ListBranches(root));
  TextTable table({"branch", "parent", ">version", "created"});
  io::JsonWriter json(io::JsonWriter::Style::kPretty);
  json.BeginArray();
  for (const engine::dataset::BranchInfo& branch : branches) {
    const std::string parent = branch.parent_branch.empty() ? "main" : branch.parent_branch;
    const std::string created = engine::dataset::TimeText(branch.created_at_s * 1'000'000);
    table.Add({branch.name, parent, io::StrCat(branch.parent_version), created});
    json.BeginObject();
    json.Key("name");
    json.String(branch.name);
    json.Key("parent_branch");
    branch.parent_branch.empty() ? json.Null() : json.String(branch.parent_branch);
    json.Key("parent_version");
    json.Uint(branch.parent_version);
    json.Key("created_at");
    json.String(created);
    json.EndObject();
  }
  json.EndArray();
  return context.output.Write(arguments.dataset.json ? std::move(json).Finish() + "\n"
                              : table.empty()        ? std::string()
                                                     : table.Text());
}

absl::Status Create(ToolContext& context, const BranchArguments& arguments) {
  OG_ASSIGN_OR_RETURN(const auto source, arguments.dataset.Open(context));
  OG_ASSIGN_OR_RETURN(const auto branch,
                      engine::dataset::CreateBranch(*source, arguments.name, {}));
  return context.output.Write(
      arguments.dataset.json
          ? io::StrCat("{\"version\":", branch->version(), "}\n")
          : io::StrCat("branch ", arguments.name, " at version ", branch->version(), "\n"));
}

absl::Status Delete(ToolContext& context, const BranchArguments& arguments) {
  OG_ASSIGN_OR_RETURN(const io::Location root, context.env.Resolve(arguments.dataset.dataset));
  OG_RETURN_IF_ERROR(context.terminal.Confirm(
      io::StrCat("Delete branch ", arguments.name, " of ", root.Uri(), " with all its versions?"),
      arguments.yes));
  OG_RETURN_IF_ERROR(
      engine::dataset::DeleteBranch(context.env, root, arguments.name, arguments.force));
  return context.output.Write(arguments.dataset.json
                                  ? std::string("{}\n")
                                  : io::StrCat("branch ", arguments.name, " deleted\n"));
}

}  // namespace

ToolCommand BranchListCommand() {
  return MakeToolCommand({.path = "branch list",
                          .summary = "The branches of a dataset",
                          .examples = "  lance-tool branch list people.lance --json\n"},
                         DeclareList, List);
}

ToolCommand BranchCreateCommand() {
  return MakeToolCommand(
      {.path = "branch create",
       .summary = "Fork a version",
       .examples = "  lance-tool branch create people.lance dev\n"
                   "  lance-tool branch create people.lance fix --from dev --version 7\n"},
      DeclareCreate, Create);
}

ToolCommand BranchDeleteCommand() {
  return MakeToolCommand({.path = "branch delete",
                          .summary = "Remove a branch with all its versions",
                          .examples = "  lance-tool branch delete people.lance dev --yes\n"},
                         DeclareDelete, Delete);
}

}  // namespace og::cli
