// Assertions about our own invariants. An assertion is for a bug, a Status is for the world: bytes
// from storage and arguments of users never reach one of these unchecked.
#pragma once

namespace og::io {

// Prints "file:line: check failed: text" to stderr and aborts.
[[noreturn]] void CheckFailed(const char* file, int line, const char* text);

}  // namespace og::io

// Always on.
#define OG_CHECK(condition) \
  (static_cast<bool>(condition) ? void(0) : ::og::io::CheckFailed(__FILE__, __LINE__, #condition))

// On in debug and sanitizer builds.
#ifdef NDEBUG
#define OG_DCHECK(condition) static_cast<void>(sizeof(static_cast<bool>(condition)))
#else
#define OG_DCHECK(condition) OG_CHECK(condition)
#endif
