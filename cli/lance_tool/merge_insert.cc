#include "engine/dataset/merge_insert.h"

#include <utility>

#include "cli/lance_tool/command.h"
#include "cli/lance_tool/dataset_arguments.h"
#include "cli/lance_tool/row_input.h"
#include "io/base/json_writer.h"
#include "io/base/status.h"
#include "io/base/status_macros.h"
#include "io/base/text.h"

namespace og::cli {
namespace {

using engine::dataset::DatasetPtr;
using engine::dataset::MergeInsertRequest;
using engine::dataset::MergeInsertResult;
using engine::dataset::MergeInsertStatistics;
using engine::dataset::SourceDuplicates;
using engine::dataset::WhenMatchedRow;
using engine::dataset::WhenNotMatchedBySource;
using engine::dataset::WhenNotMatchedRow;

constexpr std::pair<std::string_view, WhenMatchedRow> kWhenMatched[] = {
    {"update-all", WhenMatchedRow::kUpdateAll}, {"update-if", WhenMatchedRow::kUpdateIf},
    {"do-nothing", WhenMatchedRow::kDoNothing}, {"fail", WhenMatchedRow::kFail},
    {"delete", WhenMatchedRow::kDelete},
};
constexpr std::pair<std::string_view, WhenNotMatchedRow> kWhenNotMatched[] = {
    {"insert-all", WhenNotMatchedRow::kInsertAll},
    {"do-nothing", WhenNotMatchedRow::kDoNothing},
};
constexpr std::pair<std::string_view, WhenNotMatchedBySource> kWhenNotMatchedBySource[] = {
    {"keep", WhenNotMatchedBySource::kKeep},
    {"delete", WhenNotMatchedBySource::kDelete},
    {"delete-if", WhenNotMatchedBySource::kDeleteIf},
};
constexpr std::pair<std::string_view, SourceDuplicates> kDuplicates[] = {
    {"fail", SourceDuplicates::kFail},
    {"first-seen", SourceDuplicates::kFirstSeen},
};

template <typename Table>
std::vector<std::string> WordsOf(const Table& table) {
  std::vector<std::string> words;
  for (const auto& [word, value] : table) {
    words.emplace_back(word);
  }
  return words;
}

template <typename Table>
auto ValueOf(const Table& table, std::string_view wanted) {
  auto found = table[0].second;
  for (const auto& [word, value] : table) {
    if (word == wanted) {
      found = value;
    }
  }
  return found;
}

struct MergeInsertArguments {
  DatasetArguments dataset;
  std::vector<std::string> on;
  InputArguments input;
  std::vector<std::string> columns;
  std::string when_matched = "update-all";
  std::string when_not_matched = "insert-all";
  std::string when_not_matched_by_source = "keep";
  std::string update_if;
  std::string delete_if;
  std::string duplicates = "fail";
  bool no_index = false;
};

void Declare(OptionSet& options, MergeInsertArguments& arguments) {
  arguments.dataset.Declare(options);
  arguments.dataset.DeclareBranch(options);
  options.Add("--on", arguments.on, "Key columns, comma separated (default: the primary key)");
  arguments.input.Declare(options);
  options.Add("--columns", arguments.columns,
              "Columns of the rows (default: those that CSV and Arrow name; of JSON lines all)");
  options.Add("--when-matched", arguments.when_matched, "What a match does")
      .OneOf(WordsOf(kWhenMatched));
  options.Add("--update-if", arguments.update_if,
              "Condition of update-if, as in \"source.at > target.at\"");
  options.Add("--when-not-matched", arguments.when_not_matched, "What becomes of other input rows")
      .OneOf(WordsOf(kWhenNotMatched));
  options
      .Add("--when-not-matched-by-source", arguments.when_not_matched_by_source,
           "What becomes of other rows of the dataset")
      .OneOf(WordsOf(kWhenNotMatchedBySource));
  options.Add("--delete-if", arguments.delete_if, "Condition of delete-if, as in \"month = 1\"");
  options
      .Add("--duplicates", arguments.duplicates, "What to do when several input rows match one row")
      .OneOf(WordsOf(kDuplicates));
  options.Flag("--no-index", arguments.no_index, "Do not look for matches in indexes");
}

// The columns of the dataset that the input has.
absl::StatusOr<format::SchemaPtr> SourceSchema(const format::Schema& schema,
                                               const std::vector<std::string>& columns) {
  const format::SchemaPtr whole = InputSchema(schema);
  if (columns.empty()) {
    return whole;
  }
  auto source = std::make_shared<format::Schema>();
  for (const std::string& column : columns) {
    const auto at = whole->IndexOf(column);
    if (!at) {
      return io::NotFoundError(io::StrCat("no column ", column));
    }
    source->fields.push_back(whole->fields[*at]);
  }
  return source;
}

absl::Status Run(ToolContext& context, const MergeInsertArguments& arguments) {
  OG_ASSIGN_OR_RETURN(const DatasetPtr dataset, arguments.dataset.Open(context));
  OG_ASSIGN_OR_RETURN(const format::SchemaPtr schema,
                      SourceSchema(*dataset->schema(), arguments.columns));
  OG_ASSIGN_OR_RETURN(const auto rows, arguments.input.OpenPresent(schema));
  MergeInsertRequest request;
  request.on = arguments.on;
  request.when_matched = ValueOf(kWhenMatched, arguments.when_matched);
  request.update_if = arguments.update_if;
  request.when_not_matched = ValueOf(kWhenNotMatched, arguments.when_not_matched);
  request.when_not_matched_by_source =
      ValueOf(kWhenNotMatchedBySource, arguments.when_not_matched_by_source);
  request.delete_if = arguments.delete_if;
  request.duplicates = ValueOf(kDuplicates, arguments.duplicates);
  request.use_index = !arguments.no_index;
  OG_ASSIGN_OR_RETURN(const MergeInsertResult result, MergeInsert(*dataset, *rows, request));
  const MergeInsertStatistics& done = result.statistics;
  const uint64_t version = result.dataset->version();
  return context.output.Write(
      arguments.dataset.json
          ? io::StrCat("{\"version\":", version, ",\"num_inserted_rows\":", done.num_inserted_rows,
                       ",\"num_updated_rows\":", done.num_updated_rows,
                       ",\"num_deleted_rows\":", done.num_deleted_rows,
                       ",\"num_skipped_duplicates\":", done.num_skipped_duplicates,
                       ",\"num_attempts\":", done.num_attempts,
                       ",\"bytes_written\":", done.num_bytes_written,
                       ",\"num_files_written\":", done.num_files_written, "}\n")
          : io::StrCat("version ", version, ", ", done.num_inserted_rows, " rows inserted, ",
                       done.num_updated_rows, " updated, ", done.num_deleted_rows, " deleted\n"));
}

}  // namespace

ToolCommand MergeInsertCommand() {
  return MakeToolCommand(
      {.path = "merge-insert",
       .summary = "Match rows with those of a dataset by key: update, insert, delete",
       .examples = "  lance-tool merge-insert people.lance --on id --input changed.jsonl\n"
                   "  lance-tool merge-insert people.lance --on id --when-matched update-if \\\n"
                   "      --update-if \"source.seen > target.seen\" < changed.jsonl\n"
                   "  lance-tool merge-insert sales.lance --on id --when-not-matched-by-source "
                   "delete-if \\\n"
                   "      --delete-if \"month = 1\" --input january.jsonl\n"},
      Declare, Run);
}

}  // namespace og::cli
