#include "io/s3/s3_store.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "io/base/base64.h"
#include "io/base/status.h"
#include "io/base/status_macros.h"
#include "io/base/text.h"
#include "io/base/utf8.h"
#include "io/s3/http_time.h"
#include "io/s3/md5.h"
#include "io/s3/upload.h"
#include "io/store/path.h"

namespace og::io {
namespace {

constexpr uint64_t kMaxObjectBytes = uint64_t{1} << 40;  // that Read() takes into memory
constexpr uint64_t kMaxErrorBytes = uint64_t{1} << 20;
constexpr uint64_t kMaxOffset = uint64_t{1} << 62;
constexpr size_t kMaxKeyBytes = 1024;
constexpr size_t kDeletesAtOnce = 16;  // where each object takes a request of its own
// Parts grow so that 10,000 of them make 600 GiB; most files are sent in equal parts, which some
// servers want.
constexpr size_t kEqualParts = 2'000;
constexpr uint64_t kPartGrowth = 8;

absl::Status CheckKey(std::string_view path) {
  OG_RETURN_IF_ERROR(CheckPath(path));
  if (path.size() > kMaxKeyBytes) {
    return InvalidArgumentError(
        StrCat("\"", path, "\" has ", path.size(), " bytes, a key of S3 at most ", kMaxKeyBytes));
  }
  if (!IsUtf8(path)) return InvalidArgumentError(StrCat("\"", path, "\" is no UTF-8 text"));
  return absl::OkStatus();
}

struct ContentRange {
  uint64_t start = 0;
  uint64_t size = 0;  // of the object
};

// "bytes 0-9/100".
std::optional<ContentRange> ParseContentRange(std::string_view value) {
  if (!value.starts_with("bytes ")) return std::nullopt;
  value.remove_prefix(6);
  const size_t dash = value.find('-'), slash = value.find('/');
  if (dash == std::string_view::npos || slash == std::string_view::npos || dash > slash) {
    return std::nullopt;
  }
  const auto start = ParseUint64(value.substr(0, dash));
  const auto size = ParseUint64(value.substr(slash + 1));
  if (!start.has_value() || !size.has_value()) return std::nullopt;
  return ContentRange{*start, *size};
}

// What the headers of an answer say about its object, of `size` bytes.
ObjectInfo InfoOf(std::string_view path, uint64_t size, const HttpHeaders& headers) {
  ObjectInfo info;
  info.path = path;
  info.size = size;
  info.e_tag = FindHeader(headers, "etag");
  info.modified_us = ParseHttpTime(FindHeader(headers, "last-modified")).value_or(0);
  return info;
}

Buffer Borrow(std::span<const std::byte> bytes) {
  return Buffer(bytes, nullptr);
}

}  // namespace

// ---- reads --------------------------------------------------------------------------------------

class S3Store::Reads : public PendingReads::State {
 public:
  Reads(S3Store* store, std::vector<ReadRequest> requests)
      : store_(store), requests_(std::move(requests)), batch_(store->client_.get()) {
    for (size_t i = 0; i < requests_.size() && status_.ok(); ++i) {
      status_ = Start(requests_[i]);
    }
  }

  absl::StatusOr<std::vector<Buffer>> Wait() override {
    std::vector<Buffer> buffers;
    buffers.reserve(requests_.size());
    OG_RETURN_IF_ERROR(status_);
    for (size_t i = 0; i < requests_.size(); ++i) {
      if (!numbers_[i].has_value()) {
        buffers.emplace_back();
        continue;
      }
      OG_ASSIGN_OR_RETURN(Buffer bytes, Receive(requests_[i], *numbers_[i]));
      buffers.push_back(std::move(bytes));
    }
    return buffers;
  }

 private:
  absl::Status Start(const ReadRequest& read) {
    OG_RETURN_IF_ERROR(CheckKey(read.path));
    numbers_.emplace_back();
    const ByteRange& range = read.range;
    if (range.length == 0) return absl::OkStatus();
    if (range.offset > kMaxOffset || range.length > kMaxOffset) {
      return CheckRange(store_->client_->Uri(read.path), range, kMaxOffset);
    }
    S3Request request{.operation = "read", .method = "GET", .key = read.path};
    request.headers = {
        {"range", StrCat("bytes=", range.offset, "-", range.offset + range.length - 1)}};
    request.max_response_bytes = std::max(range.length, kMaxErrorBytes);
    request.is_hedged = true;
    numbers_.back() = batch_.Start(std::move(request));
    return absl::OkStatus();
  }

  absl::StatusOr<Buffer> Receive(const ReadRequest& read, size_t number) {
    const S3Answer answer = batch_.Wait(number);
    const std::string uri = store_->client_->Uri(read.path);
    const ByteRange& range = read.range;
    if (!answer.is_success()) {
      const absl::Status failure = store_->Failure(batch_.request(number), answer);
      if (!absl::IsOutOfRange(failure)) return failure;
      return OutOfRangeError(StrCat(FailedCall("read", uri), ": ", range.length,
                                    " bytes at offset ", range.offset, " leave the object"));
    }
    store_->Note(answer);
    const Buffer& body = answer.response.body;
    if (answer.response.status == 200) {  // a server that ignores ranges
      OG_RETURN_IF_ERROR(CheckRange(uri, range, body.size()));
      return body.Slice(range.offset, range.length);
    }
    const auto got = ParseContentRange(FindHeader(answer.response.headers, "content-range"));
    if (!got.has_value() || got->start != range.offset) {
      return DataLossError(StrCat(FailedCall("read", uri), ": asked for ", range.length,
                                  " bytes at ", range.offset, ", the answer is of \"",
                                  FindHeader(answer.response.headers, "content-range"), "\""));
    }
    OG_RETURN_IF_ERROR(CheckRange(uri, range, got->size));
    if (body.size() != range.length) {
      return DataLossError(StrCat(FailedCall("read", uri), ": asked for ", range.length,
                                  " bytes, got ", body.size()));
    }
    return body;
  }

  S3Store* const store_;
  const std::vector<ReadRequest> requests_;
  S3Client::Batch batch_;
  std::vector<std::optional<size_t>> numbers_;  // in the batch; not set: no bytes are wanted
  absl::Status status_;
};

PendingReads S3Store::Submit(std::vector<ReadRequest> requests) {
  return PendingReads(std::make_unique<Reads>(this, std::move(requests)));
}

S3Request S3Store::RequestOfWhole(std::string_view path) const {
  S3Request request{.operation = "read", .method = "GET", .key = std::string(path)};
  request.max_response_bytes = kMaxObjectBytes;
  request.is_hedged = true;
  request.verifies_content = options_.settings.verifies_checksums;
  if (request.verifies_content) request.headers = {{"x-amz-checksum-mode", "ENABLED"}};
  return request;
}

absl::StatusOr<Buffer> S3Store::WholeOf(const S3Request& request, const S3Answer& answer) {
  if (!answer.is_success()) return Failure(request, answer);
  Note(answer);
  return answer.response.body;
}

absl::StatusOr<Buffer> S3Store::Read(std::string_view path) {
  OG_RETURN_IF_ERROR(CheckKey(path));
  const S3Request request = RequestOfWhole(path);
  return WholeOf(request, client_->Call(request));
}

std::vector<absl::StatusOr<Buffer>> S3Store::ReadEach(std::span<const std::string> paths) {
  std::vector<absl::StatusOr<Buffer>> objects(paths.size());
  std::vector<std::optional<size_t>> numbers(paths.size());
  S3Client::Batch batch(client_.get());
  for (size_t i = 0; i < paths.size(); ++i) {
    if (absl::Status wrong = CheckKey(paths[i]); !wrong.ok()) {
      objects[i] = std::move(wrong);
    } else {
      numbers[i] = batch.Start(RequestOfWhole(paths[i]));
    }
  }
  for (size_t i = 0; i < paths.size(); ++i) {
    if (!numbers[i].has_value()) continue;
    const S3Answer answer = batch.Wait(*numbers[i]);
    objects[i] = WholeOf(batch.request(*numbers[i]), answer);
  }
  return objects;
}

absl::StatusOr<Buffer> S3Store::ReadTail(std::string_view path, uint64_t length, uint64_t* size) {
  if (length == 0) {
    OG_ASSIGN_OR_RETURN(const ObjectInfo info, Stat(path));
    *size = info.size;
    return Buffer();
  }
  OG_RETURN_IF_ERROR(CheckKey(path));
  S3Request request{.operation = "read", .method = "GET", .key = std::string(path)};
  request.headers = {{"range", StrCat("bytes=-", std::min(length, kMaxOffset))}};
  request.max_response_bytes = std::max(std::min(length, kMaxObjectBytes), kMaxErrorBytes);
  request.is_hedged = true;
  const S3Answer answer = client_->Call(request);
  if (answer.status.ok() && answer.response.status == 416) {  // there are no last bytes of nothing
    *size = 0;
    return Buffer();
  }
  if (!answer.is_success()) return Failure(request, answer);
  Note(answer);
  const Buffer& body = answer.response.body;
  if (answer.response.status == 200) {
    *size = body.size();
    const uint64_t tail = std::min<uint64_t>(length, body.size());
    return body.Slice(body.size() - tail, tail);
  }
  const auto got = ParseContentRange(FindHeader(answer.response.headers, "content-range"));
  if (!got.has_value() || got->start > got->size || body.size() != got->size - got->start ||
      body.size() != std::min(length, got->size)) {
    return DataLossError(StrCat(FailedCall("read", client_->Uri(path)), ": asked for ", length,
                                " bytes, got ", body.size(), " of \"",
                                FindHeader(answer.response.headers, "content-range"), "\""));
  }
  *size = got->size;
  return body;
}

absl::StatusOr<ObjectInfo> S3Store::Stat(std::string_view path) {
  OG_RETURN_IF_ERROR(CheckKey(path));
  const S3Request request{.operation = "stat", .method = "HEAD", .key = std::string(path)};
  const S3Answer answer = client_->Call(request);
  if (!answer.is_success()) return Failure(request, answer);
  Note(answer);
  const auto size = ParseUint64(FindHeader(answer.response.headers, "content-length"));
  if (!size.has_value()) {
    return DataLossError(StrCat("look for ", client_->Uri(path), ": an answer without a length"));
  }
  return InfoOf(path, *size, answer.response.headers);
}

// ---- writes -------------------------------------------------------------------------------------

// Small objects are one put; others go out part by part while they are written.
class S3Store::Stream : public WriteStream {
 public:
  Stream(S3Store* store, std::string_view path)
      : store_(store), path_(path), part_bytes_(store->options_.part_bytes) {}

  absl::Status Append(std::span<const std::byte> bytes) override {
    size_ += bytes.size();
    while (!bytes.empty()) {
      const size_t room = static_cast<size_t>(part_bytes_) - pending_.size();
      const size_t taken = std::min(room, bytes.size());
      pending_.Append(bytes.first(taken));
      bytes = bytes.subspan(taken);
      // The last part goes with Finish(), so a full one waits until there is more.
      if (pending_.size() == part_bytes_ && !bytes.empty()) OG_RETURN_IF_ERROR(SendPart());
    }
    return absl::OkStatus();
  }

  uint64_t size() const override { return size_; }

  absl::StatusOr<ObjectInfo> Finish() override {
    if (upload_ == nullptr) return store_->Put(path_, pending_.span());
    if (pending_.size() > 0) OG_RETURN_IF_ERROR(SendPart());
    OG_ASSIGN_OR_RETURN(std::string e_tag, upload_->Finish());
    return ObjectInfo{.path = path_, .size = size_, .e_tag = std::move(e_tag)};
  }

 private:
  absl::Status SendPart() {
    if (upload_ == nullptr) {
      OG_ASSIGN_OR_RETURN(upload_, S3Upload::Start(store_->client_.get(), path_));
    }
    Buffer part = std::move(pending_).Share();
    pending_ = MutableBuffer();
    if (++num_parts_ == kEqualParts) part_bytes_ *= kPartGrowth;
    return upload_->AddPart(std::move(part));
  }

  S3Store* const store_;
  const std::string path_;
  uint64_t part_bytes_;
  uint64_t size_ = 0;
  size_t num_parts_ = 0;
  MutableBuffer pending_;
  std::unique_ptr<S3Upload> upload_;
};

absl::StatusOr<std::unique_ptr<WriteStream>> S3Store::OpenWrite(std::string_view path) {
  OG_RETURN_IF_ERROR(CheckKey(path));
  return std::make_unique<Stream>(this, path);
}

absl::StatusOr<ObjectInfo> S3Store::Put(std::string_view path, std::span<const std::byte> bytes) {
  OG_RETURN_IF_ERROR(CheckKey(path));
  if (bytes.size() > options_.part_bytes) {
    Stream stream(this, path);
    OG_RETURN_IF_ERROR(stream.Append(bytes));
    return stream.Finish();
  }
  S3Request request{.operation = "write", .method = "PUT", .key = std::string(path)};
  request.body = Borrow(bytes);
  request.has_body = true;
  request.has_content = true;
  const S3Answer answer = client_->Call(request);
  if (!answer.is_success()) return Failure(request, answer);
  Note(answer);
  return InfoOf(path, bytes.size(), answer.response.headers);
}

absl::StatusOr<ObjectInfo> S3Store::PutIfAbsent(std::string_view path,
                                                std::span<const std::byte> bytes) {
  OG_RETURN_IF_ERROR(CheckKey(path));
  return PutConditionally(path, bytes, {"if-none-match", "*"}, ObjectExists(client_->Uri(path)));
}

absl::StatusOr<ObjectInfo> S3Store::PutIfMatch(std::string_view path,
                                               std::span<const std::byte> bytes,
                                               std::string_view e_tag) {
  OG_RETURN_IF_ERROR(CheckKey(path));
  const std::string uri = client_->Uri(path);
  if (!e_tag.starts_with(kContentTokenPrefix)) {
    return PutConditionally(path, bytes, {"if-match", std::string(e_tag)},
                            TokenDiffers(uri, "another", e_tag));
  }
  // The content decides: what has it now is replaced only as long as it stays.
  const S3Request request{.operation = "read", .method = "GET", .key = std::string(path)};
  const S3Answer answer = client_->Call(request);
  if (!answer.is_success()) {
    const absl::Status failure = Failure(request, answer);
    return absl::IsNotFound(failure) ? TokenDiffers(uri, "", e_tag) : failure;
  }
  const std::string found = ContentToken(answer.response.body.span());
  if (found != e_tag) return TokenDiffers(uri, found, e_tag);
  return PutConditionally(path, bytes,
                          {"if-match", std::string(FindHeader(answer.response.headers, "etag"))},
                          TokenDiffers(uri, "another", e_tag));
}

absl::StatusOr<ObjectInfo> S3Store::PutConditionally(std::string_view path,
                                                     std::span<const std::byte> bytes,
                                                     HttpHeader condition,
                                                     const absl::Status& lost) {
  const std::string mark = NewPutMark(*client_);
  S3Request request{.operation = "write", .method = "PUT", .key = std::string(path)};
  request.headers = {std::move(condition), {std::string(kPutMarkHeader), mark}};
  request.body = Borrow(bytes);
  request.has_body = true;
  request.has_content = true;
  const S3Answer answer = client_->Call(request);
  if (answer.is_success()) {
    Note(answer);
    return InfoOf(path, bytes.size(), answer.response.headers);
  }
  const absl::Status failure = Failure(request, answer);
  if (absl::IsAborted(failure)) {
    // 412 may be the answer to a second attempt that met the first, also to one of libcurl's.
    return ReadBack(path, bytes, mark, lost, failure);
  }
  if (answer.status.ok() && absl::IsNotFound(failure)) return lost;  // If-Match: there is none
  if (answer.may_have_happened) return ReadBack(path, bytes, mark, lost, failure);
  return failure;
}

absl::StatusOr<ObjectInfo> S3Store::ReadBack(std::string_view path,
                                             std::span<const std::byte> bytes,
                                             std::string_view mark, const absl::Status& lost,
                                             const absl::Status& failure) {
  S3Request request{.operation = "read back", .method = "GET", .key = std::string(path)};
  request.max_response_bytes = kMaxObjectBytes;
  const S3Answer answer = client_->Call(request);
  if (answer.is_success()) {
    const std::string_view found = FindHeader(answer.response.headers, kPutMarkHeader);
    const Buffer& body = answer.response.body;
    const bool is_ours = found.empty() ? std::ranges::equal(body.span(), bytes) : found == mark;
    return is_ours ? absl::StatusOr<ObjectInfo>(InfoOf(path, body.size(), answer.response.headers))
                   : lost;
  }
  const absl::Status unread = Failure(request, answer);
  // Gone since it was refused because of its condition: not ours. Not there after attempts without
  // an answer: it did not happen.
  if (absl::IsNotFound(unread)) return absl::IsAborted(failure) ? lost : failure;
  return UnknownError(
      StrCat(Message(failure), "; whether it took effect is unknown: ", Message(unread)));
}

// ---- lists --------------------------------------------------------------------------------------

absl::StatusOr<S3ListPage> S3Store::ListPage(std::string_view prefix, bool is_recursive,
                                             uint64_t max_keys, std::string_view token) {
  S3Request request{.operation = "list", .method = "GET"};
  request.query = {{"list-type", "2"}, {"encoding-type", "url"}, {"max-keys", StrCat(max_keys)}};
  const std::string folder = prefix.empty() ? std::string() : StrCat(prefix, "/");
  request.query.emplace_back("prefix", folder);
  if (!is_recursive) request.query.emplace_back("delimiter", "/");
  if (!token.empty()) request.query.emplace_back("continuation-token", token);
  request.subject = folder;
  const std::string context = FailedCall("list", client_->Uri(folder));
  const S3Answer answer = client_->Call(request);
  if (!answer.is_success()) return Failure(request, answer);
  Note(answer);
  absl::StatusOr<S3ListPage> page = ParseListPage(answer.response.body.view());
  if (!page.ok()) return Annotate(page.status(), context);
  if (!page->next_token.empty() && page->next_token == token) {
    return DataLossError(StrCat(context, ": the list does not go on"));
  }
  for (const ObjectInfo& info : page->objects) {
    if (!info.path.starts_with(folder)) {
      return DataLossError(StrCat(context, ": the answer has \"", info.path, "\""));
    }
  }
  return page;
}

absl::StatusOr<std::vector<ObjectInfo>> S3Store::ListUpTo(std::string_view prefix,
                                                          bool is_recursive, size_t limit) {
  OG_RETURN_IF_ERROR(CheckPrefix(prefix));
  std::vector<ObjectInfo> infos;
  if (limit == 0) return infos;
  std::string token;
  bool is_sorted = true;
  do {
    const uint64_t missing = is_sorted ? limit - infos.size() : options_.page_keys;
    OG_ASSIGN_OR_RETURN(S3ListPage page, ListPage(prefix, is_recursive,
                                                  std::min(missing, options_.page_keys), token));
    for (ObjectInfo& info : page.objects) {
      // Keys that no path of ours can name, like the markers "folder/", are not objects here.
      if (!CheckPath(info.path).ok() || IsTemporaryName(info.path)) continue;
      infos.push_back(std::move(info));
    }
    token = std::move(page.next_token);
    // Servers that keep folders may list what is in "a/" before "a.x": then the first names may
    // come last.
    is_sorted = std::ranges::is_sorted(infos, {}, &ObjectInfo::path);
  } while (!token.empty() && (!is_sorted || infos.size() < limit));
  if (!is_sorted) std::ranges::sort(infos, {}, &ObjectInfo::path);
  if (infos.size() > limit) infos.resize(limit);
  return infos;
}

absl::StatusOr<std::vector<ObjectInfo>> S3Store::List(std::string_view prefix,
                                                      const ListOptions& options) {
  return ListUpTo(prefix, options.recursive, SIZE_MAX);
}

absl::StatusOr<std::vector<ObjectInfo>> S3Store::ListFirst(std::string_view prefix, size_t limit) {
  return ListUpTo(prefix, /*is_recursive=*/false, limit);
}

// ---- copies and deletions -----------------------------------------------------------------------

absl::Status S3Store::Copy(std::string_view from, std::string_view to) {
  OG_RETURN_IF_ERROR(CheckKey(to));
  OG_ASSIGN_OR_RETURN(const ObjectInfo source, Stat(from));
  if (from == to) return absl::OkStatus();
  if (source.size > options_.max_copy_bytes) return CopyInParts(source, to);
  S3Request request{.operation = "copy", .method = "PUT", .key = std::string(to)};
  request.headers = {{"x-amz-copy-source", StrCat("/", PercentEncode(client_->bucket(), false), "/",
                                                  PercentEncode(from, true))},
                     {"x-amz-copy-source-if-match", source.e_tag}};
  request.is_slow = true;
  request.has_result_in_body = true;
  const S3Answer answer = client_->Call(request);
  if (!answer.is_success()) return Annotate(Failure(request, answer), client_->Uri(from));
  return Annotate(ParseResultETag(answer.response.body.view()).status(),
                  FailedCall("copy", client_->Uri(to)));
}

absl::Status S3Store::CopyInParts(const ObjectInfo& from, std::string_view to) {
  OG_ASSIGN_OR_RETURN(const std::unique_ptr<S3Upload> upload, S3Upload::Start(client_.get(), to));
  for (uint64_t offset = 0; offset < from.size; offset += options_.copy_part_bytes) {
    OG_RETURN_IF_ERROR(upload->AddCopy(from.path, from.e_tag, offset,
                                       std::min(options_.copy_part_bytes, from.size - offset)));
  }
  return upload->Finish().status();
}

absl::Status S3Store::Rename(std::string_view from, std::string_view to) {
  OG_RETURN_IF_ERROR(Copy(from, to));
  return from == to ? absl::OkStatus() : Delete(from);
}

absl::Status S3Store::Delete(std::string_view path) {
  OG_RETURN_IF_ERROR(CheckKey(path));
  return DeleteOneByOne({std::string(path)});
}

absl::Status S3Store::DeletePrefix(std::string_view prefix) {
  OG_RETURN_IF_ERROR(CheckKey(prefix));
  std::string token;
  do {
    OG_ASSIGN_OR_RETURN(S3ListPage page, ListPage(prefix, true, options_.page_keys, token));
    std::vector<std::string> keys;
    keys.reserve(page.objects.size());
    for (ObjectInfo& info : page.objects) {
      keys.push_back(std::move(info.path));
    }
    OG_RETURN_IF_ERROR(DeleteKeys(std::move(keys)));
    token = std::move(page.next_token);
  } while (!token.empty());
  return absl::OkStatus();
}

absl::Status S3Store::DeleteKeys(std::vector<std::string> keys) {
  // Keys that XML cannot carry go alone.
  const auto odd = std::ranges::stable_partition(keys, IsXmlText);
  const std::vector<std::string> alone(odd.begin(), odd.end());
  keys.erase(odd.begin(), odd.end());
  OG_RETURN_IF_ERROR(DeleteOneByOne(alone));
  if (keys.empty()) return absl::OkStatus();
  if (keys.size() == 1 || !can_delete_many_) return DeleteOneByOne(keys);
  S3Request request{.operation = "delete", .method = "POST", .query = {{"delete", ""}}};
  request.body = Buffer::CopyOf(FormatDelete(keys));
  request.has_body = true;
  request.has_content = true;
  request.headers = {{"content-type", "application/xml"}};
  // Servers before 2024 want it; later ones take the checksum.
  if (const auto md5 = Md5(request.body.span())) {
    request.headers.push_back({"content-md5", EncodeBase64(*md5)});
  }
  const S3Answer answer = client_->Call(request);
  if (!answer.is_success()) {
    const absl::Status failure = Failure(request, answer);
    if (!absl::IsUnimplemented(failure)) return failure;
    can_delete_many_ = false;
    return DeleteOneByOne(keys);
  }
  const auto failures = ParseDeleteResult(answer.response.body.view());
  if (!failures.ok()) return Annotate(failures.status(), FailedCall("delete", scheme_root_));
  std::vector<std::string> again;
  for (const S3DeleteFailure& failure : *failures) {
    again.push_back(failure.key);
  }
  return DeleteOneByOne(again);  // which tells the reason if it fails again
}

absl::Status S3Store::DeleteOneByOne(const std::vector<std::string>& keys) {
  S3Client::Batch batch(client_.get());
  const auto wait = [&](size_t number) -> absl::Status {
    const S3Answer answer = batch.Wait(number);
    if (answer.is_success()) return absl::OkStatus();
    const absl::Status failure = Failure(batch.request(number), answer);
    return absl::IsNotFound(failure) ? absl::OkStatus() : failure;
  };
  for (size_t i = 0; i < keys.size(); ++i) {
    batch.Start({.operation = "delete", .method = "DELETE", .key = keys[i]});
    if (i >= kDeletesAtOnce) OG_RETURN_IF_ERROR(wait(i - kDeletesAtOnce));
  }
  for (size_t i = keys.size() - std::min(keys.size(), kDeletesAtOnce); i < keys.size(); ++i) {
    OG_RETURN_IF_ERROR(wait(i));
  }
  return absl::OkStatus();
}

absl::Status S3Store::Sync(std::span<const std::string> paths, Durability) {
  for (const std::string& path : paths) {
    OG_RETURN_IF_ERROR(CheckKey(path));
  }
  return absl::OkStatus();
}

// ---- the store ----------------------------------------------------------------------------------

S3Store::S3Store(S3StoreOptions options, std::unique_ptr<S3Client> client)
    : options_(std::move(options)),
      client_(std::move(client)),
      scheme_root_(StrCat("s3://", options_.bucket, "/")) {}

absl::StatusOr<std::unique_ptr<S3Store>> S3Store::Open(S3StoreOptions options) {
  OG_ASSIGN_OR_RETURN(auto client,
                      S3Client::Open(options.bucket, options.settings, options.runtime));
  return std::unique_ptr<S3Store>(new S3Store(std::move(options), std::move(client)));
}

void S3Store::Note(const S3Answer& answer) {
  if (answer.is_success()) is_bucket_known_.store(true, std::memory_order_relaxed);
}

absl::Status S3Store::Failure(const S3Request& request, const S3Answer& answer) {
  const absl::Status failure = client_->StatusOf(request, answer);
  if (!absl::IsNotFound(failure)) return failure;
  if (answer.error.code == "NoSuchKey" || is_bucket_known_.load(std::memory_order_relaxed)) {
    return failure;
  }
  // The answer to HEAD has no body that would tell a missing bucket from a missing object. Who may
  // not list the bucket learns at least that it is there.
  const S3Request probe{.operation = request.operation,
                        .method = "GET",
                        .subject = request.key,
                        .query = {{"list-type", "2"}, {"max-keys", "1"}}};
  const S3Answer bucket = client_->Call(probe);
  if (!bucket.status.ok()) return bucket.status;
  if (bucket.response.status == 404) return client_->StatusOf(probe, bucket);
  is_bucket_known_.store(true, std::memory_order_relaxed);
  return failure;
}

}  // namespace og::io
