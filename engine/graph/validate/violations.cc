#include "engine/graph/validate/violations.h"

#include <algorithm>
#include <map>
#include <set>
#include <span>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"

#include "engine/expr/expr.h"
#include "engine/expr/text.h"
#include "engine/graph/errors.h"
#include "engine/graph/load/value_checks.h"
#include "format/arrow/builder.h"
#include "io/base/error_detail.h"
#include "io/base/status.h"
#include "io/base/status_macros.h"
#include "io/base/text.h"

namespace og::engine::graph {
namespace {

using format::ArrayPtr;
using format::RecordBatch;

// Values of one filter of a committed table.
constexpr size_t kProbeValuesMax = 8192;

using IdSet = absl::flat_hash_set<std::string>;
using Tuple = std::vector<std::string>;

std::string TupleText(const Tuple& parts) {
  return parts.size() == 1 ? parts[0] : io::StrCat("(", io::Join(parts, ", "), ")");
}

absl::StatusOr<ArrayPtr> ColumnOf(const RecordBatch& batch, std::string_view table_key,
                                  std::string_view name) {
  ArrayPtr column = batch.Column(name);
  if (column == nullptr) {
    return InternalFault(io::StrCat("rows of ", table_key, " have no column '", name, "'"));
  }
  return column;
}

// The canonical texts of a row's columns; nullopt if one of them is null.
absl::StatusOr<std::optional<Tuple>> TupleOf(std::span<const ArrayPtr> columns, int64_t row) {
  Tuple parts;
  for (const ArrayPtr& column : columns) {
    OG_ASSIGN_OR_RETURN(std::optional<std::string> part, expr::CanonicalText(*column, row));
    if (!part) return std::nullopt;
    parts.push_back(*std::move(part));
  }
  return parts;
}

ArrayPtr Strings(std::span<const std::string> values) {
  format::StringBuilder builder(format::Utf8());
  for (const std::string& value : values)
    builder.Append(value);
  return builder.Finish();
}

// An edge as the checks see it.
struct EdgeRow {
  std::string id;
  std::string src;
  std::string dst;
};

class Search {
 public:
  Search(const schema::Catalog& catalog, const ChangeSet& changes, const CommittedTable& committed,
         const ViolationSink& sink)
      : catalog_(catalog), changes_(changes), committed_(committed), sink_(sink) {}

  absl::Status Run() {
    OG_RETURN_IF_ERROR(CheckValues());
    for (const schema::NodeType& node : catalog_.nodes())
      OG_RETURN_IF_ERROR(CheckNodes(node));
    for (const schema::EdgeType& edge : catalog_.edges())
      OG_RETURN_IF_ERROR(CheckEdges(edge));
    return absl::OkStatus();
  }

 private:
  const TableDelta* DeltaOf(const std::string& table_key) const {
    const auto found = changes_.find(table_key);
    return found == changes_.end() ? nullptr : &found->second;
  }

  // --- Committed rows --------------------------------------------------------------------------

  // Columns of the committed rows of a table for which `filter` is true.
  absl::StatusOr<std::vector<RecordBatch>> Scan(std::string_view table_key,
                                                std::vector<std::string> columns,
                                                expr::ExprPtr filter) const {
    std::vector<RecordBatch> batches;
    OG_ASSIGN_OR_RETURN(const dataset::DatasetPtr table, committed_(table_key));
    if (table == nullptr || table->num_rows() == 0) return batches;
    dataset::ScanOptions scan;
    scan.columns = std::move(columns);
    scan.filter = std::move(filter);
    const auto stream = table->Scan(scan);
    OG_RETURN_IF_ERROR(FromStorage(stream.status()));
    for (;;) {
      auto batch = (*stream)->Next();
      OG_RETURN_IF_ERROR(FromStorage(batch.status()));
      if (!batch->has_value()) return batches;
      if ((*batch)->num_rows > 0) batches.push_back(**std::move(batch));
    }
  }

  // The same for rows whose text column `key` is one of `values`.
  absl::StatusOr<std::vector<RecordBatch>> ScanWhere(
      std::string_view table_key, const char* key, std::span<const std::string> values,
      const std::vector<std::string>& columns) const {
    std::vector<RecordBatch> all;
    for (size_t begin = 0; begin < values.size(); begin += kProbeValuesMax) {
      const auto chunk = values.subspan(begin, std::min(kProbeValuesMax, values.size() - begin));
      OG_ASSIGN_OR_RETURN(std::vector<RecordBatch> batches,
                          Scan(table_key, columns, expr::In(expr::Column(key), Strings(chunk))));
      std::move(batches.begin(), batches.end(), std::back_inserter(all));
    }
    return all;
  }

  absl::StatusOr<std::vector<EdgeRow>> CommittedEdges(std::string_view table_key, const char* key,
                                                      std::span<const std::string> values) const {
    OG_ASSIGN_OR_RETURN(const std::vector<RecordBatch> batches,
                        ScanWhere(table_key, key, values, {"id", "src", "dst"}));
    return EdgeRows(table_key, batches);
  }

  static absl::StatusOr<std::vector<EdgeRow>> EdgeRows(std::string_view table_key,
                                                       std::span<const RecordBatch> batches) {
    std::vector<EdgeRow> edges;
    for (const RecordBatch& batch : batches) {
      OG_ASSIGN_OR_RETURN(const ArrayPtr ids, ColumnOf(batch, table_key, "id"));
      OG_ASSIGN_OR_RETURN(const ArrayPtr src, ColumnOf(batch, table_key, "src"));
      OG_ASSIGN_OR_RETURN(const ArrayPtr dst, ColumnOf(batch, table_key, "dst"));
      for (int64_t i = 0; i < batch.num_rows; ++i) {
        edges.push_back({std::string(ids->StringValue(i)), std::string(src->StringValue(i)),
                         std::string(dst->StringValue(i))});
      }
    }
    return edges;
  }

  // --- Values ----------------------------------------------------------------------------------

  absl::Status CheckValues() {
    for (const schema::NodeType& node : catalog_.nodes()) {
      const std::string key = node.TableKey();
      if (const TableDelta* const delta = DeltaOf(key)) {
        ValueChecks checks(node.name, node.properties);
        checks.Add(node.ranges, node.checks);
        OG_RETURN_IF_ERROR(CheckValues(key, node.properties, *delta, checks));
      }
    }
    for (const schema::EdgeType& edge : catalog_.edges()) {
      const std::string key = edge.TableKey();
      if (const TableDelta* const delta = DeltaOf(key)) {
        ValueChecks checks(edge.name, edge.properties);
        OG_RETURN_IF_ERROR(CheckValues(key, edge.properties, *delta, checks));
      }
    }
    return absl::OkStatus();
  }

  absl::Status CheckValues(const std::string& table_key,
                           std::span<const schema::Property> properties, const TableDelta& delta,
                           ValueChecks& checks) {
    for (const RecordBatch& batch : delta.rows) {
      std::vector<ArrayPtr> columns;
      for (const schema::Property& property : properties) {
        ArrayPtr column = batch.Column(property.name);
        // Blobs and vectors, which have no such checks, may be left out.
        columns.push_back(column != nullptr ? column
                                            : format::NullArray(format::Null(), batch.num_rows));
      }
      const absl::Status status = checks.Check(columns, {});
      if (status.ok()) continue;
      const auto detail = io::DetailOf(status);
      if (!detail || detail->kind != io::ErrorKind::kBadRequest) return status;
      OG_RETURN_IF_ERROR(sink_({table_key, std::nullopt, ViolationKind::kValueConstraint,
                                std::string(io::Message(status))}));
    }
    return absl::OkStatus();
  }

  // --- Keys and @unique ------------------------------------------------------------------------

  absl::Status CheckNodes(const schema::NodeType& node) {
    const std::string table_key = node.TableKey();
    const TableDelta* const delta = DeltaOf(table_key);
    if (delta == nullptr) return absl::OkStatus();
    std::vector<std::string> key;
    for (const size_t position : node.key)
      key.push_back(node.properties[position].name);
    if (!key.empty()) {
      OG_RETURN_IF_ERROR(CheckUnique({table_key, node.name, key, /*is_key=*/true}, *delta));
    }
    for (const schema::ColumnGroup& group : node.unique_groups) {
      if (group == key) continue;
      OG_RETURN_IF_ERROR(CheckUnique({table_key, node.name, group, /*is_key=*/false}, *delta));
    }
    return absl::OkStatus();
  }

  struct Group {
    const std::string& table_key;
    const std::string& type_name;
    const std::vector<std::string>& columns;
    // The id says who holds a key: a committed holder is the row itself.
    bool is_key;
  };

  // Where the tuple that an id ends up with stands.
  struct Holder {
    Tuple tuple;
    size_t batch = 0;
    int64_t row = 0;
  };

  absl::Status UniqueViolation(const Group& group, const Tuple& tuple, std::string_view id,
                               std::string_view other) {
    return sink_(
        {group.table_key, std::string(id), ViolationKind::kUnique,
         io::StrCat("@unique violation on ", group.type_name, ".", TupleText(group.columns),
                    ": value '", TupleText(tuple), "' held by '", other, "' and '", id, "'")});
  }

  absl::Status CheckUnique(const Group& group, const TableDelta& delta) {
    std::vector<std::vector<ArrayPtr>> columns;  // of each batch
    std::map<std::string, Holder> holders;       // by id
    bool repeats_in_a_batch = false;
    IdSet ids_of_change;
    for (size_t b = 0; b < delta.rows.size(); ++b) {
      const RecordBatch& batch = delta.rows[b];
      columns.emplace_back();
      for (const std::string& name : group.columns) {
        OG_ASSIGN_OR_RETURN(ArrayPtr column, ColumnOf(batch, group.table_key, name));
        columns.back().push_back(std::move(column));
      }
      OG_ASSIGN_OR_RETURN(const ArrayPtr ids, ColumnOf(batch, group.table_key, "id"));
      std::map<Tuple, std::string_view> seen;
      for (int64_t i = 0; i < batch.num_rows; ++i) {
        const std::string_view id = ids->StringValue(i);
        ids_of_change.emplace(id);
        OG_ASSIGN_OR_RETURN(std::optional<Tuple> tuple, TupleOf(columns.back(), i));
        if (!tuple) {
          holders.erase(std::string(id));
          continue;
        }
        const auto [prior, is_new] = seen.emplace(*tuple, id);
        if (!is_new) {
          repeats_in_a_batch = true;
          OG_RETURN_IF_ERROR(UniqueViolation(group, *tuple, id, prior->second));
          prior->second = id;
        }
        holders[std::string(id)] = {*std::move(tuple), b, i};
      }
    }
    if (repeats_in_a_batch) return absl::OkStatus();

    std::map<Tuple, std::string_view> holder_of;
    for (const auto& [id, holder] : holders) {
      const auto [other, is_new] = holder_of.emplace(holder.tuple, id);
      if (is_new) continue;
      OG_RETURN_IF_ERROR(UniqueViolation(group, holder.tuple, id, other->second));
      other->second = id;
    }
    if (group.is_key) return absl::OkStatus();
    return CheckCommittedUnique(group, delta, columns, holders, ids_of_change);
  }

  absl::Status CheckCommittedUnique(const Group& group, const TableDelta& delta,
                                    const std::vector<std::vector<ArrayPtr>>& columns,
                                    const std::map<std::string, Holder>& holders,
                                    const IdSet& ids_of_change) {
    std::map<Tuple, const Holder*> wanted;
    for (const auto& [id, holder] : holders)
      wanted.emplace(holder.tuple, &holder);
    OG_ASSIGN_OR_RETURN(const auto committed, CommittedHolders(group, columns, wanted));
    const IdSet deleted(delta.deleted_ids.begin(), delta.deleted_ids.end());
    for (const auto& [id, holder] : holders) {
      const auto found = committed.find(holder.tuple);
      if (found == committed.end()) continue;
      for (const std::string& other : found->second) {
        if (ids_of_change.contains(other) || deleted.contains(other)) continue;
        OG_RETURN_IF_ERROR(UniqueViolation(group, holder.tuple, id, other));
        break;
      }
    }
    return absl::OkStatus();
  }

  // Ids of committed rows by the tuple of `wanted` that they hold.
  absl::StatusOr<std::map<Tuple, std::vector<std::string>>> CommittedHolders(
      const Group& group, const std::vector<std::vector<ArrayPtr>>& columns,
      const std::map<Tuple, const Holder*>& wanted) const {
    std::vector<std::string> projection = {"id"};
    for (const std::string& column : group.columns) {
      if (column != "id") projection.push_back(column);
    }
    std::map<Tuple, std::vector<std::string>> holders;
    for (auto begin = wanted.begin(); begin != wanted.end();) {
      auto end = begin;
      for (size_t i = 0; i < kProbeValuesMax && end != wanted.end(); ++i)
        ++end;
      // All combinations of the columns' values: the tuples themselves are compared below.
      std::vector<expr::ExprPtr> filters;
      for (size_t c = 0; c < group.columns.size(); ++c) {
        std::set<std::string_view> seen;
        std::vector<ArrayPtr> values;
        for (auto tuple = begin; tuple != end; ++tuple) {
          if (!seen.insert(tuple->first[c]).second) continue;
          const Holder& holder = *tuple->second;
          values.push_back(format::Slice(columns[holder.batch][c], holder.row, 1));
        }
        OG_ASSIGN_OR_RETURN(const ArrayPtr all, format::TryConcat(values));
        filters.push_back(expr::In(expr::Column(group.columns[c]), all));
      }
      OG_ASSIGN_OR_RETURN(const std::vector<RecordBatch> batches,
                          Scan(group.table_key, projection, expr::And(std::move(filters))));
      for (const RecordBatch& batch : batches) {
        std::vector<ArrayPtr> tuple_columns;
        for (const std::string& name : group.columns) {
          OG_ASSIGN_OR_RETURN(ArrayPtr column, ColumnOf(batch, group.table_key, name));
          tuple_columns.push_back(std::move(column));
        }
        const ArrayPtr ids = batch.Column("id");
        for (int64_t i = 0; i < batch.num_rows; ++i) {
          OG_ASSIGN_OR_RETURN(std::optional<Tuple> tuple, TupleOf(tuple_columns, i));
          if (!tuple || !wanted.contains(*tuple)) continue;
          holders[*std::move(tuple)].emplace_back(ids->StringValue(i));
        }
      }
      begin = end;
    }
    return holders;
  }

  // --- Edges -----------------------------------------------------------------------------------

  absl::Status CheckEdges(const schema::EdgeType& edge) {
    const std::string table_key = edge.TableKey();
    const TableDelta* const delta = DeltaOf(table_key);
    if (delta != nullptr) {
      for (const schema::ColumnGroup& group : edge.unique_groups) {
        OG_RETURN_IF_ERROR(CheckUnique({table_key, edge.name, group, /*is_key=*/false}, *delta));
      }
    }
    OG_RETURN_IF_ERROR(CheckEndpoints(edge, table_key, delta));
    if (delta == nullptr || edge.cardinality.is_default()) return absl::OkStatus();
    return CheckCardinality(edge, table_key, *delta);
  }

  absl::Status Orphan(const std::string& table_key, const EdgeRow& edge, bool is_src,
                      const std::string& node_type) {
    return sink_({table_key, edge.id, ViolationKind::kOrphanEdge,
                  io::StrCat(is_src ? "src" : "dst", " '", is_src ? edge.src : edge.dst,
                             "' not found in ", node_type)});
  }

  absl::Status CheckEndpoints(const schema::EdgeType& edge, const std::string& table_key,
                              const TableDelta* delta) {
    IdSet replaced;  // edges that the change brings or removes
    if (delta != nullptr) {
      OG_ASSIGN_OR_RETURN(const std::vector<EdgeRow> edges, EdgeRows(table_key, delta->rows));
      for (const EdgeRow& row : edges)
        replaced.insert(row.id);
      replaced.insert(delta->deleted_ids.begin(), delta->deleted_ids.end());
      if (!edges.empty()) {
        OG_ASSIGN_OR_RETURN(const IdSet sources, Existing(edge.from, edges, &EdgeRow::src));
        OG_ASSIGN_OR_RETURN(const IdSet targets, Existing(edge.to, edges, &EdgeRow::dst));
        for (const EdgeRow& row : edges) {
          if (!sources.contains(row.src)) {
            OG_RETURN_IF_ERROR(Orphan(table_key, row, true, edge.from));
          }
          if (!targets.contains(row.dst)) {
            OG_RETURN_IF_ERROR(Orphan(table_key, row, false, edge.to));
          }
        }
      }
    }
    return CheckStranded(edge, table_key, replaced);
  }

  // Which ends of `edges` exist after the change.
  absl::StatusOr<IdSet> Existing(const std::string& node_type, const std::vector<EdgeRow>& edges,
                                 std::string EdgeRow::*end) const {
    const std::string table_key = io::StrCat("node:", node_type);
    IdSet existing;
    IdSet deleted;
    if (const TableDelta* const nodes = DeltaOf(table_key)) {
      for (const RecordBatch& batch : nodes->rows) {
        OG_ASSIGN_OR_RETURN(const ArrayPtr ids, ColumnOf(batch, table_key, "id"));
        for (int64_t i = 0; i < batch.num_rows; ++i)
          existing.emplace(ids->StringValue(i));
      }
      deleted.insert(nodes->deleted_ids.begin(), nodes->deleted_ids.end());
    }
    std::set<std::string> unknown;
    for (const EdgeRow& edge : edges) {
      if (!existing.contains(edge.*end) && !deleted.contains(edge.*end)) unknown.insert(edge.*end);
    }
    const std::vector<std::string> probed(unknown.begin(), unknown.end());
    OG_ASSIGN_OR_RETURN(const std::vector<RecordBatch> found,
                        ScanWhere(table_key, "id", probed, {"id"}));
    for (const RecordBatch& batch : found) {
      for (int64_t i = 0; i < batch.num_rows; ++i)
        existing.emplace(batch.columns[0]->StringValue(i));
    }
    return existing;
  }

  // Committed edges that stay while a node at one of their ends goes.
  absl::Status CheckStranded(const schema::EdgeType& edge, const std::string& table_key,
                             const IdSet& replaced) {
    for (const bool is_src : {true, false}) {
      const TableDelta* const nodes = DeltaOf(io::StrCat("node:", is_src ? edge.from : edge.to));
      if (nodes == nullptr || nodes->deleted_ids.empty()) continue;
      OG_ASSIGN_OR_RETURN(const std::vector<EdgeRow> edges,
                          CommittedEdges(table_key, is_src ? "src" : "dst", nodes->deleted_ids));
      for (const EdgeRow& row : edges) {
        if (replaced.contains(row.id)) continue;
        OG_RETURN_IF_ERROR(Orphan(table_key, row, is_src, is_src ? edge.from : edge.to));
      }
    }
    return absl::OkStatus();
  }

  absl::Status CheckCardinality(const schema::EdgeType& edge, const std::string& table_key,
                                const TableDelta& delta) {
    OG_ASSIGN_OR_RETURN(const std::vector<EdgeRow> rows, EdgeRows(table_key, delta.rows));
    std::map<std::string, std::string> source_of;  // by edge id, as the change leaves it
    for (const EdgeRow& row : rows)
      source_of[row.id] = row.src;
    std::vector<std::string> touched;
    for (const auto& [id, src] : source_of)
      touched.push_back(id);
    IdSet replaced(touched.begin(), touched.end());
    replaced.insert(delta.deleted_ids.begin(), delta.deleted_ids.end());
    touched.insert(touched.end(), delta.deleted_ids.begin(), delta.deleted_ids.end());

    std::set<std::string> sources;
    for (const auto& [id, src] : source_of)
      sources.insert(src);
    OG_ASSIGN_OR_RETURN(const std::vector<EdgeRow> before,
                        CommittedEdges(table_key, "id", touched));
    for (const EdgeRow& row : before)
      sources.insert(row.src);
    if (const TableDelta* const nodes = DeltaOf(io::StrCat("node:", edge.from))) {
      for (const std::string& id : nodes->deleted_ids)
        sources.erase(id);
    }

    std::map<std::string, uint64_t> counts;
    const std::vector<std::string> probed(sources.begin(), sources.end());
    OG_ASSIGN_OR_RETURN(const std::vector<EdgeRow> staying,
                        CommittedEdges(table_key, "src", probed));
    for (const EdgeRow& row : staying) {
      if (!replaced.contains(row.id)) ++counts[row.src];
    }
    for (const auto& [id, src] : source_of)
      ++counts[src];
    for (const std::string& source : sources) {
      const uint64_t count = counts[source];
      const auto violation = [&](std::string_view bound, uint32_t limit) {
        return sink_({table_key, std::nullopt, ViolationKind::kCardinality,
                      io::StrCat("@card violation on edge ", edge.name, ": source '", source,
                                 "' has ", count, " edges (", bound, " ", limit, ")")});
      };
      const auto& [min, max] = edge.cardinality;
      if (max && count > *max) OG_RETURN_IF_ERROR(violation("max", *max));
      if (count < min) OG_RETURN_IF_ERROR(violation("min", min));
    }
    return absl::OkStatus();
  }

  const schema::Catalog& catalog_;
  const ChangeSet& changes_;
  const CommittedTable& committed_;
  const ViolationSink& sink_;
};

}  // namespace

absl::Status FindViolations(const schema::Catalog& catalog, const ChangeSet& changes,
                            const CommittedTable& committed, const ViolationSink& sink) {
  return Search(catalog, changes, committed, sink).Run();
}

absl::Status CheckChanges(const schema::Catalog& catalog, const ChangeSet& changes,
                          const CommittedTable& committed) {
  std::optional<std::string> first;
  io::ErrorDetail detail{.kind = io::ErrorKind::kBadRequest, .code = "", .fields = {}};
  uint64_t count = 0;
  OG_RETURN_IF_ERROR(FindViolations(catalog, changes, committed, [&](Violation violation) {
    ++count;
    if (!first) {
      first = std::move(violation.message);
    } else if (count <= kFurtherViolationsMax + 1) {
      detail.fields.emplace_back("violation", std::move(violation.message));
    }
    return absl::OkStatus();
  }));
  if (!first) return absl::OkStatus();
  if (count > 1) detail.fields.emplace_back("num_violations", io::StrCat(count));
  return io::DetailedError(std::move(detail), *first);
}

}  // namespace og::engine::graph
