#include "cli/lance_tool/command.h"
#include "cli/lance_tool/dataset_arguments.h"
#include "io/base/status_macros.h"

namespace og::cli {
namespace {

struct DumpArguments {
  DatasetArguments dataset;
  RowArguments rows;
};

void Declare(OptionSet& options, DumpArguments& arguments) {
  arguments.dataset.Declare(options);
  arguments.dataset.DeclareVersion(options);
  arguments.rows.DeclareColumns(options);
  arguments.rows.DeclareFilter(options);
  arguments.rows.DeclareLimit(options);
}

absl::Status Run(ToolContext& context, const DumpArguments& arguments) {
  OG_ASSIGN_OR_RETURN(const auto dataset, arguments.dataset.Open(context));
  OG_ASSIGN_OR_RETURN(const auto options, arguments.rows.Scan());
  OG_ASSIGN_OR_RETURN(const auto stream, dataset->Scan(options));
  while (true) {
    OG_ASSIGN_OR_RETURN(const auto batch, stream->Next());
    if (!batch) {
      return absl::OkStatus();
    }
    OG_RETURN_IF_ERROR(WriteRows(*batch, context.output));
  }
}

}  // namespace

ToolCommand DumpCommand() {
  return MakeToolCommand(
      {.path = "dump",
       .summary = "Rows as canonical JSON lines",
       .examples = "  lance-tool dump people.lance --columns name,age --limit 10\n"
                   "  lance-tool dump people.lance --where \"age >= 18\" --row-ids\n"},
      Declare, Run);
}

}  // namespace og::cli
