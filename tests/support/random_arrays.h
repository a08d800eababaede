// Arrays of any type with data by shape, for property and interop tests.
#pragma once

#include <cstdint>
#include <random>
#include <string_view>
#include <vector>

#include "format/arrow/array.h"

namespace og::tests {

enum class DataShape : uint8_t {
  kConstant,     // one value
  kRuns,         // runs of 1 to 300 values
  kMonotonic,    // ascending by small steps
  kExtremes,     // all bits random, among them ends of ranges, NaNs with payloads, odd characters
  kFewDistinct,  // 20 values in random order
  kUnique,       // distinct, small
  kWide,         // strings of 0 to 700 bytes, one list much longer than all others; else kExtremes
};

inline constexpr DataShape kAllShapes[] = {
    DataShape::kConstant,    DataShape::kRuns,   DataShape::kMonotonic, DataShape::kExtremes,
    DataShape::kFewDistinct, DataShape::kUnique, DataShape::kWide,
};

std::string_view ShapeName(DataShape shape);

struct RandomArrayOptions {
  DataShape shape = DataShape::kExtremes;
  double null_fraction = 0;   // of every nullable level
  double empty_fraction = 0;  // of lists
};

// `length` values of `type`. Null slots hold garbage, as Arrow allows. Keys of maps are not null.
format::ArrayPtr RandomArray(const format::TypePtr& type, int64_t length,
                             const RandomArrayOptions& options, std::mt19937_64& random);

// One type of every kind that a data file can hold; `with_map` needs file version 2.2.
std::vector<format::TypePtr> AllTypes(bool with_map);

// `array` as file version 2.0 gives it back: nulls of structs have become nulls of their members.
format::ArrayPtr WithoutStructNulls(const format::ArrayPtr& array);
format::RecordBatch WithoutStructNulls(const format::RecordBatch& batch);

// A batch of one column "v".
format::RecordBatch SingleColumn(const format::ArrayPtr& column);

}  // namespace og::tests
