#include "cli/lance_tool/command.h"
#include "cli/lance_tool/dataset_arguments.h"
#include "cli/lance_tool/text_table.h"
#include "engine/dataset/refs.h"
#include "io/base/json_writer.h"
#include "io/base/status_macros.h"
#include "io/base/text.h"

namespace og::cli {
namespace {

struct TagArguments {
  DatasetArguments dataset;
  std::string name;
  bool yes = false;
};

void DeclareList(OptionSet& options, TagArguments& arguments) {
  arguments.dataset.Declare(options);
}

void DeclareName(OptionSet& options, TagArguments& arguments) {
  arguments.dataset.Declare(options);
  options.Add("NAME", arguments.name, "Name of the tag").Required();
}

void DeclareVersioned(OptionSet& options, TagArguments& arguments) {
  DeclareName(options, arguments);
  arguments.dataset.DeclareVersion(options);
}

void DeclareDelete(OptionSet& options, TagArguments& arguments) {
  DeclareName(options, arguments);
  DeclareYes(options, arguments.yes);
}

absl::Status List(ToolContext& context, const TagArguments& arguments) {
  OG_ASSIGN_OR_RETURN(const io::Location root, context.env.Resolve(arguments.dataset.dataset));
  OG_ASSIGN_OR_RETURN(const auto tags, engine::dataset::ListTags(root));
  TextTable table({"tag", "branch", ">version", "updated"});
  io::JsonWriter json(io::JsonWriter::Style::kPretty);
  json.BeginArray();
  for (const engine::dataset::TagInfo& tag : tags) {
    table.Add({tag.name, tag.branch.empty() ? "main" : tag.branch, io::StrCat(tag.version),
               tag.updated_at});
    json.BeginObject();
    json.Key("name");
    json.String(tag.name);
    json.Key("branch");
    tag.branch.empty() ? json.Null() : json.String(tag.branch);
    json.Key("version");
    json.Uint(tag.version);
    json.Key("created_at");
    json.String(tag.created_at);
    json.Key("updated_at");
    json.String(tag.updated_at);
    json.EndObject();
  }
  json.EndArray();
  return context.output.Write(arguments.dataset.json ? std::move(json).Finish() + "\n"
                              : table.empty()        ? std::string()
                                                     : table.Text());
}

absl::Status Report(ToolContext& context, const TagArguments& arguments, uint64_t version) {
  return context.output.Write(
      arguments.dataset.json ? io::StrCat("{\"version\":", version, "}\n")
                             : io::StrCat("tag ", arguments.name, " at version ", version, "\n"));
}

absl::Status Create(ToolContext& context, const TagArguments& arguments) {
  OG_ASSIGN_OR_RETURN(const auto dataset, arguments.dataset.Open(context));
  OG_RETURN_IF_ERROR(engine::dataset::CreateTag(*dataset, arguments.name));
  return Report(context, arguments, dataset->version());
}

absl::Status Update(ToolContext& context, const TagArguments& arguments) {
  OG_ASSIGN_OR_RETURN(const auto dataset, arguments.dataset.Open(context));
  OG_RETURN_IF_ERROR(engine::dataset::UpdateTag(*dataset, arguments.name));
  return Report(context, arguments, dataset->version());
}

absl::Status Delete(ToolContext& context, const TagArguments& arguments) {
  OG_ASSIGN_OR_RETURN(const io::Location root, context.env.Resolve(arguments.dataset.dataset));
  OG_RETURN_IF_ERROR(context.terminal.Confirm(
      io::StrCat("Delete tag ", arguments.name, " of ", root.Uri(), "?"), arguments.yes));
  OG_RETURN_IF_ERROR(engine::dataset::DeleteTag(root, arguments.name));
  return context.output.Write(arguments.dataset.json
                                  ? std::string("{}\n")
                                  : io::StrCat("tag ", arguments.name, " deleted\n"));
}

}  // namespace

ToolCommand TagListCommand() {
  return MakeToolCommand({.path = "tag list",
                          .summary = "The tags of a dataset",
                          .examples = "  lance-tool tag list people.lance\n"},
                         DeclareList, List);
}

ToolCommand TagCreateCommand() {
  return MakeToolCommand({.path = "tag create",
                          .summary = "Name a version; cleanup keeps it",
                          .examples = "  lance-tool tag create people.lance v1 --version 3\n"},
                         DeclareVersioned, Create);
}

ToolCommand TagUpdateCommand() {
  return MakeToolCommand({.path = "tag update",
                          .summary = "Move a tag to another version",
                          .examples = "  lance-tool tag update people.lance v1 --version 4\n"},
                         DeclareVersioned, Update);
}

ToolCommand TagDeleteCommand() {
  return MakeToolCommand({.path = "tag delete",
                          .summary = "Remove a tag; its version stays until a cleanup",
                          .examples = "  lance-tool tag delete people.lance v1 --yes\n"},
                         DeclareDelete, Delete);
}

}  // namespace og::cli
