#include "cli/lance_tool/command.h"
#include "cli/lance_tool/dataset_arguments.h"
#include "cli/lance_tool/schema_json.h"
#include "io/base/json_writer.h"
#include "io/base/status_macros.h"

namespace og::cli {
namespace {

void Declare(OptionSet& options, DatasetArguments& arguments) {
  arguments.Declare(options);
  arguments.DeclareVersion(options);
}

absl::Status Run(ToolContext& context, const DatasetArguments& arguments) {
  OG_ASSIGN_OR_RETURN(const auto dataset, arguments.Open(context));
  io::JsonWriter json(io::JsonWriter::Style::kPretty);
  WriteSchemaJson(*dataset->schema(), json);
  return context.output.Write(std::move(json).Finish() + "\n");
}

}  // namespace

ToolCommand SchemaCommand() {
  return MakeToolCommand({.path = "schema",
                          .summary = "The schema as JSON",
                          .examples = "  lance-tool schema people.lance > S.json\n"},
                         Declare, Run);
}

}  // namespace og::cli
