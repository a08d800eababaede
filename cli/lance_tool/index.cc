#include "cli/lance_tool/command.h"
#include "cli/lance_tool/dataset_arguments.h"
#include "cli/lance_tool/text_table.h"
#include "engine/dataset/indices.h"
#include "io/base/json_writer.h"
#include "io/base/status_macros.h"
#include "io/base/text.h"

namespace og::cli {
namespace {

using engine::dataset::DatasetPtr;
using engine::dataset::IndexDescription;
using engine::dataset::StagedTransaction;

struct IndexArguments {
  DatasetArguments dataset;
  std::string column;
  std::string name;
  std::vector<std::string> names;
  bool replace = false;
  std::optional<uint64_t> merge;
  bool yes = false;
};

void DeclareList(OptionSet& options, IndexArguments& arguments) {
  arguments.dataset.Declare(options);
  arguments.dataset.DeclareVersion(options);
}

void DeclareCreate(OptionSet& options, IndexArguments& arguments) {
  arguments.dataset.Declare(options);
  options.Add("COLUMN", arguments.column, "Column; members as a.b").Required();
  arguments.dataset.DeclareBranch(options);
  options.Add("--name", arguments.name, "Name of the index (default: COLUMN_idx)");
  options.Flag("--replace", arguments.replace, "Replace the index of that name");
}

void DeclareDrop(OptionSet& options, IndexArguments& arguments) {
  arguments.dataset.Declare(options);
  options.Add("NAME", arguments.name, "Name of the index").Required();
  arguments.dataset.DeclareBranch(options);
  DeclareYes(options, arguments.yes);
}

void DeclareOptimize(OptionSet& options, IndexArguments& arguments) {
  arguments.dataset.Declare(options);
  arguments.dataset.DeclareBranch(options);
  options.Add("--names", arguments.names, "Only these indexes, comma separated");
  options.Add("--merge", arguments.merge,
              "Segments to merge the new rows with; 0: a segment of their own (default: the last)");
}

absl::Status List(ToolContext& context, const IndexArguments& arguments) {
  OG_ASSIGN_OR_RETURN(const DatasetPtr dataset, arguments.dataset.Open(context));
  OG_ASSIGN_OR_RETURN(const auto indices, engine::dataset::ListIndices(*dataset));
  TextTable table(
      {"index", "kind", "columns", ">segments", ">fragments", ">rows", ">unindexed", "used"});
  io::JsonWriter json(io::JsonWriter::Style::kPretty);
  json.BeginArray();
  for (const IndexDescription& index : indices) {
    table.Add({index.name, index.kind, io::Join(index.columns, ","),
               io::StrCat(index.segments.size()), io::StrCat(index.fragment_ids.size()),
               io::StrCat(index.num_indexed_rows), io::StrCat(index.num_unindexed_rows),
               index.is_used ? "yes" : "no"});
    json.BeginObject();
    json.Key("name");
    json.String(index.name);
    json.Key("kind");
    json.String(index.kind);
    json.Key("columns");
    json.BeginArray();
    for (const std::string& column : index.columns) {
      json.String(column);
    }
    json.EndArray();
    json.Key("segments");
    json.BeginArray();
    for (const format::IndexMetadata& segment : index.segments) {
      json.String(segment.uuid);
    }
    json.EndArray();
    json.Key("fragments");
    json.BeginArray();
    for (const uint64_t fragment : index.fragment_ids) {
      json.Uint(fragment);
    }
    json.EndArray();
    json.Key("num_indexed_rows");
    json.Uint(index.num_indexed_rows);
    json.Key("num_unindexed_rows");
    json.Uint(index.num_unindexed_rows);
    json.Key("is_used");
    json.Bool(index.is_used);
    json.EndObject();
  }
  json.EndArray();
  return context.output.Write(arguments.dataset.json ? std::move(json).Finish() + "\n"
                              : table.empty()        ? std::string()
                                                     : table.Text());
}

absl::Status Report(ToolContext& context, const IndexArguments& arguments,
                    const engine::dataset::Dataset& dataset, std::string_view what) {
  return context.output.Write(arguments.dataset.json
                                  ? io::StrCat("{\"version\":", dataset.version(), "}\n")
                                  : io::StrCat("version ", dataset.version(), ", ", what, "\n"));
}

absl::Status Create(ToolContext& context, const IndexArguments& arguments) {
  OG_ASSIGN_OR_RETURN(DatasetPtr dataset, arguments.dataset.Open(context));
  OG_ASSIGN_OR_RETURN(const StagedTransaction staged,
                      engine::dataset::StageCreateIndex(*dataset, {.column = arguments.column,
                                                                   .name = arguments.name,
                                                                   .replace = arguments.replace}));
  OG_ASSIGN_OR_RETURN(dataset, dataset->Commit(staged, {}));
  return Report(context, arguments, *dataset, io::StrCat(staged.num_rows_written, " rows indexed"));
}

absl::Status Drop(ToolContext& context, const IndexArguments& arguments) {
  OG_ASSIGN_OR_RETURN(DatasetPtr dataset, arguments.dataset.Open(context));
  OG_ASSIGN_OR_RETURN(const StagedTransaction staged,
                      engine::dataset::StageDropIndex(*dataset, arguments.name, {}));
  OG_RETURN_IF_ERROR(context.terminal.Confirm(
      io::StrCat("Drop index ", arguments.name, " of ", dataset->branch_root().Uri(), "?"),
      arguments.yes));
  OG_ASSIGN_OR_RETURN(dataset, dataset->Commit(staged, {}));
  return Report(context, arguments, *dataset, io::StrCat("index ", arguments.name, " dropped"));
}

absl::Status Optimize(ToolContext& context, const IndexArguments& arguments) {
  OG_ASSIGN_OR_RETURN(DatasetPtr dataset, arguments.dataset.Open(context));
  engine::dataset::OptimizeIndicesRequest request;
  if (!arguments.names.empty()) {
    request.names = arguments.names;
  }
  request.num_segments_to_merge = arguments.merge;
  OG_ASSIGN_OR_RETURN(const auto staged, engine::dataset::StageOptimizeIndices(*dataset, request));
  if (!staged) {
    return Report(context, arguments, *dataset, "nothing to do");
  }
  OG_ASSIGN_OR_RETURN(dataset, dataset->Commit(*staged, {}));
  return Report(context, arguments, *dataset,
                io::StrCat(staged->num_rows_written, " entries written"));
}

}  // namespace

ToolCommand IndexListCommand() {
  return MakeToolCommand({.path = "index list",
                          .summary = "The indexes of a version and what they cover",
                          .examples = "  lance-tool index list people.lance --json\n"},
                         DeclareList, List);
}

ToolCommand IndexCreateCommand() {
  return MakeToolCommand(
      {.path = "index create",
       .summary = "Build a BTREE index over a column",
       .examples = "  lance-tool index create people.lance age\n"
                   "  lance-tool index create people.lance address.city --name city --replace\n"},
      DeclareCreate, Create);
}

ToolCommand IndexDropCommand() {
  return MakeToolCommand({.path = "index drop",
                          .summary = "Remove an index",
                          .examples = "  lance-tool index drop people.lance age_idx --yes\n"},
                         DeclareDrop, Drop);
}

ToolCommand IndexOptimizeCommand() {
  return MakeToolCommand(
      {.path = "index optimize",
       .summary = "Index the rows that no index covers yet",
       .examples = "  lance-tool index optimize people.lance\n"
                   "  lance-tool index optimize people.lance --names age_idx --merge 2\n"},
      DeclareOptimize, Optimize);
}

}  // namespace og::cli
