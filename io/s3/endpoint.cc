#include "io/s3/endpoint.h"

#include <algorithm>

#include "io/base/status.h"
#include "io/base/text.h"

namespace og::io {
namespace {

bool IsUnreserved(char c) {
  return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' ||
         c == '.' || c == '_' || c == '~';
}

int HexDigit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

}  // namespace

std::string S3Endpoint::Url() const {
  return StrCat(is_https ? "https://" : "http://", host, base_path);
}

absl::StatusOr<S3Endpoint> ParseEndpoint(std::string_view text) {
  const auto wrong = [text](std::string_view reason) {
    return InvalidArgumentError(StrCat("endpoint \"", text, "\": ", reason));
  };
  S3Endpoint endpoint;
  std::string_view rest = text;
  std::string_view default_port;
  if (rest.starts_with("https://")) {
    rest.remove_prefix(8);
    default_port = ":443";
  } else if (rest.starts_with("http://")) {
    rest.remove_prefix(7);
    endpoint.is_https = false;
    default_port = ":80";
  } else {
    return wrong("wanted http://host or https://host");
  }
  if (rest.find_first_of("?#@ \\") != std::string_view::npos ||
      std::ranges::any_of(rest, [](char c) { return static_cast<unsigned char>(c) <= ' '; })) {
    return wrong("user, query, fragment and blanks are not allowed");
  }
  const size_t slash = std::min(rest.find('/'), rest.size());
  std::string_view host = rest.substr(0, slash);
  std::string_view base = rest.substr(slash);
  while (base.ends_with('/')) {
    base.remove_suffix(1);
  }
  if (host.ends_with(default_port)) host.remove_suffix(default_port.size());
  if (host.empty() || host.starts_with(':')) return wrong("no host");
  endpoint.host = host;
  endpoint.base_path = base;
  return endpoint;
}

S3Endpoint AwsEndpoint(std::string_view service, std::string_view region) {
  const std::string_view suffix =
      region.starts_with("cn-") ? ".amazonaws.com.cn" : ".amazonaws.com";
  return {.is_https = true, .host = StrCat(service, ".", region, suffix), .base_path = ""};
}

S3Address AddressOf(const S3Endpoint& endpoint, S3Style style, std::string_view bucket,
                    std::string_view key) {
  const std::string path = PercentEncode(key, /*keeps_slash=*/true);
  const bool has_dots = bucket.find('.') != std::string_view::npos;
  if (style == S3Style::kVirtualHost && !(has_dots && endpoint.is_https)) {
    const std::string prefix = StrCat(bucket, ".");
    return {endpoint.host.starts_with(prefix) ? endpoint.host : StrCat(prefix, endpoint.host),
            StrCat(endpoint.base_path, "/", path)};
  }
  return {endpoint.host, StrCat(endpoint.base_path, "/", PercentEncode(bucket, false),
                                key.empty() ? "" : "/", path)};
}

std::string PercentEncode(std::string_view text, bool keeps_slash) {
  constexpr std::string_view kDigits = "0123456789ABCDEF";
  std::string encoded;
  encoded.reserve(text.size());
  for (const char c : text) {
    if (IsUnreserved(c) || (keeps_slash && c == '/')) {
      encoded.push_back(c);
      continue;
    }
    const auto byte = static_cast<unsigned char>(c);
    encoded.push_back('%');
    encoded.push_back(kDigits[byte >> 4]);
    encoded.push_back(kDigits[byte & 15]);
  }
  return encoded;
}

std::optional<std::string> PercentDecode(std::string_view text) {
  std::string decoded;
  decoded.reserve(text.size());
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '+') {
      decoded.push_back(' ');
    } else if (text[i] != '%') {
      decoded.push_back(text[i]);
    } else {
      if (text.size() - i < 3) return std::nullopt;
      const int high = HexDigit(text[i + 1]), low = HexDigit(text[i + 2]);
      if (high < 0 || low < 0) return std::nullopt;
      decoded.push_back(static_cast<char>(high * 16 + low));
      i += 2;
    }
  }
  return decoded;
}

std::string CanonicalQuery(const QueryParts& parts) {
  std::vector<std::pair<std::string, std::string>> encoded;
  encoded.reserve(parts.size());
  for (const auto& [name, value] : parts) {
    encoded.emplace_back(PercentEncode(name, false), PercentEncode(value, false));
  }
  std::ranges::sort(encoded);
  std::string query;
  for (const auto& [name, value] : encoded) {
    query.append(StrCat(query.empty() ? "" : "&", name, "=", value));
  }
  return query;
}

}  // namespace og::io
