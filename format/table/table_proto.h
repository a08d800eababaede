// Table metadata to and from protobuf. For the .cc files of this room only: includes generated
// code.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

#include "format/proto/table.pb.h"
#include "format/table/manifest.h"

namespace og::format {

// 16 bytes as hyphenated lower-case text and back; kDataLoss for other lengths or texts.
absl::StatusOr<std::string> UuidText(const lance::table::UUID& uuid);
void UuidToProto(std::string_view text, lance::table::UUID& out);

// Messages are taken apart: what FromProto leaves behind is what it does not know, which goes into
// the `unknown` of the result and back.
absl::StatusOr<Fragment> FragmentFromProto(lance::table::DataFragment& proto);
void FragmentToProto(const Fragment& fragment, lance::table::DataFragment& out);

absl::StatusOr<IndexMetadata> IndexFromProto(lance::table::IndexMetadata& proto);
void IndexToProto(const IndexMetadata& index, lance::table::IndexMetadata& out);

AnyMessage AnyFromProto(const lance::table::Any& proto);
void AnyToProto(const AnyMessage& any, lance::table::Any& out);

BasePath BasePathFromProto(lance::table::BasePath& proto);
void BasePathToProto(const BasePath& base, lance::table::BasePath& out);

// The unknown members of a message whose known ones were cleared: the lite runtime keeps unknown
// members but does not show them.
std::string TakeUnknown(const google::protobuf::MessageLite& rest);
void AddUnknown(const std::string& unknown, google::protobuf::MessageLite& out);

// `message` with its maps in key order, so that equal content has equal bytes.
std::string SerializeDeterministic(const google::protobuf::MessageLite& message);

}  // namespace og::format
