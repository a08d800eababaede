// The linter of a query file: every query checked against a catalog, what it returns, reads and
// writes, and findings over the file as a whole. Its JSON document is interface.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/query/check.h"
#include "engine/schema/catalog.h"

namespace og::engine::query {

// Where the catalog came from.
struct LintSchemaSource {
  enum class Kind : uint8_t { kFile, kGraph };
  Kind kind = Kind::kFile;
  std::string location;  // a path, or the URI of a graph
};

struct LintOperation {
  std::vector<ResultColumn> result;
  std::vector<TypeUse> reads;
  std::vector<TypeUse> writes;
};

// One query. It has an error or an operation.
struct LintResult {
  std::string name;
  bool is_mutation = false;
  std::vector<std::string> warnings;
  std::optional<std::string> error;
  std::optional<size_t> error_offset;  // the byte of the source that the error is about
  std::optional<LintOperation> operation;
};

enum class LintSeverity : uint8_t { kError, kWarning, kInfo };

struct LintFinding {
  LintSeverity severity = LintSeverity::kWarning;
  std::string code;  // "Q000", "L201"
  std::string message;
  std::string type_name;  // empty: of no type
  std::string property;
  std::vector<std::string> query_names;  // sorted
};

struct LintReport {
  LintSchemaSource schema_source;
  std::string query_path;
  size_t queries_processed = 0;
  size_t errors = 0;
  size_t warnings = 0;
  size_t infos = 0;
  std::vector<LintResult> results;    // one a query, in source order
  std::vector<LintFinding> findings;  // by severity, type, property, message

  bool ok() const { return errors == 0; }
};

// Lints `source`, the text of `query_path`. A text that does not parse is a report with one Q000
// finding, not an error.
LintReport LintQueryFile(const schema::Catalog& catalog, std::string_view source,
                         std::string query_path, LintSchemaSource schema_source);

// The report as pretty JSON without a line end.
std::string LintJson(const LintReport& report);

}  // namespace og::engine::query
