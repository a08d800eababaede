// Columns made value by value from the arguments of a function: null where an argument is.
#pragma once

#include <algorithm>
#include <cstdint>
#include <span>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

#include "format/arrow/array.h"
#include "format/arrow/builder.h"
#include "io/base/status.h"
#include "io/base/status_macros.h"

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

// Texts that are appended one by one; kResourceExhausted before they are more than one array holds.
class TextRows {
 public:
  explicit TextRows(const format::TypePtr& type) : builder_(type) {}

  absl::Status Append(std::string_view text) {
    num_bytes_ += std::ssize(text);
    if (num_bytes_ > format::kOffsetMax && !builder_.type()->has_large_offsets()) {
      return io::ResourceExhaustedError(
          "texts that an expression makes of the rows of a batch have more than 2147483647 bytes "
          "together; read fewer rows at once");
    }
    builder_.Append(text);
    return absl::OkStatus();
  }
  void AppendNull() { builder_.AppendNull(); }
  format::ArrayPtr Finish() { return builder_.Finish(); }

 private:
  format::StringBuilder builder_;
  int64_t num_bytes_ = 0;
};

// One text a row: `text(row)`.
template <typename Text>
absl::StatusOr<format::ArrayPtr> MakeTexts(const format::TypePtr& type,
                                           std::span<const format::ArrayPtr> args, Text text) {
  TextRows texts(type);
  for (int64_t row = 0; row < args[0]->length; ++row) {
    if (AnyNull(args, row)) {
      texts.AppendNull();
    } else {
      OG_RETURN_IF_ERROR(texts.Append(text(row)));
    }
  }
  return texts.Finish();
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
