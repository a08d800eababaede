// Columns made value by value from the arguments of a function: null where an argument is.
#pragma once

#include <algorithm>
#include <cstdint>
#include <span>

#include "absl/status/statusor.h"

#include "format/arrow/array.h"
#include "format/arrow/builder.h"

namespace og::engine::expr {

inline bool AnyNull(std::span<const format::ArrayPtr> args, int64_t row) {
  return std::ranges::any_of(args, [row](const format::ArrayPtr& arg) { return arg->IsNull(row); });
}

// `append(row)` for each row without nulls.
template <typename Builder, typename Append>
format::ArrayPtr MakeRows(Builder builder, std::span<const format::ArrayPtr> args, Append append) {
  for (int64_t row = 0; row < args[0]->length; ++row) {
    if (AnyNull(args, row)) {
      builder.AppendNull();
    } else {
      append(builder, row);
    }
  }
  return builder.Finish();
}

// One text a row: `text(row)`.
template <typename Text>
format::ArrayPtr MakeTexts(const format::TypePtr& type, std::span<const format::ArrayPtr> args,
                           Text text) {
  return MakeRows(format::StringBuilder(type), args,
                  [&](auto& builder, int64_t row) { builder.Append(text(row)); });
}

template <typename Number>
format::ArrayPtr MakeInt32s(std::span<const format::ArrayPtr> args, Number number) {
  return MakeRows(
      format::FixedBuilder<int32_t>(format::Int32()), args,
      [&](auto& builder, int64_t row) { builder.Append(static_cast<int32_t>(number(row))); });
}

template <typename Number>
format::ArrayPtr MakeInt64s(std::span<const format::ArrayPtr> args, Number number) {
  return MakeRows(format::FixedBuilder<int64_t>(format::Int64()), args,
                  [&](auto& builder, int64_t row) { builder.Append(number(row)); });
}

template <typename Test>
format::ArrayPtr MakeBools(std::span<const format::ArrayPtr> args, Test test) {
  return MakeRows(format::BoolBuilder(), args,
                  [&](auto& builder, int64_t row) { builder.Append(test(row)); });
}

}  // namespace og::engine::expr
