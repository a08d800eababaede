// Single values of number-like arrays, widened: the slow paths of comparison and cast.
#pragma once

#include <cstdint>

#include "format/arrow/array.h"

namespace og::engine::expr {

// Wide enough for every integer type and for nanoseconds of every date.
__extension__ typedef __int128 Wide;

// Bool, integers, dates, times, timestamps, durations: what is stored as an integer of at most 64
// bits.
bool IsIntegral(const format::DataType& type);

// The stored integer of value i. REQUIRES: IsIntegral.
Wide IntegerAt(const format::Array& array, int64_t i);

// Value i as a 64-bit float. REQUIRES: IsIntegral or floating.
double FloatAt(const format::Array& array, int64_t i);

// Nanoseconds of one unit of a date, time, timestamp or duration; 0 for all other types.
int64_t NanosecondsPerUnit(const format::DataType& type);

// date32, date64, timestamp.
bool IsInstant(const format::DataType& type);

}  // namespace og::engine::expr
