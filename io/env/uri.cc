#include "io/env/uri.h"

#include <algorithm>
#include <cctype>

#include "io/base/status.h"
#include "io/base/text.h"
#include "io/env/env.h"

namespace og::io {
namespace {

// "s3" of "s3://...": a letter, then letters, digits, '+', '-', '.'. Empty when there is none.
std::string_view SchemeOf(std::string_view uri) {
  const size_t colon = uri.find("://");
  if (colon == std::string_view::npos || colon == 0) return {};
  for (size_t i = 0; i < colon; ++i) {
    const auto c = static_cast<unsigned char>(uri[i]);
    const bool is_allowed = std::isalpha(c) != 0 ||
                            (i > 0 && (std::isdigit(c) != 0 || c == '+' || c == '-' || c == '.'));
    if (!is_allowed) return {};
  }
  return uri.substr(0, colon);
}

}  // namespace

absl::StatusOr<ParsedUri> ParseUri(std::string_view uri, std::string_view working_folder) {
  if (uri.empty()) return InvalidArgumentError("empty URI");
  if (uri.find('\0') != std::string_view::npos) {
    return InvalidArgumentError("a URI with a NUL character");
  }
  const std::string_view scheme = SchemeOf(uri);
  ParsedUri parsed;
  if (scheme.empty() || scheme == "file") {
    std::string_view path = uri;
    if (!scheme.empty()) {
      path.remove_prefix(scheme.size() + 3);
      if (path.starts_with("localhost/")) path.remove_prefix(std::string_view("localhost").size());
      if (!path.starts_with('/')) {
        return InvalidArgumentError(StrCat(uri, ": a file URI has an absolute path, file:///..."));
      }
    }
    parsed.path = AbsolutePath(path, working_folder).substr(1);
    return parsed;
  }

  if (scheme == "memory") {
    parsed.scheme = ParsedUri::Scheme::kMemory;
  } else if (scheme == "s3") {
    parsed.scheme = ParsedUri::Scheme::kS3;
  } else {
    return UnimplementedError(StrCat(uri, ": unknown scheme \"", scheme, "\""));
  }
  std::string_view rest = uri.substr(scheme.size() + 3);
  const size_t slash = std::min(rest.find('/'), rest.size());
  parsed.authority = rest.substr(0, slash);
  if (parsed.authority.empty()) {
    return InvalidArgumentError(StrCat(uri, ": no name after \"", scheme, "://\""));
  }
  // Dot segments end at the root of the store.
  parsed.path = AbsolutePath(rest.substr(slash), "/").substr(1);
  return parsed;
}

}  // namespace og::io
