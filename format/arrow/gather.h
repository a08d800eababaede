// Runs of values copied into one new array: what Take, Concat and the builders of nested types
// share. Nulls come out without contents: empty lists, zero values, null items.
#pragma once

#include <cstdint>
#include <span>

#include "format/arrow/array.h"

namespace og::format {

// Values [start, start + length) of `array`; `length` nulls where `array` is null.
struct Run {
  const Array* array = nullptr;
  int64_t start = 0;
  int64_t length = 0;
};

// The runs one after the other. REQUIRES: arrays of type `type`, runs inside them, the result
// within its 32-bit offsets or its dictionary's index type.
ArrayPtr Gather(const TypePtr& type, std::span<const Run> runs);

// kResourceExhausted unless Gather() of the runs keeps within 32-bit offsets. What is behind nulls
// counts too.
absl::Status CheckExtent(const DataType& type, std::span<const Run> runs);

}  // namespace og::format
