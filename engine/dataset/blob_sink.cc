#include "engine/dataset/blob_sink.h"

#include "engine/dataset/blob_reader.h"
#include "format/arrow/builder.h"
#include "format/file/lance_schema.h"
#include "io/base/status.h"
#include "io/base/status_macros.h"
#include "io/base/text.h"

namespace og::engine::dataset {
namespace {

constexpr uint64_t kDedicatedBytesMin = (uint64_t{4} << 20) + 1;
constexpr uint64_t kPackBytesMax = uint64_t{1} << 30;
constexpr uint8_t kInline = 0, kPacked = 1, kDedicated = 2, kExternal = 3;

bool IsBytes(const format::Array& array) {
  return array.type->is_variable();
}

}  // namespace

absl::StatusOr<format::ArrayPtr> BlobSink::Write(const format::Array& values) {
  format::ArrayPtr data;
  format::ArrayPtr uris;
  if (values.type->id == format::TypeId::kStruct) {
    for (size_t i = 0; i < values.children.size(); ++i) {
      const format::ArrayPtr member =
          format::Slice(values.children[i], values.offset, values.length);
      const std::string& name = values.type->children[i].name;
      if (name == "data") {
        data = member;
      } else if (name == "uri") {
        uris = member;
      }
    }
  } else if (IsBytes(values)) {
    data = std::make_shared<format::Array>(values);
  }
  if ((data == nullptr && uris == nullptr) || (data != nullptr && !IsBytes(*data)) ||
      (uris != nullptr && !IsBytes(*uris))) {
    return io::InvalidArgumentError(io::StrCat(
        "a blob column takes bytes or struct{data, uri}, not ", values.type->ToString()));
  }
  const format::TypePtr type = format::BlobDescriptorType(true);
  format::StructBuilder builder(type);
  auto& kinds = static_cast<format::FixedBuilder<uint8_t>&>(builder.child(0));
  auto& positions = static_cast<format::FixedBuilder<uint64_t>&>(builder.child(1));
  auto& sizes = static_cast<format::FixedBuilder<uint64_t>&>(builder.child(2));
  auto& ids = static_cast<format::FixedBuilder<uint32_t>&>(builder.child(3));
  auto& names = static_cast<format::StringBuilder&>(builder.child(4));
  for (int64_t i = 0; i < values.length; ++i) {
    const bool has_data = data != nullptr && data->IsValid(i);
    const bool has_uri = uris != nullptr && uris->IsValid(i) && !uris->StringValue(i).empty();
    if (values.IsNull(i) || (!has_data && !has_uri)) {
      builder.AppendNull();
      continue;
    }
    Place place{.kind = kExternal, .position = 0, .blob_id = 0};
    uint64_t size = 0;
    if (has_data) {
      const std::string_view bytes = data->StringValue(i);
      OG_ASSIGN_OR_RETURN(place, Store(bytes));
      size = bytes.size();
    }
    kinds.Append(place.kind);
    positions.Append(place.position);
    sizes.Append(size);
    ids.Append(place.blob_id);
    names.Append(has_data ? std::string_view() : uris->StringValue(i));
    builder.Append();
  }
  return builder.Finish();
}

absl::StatusOr<BlobSink::Place> BlobSink::Store(std::string_view bytes) {
  if (bytes.empty()) {
    return Place{.kind = kInline, .position = 0, .blob_id = 0};
  }
  if (bytes.size() >= kDedicatedBytesMin) {
    const uint32_t id = next_id_++;
    const std::string path = SidecarPath(data_file_.path, id);
    OG_RETURN_IF_ERROR(data_file_.store->Put(path, io::AsBytes(bytes)).status());
    files_.push_back(path);
    return Place{.kind = kDedicated, .position = 0, .blob_id = id};
  }
  if (pack_ != nullptr && pack_->size() + bytes.size() > kPackBytesMax) {
    OG_RETURN_IF_ERROR(pack_->Finish().status());
    pack_.reset();
  }
  if (pack_ == nullptr) {
    pack_id_ = next_id_++;
    const std::string path = SidecarPath(data_file_.path, pack_id_);
    OG_ASSIGN_OR_RETURN(pack_, data_file_.store->OpenWrite(path));
    files_.push_back(path);
  }
  const Place place{.kind = kPacked, .position = pack_->size(), .blob_id = pack_id_};
  OG_RETURN_IF_ERROR(pack_->Append(io::AsBytes(bytes)));
  return place;
}

absl::StatusOr<std::vector<std::string>> BlobSink::Finish() {
  if (pack_ != nullptr) {
    OG_RETURN_IF_ERROR(pack_->Finish().status());
    pack_.reset();
  }
  return std::move(files_);
}

}  // namespace og::engine::dataset
