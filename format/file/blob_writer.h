// Blobs of version 2 (extension lance.blob.v2) on their way into a data file: each value goes to
// one of four places, and a descriptor says which.
//
//   kind         where the bytes are                      position       size         blob_id  uri
//   0 inline     in the data file, at a multiple of 64    in the file    bytes        0        ""
//   1 packed     back to back in a sidecar of many        in it          bytes        sidecar  ""
//   2 dedicated  a sidecar of their own                   0              its size     sidecar  ""
//   3 external   an object that the caller named          as given or 0  or 0: all    0        URI
//
// An empty value is kind 0 with zeros, a null one a null descriptor. Values above the dedicated
// threshold (4 MiB) are dedicated, above the inline threshold (64 KiB) packed, in sidecars of at
// most 1 GiB; field metadata may set other thresholds. Sidecar n (from 1, counted for both kinds)
// of "x/y.lance" is "x/y/{n, bit-reversed, in 32 binary digits}.blob": raw bytes.
//
// Source: lance-encoding 10.0.0: src/encodings/logical/blob.rs; lance 10.0.0: src/dataset/blob.rs.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

#include "format/arrow/array.h"
#include "format/arrow/type.h"
#include "format/file/file_sink.h"
#include "io/store/store.h"

namespace og::format {

struct BlobThresholds {
  uint64_t inline_bytes_max = uint64_t{64} << 10;
  uint64_t packed_bytes_max = uint64_t{4} << 20;
  uint64_t pack_file_bytes_max = uint64_t{1} << 30;
};

// The thresholds that field metadata asks for.
BlobThresholds BlobThresholdsOf(const Metadata& metadata);

// Path of sidecar `id` of the data file at `file_path`.
std::string BlobSidecarPath(std::string_view file_path, uint32_t id);

// The sidecars of one data file. Destroying it before Finish() deletes what was written.
class BlobWriter {
 public:
  explicit BlobWriter(io::Location file) : file_(std::move(file)) {}
  ~BlobWriter();
  BlobWriter(const BlobWriter&) = delete;
  BlobWriter& operator=(const BlobWriter&) = delete;

  // Stores the bytes of `values` (struct of data large_binary, uri utf8 and, if given, position and
  // size uint64) and returns their descriptors. A row without data and URI is null.
  //
  //   kInvalidArgument  members that are missing or of other types
  absl::StatusOr<ArrayPtr> Write(const Array& values, const BlobThresholds& thresholds,
                                 FileSink& data_file);

  // Publishes the last sidecar. Their paths, in the order of their ids.
  absl::StatusOr<std::vector<std::string>> Finish();

 private:
  struct Descriptor;

  absl::StatusOr<Descriptor> Place(std::span<const std::byte> bytes,
                                   const BlobThresholds& thresholds, FileSink& data_file);
  absl::StatusOr<std::unique_ptr<io::WriteStream>> OpenSidecar();
  absl::Status ClosePack();

  const io::Location file_;
  std::vector<std::string> sidecars_;
  std::unique_ptr<io::WriteStream> pack_;
  uint32_t pack_id_ = 0;
  bool is_finished_ = false;
};

}  // namespace og::format
