#include "io/s3/messages.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "io/base/status.h"
#include "io/base/status_macros.h"
#include "io/base/text.h"
#include "io/s3/endpoint.h"
#include "io/s3/http_time.h"
#include "io/s3/xml.h"

namespace og::io {
namespace {

constexpr size_t kMaxExcerpt = 200;

// The start of `text` on one line.
std::string Excerpt(std::string_view text) {
  std::string line(text.substr(0, kMaxExcerpt));
  std::ranges::replace_if(
      line, [](char c) { return static_cast<unsigned char>(c) < ' ' || c == '\x7f'; }, ' ');
  return line;
}

absl::StatusOr<XmlElement> ParseRoot(std::string_view body,
                                     std::initializer_list<std::string_view> names) {
  OG_ASSIGN_OR_RETURN(XmlElement root, ParseXml(body));
  if (std::ranges::find(names, root.name) == names.end()) {
    return DataLossError(
        StrCat("the answer is <", Excerpt(root.name), ">, wanted <", *names.begin(), ">"));
  }
  return root;
}

S3Error ErrorOf(const XmlElement& element) {
  S3Error error;
  error.code = element.TextOf("Code");
  error.message = element.TextOf("Message");
  error.region = element.TextOf("Region");
  error.endpoint = element.TextOf("Endpoint");
  error.request_id = element.TextOf("RequestId");
  return error;
}

absl::StatusOr<ObjectInfo> ObjectOf(const XmlElement& contents, bool is_encoded) {
  ObjectInfo info;
  std::optional<std::string> key(contents.TextOf("Key"));
  if (is_encoded) key = PercentDecode(*key);
  const auto size = ParseUint64(contents.TextOf("Size"));
  const auto modified_us = ParseIsoTime(contents.TextOf("LastModified"));
  if (!key.has_value() || key->empty() || !size.has_value() || !modified_us.has_value()) {
    return DataLossError(StrCat("an object of the list: key \"", contents.TextOf("Key"),
                                "\", size \"", contents.TextOf("Size"), "\", modified \"",
                                contents.TextOf("LastModified"), "\""));
  }
  info.path = *std::move(key);
  info.size = *size;
  info.modified_us = *modified_us;
  info.e_tag = contents.TextOf("ETag");
  return info;
}

}  // namespace

bool IsS3ErrorBody(std::string_view body) {
  const auto root = ParseXml(body);
  return root.ok() && root->name == "Error";
}

S3Error ParseS3Error(std::string_view body) {
  const auto root = ParseXml(body);
  if (root.ok() && root->name == "Error") return ErrorOf(*root);
  S3Error error;
  error.message = Excerpt(body);
  return error;
}

absl::StatusOr<S3ListPage> ParseListPage(std::string_view body) {
  OG_ASSIGN_OR_RETURN(const XmlElement root, ParseRoot(body, {"ListBucketResult"}));
  S3ListPage page;
  const bool is_encoded = root.TextOf("EncodingType") == "url";
  for (const XmlElement& child : root.children) {
    if (child.name != "Contents") continue;
    OG_ASSIGN_OR_RETURN(ObjectInfo info, ObjectOf(child, is_encoded));
    page.objects.push_back(std::move(info));
  }
  if (root.TextOf("IsTruncated") == "true") {
    page.next_token = root.TextOf("NextContinuationToken");
    if (page.next_token.empty()) {
      return DataLossError("a list that goes on, without NextContinuationToken");
    }
  }
  return page;
}

absl::StatusOr<std::string> ParseUploadId(std::string_view body) {
  OG_ASSIGN_OR_RETURN(const XmlElement root, ParseRoot(body, {"InitiateMultipartUploadResult"}));
  const std::string_view id = root.TextOf("UploadId");
  if (id.empty()) return DataLossError("an InitiateMultipartUploadResult without UploadId");
  return std::string(id);
}

absl::StatusOr<std::string> ParseResultETag(std::string_view body) {
  OG_ASSIGN_OR_RETURN(const XmlElement root, ParseRoot(body, {"CopyObjectResult", "CopyPartResult",
                                                              "CompleteMultipartUploadResult"}));
  const std::string_view e_tag = root.TextOf("ETag");
  if (e_tag.empty()) return DataLossError(StrCat("a ", root.name, " without ETag"));
  return std::string(e_tag);
}

absl::StatusOr<std::vector<S3DeleteFailure>> ParseDeleteResult(std::string_view body) {
  OG_ASSIGN_OR_RETURN(const XmlElement root, ParseRoot(body, {"DeleteResult"}));
  std::vector<S3DeleteFailure> failures;
  for (const XmlElement& child : root.children) {
    if (child.name != "Error" || child.TextOf("Code") == "NoSuchKey") continue;
    failures.push_back({std::string(child.TextOf("Key")), ErrorOf(child)});
  }
  return failures;
}

std::string FormatCompleteUpload(std::span<const S3Part> parts) {
  std::string body = "<CompleteMultipartUpload xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">";
  for (size_t i = 0; i < parts.size(); ++i) {
    body.append(StrCat("<Part><PartNumber>", i + 1, "</PartNumber><ETag>",
                       XmlEscape(parts[i].e_tag), "</ETag>"));
    if (!parts[i].sha256_base64.empty()) {
      body.append(StrCat("<ChecksumSHA256>", parts[i].sha256_base64, "</ChecksumSHA256>"));
    }
    body.append("</Part>");
  }
  body.append("</CompleteMultipartUpload>");
  return body;
}

std::string FormatDelete(std::span<const std::string> keys) {
  std::string body =
      "<Delete xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><Quiet>true</Quiet>";
  for (const std::string& key : keys) {
    body.append(StrCat("<Object><Key>", XmlEscape(key), "</Key></Object>"));
  }
  body.append("</Delete>");
  return body;
}

bool IsXmlText(std::string_view text) {
  return std::ranges::none_of(text, [](char c) { return static_cast<unsigned char>(c) < ' '; });
}

}  // namespace og::io
