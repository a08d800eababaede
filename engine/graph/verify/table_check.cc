#include "engine/graph/verify/table_check.h"

#include <algorithm>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "engine/dataset/indices.h"
#include "engine/exec/node_id.h"
#include "engine/expr/expr.h"
#include "engine/graph/load/value_checks.h"
#include "io/base/status.h"
#include "io/base/status_macros.h"
#include "io/base/text.h"

namespace og::engine::graph {
namespace {

// Values of each index that are looked up.
constexpr int64_t kProbesMax = 64;

std::string Text(const absl::Status& status) {
  return std::string(io::Message(status));
}

// Row ids of all live rows, ascending.
absl::StatusOr<std::vector<uint64_t>> RowIds(const dataset::Dataset& table) {
  dataset::ScanOptions options;
  options.columns.emplace();
  options.with_row_id = true;
  OG_ASSIGN_OR_RETURN(const auto stream, table.Scan(options));
  std::vector<uint64_t> ids;
  for (;;) {
    OG_ASSIGN_OR_RETURN(const auto batch, stream->Next());
    if (!batch.has_value()) break;
    for (int64_t i = 0; i < batch->num_rows; ++i)
      ids.push_back(batch->columns[0]->Value<uint64_t>(i));
  }
  std::ranges::sort(ids);
  return ids;
}

// Opens the files of a fragment by reading its first id.
absl::Status OpenFragment(const dataset::Dataset& table, uint64_t fragment_id) {
  dataset::ScanOptions options;
  options.columns = {"id"};
  options.fragment_ids = {fragment_id};
  options.limit = 1;
  options.use_indices = false;
  OG_ASSIGN_OR_RETURN(const auto stream, table.Scan(options));
  return stream->Next().status();
}

const std::vector<schema::Property>* PropertiesOf(const schema::Catalog& catalog,
                                                  const TableEntry& entry) {
  if (entry.is_edge()) {
    const schema::EdgeType* const edge = catalog.FindEdgeExactly(entry.type_name());
    return edge == nullptr ? nullptr : &edge->properties;
  }
  const schema::NodeType* const node = catalog.FindNode(entry.type_name());
  return node == nullptr ? nullptr : &node->properties;
}

absl::StatusOr<uint64_t> CountByScan(const dataset::Dataset& table, const expr::ExprPtr& filter) {
  dataset::ScanOptions options;
  options.columns.emplace();
  options.with_row_id = true;
  options.filter = filter;
  options.use_indices = false;
  OG_ASSIGN_OR_RETURN(const auto stream, table.Scan(options));
  uint64_t count = 0;
  for (;;) {
    OG_ASSIGN_OR_RETURN(const auto batch, stream->Next());
    if (!batch.has_value()) return count;
    count += static_cast<uint64_t>(batch->num_rows);
  }
}

bool IsFloat(const format::Array& values) {
  return values.type->id == format::TypeId::kFloat32 || values.type->id == format::TypeId::kFloat64;
}

// Adds the ids of the rows that an index gives for a value, an array of one. kDataLoss if one of
// them has another value. (Floats are equal in more than one way.)
absl::Status LookUp(const dataset::Dataset& table, const std::string& column,
                    const format::ArrayPtr& value, std::set<uint64_t>& row_ids) {
  dataset::ScanOptions options;
  options.columns = {column};
  options.with_row_id = true;
  options.filter = expr::In(expr::Column(column), value);
  OG_ASSIGN_OR_RETURN(const auto stream, table.Scan(options));
  for (;;) {
    OG_ASSIGN_OR_RETURN(const auto batch, stream->Next());
    if (!batch.has_value()) return absl::OkStatus();
    const format::ArrayPtr ids = batch->Column("_rowid");
    for (int64_t row = 0; row < batch->num_rows; ++row) {
      row_ids.insert(ids->Value<uint64_t>(row));
      if (IsFloat(*value) || Equal(*format::Slice(batch->Column(column), row, 1), *value)) continue;
      return io::DataLossError(io::StrCat("names row ", ids->Value<uint64_t>(row),
                                          " for a value that it does not have"));
    }
  }
}

// Values of `column` spread over the table.
absl::StatusOr<format::ArrayPtr> Probes(const dataset::Dataset& table, const std::string& column) {
  const auto rows = static_cast<int64_t>(table.num_rows());
  const int64_t step = std::max<int64_t>(1, rows / kProbesMax);
  std::vector<uint64_t> offsets;
  for (int64_t row = 0; row < rows; row += step)
    offsets.push_back(static_cast<uint64_t>(row));
  dataset::TakeOptions options;
  options.columns = {column};
  OG_ASSIGN_OR_RETURN(const format::RecordBatch found, table.TakeOffsets(offsets, options));
  return found.columns[0];
}

// kInvalidArgument if an id of `batch` is not what the key of its node gives. `key`: its columns.
absl::Status CheckKeys(const format::RecordBatch& batch, std::span<const format::ArrayPtr> key) {
  const format::ArrayPtr ids = batch.Column("id");
  if (ids == nullptr) return io::InvalidArgumentError("has no column for the id");
  for (int64_t row = 0; row < batch.num_rows; ++row) {
    OG_ASSIGN_OR_RETURN(const std::optional<std::string> id, exec::NodeId(key, row));
    if (id.has_value() && *id == ids->StringValue(row)) continue;
    return io::InvalidArgumentError(io::StrCat("id '", ids->StringValue(row), "' is not its key '",
                                               id.value_or("<null>"), "'"));
  }
  return absl::OkStatus();
}

}  // namespace

void CheckTableStructure(const dataset::Dataset& table, const TableEntry& entry,
                         const ReportFn& report) {
  if (table.num_rows() != entry.row_count) {
    report("row_count",
           io::StrCat("has ", table.num_rows(), " rows, ", entry.row_count, " are published"));
  }
  for (const format::Fragment& fragment : table.manifest().fragments) {
    if (fragment.num_rows() == 0) continue;
    if (const absl::Status opened = OpenFragment(table, fragment.id); !opened.ok()) {
      report("fragments", io::StrCat("fragment ", fragment.id, ": ", Text(opened)));
    }
  }
  const absl::StatusOr<std::vector<uint64_t>> ids = RowIds(table);
  if (!ids.ok()) {
    report("deletion_vectors", Text(ids.status()));
    return;
  }
  if (ids->size() != table.num_rows()) {
    report("deletion_vectors",
           io::StrCat("has ", ids->size(), " live rows, its manifest says ", table.num_rows()));
  }
  if (const auto twice = std::ranges::adjacent_find(*ids); twice != ids->end()) {
    report("row_ids", io::StrCat("row id ", *twice, " belongs to two rows"));
  }
  if (!ids->empty() && ids->back() >= table.manifest().next_row_id) {
    report("row_ids", io::StrCat("row id ", ids->back(), " is not below the next one to be given, ",
                                 table.manifest().next_row_id));
  }
}

bool CheckTableValues(const dataset::Dataset& table, const TableEntry& entry,
                      const schema::Catalog& catalog, const ReportFn& report,
                      const std::function<absl::Status(const format::RecordBatch&)>& on_rows) {
  const std::vector<schema::Property>* const properties = PropertiesOf(catalog, entry);
  if (properties == nullptr) {
    report("schema", "is of a type that the accepted schema does not have");
    return false;
  }
  ValueChecks checks(std::string(entry.type_name()), *properties);
  const schema::NodeType* const node =
      entry.is_edge() ? nullptr : catalog.FindNode(entry.type_name());
  if (node != nullptr) checks.Add(node->ranges, node->checks);
  const auto stream = table.Scan({});
  if (!stream.ok()) {
    report("values", Text(stream.status()));
    return false;
  }
  std::vector<bool> null_reported(properties->size(), false);
  bool value_reported = false;
  bool key_reported = node == nullptr || node->key.empty();
  for (;;) {
    const auto next = (*stream)->Next();
    if (!next.ok()) {
      report("values", Text(next.status()));
      return false;
    }
    if (!next->has_value()) return true;
    const format::RecordBatch& batch = **next;
    std::vector<format::ArrayPtr> columns;
    for (size_t i = 0; i < properties->size(); ++i) {
      const schema::Property& property = (*properties)[i];
      const format::ArrayPtr column = batch.Column(property.name);
      if (column == nullptr) {
        report("schema", io::StrCat("has no column for property '", property.name, "'"));
        return false;
      }
      columns.push_back(column);
      if (!property.type.nullable && column->null_count > 0 && !null_reported[i]) {
        report("nulls", io::StrCat("required property '", property.name, "' is null in ",
                                   column->null_count, " rows of a batch"));
        null_reported[i] = true;
      }
    }
    if (!value_reported) {
      const absl::Status checked = checks.Check(columns, {});
      if (!checked.ok()) report("values", Text(checked));
      value_reported = !checked.ok();
    }
    if (!key_reported) {
      std::vector<format::ArrayPtr> key;
      for (const size_t column : node->key)
        key.push_back(columns[column]);
      const absl::Status keyed = CheckKeys(batch, key);
      if (!keyed.ok()) report("keys", Text(keyed));
      key_reported = !keyed.ok();
    }
    if (const absl::Status taken = on_rows(batch); !taken.ok()) {
      report("values", Text(taken));
      return false;
    }
  }
}

void CheckTableIndexes(const dataset::Dataset& table, const ReportFn& report) {
  const auto indexes = dataset::ListIndices(table);
  if (!indexes.ok()) {
    report("indexes", Text(indexes.status()));
    return;
  }
  for (const dataset::IndexDescription& index : *indexes) {
    if (!index.is_used || index.columns.size() != 1 || table.num_rows() == 0) continue;
    const absl::Status checked = [&]() -> absl::Status {
      OG_ASSIGN_OR_RETURN(const format::ArrayPtr probes, Probes(table, index.columns[0]));
      std::set<uint64_t> found;
      for (int64_t i = 0; i < probes->length; ++i) {
        if (probes->IsNull(i)) continue;
        OG_RETURN_IF_ERROR(LookUp(table, index.columns[0], format::Slice(probes, i, 1), found));
      }
      OG_ASSIGN_OR_RETURN(const uint64_t scanned,
                          CountByScan(table, expr::In(expr::Column(index.columns[0]), probes)));
      if (found.size() != scanned) {
        report("indexes", io::StrCat("index ", index.name, " finds ", found.size(),
                                     " rows where a scan finds ", scanned));
      }
      return absl::OkStatus();
    }();
    if (!checked.ok()) report("indexes", io::StrCat("index ", index.name, ": ", Text(checked)));
  }
}

}  // namespace og::engine::graph
