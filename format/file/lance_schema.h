// Schemas as Lance stores them: a tree of fields with ids, types as text ("logical types"), and
// which of the fields own a column of a data file.
//
//   Arrow type                             logical type
//   null, bool, int8 .. uint64             the same word
//   float16, float32, float64              halffloat, float, double
//   decimal128(p,s), decimal256(p,s)       decimal:128:p:s, decimal:256:p:s
//   date32, date64                         date32:day, date64:ms
//   time32, time64, duration               time32:s, time64:ns, duration:us ...
//   timestamp(unit, zone)                  timestamp:us:UTC, timestamp:us:- without zone
//   utf8, binary, their large forms        string, binary, large_string, large_binary
//   fixed-size binary                      fixed_size_binary:n
//   fixed-size list of a plain type        fixed_size_list:T:n; no child field, nesting allowed
//   fixed-size list of struct              fixed_size_list:struct:n and a child
//   struct; list; large list; map          struct; list[.struct]; large_list[.struct]; map
//   dictionary                             dict:V:K:false, value type first
//   JSON extension                         json (large_binary); old blobs: blob (large_binary)
//
// Source: lance-core 10.0.0: src/datatypes.rs, src/datatypes/field.rs; lance-file 10.0.0:
// src/datatypes.rs; lance-encoding 10.0.0: src/decoder.rs (column ownership).
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

#include "format/arrow/type.h"
#include "format/file/footer.h"

namespace og::format {

inline constexpr std::string_view kExtensionNameKey = "ARROW:extension:name";
inline constexpr std::string_view kExtensionMetadataKey = "ARROW:extension:metadata";
inline constexpr std::string_view kBlobKey = "lance-encoding:blob";
inline constexpr std::string_view kPackedKey = "lance-encoding:packed";
inline constexpr std::string_view kBlobV2Extension = "lance.blob.v2";
inline constexpr std::string_view kPrimaryKeyKey = "lance-schema:unenforced-primary-key";
inline constexpr std::string_view kPrimaryKeyPositionKey =
    "lance-schema:unenforced-primary-key:position";
inline constexpr std::string_view kClusteringKeyPositionKey =
    "lance-schema:unenforced-clustering-key:position";

// A field without an id yet.
inline constexpr int32_t kNoFieldId = -1;

struct LanceField {
  // Deprecated but still written; readers of 2.x ignore it.
  enum class Encoding : uint8_t { kNone, kPlain, kVarBinary, kDictionary, kRle };

  int32_t id = kNoFieldId;
  std::string name;
  std::string logical_type;
  bool nullable = true;
  Metadata metadata;                             // with the extension name, if there is one
  std::optional<uint32_t> primary_key_position;  // 1-based; 0: a key field ordered by its id
  std::optional<uint32_t> clustering_key_position;
  Encoding encoding = Encoding::kNone;
  std::optional<std::pair<int64_t, int64_t>> dictionary;  // offset, length; deprecated
  std::vector<LanceField> children;
  std::string unknown;  // protobuf members that this version does not know, as they came

  // The extension name in the metadata; empty without one.
  std::string_view extension_name() const;
  // A struct stored as one column of rows.
  bool is_packed() const;
  // A blob of either kind; one whose type is the v2 struct or the v2 descriptor.
  bool is_blob() const;
  bool is_blob_v2() const;
  bool is_struct() const { return logical_type == "struct"; }
  // list, large_list, map.
  bool is_list() const;

  // The child named `name`, or null.
  const LanceField* Child(std::string_view child_name) const;

  friend bool operator==(const LanceField&, const LanceField&) = default;
};

struct LanceSchema {
  std::vector<LanceField> fields;
  Metadata metadata;

  // The top-level field `name`, or null.
  const LanceField* Find(std::string_view name) const;
  // The field with `id` at any depth, or null.
  const LanceField* FindId(int32_t id) const;
  // The field at "a.b.c", or null. Names with dots are found at top level only.
  const LanceField* FindPath(std::string_view path) const;
  // The greatest field id; -1 without fields.
  int32_t MaxFieldId() const;

  friend bool operator==(const LanceSchema&, const LanceSchema&) = default;
};

// --- Arrow ---------------------------------------------------------------------------------------

// The logical type of `type`. kUnimplemented for types that Lance cannot store.
absl::StatusOr<std::string> LogicalTypeOf(const DataType& type);

// The Arrow type of `field`. kDataLoss for an unknown logical type, missing children, or nesting
// deeper than kTypeDepthMax. Item name and nullability of a fixed-size list are not stored: the
// item is a nullable "item".
absl::StatusOr<TypePtr> ArrowTypeOf(const LanceField& field);

// The Arrow field with its metadata. Errors as ArrowTypeOf().
absl::StatusOr<Field> ToArrow(const LanceField& field);
absl::StatusOr<SchemaPtr> ToArrow(const LanceSchema& schema);

// The Lance field without ids, except one that the metadata key "lance:field_id" gives.
// kUnimplemented for types that Lance cannot store.
absl::StatusOr<LanceField> FromArrow(const Field& field);

// The Lance schema with ids in pre-order, starting after the greatest one given.
absl::StatusOr<LanceSchema> FromArrow(const Schema& schema);

// Gives every field without an id one, in pre-order, from max(first_id, greatest id + 1) on.
// Returns the next free id. Children of blob v2 fields get ids too.
int32_t AssignFieldIds(LanceSchema& schema, int32_t first_id = 0);

// --- Columns -------------------------------------------------------------------------------------

// Whether `field` itself owns a column in files of `version`: in 2.0 every field but those inside
// a packed struct or a blob, later the fields without children, packed structs and blobs.
bool OwnsColumn(const LanceField& field, FileVersion version);

// Whether the fields below `field` have columns of their own.
bool ChildrenHaveColumns(const LanceField& field);

// The fields that own columns, in the order of their columns (pre-order). Pointers into the
// argument.
std::vector<const LanceField*> ColumnFields(std::span<const LanceField> fields,
                                            FileVersion version);

// A field that owns a column and its place in the schema: "a.b".
struct ColumnPath {
  std::string path;
  const LanceField* field = nullptr;
};

// ColumnFields() of `schema` with their paths. Pointers into the argument.
std::vector<ColumnPath> ColumnPaths(const LanceSchema& schema, FileVersion version);

// What a scan of a blob column returns when it is not asked for the contents:
// struct{position uint64, size uint64}, and for v2 struct{kind uint8, position uint64, size uint64,
// blob_id uint32, blob_uri utf8}.
TypePtr BlobDescriptorType(bool is_v2);

}  // namespace og::format
