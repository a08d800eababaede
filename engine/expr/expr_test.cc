// Expressions over batches: every comparison of every pair of number types against exact
// arithmetic, three-valued logic against its tables, and dictionaries against plain text.
#include "engine/expr/expr.h"

#include <array>
#include <bit>
#include <cmath>
#include <limits>
#include <random>

#include "gtest/gtest.h"

#include "engine/expr/filter_parse.h"
#include "engine/expr/text.h"
#include "format/arrow/builder.h"
#include "tests/support/seed.h"
#include "tests/support/status_matchers.h"

namespace og::engine::expr {
namespace {

using format::ArrayPtr;
using format::RecordBatch;
using format::TypePtr;
using testing::ElementsAre;
using testing::IsEmpty;
using Rows = std::vector<int64_t>;

constexpr CompareOp kOps[] = {CompareOp::kEq, CompareOp::kNe, CompareOp::kLt,
                              CompareOp::kLe, CompareOp::kGt, CompareOp::kGe};

template <typename T>
ArrayPtr Numbers(const TypePtr& type, const std::vector<std::optional<T>>& values) {
  format::FixedBuilder<T> builder(type);
  for (const auto& value : values)
    value.has_value() ? builder.Append(*value) : builder.AppendNull();
  return builder.Finish();
}

ArrayPtr Texts(const std::vector<std::optional<std::string>>& values) {
  format::StringBuilder builder(format::Utf8());
  for (const auto& value : values)
    value.has_value() ? builder.Append(*value) : builder.AppendNull();
  return builder.Finish();
}

ArrayPtr Bools(const std::vector<std::optional<bool>>& values) {
  format::BoolBuilder builder;
  for (const auto& value : values)
    value.has_value() ? builder.Append(*value) : builder.AppendNull();
  return builder.Finish();
}

// `text` dictionary-coded, every value in the dictionary once more than needed.
ArrayPtr Coded(const ArrayPtr& text) {
  auto coded = std::make_shared<format::Array>();
  coded->type = format::Dictionary(format::Int32(), format::Utf8());
  coded->length = text->length;
  coded->null_count = text->null_count;
  coded->validity = text->validity;
  format::FixedBuilder<int32_t> indices(format::Int32());
  for (int32_t i = 0; i < text->length; ++i)
    indices.Append(i);
  coded->values = indices.Finish()->values;
  coded->dictionary = text;
  return coded;
}

RecordBatch Batch(std::vector<std::pair<std::string, ArrayPtr>> columns) {
  auto schema = std::make_shared<format::Schema>();
  RecordBatch batch;
  for (auto& [name, column] : columns) {
    schema->fields.push_back({name, column->type, true, {}});
    batch.num_rows = column->length;
    batch.columns.push_back(column);
  }
  batch.schema = schema;
  return batch;
}

Rows Filter(const ExprPtr& expr, const RecordBatch& batch) {
  const auto rows = EvaluateFilter(*expr, batch);
  EXPECT_TRUE(rows.ok()) << rows.status() << " " << expr->ToString();
  return rows.value_or(Rows{-1});
}

bool Holds(CompareOp op, std::strong_ordering order) {
  switch (op) {
    case CompareOp::kEq:
      return order == 0;
    case CompareOp::kNe:
      return order != 0;
    case CompareOp::kLt:
      return order < 0;
    case CompareOp::kLe:
      return order <= 0;
    case CompareOp::kGt:
      return order > 0;
    case CompareOp::kGe:
      return order >= 0;
  }
  return false;
}

TEST(CompareTest, IntegersOfAllTypesExactly) {
  __extension__ typedef __int128 Wide;
  struct Side {
    ArrayPtr array;
    std::vector<std::optional<Wide>> values;
  };
  std::vector<Side> columns;
  const auto add = [&]<typename T>(T, TypePtr type) {
    const std::vector<std::optional<T>> values = {
        std::numeric_limits<T>::min(), std::numeric_limits<T>::max(), T{0}, T{1}, T{100}, {}};
    Side column{Numbers<T>(type, values), {}};
    for (const auto& value : values) {
      column.values.push_back(value ? std::optional<Wide>(*value) : std::nullopt);
    }
    columns.push_back(column);
  };
  add(int8_t{}, format::Int8());
  add(int16_t{}, format::Int16());
  add(int32_t{}, format::Int32());
  add(int64_t{}, format::Int64());
  add(uint8_t{}, format::Uint8());
  add(uint16_t{}, format::Uint16());
  add(uint32_t{}, format::Uint32());
  add(uint64_t{}, format::Uint64());
  for (const Side& left : columns) {
    for (const Side& right : columns) {
      for (const CompareOp op : kOps) {
        for (size_t shift = 0; shift < 6; ++shift) {  // each row with each row, and as literals
          std::vector<int64_t> turned;
          for (size_t i = 0; i < 6; ++i)
            turned.push_back(static_cast<int64_t>((i + shift) % 6));
          const ArrayPtr b = Take(*right.array, turned);
          const RecordBatch batch = Batch({{"a", left.array}, {"b", b}});
          Rows want;
          Rows want_literal;
          for (size_t i = 0; i < 6; ++i) {
            const auto& x = left.values[i];
            const auto& y = right.values[(i + shift) % 6];
            const auto& first = right.values[shift];
            if (x && y && Holds(op, *x <=> *y)) want.push_back(static_cast<int64_t>(i));
            if (x && first && Holds(op, *x <=> *first)) {
              want_literal.push_back(static_cast<int64_t>(i));
            }
          }
          ASSERT_EQ(Filter(Compare(op, Column("a"), Column("b")), batch), want);
          const ExprPtr literal = Literal(Slice(b, 0, 1));
          ASSERT_EQ(Filter(Compare(op, Column("a"), literal), batch), want_literal);
        }
      }
    }
  }
}

TEST(CompareTest, FloatsInTotalOrder) {
  const double inf = std::numeric_limits<double>::infinity();
  const std::vector<double> ascending = {-inf, -1.5, -0.0, 0.0, 1e-300, 2.0, inf, std::nan("7")};
  for (size_t i = 0; i < ascending.size(); ++i) {
    for (size_t k = 0; k < ascending.size(); ++k) {
      for (const CompareOp op : kOps) {
        const RecordBatch batch =
            Batch({{"a", Numbers<double>(format::Float64(), {ascending[i]})},
                   {"f", Numbers<float>(format::Float32(), {static_cast<float>(ascending[i])})}});
        const Rows want = Holds(op, i <=> k) ? Rows{0} : Rows{};
        ASSERT_EQ(Filter(Compare(op, Column("a"), Float64Literal(ascending[k])), batch), want);
        if (i != 4 && k != 4) {  // 1e-300 is 0 as a float
          ASSERT_EQ(Filter(Compare(op, Column("f"), Float64Literal(ascending[k])), batch), want);
        }
      }
    }
  }
  const RecordBatch nans = Batch({{"a", Numbers<double>(format::Float64(), {-std::nan("1")})}});
  EXPECT_EQ(Filter(Compare(CompareOp::kEq, Column("a"), Float64Literal(std::nan("2"))), nans),
            Rows{0});
}

TEST(CompareTest, LiteralsAreCastOnlyWhereNothingIsLost) {
  const RecordBatch batch = Batch({{"i", Numbers<int32_t>(format::Int32(), {2, 3, {}})},
                                   {"f", Numbers<float>(format::Float32(), {0.1f, 2.5f, {}})}});
  EXPECT_THAT(Filter(Compare(CompareOp::kEq, Column("i"), Float64Literal(2.5)), batch), IsEmpty());
  EXPECT_THAT(Filter(Compare(CompareOp::kEq, Column("i"), Float64Literal(2.0)), batch),
              ElementsAre(0));
  EXPECT_THAT(Filter(Compare(CompareOp::kGt, Column("i"), Float64Literal(2.5)), batch),
              ElementsAre(1));
  EXPECT_THAT(Filter(Compare(CompareOp::kLt, Column("i"), Int64Literal(int64_t{1} << 40)), batch),
              ElementsAre(0, 1));
  EXPECT_THAT(Filter(Compare(CompareOp::kEq, Column("f"), Float64Literal(0.1)), batch),
              ElementsAre(0));
  EXPECT_THAT(Filter(Compare(CompareOp::kLt, Float64Literal(2.5), Column("i")), batch),
              ElementsAre(1));
}

TEST(CompareTest, NarrowFloatsWithLiterals) {
  const RecordBatch batch = Batch({{"f", Numbers<float>(format::Float32(), {0.1f, 2.5f, {}})}});
  const auto rows = [&](std::string_view text) { return Filter(ParseFilter(text).value(), batch); };
  EXPECT_THAT(rows("f = 0.1"), ElementsAre(0));
  EXPECT_THAT(rows("f in (0.1, 7)"), ElementsAre(0));
  EXPECT_THAT(rows("not f = 0.1"), ElementsAre(1));
  EXPECT_THAT(rows("not f not in (0.1)"), ElementsAre(0));
  EXPECT_THAT(rows("abs(f) = 0.1"), IsEmpty());
  EXPECT_THAT(rows("f::float in (0.1, 2.5)"), ElementsAre(1));
  EXPECT_THAT(rows("abs(f) = 2.5"), ElementsAre(1));
}

TEST(CompareTest, NotANumberIsTheGreatestWhateverItsSign) {
  const RecordBatch batch =
      Batch({{"f", Numbers<double>(format::Float64(), {std::nan(""), -std::nan(""), -2.0, 4.0})}});
  const auto rows = [&](std::string_view text) { return Filter(ParseFilter(text).value(), batch); };
  EXPECT_THAT(rows("f > 1.0"), ElementsAre(0, 1, 3));
  EXPECT_THAT(rows("-f > 1.0"), ElementsAre(0, 1, 2));
  EXPECT_THAT(rows("sqrt(f) > 1.0"), ElementsAre(0, 1, 2, 3));
}

TEST(CompareTest, DatesWithTextAndWithEachOther) {
  const RecordBatch batch =
      Batch({{"d", Numbers<int32_t>(format::Date32(), {0, 1, {}})},
             {"t", Numbers<int64_t>(format::Date64(), {0, 86'400'000, {}})},
             {"u", Numbers<int64_t>(format::Timestamp(format::TimeUnit::kNano), {0, 1, {}})}});
  EXPECT_THAT(Filter(Compare(CompareOp::kEq, Column("d"), StringLiteral("1970-01-02")), batch),
              ElementsAre(1));
  EXPECT_THAT(
      Filter(Compare(CompareOp::kGe, Column("t"), StringLiteral("1970-01-01T00:00:01Z")), batch),
      ElementsAre(1));
  EXPECT_THAT(Filter(Compare(CompareOp::kEq, Column("d"), Column("t")), batch), ElementsAre(0, 1));
  EXPECT_THAT(Filter(Compare(CompareOp::kGt, Column("d"), Column("u")), batch), ElementsAre(1));
  EXPECT_THAT(EvaluateFilter(*Compare(CompareOp::kEq, Column("d"), StringLiteral("soon")), batch),
              tests::StatusIs(absl::StatusCode::kInvalidArgument,
                              testing::HasSubstr("invalid Date literal 'soon'")));
}

TEST(CompareTest, Decimals) {
  const auto value = [](int64_t low, int64_t high) {
    return std::array<uint64_t, 2>{static_cast<uint64_t>(low), static_cast<uint64_t>(high)};
  };
  const RecordBatch batch = Batch(
      {{"a", Numbers<std::array<uint64_t, 2>>(format::Decimal128(20, 2),
                                              {value(-1, -1), value(0, 0), value(-1, 0), {}})}});
  const ExprPtr zero = Literal(Slice(batch.columns[0], 1, 1));
  EXPECT_THAT(Filter(Compare(CompareOp::kLt, Column("a"), zero), batch), ElementsAre(0));
  EXPECT_THAT(Filter(Compare(CompareOp::kGt, Column("a"), zero), batch), ElementsAre(2));
}

TEST(LogicTest, KleeneTables) {
  const std::optional<bool> kValues[] = {false, true, std::nullopt};
  for (const auto& x : kValues) {
    for (const auto& y : kValues) {
      const RecordBatch batch = Batch({{"x", Bools({x})}, {"y", Bools({y})}});
      const auto check = [&](const ExprPtr& expr, std::optional<bool> want) {
        const auto got = Evaluate(*expr, batch);
        ASSERT_TRUE(got.ok());
        EXPECT_TRUE(Equal(**got, *Bools({want}))) << expr->ToString();
        EXPECT_EQ(Filter(expr, batch), want == true ? Rows{0} : Rows{});
      };
      std::optional<bool> both;
      if (x == false || y == false) both = false;
      if (x == true && y == true) both = true;
      std::optional<bool> either;
      if (x == true || y == true) either = true;
      if (x == false && y == false) either = false;
      check(And({Column("x"), Column("y")}), both);
      check(Or({Column("x"), Column("y")}), either);
      check(Not(Column("x")), x ? std::optional(!*x) : std::nullopt);
      check(IsNull(Column("x")), !x.has_value());
      check(In(Column("x"), Bools({y})), x && y ? std::optional(*x == *y) : std::nullopt);
    }
  }
  const RecordBatch batch = Batch({{"x", Bools({true, false})}});
  EXPECT_THAT(Filter(And({}), batch), ElementsAre(0, 1));
  EXPECT_THAT(Filter(Or({}), batch), IsEmpty());
  EXPECT_THAT(Filter(NullLiteral(), batch), IsEmpty());
}

TEST(TextTest, PlainAndDictionaryAgree) {
  const ArrayPtr texts =
      Texts({"", "a", "ab", "b", "bab", {}, "aab", "caf\xc3\xa9", "caf\xc3\xa9s", "100%"});
  // Twice each row, so that looking at entries pays.
  std::vector<int64_t> twice;
  for (int64_t i = 0; i < 2 * texts->length; ++i)
    twice.push_back(i / 2);
  const RecordBatch batch = Batch({{"p", Take(*texts, twice)}, {"d", Take(*Coded(texts), twice)}});
  const auto check = [&](const auto& make, const std::vector<int64_t>& want) {
    Rows doubled;
    for (const int64_t row : want) {
      doubled.push_back(2 * row);
      doubled.push_back(2 * row + 1);
    }
    EXPECT_EQ(Filter(make(Column("p")), batch), doubled) << make(Column("p"))->ToString();
    EXPECT_EQ(Filter(make(Column("d")), batch), doubled) << make(Column("d"))->ToString();
    // A slice shorter than its dictionary goes another way.
    const RecordBatch slice = Slice(batch, 4, 6);
    EXPECT_EQ(Filter(make(Column("d")), slice), Filter(make(Column("p")), slice));
  };
  check([](ExprPtr c) { return Contains(c, StringLiteral("ab")); }, {2, 4, 6});
  check([](ExprPtr c) { return Contains(c, StringLiteral("")); }, {0, 1, 2, 3, 4, 6, 7, 8, 9});
  check([](ExprPtr c) { return Contains(c, NullLiteral()); }, {});
  check([](ExprPtr c) { return StartsWith(c, StringLiteral("a")); }, {1, 2, 6});
  check([](ExprPtr c) { return Not(StartsWith(c, StringLiteral("a"))); }, {0, 3, 4, 7, 8, 9});
  check([](ExprPtr c) { return Compare(CompareOp::kLt, c, StringLiteral("ab")); }, {0, 1, 6, 9});
  check([](ExprPtr c) { return In(c, Texts({"b", "zz", ""})); }, {0, 3});
  check([](ExprPtr c) { return Not(In(c, Texts({"b", {}}))); }, {});
  check([](ExprPtr c) { return IsNull(c); }, {5});
  check([](ExprPtr c) { return Like(c, "%b"); }, {2, 3, 4, 6});
  check([](ExprPtr c) { return Like(c, "_b"); }, {2});
  check([](ExprPtr c) { return Like(c, "caf_"); }, {7});
  check([](ExprPtr c) { return Like(c, "%a%b%"); }, {2, 4, 6});
  check([](ExprPtr c) { return Like(c, "100\\%"); }, {9});
  check([](ExprPtr c) { return Like(c, "1%0_"); }, {9});
  check([](ExprPtr c) { return Like(c, ""); }, {0});
  check([](ExprPtr c) { return Compare(CompareOp::kEq, c, Column("p")); },
        {0, 1, 2, 3, 4, 6, 7, 8, 9});
}

TEST(ListTest, Contains) {
  format::ListBuilder builder(format::ListOf(format::Int32()));
  auto& items = static_cast<format::FixedBuilder<int32_t>&>(builder.items());
  items.Append(1);
  items.Append(2);
  builder.Append();
  builder.Append();
  builder.AppendNull();
  items.AppendNull();
  items.Append(3);
  builder.Append();
  const RecordBatch whole =
      Batch({{"l", builder.Finish()}, {"n", Numbers<int64_t>(format::Int64(), {2, 2, 2, 3})}});
  EXPECT_THAT(Filter(ListContains(Column("l"), Int64Literal(1)), whole), ElementsAre(0));
  EXPECT_THAT(Filter(ListContains(Column("l"), Column("n")), whole), ElementsAre(0, 3));
  EXPECT_THAT(Filter(Not(ListContains(Column("l"), Int64Literal(1))), whole), ElementsAre(1, 3));
  EXPECT_THAT(Filter(ListContains(Column("l"), NullLiteral()), whole), IsEmpty());
  EXPECT_THAT(Filter(ListContains(Column("l"), Int64Literal(3)), Slice(whole, 2, 2)),
              ElementsAre(1));
  EXPECT_FALSE(EvaluateFilter(*ListContains(Column("n"), Int64Literal(3)), whole).ok());
  EXPECT_FALSE(EvaluateFilter(*ListContains(Column("l"), StringLiteral("x")), whole).ok());
}

TEST(ColumnTest, StructMembersUnderNullParents) {
  const ArrayPtr member = Numbers<int32_t>(format::Int32(), {1, 2, {}, 4});
  auto parent = std::make_shared<format::Array>();
  parent->type = format::Struct({{"m", format::Int32(), true, {}}});
  parent->length = 4;
  parent->null_count = 1;
  parent->validity = io::Buffer::CopyOf(std::string_view("\x0d", 1));  // row 1 is null
  parent->children = {member};
  const RecordBatch batch = Batch({{"s", parent}});
  const ExprPtr is_null = IsNull(Column(std::vector<std::string>{"s", "m"}));
  EXPECT_THAT(Filter(is_null, batch), ElementsAre(1, 2));
  EXPECT_THAT(Filter(is_null, Slice(batch, 1, 3)), ElementsAre(0, 1));
  EXPECT_THAT(
      EvaluateFilter(*IsNull(Column(std::vector<std::string>{"s", "x"})), batch),
      tests::StatusIs(absl::StatusCode::kInvalidArgument, testing::HasSubstr("no column 's.x'")));
}

TEST(FilterTest, ConjunctionsNarrowLikeOneExpression) {
  std::mt19937_64 random(tests::Seed());
  for (int round = 0; round < 50; ++round) {
    std::vector<std::optional<int32_t>> a;
    std::vector<std::optional<std::string>> b;
    for (int i = 0; i < 100; ++i) {
      a.push_back(random() % 7 == 0 ? std::nullopt
                                    : std::optional(static_cast<int32_t>(random() % 20)));
      b.push_back(random() % 7 == 0 ? std::nullopt : std::optional(std::to_string(random() % 20)));
    }
    const RecordBatch batch =
        Batch({{"a", Numbers<int32_t>(format::Int32(), a)}, {"b", Coded(Texts(b))}});
    const ExprPtr first =
        Compare(CompareOp::kLt, Column("a"), Int64Literal(static_cast<int64_t>(random() % 20)));
    const ExprPtr second = StartsWith(Column("b"), StringLiteral("1"));
    Rows want;
    for (size_t i = 0; i < 100; ++i) {
      const bool less = a[i] && *a[i] < first->args[1]->values->Value<int64_t>(0);
      if (less && b[i] && b[i]->starts_with("1")) want.push_back(static_cast<int64_t>(i));
    }
    EXPECT_EQ(Filter(And({first, second}), batch), want);
    EXPECT_EQ(Filter(And({second, first, second}), batch), want);
  }
}

TEST(CastTest, NumbersTextAndDates) {
  const auto cast = [](const ArrayPtr& from, const TypePtr& to) { return Cast(from, to).value(); };
  EXPECT_TRUE(Equal(*cast(Numbers<double>(format::Float64(), {2.9, -2.9, 300.0, {}, std::nan("")}),
                          format::Int8()),
                    *Numbers<int8_t>(format::Int8(), {2, -2, {}, {}, {}})));
  EXPECT_TRUE(Equal(*cast(Texts({"1", "x", {}, "-5"}), format::Int64()),
                    *Numbers<int64_t>(format::Int64(), {1, {}, {}, -5})));
  EXPECT_TRUE(Equal(*cast(Numbers<int32_t>(format::Date32(), {1, -1}), format::Date64()),
                    *Numbers<int64_t>(format::Date64(), {86'400'000, -86'400'000})));
  EXPECT_TRUE(Equal(*cast(Numbers<int64_t>(format::Date64(), {-1}), format::Date32()),
                    *Numbers<int32_t>(format::Date32(), {-1})));
  EXPECT_TRUE(
      Equal(*cast(Numbers<float>(format::Float32(), {0.1f}), format::Utf8()), *Texts({"0.1"})));
  EXPECT_TRUE(Equal(*cast(Coded(Texts({"a", {}})), format::Utf8()), *Texts({"a", {}})));
  EXPECT_FALSE(Cast(Texts({"a"}), format::ListOf(format::Utf8())).ok());
}

ArrayPtr Value(std::string_view text, const RecordBatch& batch) {
  const auto value = Evaluate(*ParseExpression(text).value(), batch);
  EXPECT_TRUE(value.ok()) << text << ": " << value.status();
  return value.ok() ? *value : format::NullArray(format::Null(), 0);
}

TEST(ComputeTest, ArithmeticIsOfOneType) {
  const RecordBatch batch = Batch({{"a", Numbers<int8_t>(format::Int8(), {7, {}, -128})},
                                   {"b", Numbers<int64_t>(format::Int64(), {2, 3, -1})},
                                   {"f", Numbers<float>(format::Float32(), {0.5f, 1.5f, {}})}});
  EXPECT_TRUE(Equal(*Value("a + 1", batch), *Numbers<int8_t>(format::Int8(), {8, {}, -127})));
  EXPECT_TRUE(Equal(*Value("a - 1", batch), *Numbers<int8_t>(format::Int8(), {6, {}, 127})));
  EXPECT_TRUE(
      Equal(*Value("(a - 1) - 1", batch), *Numbers<int64_t>(format::Int64(), {5, {}, -130})));
  EXPECT_TRUE(Equal(*Value("a / b", batch), *Numbers<int64_t>(format::Int64(), {3, {}, 128})));
  EXPECT_TRUE(Equal(*Value("a % b", batch), *Numbers<int64_t>(format::Int64(), {1, {}, 0})));
  EXPECT_TRUE(Equal(*Value("-b", batch), *Numbers<int64_t>(format::Int64(), {-2, -3, 1})));
  EXPECT_TRUE(Equal(*Value("-a", batch), *Numbers<int8_t>(format::Int8(), {-7, {}, -128})));
  EXPECT_TRUE(Equal(*Value("-f", batch), *Numbers<float>(format::Float32(), {-0.5f, -1.5f, {}})));
  EXPECT_TRUE(Equal(*Value("f * b", batch), *Numbers<float>(format::Float32(), {1.0f, 4.5f, {}})));
  EXPECT_TRUE(Equal(*Value("1 + 2", batch), *Numbers<int64_t>(format::Int64(), {3, 3, 3})));
  EXPECT_TRUE(Equal(*Value("a + null", batch), *Numbers<int8_t>(format::Int8(), {{}, {}, {}})));
  EXPECT_THAT(Evaluate(*ParseExpression("b / 0").value(), batch),
              tests::StatusIs(absl::StatusCode::kInvalidArgument, "Divide by zero"));
  EXPECT_THAT(Evaluate(*ParseExpression("b + 'x'").value(), batch),
              tests::StatusIs(absl::StatusCode::kInvalidArgument, "cannot calculate"));
}

TEST(ComputeTest, FunctionsAndCase) {
  const RecordBatch batch = Batch({{"t", Coded(Texts({"aB", {}, "\xc3\xa9Z"}))},
                                   {"n", Numbers<int32_t>(format::Int32(), {0, 5, -5})}});
  EXPECT_TRUE(Equal(*Value("upper(t)", batch), *Texts({"AB", {}, "\xc3\x89Z"})));
  EXPECT_TRUE(Equal(*Value("t || '-' || n", batch), *Texts({"aB-0", {}, "\xc3\xa9Z--5"})));
  EXPECT_TRUE(Equal(*Value("coalesce(t, 'none')", batch), *Texts({"aB", "none", "\xc3\xa9Z"})));
  EXPECT_TRUE(Equal(*Value("length(t)", batch), *Numbers<int32_t>(format::Int32(), {2, {}, 2})));
  EXPECT_TRUE(Equal(*Value("abs(n)", batch), *Numbers<int32_t>(format::Int32(), {0, 5, 5})));
  // The division meets only rows that it can divide.
  EXPECT_TRUE(Equal(*Value("case when n = 0 then -1 when n > 0 then 10 / n end", batch),
                    *Numbers<int64_t>(format::Int64(), {-1, 2, {}})));
  EXPECT_TRUE(Equal(*Value("case when n = 0 then 'zero' else cast(n as string) end", batch),
                    *Texts({"zero", "5", "-5"})));
  EXPECT_EQ(Filter(ParseFilter("n * 2 = 10 or length(t) = 2 and n < 0").value(), batch),
            (Rows{1, 2}));
}

TEST(ComputeTest, TextsOfMoreThanAnArrayAreRefused) {
  const RecordBatch batch =
      Batch({{"t", Texts(std::vector<std::optional<std::string>>(300, "a"))}});
  for (const std::string_view text : {"t || repeat('x', 10000000)", "repeat('x', 10000000)",
                                      "case when t = 'a' then repeat('x', 10000000) else t end"}) {
    SCOPED_TRACE(text);
    EXPECT_THAT(Evaluate(*ParseExpression(text).value(), batch),
                tests::StatusIs(absl::StatusCode::kResourceExhausted, "fewer rows at once"));
  }
}

TEST(ComputeTest, AStrictCastRefusesWhatDoesNotFit) {
  const RecordBatch batch = Batch({{"n", Numbers<int32_t>(format::Int32(), {1, {}, 300})}});
  EXPECT_THAT(Evaluate(*ParseExpression("cast(n as tinyint)").value(), batch),
              tests::StatusIs(absl::StatusCode::kInvalidArgument, "value '300' cannot be cast"));
  EXPECT_TRUE(Equal(*Value("try_cast(n as tinyint)", batch),
                    *Numbers<int8_t>(format::Int8(), {1, {}, {}})));
  EXPECT_TRUE(Equal(*Value("cast(n as smallint)", batch),
                    *Numbers<int16_t>(format::Int16(), {1, {}, 300})));
}

TEST(FilterTest, DecimalsCompareWithEveryNumber) {
  using Unscaled = std::array<uint64_t, 2>;
  const auto minus = [](uint64_t value) { return Unscaled{0 - value, ~uint64_t{0}}; };
  const RecordBatch batch =
      Batch({{"p", Numbers<Unscaled>(format::Decimal128(10, 2),
                                     {Unscaled{125, 0}, minus(150), {}, Unscaled{1000, 0}})},
             {"n", Numbers<int32_t>(format::Int32(), {1, -2, 3, 10})},
             {"f", Numbers<double>(format::Float64(), {1.25, -1.4, 1.0, 1e300})}});
  const auto rows = [&](std::string_view text) {
    const auto found = EvaluateFilter(*ParseFilter(text).value(), batch);
    EXPECT_TRUE(found.ok()) << text << ": " << found.status();
    return found.value_or(Rows{});
  };
  EXPECT_THAT(rows("p = 1.25"), ElementsAre(0));
  EXPECT_THAT(rows("p > 1.249"), ElementsAre(0, 3));
  EXPECT_THAT(rows("p < 1.251"), ElementsAre(0, 1));
  EXPECT_THAT(rows("p = 10"), ElementsAre(3));
  EXPECT_THAT(rows("p >= n"), ElementsAre(0, 1, 3));
  EXPECT_THAT(rows("p = n"), ElementsAre(3));
  EXPECT_THAT(rows("p >= f"), ElementsAre(0));
  EXPECT_THAT(rows("p in (1.25, -1.5)"), ElementsAre(0, 1));
  EXPECT_THAT(rows("p not in (1.25, null)"), IsEmpty());
  EXPECT_THAT(rows("cast(p as decimal(10, 1)) = cast('1.3' as decimal(5, 1))"), ElementsAre(0));
  EXPECT_THAT(rows("cast(p as string) = '-1.50'"), ElementsAre(1));
  EXPECT_THAT(rows("cast(p as int) = -1"), ElementsAre(1));
  EXPECT_THAT(rows("cast(n as decimal(6, 3)) = cast('3' as decimal(6, 3))"), ElementsAre(2));
  EXPECT_THAT(rows("try_cast(f as decimal(4, 2)) is null"), ElementsAre(3));
  EXPECT_THAT(Evaluate(*ParseExpression("cast(p as decimal(2, 2))").value(), batch),
              tests::StatusIs(absl::StatusCode::kInvalidArgument, testing::HasSubstr("1.25")));
}

TEST(CastTest, ListsOfEveryKind) {
  format::ListBuilder builder(format::ListOf(format::Int32()));
  const auto append = [&](std::initializer_list<int32_t> items) {
    for (const int32_t item : items)
      static_cast<format::FixedBuilder<int32_t>&>(builder.items()).Append(item);
    builder.Append();
  };
  append({9});
  append({1, 2});
  builder.AppendNull();
  append({3, 4});
  const ArrayPtr lists = Slice(builder.Finish(), 1, 3);
  const TypePtr fixed = format::FixedSizeListOf(format::Int64(), 2);
  const auto pairs = StrictCast(lists, fixed);
  ASSERT_TRUE(pairs.ok()) << pairs.status();
  EXPECT_THAT(Validate(**pairs), tests::IsOk());
  EXPECT_TRUE((*pairs)->IsNull(1));
  EXPECT_EQ((*pairs)->children[0]->Value<int64_t>(5), 4);
  const auto large = StrictCast(*pairs, format::LargeList({"item", format::Int8(), true, {}}));
  ASSERT_TRUE(large.ok()) << large.status();
  EXPECT_THAT(Validate(**large), tests::IsOk());
  const auto back = StrictCast(*large, lists->type);
  ASSERT_TRUE(back.ok()) << back.status();
  EXPECT_TRUE(Equal(**back, *lists));
  append({1, 2, 3});
  EXPECT_FALSE(StrictCast(builder.Finish(), fixed).ok());
  append({300});
  EXPECT_FALSE(StrictCast(builder.Finish(), format::ListOf(format::Int8())).ok());
}

TEST(CheckFilterTest, NamesWhatDoesNotFit) {
  const format::Schema schema{{{"a", format::Int32(), true, {}}, {"b", format::Utf8(), true, {}}},
                              {}};
  EXPECT_THAT(CheckFilter(*Compare(CompareOp::kLt, Column("a"), Int64Literal(1)), schema),
              tests::IsOk());
  EXPECT_THAT(CheckFilter(*Compare(CompareOp::kLt, Column("a"), Column("b")), schema),
              tests::StatusIs(absl::StatusCode::kInvalidArgument,
                              testing::HasSubstr("cannot compare int32 with utf8")));
  EXPECT_THAT(CheckFilter(*Column("a"), schema),
              tests::StatusIs(absl::StatusCode::kInvalidArgument,
                              testing::HasSubstr("condition wanted, got int32")));
  EXPECT_FALSE(CheckFilter(*Contains(Column("a"), StringLiteral("x")), schema).ok());
  ExprPtr deep = Column("a");
  for (int i = 0; i < 2000; ++i)
    deep = Not(deep);
  EXPECT_THAT(CheckFilter(*deep, schema),
              tests::StatusIs(absl::StatusCode::kInvalidArgument, testing::HasSubstr("deep")));
}

}  // namespace
}  // namespace og::engine::expr
