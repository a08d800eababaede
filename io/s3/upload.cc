#include "io/s3/upload.h"

#include <utility>

#include "io/base/status.h"
#include "io/base/status_macros.h"
#include "io/base/text.h"
#include "io/s3/messages.h"
#include "io/store/path.h"

namespace og::io {
namespace {

constexpr size_t kMaxParts = 10'000;

}  // namespace

std::string NewPutMark(const S3Client& client) {
  return StrCat(Hex(client.Random(), 16), Hex(client.Random(), 16));
}

S3Upload::S3Upload(S3Client* client, std::string_view key, std::string mark, std::string id)
    : client_(client), key_(key), mark_(std::move(mark)), id_(std::move(id)), batch_(client) {}

absl::StatusOr<std::unique_ptr<S3Upload>> S3Upload::Start(S3Client* client, std::string_view key) {
  std::string mark = NewPutMark(*client);
  S3Request request{.operation = "start upload",
                    .method = "POST",
                    .key = std::string(key),
                    .query = {{"uploads", ""}}};
  request.headers = {{std::string(kPutMarkHeader), mark}};
  if (client->settings().sends_checksums) {
    request.headers.push_back({"x-amz-checksum-algorithm", "SHA256"});
  }
  const S3Answer answer = client->Call(request);
  if (!answer.is_success()) return client->StatusOf(request, answer);
  absl::StatusOr<std::string> id = ParseUploadId(answer.response.body.view());
  if (!id.ok()) return Annotate(id.status(), client->ContextOf(request));
  return std::unique_ptr<S3Upload>(new S3Upload(client, key, std::move(mark), *std::move(id)));
}

S3Upload::~S3Upload() {
  if (is_finished_) return;
  batch_ = S3Client::Batch(client_);  // cancels, and lets go of the bodies
  // Parts that nobody frees cost money; a rule of the bucket for incomplete uploads catches those
  // of crashed processes.
  client_->Call(
      {.operation = "abort upload", .method = "DELETE", .key = key_, .query = {{"uploadId", id_}}});
}

S3Request S3Upload::PartRequest() {
  return {.operation = "write part",
          .method = "PUT",
          .key = key_,
          .query = {{"partNumber", StrCat(num_started_ + 1)}, {"uploadId", id_}}};
}

absl::Status S3Upload::StartPart(S3Request request) {
  if (num_started_ == kMaxParts) {
    failure_ = ResourceExhaustedError(
        StrCat(FailedCall("write", client_->Uri(key_)), ": more than ", kMaxParts, " parts"));
  }
  while (failure_.ok() && under_way_.size() >= kMaxPartsUnderWay) {
    WaitForOldest().IgnoreError();  // kept in failure_
  }
  OG_RETURN_IF_ERROR(failure_);
  ++num_started_;
  under_way_.push_back(batch_.Start(std::move(request)));
  return absl::OkStatus();
}

absl::Status S3Upload::AddPart(Buffer bytes) {
  S3Request request = PartRequest();
  request.body = std::move(bytes);
  request.has_body = true;
  request.has_content = true;
  return StartPart(std::move(request));
}

absl::Status S3Upload::AddCopy(std::string_view source_key, std::string_view source_e_tag,
                               uint64_t offset, uint64_t length) {
  S3Request request = PartRequest();
  request.operation = "copy part";
  request.headers = {
      {"x-amz-copy-source",
       StrCat("/", PercentEncode(client_->bucket(), false), "/", PercentEncode(source_key, true))},
      {"x-amz-copy-source-if-match", std::string(source_e_tag)},
      {"x-amz-copy-source-range", StrCat("bytes=", offset, "-", offset + length - 1)}};
  request.is_slow = true;
  request.has_result_in_body = true;
  return StartPart(std::move(request));
}

absl::Status S3Upload::WaitForOldest() {
  const size_t number = under_way_.front();
  under_way_.pop_front();
  const S3Request& request = batch_.request(number);
  const S3Answer answer = batch_.Wait(number);
  if (!answer.is_success()) {
    failure_ = client_->StatusOf(request, answer);
    return failure_;
  }
  S3Part part;
  if (request.has_result_in_body) {
    absl::StatusOr<std::string> e_tag = ParseResultETag(answer.response.body.view());
    if (!e_tag.ok()) {
      failure_ = Annotate(e_tag.status(), client_->ContextOf(request));
      return failure_;
    }
    part.e_tag = *std::move(e_tag);
  } else {
    part.e_tag = FindHeader(answer.response.headers, "etag");
    // Named again at the end where the server keeps it.
    part.sha256_base64 = FindHeader(answer.response.headers, "x-amz-checksum-sha256");
  }
  parts_.push_back(std::move(part));
  return absl::OkStatus();
}

absl::StatusOr<std::string> S3Upload::Finish() {
  while (failure_.ok() && !under_way_.empty()) {
    WaitForOldest().IgnoreError();  // kept in failure_
  }
  OG_RETURN_IF_ERROR(failure_);
  S3Request request{
      .operation = "finish upload", .method = "POST", .key = key_, .query = {{"uploadId", id_}}};
  request.headers = {{"content-type", "application/xml"}};
  request.body = Buffer::CopyOf(FormatCompleteUpload(parts_));
  request.has_body = true;
  request.is_slow = true;
  request.has_result_in_body = true;
  const S3Answer answer = client_->Call(request);
  if (answer.is_success()) {
    is_finished_ = true;
    absl::StatusOr<std::string> e_tag = ParseResultETag(answer.response.body.view());
    if (e_tag.ok()) return e_tag;
    return FindPublished(Annotate(e_tag.status(), client_->ContextOf(request)));
  }
  // An upload that is gone may have been finished by an attempt without an answer, also by one of
  // libcurl's own, of which may_have_happened does not know.
  const absl::Status failure = client_->StatusOf(request, answer);
  if (!answer.may_have_happened && answer.error.code != "NoSuchUpload") return failure;
  return FindPublished(failure);
}

absl::StatusOr<std::string> S3Upload::FindPublished(const absl::Status& failure) {
  const S3Answer found = client_->Call({.operation = "stat", .method = "HEAD", .key = key_});
  if (!found.is_success() || FindHeader(found.response.headers, kPutMarkHeader) != mark_) {
    return failure;
  }
  is_finished_ = true;
  return std::string(FindHeader(found.response.headers, "etag"));
}

}  // namespace og::io
