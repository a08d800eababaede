#include "engine/dataset/columns.h"

#include "cli/lance_tool/command.h"
#include "cli/lance_tool/dataset_arguments.h"
#include "cli/lance_tool/row_input.h"
#include "format/file/lance_schema.h"
#include "io/base/status.h"
#include "io/base/status_macros.h"
#include "io/base/text.h"

namespace og::cli {
namespace {

using engine::dataset::ColumnAlteration;
using engine::dataset::DatasetPtr;
using engine::dataset::NewColumn;
using engine::dataset::StagedTransaction;

absl::Status CommitAndPrint(ToolContext& context, const DatasetArguments& arguments,
                            const DatasetPtr& dataset, const StagedTransaction& staged) {
  OG_ASSIGN_OR_RETURN(const DatasetPtr committed, dataset->Commit(staged, {}));
  const size_t num_columns = committed->schema()->fields.size();
  return context.output.Write(arguments.json ? io::StrCat("{\"version\":", committed->version(),
                                                          ",\"num_columns\":", num_columns, "}\n")
                                             : io::StrCat("version ", committed->version(), ", ",
                                                          num_columns, " columns\n"));
}

// --- columns add ---------------------------------------------------------------------------------

struct AddArguments {
  DatasetArguments dataset;
  std::vector<std::string> columns;
  std::string schema_file;
  InputArguments input{.file = "", .format = "", .csv = {}};
};

void DeclareAdd(OptionSet& options, AddArguments& arguments) {
  arguments.dataset.Declare(options);
  arguments.dataset.DeclareBranch(options);
  options.AddEach("--column", arguments.columns, "NAME=VALUE, computed from other columns");
  options.Add("--schema", arguments.schema_file, "Schema of columns without a computed value")
      .Excludes("--column");
  options.Add("--input", arguments.input.file,
              "Their values, one for each row in the order of a scan (default: all null)");
  arguments.input.DeclareForm(options);
}

absl::Status RunAdd(ToolContext& context, const AddArguments& arguments) {
  OG_ASSIGN_OR_RETURN(const DatasetPtr dataset, arguments.dataset.Open(context));
  StagedTransaction staged;
  if (!arguments.schema_file.empty()) {
    OG_ASSIGN_OR_RETURN(const format::SchemaPtr schema, ReadSchemaFile(arguments.schema_file));
    if (arguments.input.file.empty()) {
      OG_ASSIGN_OR_RETURN(staged, StageAddNullColumns(*dataset, *schema, {}));
    } else {
      OG_ASSIGN_OR_RETURN(const auto rows, arguments.input.Open(schema));
      OG_ASSIGN_OR_RETURN(staged, StageAddColumnsFrom(*dataset, *rows, {}));
    }
    return CommitAndPrint(context, arguments.dataset, dataset, staged);
  }
  std::vector<NewColumn> columns;
  for (const std::string& text : arguments.columns) {
    const size_t equals = text.find('=');
    if (equals == std::string::npos) {
      return io::InvalidArgumentError(io::StrCat("--column ", text, ": NAME=VALUE is wanted"));
    }
    columns.push_back({.name = std::string(io::Trim(std::string_view(text).substr(0, equals))),
                       .value = text.substr(equals + 1)});
  }
  OG_ASSIGN_OR_RETURN(staged, StageAddColumns(*dataset, columns, {}));
  return CommitAndPrint(context, arguments.dataset, dataset, staged);
}

// --- columns join --------------------------------------------------------------------------------

struct JoinArguments {
  DatasetArguments dataset;
  std::string on;
  std::string values_key;
  std::string schema_file;
  InputArguments input;
};

void DeclareJoin(OptionSet& options, JoinArguments& arguments) {
  arguments.dataset.Declare(options);
  arguments.dataset.DeclareBranch(options);
  options.Add("--on", arguments.on, "Key column of the dataset, _rowid or _rowaddr").Required();
  options.Add("--values-on", arguments.values_key, "Key column of the values (default: the same)");
  options.Add("--schema", arguments.schema_file,
              "Schema of the values with their key (default: what they say)");
  arguments.input.Declare(options);
}

absl::Status RunJoin(ToolContext& context, const JoinArguments& arguments) {
  OG_ASSIGN_OR_RETURN(const DatasetPtr dataset, arguments.dataset.Open(context));
  format::SchemaPtr schema;
  if (!arguments.schema_file.empty()) {
    OG_ASSIGN_OR_RETURN(schema, ReadSchemaFile(arguments.schema_file));
  }
  OG_ASSIGN_OR_RETURN(const auto rows, arguments.input.Open(schema));
  OG_ASSIGN_OR_RETURN(
      const StagedTransaction staged,
      StageJoinColumns(*dataset, *rows, arguments.on,
                       arguments.values_key.empty() ? arguments.on : arguments.values_key, {}));
  return CommitAndPrint(context, arguments.dataset, dataset, staged);
}

// --- columns drop --------------------------------------------------------------------------------

struct DropArguments {
  DatasetArguments dataset;
  std::vector<std::string> columns;
};

void DeclareDrop(OptionSet& options, DropArguments& arguments) {
  arguments.dataset.Declare(options);
  arguments.dataset.DeclareBranch(options);
  options.Add("--columns", arguments.columns, "Columns, comma separated; members as a.b")
      .Required();
}

absl::Status RunDrop(ToolContext& context, const DropArguments& arguments) {
  OG_ASSIGN_OR_RETURN(const DatasetPtr dataset, arguments.dataset.Open(context));
  OG_ASSIGN_OR_RETURN(const StagedTransaction staged,
                      StageDropColumns(*dataset, arguments.columns, {}));
  return CommitAndPrint(context, arguments.dataset, dataset, staged);
}

// --- columns alter -------------------------------------------------------------------------------

struct AlterArguments {
  DatasetArguments dataset;
  std::string column;
  std::optional<std::string> rename;
  std::string type;
  bool nullable = false;
  bool not_nullable = false;
};

void DeclareAlter(OptionSet& options, AlterArguments& arguments) {
  arguments.dataset.Declare(options);
  arguments.dataset.DeclareBranch(options);
  options.Add("--column", arguments.column, "The column; a member as a.b").Required();
  options.Add("--rename", arguments.rename, "Its new name");
  options.Add(
      "--type", arguments.type,
      "Its new type in Lance's words: int64, float, string, decimal:128:10:2, list:int64, ...");
  options.Flag("--nullable", arguments.nullable, "It may be null from now on");
  options.Flag("--not-nullable", arguments.not_nullable, "It may not be null from now on")
      .Excludes("--nullable");
}

// A type in Lance's words; lists as list:int64, large_list:int64, fixed_size_list:float:3.
absl::StatusOr<format::TypePtr> TypeNamed(std::string_view text) {
  for (const std::string_view list : {"list:", "large_list:"}) {
    if (text.starts_with(list)) {
      OG_ASSIGN_OR_RETURN(format::TypePtr type, TypeNamed(text.substr(list.size())));
      format::Field item{.name = "item", .type = std::move(type), .nullable = true, .metadata = {}};
      return list == "list:" ? format::List(std::move(item)) : format::LargeList(std::move(item));
    }
  }
  format::LanceField field;
  field.logical_type = text;
  return format::ArrowTypeOf(field);
}

absl::Status RunAlter(ToolContext& context, const AlterArguments& arguments) {
  ColumnAlteration alteration{.path = arguments.column};
  alteration.rename = arguments.rename;
  if (arguments.nullable || arguments.not_nullable) {
    alteration.nullable = arguments.nullable;
  }
  if (!arguments.type.empty()) {
    const absl::StatusOr<format::TypePtr> type = TypeNamed(arguments.type);
    if (!type.ok()) {
      return io::InvalidArgumentError(io::StrCat("--type ", arguments.type, ": no such type"));
    }
    alteration.type = *type;
  }
  OG_ASSIGN_OR_RETURN(const DatasetPtr dataset, arguments.dataset.Open(context));
  OG_ASSIGN_OR_RETURN(const StagedTransaction staged,
                      StageAlterColumns(*dataset, {alteration}, {}));
  return CommitAndPrint(context, arguments.dataset, dataset, staged);
}

}  // namespace

ToolCommand ColumnsAddCommand() {
  return MakeToolCommand(
      {.path = "columns add",
       .summary = "Add columns: computed, with given values, or null",
       .examples =
           "  lance-tool columns add people.lance --column \"twice=age * 2\"\n"
           "  lance-tool columns add people.lance --schema new.json\n"
           "  lance-tool columns add people.lance --schema new.json --input values.jsonl\n"},
      DeclareAdd, RunAdd);
}

ToolCommand ColumnsJoinCommand() {
  return MakeToolCommand(
      {.path = "columns join",
       .summary = "Add columns whose values are found by a key",
       .examples = "  lance-tool columns join people.lance --on city --values-on name \\\n"
                   "      --input cities.csv\n"},
      DeclareJoin, RunJoin);
}

ToolCommand ColumnsDropCommand() {
  return MakeToolCommand(
      {.path = "columns drop",
       .summary = "Remove columns; their data stays until compaction",
       .examples = "  lance-tool columns drop people.lance --columns age,address.street\n"},
      DeclareDrop, RunDrop);
}

ToolCommand ColumnsAlterCommand() {
  return MakeToolCommand(
      {.path = "columns alter",
       .summary = "Rename a column, change its type or whether it may be null",
       .examples = "  lance-tool columns alter people.lance --column age --rename years\n"
                   "  lance-tool columns alter people.lance --column age --type int64\n"
                   "  lance-tool columns alter people.lance --column name --not-nullable\n"},
      DeclareAlter, RunAlter);
}

}  // namespace og::cli
