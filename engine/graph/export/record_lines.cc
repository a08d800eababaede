#include "engine/graph/export/record_lines.h"

#include <charconv>
#include <cmath>
#include <utility>

#include "io/base/base64.h"
#include "io/base/json_writer.h"
#include "io/base/status.h"
#include "io/base/status_macros.h"
#include "io/base/text.h"

namespace og::engine::graph {
namespace {

using format::Array;
using format::TypeId;

template <typename T>
void AppendInteger(std::string& out, T value) {
  char digits[24];
  const auto end = std::to_chars(digits, digits + sizeof(digits), value).ptr;
  out.append(digits, static_cast<size_t>(end - digits));
}

absl::Status AppendDouble(std::string& out, double value) {
  if (!std::isfinite(value)) return io::InvalidArgumentError("is not finite");
  io::AppendJsonFloat(out, value);
  return absl::OkStatus();
}

absl::Status AppendValue(const Array& array, int64_t i, std::string& out);

absl::Status AppendItems(const Array& items, int64_t begin, int64_t end, std::string& out) {
  out.push_back('[');
  for (int64_t i = begin; i < end; ++i) {
    if (i != begin) out.push_back(',');
    OG_RETURN_IF_ERROR(AppendValue(items, i, out));
  }
  out.push_back(']');
  return absl::OkStatus();
}

// A blob column: struct{data, uri}.
absl::Status AppendBlob(const Array& blob, int64_t i, std::string& out) {
  const int64_t at = blob.offset + i;
  const Array* data = nullptr;
  const Array* uri = nullptr;
  for (size_t c = 0; c < blob.children.size(); ++c) {
    const std::string& name = blob.type->children[c].name;
    if (name == "data") data = blob.children[c].get();
    if (name == "uri") uri = blob.children[c].get();
  }
  if (data != nullptr && data->IsValid(at)) {
    out.append("\"base64:");
    out.append(io::EncodeBase64(io::AsBytes(data->StringValue(at)))).push_back('"');
    return absl::OkStatus();
  }
  if (uri == nullptr || uri->IsNull(at)) return io::DataLossError("is a blob without content");
  io::AppendJsonString(out, uri->StringValue(at));
  return absl::OkStatus();
}

absl::Status AppendValue(const Array& array, int64_t i, std::string& out) {
  if (array.IsNull(i)) {
    out.append("null");
    return absl::OkStatus();
  }
  switch (array.type->id) {
    case TypeId::kUtf8:
    case TypeId::kLargeUtf8:
      io::AppendJsonString(out, array.StringValue(i));
      break;
    case TypeId::kBinary:
    case TypeId::kLargeBinary:
      out.append("\"base64:");
      out.append(io::EncodeBase64(io::AsBytes(array.StringValue(i)))).push_back('"');
      break;
    case TypeId::kBool:
      out.append(array.BoolValue(i) ? "true" : "false");
      break;
    case TypeId::kInt32:
    case TypeId::kDate32:
      AppendInteger(out, array.Value<int32_t>(i));
      break;
    case TypeId::kInt64:
    case TypeId::kDate64:
      AppendInteger(out, array.Value<int64_t>(i));
      break;
    case TypeId::kUint32:
      AppendInteger(out, array.Value<uint32_t>(i));
      break;
    case TypeId::kUint64:
      AppendInteger(out, array.Value<uint64_t>(i));
      break;
    case TypeId::kFloat32:
      return AppendDouble(out, static_cast<double>(array.Value<float>(i)));
    case TypeId::kFloat64:
      return AppendDouble(out, array.Value<double>(i));
    case TypeId::kList:
    case TypeId::kLargeList:
      return AppendItems(*array.children[0], array.OffsetAt(i), array.OffsetAt(i + 1), out);
    case TypeId::kFixedSizeList: {
      const int64_t begin = (array.offset + i) * array.type->list_size;
      return AppendItems(*array.children[0], begin, begin + array.type->list_size, out);
    }
    case TypeId::kStruct:
      return AppendBlob(array, i, out);
    default:
      return io::UnimplementedError(io::StrCat("has the type ", array.type->ToString()));
  }
  return absl::OkStatus();
}

std::string Prefix(bool is_edge, std::string_view type_name) {
  std::string prefix = is_edge ? "{\"edge\":" : "{\"type\":";
  io::AppendJsonString(prefix, type_name);
  return prefix.append(is_edge ? ",\"from\":" : ",\"data\":{\"id\":");
}

std::vector<std::string> Keys(const std::vector<std::string>& properties) {
  std::vector<std::string> keys;
  for (const std::string& property : properties) {
    std::string& key = keys.emplace_back(",");
    io::AppendJsonString(key, property);
    key.push_back(':');
  }
  return keys;
}

}  // namespace

absl::Status AppendColumnValue(const format::Array& column, int64_t i, std::string& out) {
  return AppendValue(column, i, out);
}

RecordLines::RecordLines(bool is_edge, std::string type_name, std::vector<std::string> properties)
    : is_edge_(is_edge),
      type_name_(std::move(type_name)),
      prefix_(Prefix(is_edge_, type_name_)),
      properties_(std::move(properties)),
      keys_(Keys(properties_)) {}

absl::Status RecordLines::Append(const format::RecordBatch& batch, int64_t i,
                                 std::string& out) const {
  const std::string_view id = batch.Column("id")->StringValue(i);
  out.append(prefix_);
  if (is_edge_) {
    io::AppendJsonString(out, batch.Column("src")->StringValue(i));
    out.append(",\"to\":");
    io::AppendJsonString(out, batch.Column("dst")->StringValue(i));
    out.append(",\"data\":{\"id\":");
  }
  io::AppendJsonString(out, id);
  for (size_t p = 0; p < properties_.size(); ++p) {
    out.append(keys_[p]);
    const format::ArrayPtr column = batch.Column(properties_[p]);
    if (column == nullptr) {
      out.append("null");
      continue;
    }
    const absl::Status written = AppendValue(*column, i, out);
    if (!written.ok()) {
      return io::Annotate(written, io::StrCat("export of ", type_name_, " '", id, "': property '",
                                              properties_[p], "'"));
    }
  }
  out.append("}}\n");
  return absl::OkStatus();
}

}  // namespace og::engine::graph
