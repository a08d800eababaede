// The constants of JSONB; jsonb.h says what they mean.
#pragma once

#include <cstdint>

namespace og::format::jsonb {

inline constexpr uint32_t kArray = 0x80000000;
inline constexpr uint32_t kObject = 0x40000000;
inline constexpr uint32_t kScalar = 0x20000000;
inline constexpr uint32_t kContainerMask = 0xE0000000;
inline constexpr uint32_t kCountMask = 0x1FFFFFFF;

inline constexpr uint32_t kNull = 0x00000000;
inline constexpr uint32_t kString = 0x10000000;
inline constexpr uint32_t kNumber = 0x20000000;
inline constexpr uint32_t kFalse = 0x30000000;
inline constexpr uint32_t kTrue = 0x40000000;
inline constexpr uint32_t kContainer = 0x50000000;
inline constexpr uint32_t kExtension = 0x60000000;
inline constexpr uint32_t kKindMask = 0x70000000;
inline constexpr uint32_t kLengthMask = 0x0FFFFFFF;

inline constexpr uint8_t kZero = 0x00;
inline constexpr uint8_t kNan = 0x10;
inline constexpr uint8_t kInfinity = 0x20;
inline constexpr uint8_t kNegativeInfinity = 0x30;
inline constexpr uint8_t kSigned = 0x40;
inline constexpr uint8_t kUnsigned = 0x50;
inline constexpr uint8_t kDouble = 0x60;
inline constexpr uint8_t kDecimal = 0x70;

}  // namespace og::format::jsonb
