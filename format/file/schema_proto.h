// Lance schemas to and from protobuf. For .cc files only: includes generated code.
//
// The list of fields is flat, in pre-order, each with the id of its parent (-1: top level). A
// parent stands before its children. Historical manifests may hold an id twice; a child then
// belongs to the first field with that id in depth-first order, as in Lance 10.
#pragma once

#include "absl/status/statusor.h"

#include "format/file/lance_schema.h"
#include "format/proto/file.pb.h"

namespace og::format {

using ProtoFields = ::google::protobuf::RepeatedPtrField<lance::file::Field>;
using ProtoMetadata = ::google::protobuf::Map<std::string, std::string>;

// The tree of `fields`. kDataLoss for a parent that does not stand before its child, or nesting
// deeper than kTypeDepthMax.
absl::StatusOr<std::vector<LanceField>> FieldsFromProto(const ProtoFields& fields);

// Appends `fields` and all below them.
void AppendToProto(std::span<const LanceField> fields, ProtoFields& out);

absl::StatusOr<LanceSchema> SchemaFromProto(const lance::file::Schema& proto);
lance::file::Schema SchemaToProto(const LanceSchema& schema);

Metadata MetadataFromProto(const ProtoMetadata& proto);
void MetadataToProto(const Metadata& metadata, ProtoMetadata& out);

}  // namespace og::format
