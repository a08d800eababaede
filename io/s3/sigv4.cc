#include "io/s3/sigv4.h"

#include <algorithm>
#include <array>
#include <map>

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "io/base/check.h"
#include "io/base/sha256.h"
#include "io/base/text.h"

namespace og::io {
namespace {

constexpr std::string_view kAlgorithm = "AWS4-HMAC-SHA256";

Sha256Digest Hmac(std::span<const std::byte> key, std::string_view text) {
  Sha256Digest digest;
  unsigned int length = 0;
  const unsigned char* made = HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()),
                                   reinterpret_cast<const unsigned char*>(text.data()), text.size(),
                                   reinterpret_cast<unsigned char*>(digest.data()), &length);
  OG_CHECK(made != nullptr && length == digest.size());
  return digest;
}

std::string CredentialScope(const SigningScope& scope, std::string_view amz_time) {
  return StrCat(amz_time.substr(0, 8), "/", scope.region, "/", scope.service, "/aws4_request");
}

// Values by name, in order; blanks around and between words are one.
std::map<std::string, std::string> CanonicalHeaders(const HttpHeaders& headers) {
  std::map<std::string, std::string> canonical;
  for (const HttpHeader& header : headers) {
    std::string value;
    for (const char c : Trim(header.value)) {
      if (c == ' ' && value.ends_with(' ')) continue;
      value.push_back(c);
    }
    const auto [it, is_new] = canonical.try_emplace(header.name, value);
    if (!is_new) it->second.append(StrCat(",", value));
  }
  return canonical;
}

std::string SignedHeaderNames(const HttpHeaders& headers) {
  std::string names;
  for (const auto& [name, value] : CanonicalHeaders(headers)) {
    names.append(StrCat(names.empty() ? "" : ";", name));
  }
  return names;
}

}  // namespace

std::string_view FindHeader(const HttpHeaders& headers, std::string_view name) {
  const auto it = std::ranges::find(headers, name, &HttpHeader::name);
  return it == headers.end() ? std::string_view() : std::string_view(it->value);
}

std::string CanonicalRequest(const SignedParts& parts) {
  std::string text = StrCat(parts.method, "\n", parts.path, "\n", parts.query, "\n");
  for (const auto& [name, value] : CanonicalHeaders(parts.headers)) {
    text.append(StrCat(name, ":", value, "\n"));
  }
  text.append(StrCat("\n", SignedHeaderNames(parts.headers), "\n", parts.payload_hash));
  return text;
}

std::string StringToSign(const SigningScope& scope, std::string_view amz_time,
                         std::string_view canonical_request) {
  return StrCat(kAlgorithm, "\n", amz_time, "\n", CredentialScope(scope, amz_time), "\n",
                Sha256Hex(canonical_request));
}

std::string AuthorizationHeader(const Credentials& credentials, const SigningScope& scope,
                                std::string_view amz_time, const SignedParts& parts) {
  const std::string secret = StrCat("AWS4", credentials.secret_access_key);
  Sha256Digest key = Hmac(AsBytes(secret), amz_time.substr(0, 8));
  key = Hmac(key, scope.region);
  key = Hmac(key, scope.service);
  key = Hmac(key, "aws4_request");
  const Sha256Digest signature = Hmac(key, StringToSign(scope, amz_time, CanonicalRequest(parts)));
  return StrCat(
      kAlgorithm, " Credential=", credentials.access_key_id, "/", CredentialScope(scope, amz_time),
      ",SignedHeaders=", SignedHeaderNames(parts.headers), ",Signature=", HexBytes(signature));
}

}  // namespace og::io
