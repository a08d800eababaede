#include "io/store/path.h"

#include <algorithm>
#include <string>

#include "io/base/status.h"
#include "io/base/text.h"

namespace og::io {

absl::Status CheckPath(std::string_view path) {
  for (size_t start = 0; start <= path.size();) {
    const size_t end = std::min(path.find('/', start), path.size());
    const std::string_view segment = path.substr(start, end - start);
    if (segment.empty() || segment == "." || segment == ".." ||
        segment.find('\0') != std::string_view::npos) {
      return InvalidArgumentError(
          StrCat("\"", path, "\" is no object path: segment \"", segment, "\""));
    }
    start = end + 1;
  }
  return absl::OkStatus();
}

absl::Status CheckPrefix(std::string_view prefix) {
  return prefix.empty() ? absl::OkStatus() : CheckPath(prefix);
}

absl::Status CheckRange(std::string_view path, const ByteRange& range, uint64_t size) {
  if (range.offset <= size && range.length <= size - range.offset) return absl::OkStatus();
  return OutOfRangeError(StrCat(FailedCall("read", path), ": ", range.length, " bytes at offset ",
                                range.offset, " leave the object of ", size, " bytes"));
}

bool IsTemporaryName(std::string_view name) {
  const size_t hash = name.rfind('#');
  return hash != std::string_view::npos && hash + 1 < name.size() &&
         name.find_first_not_of("0123456789", hash + 1) == std::string_view::npos;
}

std::string FailedCall(std::string_view call, std::string_view uri) {
  return StrCat("storage ", call, " failed for '", uri, "'");
}

absl::Status NoSuchObject(std::string_view path) {
  return NotFoundError(StrCat(path, ": no such object"));
}

absl::Status ObjectExists(std::string_view path) {
  return AlreadyExistsError(StrCat(path, ": the object exists"));
}

absl::Status TokenDiffers(std::string_view path, std::string_view found, std::string_view wanted) {
  return AbortedError(StrCat(path, ": replaced meanwhile: found ",
                             found.empty() ? std::string_view("no object") : found, ", wanted ",
                             wanted));
}

}  // namespace og::io
