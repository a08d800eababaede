// Indexes: making, dropping, listing.
#include <algorithm>
#include <cstring>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/capi/arguments.h"
#include "engine/capi/handles.h"
#include "engine/capi/last_error.h"
#include "engine/dataset/indices.h"
#include "format/file/lance_schema.h"
#include "format/table/manifest.h"
#include "io/base/json_value.h"
#include "io/base/json_writer.h"
#include "io/base/status.h"
#include "io/base/status_macros.h"
#include "io/base/text.h"

namespace og::engine::capi {
namespace {

using dataset::DatasetPtr;
using dataset::IndexDescription;

constexpr size_t kUuidBytes = 16;

std::string_view KindName(int32_t type) {
  switch (type) {
    case LANCE_SCALAR_BITMAP:
      return "a bitmap index";
    case LANCE_SCALAR_LABEL_LIST:
      return "a label list index";
    case LANCE_SCALAR_INVERTED:
      return "an inverted index";
    default:
      return "";
  }
}

// The rows of a page that `params_json` asks for; nullopt: it does not say.
absl::StatusOr<std::optional<uint32_t>> PageRowsOf(const std::string& params_json) {
  absl::StatusOr<io::JsonValue> params = io::JsonValue::Parse(params_json);
  if (!params.ok() || !params->is_object()) {
    return io::InvalidArgumentError(
        io::StrCat("params_json is no JSON object: ", params_json.substr(0, 100)));
  }
  OG_ASSIGN_OR_RETURN(const auto rows, params->OptionalUint64Member("zone_size"));
  if (!rows.has_value()) {
    return std::nullopt;
  }
  if (*rows == 0 || *rows > std::numeric_limits<uint32_t>::max()) {
    return io::InvalidArgumentError(io::StrCat("params_json: zone_size is ", *rows));
  }
  return static_cast<uint32_t>(*rows);
}

absl::Status CreateScalarIndex(LanceDataset* handle, const char* column, const char* index_name,
                               int32_t index_type, const char* params_json, bool replace) {
  OG_RETURN_IF_ERROR(CheckNotNull(handle, "dataset"));
  dataset::CreateIndexRequest request;
  OG_ASSIGN_OR_RETURN(request.column, RequiredText(column, "column"));
  OG_ASSIGN_OR_RETURN(const auto name, OptionalText(index_name, "index_name"));
  OG_ASSIGN_OR_RETURN(const auto params, OptionalText(params_json, "params_json"));
  if (index_type < LANCE_SCALAR_BTREE || index_type > LANCE_SCALAR_INVERTED) {
    return io::InvalidArgumentError(io::StrCat("index_type is ", index_type, ", wanted 1 to 4"));
  }
  if (index_type != LANCE_SCALAR_BTREE) {
    return io::UnimplementedError(
        io::StrCat(KindName(index_type), " on column ", request.column, " is not in this version"));
  }
  request.name = name.value_or("");
  request.replace = replace;
  if (params.has_value()) {
    OG_ASSIGN_OR_RETURN(const auto page_rows, PageRowsOf(*params));
    request.page_rows = page_rows.value_or(request.page_rows);
  }
  return handle->Change([&](const DatasetPtr& table) -> absl::StatusOr<DatasetPtr> {
    absl::StatusOr<dataset::StagedTransaction> staged = dataset::StageCreateIndex(*table, request);
    if (staged.status().code() == absl::StatusCode::kAlreadyExists ||
        staged.status().code() == absl::StatusCode::kNotFound) {
      return WithCode(staged.status(), LANCE_ERR_INDEX);
    }
    OG_RETURN_IF_ERROR(staged.status());
    return table->Commit(*staged, {});
  });
}

absl::Status CreateVectorIndex(LanceDataset* handle, const char* column, const char* index_name,
                               const LanceVectorIndexParams* params) {
  OG_RETURN_IF_ERROR(CheckNotNull(handle, "dataset"));
  OG_RETURN_IF_ERROR(CheckNotNull(params, "params"));
  OG_ASSIGN_OR_RETURN(const std::string name, RequiredText(column, "column"));
  OG_RETURN_IF_ERROR(OptionalText(index_name, "index_name").status());
  int32_t type = 0;
  std::memcpy(&type, &params->index_type, sizeof(type));
  if (type < LANCE_INDEX_IVF_FLAT || type > LANCE_INDEX_IVF_HNSW_FLAT) {
    return io::InvalidArgumentError(io::StrCat("index_type is ", type, ", wanted 101 to 106"));
  }
  const auto required = [](uint32_t value, std::string_view field) {
    return value > 0 ? absl::OkStatus()
                     : io::InvalidArgumentError(io::StrCat(
                           "params.", field, " is 0, wanted 1 or more for this index type"));
  };
  OG_RETURN_IF_ERROR(required(params->num_partitions, "num_partitions"));
  if (type == LANCE_INDEX_IVF_PQ || type == LANCE_INDEX_IVF_HNSW_PQ) {
    OG_RETURN_IF_ERROR(required(params->num_sub_vectors, "num_sub_vectors"));
  }
  if (type >= LANCE_INDEX_IVF_HNSW_SQ) {
    OG_RETURN_IF_ERROR(required(params->hnsw_m, "hnsw_m"));
  }
  return io::UnimplementedError(
      io::StrCat("a vector index on column ", name, " is not in this version"));
}

absl::Status DropIndex(LanceDataset* handle, const char* name) {
  OG_RETURN_IF_ERROR(CheckNotNull(handle, "dataset"));
  OG_ASSIGN_OR_RETURN(const std::string text, RequiredText(name, "name"));
  return handle->Change([&](const DatasetPtr& table) -> absl::StatusOr<DatasetPtr> {
    OG_ASSIGN_OR_RETURN(const auto staged, dataset::StageDropIndex(*table, text, {}));
    return table->Commit(staged, {});
  });
}

absl::StatusOr<uint64_t> CountIndices(const LanceDataset* handle) {
  OG_RETURN_IF_ERROR(CheckNotNull(handle, "dataset"));
  OG_ASSIGN_OR_RETURN(const auto indices, dataset::ListIndices(*handle->current()));
  uint64_t count = 0;
  for (const IndexDescription& index : indices) {
    count += index.segments.size();
  }
  return count;
}

absl::StatusOr<char*> ListJson(const LanceDataset* handle) {
  OG_RETURN_IF_ERROR(CheckNotNull(handle, "dataset"));
  const DatasetPtr table = handle->current();
  OG_ASSIGN_OR_RETURN(const auto indices, dataset::ListIndices(*table));
  io::JsonWriter json;
  json.BeginArray();
  for (const IndexDescription& index : indices) {
    for (const format::IndexMetadata& segment : index.segments) {
      json.BeginObject();
      json.Key("name");
      json.String(index.name);
      json.Key("uuid");
      json.String(segment.uuid);
      json.Key("columns");
      json.BeginArray();
      for (const int32_t id : index.field_ids) {
        if (const format::LanceField* field = table->lance_schema().FindId(id)) {
          json.String(field->name);
        }
      }
      json.EndArray();
      json.Key("type");
      json.String(index.kind);
      json.Key("dataset_version");
      json.Uint(segment.dataset_version);
      json.EndObject();
    }
  }
  json.EndArray();
  return strdup(std::move(json).Finish().c_str());
}

absl::StatusOr<IndexDescription> FindIndex(const LanceDataset* handle, const char* index_name) {
  OG_RETURN_IF_ERROR(CheckNotNull(handle, "dataset"));
  OG_ASSIGN_OR_RETURN(const std::string name, RequiredText(index_name, "index_name"));
  return dataset::FindIndex(*handle->current(), name);
}

// The bytes of a uuid in hexadecimal with hyphens.
absl::StatusOr<std::vector<uint8_t>> UuidBytes(std::string_view text) {
  std::vector<uint8_t> bytes;
  int high = -1;
  for (const char c : text) {
    const size_t digit = std::string_view("0123456789abcdef").find(c);
    if (digit == std::string_view::npos) continue;
    if (high < 0) {
      high = static_cast<int>(digit);
    } else {
      bytes.push_back(static_cast<uint8_t>(high * 16 + static_cast<int>(digit)));
      high = -1;
    }
  }
  if (bytes.size() != kUuidBytes || high >= 0) {
    return io::DataLossError(io::StrCat("\"", text, "\" is no uuid"));
  }
  return bytes;
}

absl::Status Segments(const LanceDataset* handle, const char* index_name, uint8_t* out_uuids,
                      size_t capacity, uint64_t* out_count) {
  OG_RETURN_IF_ERROR(CheckNotNull(out_uuids, "out_uuids"));
  OG_ASSIGN_OR_RETURN(const IndexDescription index, FindIndex(handle, index_name));
  if (index.segments.size() > capacity) {
    return io::InvalidArgumentError(io::StrCat("capacity is ", capacity, ", index ", index.name,
                                               " has ", index.segments.size(), " segments"));
  }
  std::vector<uint8_t> all;
  for (const format::IndexMetadata& segment : index.segments) {
    OG_ASSIGN_OR_RETURN(const std::vector<uint8_t> bytes, UuidBytes(segment.uuid));
    all.insert(all.end(), bytes.begin(), bytes.end());
  }
  std::ranges::copy(all, out_uuids);
  if (out_count != nullptr) {
    *out_count = index.segments.size();
  }
  return absl::OkStatus();
}

}  // namespace
}  // namespace og::engine::capi

using namespace og::engine::capi;

extern "C" {

int32_t lance_dataset_create_vector_index(LanceDataset* dataset, const char* column,
                                          const char* index_name,
                                          const LanceVectorIndexParams* params, bool /*replace*/) {
  return AnswerStatus([&] { return CreateVectorIndex(dataset, column, index_name, params); });
}

int32_t lance_dataset_create_scalar_index(LanceDataset* dataset, const char* column,
                                          const char* index_name, LanceScalarIndexType index_type,
                                          const char* params_json, bool replace) {
  int32_t type = 0;
  std::memcpy(&type, &index_type, sizeof(type));
  return AnswerStatus(
      [&] { return CreateScalarIndex(dataset, column, index_name, type, params_json, replace); });
}

int32_t lance_dataset_drop_index(LanceDataset* dataset, const char* name) {
  return AnswerStatus([&] { return DropIndex(dataset, name); });
}

uint64_t lance_dataset_index_count(const LanceDataset* dataset) {
  return Answer<uint64_t>(0, [&] { return CountIndices(dataset); });
}

const char* lance_dataset_index_list_json(const LanceDataset* dataset) {
  return Answer<const char*>(nullptr, [&] { return ListJson(dataset); });
}

uint64_t lance_dataset_index_segment_count(const LanceDataset* dataset, const char* index_name) {
  return Answer<uint64_t>(0, [&]() -> absl::StatusOr<uint64_t> {
    OG_ASSIGN_OR_RETURN(const auto index, FindIndex(dataset, index_name));
    return index.segments.size();
  });
}

int32_t lance_dataset_index_segments(const LanceDataset* dataset, const char* index_name,
                                     uint8_t* out_uuids, size_t capacity, uint64_t* out_count) {
  return AnswerStatus(
      [&] { return Segments(dataset, index_name, out_uuids, capacity, out_count); });
}

}  // extern "C"
