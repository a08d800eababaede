// The sidecars of one data file: blob values go in, descriptors come out. See blob_reader.h for the
// layout. Values above 4 MiB have a sidecar of their own, others share packs of at most 1 GiB;
// external URIs are only noted.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

#include "format/arrow/array.h"
#include "io/store/store.h"

namespace og::engine::dataset {

class BlobSink {
 public:
  // For the data file at `data_file`.
  explicit BlobSink(io::Location data_file) : data_file_(std::move(data_file)) {}

  // Descriptors for `values`: struct{data, uri} (either null), or binary of either width.
  // kInvalidArgument for other types.
  absl::StatusOr<format::ArrayPtr> Write(const format::Array& values);

  // Ends the open pack. Returns the paths of all sidecars.
  absl::StatusOr<std::vector<std::string>> Finish();

 private:
  struct Place {
    uint8_t kind = 0;
    uint64_t position = 0;
    uint32_t blob_id = 0;
  };
  absl::StatusOr<Place> Store(std::string_view bytes);

  const io::Location data_file_;
  uint32_t next_id_ = 1;
  std::unique_ptr<io::WriteStream> pack_;
  uint32_t pack_id_ = 0;
  std::vector<std::string> files_;
};

}  // namespace og::engine::dataset
