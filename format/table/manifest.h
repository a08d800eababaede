// The manifest of one version of a Lance table: schema, fragments, indexes, configuration.
//
// A manifest file, little-endian:
//
//   [ IndexSection   u32 length | bytes ]   optional; its offset is Manifest.index_section
//   [ Transaction    u32 length | bytes ]   optional; its offset is Manifest.transaction_section
//     Manifest       u32 length | bytes     at manifest_pos
//     i64 manifest_pos | u16 major = 0 | u16 minor = 2 | "LANC"
//
// Lengths count the message only. Sections come in this order, the first one at offset 0; an absent
// section is absent in the message too, so that 0 is a legal offset. A table without indexes has no
// index section.
//
// Source: lance: protos/table.proto; lance-table 10.0.0: src/io/manifest.rs,
// src/format/manifest.rs.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace og::format {

struct LanceSchema;
struct Transaction;

inline constexpr size_t kManifestFooterBytes = 16;
inline constexpr int32_t kTombstoneField = -2;

// How the files of _versions/ are called. V2 names sort newest first.
enum class ManifestNaming : uint8_t { kV1, kV2 };

// "V1" or "V2".
std::string_view ManifestNamingText(ManifestNaming naming);

// "18446744073709551614.manifest" (V2) or "1.manifest" (V1) for version 1.
std::string ManifestFileName(uint64_t version, ManifestNaming naming);

// What a name in _versions/ stands for; nullopt for names that are no manifest of a listed version
// (detached ones, temporary files, the version hint).
struct ManifestName {
  uint64_t version = 0;
  ManifestNaming naming = ManifestNaming::kV2;
};
std::optional<ManifestName> ParseManifestFileName(std::string_view name);

// One data file of a fragment. `path` is relative to data/ of its base. fields[i] is stored in
// column column_indices[i] (-1: none); kTombstoneField marks a column that was replaced.
struct DataFile {
  std::string path;
  std::vector<int32_t> fields;
  std::vector<int32_t> column_indices;
  uint32_t major_version = 0;
  uint32_t minor_version = 0;
  uint64_t size_bytes = 0;  // 0: unknown
  std::optional<uint32_t> base_id;
  std::string unknown;  // fields that this version does not know, as they came
  friend bool operator==(const DataFile&, const DataFile&) = default;
};

enum class DeletionFileKind : uint8_t { kArrowArray, kBitmap };

// The deleted offsets of a fragment, all of them: _deletions/{fragment}-{read_version}-{id}.
struct DeletionFile {
  DeletionFileKind kind = DeletionFileKind::kArrowArray;
  uint64_t read_version = 0;
  uint64_t id = 0;
  uint64_t num_deleted_rows = 0;
  std::optional<uint32_t> base_id;
  std::string unknown;
  friend bool operator==(const DeletionFile&, const DeletionFile&) = default;
};

// Path below the root, "_deletions/3-7-42.arrow".
std::string DeletionFilePath(uint64_t fragment_id, const DeletionFile& file);

// Row ids and versions of a fragment may stand in the manifest, or (never written by Lance 10, and
// refused by it when read) in a file.
struct ExternalFile {
  std::string path;
  uint64_t offset = 0;
  uint64_t size = 0;
  friend bool operator==(const ExternalFile&, const ExternalFile&) = default;
};

// A horizontal slice of the table. The sequences are kept encoded; row_ids.h decodes them.
struct Fragment {
  uint64_t id = 0;
  std::vector<DataFile> files;
  std::optional<DeletionFile> deletion_file;
  uint64_t physical_rows = 0;  // deleted rows included
  std::optional<std::string> row_ids;
  std::optional<ExternalFile> external_row_ids;
  std::optional<std::string> last_updated_versions;
  std::optional<ExternalFile> external_last_updated_versions;
  std::optional<std::string> created_versions;
  std::optional<ExternalFile> external_created_versions;
  std::vector<std::string> overlays;  // encoded DataOverlayFile messages
  std::string unknown;

  uint64_t num_deleted_rows() const { return deletion_file ? deletion_file->num_deleted_rows : 0; }
  uint64_t num_rows() const { return physical_rows - num_deleted_rows(); }
  friend bool operator==(const Fragment&, const Fragment&) = default;
};

// Where files of a shallow clone or branch come from.
struct BasePath {
  uint32_t id = 0;
  std::optional<std::string> name;
  bool is_dataset_root = false;
  std::string path;  // a URI, or an absolute local path
  std::string unknown;
  friend bool operator==(const BasePath&, const BasePath&) = default;
};

struct IndexFile {
  std::string path;
  uint64_t size_bytes = 0;
  friend bool operator==(const IndexFile&, const IndexFile&) = default;
};

// google.protobuf.Any.
struct AnyMessage {
  std::string type_url;
  std::string value;
  friend bool operator==(const AnyMessage&, const AnyMessage&) = default;
};

// One segment of an index; segments of one name are one logical index.
struct IndexMetadata {
  std::string uuid;  // hyphenated, lower case: the folder below _indices/
  std::vector<int32_t> fields;
  std::string name;
  uint64_t dataset_version = 0;
  // Portable 32-bit Roaring of the covered fragments; empty: unknown (not: none).
  std::string fragment_bitmap;
  std::optional<AnyMessage> details;
  std::optional<int32_t> index_version;
  std::optional<uint64_t> created_at_ms;
  std::optional<uint32_t> base_id;
  std::vector<IndexFile> files;  // empty: sizes unknown
  std::string unknown;
  friend bool operator==(const IndexMetadata&, const IndexMetadata&) = default;
};

struct WriterVersion {
  std::string library;
  std::string version;
  std::optional<std::string> prerelease;
  std::optional<std::string> build_metadata;
  friend bool operator==(const WriterVersion&, const WriterVersion&) = default;
};

// Nanoseconds since the epoch, UTC.
struct ManifestTimestamp {
  int64_t seconds = 0;
  int32_t nanos = 0;
  friend bool operator==(const ManifestTimestamp&, const ManifestTimestamp&) = default;
};

struct Manifest {
  std::shared_ptr<const LanceSchema> schema;  // never null
  std::vector<Fragment> fragments;            // ascending by id, with gaps
  uint64_t version = 0;
  uint64_t version_aux_data = 0;
  std::optional<ManifestTimestamp> timestamp;
  std::string tag;
  uint64_t reader_feature_flags = 0;
  uint64_t writer_feature_flags = 0;
  std::optional<uint32_t> max_fragment_id;  // high-water mark; absent: never a fragment
  std::string transaction_file;
  std::optional<WriterVersion> writer_version;
  uint64_t next_row_id = 0;
  std::string data_format;          // "lance"; empty when the message has none
  std::string data_format_version;  // "2.2"
  std::map<std::string, std::string> config;
  std::vector<BasePath> base_paths;
  std::map<std::string, std::string> table_metadata;
  std::optional<std::string> branch;  // absent: main
  std::string unknown;

  // Written as the index section.
  std::vector<IndexMetadata> indices;
  std::string index_section_unknown;

  bool has_stable_row_ids() const;
  const Fragment* FindFragment(uint64_t id) const;
  const BasePath* FindBase(uint32_t id) const;
  uint64_t num_rows() const;
  // Largest field id of the schema and of all data files; -1 if there is none.
  int32_t max_field_id() const;
};

// Feature flags of a manifest (reader and writer sets). Bits of 128 and above are unknown.
inline constexpr uint64_t kFlagDeletionFiles = 1;
inline constexpr uint64_t kFlagStableRowIds = 2;
inline constexpr uint64_t kFlagV2FormatDeprecated = 4;
inline constexpr uint64_t kFlagTableConfig = 8;
inline constexpr uint64_t kFlagBasePaths = 16;
inline constexpr uint64_t kFlagTransactionFileDisabled = 32;
inline constexpr uint64_t kFlagDataOverlayFiles = 64;

// Sets both flag sets from the content. `stable_row_ids`: the table was created with them.
// kInvalidArgument if some but not all fragments have row ids.
absl::Status RecomputeFeatureFlags(Manifest& manifest, bool stable_row_ids);

// kUnimplemented if `flags` has bits that this reader (writer) does not support.
absl::Status CheckReaderFlags(uint64_t flags);
absl::Status CheckWriterFlags(uint64_t flags);

// Bytes [offset, offset + length) of a manifest file.
struct ManifestSection {
  uint64_t offset = 0;
  uint64_t length = 0;
};

// A decoded manifest file; the inline Transaction message stays encoded.
struct ManifestFile {
  Manifest manifest;
  std::optional<ManifestSection> transaction;
};

// Decodes a whole manifest file. `name` is used in messages.
//   kDataLoss       the bytes contradict each other or the message does not parse
//   kUnimplemented  reader flags or a data format that this version does not know
absl::StatusOr<ManifestFile> DecodeManifestFile(std::span<const std::byte> bytes,
                                                std::string_view name);

// The bytes of a manifest file. `transaction`: the encoded inline Transaction.
std::string EncodeManifestFile(const Manifest& manifest,
                               std::optional<std::string_view> transaction);

}  // namespace og::format
