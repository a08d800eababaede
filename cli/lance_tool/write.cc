#include <optional>

#include "cli/lance_tool/command.h"
#include "cli/lance_tool/dataset_arguments.h"
#include "cli/lance_tool/row_input.h"
#include "engine/dataset/overwrite.h"
#include "io/base/status.h"
#include "io/base/status_macros.h"
#include "io/base/text.h"

namespace og::cli {
namespace {

using engine::dataset::Dataset;
using engine::dataset::DatasetPtr;
using engine::dataset::StagedTransaction;

struct WriteArguments {
  DatasetArguments dataset;
  std::string schema_file;
  InputArguments input;
  std::optional<std::string> file_version;
  std::string mode = "create";
  bool stable_row_ids = true;
  uint64_t max_rows_per_file = uint64_t{1} << 20;
};

void Declare(OptionSet& options, WriteArguments& arguments) {
  arguments.dataset.Declare(options);
  arguments.dataset.DeclareBranch(options);
  options.Add("--schema", arguments.schema_file,
              "Schema as `lance-tool schema` prints it (default: that of the dataset for append, "
              "else what the rows say)");
  arguments.input.Declare(options);
  options
      .Add("--file-version", arguments.file_version,
           "Data file version (new datasets: 2.2; overwrite: that of the dataset)")
      .OneOf({"2.0", "2.1", "2.2"});
  options.Add("--mode", arguments.mode, "create, append or overwrite")
      .OneOf({"create", "append", "overwrite"});
  options.Flag("--stable-row-ids,!--no-stable-row-ids", arguments.stable_row_ids,
               "Row ids that survive updates (new datasets; default)");
  options.Add("--max-rows-per-file", arguments.max_rows_per_file, "Rows in a data file").Positive();
}

absl::StatusOr<DatasetPtr> WriteDataset(ToolContext& context, const WriteArguments& arguments) {
  format::SchemaPtr schema;
  if (!arguments.schema_file.empty()) {
    OG_ASSIGN_OR_RETURN(schema, ReadSchemaFile(arguments.schema_file));
  }
  engine::dataset::WriteOptions write;
  write.max_rows_per_file = arguments.max_rows_per_file;
  if (arguments.mode == "create") {
    OG_ASSIGN_OR_RETURN(const io::Location root, context.env.Resolve(arguments.dataset.dataset));
    if (!arguments.dataset.branch.empty()) {
      return io::InvalidArgumentError("a new dataset has only the main branch");
    }
    OG_ASSIGN_OR_RETURN(const auto rows,
                        arguments.input.Open(schema == nullptr ? nullptr : InputSchema(*schema)));
    engine::dataset::CreateOptions options;
    options.write = write;
    options.file_version = arguments.file_version.value_or(options.file_version);
    options.stable_row_ids = arguments.stable_row_ids;
    OG_ASSIGN_OR_RETURN(
        const StagedTransaction staged,
        Dataset::StageCreate(context.env, root, schema == nullptr ? rows->schema() : schema,
                             rows.get(), options));
    return Dataset::CommitCreate(context.env, root, staged);
  }
  OG_ASSIGN_OR_RETURN(const DatasetPtr dataset, arguments.dataset.Open(context));
  const bool appends = arguments.mode == "append";
  if (appends && arguments.file_version) {
    return io::InvalidArgumentError("--file-version is not for appended rows");
  }
  if (schema == nullptr && appends) {
    schema = dataset->schema();
  }
  OG_ASSIGN_OR_RETURN(const auto rows,
                      arguments.input.Open(schema == nullptr ? nullptr : InputSchema(*schema)));
  if (appends) {
    OG_ASSIGN_OR_RETURN(const StagedTransaction staged, dataset->StageAppend(*rows, write));
    return dataset->Commit(staged, {});
  }
  if (schema == nullptr) {
    schema = rows->schema();
  }
  if (arguments.file_version) {
    OG_ASSIGN_OR_RETURN(
        const StagedTransaction staged,
        StageOverwriteAs(*dataset, *arguments.file_version, schema, rows.get(), write));
    return dataset->Commit(staged, {});
  }
  OG_ASSIGN_OR_RETURN(const StagedTransaction staged,
                      dataset->StageOverwrite(schema, rows.get(), write));
  return dataset->Commit(staged, {});
}

absl::Status Run(ToolContext& context, const WriteArguments& arguments) {
  OG_ASSIGN_OR_RETURN(const DatasetPtr dataset, WriteDataset(context, arguments));
  return context.output.Write(
      arguments.dataset.json
          ? io::StrCat("{\"version\":", dataset->version(), ",\"num_rows\":", dataset->num_rows(),
                       "}\n")
          : io::StrCat("version ", dataset->version(), ", ", dataset->num_rows(), " rows\n"));
}

}  // namespace

ToolCommand WriteCommand() {
  return MakeToolCommand(
      {.path = "write",
       .summary = "Write rows given as JSON lines, CSV or Arrow IPC",
       .examples =
           "  lance-tool write new.lance --input rows.csv\n"
           "  lance-tool write new.lance --schema S.json < rows.jsonl\n"
           "  lance-tool write new.lance --mode append --input more.jsonl\n"
           "  lance-tool dump a.lance | lance-tool write b.lance --schema S.json\n"
           "  lance-tool dump a.lance --format arrow | lance-tool write b.lance --format arrow\n"},
      Declare, Run);
}

}  // namespace og::cli
