#include "engine/dataset/blob_reader.h"

#include <algorithm>
#include <map>

#include "engine/dataset/fragment_reader.h"
#include "format/arrow/builder.h"
#include "io/base/status.h"
#include "io/base/status_macros.h"
#include "io/base/text.h"
#include "io/env/env.h"

namespace og::engine::dataset {
namespace {

enum BlobKind : uint8_t { kInline = 0, kPacked = 1, kDedicated = 2, kExternal = 3 };

// Reads of one call, grouped by store. Results stay in the order of Add().
class Fetches {
 public:
  void Add(const io::Location& location, io::ByteRange range) {
    Group& group = groups_[location.store.get()];
    group.store = location.store;
    group.requests.push_back({.path = location.path, .range = range});
    places_.push_back({location.store.get(), group.requests.size() - 1});
  }

  absl::StatusOr<std::vector<io::Buffer>> Wait() {
    for (auto& [store, group] : groups_) {
      OG_ASSIGN_OR_RETURN(group.buffers, store->Submit(group.requests).Wait());
    }
    std::vector<io::Buffer> buffers;
    buffers.reserve(places_.size());
    for (const auto& [store, position] : places_) {
      buffers.push_back(groups_[store].buffers[position]);
    }
    return buffers;
  }

 private:
  struct Group {
    std::shared_ptr<io::Store> store;
    std::vector<io::ReadRequest> requests;
    std::vector<io::Buffer> buffers;
  };
  std::map<io::Store*, Group> groups_;
  std::vector<std::pair<io::Store*, size_t>> places_;
};

// Sizes of objects, each asked for once.
class ObjectSizes {
 public:
  absl::StatusOr<uint64_t> Of(const io::Location& location) {
    const auto known = sizes_.find(location.path);
    if (known != sizes_.end()) {
      return known->second;
    }
    OG_ASSIGN_OR_RETURN(const io::ObjectInfo info, location.store->Stat(location.path));
    return sizes_[location.path] = info.size;
  }

 private:
  std::map<std::string, uint64_t> sizes_;
};

}  // namespace

absl::StatusOr<io::Location> ObjectOfBlob(io::Env& env, const BaseFolders& folders,
                                          const io::Location& data_file,
                                          const BlobDescriptor& descriptor) {
  switch (descriptor.kind) {
    case kInline:
      return data_file;
    case kPacked:
    case kDedicated:
      return io::Location{data_file.store, SidecarPath(data_file.path, descriptor.blob_id)};
    case kExternal:
      if (descriptor.blob_id == 0) {
        return env.Resolve(descriptor.uri);
      }
      return folders.BelowBase(descriptor.blob_id, descriptor.uri);
    default:
      return io::UnimplementedError(io::StrCat("blob of kind ", uint32_t{descriptor.kind}));
  }
}

bool BlobDescriptor::is_whole_object() const {
  return kind == kExternal && size == 0;
}

absl::StatusOr<std::optional<io::Location>> FileOfField(const BaseFolders& folders,
                                                        const format::Fragment& fragment,
                                                        int32_t field_id) {
  for (const format::DataFile& file : fragment.files) {
    if (std::ranges::find(file.fields, field_id) != file.fields.end()) {
      return folders.DataFile(file);
    }
  }
  return std::nullopt;
}

std::string SidecarPath(std::string_view data_file, uint32_t blob_id) {
  constexpr std::string_view kSuffix = ".lance";
  std::string path(data_file.ends_with(kSuffix)
                       ? data_file.substr(0, data_file.size() - kSuffix.size())
                       : data_file);
  path += '/';
  for (int bit = 0; bit < 32; ++bit) {
    path += ((blob_id >> bit) & 1) != 0 ? '1' : '0';
  }
  return path + ".blob";
}

absl::StatusOr<format::ArrayPtr> ReadBlobs(io::Env& env, const BaseFolders& folders,
                                           const io::Location& data_file,
                                           const format::Array& descriptors) {
  if (descriptors.type->id != format::TypeId::kStruct || descriptors.children.size() != 5) {
    return io::DataLossError(
        io::StrCat(data_file.Uri(), ": blob descriptors of type ", descriptors.type->ToString()));
  }
  const auto member = [&](size_t i) {
    return format::Slice(descriptors.children[i], descriptors.offset, descriptors.length);
  };
  const format::ArrayPtr kind = member(0);
  const format::ArrayPtr position = member(1);
  const format::ArrayPtr size = member(2);
  const format::ArrayPtr blob_id = member(3);
  const format::ArrayPtr uri = member(4);

  Fetches fetches;
  ObjectSizes sizes;
  for (int64_t i = 0; i < descriptors.length; ++i) {
    if (descriptors.IsNull(i)) {
      continue;
    }
    const BlobDescriptor descriptor{.kind = kind->Value<uint8_t>(i),
                                    .position = position->Value<uint64_t>(i),
                                    .size = size->Value<uint64_t>(i),
                                    .blob_id = blob_id->Value<uint32_t>(i),
                                    .uri = uri->StringValue(i)};
    if (descriptor.size == 0 && descriptor.kind != kExternal) {
      continue;
    }
    OG_ASSIGN_OR_RETURN(const io::Location location,
                        ObjectOfBlob(env, folders, data_file, descriptor));
    // A corrupt length must not make us allocate, so that the object is asked for its size.
    OG_ASSIGN_OR_RETURN(const uint64_t object_bytes, sizes.Of(location));
    io::ByteRange range{.offset = descriptor.position, .length = descriptor.size};
    if (range.length == 0) {
      range = {.offset = 0, .length = object_bytes};
    }
    if (range.offset > object_bytes || range.length > object_bytes - range.offset) {
      return io::DataLossError(io::StrCat(location.Uri(), ": blob of ", range.length, " bytes at ",
                                          range.offset, " leaves the object of ", object_bytes,
                                          " bytes"));
    }
    fetches.Add(location, range);
  }
  OG_ASSIGN_OR_RETURN(const std::vector<io::Buffer> contents, fetches.Wait());

  format::StringBuilder builder(format::LargeBinary());
  auto next = contents.begin();
  for (int64_t i = 0; i < descriptors.length; ++i) {
    if (descriptors.IsNull(i)) {
      builder.AppendNull();
    } else if (size->Value<uint64_t>(i) == 0 && kind->Value<uint8_t>(i) != kExternal) {
      builder.Append("");
    } else {
      builder.Append((next++)->view());
    }
  }
  return builder.Finish();
}

}  // namespace og::engine::dataset
