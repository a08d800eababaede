// The input of `load --format csv|arrow`: tables that a mapping file turns into nodes and edges.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"

#include "engine/graph/load/mapped_source.h"
#include "engine/schema/catalog.h"
#include "format/tabular/tabular.h"

namespace og::cli {

// The tables at `data_path` as a graph batch. That is a folder with the files that the mapping
// names, or the one file of a mapping with one table.
absl::StatusOr<std::unique_ptr<engine::graph::MappedSource>> OpenTables(
    format::TabularFormat format, const std::string& data_path, std::string_view mapping_path,
    const engine::schema::Catalog& catalog);

}  // namespace og::cli
