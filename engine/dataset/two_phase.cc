#include "engine/dataset/two_phase.h"

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include "engine/dataset/staging.h"
#include "io/base/json_value.h"
#include "io/base/json_writer.h"
#include "io/base/status.h"
#include "io/base/status_macros.h"
#include "io/base/text.h"

namespace og::engine::dataset {
namespace {

using format::DataFile;
using format::DeletionFile;
using format::Fragment;
using io::JsonValue;
using io::JsonWriter;

int HexDigit(char c) {
  return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

absl::StatusOr<std::string> FromHex(std::string_view digits) {
  std::string bytes;
  for (size_t i = 0; i < digits.size(); i += 2) {
    const int high = HexDigit(digits[i]);
    const int low = i + 1 < digits.size() ? HexDigit(digits[i + 1]) : -1;
    if (high < 0 || low < 0) {
      return io::InvalidArgumentError("not pairs of hexadecimal digits");
    }
    bytes += static_cast<char>(high * 16 + low);
  }
  return bytes;
}

// Refuses members that are not among `known`.
template <size_t N>
absl::Status OnlyMembers(const JsonValue& object, const std::array<std::string_view, N>& known) {
  if (!object.is_object()) {
    return io::InvalidArgumentError(io::StrCat("an object is wanted, not ", object.KindName()));
  }
  for (const auto& [name, value] : object.members()) {
    if (std::find(known.begin(), known.end(), name) == known.end()) {
      return io::InvalidArgumentError(io::StrCat("unknown member ", name));
    }
  }
  return absl::OkStatus();
}

bool HasMember(const JsonValue& object, std::string_view name) {
  const JsonValue* member = object.Find(name);
  return member != nullptr && !member->is_null();
}

absl::StatusOr<std::vector<int32_t>> Int32List(const JsonValue& object, std::string_view name) {
  OG_ASSIGN_OR_RETURN(const JsonValue* list, object.RequiredMember(name));
  std::vector<int32_t> values;
  for (const JsonValue& item : list->items()) {
    const std::optional<int64_t> value = item.AsInt64();
    if (!value || *value < INT32_MIN || *value > INT32_MAX) {
      return io::InvalidArgumentError(io::StrCat(name, ": integers of 32 bits are wanted"));
    }
    values.push_back(static_cast<int32_t>(*value));
  }
  return values;
}

absl::StatusOr<std::optional<uint32_t>> OptionalUint32(const JsonValue& object,
                                                       std::string_view name) {
  OG_ASSIGN_OR_RETURN(const std::optional<uint64_t> value, object.OptionalUint64Member(name));
  if (value && *value > UINT32_MAX) {
    return io::InvalidArgumentError(io::StrCat(name, " is larger than 32 bits"));
  }
  return value ? std::optional(static_cast<uint32_t>(*value)) : std::nullopt;
}

absl::StatusOr<uint32_t> Uint32Member(const JsonValue& object, std::string_view name) {
  OG_ASSIGN_OR_RETURN(const std::optional<uint32_t> value, OptionalUint32(object, name));
  if (!value) {
    return io::InvalidArgumentError(io::StrCat("no member ", name));
  }
  return *value;
}

// --- Fragments -----------------------------------------------------------------------------------

void WriteInts(const std::vector<int32_t>& values, JsonWriter& json) {
  json.BeginArray();
  for (const int32_t value : values) {
    json.Int(value);
  }
  json.EndArray();
}

template <typename T>
void WriteOptional(std::string_view key, const std::optional<T>& value, JsonWriter& json) {
  json.Key(key);
  if (value) {
    json.Uint(*value);
  } else {
    json.Null();
  }
}

// Bytes of a sequence as {"inline": [..]}, with the spelling that row ids or versions have.
void WriteInline(std::string_view key, std::string_view form,
                 const std::optional<std::string>& bytes, JsonWriter& json) {
  json.Key(key);
  if (!bytes) {
    json.Null();
    return;
  }
  json.BeginObject();
  json.Key(form);
  json.BeginArray();
  for (const char byte : *bytes) {
    json.Uint(static_cast<unsigned char>(byte));
  }
  json.EndArray();
  json.EndObject();
}

absl::StatusOr<std::optional<std::string>> ReadInline(const JsonValue& object, std::string_view key,
                                                      std::string_view form) {
  if (!HasMember(object, key)) {
    return std::nullopt;
  }
  const JsonValue* bytes = object.Find(key)->Find(form);
  if (bytes == nullptr || !bytes->is_array()) {
    return io::UnimplementedError(io::StrCat(key, " that do not stand in the fragment"));
  }
  std::string sequence;
  for (const JsonValue& item : bytes->items()) {
    const std::optional<uint64_t> byte = item.AsUint64();
    if (!byte || *byte > 255) {
      return io::InvalidArgumentError(io::StrCat(key, ": bytes are wanted"));
    }
    sequence += static_cast<char>(*byte);
  }
  return sequence;
}

absl::StatusOr<DataFile> DataFileFrom(const JsonValue& json) {
  OG_RETURN_IF_ERROR(OnlyMembers(json, std::array<std::string_view, 7>{
                                           "path", "fields", "column_indices", "file_major_version",
                                           "file_minor_version", "file_size_bytes", "base_id"}));
  DataFile file;
  OG_ASSIGN_OR_RETURN(file.path, json.StringMember("path"));
  OG_ASSIGN_OR_RETURN(file.fields, Int32List(json, "fields"));
  OG_ASSIGN_OR_RETURN(file.column_indices, Int32List(json, "column_indices"));
  OG_ASSIGN_OR_RETURN(file.major_version, Uint32Member(json, "file_major_version"));
  OG_ASSIGN_OR_RETURN(file.minor_version, Uint32Member(json, "file_minor_version"));
  OG_ASSIGN_OR_RETURN(const std::optional<uint64_t> size,
                      json.OptionalUint64Member("file_size_bytes"));
  file.size_bytes = size.value_or(0);
  OG_ASSIGN_OR_RETURN(file.base_id, OptionalUint32(json, "base_id"));
  return file;
}

absl::StatusOr<DeletionFile> DeletionFileFrom(const JsonValue& json) {
  OG_RETURN_IF_ERROR(
      OnlyMembers(json, std::array<std::string_view, 5>{"read_version", "id", "file_type",
                                                        "num_deleted_rows", "base_id"}));
  DeletionFile file;
  OG_ASSIGN_OR_RETURN(file.read_version, json.Uint64Member("read_version"));
  OG_ASSIGN_OR_RETURN(file.id, json.Uint64Member("id"));
  OG_ASSIGN_OR_RETURN(const std::string type, json.StringMember("file_type"));
  if (type != "array" && type != "bitmap") {
    return io::InvalidArgumentError(io::StrCat("file_type ", type));
  }
  file.kind =
      type == "array" ? format::DeletionFileKind::kArrowArray : format::DeletionFileKind::kBitmap;
  OG_ASSIGN_OR_RETURN(file.num_deleted_rows, json.Uint64Member("num_deleted_rows"));
  OG_ASSIGN_OR_RETURN(file.base_id, OptionalUint32(json, "base_id"));
  return file;
}

}  // namespace

absl::StatusOr<std::string> FragmentToJson(const Fragment& fragment) {
  if (fragment.external_row_ids || fragment.external_created_versions ||
      fragment.external_last_updated_versions || !fragment.overlays.empty()) {
    return io::UnimplementedError(
        io::StrCat("fragment ", fragment.id, ": overlays, or row ids in a file of their own"));
  }
  JsonWriter json;
  json.BeginObject();
  json.Key("id");
  json.Uint(fragment.id);
  json.Key("files");
  json.BeginArray();
  for (const DataFile& file : fragment.files) {
    json.BeginObject();
    json.Key("path");
    json.String(file.path);
    json.Key("fields");
    WriteInts(file.fields, json);
    json.Key("column_indices");
    WriteInts(file.column_indices, json);
    json.Key("file_major_version");
    json.Uint(file.major_version);
    json.Key("file_minor_version");
    json.Uint(file.minor_version);
    WriteOptional("file_size_bytes",
                  file.size_bytes == 0 ? std::nullopt : std::optional(file.size_bytes), json);
    WriteOptional("base_id", file.base_id, json);
    json.EndObject();
  }
  json.EndArray();
  json.Key("overlays");
  json.BeginArray();
  json.EndArray();
  json.Key("deletion_file");
  if (fragment.deletion_file) {
    const DeletionFile& file = *fragment.deletion_file;
    json.BeginObject();
    json.Key("read_version");
    json.Uint(file.read_version);
    json.Key("id");
    json.Uint(file.id);
    json.Key("file_type");
    json.String(file.kind == format::DeletionFileKind::kArrowArray ? "array" : "bitmap");
    json.Key("num_deleted_rows");
    json.Uint(file.num_deleted_rows);
    WriteOptional("base_id", file.base_id, json);
    json.EndObject();
  } else {
    json.Null();
  }
  WriteInline("row_id_meta", "Inline", fragment.row_ids, json);
  json.Key("physical_rows");
  json.Uint(fragment.physical_rows);
  WriteInline("last_updated_at_version_meta", "inline", fragment.last_updated_versions, json);
  WriteInline("created_at_version_meta", "inline", fragment.created_versions, json);
  json.EndObject();
  return std::move(json).Finish();
}

absl::StatusOr<Fragment> FragmentFromJson(std::string_view text) {
  OG_ASSIGN_OR_RETURN(const JsonValue json, JsonValue::Parse(text));
  OG_RETURN_IF_ERROR(OnlyMembers(
      json, std::array<std::string_view, 8>{
                "id", "files", "overlays", "deletion_file", "row_id_meta", "physical_rows",
                "last_updated_at_version_meta", "created_at_version_meta"}));
  Fragment fragment;
  OG_ASSIGN_OR_RETURN(fragment.id, json.Uint64Member("id"));
  OG_ASSIGN_OR_RETURN(const JsonValue* files, json.RequiredMember("files"));
  for (const JsonValue& file : files->items()) {
    OG_ASSIGN_OR_RETURN(DataFile decoded, DataFileFrom(file));
    fragment.files.push_back(std::move(decoded));
  }
  if (const JsonValue* overlays = json.Find("overlays");
      overlays != nullptr && !overlays->items().empty()) {
    return io::UnimplementedError("fragments with overlays");
  }
  if (HasMember(json, "deletion_file")) {
    OG_ASSIGN_OR_RETURN(fragment.deletion_file, DeletionFileFrom(*json.Find("deletion_file")));
  }
  OG_ASSIGN_OR_RETURN(fragment.row_ids, ReadInline(json, "row_id_meta", "Inline"));
  OG_ASSIGN_OR_RETURN(fragment.physical_rows, json.Uint64Member("physical_rows"));
  OG_ASSIGN_OR_RETURN(fragment.last_updated_versions,
                      ReadInline(json, "last_updated_at_version_meta", "inline"));
  OG_ASSIGN_OR_RETURN(fragment.created_versions,
                      ReadInline(json, "created_at_version_meta", "inline"));
  return fragment;
}

std::string StagedToJson(const StagedTransaction& staged) {
  JsonWriter json;
  json.BeginObject();
  json.Key("read_version");
  json.Uint(staged.transaction.read_version);
  json.Key("operation");
  json.String(format::OperationName(staged.transaction.operation));
  json.Key("transaction");
  const std::string message = format::EncodeTransaction(staged.transaction);
  json.String(io::HexBytes(io::AsBytes(message)));
  json.Key("files");
  json.BeginArray();
  for (const std::string& file : staged.files) {
    json.String(file);
  }
  json.EndArray();
  json.Key("affected_rows");
  if (staged.affected_rows) {
    json.BeginArray();
    for (const uint64_t address : *staged.affected_rows) {
      json.Uint(address);
    }
    json.EndArray();
  } else {
    json.Null();
  }
  json.Key("num_rows_written");
  json.Uint(staged.num_rows_written);
  json.Key("num_bytes_written");
  json.Uint(staged.num_bytes_written);
  json.Key("file_version");
  json.String(staged.file_version);
  json.Key("stable_row_ids");
  json.Bool(staged.stable_row_ids);
  json.Key("naming");
  json.String(format::ManifestNamingText(staged.naming));
  json.EndObject();
  return std::move(json).Finish();
}

absl::StatusOr<StagedTransaction> StagedFromJson(std::string_view text) {
  OG_ASSIGN_OR_RETURN(const JsonValue json, JsonValue::Parse(text));
  OG_RETURN_IF_ERROR(OnlyMembers(json, std::array<std::string_view, 10>{
                                           "read_version", "operation", "transaction", "files",
                                           "affected_rows", "num_rows_written", "num_bytes_written",
                                           "file_version", "stable_row_ids", "naming"}));
  StagedTransaction staged;
  OG_ASSIGN_OR_RETURN(const std::string digits, json.StringMember("transaction"));
  OG_ASSIGN_OR_RETURN(const std::string message, FromHex(digits));
  OG_ASSIGN_OR_RETURN(staged.transaction,
                      format::DecodeTransaction(io::AsBytes(message), "staged transaction"));
  OG_ASSIGN_OR_RETURN(const JsonValue* files, json.RequiredMember("files"));
  for (const JsonValue& file : files->items()) {
    if (!file.is_string()) {
      return io::InvalidArgumentError("files: paths are wanted");
    }
    staged.files.push_back(file.string());
  }
  if (HasMember(json, "affected_rows")) {
    staged.affected_rows.emplace();
    for (const JsonValue& item : json.Find("affected_rows")->items()) {
      const std::optional<uint64_t> address = item.AsUint64();
      if (!address ||
          (!staged.affected_rows->empty() && *address <= staged.affected_rows->back())) {
        return io::InvalidArgumentError("affected_rows: ascending addresses are wanted");
      }
      staged.affected_rows->push_back(*address);
    }
  }
  OG_ASSIGN_OR_RETURN(staged.num_rows_written, json.Uint64Member("num_rows_written"));
  OG_ASSIGN_OR_RETURN(staged.num_bytes_written, json.Uint64Member("num_bytes_written"));
  OG_ASSIGN_OR_RETURN(staged.file_version, json.StringMember("file_version"));
  OG_ASSIGN_OR_RETURN(staged.stable_row_ids, json.BoolMember("stable_row_ids"));
  OG_ASSIGN_OR_RETURN(const std::string naming, json.StringMember("naming"));
  if (naming != "V1" && naming != "V2") {
    return io::InvalidArgumentError(io::StrCat("naming ", naming));
  }
  staged.naming = naming == "V1" ? format::ManifestNaming::kV1 : format::ManifestNaming::kV2;
  return staged;
}

absl::StatusOr<StagedTransaction> StageFragments(const Dataset& dataset,
                                                 std::vector<Fragment> fragments,
                                                 const WriteOptions& options) {
  StagedTransaction staged = NewTransaction(dataset.env(), dataset.version(), options);
  for (const Fragment& fragment : fragments) {
    if (fragment.id != 0 || fragment.physical_rows == 0) {
      return io::InvalidArgumentError(io::StrCat("a new fragment with id ", fragment.id, " and ",
                                                 fragment.physical_rows, " rows"));
    }
    for (const DataFile& file : fragment.files) {
      const std::string version = io::StrCat(file.major_version, ".", file.minor_version);
      if (version != dataset.manifest().data_format_version) {
        return io::InvalidArgumentError(io::StrCat("The operation added files with version ",
                                                   version, ", the dataset has ",
                                                   dataset.manifest().data_format_version));
      }
      if (!file.base_id) {
        staged.files.push_back(dataset.branch_root().Child("data").Child(file.path).path);
      }
      staged.num_bytes_written += file.size_bytes;
    }
    staged.num_rows_written += fragment.physical_rows;
  }
  staged.transaction.operation = format::AppendOperation{.fragments = std::move(fragments)};
  return staged;
}

}  // namespace og::engine::dataset
