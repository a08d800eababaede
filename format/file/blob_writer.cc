#include "format/file/blob_writer.h"

#include <utility>

#include "format/arrow/builder.h"
#include "format/file/lance_schema.h"
#include "io/base/status.h"
#include "io/base/status_macros.h"
#include "io/base/text.h"

namespace og::format {
namespace {

constexpr std::string_view kDataFileSuffix = ".lance";

uint64_t ThresholdOf(const Metadata& metadata, const char* key, uint64_t otherwise) {
  const auto found = metadata.find(key);
  if (found == metadata.end()) {
    return otherwise;
  }
  return io::ParseUint64(found->second).value_or(otherwise);
}

// The member `name` of `values`; null if there is none, an error if it is not of type `id`.
absl::StatusOr<const Array*> Member(const Array& values, std::string_view name, TypeId id) {
  for (size_t i = 0; i < values.type->children.size(); ++i) {
    if (values.type->children[i].name == name) {
      const Array* const member = values.children[i].get();
      if (member->type->id != id) {
        return io::InvalidArgumentError(
            io::StrCat("blob member \"", name, "\" is ", member->type->ToString()));
      }
      return member;
    }
  }
  return nullptr;
}

}  // namespace

struct BlobWriter::Descriptor {
  uint8_t kind = 0;
  uint64_t position = 0;
  uint64_t size = 0;
  uint32_t blob_id = 0;
};

BlobThresholds BlobThresholdsOf(const Metadata& metadata) {
  BlobThresholds thresholds;
  thresholds.inline_bytes_max = ThresholdOf(metadata, "lance-encoding:blob-inline-size-threshold",
                                            thresholds.inline_bytes_max);
  thresholds.packed_bytes_max = ThresholdOf(
      metadata, "lance-encoding:blob-dedicated-size-threshold", thresholds.packed_bytes_max);
  thresholds.pack_file_bytes_max = ThresholdOf(
      metadata, "lance-encoding:blob-pack-file-size-threshold", thresholds.pack_file_bytes_max);
  return thresholds;
}

std::string BlobSidecarPath(std::string_view file_path, uint32_t id) {
  if (file_path.ends_with(kDataFileSuffix)) {
    file_path.remove_suffix(kDataFileSuffix.size());
  }
  std::string digits(32, '0');
  for (size_t bit = 0; bit < digits.size(); ++bit) {
    digits[bit] = (id >> bit & 1u) != 0 ? '1' : '0';
  }
  return io::StrCat(file_path, "/", digits, ".blob");
}

BlobWriter::~BlobWriter() {
  if (is_finished_) {
    return;
  }
  pack_.reset();
  for (const std::string& path : sidecars_) {
    // A sidecar that stays behind is garbage that cleaning up finds; there is no one to tell.
    file_.store->Delete(path).IgnoreError();
  }
}

absl::StatusOr<ArrayPtr> BlobWriter::Write(const Array& values, const BlobThresholds& thresholds,
                                           FileSink& data_file) {
  OG_ASSIGN_OR_RETURN(const Array* const data, Member(values, "data", TypeId::kLargeBinary));
  OG_ASSIGN_OR_RETURN(const Array* const uri, Member(values, "uri", TypeId::kUtf8));
  OG_ASSIGN_OR_RETURN(const Array* const position, Member(values, "position", TypeId::kUint64));
  OG_ASSIGN_OR_RETURN(const Array* const size, Member(values, "size", TypeId::kUint64));
  if (data == nullptr && uri == nullptr) {
    return io::InvalidArgumentError(
        io::StrCat("blob column of type ", values.type->ToString(), ": no data and no uri"));
  }
  const auto number_at = [](const Array* array, int64_t i) {
    return array == nullptr || array->IsNull(i) ? uint64_t{0} : array->Value<uint64_t>(i);
  };
  StructBuilder builder(BlobDescriptorType(/*is_v2=*/true));
  auto& kinds = static_cast<FixedBuilder<uint8_t>&>(builder.child(0));
  auto& positions = static_cast<FixedBuilder<uint64_t>&>(builder.child(1));
  auto& sizes = static_cast<FixedBuilder<uint64_t>&>(builder.child(2));
  auto& ids = static_cast<FixedBuilder<uint32_t>&>(builder.child(3));
  auto& uris = static_cast<StringBuilder&>(builder.child(4));
  for (int64_t row = 0; row < values.length; ++row) {
    const int64_t i = values.offset + row;
    const bool has_data = data != nullptr && data->IsValid(i);
    const bool has_uri = uri != nullptr && uri->IsValid(i);
    if (values.IsNull(row) || (!has_data && !has_uri)) {
      builder.AppendNull();
      continue;
    }
    Descriptor descriptor;
    std::string_view external;
    if (has_data) {
      OG_ASSIGN_OR_RETURN(descriptor,
                          Place(io::AsBytes(data->StringValue(i)), thresholds, data_file));
    } else {
      external = uri->StringValue(i);
      if (external.empty()) {
        return io::InvalidArgumentError(io::StrCat("blob in row ", row, " has an empty URI"));
      }
      descriptor = {3, number_at(position, i), number_at(size, i), 0};
    }
    kinds.Append(descriptor.kind);
    positions.Append(descriptor.position);
    sizes.Append(descriptor.size);
    ids.Append(descriptor.blob_id);
    uris.Append(external);
    builder.Append();
  }
  return builder.Finish();
}

absl::StatusOr<BlobWriter::Descriptor> BlobWriter::Place(std::span<const std::byte> bytes,
                                                         const BlobThresholds& thresholds,
                                                         FileSink& data_file) {
  if (bytes.empty()) {
    return Descriptor{};
  }
  if (bytes.size() > thresholds.packed_bytes_max) {
    OG_ASSIGN_OR_RETURN(const std::unique_ptr<io::WriteStream> stream, OpenSidecar());
    const auto id = static_cast<uint32_t>(sidecars_.size());
    OG_RETURN_IF_ERROR(stream->Append(bytes));
    OG_RETURN_IF_ERROR(stream->Finish().status());
    return Descriptor{2, 0, bytes.size(), id};
  }
  if (bytes.size() > thresholds.inline_bytes_max) {
    if (pack_ != nullptr && pack_->size() + bytes.size() > thresholds.pack_file_bytes_max) {
      OG_RETURN_IF_ERROR(ClosePack());
    }
    if (pack_ == nullptr) {
      OG_ASSIGN_OR_RETURN(pack_, OpenSidecar());
      pack_id_ = static_cast<uint32_t>(sidecars_.size());
    }
    const uint64_t position = pack_->size();
    OG_RETURN_IF_ERROR(pack_->Append(bytes));
    return Descriptor{1, position, bytes.size(), pack_id_};
  }
  OG_RETURN_IF_ERROR(data_file.Align());
  const uint64_t position = data_file.position();
  OG_RETURN_IF_ERROR(data_file.Append(bytes));
  return Descriptor{0, position, bytes.size(), 0};
}

absl::StatusOr<std::unique_ptr<io::WriteStream>> BlobWriter::OpenSidecar() {
  const auto id = static_cast<uint32_t>(sidecars_.size() + 1);
  std::string path = BlobSidecarPath(file_.path, id);
  OG_ASSIGN_OR_RETURN(std::unique_ptr<io::WriteStream> stream, file_.store->OpenWrite(path));
  sidecars_.push_back(std::move(path));
  return stream;
}

absl::Status BlobWriter::ClosePack() {
  if (pack_ == nullptr) {
    return absl::OkStatus();
  }
  return std::exchange(pack_, nullptr)->Finish().status();
}

absl::StatusOr<std::vector<std::string>> BlobWriter::Finish() {
  OG_RETURN_IF_ERROR(ClosePack());
  is_finished_ = true;
  return sidecars_;
}

}  // namespace og::format
