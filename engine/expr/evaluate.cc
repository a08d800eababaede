// Evaluation: every node gives either values or truths. Truths are one byte a row while the tree is
// walked, so that the loops over them are plain and vectorise; bitmaps appear at the end.
#include <algorithm>
#include <bit>
#include <cstring>
#include <limits>
#include <numeric>
#include <optional>
#include <utility>

#include "absl/container/flat_hash_set.h"

#include "engine/expr/compute.h"
#include "engine/expr/decimal.h"
#include "engine/expr/expr.h"
#include "engine/expr/functions.h"
#include "engine/expr/scalar.h"
#include "format/arrow/half.h"
#include "io/base/bits.h"
#include "io/base/error_detail.h"
#include "io/base/status_macros.h"
#include "io/base/text.h"

namespace og::engine::expr {
namespace {

using format::Array;
using format::ArrayPtr;
using format::DataType;
using format::TypeId;

constexpr uint8_t kFalse = 0;
constexpr uint8_t kTrue = 1;
constexpr uint8_t kUnknown = 2;
using Truths = std::vector<uint8_t>;
constexpr size_t kTruthsOfWord = 8;

// Whether one of eight truths is kTrue, the only odd one.
bool AnyTrue(const uint8_t* truths) {
  uint64_t word = 0;
  std::memcpy(&word, truths, sizeof(word));
  return (word & 0x0101010101010101u) != 0;
}

// Expressions come from parsers that bound their depth; this bounds trees built by hand.
constexpr int kDepthMax = 1000;

absl::Status BadRequest(std::string_view message) {
  return io::DetailedError({io::ErrorKind::kBadRequest, "", {}}, message);
}

size_t Size(int64_t value) {
  return static_cast<size_t>(value);
}

// Values of one operand; a scalar has one value for all rows.
struct Operand {
  ArrayPtr values;
  bool is_scalar = false;
  bool is_column = false;
  const DataType& type() const { return *values->type; }
};

void MarkNulls(const Array& array, bool is_scalar, Truths& truths) {
  if (array.null_count == 0) return;
  if (is_scalar) {
    std::fill(truths.begin(), truths.end(), kUnknown);
    return;
  }
  for (size_t i = 0; i < truths.size(); ++i) {
    if (array.IsNull(static_cast<int64_t>(i))) truths[i] = kUnknown;
  }
}

template <typename Left, typename Right>
Truths CompareLoop(CompareOp op, size_t count, Left left, Right right) {
  Truths truths(count);
  const auto fill = [&](auto test) {
    // Blocks of a fixed size become vector instructions.
    constexpr size_t kBlock = 32;
    size_t i = 0;
    for (; i + kBlock <= count; i += kBlock) {
      std::array<uint8_t, kBlock> block;
      for (size_t k = 0; k < kBlock; ++k)
        block[k] = test(left(i + k), right(i + k)) ? kTrue : kFalse;
      std::memcpy(&truths[i], block.data(), kBlock);
    }
    for (; i < count; ++i)
      truths[i] = test(left(i), right(i)) ? kTrue : kFalse;
  };
  switch (op) {
    case CompareOp::kEq:
      fill([](const auto& a, const auto& b) { return a == b; });
      break;
    case CompareOp::kNe:
      fill([](const auto& a, const auto& b) { return a != b; });
      break;
    case CompareOp::kLt:
      fill([](const auto& a, const auto& b) { return a < b; });
      break;
    case CompareOp::kLe:
      fill([](const auto& a, const auto& b) { return a <= b; });
      break;
    case CompareOp::kGt:
      fill([](const auto& a, const auto& b) { return a > b; });
      break;
    case CompareOp::kGe:
      fill([](const auto& a, const auto& b) { return a >= b; });
      break;
  }
  return truths;
}

// Compares through `get(array, i)`, which gives something with an order. `b` may be a scalar.
template <typename Get>
Truths CompareThrough(CompareOp op, const Operand& a, const Operand& b, Get get) {
  const Array& left = *a.values;
  const Array& right = *b.values;
  const auto at_left = [&](size_t i) { return get(left, static_cast<int64_t>(i)); };
  if (!b.is_scalar) {
    return CompareLoop(op, Size(left.length), at_left,
                       [&](size_t i) { return get(right, static_cast<int64_t>(i)); });
  }
  if (right.null_count != 0) return Truths(Size(left.length), kUnknown);
  const auto value = get(right, 0);
  return CompareLoop(op, Size(left.length), at_left, [&](size_t) { return value; });
}

template <typename T>
Truths CompareFixed(CompareOp op, const Operand& a, const Operand& b) {
  const auto first = [](const Array& array) {
    return array.values.data() + Size(array.offset) * sizeof(T);
  };
  const auto value_at = [](const std::byte* values) {
    return [values](size_t i) { return io::LoadLe<T>(values + i * sizeof(T)); };
  };
  const Array& right = *b.values;
  if (b.is_scalar && right.null_count != 0) return Truths(Size(a.values->length), kUnknown);
  const auto left = value_at(first(*a.values));
  if (!b.is_scalar) return CompareLoop(op, Size(a.values->length), left, value_at(first(right)));
  const T value = right.Value<T>(0);
  return CompareLoop(op, Size(a.values->length), left, [value](size_t) { return value; });
}

// A float as an integer in the same order: total order, -0 < 0, and NaN, whatever its bits,
// greatest.
int64_t DoubleKey(double value) {
  const auto bits = std::bit_cast<int64_t>(value);
  if (value != value) return std::numeric_limits<int64_t>::max();
  return bits < 0 ? bits ^ std::numeric_limits<int64_t>::max() : bits;
}

int32_t FloatKey(float value) {
  const auto bits = std::bit_cast<int32_t>(value);
  if (value != value) return std::numeric_limits<int32_t>::max();
  return bits < 0 ? bits ^ std::numeric_limits<int32_t>::max() : bits;
}

struct DecimalKey {
  int64_t high = 0;
  uint64_t low[3] = {};
  friend auto operator<=>(const DecimalKey&, const DecimalKey&) = default;
};

DecimalKey DecimalKeyAt(const Array& array, int64_t i) {
  const size_t words = Size(array.type->bit_width() / 64);
  const std::byte* at = array.values.data() + Size(array.offset + i) * words * 8;
  DecimalKey key;
  key.high = io::LoadLe<int64_t>(at + (words - 1) * 8);
  for (size_t word = 1; word < words; ++word) {
    key.low[word - 1] = io::LoadLe<uint64_t>(at + (words - 1 - word) * 8);
  }
  return key;
}

bool IsBytes(const DataType& type) {
  return type.is_variable() || type.id == TypeId::kFixedSizeBinary;
}

bool IsNumber(const DataType& type) {
  return type.is_integer() || type.is_floating();
}

// Whether values of `type` are integers or decimals that DecimalOrder has room for.
bool CanOrderAsDecimal(const DataType& type) {
  return type.is_integer() || (IsDecimal(type) && type.scale >= 0 && type.scale <= 38);
}

absl::Status CheckFitsOrder(const Array& array) {
  if (array.type->id != TypeId::kDecimal256) return absl::OkStatus();
  for (int64_t i = 0; i < array.length; ++i) {
    if (array.IsValid(i) && !DecimalAt(array, i)) {
      return BadRequest(io::StrCat("a value of ", array.type->ToString(),
                                   " is too large to be compared with another type"));
    }
  }
  return absl::OkStatus();
}

// REQUIRES: CanOrderAsDecimal, and CheckFitsOrder was ok.
DecimalOrder DecimalOrderAt(const Array& array, int64_t i) {
  if (array.IsNull(i)) return {};
  return IsDecimal(*array.type) ? OrderOf(DecimalAt(array, i).value_or(0), array.type->scale)
                                : OrderOf(IntegerAt(array, i), 0);
}

// A decimal or a float as a float.
double AnyNumberAt(const Array& array, int64_t i) {
  if (!IsDecimal(*array.type)) return FloatAt(array, i);
  if (array.IsNull(i)) return 0;
  const std::optional<Wide> value = DecimalAt(array, i);
  return value ? DecimalToFloat(*value, array.type->scale)
               : std::numeric_limits<double>::infinity();
}

// Compares plain (not dictionary) operands whose lengths agree; `b` may be a scalar.
absl::StatusOr<Truths> ComparePlain(CompareOp op, const Operand& a, const Operand& b) {
  const DataType& left = a.type();
  const DataType& right = b.type();
  if (left.id == TypeId::kNull || right.id == TypeId::kNull) {
    return Truths(Size(a.values->length), kUnknown);
  }
  if (IsBytes(left) && IsBytes(right)) {
    return CompareThrough(op, a, b, [](const Array& array, int64_t i) {
      return array.IsValid(i) ? array.StringValue(i) : std::string_view();
    });
  }
  if (left.id == TypeId::kBool && right.id == TypeId::kBool) {
    return CompareThrough(op, a, b,
                          [](const Array& array, int64_t i) { return array.BoolValue(i); });
  }
  const bool same_integers = left.id == right.id && left.unit == right.unit && IsIntegral(left);
  if (same_integers) {
    switch (left.id) {
      case TypeId::kInt8:
        return CompareFixed<int8_t>(op, a, b);
      case TypeId::kInt16:
        return CompareFixed<int16_t>(op, a, b);
      case TypeId::kUint8:
        return CompareFixed<uint8_t>(op, a, b);
      case TypeId::kUint16:
        return CompareFixed<uint16_t>(op, a, b);
      case TypeId::kUint32:
        return CompareFixed<uint32_t>(op, a, b);
      case TypeId::kUint64:
        return CompareFixed<uint64_t>(op, a, b);
      default:
        return left.bit_width() == 32 ? CompareFixed<int32_t>(op, a, b)
                                      : CompareFixed<int64_t>(op, a, b);
    }
  }
  if (left.id == TypeId::kFloat32 && right.id == TypeId::kFloat32) {
    return CompareThrough(
        op, a, b, [](const Array& array, int64_t i) { return FloatKey(array.Value<float>(i)); });
  }
  if (left.id == TypeId::kFloat64 && right.id == TypeId::kFloat64) {
    return CompareThrough(
        op, a, b, [](const Array& array, int64_t i) { return DoubleKey(array.Value<double>(i)); });
  }
  if (left.is_integer() && right.is_integer()) return CompareThrough(op, a, b, IntegerAt);
  if (IsNumber(left) && IsNumber(right)) {
    return CompareThrough(
        op, a, b, [](const Array& array, int64_t i) { return DoubleKey(FloatAt(array, i)); });
  }
  const bool same_kind_of_time = NanosecondsPerUnit(left) != 0 && NanosecondsPerUnit(right) != 0 &&
                                 IsInstant(left) == IsInstant(right) &&
                                 (left.id == TypeId::kDuration) == (right.id == TypeId::kDuration);
  if (same_kind_of_time) {
    return CompareThrough(op, a, b, [](const Array& array, int64_t i) {
      return IntegerAt(array, i) * NanosecondsPerUnit(*array.type);
    });
  }
  if (IsDecimal(left) && left.id == right.id && left.scale == right.scale) {
    return CompareThrough(op, a, b, DecimalKeyAt);
  }
  if (CanOrderAsDecimal(left) && CanOrderAsDecimal(right)) {
    OG_RETURN_IF_ERROR(CheckFitsOrder(*a.values));
    OG_RETURN_IF_ERROR(CheckFitsOrder(*b.values));
    return CompareThrough(op, a, b, DecimalOrderAt);
  }
  if ((IsDecimal(left) && right.is_floating()) || (left.is_floating() && IsDecimal(right))) {
    return CompareThrough(
        op, a, b, [](const Array& array, int64_t i) { return DoubleKey(AnyNumberAt(array, i)); });
  }
  return BadRequest(io::StrCat("cannot compare ", left.ToString(), " with ", right.ToString()));
}

// The truths of a dictionary's entries, for each row that points at them.
Truths ThroughIndices(const Array& array, const Truths& of_entries) {
  Truths truths(Size(array.length), kUnknown);
  for (int64_t i = 0; i < array.length; ++i) {
    if (array.IsValid(i)) truths[Size(i)] = of_entries[Size(DictionaryIndex(array, i))];
  }
  return truths;
}

// Whether to look at a dictionary's entries instead of the rows: only if they are not more.
bool ByEntries(const Array& array) {
  return array.type->id == TypeId::kDictionary && array.dictionary->length <= array.length;
}

CompareOp Mirrored(CompareOp op) {
  switch (op) {
    case CompareOp::kLt:
      return CompareOp::kGt;
    case CompareOp::kLe:
      return CompareOp::kGe;
    case CompareOp::kGt:
      return CompareOp::kLt;
    case CompareOp::kGe:
      return CompareOp::kLe;
    default:
      return op;
  }
}

// Whether a literal takes the type of what it is compared with: all but beside a float that is
// computed and no column, as Lance has it; `abs(g) = 0.1` compares 64-bit floats.
bool TakesType(const DataType& literal, const Operand& other) {
  const bool is_narrow = other.type().id == TypeId::kFloat32 || other.type().id == TypeId::kFloat16;
  return other.is_column || other.is_scalar || !is_narrow || literal.id != TypeId::kFloat64;
}

absl::StatusOr<Truths> CompareOperands(CompareOp op, Operand a, Operand b) {
  if (a.is_scalar && !b.is_scalar) {
    std::swap(a, b);
    op = Mirrored(op);
  }
  if (b.is_scalar && TakesType(b.type(), a)) {
    OG_ASSIGN_OR_RETURN(b.values, CoerceLiteral(DecodeDictionary(b.values), a.values->type));
  }
  if (ByEntries(*a.values) && b.is_scalar) {
    OG_ASSIGN_OR_RETURN(const Truths of_entries,
                        CompareOperands(op, {a.values->dictionary, false, a.is_column}, b));
    return ThroughIndices(*a.values, of_entries);
  }
  a.values = DecodeDictionary(a.values);
  b.values = DecodeDictionary(b.values);
  OG_ASSIGN_OR_RETURN(Truths truths, ComparePlain(op, a, b));
  MarkNulls(*a.values, a.is_scalar, truths);
  MarkNulls(*b.values, b.is_scalar, truths);
  return truths;
}

bool LikeMatches(std::string_view text, std::string_view pattern) {
  size_t t = 0;
  size_t p = 0;
  std::optional<size_t> star;  // where the pattern goes on after the last %
  size_t resume = 0;           // where the text went on then
  const auto character = [&](size_t at) {
    size_t end = at + 1;
    while (end < text.size() && (static_cast<uint8_t>(text[end]) & 0xc0u) == 0x80u)
      ++end;
    return end - at;
  };
  while (t < text.size() || p < pattern.size()) {
    if (p < pattern.size()) {
      if (pattern[p] == '%') {
        star = ++p;
        resume = t;
        continue;
      }
      if (pattern[p] == '_' && t < text.size()) {
        ++p;
        t += character(t);
        continue;
      }
      const size_t literal = pattern[p] == '\\' && p + 1 < pattern.size() ? p + 1 : p;
      if (pattern[p] != '_' && t < text.size() && pattern[literal] == text[t]) {
        p = literal + 1;
        ++t;
        continue;
      }
    }
    if (!star || resume >= text.size()) return false;
    resume += character(resume);
    p = *star;
    t = resume;
  }
  return true;
}

bool TextTest(ExprKind kind, std::string_view text, std::string_view part) {
  switch (kind) {
    case ExprKind::kContains:
      return part.empty() || memmem(text.data(), text.size(), part.data(), part.size()) != nullptr;
    case ExprKind::kStartsWith:
      return text.starts_with(part);
    default:
      return LikeMatches(text, part);
  }
}

absl::StatusOr<Truths> TestText(ExprKind kind, Operand text, Operand part, int64_t num_rows) {
  if (ByEntries(*text.values) && part.is_scalar && !text.is_scalar) {
    OG_ASSIGN_OR_RETURN(const Truths of_entries, TestText(kind, {text.values->dictionary, false},
                                                          part, text.values->dictionary->length));
    return ThroughIndices(*text.values, of_entries);
  }
  text.values = DecodeDictionary(text.values);
  part.values = DecodeDictionary(part.values);
  for (const Operand* operand : {&text, &part}) {
    if (!operand->type().is_variable() && operand->type().id != TypeId::kNull) {
      return BadRequest(io::StrCat("text wanted, got ", operand->type().ToString()));
    }
  }
  Truths truths(Size(num_rows), kUnknown);
  for (int64_t i = 0; i < num_rows; ++i) {
    const int64_t t = text.is_scalar ? 0 : i;
    const int64_t p = part.is_scalar ? 0 : i;
    if (text.values->IsNull(t) || part.values->IsNull(p)) continue;
    truths[Size(i)] =
        TextTest(kind, text.values->StringValue(t), part.values->StringValue(p)) ? kTrue : kFalse;
  }
  return truths;
}

// Items [start, end) of list value i.
std::pair<int64_t, int64_t> ItemsOf(const Array& list, int64_t i) {
  if (list.type->id == TypeId::kFixedSizeList) {
    const int64_t size = list.type->list_size;
    return {(list.offset + i) * size, (list.offset + i + 1) * size};
  }
  return {list.OffsetAt(i), list.OffsetAt(i + 1)};
}

absl::StatusOr<Truths> TestListContains(const Operand& list, const Operand& item,
                                        int64_t num_rows) {
  const DataType& type = list.type();
  if (type.id == TypeId::kNull) return Truths(Size(num_rows), kUnknown);
  if (!type.is_list() && type.id != TypeId::kFixedSizeList) {
    return BadRequest(io::StrCat("list wanted, got ", type.ToString()));
  }
  const Array& lists = *list.values;
  const auto row_of = [&](int64_t i) { return list.is_scalar ? 0 : i; };
  Truths truths(Size(num_rows), kUnknown);
  if (num_rows == 0) {  // still compare the types
    return CompareOperands(CompareOp::kEq, {format::EmptyArray(type.children[0].type), false},
                           {item.values, item.is_scalar});
  }
  // Every item that belongs to a row, with the row's value beside it unless one serves all.
  std::vector<int64_t> items;
  std::vector<int64_t> wanted;
  for (int64_t i = 0; i < num_rows; ++i) {
    if (lists.IsNull(row_of(i))) continue;
    const auto [start, end] = ItemsOf(lists, row_of(i));
    for (int64_t k = start; k < end; ++k)
      items.push_back(k);
    if (!item.is_scalar) wanted.insert(wanted.end(), Size(end - start), i);
  }
  OG_ASSIGN_OR_RETURN(ArrayPtr found_items, TryTake(*lists.children[0], items));
  const Operand found{std::move(found_items), false};
  Operand compared = item;
  if (!item.is_scalar) {
    OG_ASSIGN_OR_RETURN(compared.values, TryTake(*item.values, wanted));
  }
  OG_ASSIGN_OR_RETURN(const Truths equal, CompareOperands(CompareOp::kEq, found, compared));
  size_t at = 0;
  for (int64_t i = 0; i < num_rows; ++i) {
    if (lists.IsNull(row_of(i))) continue;
    const auto [start, end] = ItemsOf(lists, row_of(i));
    const size_t next = at + Size(end - start);
    if (item.values->IsValid(item.is_scalar ? 0 : i)) {
      truths[Size(i)] = std::find(equal.begin() + static_cast<std::ptrdiff_t>(at),
                                  equal.begin() + static_cast<std::ptrdiff_t>(next),
                                  kTrue) != equal.begin() + static_cast<std::ptrdiff_t>(next)
                            ? kTrue
                            : kFalse;
    }
    at = next;
  }
  return truths;
}

// Text value i, through a dictionary if there is one; nullopt for a null.
std::optional<std::string_view> TextAt(const Array& array, int64_t i) {
  if (array.IsNull(i)) return std::nullopt;
  if (array.type->id != TypeId::kDictionary) return array.StringValue(i);
  const int64_t entry = DictionaryIndex(array, i);
  if (array.dictionary->IsNull(entry)) return std::nullopt;
  return array.dictionary->StringValue(entry);
}

// Members of a set as a look-up wants them; nulls are left out.
struct Membership {
  ArrayPtr members;  // keeps the texts alive
  std::vector<std::string_view> texts;
  absl::flat_hash_set<std::string_view> hashed_texts;  // of a large set
  absl::flat_hash_set<int64_t> integers;
};

int64_t NarrowIntegerAt(const Array& array, int64_t i) {
  return static_cast<int64_t>(static_cast<uint64_t>(IntegerAt(array, i)));
}

// That of `members`. A scan asks for the same set batch after batch: the last one of each thread is
// kept.
const Membership& MembershipOf(const ArrayPtr& members) {
  constexpr size_t kHashedMin = 9;
  thread_local Membership last;
  if (last.members == members) return last;
  Membership made{.members = members, .texts = {}, .hashed_texts = {}, .integers = {}};
  if (IsBytes(*members->type)) {
    for (int64_t i = 0; i < members->length; ++i) {
      if (members->IsValid(i)) made.texts.push_back(members->StringValue(i));
    }
    if (made.texts.size() >= kHashedMin) {
      made.hashed_texts.insert(made.texts.begin(), made.texts.end());
    }
  } else {
    made.integers.reserve(static_cast<size_t>(members->length));
    for (int64_t i = 0; i < members->length; ++i) {
      if (members->IsValid(i)) made.integers.insert(NarrowIntegerAt(*members, i));
    }
  }
  last = std::move(made);
  return last;
}

// Most texts differ from a small set in length; a large set is hashed.
Truths TestInTexts(const Array& array, const ArrayPtr& members) {
  const Membership& set = MembershipOf(members);
  const auto& list = set.texts;
  Truths truths(Size(array.length), kUnknown);
  for (int64_t i = 0; i < array.length; ++i) {
    const std::optional<std::string_view> text = TextAt(array, i);
    if (!text.has_value()) continue;
    const bool found = set.hashed_texts.empty()
                           ? std::find(list.begin(), list.end(), *text) != list.end()
                           : set.hashed_texts.contains(*text);
    truths[Size(i)] = found ? kTrue : kFalse;
  }
  return truths;
}

Truths TestInIntegers(const Array& array, const ArrayPtr& members) {
  const Membership& set = MembershipOf(members);
  Truths truths(Size(array.length));
  for (int64_t i = 0; i < array.length; ++i) {
    truths[Size(i)] =
        array.IsValid(i) && set.integers.contains(NarrowIntegerAt(array, i)) ? kTrue : kFalse;
  }
  return truths;
}

absl::StatusOr<Truths> TestIn(Operand arg, const ArrayPtr& members) {
  if (ByEntries(*arg.values)) {
    OG_ASSIGN_OR_RETURN(const Truths of_entries,
                        TestIn({arg.values->dictionary, false, arg.is_column}, members));
    return ThroughIndices(*arg.values, of_entries);
  }
  const bool is_text =
      arg.type().id == TypeId::kDictionary ? IsBytes(*arg.type().value_type) : IsBytes(arg.type());
  if (!is_text) arg.values = DecodeDictionary(arg.values);
  const Array& array = *arg.values;
  Truths truths;
  if (is_text && IsBytes(*members->type)) {
    truths = TestInTexts(array, members);
  } else if (*members->type == arg.type() && IsIntegral(arg.type())) {
    truths = TestInIntegers(array, members);
  } else {
    truths.assign(Size(array.length), kFalse);
    for (int64_t m = 0; m < members->length; ++m) {
      OG_ASSIGN_OR_RETURN(const Truths equal,
                          CompareOperands(CompareOp::kEq, {arg.values, false, arg.is_column},
                                          {Slice(members, m, 1), true}));
      for (size_t i = 0; i < truths.size(); ++i) {
        if (equal[i] == kTrue) truths[i] = kTrue;
      }
    }
  }
  if (members->null_count != 0) {
    std::replace(truths.begin(), truths.end(), kFalse, kUnknown);
  }
  MarkNulls(array, false, truths);
  return truths;
}

class Evaluator {
 public:
  // With `rows`, evaluates for these rows of `batch` only. `root`: what gives a column its values.
  Evaluator(const format::RecordBatch& batch, std::optional<std::span<const int64_t>> rows,
            const Expr* root = nullptr)
      : batch_(batch),
        rows_(rows),
        root_(root),
        num_rows_(rows.has_value() ? std::ssize(*rows) : batch.num_rows) {}

  absl::StatusOr<Operand> Values(const Expr& expr) {
    if (expr.kind == ExprKind::kLiteral) return Operand{expr.values, true};
    if (expr.kind == ExprKind::kColumn) {
      ArrayPtr column = FindColumn(batch_, expr.path);
      if (column == nullptr) {
        return BadRequest(io::StrCat("no column '", io::Join(expr.path, "."), "'"));
      }
      if (rows_.has_value()) column = Take(*column, *rows_);
      return Operand{std::move(column), false, true};
    }
    if (IsComputed(expr)) {
      if (depth_ == kDepthMax) return BadRequest("expression is nested too deeply");
      ++depth_;
      absl::StatusOr<Operand> computed = Compute(expr);
      --depth_;
      return computed;
    }
    OG_ASSIGN_OR_RETURN(const Truths truths, Test(expr));
    return Operand{AsArray(truths), false};
  }

  absl::StatusOr<Truths> Test(const Expr& expr) {
    if (depth_ == kDepthMax) return BadRequest("expression is nested too deeply");
    ++depth_;
    absl::StatusOr<Truths> truths = TestNode(expr);
    --depth_;
    return truths;
  }

  int64_t num_rows() const { return num_rows_; }

 private:
  absl::StatusOr<Truths> TestNode(const Expr& expr) {
    switch (expr.kind) {
      case ExprKind::kLiteral:
      case ExprKind::kColumn:
      case ExprKind::kCast:
      case ExprKind::kStrictCast:
      case ExprKind::kArithmetic:
      case ExprKind::kCase:
      case ExprKind::kCall:
        return TestValues(expr);
      case ExprKind::kCompare: {
        OG_ASSIGN_OR_RETURN(const Operand left, Values(*expr.args[0]));
        OG_ASSIGN_OR_RETURN(const Operand right, Values(*expr.args[1]));
        OG_ASSIGN_OR_RETURN(Truths truths, CompareOperands(expr.op, left, right));
        if (left.is_scalar && right.is_scalar) truths.assign(Size(num_rows_), truths[0]);
        return truths;
      }
      case ExprKind::kAnd:
        return Fold(expr, kFalse);
      case ExprKind::kOr:
        return Fold(expr, kTrue);
      case ExprKind::kNot: {
        OG_ASSIGN_OR_RETURN(Truths truths, Test(*expr.args[0]));
        for (uint8_t& truth : truths)
          truth = truth == kUnknown ? kUnknown : truth ^ 1;
        return truths;
      }
      case ExprKind::kIsNull: {
        OG_ASSIGN_OR_RETURN(const Operand arg, Values(*expr.args[0]));
        Truths truths(Size(num_rows_));
        for (int64_t i = 0; i < num_rows_; ++i) {
          truths[Size(i)] = IsNullAt(*arg.values, arg.is_scalar ? 0 : i) ? kTrue : kFalse;
        }
        return truths;
      }
      case ExprKind::kIn: {
        OG_ASSIGN_OR_RETURN(const Operand arg, Values(*expr.args[0]));
        OG_ASSIGN_OR_RETURN(Truths truths, TestIn(arg, expr.values));
        if (arg.is_scalar) truths.assign(Size(num_rows_), truths[0]);
        return truths;
      }
      case ExprKind::kContains:
      case ExprKind::kStartsWith:
      case ExprKind::kLike: {
        OG_ASSIGN_OR_RETURN(const Operand text, Values(*expr.args[0]));
        OG_ASSIGN_OR_RETURN(const Operand part, Values(*expr.args[1]));
        return TestText(expr.kind, text, part, num_rows_);
      }
      case ExprKind::kListContains: {
        OG_ASSIGN_OR_RETURN(const Operand list, Values(*expr.args[0]));
        OG_ASSIGN_OR_RETURN(const Operand item, Values(*expr.args[1]));
        return TestListContains(list, item, num_rows_);
      }
    }
    return BadRequest("unknown expression");
  }

  static bool IsComputed(const Expr& expr) {
    return expr.kind == ExprKind::kCast || expr.kind == ExprKind::kStrictCast ||
           expr.kind == ExprKind::kArithmetic || expr.kind == ExprKind::kCase ||
           expr.kind == ExprKind::kCall;
  }

  absl::StatusOr<Operand> Compute(const Expr& expr) {
    if (expr.kind == ExprKind::kCase) return Choose(expr);
    std::vector<Operand> args;
    for (const ExprPtr& arg : expr.args) {
      OG_ASSIGN_OR_RETURN(Operand operand, Values(*arg));
      args.push_back(std::move(operand));
    }
    if (expr.kind == ExprKind::kCast) {
      OG_ASSIGN_OR_RETURN(args[0].values, Cast(args[0].values, expr.type));
      return Operand{args[0].values, args[0].is_scalar};
    }
    if (expr.kind == ExprKind::kStrictCast) {
      OG_ASSIGN_OR_RETURN(args[0].values, StrictCast(args[0].values, expr.type));
      return Operand{args[0].values, args[0].is_scalar};
    }
    if (expr.kind == ExprKind::kArithmetic) {
      for (const size_t i : {size_t{0}, size_t{1}}) {
        // Beside a column that is the whole of the other side, as Lance has it; elsewhere integers
        // but uint64 have a type in common with the int64 of a literal.
        const bool takes_type = (&expr == root_ && expr.args[1 - i]->kind == ExprKind::kColumn) ||
                                args[1 - i].values->type->id == TypeId::kUint64;
        if (takes_type && expr.args[i]->kind == ExprKind::kLiteral) {
          OG_ASSIGN_OR_RETURN(args[i].values,
                              CoerceLiteral(args[i].values, args[1 - i].values->type));
        }
      }
    }
    const bool is_scalar =
        std::all_of(args.begin(), args.end(), [](const Operand& arg) { return arg.is_scalar; });
    std::vector<ArrayPtr> arrays;
    for (const Operand& arg : args) {
      ArrayPtr& array = arrays.emplace_back(arg.values);
      if (!is_scalar) {
        OG_ASSIGN_OR_RETURN(array, Repeated(arg));
      }
      OG_ASSIGN_OR_RETURN(array, TryDecodeDictionary(array));
    }
    absl::StatusOr<ArrayPtr> values = expr.kind == ExprKind::kArithmetic
                                          ? Calculate(expr.arithmetic, arrays[0], arrays[1])
                                          : CallFunction(expr, arrays);
    OG_RETURN_IF_ERROR(values.status());
    return Operand{*std::move(values), is_scalar};
  }

  // The operand's value for each row.
  absl::StatusOr<ArrayPtr> Repeated(const Operand& operand) const {
    if (!operand.is_scalar) return operand.values;
    return TryTake(*operand.values, std::vector<int64_t>(Size(num_rows_), 0));
  }

  // CASE: every value is computed only for the rows that take it.
  absl::StatusOr<Operand> Choose(const Expr& expr) {
    std::vector<int64_t> left(Size(num_rows_));  // positions that no condition has met
    std::iota(left.begin(), left.end(), 0);
    std::vector<std::vector<int64_t>> taken;  // by branch
    std::vector<ArrayPtr> values;
    format::TypePtr type = format::Null();
    const auto take_branch = [&](const Expr& value, std::vector<int64_t> at) -> absl::Status {
      const std::vector<int64_t> rows = RowsAt(at);
      Evaluator branch(batch_, rows);
      OG_ASSIGN_OR_RETURN(const Operand operand, branch.Values(value));
      OG_ASSIGN_OR_RETURN(const ArrayPtr repeated, branch.Repeated(operand));
      OG_ASSIGN_OR_RETURN(values.emplace_back(), TryDecodeDictionary(repeated));
      const format::TypePtr common = CommonType(type, values.back()->type);
      if (common == nullptr) {
        return BadRequest(
            io::StrCat("CASE of ", type->ToString(), " and ", values.back()->type->ToString()));
      }
      type = common;
      taken.push_back(std::move(at));
      return absl::OkStatus();
    };
    size_t i = 0;
    for (; i + 1 < expr.args.size(); i += 2) {
      const std::vector<int64_t> rows = RowsAt(left);
      Evaluator condition(batch_, rows);
      OG_ASSIGN_OR_RETURN(const Truths truths, condition.Test(*expr.args[i]));
      std::vector<int64_t> met;
      std::vector<int64_t> others;
      for (size_t k = 0; k < truths.size(); ++k)
        (truths[k] == kTrue ? met : others).push_back(left[k]);
      OG_RETURN_IF_ERROR(take_branch(*expr.args[i + 1], std::move(met)));
      left = std::move(others);
    }
    if (i < expr.args.size()) {
      OG_RETURN_IF_ERROR(take_branch(*expr.args[i], std::move(left)));
    }
    std::vector<int64_t> source(Size(num_rows_), -1);
    int64_t at = 0;
    for (size_t branch = 0; branch < taken.size(); ++branch) {
      OG_ASSIGN_OR_RETURN(values[branch], StrictCast(values[branch], type));
      for (const int64_t row : taken[branch])
        source[Size(row)] = at++;
    }
    OG_ASSIGN_OR_RETURN(const ArrayPtr all, TryConcat(values));
    OG_ASSIGN_OR_RETURN(ArrayPtr chosen, TryTake(*all, source));
    return Operand{std::move(chosen), false};
  }

  // The rows of the batch at these positions among the evaluated ones.
  std::vector<int64_t> RowsAt(const std::vector<int64_t>& positions) const {
    std::vector<int64_t> rows = positions;
    if (rows_.has_value()) {
      for (int64_t& row : rows)
        row = (*rows_)[Size(row)];
    }
    return rows;
  }

  // `and` (decided by false) or `or` (decided by true) of the arguments.
  absl::StatusOr<Truths> Fold(const Expr& expr, uint8_t decides) {
    Truths all(Size(num_rows_), decides ^ 1);
    for (const ExprPtr& arg : expr.args) {
      OG_ASSIGN_OR_RETURN(const Truths truths, Test(*arg));
      for (size_t i = 0; i < all.size(); ++i) {
        all[i] = all[i] == decides || truths[i] == decides
                     ? decides
                     : static_cast<uint8_t>(std::max(all[i], truths[i]));
      }
    }
    return all;
  }

  // A value that is boolean by itself.
  absl::StatusOr<Truths> TestValues(const Expr& expr) {
    OG_ASSIGN_OR_RETURN(const Operand operand, Values(expr));
    if (operand.type().id == TypeId::kNull) return Truths(Size(num_rows_), kUnknown);
    if (operand.type().id != TypeId::kBool) {
      return BadRequest(io::StrCat("condition wanted, got ", operand.type().ToString()));
    }
    Truths truths(Size(num_rows_));
    for (int64_t i = 0; i < num_rows_; ++i) {
      truths[Size(i)] = operand.values->BoolValue(operand.is_scalar ? 0 : i) ? kTrue : kFalse;
    }
    MarkNulls(*operand.values, operand.is_scalar, truths);
    return truths;
  }

  static bool IsNullAt(const Array& array, int64_t i) {
    if (array.IsNull(i)) return true;
    return array.type->id == TypeId::kDictionary &&
           array.dictionary->IsNull(DictionaryIndex(array, i));
  }

  static ArrayPtr AsArray(const Truths& truths) {
    auto array = std::make_shared<Array>();
    array->type = format::Bool();
    array->length = std::ssize(truths);
    io::MutableBuffer bits(io::BytesForBits(truths.size()));
    io::MutableBuffer valid(io::BytesForBits(truths.size()));
    std::fill(bits.data(), bits.data() + bits.size(), std::byte{0});
    std::fill(valid.data(), valid.data() + valid.size(), std::byte{0});
    for (size_t i = 0; i < truths.size(); ++i) {
      if (truths[i] == kTrue) io::SetBit(bits.data(), i);
      if (truths[i] == kUnknown) {
        ++array->null_count;
      } else {
        io::SetBit(valid.data(), i);
      }
    }
    array->values = std::move(bits).Share();
    if (array->null_count != 0) array->validity = std::move(valid).Share();
    return array;
  }

  const format::RecordBatch& batch_;
  std::optional<std::span<const int64_t>> rows_;
  const Expr* root_;
  int64_t num_rows_;
  int depth_ = 0;
};

// Rows of `batch`, or of `rows` among them, where `expr` is true.
absl::StatusOr<std::vector<int64_t>> FilterRows(const Expr& expr, const format::RecordBatch& batch,
                                                std::optional<std::span<const int64_t>> rows) {
  Evaluator evaluator(batch, rows);
  OG_ASSIGN_OR_RETURN(const Truths truths, evaluator.Test(expr));
  std::vector<int64_t> kept;
  const auto keep = [&](size_t i) {
    if (truths[i] == kTrue) kept.push_back(rows.has_value() ? (*rows)[i] : static_cast<int64_t>(i));
  };
  // Mostly nothing is true: eight rows are looked at at once.
  size_t i = 0;
  for (; i + kTruthsOfWord <= truths.size(); i += kTruthsOfWord) {
    if (!AnyTrue(&truths[i])) continue;
    for (size_t k = 0; k < kTruthsOfWord; ++k)
      keep(i + k);
  }
  for (; i < truths.size(); ++i)
    keep(i);
  return kept;
}

}  // namespace

absl::StatusOr<ArrayPtr> Evaluate(const Expr& expr, const format::RecordBatch& batch) {
  Evaluator evaluator(batch, std::nullopt, &expr);
  OG_ASSIGN_OR_RETURN(const Operand operand, evaluator.Values(expr));
  if (!operand.is_scalar) return operand.values;
  return TryTake(*operand.values, std::vector<int64_t>(Size(batch.num_rows), 0));
}

absl::StatusOr<std::vector<int64_t>> EvaluateFilter(const Expr& expr,
                                                    const format::RecordBatch& batch,
                                                    std::span<const int64_t> rows) {
  if (expr.kind != ExprKind::kAnd) return FilterRows(expr, batch, rows);
  // Each condition sees only the rows that the former ones kept.
  std::vector<int64_t> kept(rows.begin(), rows.end());
  for (const ExprPtr& arg : expr.args) {
    OG_ASSIGN_OR_RETURN(kept, EvaluateFilter(*arg, batch, kept));
  }
  return kept;
}

absl::StatusOr<std::vector<int64_t>> EvaluateFilter(const Expr& expr,
                                                    const format::RecordBatch& batch) {
  if (expr.kind != ExprKind::kAnd || expr.args.empty()) {
    return FilterRows(expr, batch, std::nullopt);
  }
  std::optional<std::vector<int64_t>> kept;
  for (const ExprPtr& arg : expr.args) {
    // Gathering a column's rows costs more than a few comparisons too many.
    const bool few = kept.has_value() && std::ssize(*kept) * 4 < batch.num_rows;
    if (few) {
      OG_ASSIGN_OR_RETURN(kept, EvaluateFilter(*arg, batch, *kept));
      continue;
    }
    OG_ASSIGN_OR_RETURN(std::vector<int64_t> now, EvaluateFilter(*arg, batch));
    if (!kept.has_value()) {
      kept = std::move(now);
    } else {
      std::vector<int64_t> both;
      std::set_intersection(kept->begin(), kept->end(), now.begin(), now.end(),
                            std::back_inserter(both));
      kept = std::move(both);
    }
  }
  return *std::move(kept);
}

absl::Status CheckFilter(const Expr& expr, const format::Schema& schema) {
  const format::RecordBatch none =
      format::EmptyBatch(std::make_shared<const format::Schema>(schema));
  return EvaluateFilter(expr, none).status();
}

}  // namespace og::engine::expr
