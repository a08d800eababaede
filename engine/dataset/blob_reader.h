// The contents behind blob v2 descriptors.
//
//   kind  bytes lie in
//   0     the data file, at position
//   1     the pack data/{stem}/{bits of blob_id}.blob, at position
//   2     a file of their own, the same name
//   3     another object: blob_uri, below base path blob_id if that is not 0; size 0: all of it
//
// The sidecar name is the id's 32 bits, least significant first.
// Source: lance 10.0.0: src/dataset/blob.rs.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"

#include "format/arrow/array.h"
#include "format/table/manifest.h"
#include "io/store/store.h"

namespace og::io {
class Env;
}

namespace og::engine::dataset {

class BaseFolders;

// One stored descriptor.
struct BlobDescriptor {
  uint8_t kind = 0;
  uint64_t position = 0;
  uint64_t size = 0;
  uint32_t blob_id = 0;
  std::string_view uri;

  bool is_whole_object() const;
};

// The object that holds the bytes behind `descriptor` of `data_file`. kUnimplemented for kinds that
// we do not know.
absl::StatusOr<io::Location> ObjectOfBlob(io::Env& env, const BaseFolders& folders,
                                          const io::Location& data_file,
                                          const BlobDescriptor& descriptor);

// The data file of `fragment` that stores the field; nullopt if none does.
absl::StatusOr<std::optional<io::Location>> FileOfField(const BaseFolders& folders,
                                                        const format::Fragment& fragment,
                                                        int32_t field_id);

// Path of sidecar `blob_id` of the data file at `data_file` ("x/data/stem.lance").
std::string SidecarPath(std::string_view data_file, uint32_t blob_id);

// large_binary values for `descriptors` (struct of BlobDescriptorType(true)) of `data_file`; a null
// descriptor gives a null. kDataLoss for descriptors that make no sense.
absl::StatusOr<format::ArrayPtr> ReadBlobs(io::Env& env, const BaseFolders& folders,
                                           const io::Location& data_file,
                                           const format::Array& descriptors);

}  // namespace og::engine::dataset
