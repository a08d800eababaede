// The steps of a schema change as the commands print them. Each text ends with a line end.
#pragma once

#include <string>
#include <string_view>

#include "engine/schema/migrate.h"

namespace og::cli {

// `schema plan`.
std::string SchemaPlanJson(const engine::schema::MigrationPlan& plan, std::string_view uri);
std::string SchemaPlanText(const engine::schema::MigrationPlan& plan, std::string_view uri);

}  // namespace og::cli
