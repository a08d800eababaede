#include "engine/graph/merge/validation.h"

#include <algorithm>
#include <map>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "engine/expr/expr.h"
#include "engine/graph/errors.h"
#include "engine/graph/merge/row_values.h"
#include "format/arrow/builder.h"
#include "io/base/json_writer.h"
#include "io/base/status_macros.h"
#include "io/base/text.h"

namespace og::engine::graph {
namespace {

// Ids of one filter.
constexpr size_t kIdsOfFilter = 4096;

// The rows that one side gives the merged graph, and those that it takes away.
struct SideRows {
  std::vector<std::string> ids;     // of rows that exist afterwards
  std::vector<uint64_t> addresses;  // theirs, in `dataset`
  dataset::DatasetPtr dataset;
  std::vector<std::string> deleted;  // ids
  std::vector<uint64_t> former;      // addresses in `former_dataset` of changed or deleted rows
  dataset::DatasetPtr former_dataset;
};

std::string TextOf(std::string json) {
  const bool quoted = json.size() >= 2 && json.front() == '"' && json.back() == '"';
  return quoted ? json.substr(1, json.size() - 2) : json;
}

// One text for each of `rows`: the values of `columns`; nullopt where one of them is null.
absl::StatusOr<std::vector<std::optional<std::vector<std::string>>>> Tuples(
    const SideRows& rows, const std::vector<std::string>& columns) {
  std::vector<std::optional<std::vector<std::string>>> tuples;
  for (size_t at = 0; at < rows.addresses.size(); at += kRowsOfChunk) {
    const size_t size = std::min(kRowsOfChunk, rows.addresses.size() - at);
    OG_ASSIGN_OR_RETURN(
        const format::RecordBatch batch,
        TakeRows(*rows.dataset, std::span(rows.addresses).subspan(at, size), columns));
    for (int64_t i = 0; i < batch.num_rows; ++i) {
      std::optional<std::vector<std::string>> tuple(std::in_place);
      for (const std::string& column : columns) {
        const format::ArrayPtr values = batch.Column(column);
        if (values == nullptr || values->IsNull(i)) {
          tuple.reset();
          break;
        }
        OG_ASSIGN_OR_RETURN(std::string value, JsonOf(*values, i));
        tuple->push_back(std::move(value));
      }
      tuples.push_back(std::move(tuple));
    }
  }
  return tuples;
}

// Texts of one column of rows.
absl::StatusOr<std::vector<std::string>> Texts(const dataset::DatasetPtr& dataset,
                                               std::span<const uint64_t> addresses,
                                               const std::string& column) {
  std::vector<std::string> texts;
  for (size_t at = 0; at < addresses.size(); at += kRowsOfChunk) {
    const size_t size = std::min(kRowsOfChunk, addresses.size() - at);
    OG_ASSIGN_OR_RETURN(const format::RecordBatch batch,
                        TakeRows(*dataset, addresses.subspan(at, size), {column}));
    for (int64_t i = 0; i < batch.num_rows; ++i)
      texts.emplace_back(batch.columns[0]->StringValue(i));
  }
  return texts;
}

class Validator {
 public:
  Validator(const schema::Catalog& catalog, MergeSides& sides,
            const std::vector<TableMerge>& merges)
      : catalog_(catalog), sides_(sides) {
    for (const TableMerge& merge : merges)
      merges_.emplace(merge.table_key, &merge);
  }

  absl::StatusOr<std::vector<MergeConflict>> Run() {
    for (const schema::EdgeType& edge : catalog_.edges()) {
      const std::string key = edge.TableKey();
      for (const schema::ColumnGroup& group : edge.unique_groups)
        OG_RETURN_IF_ERROR(CheckUnique(key, edge.name, group));
      OG_RETURN_IF_ERROR(CheckEnds(edge));
      OG_RETURN_IF_ERROR(CheckCardinality(edge));
    }
    for (const schema::NodeType& node : catalog_.nodes()) {
      for (const schema::ColumnGroup& group : node.unique_groups)
        OG_RETURN_IF_ERROR(CheckUnique(node.TableKey(), node.name, group));
    }
    std::ranges::stable_sort(conflicts_, {}, &MergeConflict::table_key);
    return std::move(conflicts_);
  }

 private:
  const TableMerge* MergeOf(const std::string& table_key) const {
    const auto found = merges_.find(table_key);
    return found == merges_.end() ? nullptr : found->second;
  }

  bool TargetChanged(const std::string& table_key) const {
    return !SameState(sides_.base().state.Find(table_key), sides_.target().state.Find(table_key));
  }

  // What the source brings.
  absl::StatusOr<SideRows> SourceRows(const std::string& table_key) {
    SideRows rows;
    const TableMerge* const merge = MergeOf(table_key);
    if (merge == nullptr || merge->empty()) return rows;
    OG_ASSIGN_OR_RETURN(rows.dataset, sides_.Open(*sides_.source().state.Find(table_key)));
    OG_ASSIGN_OR_RETURN(rows.former_dataset, sides_.Open(*sides_.target().state.Find(table_key)));
    for (const TakenRow& row : merge->taken) {
      rows.ids.push_back(row.id);
      rows.addresses.push_back(row.source);
      if (row.replaced.has_value()) rows.former.push_back(*row.replaced);
    }
    for (const RemovedRow& row : merge->removed) {
      rows.deleted.push_back(row.id);
      rows.former.push_back(row.target);
    }
    return rows;
  }

  // What the target changed since the base and keeps.
  absl::StatusOr<SideRows> TargetRows(const std::string& table_key) {
    SideRows rows;
    if (!TargetChanged(table_key)) return rows;
    OG_ASSIGN_OR_RETURN(const TableChanges* changes, sides_.TargetChanges(table_key));
    OG_ASSIGN_OR_RETURN(rows.dataset, sides_.Open(*sides_.target().state.Find(table_key)));
    OG_ASSIGN_OR_RETURN(rows.former_dataset, sides_.Open(*sides_.base().state.Find(table_key)));
    for (const ChangedRow& row : changes->rows()) {
      if (row.before.has_value()) rows.former.push_back(*row.before);
      if (row.after.has_value()) {
        rows.ids.push_back(row.id);
        rows.addresses.push_back(*row.after);
      } else {
        rows.deleted.push_back(row.id);
      }
    }
    return rows;
  }

  void Add(const std::string& table_key, std::string kind, std::optional<std::string> id,
           std::string message, std::vector<MergeConflictField> fields) {
    conflicts_.push_back({.table_key = table_key,
                          .entity_id = std::move(id),
                          .kind = std::move(kind),
                          .message = std::move(message),
                          .fields = std::move(fields)});
  }

  // What the two sides have for `property`, as JSON; null where a side has nothing.
  static MergeConflictField FieldOf(std::string property, std::string source, std::string target) {
    return {.property = std::move(property),
            .base = "null",
            .source = std::move(source),
            .target = std::move(target)};
  }
  static std::string Quoted(std::string_view text) {
    io::JsonWriter json;
    json.String(text);
    return std::move(json).Finish();
  }

  absl::Status CheckUnique(const std::string& table_key, const std::string& type,
                           const schema::ColumnGroup& columns) {
    OG_ASSIGN_OR_RETURN(const SideRows source, SourceRows(table_key));
    OG_ASSIGN_OR_RETURN(const SideRows target, TargetRows(table_key));
    if (source.ids.empty() || target.ids.empty()) return absl::OkStatus();
    OG_ASSIGN_OR_RETURN(const auto taken, Tuples(target, columns));
    std::map<std::vector<std::string>, std::string> holders;
    for (size_t i = 0; i < taken.size(); ++i) {
      if (taken[i].has_value()) holders.emplace(*taken[i], target.ids[i]);
    }
    OG_ASSIGN_OR_RETURN(const auto wanted, Tuples(source, columns));
    for (size_t i = 0; i < wanted.size(); ++i) {
      if (!wanted[i].has_value()) continue;
      const auto holder = holders.find(*wanted[i]);
      if (holder == holders.end() || holder->second == source.ids[i]) continue;
      std::vector<std::string> values;
      for (const std::string& value : *wanted[i])
        values.push_back(TextOf(value));
      const bool one = columns.size() == 1;
      std::vector<MergeConflictField> fields = {
          FieldOf("id", Quoted(source.ids[i]), Quoted(holder->second))};
      for (size_t c = 0; c < columns.size(); ++c)
        fields.push_back(FieldOf(columns[c], (*wanted[i])[c], (*wanted[i])[c]));
      Add(table_key, "unique_violation", source.ids[i],
          io::StrCat("@unique violation on ", type, ".",
                     one ? columns[0] : io::StrCat("(", io::Join(columns, ", "), ")"), ": value '",
                     one ? values[0] : io::StrCat("(", io::Join(values, ", "), ")"), "' held by '",
                     holder->second, "' and '", source.ids[i], "'"),
          std::move(fields));
    }
    return absl::OkStatus();
  }

  // Edges of `edges`, those of the source or of the target, whose end in `column` is one of `gone`.
  absl::Status CheckEnd(const std::string& table_key, const SideRows& edges, bool is_source,
                        const std::string& column, const std::string& node_type,
                        const std::vector<std::string>& gone,
                        const std::set<std::string_view>& deleted_edges) {
    if (edges.ids.empty() || gone.empty()) return absl::OkStatus();
    const std::set<std::string_view> absent(gone.begin(), gone.end());
    OG_ASSIGN_OR_RETURN(const std::vector<std::string> ends,
                        Texts(edges.dataset, edges.addresses, column));
    for (size_t i = 0; i < ends.size(); ++i) {
      if (!absent.contains(ends[i]) || deleted_edges.contains(edges.ids[i])) continue;
      Add(table_key, "orphan_edge", edges.ids[i],
          io::StrCat(column, " '", ends[i], "' not found in ", node_type),
          {is_source ? FieldOf(column, Quoted(ends[i]), "null")
                     : FieldOf(column, "null", Quoted(ends[i]))});
    }
    return absl::OkStatus();
  }

  absl::Status CheckEnds(const schema::EdgeType& edge) {
    const std::string key = edge.TableKey();
    OG_ASSIGN_OR_RETURN(const SideRows source, SourceRows(key));
    OG_ASSIGN_OR_RETURN(const SideRows target, TargetRows(key));
    const std::set<std::string_view> deleted(source.deleted.begin(), source.deleted.end());
    for (const auto& [column, type] : {std::pair("src", edge.from), std::pair("dst", edge.to)}) {
      const std::string nodes = io::StrCat("node:", type);
      OG_ASSIGN_OR_RETURN(const SideRows source_nodes, SourceRows(nodes));
      OG_ASSIGN_OR_RETURN(const SideRows target_nodes, TargetRows(nodes));
      OG_RETURN_IF_ERROR(CheckEnd(key, source, true, column, type, target_nodes.deleted, {}));
      OG_RETURN_IF_ERROR(CheckEnd(key, target, false, column, type, source_nodes.deleted, deleted));
    }
    return absl::OkStatus();
  }

  // The sources of the edges that a side changed, before and after.
  static absl::StatusOr<std::set<std::string>> Touched(const SideRows& rows) {
    std::set<std::string> sources;
    if (!rows.addresses.empty()) {
      OG_ASSIGN_OR_RETURN(auto now, Texts(rows.dataset, rows.addresses, "src"));
      sources.insert(now.begin(), now.end());
    }
    if (!rows.former.empty()) {
      OG_ASSIGN_OR_RETURN(auto before, Texts(rows.former_dataset, rows.former, "src"));
      sources.insert(before.begin(), before.end());
    }
    return sources;
  }

  absl::Status CheckCardinality(const schema::EdgeType& edge) {
    if (edge.cardinality.is_default()) return absl::OkStatus();
    const std::string key = edge.TableKey();
    OG_ASSIGN_OR_RETURN(const SideRows source, SourceRows(key));
    OG_ASSIGN_OR_RETURN(const SideRows target, TargetRows(key));
    OG_ASSIGN_OR_RETURN(const std::set<std::string> by_source, Touched(source));
    OG_ASSIGN_OR_RETURN(const std::set<std::string> by_target, Touched(target));
    std::map<std::string, int64_t> counts;
    for (const std::string& node : by_source) {
      if (by_target.contains(node)) counts.emplace(node, 0);
    }
    if (counts.empty()) return absl::OkStatus();
    OG_RETURN_IF_ERROR(CountInTarget(key, counts));
    const std::map<std::string, int64_t> in_target = counts;
    const auto change = [&counts](const std::vector<std::string>& nodes, int64_t by) {
      for (const std::string& node : nodes) {
        const auto found = counts.find(node);
        if (found != counts.end()) found->second += by;
      }
    };
    if (!source.former.empty()) {
      OG_ASSIGN_OR_RETURN(const auto before, Texts(source.former_dataset, source.former, "src"));
      change(before, -1);
    }
    OG_ASSIGN_OR_RETURN(const auto now, Texts(source.dataset, source.addresses, "src"));
    change(now, 1);
    for (const auto& [node, count] : counts) {
      const bool too_many = edge.cardinality.max && count > int64_t{*edge.cardinality.max};
      if (!too_many && count >= int64_t{edge.cardinality.min}) continue;
      Add(key, "cardinality_violation", std::nullopt,
          io::StrCat("@card violation on edge ", edge.name, ": source '", node, "' has ", count,
                     " edges (", too_many ? "max " : "min ",
                     too_many ? *edge.cardinality.max : edge.cardinality.min, ")"),
          {FieldOf("src", Quoted(node), Quoted(node)),
           FieldOf("edges", io::StrCat(count), io::StrCat(in_target.at(node)))});
    }
    return absl::OkStatus();
  }

  // Edges that each node has in the target.
  absl::Status CountInTarget(const std::string& table_key, std::map<std::string, int64_t>& counts) {
    OG_ASSIGN_OR_RETURN(const dataset::DatasetPtr dataset,
                        sides_.Open(*sides_.target().state.Find(table_key)));
    auto next = counts.begin();
    while (next != counts.end()) {
      format::StringBuilder nodes(format::Utf8());
      for (size_t i = 0; i < kIdsOfFilter && next != counts.end(); ++i, ++next)
        nodes.Append(next->first);
      dataset::ScanOptions options;
      options.columns = {"src"};
      options.filter = expr::In(expr::Column("src"), nodes.Finish());
      const auto stream = dataset->Scan(options);
      OG_RETURN_IF_ERROR(FromStorage(stream.status()));
      for (;;) {
        const auto batch = (*stream)->Next();
        OG_RETURN_IF_ERROR(FromStorage(batch.status()));
        if (!batch->has_value()) break;
        for (int64_t i = 0; i < (*batch)->num_rows; ++i)
          ++counts[std::string((*batch)->columns[0]->StringValue(i))];
      }
    }
    return absl::OkStatus();
  }

  const schema::Catalog& catalog_;
  MergeSides& sides_;
  std::map<std::string, const TableMerge*> merges_;
  std::vector<MergeConflict> conflicts_;
};

}  // namespace

absl::StatusOr<std::vector<MergeConflict>> ValidateMerge(const schema::Catalog& catalog,
                                                         MergeSides& sides,
                                                         const std::vector<TableMerge>& merges) {
  return Validator(catalog, sides, merges).Run();
}

}  // namespace og::engine::graph
