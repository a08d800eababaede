// What every store checks about paths and ranges, so that all refuse the same.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/status.h"

#include "io/store/store.h"

namespace og::io {

// kInvalidArgument unless `path` is a path of the contract: segments joined by '/', none empty,
// "." or "..", no NUL byte, not empty itself.
absl::Status CheckPath(std::string_view path);

// The same, but "" is allowed: a prefix that names the whole store.
absl::Status CheckPrefix(std::string_view prefix);

// kOutOfRange unless `range` lies inside an object of `size` bytes. The message names both.
absl::Status CheckRange(std::string_view path, const ByteRange& range, uint64_t size);

// Whether a name is a writer's temporary one: it ends in '#' and decimal digits.
bool IsTemporaryName(std::string_view name);

// "storage {call} failed for '{uri}'": how the errors of every store begin, so that each names what
// was asked for and of which object. Local objects are named by their absolute paths.
//
// Source: surfaces.md 5.
std::string FailedCall(std::string_view call, std::string_view uri);

// Errors that all stores word alike.
absl::Status NoSuchObject(std::string_view path);
absl::Status ObjectExists(std::string_view path);
absl::Status TokenDiffers(std::string_view path, std::string_view found, std::string_view wanted);

}  // namespace og::io
