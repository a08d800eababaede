// The functions that an expression may call; functions.h has their names.
#pragma once

#include <cstdint>

namespace og::engine::expr {

// Those of texts first, then those of numbers, from kAbs on.
enum class Function : uint8_t {
  kConcat,    // the texts of all arguments one after the other; nulls count as empty
  kJoin,      // the same; null if one of them is
  kConcatBy,  // the texts behind the first one with it between them; nulls are left out
  kCoalesce,  // the first argument that is not null
  kNullIf,    // the first argument, null where it equals the second
  kGreatest,  // nulls do not count
  kLeast,
  kNow,    // a moment for the whole of a statement, see bind.h
  kToday,  // its day
  kLower,
  kUpper,
  kInitCap,
  kLength,      // characters of a text
  kByteLength,  // bytes of a text
  kBitLength,
  kAscii,      // the first character's number
  kCharacter,  // the character of a number
  kHex,        // digits of an integer, as those of 64 bits
  kMd5,        // digits
  kSha224,     // bytes
  kSha256,
  kSha384,
  kSha512,
  kTrim,  // without the characters of the second text (blanks) at both ends
  kTrimStart,
  kTrimEnd,
  kSubstring,  // from a character on, counted from 1; so many of them
  kLeft,       // so many characters; negative: all but so many
  kRight,
  kPadStart,  // up to a length, with the third text (blanks); cut to it
  kPadEnd,
  kOverlay,  // the second text instead of so many characters (its own number) from one on
  kReplace,
  kTranslate,  // each character of the second text by that of the third in its place, or by none
  kReverse,
  kRepeat,
  kSplitPart,    // of a text cut at a separator, the part of that number, from 1 or back from -1
  kSplitBefore,  // what stands before the separator of that number, or behind it if negative
  kPosition,     // of the second text in the first, from 1; 0: not there
  kFindInSet,    // of a text among those of a list with commas, from 1; 0: not there
  kLevenshtein,  // characters to change, to add or to leave out to get the second text
  kEndsWith,
  kRegexpLike,     // matches anywhere; the third text are flags
  kRegexpReplace,  // the first match, or with the flag g all, by the third text
  kDatePart,       // path[0]: the unit
  kDateTrunc,      // path[0]: the unit
  kUnixTime,       // whole seconds since 1970
  kListLength,
  kListItem,      // by number, from 1 or back from -1; null where there is none
  kListPosition,  // of the first item that is equal, from 1 or a given number on; null: none
  kListText,      // the items' texts with a text between them; nulls as the third text, or left out
  kListMax,
  kListMin,
  kListEmpty,
  kAbs,
  kNegative,  // as wide as its argument; of unsigned integers an int64
  kRound,     // half away from zero, to so many decimal places
  kTruncate,
  kCeil,
  kFloor,
  kSqrt,
  kCubeRoot,
  kPower,
  kExp,
  kLn,
  kLog,  // to base 10, or to the first of two arguments
  kLog10,
  kLog2,
  kSign,
  kIsNan,
  kSin,
  kCos,
  kTan,
  kCot,
  kAsin,
  kAcos,
  kAtan,
  kAtan2,
  kSinh,
  kCosh,
  kTanh,
  kDegrees,
  kRadians,
  kGcd,
  kLcm,
};

}  // namespace og::engine::expr
