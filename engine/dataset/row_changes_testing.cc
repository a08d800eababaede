#include "engine/dataset/row_changes_testing.h"

#include <algorithm>
#include <map>

#include "format/arrow/json.h"
#include "format/file/lance_schema.h"
#include "io/base/check.h"
#include "io/base/status_macros.h"
#include "io/base/text.h"

namespace og::engine::dataset {
namespace {

format::TypePtr TypeOf(std::string_view name) {
  static const std::map<std::string_view, format::TypePtr> kTypes = {
      {"bool", format::Bool()},
      {"int8", format::Int8()},
      {"int16", format::Int16()},
      {"int32", format::Int32()},
      {"int64", format::Int64()},
      {"uint8", format::Uint8()},
      {"uint64", format::Uint64()},
      {"float32", format::Float32()},
      {"float64", format::Float64()},
      {"utf8", format::Utf8()},
      {"large_utf8", format::LargeUtf8()},
      {"binary", format::Binary()},
      {"date32", format::Date32()}};
  const auto found = kTypes.find(name);
  OG_CHECK(found != kTypes.end());
  return found->second;
}

absl::StatusOr<std::vector<std::string>> RowLines(const Dataset& dataset,
                                                  const ScanOptions& options) {
  OG_ASSIGN_OR_RETURN(const auto stream, dataset.Scan(options));
  std::vector<std::string> lines;
  while (true) {
    OG_ASSIGN_OR_RETURN(const std::optional<format::RecordBatch> batch, stream->Next());
    if (!batch) {
      return lines;
    }
    for (int64_t i = 0; i < batch->num_rows; ++i) {
      format::AppendJsonRow(*batch, i, lines.emplace_back());
    }
  }
}

}  // namespace

format::SchemaPtr SchemaOf(std::string_view text) {
  auto schema = std::make_shared<format::Schema>();
  for (const std::string_view part : io::Split(text, ',')) {
    const std::string_view field = io::Trim(part);
    const size_t space = field.find(' ');
    OG_CHECK(space != std::string_view::npos);
    std::string_view type = field.substr(space + 1);
    const bool nullable = type.ends_with('?');
    type.remove_suffix(nullable ? 1 : 0);
    schema->fields.push_back({.name = std::string(field.substr(0, space)),
                              .type = TypeOf(type),
                              .nullable = nullable,
                              .metadata = {}});
  }
  return schema;
}

format::SchemaPtr WithPrimaryKey(const format::SchemaPtr& schema,
                                 const std::vector<std::string>& columns) {
  auto keyed = std::make_shared<format::Schema>(*schema);
  for (size_t i = 0; i < columns.size(); ++i) {
    format::Field& field = keyed->fields[*keyed->IndexOf(columns[i])];
    field.metadata[std::string(format::kPrimaryKeyKey)] = "true";
    field.metadata[std::string(format::kPrimaryKeyPositionKey)] = std::to_string(i + 1);
  }
  return keyed;
}

format::RecordBatch RowsOf(const format::SchemaPtr& schema, std::string_view lines) {
  format::JsonRowReader reader(schema);
  for (const std::string_view line : io::Split(lines, '\n')) {
    if (!io::Trim(line).empty()) {
      OG_CHECK(reader.Append(line).ok());
    }
  }
  return reader.Finish();
}

std::unique_ptr<format::BatchStream> StreamOf(const format::SchemaPtr& schema,
                                              std::string_view lines) {
  return format::MakeStream(schema, {RowsOf(schema, lines)});
}

absl::StatusOr<DatasetPtr> CreateTable(io::Env& env, std::string_view uri,
                                       const format::SchemaPtr& schema, std::string_view lines,
                                       const CreateOptions& options) {
  OG_ASSIGN_OR_RETURN(const io::Location root, env.Resolve(uri));
  const auto rows = StreamOf(schema, lines);
  OG_ASSIGN_OR_RETURN(const StagedTransaction staged,
                      Dataset::StageCreate(env, root, schema, rows.get(), options));
  return Dataset::CommitCreate(env, root, staged);
}

absl::StatusOr<DatasetPtr> AppendRows(const Dataset& dataset, std::string_view lines) {
  const auto rows = StreamOf(dataset.schema(), lines);
  OG_ASSIGN_OR_RETURN(const StagedTransaction staged, dataset.StageAppend(*rows, {}));
  return dataset.Commit(staged, {});
}

absl::StatusOr<std::vector<std::string>> SortedRows(const Dataset& dataset,
                                                    const ScanOptions& options) {
  OG_ASSIGN_OR_RETURN(std::vector<std::string> lines, RowLines(dataset, options));
  std::ranges::sort(lines);
  return lines;
}

absl::StatusOr<std::string> RowText(const Dataset& dataset, const ScanOptions& options) {
  OG_ASSIGN_OR_RETURN(const std::vector<std::string> lines, RowLines(dataset, options));
  std::string text;
  for (const std::string& line : lines) {
    text += line;
    text += '\n';
  }
  return text;
}

}  // namespace og::engine::dataset
