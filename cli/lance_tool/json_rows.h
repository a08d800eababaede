// Rows that a command reads: canonical JSON lines from a file or standard input.
#pragma once

#include <cstdint>
#include <fstream>
#include <istream>
#include <memory>
#include <optional>
#include <string>

#include "absl/status/statusor.h"

#include "format/arrow/array.h"
#include "format/arrow/json.h"

namespace og::cli {

// `schema` as rows spell it: a blob column is given by its contents, in hexadecimal digits.
format::SchemaPtr InputSchema(const format::Schema& schema);

// The schema in a file as `lance-tool schema` prints it.
absl::StatusOr<format::SchemaPtr> ReadSchemaFile(const std::string& path);

// Lines of canonical JSON as batches.
class JsonRows final : public format::BatchStream {
 public:
  // `path` "-" is standard input. kNotFound for a file that cannot be read.
  static absl::StatusOr<std::unique_ptr<JsonRows>> Open(const std::string& path,
                                                        format::SchemaPtr schema);

  const format::SchemaPtr& schema() const override { return schema_; }
  absl::StatusOr<std::optional<format::RecordBatch>> Next() override;

 private:
  explicit JsonRows(format::SchemaPtr schema) : schema_(schema), reader_(std::move(schema)) {}

  std::ifstream file_;
  std::istream* input_ = nullptr;
  const format::SchemaPtr schema_;
  format::JsonRowReader reader_;
  uint64_t line_number_ = 0;
};

}  // namespace og::cli
