#include "cli/lance_tool/command.h"
#include "cli/lance_tool/dataset_arguments.h"
#include "cli/lance_tool/row_output.h"
#include "io/base/status_macros.h"

namespace og::cli {
namespace {

struct DumpArguments {
  DatasetArguments dataset;
  RowArguments rows;
  OutputArguments output;
};

void Declare(OptionSet& options, DumpArguments& arguments) {
  arguments.dataset.Declare(options);
  arguments.dataset.DeclareVersion(options);
  arguments.dataset.DeclareCheck(options);
  arguments.rows.DeclareColumns(options);
  arguments.rows.DeclareFilter(options);
  arguments.rows.DeclareLimit(options);
  arguments.rows.DeclareOrder(options);
  arguments.output.Declare(options);
}

absl::Status Run(ToolContext& context, const DumpArguments& arguments) {
  OG_ASSIGN_OR_RETURN(const auto dataset, arguments.dataset.Open(context));
  OG_ASSIGN_OR_RETURN(const auto options, arguments.rows.Scan());
  OG_ASSIGN_OR_RETURN(const auto stream, arguments.rows.Open(*dataset, options));
  OG_ASSIGN_OR_RETURN(const auto output,
                      RowOutput::Open(arguments.output, stream->schema(), context.output));
  while (true) {
    OG_ASSIGN_OR_RETURN(const auto batch, stream->Next());
    if (!batch) {
      return output->Finish();
    }
    OG_RETURN_IF_ERROR(output->Write(*batch));
  }
}

}  // namespace

ToolCommand DumpCommand() {
  return MakeToolCommand(
      {.path = "dump",
       .summary = "Rows as JSON lines, CSV or Arrow IPC",
       .examples = "  lance-tool dump people.lance --columns name,age --limit 10\n"
                   "  lance-tool dump people.lance --where \"age >= 18\" --row-ids\n"
                   "  lance-tool dump people.lance --order-by age:desc,name --output people.csv\n"
                   "  lance-tool dump people.lance --format arrow > people.arrow\n"},
      Declare, Run);
}

}  // namespace og::cli
