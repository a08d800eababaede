// The steps of a schema change as the commands print them. Each text ends with a line end.
#pragma once

#include <string>
#include <string_view>

#include "engine/graph/graph.h"
#include "engine/schema/migrate.h"

namespace og::cli {

// `schema plan`.
std::string SchemaPlanJson(const engine::schema::MigrationPlan& plan, std::string_view uri);
std::string SchemaPlanText(const engine::schema::MigrationPlan& plan, std::string_view uri);

// `schema apply`.
std::string SchemaApplyJson(const engine::graph::SchemaApplyResult& result, std::string_view uri);
std::string SchemaApplyText(const engine::graph::SchemaApplyResult& result, std::string_view uri);

}  // namespace og::cli
