#include "engine/graph/schema_change.h"

#include <utility>

#include "engine/graph/table_schema.h"
#include "engine/schema/parse.h"
#include "engine/schema/shape.h"
#include "io/base/status_macros.h"

namespace og::engine::graph {

absl::StatusOr<SchemaChange> PlanSchemaChange(const AcceptedSchema& accepted,
                                              std::string_view source, bool hard_drops) {
  OG_ASSIGN_OR_RETURN(const schema::SchemaSource parsed, schema::ParseSchema(source));
  OG_ASSIGN_OR_RETURN(const schema::SchemaShape shape, schema::CompileShape(parsed));
  OG_ASSIGN_OR_RETURN(schema::SchemaResolution resolution, schema::ResolveIr(accepted.ir, shape));
  SchemaChange change;
  change.ir = std::move(resolution.ir);
  change.warnings = std::move(resolution.warnings);
  change.contract = schema::ContractOf(source, change.ir);
  OG_ASSIGN_OR_RETURN(change.catalog, schema::CatalogFromIr(change.ir));
  OG_RETURN_IF_ERROR(CheckColumnNames(*change.catalog));
  OG_ASSIGN_OR_RETURN(change.plan, schema::PlanMigration(accepted.ir, change.ir, hard_drops));
  return change;
}

}  // namespace og::engine::graph
