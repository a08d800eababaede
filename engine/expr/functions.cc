#include "engine/expr/functions.h"

#include <cctype>
#include <vector>

#include "engine/expr/compute.h"
#include "format/arrow/builder.h"
#include "io/base/error_detail.h"
#include "io/base/status_macros.h"
#include "io/base/text.h"

namespace og::engine::expr {
namespace {

using format::ArrayPtr;
using format::TypePtr;

constexpr size_t kAny = 100;

// The first name of a function is the one that plans show.
constexpr FunctionSpec kFunctions[] = {
    {"concat", Function::kConcat, 1, kAny},
    {"concat_ws", Function::kConcatBy, 2, kAny},
    {"coalesce", Function::kCoalesce, 1, kAny},
    {"nvl", Function::kCoalesce, 2, 2},
    {"ifnull", Function::kCoalesce, 2, 2},
    {"nullif", Function::kNullIf, 2, 2},
    {"greatest", Function::kGreatest, 1, kAny},
    {"least", Function::kLeast, 1, kAny},
    {"now", Function::kNow, 0, 0},
    {"current_timestamp", Function::kNow, 0, 0},
    {"current_date", Function::kToday, 0, 0},
    {"today", Function::kToday, 0, 0},

    {"lower", Function::kLower, 1, 1},
    {"upper", Function::kUpper, 1, 1},
    {"initcap", Function::kInitCap, 1, 1},
    {"length", Function::kLength, 1, 1},
    {"char_length", Function::kLength, 1, 1},
    {"character_length", Function::kLength, 1, 1},
    {"octet_length", Function::kByteLength, 1, 1},
    {"bit_length", Function::kBitLength, 1, 1},
    {"ascii", Function::kAscii, 1, 1},
    {"chr", Function::kCharacter, 1, 1},
    {"to_hex", Function::kHex, 1, 1},
    {"md5", Function::kMd5, 1, 1},
    {"sha224", Function::kSha224, 1, 1},
    {"sha256", Function::kSha256, 1, 1},
    {"sha384", Function::kSha384, 1, 1},
    {"sha512", Function::kSha512, 1, 1},
    {"btrim", Function::kTrim, 1, 2},
    {"trim", Function::kTrim, 1, 2},
    {"ltrim", Function::kTrimStart, 1, 2},
    {"rtrim", Function::kTrimEnd, 1, 2},
    {"substr", Function::kSubstring, 2, 3},
    {"substring", Function::kSubstring, 2, 3},
    {"left", Function::kLeft, 2, 2},
    {"right", Function::kRight, 2, 2},
    {"lpad", Function::kPadStart, 2, 3},
    {"rpad", Function::kPadEnd, 2, 3},
    {"overlay", Function::kOverlay, 3, 4},
    {"replace", Function::kReplace, 3, 3},
    {"translate", Function::kTranslate, 3, 3},
    {"reverse", Function::kReverse, 1, 1},
    {"repeat", Function::kRepeat, 2, 2},
    {"split_part", Function::kSplitPart, 3, 3},
    {"substr_index", Function::kSplitBefore, 3, 3},
    {"substring_index", Function::kSplitBefore, 3, 3},
    {"strpos", Function::kPosition, 2, 2},
    {"instr", Function::kPosition, 2, 2},
    {"position", Function::kPosition, 2, 2},
    {"find_in_set", Function::kFindInSet, 2, 2},
    {"levenshtein", Function::kLevenshtein, 2, 2},
    {"ends_with", Function::kEndsWith, 2, 2},
    {"regexp_like", Function::kRegexpLike, 2, 3},
    {"regexp_replace", Function::kRegexpReplace, 3, 4},

    {"abs", Function::kAbs, 1, 1},
    {"negative", Function::kNegative, 1, 1},
    {"round", Function::kRound, 1, 2},
    {"trunc", Function::kTruncate, 1, 2},
    {"ceil", Function::kCeil, 1, 1},
    {"floor", Function::kFloor, 1, 1},
    {"sqrt", Function::kSqrt, 1, 1},
    {"cbrt", Function::kCubeRoot, 1, 1},
    {"power", Function::kPower, 2, 2},
    {"pow", Function::kPower, 2, 2},
    {"exp", Function::kExp, 1, 1},
    {"ln", Function::kLn, 1, 1},
    {"log", Function::kLog, 1, 2},
    {"log10", Function::kLog10, 1, 1},
    {"log2", Function::kLog2, 1, 1},
    {"signum", Function::kSign, 1, 1},
    {"isnan", Function::kIsNan, 1, 1},
    {"sin", Function::kSin, 1, 1},
    {"cos", Function::kCos, 1, 1},
    {"tan", Function::kTan, 1, 1},
    {"cot", Function::kCot, 1, 1},
    {"asin", Function::kAsin, 1, 1},
    {"acos", Function::kAcos, 1, 1},
    {"atan", Function::kAtan, 1, 1},
    {"atan2", Function::kAtan2, 2, 2},
    {"sinh", Function::kSinh, 1, 1},
    {"cosh", Function::kCosh, 1, 1},
    {"tanh", Function::kTanh, 1, 1},
    {"degrees", Function::kDegrees, 1, 1},
    {"radians", Function::kRadians, 1, 1},
    {"gcd", Function::kGcd, 2, 2},
    {"lcm", Function::kLcm, 2, 2},

    {"date_part", Function::kDatePart, 2, 2},
    {"datepart", Function::kDatePart, 2, 2},
    {"date_trunc", Function::kDateTrunc, 2, 2},
    {"datetrunc", Function::kDateTrunc, 2, 2},
    {"to_unixtime", Function::kUnixTime, 1, 1},

    {"array_length", Function::kListLength, 1, 1},
    {"list_length", Function::kListLength, 1, 1},
    {"cardinality", Function::kListLength, 1, 1},
    {"array_element", Function::kListItem, 2, 2},
    {"list_element", Function::kListItem, 2, 2},
    {"array_position", Function::kListPosition, 2, 3},
    {"list_position", Function::kListPosition, 2, 3},
    {"array_indexof", Function::kListPosition, 2, 3},
    {"list_indexof", Function::kListPosition, 2, 3},
    {"array_to_string", Function::kListText, 2, 3},
    {"list_to_string", Function::kListText, 2, 3},
    {"array_join", Function::kListText, 2, 3},
    {"list_join", Function::kListText, 2, 3},
    {"array_max", Function::kListMax, 1, 1},
    {"list_max", Function::kListMax, 1, 1},
    {"array_min", Function::kListMin, 1, 1},
    {"list_min", Function::kListMin, 1, 1},
    {"array_empty", Function::kListEmpty, 1, 1},
    {"list_empty", Function::kListEmpty, 1, 1},
    {"empty", Function::kListEmpty, 1, 1},
};

absl::Status BadRequest(std::string_view message) {
  return io::DetailedError({io::ErrorKind::kBadRequest, "", {}}, message);
}

bool EqualIgnoringCase(std::string_view a, std::string_view lower) {
  if (a.size() != lower.size()) return false;
  for (size_t i = 0; i < a.size(); ++i) {
    if (std::tolower(static_cast<unsigned char>(a[i])) != lower[i]) return false;
  }
  return true;
}

// For each row the value of the argument that `choose` names; nullopt: null.
template <typename Choose>
ArrayPtr Choose1(const std::vector<ArrayPtr>& values, Choose choose) {
  const auto builder = format::MakeBuilder(values[0]->type);
  for (int64_t i = 0; i < values[0]->length; ++i) {
    if (const auto from = choose(i); from.has_value()) {
      builder->AppendSlice(*values[*from], i, 1);
    } else {
      builder->AppendNull();
    }
  }
  return builder->Finish();
}

absl::StatusOr<ArrayPtr> Coalesce(std::span<const ArrayPtr> args) {
  OG_ASSIGN_OR_RETURN(const std::vector<ArrayPtr> values, OfOneType(args, "coalesce"));
  return Choose1(values, [&](int64_t i) -> std::optional<size_t> {
    for (size_t from = 0; from < values.size(); ++from) {
      if (values[from]->IsValid(i)) return from;
    }
    return std::nullopt;
  });
}

absl::StatusOr<ArrayPtr> NullIf(std::span<const ArrayPtr> args) {
  OG_ASSIGN_OR_RETURN(const std::vector<ArrayPtr> values, OfOneType(args, "nullif"));
  OG_ASSIGN_OR_RETURN(const std::vector<bool> equal,
                      CompareArrays(CompareOp::kEq, values[0], values[1]));
  return Choose1(values, [&](int64_t i) {
    return equal[static_cast<size_t>(i)] ? std::optional<size_t>() : 0;
  });
}

// The greatest or least argument that is not null.
absl::StatusOr<ArrayPtr> Extreme(std::span<const ArrayPtr> args, CompareOp op,
                                 std::string_view name) {
  OG_ASSIGN_OR_RETURN(const std::vector<ArrayPtr> values, OfOneType(args, name));
  ArrayPtr best = values[0];
  for (size_t at = 1; at < values.size(); ++at) {
    OG_ASSIGN_OR_RETURN(const std::vector<bool> better, CompareArrays(op, values[at], best));
    const std::vector<ArrayPtr> pair = {best, values[at]};
    best = Choose1(pair, [&](int64_t i) -> std::optional<size_t> {
      return better[static_cast<size_t>(i)] || pair[0]->IsNull(i) ? 1 : 0;
    });
  }
  return best;
}

}  // namespace

absl::StatusOr<std::vector<ArrayPtr>> OfOneType(std::span<const ArrayPtr> args,
                                                std::string_view name) {
  TypePtr type = args[0]->type;
  for (const ArrayPtr& arg : args) {
    const TypePtr common = CommonType(type, arg->type);
    if (common == nullptr) {
      return BadRequest(io::StrCat(name, " of ", type->ToString(), " and ", arg->type->ToString()));
    }
    type = common;
  }
  std::vector<ArrayPtr> values;
  for (const ArrayPtr& arg : args) {
    OG_ASSIGN_OR_RETURN(ArrayPtr value, StrictCast(arg, type));
    values.push_back(std::move(value));
  }
  return values;
}

absl::StatusOr<std::vector<bool>> CompareArrays(CompareOp op, const ArrayPtr& left,
                                                const ArrayPtr& right) {
  const auto schema = std::make_shared<const format::Schema>(format::Schema{
      .fields = {{.name = "l", .type = left->type, .nullable = true, .metadata = {}},
                 {.name = "r", .type = right->type, .nullable = true, .metadata = {}}},
      .metadata = {}});
  const format::RecordBatch batch{schema, left->length, {left, right}};
  OG_ASSIGN_OR_RETURN(const std::vector<int64_t> rows,
                      EvaluateFilter(*Compare(op, Column("l"), Column("r")), batch));
  std::vector<bool> is_true(static_cast<size_t>(left->length));
  for (const int64_t row : rows)
    is_true[static_cast<size_t>(row)] = true;
  return is_true;
}

const FunctionSpec* FindFunction(std::string_view name) {
  for (const FunctionSpec& spec : kFunctions) {
    if (EqualIgnoringCase(name, spec.name)) return &spec;
  }
  return nullptr;
}

std::string_view FunctionName(Function function) {
  if (function == Function::kJoin) return "||";
  for (const FunctionSpec& spec : kFunctions) {
    if (spec.function == function) return spec.name;
  }
  return "?";
}

absl::StatusOr<ArrayPtr> CallFunction(const Expr& call, std::span<const ArrayPtr> args) {
  switch (call.function) {
    case Function::kCoalesce:
      return Coalesce(args);
    case Function::kNullIf:
      return NullIf(args);
    case Function::kGreatest:
      return Extreme(args, CompareOp::kGt, "greatest");
    case Function::kLeast:
      return Extreme(args, CompareOp::kLt, "least");
    case Function::kNow:
    case Function::kToday:
      return BadRequest(io::StrCat(FunctionName(call.function), "() has no value here"));
    case Function::kDatePart:
    case Function::kDateTrunc:
    case Function::kUnixTime:
      return CallTimeFunction(call.function, call.path.empty() ? "" : call.path[0], args[0]);
    case Function::kListLength:
    case Function::kListItem:
    case Function::kListPosition:
    case Function::kListText:
    case Function::kListMax:
    case Function::kListMin:
    case Function::kListEmpty:
      return CallListFunction(call.function, args);
    case Function::kRegexpLike:
    case Function::kRegexpReplace:
      return CallRegexpFunction(call.function, args);
    case Function::kMd5:
    case Function::kSha224:
    case Function::kSha256:
    case Function::kSha384:
    case Function::kSha512:
      return CallDigest(call.function, args[0]);
    case Function::kCharacter:
    case Function::kHex:
    case Function::kGcd:
    case Function::kLcm:
      return CallIntegerFunction(call.function, args);
    case Function::kRound: {
      // The type of a rounded decimal is that of a literal number of places, also without rows.
      std::vector<ArrayPtr> known(args.begin(), args.end());
      const bool is_decimal = args[0]->type->id == format::TypeId::kDecimal128;
      if (is_decimal && args.size() > 1 && call.args[1]->kind == ExprKind::kLiteral) {
        known[1] = call.args[1]->values;
      }
      return CallNumberFunction(call.function, known);
    }
    default:
      return call.function >= Function::kAbs ? CallNumberFunction(call.function, args)
                                             : CallTextFunction(call.function, args);
  }
}

}  // namespace og::engine::expr
