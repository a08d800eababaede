// The types of one graph as queries, writes and storage see them: immutable, shared, found by name.
//
// A catalog comes from the persisted IR (CatalogFromIr: every identity is set and properties are in
// name order, which is the column order of the tables) or, for linting a query file against a
// schema that belongs to no graph, from the source (BuildCatalog in parse.h's terms: identities are
// 0 and properties keep the order of the source).
//
// Threads: const after construction; share it freely.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"

#include "engine/schema/type.h"

namespace og::engine::schema {

struct SchemaSource;
struct SchemaIr;

// Where the text of an embedded vector comes from.
struct EmbedSource {
  std::string property;  // of the same node type
  std::optional<std::string> model;
};

struct Property {
  std::string name;
  uint64_t property_id = 0;
  PropType type;
  std::vector<Annotation> annotations;  // the opaque ones, @description and @instruction
  std::optional<EmbedSource> embed;
};

// @range(property, min..max): values outside are refused at write.
struct RangeCheck {
  std::string property;
  std::optional<Bound> min;
  std::optional<Bound> max;
};

// @check(property, "pattern"): the pattern is compiled at the first write.
struct PatternCheck {
  std::string property;
  std::string pattern;
};

// Column names that are unique, or indexed, together.
using ColumnGroup = std::vector<std::string>;

struct NodeType {
  std::string name;
  uint64_t type_id = 0;
  uint64_t table_incarnation_id = 0;
  std::vector<Annotation> annotations;
  std::vector<std::string> implements;
  std::vector<Property> properties;
  std::vector<size_t> key;  // positions in `properties`, by ascending property id; may be empty
  std::vector<ColumnGroup> unique_groups;
  std::vector<ColumnGroup> index_groups;  // explicit ones, then the key's if it is not among them
  std::vector<RangeCheck> ranges;
  std::vector<PatternCheck> checks;

  // The property called `property`, or null.
  const Property* Find(std::string_view property) const;

  // "node:Name".
  std::string TableKey() const;
  // "nodes/%016x-%016x" of type id and incarnation: the dataset below the graph root.
  std::string TablePath() const;
};

struct EdgeType {
  std::string name;
  uint64_t type_id = 0;
  uint64_t table_incarnation_id = 0;
  std::string from;  // node type names
  std::string to;
  Cardinality cardinality;
  std::vector<Annotation> annotations;
  std::vector<Property> properties;        // without src and dst
  std::vector<ColumnGroup> unique_groups;  // may name "src" and "dst"
  std::vector<ColumnGroup> index_groups;

  const Property* Find(std::string_view property) const;

  // "edge:Name".
  std::string TableKey() const;
  // "edges/%016x-%016x".
  std::string TablePath() const;
};

class Catalog {
 public:
  // Checks what both ways in must hold: unique node and edge names, known endpoints, no two edges
  // that are equal after lower-casing. Errors are kBadRequest with the texts of a catalog error.
  static absl::StatusOr<std::shared_ptr<const Catalog>> Create(std::vector<NodeType> nodes,
                                                               std::vector<EdgeType> edges);

  // In name order from the IR, in source order from the source.
  std::span<const NodeType> nodes() const { return nodes_; }
  std::span<const EdgeType> edges() const { return edges_; }

  // The type called `name`, or null. The pointer lives as long as the catalog.
  const NodeType* FindNode(std::string_view name) const;

  // By exact type name, else by the lower-cased full name.
  const EdgeType* FindEdge(std::string_view name) const;

  // By exact type name only.
  const EdgeType* FindEdgeExactly(std::string_view name) const;

 private:
  Catalog() = default;

  std::vector<NodeType> nodes_;
  std::vector<EdgeType> edges_;
  absl::flat_hash_map<std::string, size_t> node_by_name_;
  absl::flat_hash_map<std::string, size_t> edge_by_name_;
  absl::flat_hash_map<std::string, size_t> edge_by_folded_name_;
};

using CatalogPtr = std::shared_ptr<const Catalog>;

// The catalog of a checked source, in source order and without identities: the offline lint path.
// kBadRequest with "catalog error: ..." for duplicate types, unknown endpoints, folded collisions.
absl::StatusOr<CatalogPtr> BuildCatalog(const SchemaSource& source);

// The runtime catalog of a validated IR.
absl::StatusOr<CatalogPtr> CatalogFromIr(const SchemaIr& ir);

// Parses, checks and catalogues `text` for linting: ParseSchema, then BuildCatalog.
absl::StatusOr<CatalogPtr> CatalogFromText(std::string_view text);

}  // namespace og::engine::schema
