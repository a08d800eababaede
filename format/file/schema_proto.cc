#include "format/file/schema_proto.h"

#include <algorithm>

#include "absl/container/flat_hash_map.h"

#include "format/arrow/array.h"
#include "io/base/status.h"
#include "io/base/status_macros.h"
#include "io/base/text.h"

namespace og::format {
namespace {

constexpr int32_t kNoParent = -1;

// The lite runtime keeps unknown members but does not show them: they are what remains of a message
// without its known ones.
std::string UnknownMembers(lance::file::Field proto) {
  proto.clear_type();
  proto.clear_name();
  proto.clear_id();
  proto.clear_parent_id();
  proto.clear_logical_type();
  proto.clear_nullable();
  proto.clear_encoding();
  proto.clear_dictionary();
  proto.clear_extension_name();
  proto.clear_metadata();
  proto.clear_unenforced_primary_key();
  proto.clear_unenforced_primary_key_position();
  proto.clear_unenforced_clustering_key();
  proto.clear_unenforced_clustering_key_position();
  return proto.SerializeAsString();
}

LanceField FieldFromProto(const lance::file::Field& proto) {
  LanceField field;
  field.id = proto.id();
  field.name = proto.name();
  field.logical_type = proto.logical_type();
  field.nullable = proto.nullable();
  field.metadata = MetadataFromProto(proto.metadata());
  if (!proto.extension_name().empty()) {
    field.metadata[std::string(kExtensionNameKey)] = proto.extension_name();
  }
  if (proto.unenforced_primary_key_position() > 0) {
    field.primary_key_position = proto.unenforced_primary_key_position();
  } else if (proto.unenforced_primary_key()) {
    field.primary_key_position = 0;
  }
  if (proto.unenforced_clustering_key_position() > 0) {
    field.clustering_key_position = proto.unenforced_clustering_key_position();
  }
  if (proto.encoding() >= 0 && proto.encoding() <= 4) {
    field.encoding = static_cast<LanceField::Encoding>(proto.encoding());
  }
  if (proto.has_dictionary()) {
    field.dictionary = {proto.dictionary().offset(), proto.dictionary().length()};
  }
  field.unknown = UnknownMembers(proto);
  return field;
}

void AppendField(const LanceField& field, int32_t parent_id, ProtoFields& out) {
  lance::file::Field& proto = *out.Add();
  proto.set_name(field.name);
  proto.set_id(field.id);
  proto.set_parent_id(parent_id);
  proto.set_logical_type(field.logical_type);
  proto.set_nullable(field.nullable);
  proto.set_encoding(static_cast<lance::file::Encoding>(field.encoding));
  if (field.dictionary.has_value()) {
    proto.mutable_dictionary()->set_offset(field.dictionary->first);
    proto.mutable_dictionary()->set_length(field.dictionary->second);
  }
  proto.set_extension_name(std::string(field.extension_name()));
  MetadataToProto(field.metadata, *proto.mutable_metadata());
  proto.set_unenforced_primary_key(field.primary_key_position.has_value());
  proto.set_unenforced_primary_key_position(field.primary_key_position.value_or(0));
  proto.set_unenforced_clustering_key_position(field.clustering_key_position.value_or(0));
  proto.MergeFromString(field.unknown);
  for (const LanceField& child : field.children) {
    AppendField(child, field.id, out);
  }
}

// Position of a field among the flat list; its children by position.
struct Node {
  std::vector<size_t> children;
  int depth = 0;
};

// The first node with `id` in depth-first order below `roots`.
size_t FirstNode(const ProtoFields& fields, const std::vector<Node>& nodes,
                 std::span<const size_t> roots, int32_t id) {
  std::vector<size_t> pending(roots.rbegin(), roots.rend());
  while (!pending.empty()) {
    const size_t at = pending.back();
    pending.pop_back();
    if (fields[static_cast<int>(at)].id() == id) {
      return at;
    }
    pending.insert(pending.end(), nodes[at].children.rbegin(), nodes[at].children.rend());
  }
  return nodes.size();
}

LanceField BuildTree(const ProtoFields& fields, const std::vector<Node>& nodes, size_t at) {
  LanceField field = FieldFromProto(fields[static_cast<int>(at)]);
  field.children.reserve(nodes[at].children.size());
  for (const size_t child : nodes[at].children) {
    field.children.push_back(BuildTree(fields, nodes, child));
  }
  return field;
}

// Members of a blob v2 descriptor have neither id nor parent in a data file, so that they came out
// as fields of their own behind the blob: they are its members, which own no columns.
void AdoptBlobMembers(std::vector<LanceField>& fields) {
  std::vector<LanceField> adopted;
  for (LanceField& field : fields) {
    const bool is_member = field.id == kNoFieldId && !adopted.empty() && adopted.back().is_blob() &&
                           adopted.back().is_struct() && adopted.back().id != kNoFieldId;
    is_member ? adopted.back().children.push_back(std::move(field))
              : adopted.push_back(std::move(field));
  }
  fields = std::move(adopted);
}

}  // namespace

absl::StatusOr<std::vector<LanceField>> FieldsFromProto(const ProtoFields& fields) {
  struct Seen {
    size_t first = 0;
    bool is_repeated = false;
  };
  absl::flat_hash_map<int32_t, Seen> seen;
  std::vector<Node> nodes;
  std::vector<size_t> roots;
  nodes.reserve(static_cast<size_t>(fields.size()));
  for (const lance::file::Field& proto : fields) {
    const size_t at = nodes.size();
    Node node;
    if (proto.parent_id() == kNoParent) {
      roots.push_back(at);
    } else {
      const auto found = seen.find(proto.parent_id());
      if (found == seen.end()) {
        return io::DataLossError(io::StrCat("schema: field ", proto.name(), " (id ", proto.id(),
                                            ") names parent ", proto.parent_id(),
                                            ", which does not stand before it"));
      }
      const size_t parent = found->second.is_repeated
                                ? FirstNode(fields, nodes, roots, proto.parent_id())
                                : found->second.first;
      node.depth = nodes[parent].depth + 1;
      if (node.depth > kTypeDepthMax) {
        return io::DataLossError(io::StrCat("schema: field ", proto.name(),
                                            " is nested deeper than ", kTypeDepthMax, " levels"));
      }
      nodes[parent].children.push_back(at);
    }
    nodes.push_back(std::move(node));
    const auto [entry, is_first] = seen.try_emplace(proto.id(), Seen{.first = at});
    entry->second.is_repeated = !is_first;
  }
  std::vector<LanceField> tree;
  tree.reserve(roots.size());
  for (const size_t root : roots) {
    tree.push_back(BuildTree(fields, nodes, root));
  }
  return tree;
}

void AppendToProto(std::span<const LanceField> fields, ProtoFields& out) {
  for (const LanceField& field : fields) {
    AppendField(field, kNoParent, out);
  }
}

absl::StatusOr<LanceSchema> SchemaFromProto(const lance::file::Schema& proto) {
  LanceSchema schema;
  OG_ASSIGN_OR_RETURN(schema.fields, FieldsFromProto(proto.fields()));
  AdoptBlobMembers(schema.fields);
  schema.metadata = MetadataFromProto(proto.metadata());
  return schema;
}

lance::file::Schema SchemaToProto(const LanceSchema& schema) {
  lance::file::Schema proto;
  AppendToProto(schema.fields, *proto.mutable_fields());
  MetadataToProto(schema.metadata, *proto.mutable_metadata());
  return proto;
}

Metadata MetadataFromProto(const ProtoMetadata& proto) {
  return Metadata(proto.begin(), proto.end());
}

void MetadataToProto(const Metadata& metadata, ProtoMetadata& out) {
  for (const auto& [key, value] : metadata) {
    out[key] = value;
  }
}

}  // namespace og::format
