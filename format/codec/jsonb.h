// JSONB: what a Lance column of JSON stores, to text and back.
//
// Integers are big-endian. A value is a container:
//
//   header    u32   0x80000000 array | 0x40000000 object | 0x20000000 one scalar at the root,
//                   in the low 29 bits the number of elements (a scalar: 0)
//   entries   u32 each: kind << 28 | bytes of its payload. Array: one an element. Object: one a
//                   key, then one a value. Scalar: one
//   payloads  in the order of the entries
//
//   kind          payload
//   0 null, 3 false, 4 true   nothing
//   1 string      UTF-8
//   2 number      u8 type and its bytes: 0x00 zero, 0x10 NaN, 0x20 infinity, 0x30 -infinity,
//                 0x40 signed and 0x50 unsigned of 1, 2, 4 or 8 bytes, 0x60 a double,
//                 0x70 a decimal of 8, 16 or 32 bytes with a u8 scale
//   5 container   one inside
//   6 extension   dates, times and bytes, for which JSON has no form
//
// Keys are sorted by bytes and distinct; an integer takes the fewest bytes that hold it. What is
// beyond 64 bits, or has a fraction or an exponent, is a double.
//
//   "[1,-1]"   80000002 20000002 20000002 5001 40ff
//
// The reference, which never writes decimals and extensions, stores the text of an UPDATE as it is:
// what is no JSONB but UTF-8 stands for itself.
#pragma once

#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace og::format {

// Arrow extension names of a JSON column: as it is stored (large_binary of JSONB), and as text.
inline constexpr std::string_view kStoredJsonExtension = "lance.json";
inline constexpr std::string_view kTextJsonExtension = "arrow.json";

// Deepest nesting of arrays and objects, in both directions.
inline constexpr int kJsonDepthMax = 512;

// The text of `jsonb`, without blanks, as serde_json writes it; NaN and infinities are null.
// Nothing is null too, and what is no JSONB but UTF-8 without zero bytes comes back as it is.
// kDataLoss for anything else; kUnimplemented for decimals and extensions.
absl::StatusOr<std::string> DecodeJsonb(std::string_view jsonb);

// The JSONB of `text`. More than JSON is taken, as by the reference: no text at all is null;
// literals in any case, NaN and Infinity; numbers as in +1, .5, 5., 007 and 0x1F; strings in single
// quotes; keys without quotes; array elements that are left out, which are null; \u{XXXX}, and
// halves of surrogate pairs, which stay escaped text. kInvalidArgument for anything else, for a key
// that an object has twice, and beyond kJsonDepthMax.
absl::StatusOr<std::string> EncodeJsonb(std::string_view text);

}  // namespace og::format
