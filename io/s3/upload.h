// An object sent part by part, published by one request at the end.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

#include "io/base/buffer.h"
#include "io/s3/s3_client.h"

namespace og::io {

// Thread-compatible. The destructor of an unfinished upload cancels it and frees its parts.
class S3Upload {
 public:
  // Starts an upload. `client` must live as long.
  static absl::StatusOr<std::unique_ptr<S3Upload>> Start(S3Client* client, std::string_view key);
  ~S3Upload();
  S3Upload(const S3Upload&) = delete;
  S3Upload& operator=(const S3Upload&) = delete;

  // Sends the next part; waits while `kMaxPartsUnderWay` are under way. The first failure of any
  // part is returned by this and all later calls.
  absl::Status AddPart(Buffer bytes);

  // Copies bytes of another object as the next part.
  absl::Status AddCopy(std::string_view source_key, std::string_view source_e_tag, uint64_t offset,
                       uint64_t length);

  // Publishes the parts under the key; the token of the object. No other call may follow.
  absl::StatusOr<std::string> Finish();

  static constexpr size_t kMaxPartsUnderWay = 3;

 private:
  S3Upload(S3Client* client, std::string_view key, std::string mark, std::string id);

  S3Request PartRequest();
  absl::Status StartPart(S3Request request);
  absl::Status WaitForOldest();
  // Whether the object is what this upload would make: the answer of Finish() was lost.
  absl::StatusOr<std::string> FindPublished(const absl::Status& failure);

  S3Client* const client_;
  const std::string key_;
  const std::string mark_;  // in the metadata of the object
  const std::string id_;
  S3Client::Batch batch_;
  std::deque<size_t> under_way_;  // numbers in the batch, oldest first
  std::vector<S3Part> parts_;     // that are done
  size_t num_started_ = 0;
  absl::Status failure_;
  bool is_finished_ = false;
};

// The header by which a put or upload recognises its own object.
inline constexpr std::string_view kPutMarkHeader = "x-amz-meta-omnigraph-put";

// A fresh mark: 32 hexadecimal digits.
std::string NewPutMark(const S3Client& client);

}  // namespace og::io
