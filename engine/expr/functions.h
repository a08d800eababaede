// The functions of the filter language: which there are, and what they compute.
//
// Names, argument counts and results are those of the reference's filters (DataFusion 54). A null
// argument gives a null except where a function says otherwise.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

#include "engine/expr/expr.h"
#include "engine/expr/function.h"
#include "format/arrow/array.h"

namespace og::engine::expr {

struct FunctionSpec {
  std::string_view name;
  Function function;
  size_t min_arguments;
  size_t max_arguments;
};

// By name, case ignored; null if there is none. Several names may mean one function.
const FunctionSpec* FindFunction(std::string_view name);

// The first name of `function`.
std::string_view FunctionName(Function function);

// What `call` gives for its arguments, all of one length and without dictionaries. kBadRequest for
// types that it does not take.
absl::StatusOr<format::ArrayPtr> CallFunction(const Expr& call,
                                              std::span<const format::ArrayPtr> args);

// By kind; CallFunction() chooses.
absl::StatusOr<format::ArrayPtr> CallTextFunction(Function function,
                                                  std::span<const format::ArrayPtr> args);
absl::StatusOr<format::ArrayPtr> CallNumberFunction(Function function,
                                                    std::span<const format::ArrayPtr> args);
// `unit`: "year", "month", ...; not for kUnixTime.
absl::StatusOr<format::ArrayPtr> CallTimeFunction(Function function, std::string_view unit,
                                                  const format::ArrayPtr& arg);
absl::StatusOr<format::ArrayPtr> CallListFunction(Function function,
                                                  std::span<const format::ArrayPtr> args);
absl::StatusOr<format::ArrayPtr> CallIntegerFunction(Function function,
                                                     std::span<const format::ArrayPtr> args);
absl::StatusOr<format::ArrayPtr> CallRegexpFunction(Function function,
                                                    std::span<const format::ArrayPtr> args);
absl::StatusOr<format::ArrayPtr> CallDigest(Function function, const format::ArrayPtr& arg);

// The arguments as values of the type that they have together; kBadRequest, with `name`, if there
// is none.
absl::StatusOr<std::vector<format::ArrayPtr>> OfOneType(std::span<const format::ArrayPtr> args,
                                                        std::string_view name);

// Whether `left` op `right`, for each row.
absl::StatusOr<std::vector<bool>> CompareArrays(CompareOp op, const format::ArrayPtr& left,
                                                const format::ArrayPtr& right);

// `array` as text: itself if it is.
absl::StatusOr<format::ArrayPtr> AsText(const format::ArrayPtr& array);

// `text` in lower (upper) case, character by character.
std::string LowerText(std::string_view text);
std::string UpperText(std::string_view text);

}  // namespace og::engine::expr
