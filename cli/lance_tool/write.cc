#include <fstream>
#include <iostream>

#include "cli/lance_tool/command.h"
#include "cli/lance_tool/dataset_arguments.h"
#include "cli/lance_tool/schema_json.h"
#include "format/arrow/json.h"
#include "io/base/status.h"
#include "io/base/status_macros.h"
#include "io/base/text.h"

namespace og::cli {
namespace {

using engine::dataset::Dataset;
using engine::dataset::DatasetPtr;
using engine::dataset::StagedTransaction;
using format::RecordBatch;

// Rows that are read from JSON before they go to the writer.
constexpr size_t kWriteBatchBytes = size_t{8} << 20;

struct WriteArguments {
  DatasetArguments dataset;
  std::string schema_file;
  std::string input_file = "-";
  std::string file_version = "2.2";
  std::string mode = "create";
  bool stable_row_ids = true;
  uint64_t max_rows_per_file = uint64_t{1} << 20;
};

void Declare(OptionSet& options, WriteArguments& arguments) {
  arguments.dataset.Declare(options);
  options.Add("--schema", arguments.schema_file,
              "Schema as `lance-tool schema` prints it; append takes that of the dataset");
  options.Add("--input", arguments.input_file, "Rows; - is standard input");
  options.Add("--file-version", arguments.file_version, "Data file version of a new dataset")
      .OneOf({"2.0", "2.1", "2.2"});
  options.Add("--mode", arguments.mode, "create, append or overwrite")
      .OneOf({"create", "append", "overwrite"});
  options.Flag("--stable-row-ids,!--no-stable-row-ids", arguments.stable_row_ids,
               "Row ids that survive updates (new datasets; default)");
  options.Add("--max-rows-per-file", arguments.max_rows_per_file, "Rows in a data file").Positive();
}

// Lines of canonical JSON as batches.
class JsonLines final : public format::BatchStream {
 public:
  JsonLines(std::istream& input, format::SchemaPtr schema)
      : input_(input), schema_(schema), reader_(std::move(schema)) {}

  const format::SchemaPtr& schema() const override { return schema_; }

  absl::StatusOr<std::optional<RecordBatch>> Next() override {
    std::string line;
    while (reader_.MemoryBytes() < kWriteBatchBytes && std::getline(input_, line)) {
      ++line_number_;
      if (io::Trim(line).empty()) {
        continue;
      }
      if (const absl::Status status = reader_.Append(line); !status.ok()) {
        return io::Annotate(status, io::StrCat("line ", line_number_));
      }
    }
    if (reader_.num_rows() == 0) {
      return std::nullopt;
    }
    return reader_.Finish();
  }

 private:
  std::istream& input_;
  const format::SchemaPtr schema_;
  format::JsonRowReader reader_;
  uint64_t line_number_ = 0;
};

// `schema` as rows spell it: a blob column is given by its contents, in hexadecimal digits.
format::SchemaPtr InputSchema(const format::Schema& schema) {
  auto input = std::make_shared<format::Schema>(schema);
  for (format::Field& field : input->fields) {
    const auto extension = field.metadata.find("ARROW:extension:name");
    if (extension != field.metadata.end() && extension->second == "lance.blob.v2") {
      field.type = format::LargeBinary();
    }
  }
  return input;
}

absl::StatusOr<format::SchemaPtr> ReadSchemaFile(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) {
    return io::NotFoundError(io::StrCat("cannot read the schema file ", path));
  }
  const std::string text((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  absl::StatusOr<format::SchemaPtr> schema = ParseSchemaJson(text);
  return schema.ok() ? schema : io::Annotate(schema.status(), path);
}

absl::StatusOr<DatasetPtr> WriteDataset(ToolContext& context, const WriteArguments& arguments,
                                        std::istream& input) {
  format::SchemaPtr schema;
  if (!arguments.schema_file.empty()) {
    OG_ASSIGN_OR_RETURN(schema, ReadSchemaFile(arguments.schema_file));
  }
  engine::dataset::WriteOptions write;
  write.max_rows_per_file = arguments.max_rows_per_file;
  if (arguments.mode == "create") {
    OG_ASSIGN_OR_RETURN(const io::Location root, context.env.Resolve(arguments.dataset.dataset));
    if (schema == nullptr) {
      return io::InvalidArgumentError("--mode create needs --schema");
    }
    JsonLines rows(input, InputSchema(*schema));
    engine::dataset::CreateOptions options;
    options.write = write;
    options.file_version = arguments.file_version;
    options.stable_row_ids = arguments.stable_row_ids;
    OG_ASSIGN_OR_RETURN(const StagedTransaction staged,
                        Dataset::StageCreate(context.env, root, schema, &rows, options));
    return Dataset::CommitCreate(context.env, root, staged);
  }
  OG_ASSIGN_OR_RETURN(const DatasetPtr dataset, arguments.dataset.Open(context));
  if (schema == nullptr) {
    schema = dataset->schema();
  }
  JsonLines rows(input, InputSchema(*schema));
  if (arguments.mode == "append") {
    OG_ASSIGN_OR_RETURN(const StagedTransaction staged, dataset->StageAppend(rows, write));
    return dataset->Commit(staged, {});
  }
  OG_ASSIGN_OR_RETURN(const StagedTransaction staged,
                      dataset->StageOverwrite(schema, &rows, write));
  return dataset->Commit(staged, {});
}

absl::Status Run(ToolContext& context, const WriteArguments& arguments) {
  std::ifstream file;
  if (arguments.input_file != "-") {
    file.open(arguments.input_file, std::ios::binary);
    if (!file) {
      return io::NotFoundError(io::StrCat("cannot read ", arguments.input_file));
    }
  }
  OG_ASSIGN_OR_RETURN(
      const DatasetPtr dataset,
      WriteDataset(context, arguments, arguments.input_file == "-" ? std::cin : file));
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
       .summary = "Write rows given as canonical JSON lines",
       .examples = "  lance-tool write new.lance --schema S.json < rows.jsonl\n"
                   "  lance-tool write new.lance --mode append --input more.jsonl\n"
                   "  lance-tool dump a.lance | lance-tool write b.lance --schema S.json\n"},
      Declare, Run);
}

}  // namespace og::cli
