#include "engine/exec/staging.h"

#include <algorithm>
#include <memory>
#include <optional>
#include <string_view>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"

#include "engine/exec/binder.h"
#include "engine/exec/literal_column.h"
#include "engine/exec/node_id.h"
#include "engine/expr/expr.h"
#include "engine/expr/text.h"
#include "format/arrow/builder.h"
#include "io/base/error_detail.h"
#include "io/base/status_macros.h"
#include "io/base/text.h"

namespace og::engine::exec {
namespace {

using format::RecordBatch;
using query::Literal;
using query::LiteralKind;
using query::MutationStep;

absl::Status Refusal(std::string_view message) {
  return io::DetailedError({.kind = io::ErrorKind::kBadRequest, .code = "", .fields = {}}, message);
}

absl::StatusOr<Literal> ValueOf(const query::Expr& value, const query::ParamValues& params) {
  if (value.kind == query::ExprKind::kLiteral) return value.literal;
  const auto found = params.find(value.variable);
  if (found == params.end()) {
    return Refusal(io::StrCat("parameter '", value.variable, "' not provided"));
  }
  return found->second;
}

std::string SqlText(std::string_view text) {
  std::string quoted = "'";
  for (const char c : text)
    quoted.append(c == '\'' ? 2 : 1, c);
  return quoted + "'";
}

// A literal as the text of a stored predicate. What no SQL literal can say matches nothing.
std::string SqlLiteral(const Literal& literal) {
  switch (literal.kind) {
    case LiteralKind::kString:
    case LiteralKind::kDate:
    case LiteralKind::kDateTime:
      return SqlText(literal.text);
    case LiteralKind::kInteger:
      return io::StrCat(literal.integer);
    case LiteralKind::kFloat:
      return expr::FloatText(literal.number);
    case LiteralKind::kBool:
      return io::StrCat(literal.flag);
    case LiteralKind::kNull:
    case LiteralKind::kList:
      break;
  }
  return "NULL";
}

// A `where` as a filter of scans, and as text.
struct Where {
  expr::ExprPtr filter;
  std::string sql;
};

absl::StatusOr<Where> WhereOf(const MutationStep& step, const query::ParamValues& params) {
  query::Predicate predicate = *step.predicate;
  if (step.is_edge && predicate.left.property == "from") predicate.left.property = "src";
  if (step.is_edge && predicate.left.property == "to") predicate.left.property = "dst";
  OG_ASSIGN_OR_RETURN(const Literal value, ValueOf(predicate.right, params));
  Where where;
  where.sql = io::StrCat(predicate.left.property, " ", query::CompareOpName(predicate.op), " ",
                         SqlLiteral(value));
  if (value.kind == LiteralKind::kList) {
    where.filter = expr::BoolLiteral(false);
    return where;
  }
  OG_ASSIGN_OR_RETURN(where.filter, ScanFilter(predicate, params));
  return where;
}

format::ArrayPtr StringColumn(const std::vector<std::string>& values) {
  format::StringBuilder builder(format::Utf8());
  for (const std::string& value : values)
    builder.Append(value);
  return builder.Finish();
}

// `column IN ('a', 'b')`.
Where OneOf(std::string_view column, const std::vector<std::string>& ids) {
  std::vector<std::string> texts;
  for (const std::string& id : ids)
    texts.push_back(SqlText(id));
  return {.filter = expr::In(expr::Column(column), StringColumn(ids)),
          .sql = io::StrCat(column, " IN (", io::Join(texts, ", "), ")")};
}

Where Either(const std::vector<Where>& wheres) {
  std::vector<expr::ExprPtr> filters;
  std::vector<std::string> texts;
  for (const Where& where : wheres) {
    filters.push_back(where.filter);
    texts.push_back(where.sql);
  }
  return {.filter = expr::Or(std::move(filters)), .sql = io::Join(texts, " OR ")};
}

class Stager {
 public:
  Stager(io::Env& env, const Snapshot& snapshot, const query::ParamValues& params)
      : env_(env),
        snapshot_(snapshot),
        params_(params),
        memory_(env.memory()->NewChild("mutation", env.memory()->limit() / 2)) {}

  absl::StatusOr<StagedMutation> Run(const query::MutationPlan& plan) {
    for (const MutationStep& step : plan.steps)
      OG_RETURN_IF_ERROR(RunStep(step));
    for (auto& [key, working] : tables_) {
      StagedTable& table = working.staged;
      if (table.rows.empty() && table.deleted_ids.empty()) continue;
      table.delete_predicate = PredicateOf(working);
      result_.tables.emplace(key, std::move(table));
    }
    return std::move(result_);
  }

 private:
  struct Working {
    StagedTable staged;
    std::vector<std::string> predicates;
    absl::flat_hash_set<std::string> deleted;
  };

  static std::string PredicateOf(const Working& working) {
    if (working.predicates.size() < 2) {
      return working.predicates.empty() ? "" : working.predicates[0];
    }
    std::vector<std::string> parts;
    for (const std::string& predicate : working.predicates)
      parts.push_back(io::StrCat("(", predicate, ")"));
    return io::Join(parts, " OR ");
  }

  absl::Status RunStep(const MutationStep& step) {
    switch (step.kind) {
      case query::MutationKind::kInsert:
        return step.is_edge ? InsertEdge(step) : InsertNode(step);
      case query::MutationKind::kUpdate:
        return Update(step);
      case query::MutationKind::kDelete:
        break;
    }
    return step.is_edge ? DeleteEdges(step) : DeleteNodes(step);
  }

  absl::StatusOr<Working*> NodeTable(const schema::NodeType& type) {
    Working& working = tables_[type.TableKey()];
    if (working.staged.table == nullptr) {
      OG_ASSIGN_OR_RETURN(working.staged.table, snapshot_.NodeTable(type.name));
    }
    return &working;
  }

  absl::StatusOr<Working*> EdgeTable(const schema::EdgeType& type) {
    Working& working = tables_[type.TableKey()];
    if (working.staged.table == nullptr) {
      OG_ASSIGN_OR_RETURN(working.staged.table, snapshot_.EdgeTable(type.name));
    }
    return &working;
  }

  // Keeps `rows` for the table, within the budget.
  absl::Status Keep(Working& working, RecordBatch rows) {
    OG_ASSIGN_OR_RETURN(io::MemoryReservation kept, memory_->Reserve(format::MemoryBytes(rows)));
    reservations_.push_back(std::move(kept));
    working.staged.rows.push_back(std::move(rows));
    return absl::OkStatus();
  }

  using Values = std::map<std::string, Literal, std::less<>>;

  absl::StatusOr<Values> ValuesOf(const MutationStep& step) const {
    Values values;
    for (const query::PlanAssignment& assignment : step.assignments) {
      OG_ASSIGN_OR_RETURN(values[assignment.property], ValueOf(assignment.value, params_));
    }
    return values;
  }

  static bool IsBlob(std::span<const schema::Property> properties, std::string_view name) {
    return std::any_of(properties.begin(), properties.end(), [name](const schema::Property& p) {
      return p.name == name && p.type.is_blob();
    });
  }

  // The value of a column that a statement assigns, for `length` rows.
  static absl::StatusOr<format::ArrayPtr> Assigned(const Literal& value, const format::Field& field,
                                                   bool is_blob, int64_t length) {
    if (is_blob && value.kind == LiteralKind::kString) {
      return BlobColumn(value.text, field.type, length);
    }
    if (value.kind == LiteralKind::kNull && !field.nullable) {
      return Refusal(
          io::StrCat("non-nullable property '", field.name, "' has null or invalid values"));
    }
    return LiteralColumn(value, field.type, length);
  }

  // The row of an insert, in the columns of `table`.
  static absl::StatusOr<RecordBatch> InsertedRow(const dataset::Dataset& table,
                                                 std::span<const schema::Property> properties,
                                                 const std::string& id, const Values& values) {
    RecordBatch row{table.schema(), 1, {}};
    for (const format::Field& field : table.schema()->fields) {
      const bool is_source = field.name == "src";
      const std::string_view name = is_source             ? "from"
                                    : field.name == "dst" ? "to"
                                                          : std::string_view(field.name);
      const auto value = values.find(name);
      const bool is_blob = IsBlob(properties, field.name);
      format::ArrayPtr column;
      if (field.name == "id") {
        column = StringColumn({id});
      } else if (value != values.end()) {
        OG_ASSIGN_OR_RETURN(column, Assigned(value->second, field, is_blob, 1));
      } else if (field.nullable) {
        column = format::NullArray(field.type, 1);
      } else if (name != field.name) {
        return Refusal(io::StrCat("missing required edge endpoint '", name, "'"));
      } else {
        return Refusal(
            io::StrCat("missing required ", is_blob ? "blob " : "", "property '", field.name, "'"));
      }
      row.columns.push_back(std::move(column));
    }
    return row;
  }

  // The id of a new node of a keyed type.
  static absl::StatusOr<std::string> KeyedId(const schema::NodeType& type,
                                             const dataset::Dataset& table, const Values& values) {
    std::vector<format::ArrayPtr> key;
    std::vector<std::string> names;
    for (const size_t position : type.key) {
      const std::string& name = type.properties[position].name;
      const auto value = values.find(name);
      if (value == values.end()) {
        return Refusal(io::StrCat("insert missing @key property '", name, "'"));
      }
      const auto field = table.schema()->IndexOf(name);
      if (!field) return Refusal(io::StrCat("@key property '", name, "' is not stored"));
      OG_ASSIGN_OR_RETURN(format::ArrayPtr column,
                          LiteralColumn(value->second, table.schema()->fields[*field].type, 1));
      key.push_back(std::move(column));
      names.push_back(name);
    }
    OG_ASSIGN_OR_RETURN(const std::optional<std::string> id, NodeId(key, 0));
    if (id) return *id;
    return Refusal(names.size() == 1
                       ? io::StrCat("insert @key property '", names[0], "' cannot contain null")
                       : io::StrCat("insert @key properties (", io::Join(names, ", "),
                                    ") cannot contain null"));
  }

  absl::Status InsertNode(const MutationStep& step) {
    const schema::NodeType& type = *snapshot_.catalog().FindNode(step.type_name);
    OG_ASSIGN_OR_RETURN(const Values values, ValuesOf(step));
    OG_ASSIGN_OR_RETURN(Working* const working, NodeTable(type));
    const dataset::Dataset& table = *working->staged.table;
    std::string id;
    if (type.key.empty()) {
      id = env_.NewUlid();
    } else {
      OG_ASSIGN_OR_RETURN(id, KeyedId(type, table, values));
      working->staged.replaces = true;
    }
    OG_ASSIGN_OR_RETURN(RecordBatch row, InsertedRow(table, type.properties, id, values));
    ++result_.affected_nodes;
    return Keep(*working, std::move(row));
  }

  absl::Status InsertEdge(const MutationStep& step) {
    const schema::EdgeType& type = *snapshot_.catalog().FindEdge(step.type_name);
    OG_ASSIGN_OR_RETURN(const Values values, ValuesOf(step));
    OG_ASSIGN_OR_RETURN(Working* const working, EdgeTable(type));
    OG_ASSIGN_OR_RETURN(RecordBatch row, InsertedRow(*working->staged.table, type.properties,
                                                     env_.NewUlid(), values));
    ++result_.affected_edges;
    return Keep(*working, std::move(row));
  }

  absl::Status Update(const MutationStep& step) {
    const schema::NodeType& type = *snapshot_.catalog().FindNode(step.type_name);
    for (const size_t position : type.key) {
      const std::string& name = type.properties[position].name;
      for (const query::PlanAssignment& assignment : step.assignments) {
        if (assignment.property != name) continue;
        return Refusal(io::StrCat("cannot update @key property '", name,
                                  "' \u2014 delete and re-insert instead"));
      }
    }
    OG_ASSIGN_OR_RETURN(const Where where, WhereOf(step, params_));
    OG_ASSIGN_OR_RETURN(Working* const working, NodeTable(type));
    OG_ASSIGN_OR_RETURN(const std::vector<RecordBatch> matched,
                        MatchedRows(*working, type, *where.filter, where.filter));
    if (matched.empty()) return absl::OkStatus();
    OG_ASSIGN_OR_RETURN(RecordBatch rows, format::TryConcat(matched));
    OG_ASSIGN_OR_RETURN(const Values values, ValuesOf(step));
    for (size_t i = 0; i < rows.columns.size(); ++i) {
      const format::Field& field = rows.schema->fields[i];
      const auto value = values.find(field.name);
      if (value == values.end()) continue;
      OG_ASSIGN_OR_RETURN(
          rows.columns[i],
          Assigned(value->second, field, IsBlob(type.properties, field.name), rows.num_rows));
    }
    result_.affected_nodes += static_cast<uint64_t>(rows.num_rows);
    working->staged.replaces = true;
    return Keep(*working, std::move(rows));
  }

  // The rows that a predicate is true for as the statements so far left them, in the columns of the
  // table.
  absl::StatusOr<std::vector<RecordBatch>> MatchedRows(const Working& working,
                                                       const schema::NodeType& type,
                                                       const expr::Expr& predicate,
                                                       const expr::ExprPtr& filter) const {
    std::vector<RecordBatch> matched;
    absl::flat_hash_set<std::string_view> shadowed;
    std::optional<RecordBatch> pending;
    if (!working.staged.rows.empty()) {
      OG_ASSIGN_OR_RETURN(pending, LastRowOfEachId(working.staged.rows));
      const format::ArrayPtr ids = pending->Column("id");
      for (int64_t i = 0; i < ids->length; ++i)
        shadowed.insert(ids->StringValue(i));
    }
    dataset::ScanOptions scan;
    scan.filter = filter;
    OG_ASSIGN_OR_RETURN(const auto stream, working.staged.table->Scan(scan));
    for (;;) {
      OG_ASSIGN_OR_RETURN(std::optional<RecordBatch> batch, stream->Next());
      if (!batch) break;
      const format::ArrayPtr ids = batch->Column("id");
      std::vector<int64_t> kept;
      for (int64_t i = 0; i < batch->num_rows; ++i) {
        if (!shadowed.contains(ids->StringValue(i))) kept.push_back(i);
      }
      if (kept.empty()) continue;
      matched.push_back(
          AsStored(format::Take(*batch, kept), working.staged.table->schema(), type.properties));
    }
    if (pending) {
      OG_ASSIGN_OR_RETURN(const std::vector<int64_t> rows,
                          expr::EvaluateFilter(predicate, *pending));
      if (!rows.empty()) matched.push_back(format::Take(*pending, rows));
    }
    return matched;
  }

  // What a scan gave, in the form in which it is written: blobs are read as their contents.
  static RecordBatch AsStored(RecordBatch batch, const format::SchemaPtr& schema,
                              std::span<const schema::Property> properties) {
    for (size_t i = 0; i < batch.columns.size(); ++i) {
      const format::Field& field = schema->fields[i];
      if (IsBlob(properties, field.name) &&
          batch.columns[i]->type->id == format::TypeId::kLargeBinary) {
        batch.columns[i] = BlobColumnOf(*batch.columns[i], field.type);
      }
    }
    batch.schema = schema;
    return batch;
  }

  absl::Status DeleteNodes(const MutationStep& step) {
    const schema::NodeType& type = *snapshot_.catalog().FindNode(step.type_name);
    OG_ASSIGN_OR_RETURN(const Where where, WhereOf(step, params_));
    OG_ASSIGN_OR_RETURN(Working* const working, NodeTable(type));
    OG_ASSIGN_OR_RETURN(const std::vector<std::string> deleted, DeleteMatched(*working, where));
    if (deleted.empty()) return absl::OkStatus();
    OG_CRASH_POINT(env_, "mutation.delete_node_pre_primary_delete");
    result_.affected_nodes += deleted.size();
    for (const schema::EdgeType& edge : snapshot_.catalog().edges()) {
      std::vector<Where> ends;
      if (edge.from == type.name) ends.push_back(OneOf("src", deleted));
      if (edge.to == type.name) ends.push_back(OneOf("dst", deleted));
      if (ends.empty()) continue;
      OG_ASSIGN_OR_RETURN(Working* const edges, EdgeTable(edge));
      OG_ASSIGN_OR_RETURN(const std::vector<std::string> cascaded,
                          DeleteMatched(*edges, Either(ends)));
      result_.affected_edges += cascaded.size();
    }
    return absl::OkStatus();
  }

  absl::Status DeleteEdges(const MutationStep& step) {
    const schema::EdgeType& type = *snapshot_.catalog().FindEdge(step.type_name);
    OG_ASSIGN_OR_RETURN(const Where where, WhereOf(step, params_));
    OG_ASSIGN_OR_RETURN(Working* const working, EdgeTable(type));
    OG_ASSIGN_OR_RETURN(const std::vector<std::string> deleted, DeleteMatched(*working, where));
    result_.affected_edges += deleted.size();
    return absl::OkStatus();
  }

  // Notes the rows that match and are not deleted yet; their ids.
  absl::StatusOr<std::vector<std::string>> DeleteMatched(Working& working, const Where& where) {
    dataset::ScanOptions scan;
    scan.columns = {"id"};
    scan.filter = where.filter;
    scan.with_row_address = true;
    OG_ASSIGN_OR_RETURN(const auto stream, working.staged.table->Scan(scan));
    std::vector<std::string> deleted;
    for (;;) {
      OG_ASSIGN_OR_RETURN(const std::optional<RecordBatch> batch, stream->Next());
      if (!batch) break;
      for (int64_t i = 0; i < batch->num_rows; ++i) {
        std::string id(batch->columns[0]->StringValue(i));
        if (!working.deleted.insert(id).second) continue;
        working.staged.deleted_addresses.push_back(batch->columns[1]->Value<uint64_t>(i));
        deleted.push_back(std::move(id));
      }
    }
    if (!deleted.empty()) {
      working.predicates.push_back(where.sql);
      working.staged.deleted_ids.insert(working.staged.deleted_ids.end(), deleted.begin(),
                                        deleted.end());
    }
    return deleted;
  }

  io::Env& env_;
  const Snapshot& snapshot_;
  const query::ParamValues& params_;
  const std::shared_ptr<io::MemoryBudget> memory_;
  std::vector<io::MemoryReservation> reservations_;
  std::map<std::string, Working> tables_;
  StagedMutation result_;
};

}  // namespace

absl::StatusOr<StagedMutation> StageMutation(io::Env& env, const Snapshot& snapshot,
                                             const query::MutationPlan& plan,
                                             const query::ParamValues& params) {
  return Stager(env, snapshot, params).Run(plan);
}

absl::StatusOr<RecordBatch> LastRowOfEachId(const std::vector<RecordBatch>& rows) {
  OG_ASSIGN_OR_RETURN(const RecordBatch all, format::TryConcat(rows));
  const format::ArrayPtr ids = all.Column("id");
  absl::flat_hash_map<std::string_view, size_t> places;
  std::vector<int64_t> last;
  for (int64_t i = 0; i < all.num_rows; ++i) {
    const auto [place, is_new] = places.emplace(ids->StringValue(i), last.size());
    if (is_new) {
      last.push_back(i);
    } else {
      last[place->second] = i;
    }
  }
  return last.size() == static_cast<size_t>(all.num_rows) ? all : format::Take(all, last);
}

}  // namespace og::engine::exec
