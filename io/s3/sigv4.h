// AWS Signature Version 4: what Amazon's services and their likes authenticate requests by.
//
//   canonical request  method, path, query, signed headers with values, their names, payload hash,
//                      one a line
//   string to sign     "AWS4-HMAC-SHA256", time, "day/region/service/aws4_request", SHA-256 of the
//                      canonical request, one a line
//   signature          HMAC-SHA256 of that under a key derived from secret, day, region, service
//
// Paths are taken as they are sent, encoded once and not normalised: the rule of the service "s3".
// Source: "Signature Calculations for the Authorization Header" of the Amazon S3 API reference.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace og::io {

struct HttpHeader {
  std::string name;  // lower-case
  std::string value;
};
using HttpHeaders = std::vector<HttpHeader>;

// The value of the first header `name` (lower-case), or an empty text.
std::string_view FindHeader(const HttpHeaders& headers, std::string_view name);

struct Credentials {
  std::string access_key_id;
  std::string secret_access_key;
  std::string session_token = {};  // empty: none
  int64_t expires_us = INT64_MAX;  // since the epoch

  friend bool operator==(const Credentials&, const Credentials&) = default;
};

struct SigningScope {
  std::string_view region;
  std::string_view service;
};

// What is signed: a request as it will be sent. `headers` are signed all; they have "host" and
// "x-amz-date".
struct SignedParts {
  std::string_view method;
  std::string_view path;   // encoded
  std::string_view query;  // CanonicalQuery()
  const HttpHeaders& headers;
  std::string_view payload_hash;  // hexadecimal SHA-256 or a word like "UNSIGNED-PAYLOAD"
};

std::string CanonicalRequest(const SignedParts& parts);

// `amz_time` as FormatAmzTime().
std::string StringToSign(const SigningScope& scope, std::string_view amz_time,
                         std::string_view canonical_request);

// The value of the header "authorization".
std::string AuthorizationHeader(const Credentials& credentials, const SigningScope& scope,
                                std::string_view amz_time, const SignedParts& parts);

}  // namespace og::io
