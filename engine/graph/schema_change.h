// What it takes to give a graph another schema.
#pragma once

#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

#include "engine/graph/contract_store.h"
#include "engine/schema/catalog.h"
#include "engine/schema/contract.h"
#include "engine/schema/identity.h"
#include "engine/schema/ir.h"
#include "engine/schema/migrate.h"

namespace og::engine::graph {

struct SchemaChange {
  schema::SchemaContract contract;  // of the desired schema
  schema::SchemaIr ir;
  schema::CatalogPtr catalog;
  schema::MigrationPlan plan;
  std::vector<schema::RenameWarning> warnings;
};

// The change from `accepted` to the schema in `source`. `hard_drops`: what is dropped is not kept
// for older snapshots. Mistakes in the source as ParseSchema says; a change that cannot be made is
// a plan that is not supported.
absl::StatusOr<SchemaChange> PlanSchemaChange(const AcceptedSchema& accepted,
                                              std::string_view source, bool hard_drops);

}  // namespace og::engine::graph
