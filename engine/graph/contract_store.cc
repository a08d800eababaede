#include "engine/graph/contract_store.h"

#include <algorithm>
#include <array>
#include <map>
#include <set>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/graph/errors.h"
#include "io/base/status.h"
#include "io/base/status_macros.h"
#include "io/base/text.h"
#include "io/store/far_calls.h"

namespace og::engine::graph {
namespace {

using Text = std::optional<std::string>;  // nullopt: there is no such object

absl::StatusOr<Text> TextOf(const absl::StatusOr<io::Buffer>& bytes) {
  if (absl::IsNotFound(bytes.status())) return std::nullopt;
  OG_RETURN_IF_ERROR(FromStorage(bytes.status()));
  return std::string(bytes->view());
}

// Source, IR and state of a contract; with ".staging" those that wait to take their places.
absl::StatusOr<std::array<Text, 3>> ReadTexts(const io::Location& root,
                                              std::string_view suffix = "") {
  std::vector<std::string> paths;
  for (const std::string_view name : {schema::kSourceName, schema::kIrName, schema::kStateName})
    paths.push_back(root.Child(io::StrCat(name, suffix)).path);
  const std::vector<absl::StatusOr<io::Buffer>> objects = io::ReadEach(*root.store, paths);
  std::array<Text, 3> texts;
  for (size_t i = 0; i < texts.size(); ++i) {
    OG_ASSIGN_OR_RETURN(texts[i], TextOf(objects[i]));
  }
  return texts;
}

template <typename... Parts>
absl::Status Mismatch(const Parts&... parts) {
  return Conflict(io::StrCat("accepted schema/manifest identity mismatch: ", parts...));
}

std::string IdentityText(const TableIdentity& identity) {
  return io::StrCat(identity.stable_table_id, ":", identity.table_incarnation_id);
}

}  // namespace

absl::StatusOr<AcceptedSchema> ReadContract(const io::Location& root) {
  OG_ASSIGN_OR_RETURN(auto texts, ReadTexts(root));
  auto& [source, ir_json, state_json] = texts;
  if (!source.has_value()) {
    return NotFound(io::StrCat("graph at ", root.Uri(), " is missing its schema files (",
                               schema::kSourceName, ", ", schema::kIrName, ", ", schema::kStateName,
                               ")"));
  }
  if (!ir_json.has_value() && !state_json.has_value()) {
    return schema::ContractError(
        "graph is missing the mandatory identity-bearing schema contract (_schema.ir.json and "
        "__schema_state.json); automatic bootstrap is not supported");
  }
  if (!ir_json.has_value() || !state_json.has_value()) {
    return schema::ContractError(
        "graph schema contract is incomplete: _schema.ir.json and __schema_state.json must both "
        "be present");
  }
  return AcceptContract({.source = *std::move(source),
                         .ir_json = *std::move(ir_json),
                         .state_json = *std::move(state_json)});
}

absl::StatusOr<AcceptedSchema> AcceptContract(const schema::SchemaContract& contract) {
  AcceptedSchema accepted;
  accepted.source = contract.source;
  OG_ASSIGN_OR_RETURN(accepted.ir, schema::OpenContract(contract));
  OG_ASSIGN_OR_RETURN(accepted.state, schema::ParseState(contract.state_json));
  OG_ASSIGN_OR_RETURN(accepted.catalog, schema::CatalogFromIr(accepted.ir));
  return accepted;
}

absl::StatusOr<AcceptedSchema> ContractCache::Read(const io::Location& root) {
  std::shared_ptr<const AcceptedSchema> known;
  {
    io::MutexLock lock(mutex_);
    known = known_;
  }
  if (known != nullptr) {
    OG_ASSIGN_OR_RETURN(const schema::SchemaState state, ReadSchemaState(root));
    if (state == known->state) return *known;
  }
  OG_ASSIGN_OR_RETURN(AcceptedSchema accepted, ReadContract(root));
  // The state object is the last to change: the three belong together if it is still the same.
  OG_ASSIGN_OR_RETURN(const schema::SchemaState state, ReadSchemaState(root));
  if (state == accepted.state) {
    io::MutexLock lock(mutex_);
    known_ = std::make_shared<const AcceptedSchema>(accepted);
  }
  return accepted;
}

void ContractCache::ReadAhead(const io::Location& root) {
  absl::StatusOr<AcceptedSchema> accepted = ReadContract(root);
  if (!accepted.ok()) return;
  io::MutexLock lock(mutex_);
  known_ = std::make_shared<const AcceptedSchema>(*std::move(accepted));
}

absl::StatusOr<schema::SchemaState> ReadSchemaState(const io::Location& root) {
  OG_ASSIGN_OR_RETURN(const Text text,
                      TextOf(root.store->Read(root.Child(schema::kStateName).path)));
  if (!text.has_value()) {
    return schema::ContractError(
        "graph schema contract is incomplete: __schema_state.json is gone");
  }
  absl::StatusOr<schema::SchemaState> state = schema::ParseState(*text);
  if (!state.ok()) return schema::ContractError(io::Message(state.status()));
  return state;
}

absl::StatusOr<bool> HasStagedContract(const io::Location& root) {
  OG_ASSIGN_OR_RETURN(const auto texts, ReadTexts(root, ".staging"));
  return std::ranges::any_of(texts, [](const Text& text) { return text.has_value(); });
}

absl::Status CheckTables(const schema::SchemaIr& ir, std::span<const TableEntry> tables,
                         uint64_t manifest_version) {
  std::map<std::string, TableIdentity> wanted;
  for (const schema::IrNode& node : ir.nodes) {
    wanted[io::StrCat("node:", node.name)] = {node.type_id, node.table_incarnation_id};
  }
  for (const schema::IrEdge& edge : ir.edges) {
    wanted[io::StrCat("edge:", edge.name)] = {edge.type_id, edge.table_incarnation_id};
  }
  std::set<std::string_view> live;
  for (const TableEntry& table : tables) {
    const auto found = wanted.find(table.table_key);
    if (found == wanted.end()) {
      return Mismatch("manifest v", manifest_version, " contains live table '", table.table_key,
                      "' that is absent from accepted SchemaIR");
    }
    if (found->second != table.identity) {
      return Mismatch("manifest v", manifest_version, " table '", table.table_key,
                      "' has identity ", IdentityText(table.identity),
                      ", but accepted SchemaIR requires ", IdentityText(found->second));
    }
    const std::string path = CanonicalTablePath(table.table_key, table.identity);
    if (table.path != path) {
      return Mismatch("manifest v", manifest_version, " table '", table.table_key,
                      "' has non-canonical path '", table.path, "', expected '", path,
                      "' for identity ", IdentityText(table.identity));
    }
    live.insert(table.table_key);
  }
  for (const auto& [table_key, identity] : wanted) {
    if (!live.contains(table_key)) {
      return Mismatch("accepted SchemaIR table '", table_key, "' with identity ",
                      IdentityText(identity), " is missing from manifest v", manifest_version);
    }
  }
  return absl::OkStatus();
}

AuthorityToken MakeAuthority(const AcceptedSchema& schema, const BranchIdentifier& identifier,
                             const std::optional<std::string>& head) {
  return {.branch_identifier = identifier,
          .graph_head = head,
          .schema_identity_domain = schema.state.identity_domain,
          .schema_ir_hash = schema.state.ir_hash,
          .schema_identity_version = static_cast<uint32_t>(schema.state.identity_version)};
}

}  // namespace og::engine::graph
