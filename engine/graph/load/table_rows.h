// Rows of one node or edge type on their way from JSON into column batches: properties by name,
// ids, and the checks that need no other row (types, nulls, ranges, patterns, enum values).
//
// Ids: a node with a key gets the canonical text of its key (several key columns: the compact JSON
// array of their texts); an explicit `id` must equal it. Other nodes and edges take the explicit
// `id`, or null until GiveFreshIds.
//
// Thread-compatible. The type outlives it.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

#include "engine/graph/load/row_source.h"
#include "engine/schema/catalog.h"
#include "format/arrow/array.h"

namespace simdjson::dom {
class object;
}
namespace og::io {
class Env;
}

namespace og::engine::graph {

class TableRows {
 public:
  explicit TableRows(const schema::NodeType& type);
  explicit TableRows(const schema::EdgeType& type);
  ~TableRows();

  // Appends the row of `data`, found on `line` of the input. After an error the rows are unusable.
  // Errors are kBadRequest and start "line N: ".
  absl::Status AppendNode(uint64_t line, const simdjson::dom::object& data);
  absl::Status AppendEdge(uint64_t line, std::string_view from, std::string_view to,
                          const simdjson::dom::object& data);
  // The same for a record without `data`.
  absl::Status AppendNode(uint64_t line);
  absl::Status AppendEdge(uint64_t line, std::string_view from, std::string_view to);

  const format::SchemaPtr& schema() const;
  std::string_view table_key() const;
  int64_t num_rows() const;  // since the last Finish
  size_t MemoryBytes() const;
  // Whether no row since the last Finish brought an id or a key.
  bool ids_are_fresh() const;

  // The rows so far as a batch of schema(), after the value checks.
  absl::StatusOr<format::RecordBatch> Finish();

  // Rows whose values are all of the stored types, by the same checks; nullopt if Append has to
  // look at them one by one, because it would take them for other values or refuse one.
  // REQUIRES: no rows since the last Finish.
  absl::StatusOr<std::optional<format::RecordBatch>> FinishColumns(const SourceRows& rows);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// Makes a ULID of each null in the column of ids, in the order of the rows.
void GiveFreshIds(io::Env& env, format::RecordBatch& rows);

}  // namespace og::engine::graph
