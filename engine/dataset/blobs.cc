#include "engine/dataset/blobs.h"

#include <algorithm>

#include "engine/dataset/blob_reader.h"
#include "engine/dataset/dataset_handle.h"
#include "format/file/lance_schema.h"
#include "io/base/status.h"
#include "io/base/status_macros.h"
#include "io/base/text.h"

namespace og::engine::dataset {
namespace {

// The place of row i of `descriptors`, whose data file is `file`.
absl::StatusOr<BlobPlace> PlaceOf(const DatasetHandle& dataset, const io::Location& file,
                                  const format::Array& descriptors, bool is_v2, int64_t i) {
  const int64_t row = descriptors.offset + i;
  if (!is_v2) {
    return BlobPlace{.object = file,
                     .position = descriptors.children[0]->Value<uint64_t>(row),
                     .size = descriptors.children[1]->Value<uint64_t>(row)};
  }
  const BlobDescriptor descriptor{.kind = descriptors.children[0]->Value<uint8_t>(row),
                                  .position = descriptors.children[1]->Value<uint64_t>(row),
                                  .size = descriptors.children[2]->Value<uint64_t>(row),
                                  .blob_id = descriptors.children[3]->Value<uint32_t>(row),
                                  .uri = descriptors.children[4]->StringValue(row)};
  BlobPlace place{.object = {}, .position = descriptor.position, .size = descriptor.size};
  OG_ASSIGN_OR_RETURN(place.object,
                      ObjectOfBlob(dataset.env(), dataset.folders(), file, descriptor));
  if (descriptor.is_whole_object()) {
    OG_ASSIGN_OR_RETURN(const io::ObjectInfo info, place.object.store->Stat(place.object.path));
    place.position = 0;
    place.size = info.size;
  }
  return place;
}

}  // namespace

absl::StatusOr<std::vector<std::optional<BlobPlace>>> LocateBlobs(
    const Dataset& dataset, std::string_view column, std::span<const uint64_t> addresses) {
  const auto& handle = static_cast<const DatasetHandle&>(dataset);
  const format::LanceField* field = dataset.lance_schema().Find(column);
  if (field == nullptr) {
    return io::NotFoundError(io::StrCat("no column ", column));
  }
  if (!field->is_blob()) {
    return io::InvalidArgumentError(io::StrCat("column ", column, " holds no blobs"));
  }
  TakeOptions options;
  options.columns = {std::string(column)};
  options.blobs = BlobHandling::kDescriptions;
  OG_ASSIGN_OR_RETURN(const format::RecordBatch rows, dataset.Take(addresses, options));
  const format::Array& descriptors = *rows.columns[0];
  if (descriptors.children.size() != (field->is_blob_v2() ? 5u : 2u)) {
    return io::DataLossError(
        io::StrCat("column ", column, ": blob descriptors of type ", descriptors.type->ToString()));
  }
  std::vector<std::optional<BlobPlace>> places;
  for (int64_t i = 0; i < rows.num_rows; ++i) {
    const uint64_t address = addresses[static_cast<size_t>(i)];
    const format::Fragment* fragment = dataset.manifest().FindFragment(address >> 32);
    OG_ASSIGN_OR_RETURN(const auto file, FileOfField(handle.folders(), *fragment, field->id));
    if (descriptors.IsNull(i) || !file) {
      places.emplace_back();
      continue;
    }
    OG_ASSIGN_OR_RETURN(BlobPlace place,
                        PlaceOf(handle, *file, descriptors, field->is_blob_v2(), i));
    places.emplace_back(std::move(place));
  }
  return places;
}

absl::StatusOr<io::Buffer> ReadBlob(const BlobPlace& place, uint64_t offset, uint64_t length) {
  if (offset > place.size) {
    return io::OutOfRangeError(io::StrCat("byte ", offset, " of a blob of ", place.size, " bytes"));
  }
  length = std::min(length, place.size - offset);
  if (place.position > UINT64_MAX - offset) {
    return io::DataLossError(io::StrCat(place.object.Uri(), ": blob at ", place.position));
  }
  // A corrupt length must not make us allocate, so that the object is asked for its size.
  OG_ASSIGN_OR_RETURN(const io::ObjectInfo info, place.object.store->Stat(place.object.path));
  const uint64_t start = place.position + offset;
  if (start > info.size || length > info.size - start) {
    return io::DataLossError(io::StrCat(place.object.Uri(), ": blob of ", place.size, " bytes at ",
                                        place.position, " leaves the object of ", info.size,
                                        " bytes"));
  }
  std::vector<io::ReadRequest> requests;
  requests.push_back({.path = place.object.path, .range = {.offset = start, .length = length}});
  OG_ASSIGN_OR_RETURN(std::vector<io::Buffer> buffers,
                      place.object.store->Submit(std::move(requests)).Wait());
  return std::move(buffers.front());
}

}  // namespace og::engine::dataset
