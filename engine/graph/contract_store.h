// The three schema objects at the root of a graph, and their agreement with `__manifest`.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

#include "engine/graph/manifest/rows.h"
#include "engine/graph/recovery/record.h"
#include "engine/schema/catalog.h"
#include "engine/schema/contract.h"
#include "engine/schema/ir.h"
#include "io/base/sync.h"
#include "io/store/store.h"

namespace og::engine::graph {

// A validated contract.
struct AcceptedSchema {
  std::string source;
  schema::SchemaIr ir;
  schema::SchemaState state;
  schema::CatalogPtr catalog;
};

// Reads and validates the contract below `root`. Missing objects and disagreement are refused as
// schema::ContractError; no object at all: NotFound naming them.
absl::StatusOr<AcceptedSchema> ReadContract(const io::Location& root);

// The same for a contract that was read already.
absl::StatusOr<AcceptedSchema> AcceptContract(const schema::SchemaContract& contract);

// The accepted schema as it was last read, so that an unchanged one costs one read. Any thread may
// call it.
class ContractCache {
 public:
  // The contract below `root`: as known if the state object still is, else as ReadContract() says.
  absl::StatusOr<AcceptedSchema> Read(const io::Location& root);

  // Reads it before Read() is called, which then finds out whether it is still the same. What goes
  // wrong is left to Read().
  void ReadAhead(const io::Location& root);

 private:
  io::Mutex mutex_;
  std::shared_ptr<const AcceptedSchema> known_ OG_GUARDED_BY(mutex_);
};

// The state object alone: whether the contract is still the one that was read.
absl::StatusOr<schema::SchemaState> ReadSchemaState(const io::Location& root);

// Whether any of the three objects of a schema change under way exists.
absl::StatusOr<bool> HasStagedContract(const io::Location& root);

// kConflict unless the live tables are exactly those of the IR: same alias, identity and path.
absl::Status CheckTables(const schema::SchemaIr& ir, std::span<const TableEntry> tables,
                         uint64_t manifest_version);

// The token of a write prepared against this schema and this head.
AuthorityToken MakeAuthority(const AcceptedSchema& schema, const BranchIdentifier& identifier,
                             const std::optional<std::string>& head);

}  // namespace og::engine::graph
