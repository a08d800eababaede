#include "engine/dataset/update.h"

#include "cli/lance_tool/command.h"
#include "cli/lance_tool/dataset_arguments.h"
#include "io/base/status.h"
#include "io/base/status_macros.h"
#include "io/base/text.h"

namespace og::cli {
namespace {

using engine::dataset::DatasetPtr;
using engine::dataset::UpdateResult;

struct UpdateArguments {
  DatasetArguments dataset;
  std::vector<std::string> set;
  std::string where;
};

void Declare(OptionSet& options, UpdateArguments& arguments) {
  arguments.dataset.Declare(options);
  arguments.dataset.DeclareBranch(options);
  options.AddEach("--set", arguments.set, "COLUMN=VALUE; the value sees the row as it was")
      .Required();
  options.Add("--where", arguments.where, "The rows to change (default: all)");
}

absl::Status Run(ToolContext& context, const UpdateArguments& arguments) {
  engine::dataset::UpdateWhereRequest request;
  request.predicate = arguments.where;
  for (const std::string& text : arguments.set) {
    const size_t equals = text.find('=');
    if (equals == std::string::npos) {
      return io::InvalidArgumentError(io::StrCat("--set ", text, ": COLUMN=VALUE is wanted"));
    }
    request.assignments.push_back(
        {.column = std::string(io::Trim(std::string_view(text).substr(0, equals))),
         .value = text.substr(equals + 1)});
  }
  OG_ASSIGN_OR_RETURN(const DatasetPtr dataset, arguments.dataset.Open(context));
  OG_ASSIGN_OR_RETURN(const UpdateResult result, UpdateWhere(*dataset, request));
  const uint64_t version = result.dataset->version();
  return context.output.Write(
      arguments.dataset.json
          ? io::StrCat("{\"version\":", version, ",\"num_updated_rows\":", result.num_updated_rows,
                       "}\n")
          : io::StrCat("version ", version, ", ", result.num_updated_rows, " rows updated\n"));
}

}  // namespace

ToolCommand UpdateCommand() {
  return MakeToolCommand(
      {.path = "update",
       .summary = "Change values of rows by expressions",
       .examples = "  lance-tool update people.lance --set \"age=age + 1\" --where \"id = 7\"\n"
                   "  lance-tool update people.lance --set \"name=upper(name)\" --set age=null\n"},
      Declare, Run);
}

}  // namespace og::cli
