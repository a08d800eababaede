// A bucket of S3, or of a server that speaks its protocol, as a store.
//
//   Stat          HEAD                          PutIfAbsent  PUT, If-None-Match: *
//   Read, ranges  GET                           PutIfMatch   PUT, If-Match
//   List          ListObjectsV2, page by page   streams      multipart upload of 8 MiB parts
//   Copy          CopyObject, or part by part above 5 GiB    Rename  copy, then delete
//   DeletePrefix  list, then DeleteObjects; not atomic       Sync    nothing: all is durable
//
// Tokens are ETags, quotes included; the same content may get the same token again. Put and its
// likes do not know modified_us, it is 0 there.
//
// A conditional put carries a random mark in its metadata (x-amz-meta-omnigraph-put). When the
// answer of an attempt is lost, and whenever a put is refused because of its condition, the object
// is read back: our mark means won; another mark, or other bytes where the server keeps none, means
// lost; unreadable means kUnknown; not there, after all attempts, means kUnavailable.
//
// Failures: see S3Client::StatusOf() and HttpOutcome. Each names operation and URI.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

#include "io/s3/s3_client.h"
#include "io/store/far_calls.h"
#include "io/store/store.h"

namespace og::io {

struct S3StoreOptions {
  std::string bucket;
  S3Settings settings = {};
  S3Runtime runtime = {};
  uint64_t part_bytes = uint64_t{8} << 20;      // of streams; at least 5 MiB by S3's rule
  uint64_t max_copy_bytes = uint64_t{5} << 30;  // above it, copies go part by part
  uint64_t copy_part_bytes = uint64_t{512} << 20;
  uint64_t page_keys = 1000;  // of a list, at most 1000
};

class S3Store : public Store, public FarCalls {
 public:
  // Sends no request. kInvalidArgument for a bucket that cannot be, kFailedPrecondition for plain
  // http that is not allowed or certificates that cannot be read.
  static absl::StatusOr<std::unique_ptr<S3Store>> Open(S3StoreOptions options);

  std::string_view scheme_root() const override { return scheme_root_; }
  absl::StatusOr<ObjectInfo> Stat(std::string_view path) override;
  PendingReads Submit(std::vector<ReadRequest> requests) override;
  absl::StatusOr<Buffer> Read(std::string_view path) override;
  std::vector<absl::StatusOr<Buffer>> ReadEach(std::span<const std::string> paths) override;
  absl::StatusOr<Buffer> ReadTail(std::string_view path, uint64_t length, uint64_t* size) override;
  absl::StatusOr<std::unique_ptr<WriteStream>> OpenWrite(std::string_view path) override;
  absl::StatusOr<ObjectInfo> Put(std::string_view path, std::span<const std::byte> bytes) override;
  absl::StatusOr<ObjectInfo> PutIfAbsent(std::string_view path,
                                         std::span<const std::byte> bytes) override;
  absl::StatusOr<ObjectInfo> PutIfMatch(std::string_view path, std::span<const std::byte> bytes,
                                        std::string_view e_tag) override;
  absl::StatusOr<std::vector<ObjectInfo>> List(std::string_view prefix,
                                               const ListOptions& options) override;
  absl::StatusOr<std::vector<ObjectInfo>> ListFirst(std::string_view prefix, size_t limit) override;
  absl::Status Rename(std::string_view from, std::string_view to) override;
  absl::Status Copy(std::string_view from, std::string_view to) override;
  absl::Status Delete(std::string_view path) override;
  absl::Status DeletePrefix(std::string_view prefix) override;
  absl::Status Sync(std::span<const std::string> paths, Durability durability) override;
  bool is_local() const override { return false; }

  // Requests that were sent, and sent again.
  uint64_t num_requests() const { return client_->counters().requests; }
  S3Counters counters() const { return client_->counters(); }

 private:
  class Reads;
  class Stream;

  S3Store(S3StoreOptions options, std::unique_ptr<S3Client> client);

  // The status of an answer that is no success. A missing object counts as such only where the
  // bucket is known to be there.
  absl::Status Failure(const S3Request& request, const S3Answer& answer);
  // What an answer shows about the bucket.
  void Note(const S3Answer& answer);

  // A request for a whole object, and its bytes.
  S3Request RequestOfWhole(std::string_view path) const;
  absl::StatusOr<Buffer> WholeOf(const S3Request& request, const S3Answer& answer);

  absl::StatusOr<ObjectInfo> PutConditionally(std::string_view path,
                                              std::span<const std::byte> bytes,
                                              HttpHeader condition, const absl::Status& lost);
  // Decides a conditional put by what is there now.
  absl::StatusOr<ObjectInfo> ReadBack(std::string_view path, std::span<const std::byte> bytes,
                                      std::string_view mark, const absl::Status& lost,
                                      const absl::Status& failure);
  absl::StatusOr<std::vector<ObjectInfo>> ListUpTo(std::string_view prefix, bool is_recursive,
                                                   size_t limit);
  absl::StatusOr<S3ListPage> ListPage(std::string_view prefix, bool is_recursive, uint64_t max_keys,
                                      std::string_view token);
  absl::Status CopyInParts(const ObjectInfo& from, std::string_view to);
  absl::Status DeleteKeys(std::vector<std::string> keys);
  absl::Status DeleteOneByOne(const std::vector<std::string>& keys);

  const S3StoreOptions options_;
  const std::unique_ptr<S3Client> client_;
  const std::string scheme_root_;
  std::atomic<bool> is_bucket_known_ = false;
  std::atomic<bool> can_delete_many_ = true;
};

}  // namespace og::io
