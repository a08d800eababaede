// Where requests go: endpoints, the two ways of naming a bucket in a URL, and percent-encoding as
// signatures want it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"

namespace og::io {

// "https://host:port/base". The port is absent where it is the scheme's own.
struct S3Endpoint {
  bool is_https = true;
  std::string host;       // with ":port" where that is not the default
  std::string base_path;  // "" or "/..." without a trailing slash

  std::string Url() const;
  friend bool operator==(const S3Endpoint&, const S3Endpoint&) = default;
};

// kInvalidArgument unless `text` is http:// or https:// with a host, and without user, query and
// fragment.
absl::StatusOr<S3Endpoint> ParseEndpoint(std::string_view text);

// The service "s3", "sts" of Amazon in `region`.
S3Endpoint AwsEndpoint(std::string_view service, std::string_view region);

enum class S3Style : uint8_t {
  kPath,         // https://endpoint/bucket/key
  kVirtualHost,  // https://bucket.endpoint/key
};

// Host and encoded path of an object; of the bucket itself for an empty key.
struct S3Address {
  std::string host;
  std::string path;
};

// A bucket with dots is addressed by path over TLS: no wildcard certificate covers it. An endpoint
// whose host starts with "bucket." already names the bucket under kVirtualHost.
S3Address AddressOf(const S3Endpoint& endpoint, S3Style style, std::string_view bucket,
                    std::string_view key);

// RFC 3986 with upper-case digits: all but A-Z a-z 0-9 - . _ ~ is encoded, and '/' unless kept.
std::string PercentEncode(std::string_view text, bool keeps_slash);

// The inverse, for keys of a list: '+' is a blank there. nullopt for "%" without two digits.
std::optional<std::string> PercentDecode(std::string_view text);

using QueryParts = std::vector<std::pair<std::string, std::string>>;

// "a=b&c=" of unencoded parts, encoded and sorted: both the URL's query and the signed form.
std::string CanonicalQuery(const QueryParts& parts);

}  // namespace og::io
