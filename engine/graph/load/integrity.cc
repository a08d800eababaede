#include "engine/graph/load/integrity.h"

#include <algorithm>
#include <array>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <utility>

#include "engine/expr/text.h"
#include "engine/graph/load/json_column.h"
#include "engine/graph/load/key_ledger.h"
#include "engine/graph/load/known_keys.h"
#include "io/base/error_detail.h"
#include "io/base/status.h"
#include "io/base/status_macros.h"
#include "io/base/text.h"
#include "io/env/env.h"

namespace og::engine::graph {
namespace {

using format::RecordBatch;

// Roles of the entries of a ledger: who defines a key, who refers to it.
enum Role : uint16_t {
  kInputDefines = 0,
  kCommittedDefines = 1,
  // Four for each edge type, in the order of the catalog.
  kFirstEdgeRole = 2,
};
enum EdgeRole : uint16_t { kInputSrc, kInputDst, kCommittedSrc, kCommittedDst, kNumEdgeRoles };

uint16_t RoleOf(size_t edge_index, EdgeRole role) {
  return static_cast<uint16_t>(kFirstEdgeRole + edge_index * kNumEdgeRoles + role);
}

// The smallest row of a check that is violated, with what its message needs.
struct Violation {
  uint64_t row = 0;             // orders violations of one check
  RowRef first;                 // the row that holds the value, or the edge
  std::optional<RowRef> other;  // the row that repeats it
  uint64_t count = 0;           // edges of a source
};

void Note(std::optional<Violation>& known, Violation found) {
  if (!known || found.row < known->row) known = std::move(found);
}

// Endpoints that are hashed before the first of them is looked up: so many reads of memory are
// under way at once.
constexpr int64_t kLookupsAtOnce = 32;

// A column group whose values must not repeat.
struct UniqueGroup {
  std::vector<std::string> columns;
  std::unique_ptr<KeyLedger> ledger;
  std::optional<Violation> violation;
};

struct TableState {
  std::string table_key;
  std::string type_name;
  const schema::NodeType* node = nullptr;
  const schema::EdgeType* edge = nullptr;
  size_t edge_index = 0;
  bool in_input = false;
  bool check_ids = false;
  bool ids_come_first = false;  // those of the committed nodes, before edges that refer to them
  uint64_t input_rows = 0;
  uint64_t committed_rows = 0;
  std::unique_ptr<KeyLedger> ids;        // node: with the endpoints that refer to it
  std::unique_ptr<KnownKeys> known_ids;  // node: those that are defined, as far as noted
  std::vector<UniqueGroup> groups;
  std::optional<Violation> id_violation;

  std::string Subject() const {
    return io::StrCat(node != nullptr ? "node type '" : "edge type '", type_name, "'");
  }
};

struct EdgeViolations {
  std::optional<Violation> src;
  std::optional<Violation> dst;
  std::optional<Violation> cardinality;
};

bool Contains(const std::vector<std::string>& names, std::string_view name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

}  // namespace

struct Integrity::State {
  State(io::Env& environment, schema::CatalogPtr schema_catalog, LoadMode load_mode,
        std::shared_ptr<io::MemoryBudget> memory)
      : env(environment),
        catalog(std::move(schema_catalog)),
        mode(load_mode),
        budget(std::move(memory)),
        known_budget(budget->NewChild("known keys", budget->limit() / 2)),
        edge_violations(catalog->edges().size()) {
    for (const schema::NodeType& type : catalog->nodes()) {
      TableState& table = AddTable(type.TableKey(), type.name, type.unique_groups);
      table.node = &type;
      table.ids = NewLedger();
      table.known_ids = std::make_unique<KnownKeys>(known_budget);
    }
    for (size_t i = 0; i < catalog->edges().size(); ++i) {
      const schema::EdgeType& type = catalog->edges()[i];
      TableState& table = AddTable(type.TableKey(), type.name, type.unique_groups);
      table.edge = &type;
      table.edge_index = i;
      table.ids = NewLedger();
    }
  }

  std::unique_ptr<KeyLedger> NewLedger() { return std::make_unique<KeyLedger>(env, budget); }

  TableState& AddTable(std::string key, std::string name,
                       const std::vector<schema::ColumnGroup>& unique_groups) {
    TableState& table = tables[key];
    table.table_key = std::move(key);
    table.type_name = std::move(name);
    for (const schema::ColumnGroup& group : unique_groups) {
      table.groups.push_back({group, NewLedger(), std::nullopt});
    }
    return table;
  }

  absl::StatusOr<TableState*> Table(std::string_view key) {
    const auto found = tables.find(key);
    if (found == tables.end()) {
      return io::InternalError(io::StrCat("no table '", key, "' in the catalog"));
    }
    return &found->second;
  }

  TableState& NodeTable(std::string_view type_name) {
    return tables.find(io::StrCat("node:", type_name))->second;
  }

  bool Replaced(const TableState& table) const {
    return table.in_input && mode == LoadMode::kOverwrite;
  }

  absl::Status AddIds(TableState& table, const RecordBatch& batch, uint16_t role, uint64_t row);
  absl::Status AddGroups(TableState& table, const RecordBatch& batch, uint16_t role, uint64_t row);
  absl::Status AddEnds(TableState& table, const RecordBatch& batch, bool committed, uint64_t row);
  // Notes the nodes that `column` names; those that are known to exist only if they are counted.
  absl::Status AddEnd(TableState& nodes, const format::Array& column, uint16_t role,
                      bool is_counted, uint64_t row);

  std::vector<std::string> NeededColumns(const TableState& table) const;
  bool NodeIsReferred(const TableState& nodes) const;

  void CheckDefinitions(TableState& table, std::span<const LedgerEntry> same);
  void CheckReferences(TableState& nodes, std::span<const LedgerEntry> same);
  void CheckCardinality(size_t edge_index, bool defined, std::span<const LedgerEntry> same);
  absl::Status CheckGroup(TableState& table, UniqueGroup& group);

  absl::Status IdError(const TableState& table, const RowLookup& lookup) const;
  absl::Status UniqueError(const TableState& table, const std::vector<std::string>& columns,
                           const Violation& violation, const RowLookup& lookup) const;
  absl::Status EndError(const TableState& table, const Violation& violation, bool is_src,
                        const RowLookup& lookup) const;
  absl::Status CardinalityError(const TableState& table, const Violation& violation,
                                const RowLookup& lookup) const;

  io::Env& env;
  const schema::CatalogPtr catalog;
  const LoadMode mode;
  const std::shared_ptr<io::MemoryBudget> budget;
  const std::shared_ptr<io::MemoryBudget> known_budget;   // the ledgers need the rest
  std::map<std::string, TableState, std::less<>> tables;  // edges before nodes
  std::vector<EdgeViolations> edge_violations;
};

namespace {

absl::StatusOr<std::string> TextOf(const RecordBatch& row, std::string_view column) {
  const format::ArrayPtr array = row.Column(column);
  if (array == nullptr || row.num_rows != 1) {
    return io::InternalError(io::StrCat("a looked-up row has no column '", column, "'"));
  }
  const absl::StatusOr<std::optional<std::string>> text = expr::CanonicalText(*array, 0);
  if (!text.ok()) return text.status();
  return text->has_value() ? **text : std::string("null");
}

}  // namespace

// --- Gathering -------------------------------------------------------------------------------

absl::Status Integrity::State::AddIds(TableState& table, const RecordBatch& batch, uint16_t role,
                                      uint64_t row) {
  const format::ArrayPtr ids = batch.Column("id");
  const bool makes_known =
      table.known_ids != nullptr && (role == kInputDefines || table.ids_come_first);
  for (int64_t i = 0; i < batch.num_rows; ++i) {
    const KeyHash key = table.ids->Hash(ids->StringValue(i));
    OG_RETURN_IF_ERROR(table.ids->Add(key, role, row + static_cast<uint64_t>(i)));
    if (makes_known) table.known_ids->Add(key);
  }
  return absl::OkStatus();
}

absl::Status Integrity::State::AddGroups(TableState& table, const RecordBatch& batch, uint16_t role,
                                         uint64_t row) {
  for (UniqueGroup& group : table.groups) {
    std::vector<format::ArrayPtr> columns;
    for (const std::string& name : group.columns)
      columns.push_back(batch.Column(name));
    // A scan of ids only.
    if (std::find(columns.begin(), columns.end(), nullptr) != columns.end()) continue;
    std::vector<std::string> owned(columns.size());
    std::vector<std::string_view> parts(columns.size());
    for (int64_t i = 0; i < batch.num_rows; ++i) {
      bool exempt = false;
      for (size_t c = 0; c < columns.size() && !exempt; ++c) {
        const format::Array& column = *columns[c];
        if (column.IsNull(i)) {
          exempt = true;
        } else if (column.type->id == format::TypeId::kUtf8) {
          parts[c] = column.StringValue(i);
        } else {
          const auto text = expr::CanonicalText(column, i);
          if (!text.ok()) return text.status();
          owned[c] = **text;
          parts[c] = owned[c];
        }
      }
      if (exempt) continue;
      OG_RETURN_IF_ERROR(
          group.ledger->Add(group.ledger->Hash(parts), role, row + static_cast<uint64_t>(i)));
    }
  }
  return absl::OkStatus();
}

absl::Status Integrity::State::AddEnd(TableState& nodes, const format::Array& column, uint16_t role,
                                      bool is_counted, uint64_t row) {
  std::array<KeyHash, kLookupsAtOnce> keys;
  for (int64_t begin = 0; begin < column.length; begin += kLookupsAtOnce) {
    const auto count = static_cast<size_t>(std::min(kLookupsAtOnce, column.length - begin));
    for (size_t i = 0; i < count; ++i) {
      keys[i] = nodes.ids->Hash(column.StringValue(begin + static_cast<int64_t>(i)));
      nodes.known_ids->Prefetch(keys[i]);
    }
    for (size_t i = 0; i < count; ++i) {
      if (!is_counted && nodes.known_ids->Contains(keys[i])) continue;
      OG_RETURN_IF_ERROR(nodes.ids->Add(keys[i], role, row + static_cast<uint64_t>(begin) + i));
    }
  }
  return absl::OkStatus();
}

absl::Status Integrity::State::AddEnds(TableState& table, const RecordBatch& batch, bool committed,
                                       uint64_t row) {
  const size_t edge = table.edge_index;
  if (const format::ArrayPtr src = batch.Column("src")) {
    OG_RETURN_IF_ERROR(AddEnd(NodeTable(table.edge->from), *src,
                              RoleOf(edge, committed ? kCommittedSrc : kInputSrc),
                              !table.edge->cardinality.is_default(), row));
  }
  if (const format::ArrayPtr dst = batch.Column("dst")) {
    OG_RETURN_IF_ERROR(AddEnd(NodeTable(table.edge->to), *dst,
                              RoleOf(edge, committed ? kCommittedDst : kInputDst),
                              /*is_counted=*/false, row));
  }
  return absl::OkStatus();
}

Integrity::Integrity(io::Env& env, schema::CatalogPtr catalog, LoadMode mode,
                     std::shared_ptr<io::MemoryBudget> budget)
    : state_(std::make_unique<State>(env, std::move(catalog), mode, std::move(budget))) {}

Integrity::~Integrity() = default;

absl::Status Integrity::AddInput(std::string_view table_key, const RecordBatch& batch,
                                 bool ids_are_fresh) {
  OG_ASSIGN_OR_RETURN(TableState* const table, state_->Table(table_key));
  table->in_input = true;
  const uint64_t row = table->input_rows;
  if (table->node != nullptr || !ids_are_fresh) {
    table->check_ids = true;
    OG_RETURN_IF_ERROR(state_->AddIds(*table, batch, kInputDefines, row));
  }
  OG_RETURN_IF_ERROR(state_->AddGroups(*table, batch, kInputDefines, row));
  if (table->edge != nullptr) {
    OG_RETURN_IF_ERROR(state_->AddEnds(*table, batch, /*committed=*/false, row));
  }
  table->input_rows += static_cast<uint64_t>(batch.num_rows);
  return absl::OkStatus();
}

// Whether edges of the input end at these nodes.
bool Integrity::State::NodeIsReferred(const TableState& nodes) const {
  for (const auto& [key, table] : tables) {
    if (table.edge == nullptr || !table.in_input) continue;
    if (table.edge->from == nodes.type_name || table.edge->to == nodes.type_name) return true;
  }
  return false;
}

std::vector<std::string> Integrity::State::NeededColumns(const TableState& table) const {
  std::vector<std::string> columns;
  const auto need = [&columns](const std::string& name) {
    if (!Contains(columns, name)) columns.push_back(name);
  };
  if (table.node != nullptr) {
    if (Replaced(table)) return columns;
    if (!table.ids_come_first && (table.in_input || NodeIsReferred(table))) need("id");
  } else {
    const schema::EdgeType& edge = *table.edge;
    if (table.in_input && !edge.cardinality.is_default()) need("src");
    if (!Replaced(table)) {
      if (table.check_ids) need("id");
      // Edges that stay while the nodes at their ends are replaced.
      for (const auto& [type, column] : {std::pair(&edge.from, "src"), {&edge.to, "dst"}}) {
        if (Replaced(tables.find(io::StrCat("node:", *type))->second)) need(column);
      }
    }
  }
  if (table.in_input && !Replaced(table)) {
    for (const UniqueGroup& group : table.groups) {
      for (const std::string& column : group.columns)
        need(column);
    }
  }
  return columns;
}

std::vector<CommittedNeed> Integrity::NeedsBefore(std::string_view table_key) {
  std::vector<CommittedNeed> needs;
  const auto edges = state_->tables.find(table_key);
  if (edges == state_->tables.end() || edges->second.edge == nullptr) return needs;
  // An overwrite may still replace the nodes.
  if (state_->mode == LoadMode::kOverwrite) return needs;
  for (const std::string* type : {&edges->second.edge->from, &edges->second.edge->to}) {
    TableState& nodes = state_->NodeTable(*type);
    if (!std::exchange(nodes.ids_come_first, true)) needs.push_back({nodes.table_key, {"id"}});
  }
  return needs;
}

std::vector<CommittedNeed> Integrity::CommittedNeeds() {
  std::vector<CommittedNeed> needs;
  for (auto& [key, table] : state_->tables) {
    table.committed_rows = 0;
    std::vector<std::string> columns = state_->NeededColumns(table);
    if (!columns.empty()) needs.push_back({key, std::move(columns)});
  }
  return needs;
}

absl::Status Integrity::AddCommitted(std::string_view table_key, const RecordBatch& batch) {
  OG_ASSIGN_OR_RETURN(TableState* const table, state_->Table(table_key));
  const uint64_t row = table->committed_rows;
  table->committed_rows += static_cast<uint64_t>(batch.num_rows);
  const bool replaced = state_->Replaced(*table);
  if (batch.Column("id") != nullptr && !replaced) {
    OG_RETURN_IF_ERROR(state_->AddIds(*table, batch, kCommittedDefines, row));
  }
  if (table->in_input && !replaced) {
    OG_RETURN_IF_ERROR(state_->AddGroups(*table, batch, kCommittedDefines, row));
  }
  return table->edge == nullptr ? absl::OkStatus()
                                : state_->AddEnds(*table, batch, /*committed=*/true, row);
}

// --- Checking --------------------------------------------------------------------------------

// `same`: all entries of one key; definitions come first, the input's before the committed.
void Integrity::State::CheckDefinitions(TableState& table, std::span<const LedgerEntry> same) {
  if (same.size() < 2 || same[1].source > kCommittedDefines || same[0].source != kInputDefines) {
    return;
  }
  const RowRef first{table.table_key, false, same[0].row};
  const bool committed = same[1].source == kCommittedDefines;
  const RowRef other{table.table_key, committed, same[1].row};
  Note(table.id_violation, {committed ? first.row : other.row, first, other, 0});
}

void Integrity::State::CheckReferences(TableState& nodes, std::span<const LedgerEntry> same) {
  const bool defined = !same.empty() && same[0].source <= kCommittedDefines;
  for (size_t begin = 0; begin < same.size();) {
    if (same[begin].source <= kCommittedDefines) {
      ++begin;
      continue;
    }
    const size_t edge = (same[begin].source - kFirstEdgeRole) / kNumEdgeRoles;
    size_t end = begin;
    while (end < same.size() &&
           (same[end].source - kFirstEdgeRole) / kNumEdgeRoles == static_cast<int>(edge)) {
      ++end;
    }
    const auto of_edge = same.subspan(begin, end - begin);
    const std::string key = catalog->edges()[edge].TableKey();
    const bool edge_replaced = Replaced(tables.find(key)->second);
    for (const LedgerEntry& entry : of_edge) {
      const auto role = static_cast<EdgeRole>((entry.source - kFirstEdgeRole) % kNumEdgeRoles);
      const bool committed = role == kCommittedSrc || role == kCommittedDst;
      if (defined || (committed && (edge_replaced || !Replaced(nodes)))) continue;
      const bool is_src = role == kInputSrc || role == kCommittedSrc;
      EdgeViolations& violations = edge_violations[edge];
      Note(is_src ? violations.src : violations.dst,
           {entry.row, {key, committed, entry.row}, std::nullopt, 0});
    }
    CheckCardinality(edge, defined, of_edge);
    begin = end;
  }
}

void Integrity::State::CheckCardinality(size_t edge_index, bool defined,
                                        std::span<const LedgerEntry> same) {
  const schema::EdgeType& edge = catalog->edges()[edge_index];
  if (edge.cardinality.is_default() || !defined) return;
  const TableState& table = tables.find(edge.TableKey())->second;
  if (!table.in_input) return;
  uint64_t count = 0;
  uint64_t from_input = 0;
  const LedgerEntry* any = nullptr;
  for (const LedgerEntry& entry : same) {
    const auto role = static_cast<EdgeRole>((entry.source - kFirstEdgeRole) % kNumEdgeRoles);
    if (role != kInputSrc && role != kCommittedSrc) continue;
    if (any == nullptr) any = &entry;
    if (role == kInputSrc) ++from_input;
    if (role == kInputSrc || mode != LoadMode::kOverwrite) ++count;
  }
  // Only sources whose edges change are held to it.
  if (any == nullptr || (from_input == 0 && mode != LoadMode::kOverwrite)) return;
  const bool too_many = edge.cardinality.max && count > *edge.cardinality.max;
  if (!too_many && count >= edge.cardinality.min) return;
  const bool committed = from_input == 0;
  Note(edge_violations[edge_index].cardinality,
       {any->row, {edge.TableKey(), committed, any->row}, std::nullopt, count});
}

absl::Status Integrity::State::CheckGroup(TableState& table, UniqueGroup& group) {
  return group.ledger->Finish([&](std::span<const LedgerEntry> same) {
    if (same.size() < 2 || same[0].source != kInputDefines) return absl::OkStatus();
    const bool committed = same[1].source == kCommittedDefines;
    const RowRef first{table.table_key, false, same[0].row};
    const RowRef other{table.table_key, committed, same[1].row};
    Note(group.violation, {committed ? first.row : other.row, committed ? other : first,
                           committed ? first : other, 0});
    return absl::OkStatus();
  });
}

absl::Status Integrity::Finish(const RowLookup& lookup) {
  State& state = *state_;
  std::vector<TableState*> nodes;
  std::vector<TableState*> edges;
  for (auto& [key, table] : state.tables) {
    (table.node != nullptr ? nodes : edges).push_back(&table);
  }
  const auto check = [&state](TableState& table) -> absl::Status {
    OG_RETURN_IF_ERROR(table.ids->Finish([&](std::span<const LedgerEntry> same) {
      state.CheckDefinitions(table, same);
      if (table.node != nullptr) state.CheckReferences(table, same);
      return absl::OkStatus();
    }));
    for (UniqueGroup& group : table.groups) {
      OG_RETURN_IF_ERROR(state.CheckGroup(table, group));
    }
    return absl::OkStatus();
  };
  for (const auto& tables : {nodes, edges}) {
    for (TableState* table : tables)
      OG_RETURN_IF_ERROR(check(*table));
  }
  for (const auto& tables : {nodes, edges}) {
    for (const TableState* table : tables) {
      if (table->id_violation) return state.IdError(*table, lookup);
      for (const UniqueGroup& group : table->groups) {
        if (!group.violation) continue;
        return state.UniqueError(*table, group.columns, *group.violation, lookup);
      }
    }
  }
  for (const TableState* table : edges) {
    const EdgeViolations& violations = state.edge_violations[table->edge_index];
    if (violations.src) return state.EndError(*table, *violations.src, true, lookup);
    if (violations.dst) return state.EndError(*table, *violations.dst, false, lookup);
  }
  for (const TableState* table : edges) {
    const EdgeViolations& violations = state.edge_violations[table->edge_index];
    if (violations.cardinality) {
      return state.CardinalityError(*table, *violations.cardinality, lookup);
    }
  }
  return absl::OkStatus();
}

// --- Errors ----------------------------------------------------------------------------------

absl::Status Integrity::State::IdError(const TableState& table, const RowLookup& lookup) const {
  const Violation& violation = *table.id_violation;
  if (!violation.other->committed && table.node != nullptr && !table.node->key.empty()) {
    std::vector<std::string> columns;
    for (const size_t i : table.node->key)
      columns.push_back(table.node->properties[i].name);
    return UniqueError(table, columns, violation, lookup);
  }
  OG_ASSIGN_OR_RETURN(const RecordBatch row, lookup(violation.first, {"id"}));
  OG_ASSIGN_OR_RETURN(const std::string id, TextOf(row, "id"));
  const std::string message =
      violation.other->committed
          ? io::StrCat(table.Subject(), " already has this id")
          : io::StrCat(table.Subject(), " has the id '", id, "' twice in the input");
  return io::DetailedError(
      {io::ErrorKind::kKeyConflict, "", {{"type_key", table.table_key}, {"entity_id", id}}},
      violation.other->committed ? io::StrCat(message, ": '", id, "'") : message);
}

absl::Status Integrity::State::UniqueError(const TableState& table,
                                           const std::vector<std::string>& columns,
                                           const Violation& violation,
                                           const RowLookup& lookup) const {
  std::vector<std::string> wanted = columns;
  if (!Contains(wanted, "id")) wanted.emplace_back("id");
  OG_ASSIGN_OR_RETURN(const RecordBatch first, lookup(violation.first, wanted));
  OG_ASSIGN_OR_RETURN(const RecordBatch other, lookup(*violation.other, {"id"}));
  OG_ASSIGN_OR_RETURN(const std::string first_id, TextOf(first, "id"));
  OG_ASSIGN_OR_RETURN(const std::string other_id, TextOf(other, "id"));
  std::vector<std::string> values;
  for (const std::string& column : columns) {
    OG_ASSIGN_OR_RETURN(std::string value, TextOf(first, column));
    values.push_back(std::move(value));
  }
  const bool one = columns.size() == 1;
  const std::string names = one ? columns[0] : io::StrCat("(", io::Join(columns, ", "), ")");
  const std::string value = one ? values[0] : io::StrCat("(", io::Join(values, ", "), ")");
  return InputError(io::StrCat("@unique violation on ", table.type_name, ".", names, ": value '",
                               value, "' held by '", first_id, "' and '", other_id, "'"));
}

absl::Status Integrity::State::EndError(const TableState& table, const Violation& violation,
                                        bool is_src, const RowLookup& lookup) const {
  const std::string column = is_src ? "src" : "dst";
  OG_ASSIGN_OR_RETURN(const RecordBatch row, lookup(violation.first, {column}));
  OG_ASSIGN_OR_RETURN(const std::string id, TextOf(row, column));
  return InputError(
      io::StrCat(column, " '", id, "' not found in ", is_src ? table.edge->from : table.edge->to));
}

absl::Status Integrity::State::CardinalityError(const TableState& table, const Violation& violation,
                                                const RowLookup& lookup) const {
  OG_ASSIGN_OR_RETURN(const RecordBatch row, lookup(violation.first, {"src"}));
  OG_ASSIGN_OR_RETURN(const std::string id, TextOf(row, "src"));
  const schema::Cardinality& card = table.edge->cardinality;
  const bool too_many = card.max && violation.count > *card.max;
  return InputError(io::StrCat("@card violation on edge ", table.type_name, ": source '", id,
                               "' has ", violation.count, " edges (", too_many ? "max " : "min ",
                               too_many ? *card.max : card.min, ")"));
}

}  // namespace og::engine::graph
