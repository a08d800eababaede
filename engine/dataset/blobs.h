// Blobs by parts: where the bytes of a blob lie, and ranges of them. A scan gives whole contents or
// the stored descriptors (BlobHandling); this reads a piece of a large one with one request.
//
//   OG_ASSIGN_OR_RETURN(auto places, LocateBlobs(*table, "video", addresses));
//   OG_ASSIGN_OR_RETURN(io::Buffer head, ReadBlob(*places[0], 0, 4096));
//
// Both versions of blobs, in all places: in the data file, in packs, in files of their own, and in
// objects elsewhere.
//
// Source: lance 10.0.0: src/dataset/blob.rs (BlobFile); lance-table.md 15.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

#include "engine/dataset/dataset.h"
#include "io/base/buffer.h"
#include "io/store/store.h"

namespace og::engine::dataset {

// `size` bytes of the object at `object`, from `position` on.
struct BlobPlace {
  io::Location object;
  uint64_t position = 0;
  uint64_t size = 0;
};

// Where the blobs of the top-level column `column` lie for the rows at `addresses`, in their order;
// nullopt for null. The size of an object elsewhere that is given whole is asked for.
//
//   kNotFound         no such column or row, or an object elsewhere that is gone
//   kInvalidArgument  the column holds no blobs
absl::StatusOr<std::vector<std::optional<BlobPlace>>> LocateBlobs(
    const Dataset& dataset, std::string_view column, std::span<const uint64_t> addresses);

// The bytes [offset, offset + length) of the blob, cut where it ends. kOutOfRange if it begins
// behind the end; kDataLoss if the object has not what the place says.
absl::StatusOr<io::Buffer> ReadBlob(const BlobPlace& place, uint64_t offset, uint64_t length);

}  // namespace og::engine::dataset
