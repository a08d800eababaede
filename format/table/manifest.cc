#include "format/table/manifest.h"

#include <algorithm>
#include <limits>

#include <google/protobuf/arena.h>

#include "format/file/lance_schema.h"
#include "format/file/schema_proto.h"
#include "format/proto/table.pb.h"
#include "format/table/table_proto.h"
#include "io/base/check.h"
#include "io/base/endian.h"
#include "io/base/status.h"
#include "io/base/status_macros.h"
#include "io/base/text.h"

namespace og::format {
namespace {

constexpr uint32_t kMagic = 0x434e414c;  // "LANC"
constexpr uint16_t kMajorVersion = 0;
constexpr uint16_t kMinorVersion = 2;
constexpr std::string_view kSuffix = ".manifest";
constexpr int kV2Digits = 20;
constexpr uint64_t kDetachedBit = uint64_t{1} << 63;
constexpr uint64_t kSupportedReaderFlags = kFlagDeletionFiles | kFlagStableRowIds |
                                           kFlagV2FormatDeprecated | kFlagTableConfig |
                                           kFlagBasePaths | kFlagTransactionFileDisabled;
constexpr std::string_view kFormatName = "lance";

struct FormatVersion {
  std::string_view text;
  uint32_t major, minor;  // as data files of the manifest carry them
};
constexpr FormatVersion kFormatVersions[] = {
    {"2.0", 2, 0}, {"2.0", 0, 3}, {"2.1", 2, 1}, {"2.2", 2, 2}, {"2.3", 2, 3}};

// The `length | bytes` section at `offset` that ends at or before `limit`.
absl::StatusOr<ManifestSection> SectionAt(std::span<const std::byte> bytes, uint64_t offset,
                                          uint64_t limit, std::string_view what) {
  if (offset > limit || limit - offset < sizeof(uint32_t)) {
    return io::DataLossError(io::StrCat(what, " at ", offset, " leaves the file"));
  }
  const ManifestSection section{.offset = offset + sizeof(uint32_t),
                                .length = io::LoadLe<uint32_t>(bytes, offset)};
  if (section.length > limit - section.offset) {
    return io::DataLossError(
        io::StrCat(what, " at ", offset, " has ", section.length, " bytes and leaves the file"));
  }
  return section;
}

bool Parse(std::span<const std::byte> bytes, const ManifestSection& section,
           google::protobuf::MessageLite& message) {
  return section.length <= std::numeric_limits<int>::max() &&
         message.ParseFromArray(bytes.data() + section.offset, static_cast<int>(section.length));
}

// The version text for a manifest that does not say it, from its data files.
absl::StatusOr<std::string> InferFormatVersion(const Manifest& manifest) {
  for (const Fragment& fragment : manifest.fragments) {
    for (const DataFile& file : fragment.files) {
      for (const FormatVersion& version : kFormatVersions) {
        if (version.major == file.major_version && version.minor == file.minor_version) {
          return std::string(version.text);
        }
      }
      return io::UnimplementedError(
          io::StrCat("data files of version ", file.major_version, ".", file.minor_version));
    }
  }
  return std::string((manifest.writer_feature_flags & kFlagV2FormatDeprecated) != 0 ? "2.0"
                                                                                    : "0.1");
}

absl::Status DecodeMessage(lance::table::Manifest& proto, Manifest& manifest) {
  auto schema = std::make_shared<LanceSchema>();
  OG_ASSIGN_OR_RETURN(schema->fields, FieldsFromProto(proto.fields()));
  schema->metadata = MetadataFromProto(proto.schema_metadata());
  manifest.schema = std::move(schema);

  manifest.fragments.reserve(static_cast<size_t>(proto.fragments_size()));
  for (auto& encoded : *proto.mutable_fragments()) {
    OG_ASSIGN_OR_RETURN(Fragment fragment, FragmentFromProto(encoded));
    manifest.fragments.push_back(std::move(fragment));
  }
  std::ranges::stable_sort(manifest.fragments, {}, &Fragment::id);
  if (std::ranges::adjacent_find(manifest.fragments, {}, &Fragment::id) !=
      manifest.fragments.end()) {
    return io::DataLossError("two fragments have the same id");
  }

  manifest.version = proto.version();
  manifest.version_aux_data = proto.version_aux_data();
  if (proto.has_timestamp()) {
    manifest.timestamp = {.seconds = proto.timestamp().seconds(),
                          .nanos = proto.timestamp().nanos()};
  }
  manifest.tag = proto.tag();
  manifest.reader_feature_flags = proto.reader_feature_flags();
  manifest.writer_feature_flags = proto.writer_feature_flags();
  if (proto.has_max_fragment_id()) {
    manifest.max_fragment_id = proto.max_fragment_id();
  } else if (!manifest.fragments.empty()) {
    // Manifests before the field existed.
    manifest.max_fragment_id = static_cast<uint32_t>(manifest.fragments.back().id);
  }
  manifest.transaction_file = proto.transaction_file();
  if (proto.has_writer_version()) {
    const auto& writer = proto.writer_version();
    manifest.writer_version.emplace();
    manifest.writer_version->library = writer.library();
    manifest.writer_version->version = writer.version();
    if (writer.has_prerelease()) {
      manifest.writer_version->prerelease = writer.prerelease();
    }
    if (writer.has_build_metadata()) {
      manifest.writer_version->build_metadata = writer.build_metadata();
    }
  }
  manifest.next_row_id = proto.next_row_id();
  manifest.config.insert(proto.config().begin(), proto.config().end());
  for (auto& base : *proto.mutable_base_paths()) {
    manifest.base_paths.push_back(BasePathFromProto(base));
  }
  manifest.table_metadata.insert(proto.table_metadata().begin(), proto.table_metadata().end());
  if (proto.has_branch()) {
    manifest.branch = proto.branch();
  }
  if (proto.has_data_format()) {
    manifest.data_format = proto.data_format().file_format();
    manifest.data_format_version = proto.data_format().version();
  } else {
    OG_ASSIGN_OR_RETURN(manifest.data_format_version, InferFormatVersion(manifest));
  }
  proto.clear_fields();
  proto.clear_fragments();
  proto.clear_version();
  proto.clear_version_aux_data();
  proto.clear_schema_metadata();
  proto.clear_timestamp();
  proto.clear_tag();
  proto.clear_reader_feature_flags();
  proto.clear_writer_feature_flags();
  proto.clear_max_fragment_id();
  proto.clear_transaction_file();
  proto.clear_writer_version();
  proto.clear_next_row_id();
  proto.clear_data_format();
  proto.clear_config();
  proto.clear_base_paths();
  proto.clear_table_metadata();
  proto.clear_branch();
  proto.clear_index_section();
  proto.clear_transaction_section();
  proto.clear_transaction_section_of_lance_14();
  manifest.unknown = TakeUnknown(proto);
  return absl::OkStatus();
}

absl::Status CheckFormat(const Manifest& manifest) {
  OG_RETURN_IF_ERROR(CheckReaderFlags(manifest.reader_feature_flags));
  if (!manifest.data_format.empty() && manifest.data_format != kFormatName) {
    return io::UnimplementedError(io::StrCat("data files of format ", manifest.data_format));
  }
  if (std::ranges::find(kFormatVersions, manifest.data_format_version, &FormatVersion::text) ==
      std::end(kFormatVersions)) {
    return io::UnimplementedError(
        io::StrCat("data files of version ", manifest.data_format_version));
  }
  return absl::OkStatus();
}

// "data overlay files (64) and an unknown feature (128)": what of `flags` is not supported.
std::string UnsupportedFlags(uint64_t flags) {
  std::string text;
  for (uint64_t left = flags & ~kSupportedReaderFlags; left != 0; left &= left - 1) {
    const uint64_t bit = left & (~left + 1);
    text += io::StrCat(text.empty() ? "" : " and ",
                       bit == kFlagDataOverlayFiles ? "data overlay files" : "an unknown feature",
                       " (", bit, ")");
  }
  return text;
}

absl::StatusOr<ManifestFile> Decode(std::span<const std::byte> bytes) {
  if (bytes.size() < kManifestFooterBytes) {
    return io::DataLossError(io::StrCat(bytes.size(), " bytes, need ", kManifestFooterBytes));
  }
  const auto footer = bytes.last(kManifestFooterBytes);
  if (io::LoadLe<uint32_t>(footer, 12) != kMagic) {
    return io::DataLossError("no LANC at the end");
  }
  const uint64_t limit = bytes.size() - kManifestFooterBytes;
  const auto position = io::LoadLe<uint64_t>(footer, 0);
  OG_ASSIGN_OR_RETURN(const ManifestSection section, SectionAt(bytes, position, limit, "manifest"));
  if (section.offset + section.length != limit) {
    return io::DataLossError(io::StrCat("manifest length ", section.length, " does not match, ",
                                        limit - section.offset, " bytes are there"));
  }
  google::protobuf::Arena arena;
  auto& proto = *google::protobuf::Arena::CreateMessage<lance::table::Manifest>(&arena);
  if (!Parse(bytes, section, proto)) {
    return io::DataLossError("the manifest message does not parse");
  }
  ManifestFile file;
  if (proto.has_transaction_section() || proto.has_transaction_section_of_lance_14()) {
    const uint64_t at = proto.has_transaction_section() ? proto.transaction_section()
                                                        : proto.transaction_section_of_lance_14();
    OG_ASSIGN_OR_RETURN(file.transaction, SectionAt(bytes, at, position, "transaction section"));
  }
  if (proto.has_index_section()) {
    OG_ASSIGN_OR_RETURN(const ManifestSection index_section,
                        SectionAt(bytes, proto.index_section(), position, "index section"));
    auto& indices = *google::protobuf::Arena::CreateMessage<lance::table::IndexSection>(&arena);
    if (!Parse(bytes, index_section, indices)) {
      return io::DataLossError("the index section does not parse");
    }
    for (auto& index : *indices.mutable_indices()) {
      OG_ASSIGN_OR_RETURN(IndexMetadata decoded, IndexFromProto(index));
      file.manifest.indices.push_back(std::move(decoded));
    }
    indices.clear_indices();
    file.manifest.index_section_unknown = TakeUnknown(indices);
  }
  OG_RETURN_IF_ERROR(DecodeMessage(proto, file.manifest));
  OG_RETURN_IF_ERROR(CheckFormat(file.manifest));
  return file;
}

void AppendSection(std::string_view message, std::string& out) {
  OG_CHECK(message.size() <= std::numeric_limits<uint32_t>::max());
  const auto length = static_cast<uint32_t>(message.size());
  out.append(reinterpret_cast<const char*>(&length), sizeof(length));
  out.append(message);
}

void EncodeMessage(const Manifest& manifest, lance::table::Manifest& proto) {
  AppendToProto(manifest.schema->fields, *proto.mutable_fields());
  MetadataToProto(manifest.schema->metadata, *proto.mutable_schema_metadata());
  proto.mutable_fragments()->Reserve(static_cast<int>(manifest.fragments.size()));
  for (const Fragment& fragment : manifest.fragments) {
    FragmentToProto(fragment, *proto.add_fragments());
  }
  proto.set_version(manifest.version);
  proto.set_version_aux_data(manifest.version_aux_data);
  if (manifest.timestamp) {
    proto.mutable_timestamp()->set_seconds(manifest.timestamp->seconds);
    proto.mutable_timestamp()->set_nanos(manifest.timestamp->nanos);
  }
  proto.set_tag(manifest.tag);
  proto.set_reader_feature_flags(manifest.reader_feature_flags);
  proto.set_writer_feature_flags(manifest.writer_feature_flags);
  if (manifest.max_fragment_id) {
    proto.set_max_fragment_id(*manifest.max_fragment_id);
  }
  proto.set_transaction_file(manifest.transaction_file);
  if (manifest.writer_version) {
    auto* writer = proto.mutable_writer_version();
    writer->set_library(manifest.writer_version->library);
    writer->set_version(manifest.writer_version->version);
    if (manifest.writer_version->prerelease) {
      writer->set_prerelease(*manifest.writer_version->prerelease);
    }
    if (manifest.writer_version->build_metadata) {
      writer->set_build_metadata(*manifest.writer_version->build_metadata);
    }
  }
  proto.set_next_row_id(manifest.next_row_id);
  proto.mutable_data_format()->set_file_format(
      manifest.data_format.empty() ? std::string(kFormatName) : manifest.data_format);
  proto.mutable_data_format()->set_version(manifest.data_format_version);
  proto.mutable_config()->insert(manifest.config.begin(), manifest.config.end());
  for (const BasePath& base : manifest.base_paths) {
    BasePathToProto(base, *proto.add_base_paths());
  }
  proto.mutable_table_metadata()->insert(manifest.table_metadata.begin(),
                                         manifest.table_metadata.end());
  if (manifest.branch) {
    proto.set_branch(*manifest.branch);
  }
  AddUnknown(manifest.unknown, proto);
}

}  // namespace

std::string_view ManifestNamingText(ManifestNaming naming) {
  return naming == ManifestNaming::kV1 ? "V1" : "V2";
}

std::string ManifestFileName(uint64_t version, ManifestNaming naming) {
  return naming == ManifestNaming::kV1
             ? io::StrCat(version, kSuffix)
             : io::StrCat(io::ZeroPadded(std::numeric_limits<uint64_t>::max() - version, kV2Digits),
                          kSuffix);
}

std::optional<ManifestName> ParseManifestFileName(std::string_view name) {
  if (!name.ends_with(kSuffix)) {
    return std::nullopt;
  }
  const std::string_view digits = name.substr(0, name.size() - kSuffix.size());
  const std::optional<uint64_t> number = io::ParseUint64(digits);
  if (!number) {
    return std::nullopt;
  }
  const bool v2 = digits.size() == kV2Digits;
  const uint64_t version = v2 ? std::numeric_limits<uint64_t>::max() - *number : *number;
  if ((version & kDetachedBit) != 0) {
    return std::nullopt;
  }
  return ManifestName{.version = version, .naming = v2 ? ManifestNaming::kV2 : ManifestNaming::kV1};
}

std::string DeletionFilePath(uint64_t fragment_id, const DeletionFile& file) {
  return io::StrCat("_deletions/", fragment_id, "-", file.read_version, "-", file.id,
                    file.kind == DeletionFileKind::kBitmap ? ".bin" : ".arrow");
}

bool Manifest::has_stable_row_ids() const {
  return (reader_feature_flags & kFlagStableRowIds) != 0;
}

const Fragment* Manifest::FindFragment(uint64_t id) const {
  const auto at = std::ranges::lower_bound(fragments, id, {}, &Fragment::id);
  return at != fragments.end() && at->id == id ? &*at : nullptr;
}

const BasePath* Manifest::FindBase(uint32_t id) const {
  const auto at = std::ranges::find(base_paths, id, &BasePath::id);
  return at != base_paths.end() ? &*at : nullptr;
}

uint64_t Manifest::num_rows() const {
  uint64_t rows = 0;
  for (const Fragment& fragment : fragments) {
    rows += fragment.num_rows();
  }
  return rows;
}

int32_t Manifest::max_field_id() const {
  int32_t id = schema->MaxFieldId();
  for (const Fragment& fragment : fragments) {
    for (const DataFile& file : fragment.files) {
      for (const int32_t field : file.fields) {
        id = std::max(id, field);
      }
    }
  }
  return std::max(id, -1);
}

absl::Status RecomputeFeatureFlags(Manifest& manifest, bool stable_row_ids) {
  uint64_t reader = 0;
  uint64_t writer = 0;
  const auto set_both = [&](uint64_t flag) {
    reader |= flag;
    writer |= flag;
  };
  size_t with_row_ids = 0;
  for (const Fragment& fragment : manifest.fragments) {
    if (fragment.deletion_file) {
      set_both(kFlagDeletionFiles);
    }
    if (!fragment.overlays.empty()) {
      set_both(kFlagDataOverlayFiles);
    }
    with_row_ids += fragment.row_ids || fragment.external_row_ids ? 1 : 0;
  }
  if (stable_row_ids || with_row_ids > 0) {
    if (with_row_ids != manifest.fragments.size()) {
      return io::InvalidArgumentError(io::StrCat(
          "stable row ids: ", manifest.fragments.size() - with_row_ids, " fragments have none"));
    }
    set_both(kFlagStableRowIds);
  }
  if (!manifest.config.empty()) {
    writer |= kFlagTableConfig;
  }
  if (!manifest.base_paths.empty()) {
    set_both(kFlagBasePaths);
  }
  manifest.reader_feature_flags = reader;
  manifest.writer_feature_flags = writer;
  return absl::OkStatus();
}

absl::Status CheckReaderFlags(uint64_t flags) {
  if ((flags & ~kSupportedReaderFlags) != 0) {
    return io::UnimplementedError(io::StrCat("reader feature flags ", flags, ": the table needs ",
                                             UnsupportedFlags(flags), " to be read"));
  }
  return absl::OkStatus();
}

absl::Status CheckWriterFlags(uint64_t flags) {
  if ((flags & ~kSupportedReaderFlags) != 0) {
    return io::UnimplementedError(io::StrCat("writer feature flags ", flags, ": the table needs ",
                                             UnsupportedFlags(flags), " to be written"));
  }
  return absl::OkStatus();
}

absl::StatusOr<ManifestFile> DecodeManifestFile(std::span<const std::byte> bytes,
                                                std::string_view name) {
  absl::StatusOr<ManifestFile> file = Decode(bytes);
  if (!file.ok()) {
    return io::Annotate(file.status(), name);
  }
  return file;
}

std::string EncodeManifestFile(const Manifest& manifest,
                               std::optional<std::string_view> transaction) {
  std::string out;
  google::protobuf::Arena arena;
  auto& proto = *google::protobuf::Arena::CreateMessage<lance::table::Manifest>(&arena);
  EncodeMessage(manifest, proto);
  if (!manifest.indices.empty()) {
    auto& section = *google::protobuf::Arena::CreateMessage<lance::table::IndexSection>(&arena);
    for (const IndexMetadata& index : manifest.indices) {
      IndexToProto(index, *section.add_indices());
    }
    AddUnknown(manifest.index_section_unknown, section);
    proto.set_index_section(out.size());
    AppendSection(SerializeDeterministic(section), out);
  }
  if (transaction) {
    proto.set_transaction_section(out.size());
    AppendSection(*transaction, out);
  }
  const uint64_t position = out.size();
  AppendSection(SerializeDeterministic(proto), out);
  std::string footer(kManifestFooterBytes, '\0');
  const std::span<std::byte> bytes(reinterpret_cast<std::byte*>(footer.data()), footer.size());
  io::StoreLe<uint64_t>(bytes, 0, position);
  io::StoreLe<uint16_t>(bytes, 8, kMajorVersion);
  io::StoreLe<uint16_t>(bytes, 10, kMinorVersion);
  io::StoreLe<uint32_t>(bytes, 12, kMagic);
  return out + footer;
}

}  // namespace og::format
