// Times as HTTP, S3 and its signatures write them. All are UTC; microseconds since the epoch.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace og::io {

// "20150830T123600Z"; its first eight characters are the day of a signing scope.
std::string FormatAmzTime(int64_t time_us);

// "2015-08-30T12:36:00Z" or with a fraction of a second, which is cut off: S3 gives fractions in
// lists only, and times of one object have to compare equal.
std::optional<int64_t> ParseIsoTime(std::string_view text);

// "Sun, 30 Aug 2015 12:36:00 GMT".
std::optional<int64_t> ParseHttpTime(std::string_view text);

}  // namespace og::io
