// The physical columns of node and edge tables.
//
//   node   id, then the properties in catalog order
//   edge   id, src, dst, then the properties
//
// `id` carries Lance's unenforced-primary-key mark; each property carries its stable id as
// `omnigraph.stable_property_id`, so that readers find it after a rename.
#pragma once

#include "absl/status/status.h"

#include "engine/schema/catalog.h"
#include "format/arrow/type.h"

namespace og::engine::graph {

inline constexpr char kPrimaryKeyMark[] = "lance-schema:unenforced-primary-key";
inline constexpr char kPropertyIdMark[] = "omnigraph.stable_property_id";

// The Arrow type in which a property is stored. A Blob is struct{data, uri} of Lance's blob v2.
format::TypePtr StorageType(const schema::PropType& type);

format::SchemaPtr TableSchema(const schema::NodeType& type);
format::SchemaPtr TableSchema(const schema::EdgeType& type);

// kBadRequest if a property is called like a column that its table has anyway.
absl::Status CheckColumnNames(const schema::Catalog& catalog);

}  // namespace og::engine::graph
