#include "format/table/table_proto.h"

#include <limits>

#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>

#include "io/base/check.h"
#include "io/base/status.h"
#include "io/base/status_macros.h"
#include "io/base/text.h"

namespace og::format {
namespace {

constexpr size_t kUuidBytes = 16;

ExternalFile ExternalFromProto(const lance::table::ExternalFile& proto) {
  return {.path = proto.path(), .offset = proto.offset(), .size = proto.size()};
}

void ExternalToProto(const ExternalFile& file, lance::table::ExternalFile& out) {
  out.set_path(file.path);
  out.set_offset(file.offset);
  out.set_size(file.size);
}

// Whether `path` stays below the folder it is joined to.
bool IsRelativePath(std::string_view path) {
  for (const std::string_view segment : io::Split(path, '/')) {
    if (segment.empty() || segment == "." || segment == "..") {
      return false;
    }
  }
  return true;
}

absl::StatusOr<DataFile> DataFileFromProto(lance::table::DataFile& proto) {
  DataFile file;
  file.path = std::move(*proto.mutable_path());
  file.fields.assign(proto.fields().begin(), proto.fields().end());
  file.column_indices.assign(proto.column_indices().begin(), proto.column_indices().end());
  file.major_version = proto.file_major_version();
  file.minor_version = proto.file_minor_version();
  file.size_bytes = proto.file_size_bytes();
  if (proto.has_base_id()) {
    file.base_id = proto.base_id();
  }
  proto.clear_path();
  proto.clear_fields();
  proto.clear_column_indices();
  proto.clear_file_major_version();
  proto.clear_file_minor_version();
  proto.clear_file_size_bytes();
  proto.clear_base_id();
  file.unknown = TakeUnknown(proto);
  if (!file.column_indices.empty() && file.column_indices.size() != file.fields.size()) {
    return io::DataLossError(io::StrCat("data file ", file.path, " has ", file.fields.size(),
                                        " fields and ", file.column_indices.size(), " columns"));
  }
  if (!IsRelativePath(file.path)) {
    return io::DataLossError(io::StrCat("data file path '", file.path, "'"));
  }
  return file;
}

void DataFileToProto(const DataFile& file, lance::table::DataFile& out) {
  out.set_path(file.path);
  out.mutable_fields()->Add(file.fields.begin(), file.fields.end());
  out.mutable_column_indices()->Add(file.column_indices.begin(), file.column_indices.end());
  out.set_file_major_version(file.major_version);
  out.set_file_minor_version(file.minor_version);
  out.set_file_size_bytes(file.size_bytes);
  if (file.base_id) {
    out.set_base_id(*file.base_id);
  }
  AddUnknown(file.unknown, out);
}

absl::StatusOr<DeletionFile> DeletionFileFromProto(lance::table::DeletionFile& proto) {
  DeletionFile file;
  switch (proto.file_type()) {
    case lance::table::DeletionFile::ARROW_ARRAY:
      file.kind = DeletionFileKind::kArrowArray;
      break;
    case lance::table::DeletionFile::BITMAP:
      file.kind = DeletionFileKind::kBitmap;
      break;
    default:
      return io::UnimplementedError(
          io::StrCat("deletion file of kind ", static_cast<int>(proto.file_type())));
  }
  file.read_version = proto.read_version();
  file.id = proto.id();
  file.num_deleted_rows = proto.num_deleted_rows();
  if (proto.has_base_id()) {
    file.base_id = proto.base_id();
  }
  proto.clear_file_type();
  proto.clear_read_version();
  proto.clear_id();
  proto.clear_num_deleted_rows();
  proto.clear_base_id();
  file.unknown = TakeUnknown(proto);
  return file;
}

void DeletionFileToProto(const DeletionFile& file, lance::table::DeletionFile& out) {
  out.set_file_type(file.kind == DeletionFileKind::kBitmap
                        ? lance::table::DeletionFile::BITMAP
                        : lance::table::DeletionFile::ARROW_ARRAY);
  out.set_read_version(file.read_version);
  out.set_id(file.id);
  out.set_num_deleted_rows(file.num_deleted_rows);
  if (file.base_id) {
    out.set_base_id(*file.base_id);
  }
  AddUnknown(file.unknown, out);
}

}  // namespace

absl::StatusOr<std::string> UuidText(const lance::table::UUID& uuid) {
  if (uuid.uuid().size() != kUuidBytes) {
    return io::DataLossError(io::StrCat("uuid of ", uuid.uuid().size(), " bytes"));
  }
  std::string text = io::HexBytes(io::AsBytes(uuid.uuid()));
  for (const size_t at : {size_t{20}, size_t{16}, size_t{12}, size_t{8}}) {
    text.insert(at, 1, '-');
  }
  return text;
}

void UuidToProto(std::string_view text, lance::table::UUID& out) {
  std::string bytes;
  int nibble = -1;
  for (const char c : text) {
    if (c == '-') {
      continue;
    }
    OG_CHECK((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'));
    const int digit = c <= '9' ? c - '0' : c - 'a' + 10;
    if (nibble < 0) {
      nibble = digit;
    } else {
      bytes += static_cast<char>(nibble * 16 + digit);
      nibble = -1;
    }
  }
  OG_CHECK(bytes.size() == kUuidBytes);
  out.set_uuid(std::move(bytes));
}

absl::StatusOr<Fragment> FragmentFromProto(lance::table::DataFragment& proto) {
  Fragment fragment;
  fragment.id = proto.id();
  if (fragment.id >= std::numeric_limits<uint32_t>::max()) {
    return io::DataLossError(io::StrCat("fragment id ", fragment.id));
  }
  fragment.files.reserve(static_cast<size_t>(proto.files_size()));
  for (auto& file : *proto.mutable_files()) {
    OG_ASSIGN_OR_RETURN(DataFile decoded, DataFileFromProto(file));
    fragment.files.push_back(std::move(decoded));
  }
  if (proto.has_deletion_file()) {
    OG_ASSIGN_OR_RETURN(fragment.deletion_file,
                        DeletionFileFromProto(*proto.mutable_deletion_file()));
  }
  fragment.physical_rows = proto.physical_rows();
  if (fragment.physical_rows > uint64_t{1} << 32) {
    return io::DataLossError(
        io::StrCat("fragment ", fragment.id, " of ", fragment.physical_rows, " rows"));
  }
  if (fragment.num_deleted_rows() > fragment.physical_rows) {
    return io::DataLossError(io::StrCat("fragment ", fragment.id, ": ", fragment.num_deleted_rows(),
                                        " of ", fragment.physical_rows, " rows deleted"));
  }
  if (proto.has_inline_row_ids()) {
    fragment.row_ids = std::move(*proto.mutable_inline_row_ids());
  } else if (proto.has_external_row_ids()) {
    fragment.external_row_ids = ExternalFromProto(proto.external_row_ids());
  }
  if (proto.has_inline_last_updated_at_versions()) {
    fragment.last_updated_versions = std::move(*proto.mutable_inline_last_updated_at_versions());
  } else if (proto.has_external_last_updated_at_versions()) {
    fragment.external_last_updated_versions =
        ExternalFromProto(proto.external_last_updated_at_versions());
  }
  if (proto.has_inline_created_at_versions()) {
    fragment.created_versions = std::move(*proto.mutable_inline_created_at_versions());
  } else if (proto.has_external_created_at_versions()) {
    fragment.external_created_versions = ExternalFromProto(proto.external_created_at_versions());
  }
  fragment.overlays.assign(proto.overlays().begin(), proto.overlays().end());
  proto.clear_id();
  proto.clear_files();
  proto.clear_deletion_file();
  proto.clear_physical_rows();
  proto.clear_row_id_sequence();
  proto.clear_last_updated_at_version_sequence();
  proto.clear_created_at_version_sequence();
  proto.clear_overlays();
  fragment.unknown = TakeUnknown(proto);
  return fragment;
}

void FragmentToProto(const Fragment& fragment, lance::table::DataFragment& out) {
  out.set_id(fragment.id);
  for (const DataFile& file : fragment.files) {
    DataFileToProto(file, *out.add_files());
  }
  if (fragment.deletion_file) {
    DeletionFileToProto(*fragment.deletion_file, *out.mutable_deletion_file());
  }
  out.set_physical_rows(fragment.physical_rows);
  if (fragment.row_ids) {
    out.set_inline_row_ids(*fragment.row_ids);
  } else if (fragment.external_row_ids) {
    ExternalToProto(*fragment.external_row_ids, *out.mutable_external_row_ids());
  }
  if (fragment.last_updated_versions) {
    out.set_inline_last_updated_at_versions(*fragment.last_updated_versions);
  } else if (fragment.external_last_updated_versions) {
    ExternalToProto(*fragment.external_last_updated_versions,
                    *out.mutable_external_last_updated_at_versions());
  }
  if (fragment.created_versions) {
    out.set_inline_created_at_versions(*fragment.created_versions);
  } else if (fragment.external_created_versions) {
    ExternalToProto(*fragment.external_created_versions,
                    *out.mutable_external_created_at_versions());
  }
  for (const std::string& overlay : fragment.overlays) {
    out.add_overlays(overlay);
  }
  AddUnknown(fragment.unknown, out);
}

absl::StatusOr<IndexMetadata> IndexFromProto(lance::table::IndexMetadata& proto) {
  IndexMetadata index;
  OG_ASSIGN_OR_RETURN(index.uuid, UuidText(proto.uuid()));
  index.fields.assign(proto.fields().begin(), proto.fields().end());
  index.name = proto.name();
  index.dataset_version = proto.dataset_version();
  index.fragment_bitmap = proto.fragment_bitmap();
  if (proto.has_index_details()) {
    index.details = AnyFromProto(proto.index_details());
  }
  if (proto.has_index_version()) {
    index.index_version = proto.index_version();
  }
  if (proto.has_created_at()) {
    index.created_at_ms = proto.created_at();
  }
  if (proto.has_base_id()) {
    index.base_id = proto.base_id();
  }
  for (const auto& file : proto.files()) {
    index.files.push_back({.path = file.path(), .size_bytes = file.size_bytes()});
  }
  proto.clear_uuid();
  proto.clear_fields();
  proto.clear_name();
  proto.clear_dataset_version();
  proto.clear_fragment_bitmap();
  proto.clear_index_details();
  proto.clear_index_version();
  proto.clear_created_at();
  proto.clear_base_id();
  proto.clear_files();
  index.unknown = TakeUnknown(proto);
  return index;
}

void IndexToProto(const IndexMetadata& index, lance::table::IndexMetadata& out) {
  UuidToProto(index.uuid, *out.mutable_uuid());
  out.mutable_fields()->Add(index.fields.begin(), index.fields.end());
  out.set_name(index.name);
  out.set_dataset_version(index.dataset_version);
  out.set_fragment_bitmap(index.fragment_bitmap);
  if (index.details) {
    AnyToProto(*index.details, *out.mutable_index_details());
  }
  if (index.index_version) {
    out.set_index_version(*index.index_version);
  }
  if (index.created_at_ms) {
    out.set_created_at(*index.created_at_ms);
  }
  if (index.base_id) {
    out.set_base_id(*index.base_id);
  }
  for (const IndexFile& file : index.files) {
    auto* added = out.add_files();
    added->set_path(file.path);
    added->set_size_bytes(file.size_bytes);
  }
  AddUnknown(index.unknown, out);
}

AnyMessage AnyFromProto(const lance::table::Any& proto) {
  return {.type_url = proto.type_url(), .value = proto.value()};
}

void AnyToProto(const AnyMessage& any, lance::table::Any& out) {
  out.set_type_url(any.type_url);
  out.set_value(any.value);
}

BasePath BasePathFromProto(lance::table::BasePath& proto) {
  BasePath base;
  base.id = proto.id();
  if (proto.has_name()) {
    base.name = proto.name();
  }
  base.is_dataset_root = proto.is_dataset_root();
  base.path = proto.path();
  proto.clear_id();
  proto.clear_name();
  proto.clear_is_dataset_root();
  proto.clear_path();
  base.unknown = TakeUnknown(proto);
  return base;
}

void BasePathToProto(const BasePath& base, lance::table::BasePath& out) {
  out.set_id(base.id);
  if (base.name) {
    out.set_name(*base.name);
  }
  out.set_is_dataset_root(base.is_dataset_root);
  out.set_path(base.path);
  AddUnknown(base.unknown, out);
}

std::string TakeUnknown(const google::protobuf::MessageLite& rest) {
  return rest.ByteSizeLong() == 0 ? std::string() : rest.SerializeAsString();
}

void AddUnknown(const std::string& unknown, google::protobuf::MessageLite& out) {
  if (!unknown.empty()) {
    OG_CHECK(out.MergeFromString(unknown));
  }
}

std::string SerializeDeterministic(const google::protobuf::MessageLite& message) {
  std::string out;
  {
    google::protobuf::io::StringOutputStream stream(&out);
    google::protobuf::io::CodedOutputStream coded(&stream);
    coded.SetSerializationDeterministic(true);
    OG_CHECK(message.SerializeToCodedStream(&coded));
  }
  return out;
}

}  // namespace og::format
