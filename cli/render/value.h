// One value of a result as text.
//
//   type                     JSON
//   strings, booleans        string, true or false
//   integers                 number, full width
//   Float32, Float64         number in the float form of json_writer.h, Float32 widened to 64 bits;
//                            "NaN", "Infinity", "-Infinity"
//   Date32, Date64           "YYYY-MM-DD", "YYYY-MM-DDTHH:MM:SS.mmmZ"
//   List                     array; elements as above
//   FixedSizeList (vector)   array of widened numbers; null for what is not finite
//   null                     null
#pragma once

#include <cstdint>
#include <string>

#include "format/arrow/array.h"

namespace og::cli {

// Appends value i of `array`. REQUIRES: a type of the table above, 0 <= i < array.length.
void AppendJsonValue(const format::Array& array, int64_t i, std::string& out);

// Appends the same for people: strings without quotes, "null" for a null.
void AppendCellText(const format::Array& array, int64_t i, std::string& out);

}  // namespace og::cli
