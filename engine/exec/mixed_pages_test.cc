// A column whose pages are encoded in different ways, some with a dictionary and some without, is
// read, filtered and expanded over like any other.
#include <iterator>
#include <memory>
#include <string>
#include <vector>

#include "gtest/gtest.h"

#include "engine/dataset/dataset.h"
#include "engine/exec/stored_tables.h"
#include "engine/expr/expr.h"
#include "format/arrow/builder.h"
#include "io/base/text.h"
#include "io/env/sim_env.h"
#include "tests/support/seed.h"
#include "tests/support/status_matchers.h"

namespace og::engine::exec {
namespace {

using tests::IsOk;

constexpr int kRows = 600'000;

// The first half of `src` has twenty values, the second half one of its own in each row but for
// every thousandth.
format::RecordBatch Edges() {
  format::StringBuilder src(format::Utf8());
  format::StringBuilder dst(format::Utf8());
  for (int i = 0; i < kRows; ++i) {
    const bool known = i < kRows / 2 || i % 1000 == 7;
    src.Append(known ? io::StrCat("person-", i % 20) : io::StrCat("somebody else, number ", i));
    dst.Append(io::StrCat("d", i));
  }
  auto schema = std::make_shared<format::Schema>();
  schema->fields = {{"src", format::Utf8(), true, {}}, {"dst", format::Utf8(), true, {}}};
  return {schema, kRows, {src.Finish(), dst.Finish()}};
}

std::vector<std::string> RowsOf(const dataset::Dataset& table, bool dictionary_strings) {
  dataset::ScanOptions options;
  options.columns = {{"src", "dst"}};
  options.dictionary_strings = dictionary_strings;
  options.filter =
      expr::Compare(expr::CompareOp::kEq, expr::Column("src"), expr::StringLiteral("person-7"));
  std::vector<std::string> rows;
  auto stream = table.Scan(options);
  EXPECT_THAT(stream, IsOk());
  while (true) {
    const auto batch = (*stream)->Next();
    EXPECT_THAT(batch, IsOk());
    if (!batch.ok() || !batch->has_value()) return rows;
    const format::ArrayPtr src = format::DecodeDictionary((*batch)->columns[0]);
    const format::ArrayPtr dst = format::DecodeDictionary((*batch)->columns[1]);
    for (int64_t i = 0; i < (*batch)->num_rows; ++i)
      rows.push_back(io::StrCat(src->StringValue(i), " ", dst->StringValue(i)));
  }
}

TEST(MixedPagesTest, FiltersReadThemAsOneColumn) {
  io::SimEnv env(tests::Seed());
  const dataset::DatasetPtr table = MakeStoredTable(env, "memory://g/edges", Edges(), {});
  const std::vector<std::string> want = RowsOf(*table, false);
  EXPECT_EQ(std::ssize(want), kRows / 2 / 20 + kRows / 2 / 1000);
  EXPECT_EQ(RowsOf(*table, true), want);
}

}  // namespace
}  // namespace og::engine::exec
