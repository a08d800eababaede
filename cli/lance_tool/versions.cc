#include "cli/lance_tool/command.h"
#include "cli/lance_tool/dataset_arguments.h"
#include "format/table/transaction.h"
#include "io/base/json_writer.h"
#include "io/base/status_macros.h"
#include "io/base/text.h"

namespace og::cli {
namespace {

void Declare(OptionSet& options, DatasetArguments& arguments) {
  arguments.Declare(options);
  arguments.DeclareBranch(options);
}

absl::Status Run(ToolContext& context, const DatasetArguments& arguments) {
  OG_ASSIGN_OR_RETURN(const auto dataset, arguments.Open(context));
  OG_ASSIGN_OR_RETURN(const auto versions, dataset->ListVersions());
  io::JsonWriter json(io::JsonWriter::Style::kPretty);
  json.BeginArray();
  std::string text;
  for (const engine::dataset::VersionInfo& version : versions) {
    const absl::StatusOr<format::Transaction> transaction = dataset->TransactionOf(version.version);
    const std::string_view operation =
        transaction.ok() ? format::OperationName(transaction->operation) : "unknown";
    text += io::StrCat(version.version, "  ", operation, "  ",
                       transaction.ok() ? transaction->uuid : "", "\n");
    json.BeginObject();
    json.Key("version");
    json.Uint(version.version);
    json.Key("operation");
    json.String(operation);
    json.Key("uuid");
    transaction.ok() ? json.String(transaction->uuid) : json.Null();
    json.Key("read_version");
    transaction.ok() ? json.Uint(transaction->read_version) : json.Null();
    json.Key("size");
    json.Uint(version.size);
    json.EndObject();
  }
  json.EndArray();
  return context.output.Write(arguments.json ? std::move(json).Finish() + "\n" : text);
}

}  // namespace

ToolCommand VersionsCommand() {
  return MakeToolCommand({.path = "versions",
                          .summary = "All versions with the transactions that made them",
                          .examples = "  lance-tool versions people.lance\n"
                                      "  lance-tool versions people.lance --branch dev --json\n"},
                         Declare, Run);
}

}  // namespace og::cli
