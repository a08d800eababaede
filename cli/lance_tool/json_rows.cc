#include "cli/lance_tool/json_rows.h"

#include <iostream>
#include <iterator>

#include "cli/lance_tool/schema_json.h"
#include "io/base/status.h"
#include "io/base/text.h"

namespace og::cli {
namespace {

// Rows that are read from JSON before they go on.
constexpr size_t kBatchBytes = size_t{8} << 20;

}  // namespace

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

absl::StatusOr<std::unique_ptr<JsonRows>> JsonRows::Open(const std::string& path,
                                                         format::SchemaPtr schema) {
  std::unique_ptr<JsonRows> rows(new JsonRows(std::move(schema)));
  rows->input_ = &std::cin;
  if (path != "-") {
    rows->file_.open(path, std::ios::binary);
    if (!rows->file_) {
      return io::NotFoundError(io::StrCat("cannot read ", path));
    }
    rows->input_ = &rows->file_;
  }
  return rows;
}

absl::StatusOr<std::optional<format::RecordBatch>> JsonRows::Next() {
  std::string line;
  while (reader_.MemoryBytes() < kBatchBytes && std::getline(*input_, line)) {
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

}  // namespace og::cli
