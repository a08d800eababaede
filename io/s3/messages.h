// The XML of S3: what it answers, and what goes into the bodies of requests. Pure.
//
// Source: the Amazon S3 API reference (ListObjectsV2, CreateMultipartUpload, UploadPartCopy,
// CompleteMultipartUpload, CopyObject, DeleteObjects, "Error responses").
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

#include "io/store/store.h"

namespace og::io {

struct S3Error {
  std::string code;     // "NoSuchKey"; empty when the body does not say
  std::string message;  // of the server, or the start of a body that is not XML
  std::string region;   // of the bucket, in redirects
  std::string endpoint;
  std::string request_id;
};

// Never fails: a proxy in between answers what it likes.
S3Error ParseS3Error(std::string_view body);

// Whether a body is an <Error> document: CopyObject and CompleteMultipartUpload begin to answer
// with status 200 before they know.
bool IsS3ErrorBody(std::string_view body);

struct S3ListPage {
  std::vector<ObjectInfo> objects;  // paths are keys, decoded
  std::string next_token;           // empty: this was the last page
};

// kDataLoss for anything else than a ListBucketResult.
absl::StatusOr<S3ListPage> ParseListPage(std::string_view body);

// Of an InitiateMultipartUploadResult.
absl::StatusOr<std::string> ParseUploadId(std::string_view body);

// Of a CopyObjectResult, CopyPartResult or CompleteMultipartUploadResult.
absl::StatusOr<std::string> ParseResultETag(std::string_view body);

struct S3DeleteFailure {
  std::string key;
  S3Error error;
};

// The keys that DeleteObjects could not delete.
absl::StatusOr<std::vector<S3DeleteFailure>> ParseDeleteResult(std::string_view body);

struct S3Part {
  std::string e_tag;
  std::string sha256_base64;  // empty: not sent
};

std::string FormatCompleteUpload(std::span<const S3Part> parts);

// REQUIRES: each key IsXmlText().
std::string FormatDelete(std::span<const std::string> keys);

// Whether XML 1.0 can carry `text`: control characters cannot be written at all.
bool IsXmlText(std::string_view text);

}  // namespace og::io
