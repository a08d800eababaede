// A long text that hundreds of rows have in common: it is copied for so many rows at once as fit,
// whatever the result does with it.
#include <string>
#include <vector>

#include "gtest/gtest.h"

#include "engine/exec/execute.h"
#include "engine/exec/memory_dataset.h"
#include "engine/query/check.h"
#include "engine/query/parse.h"
#include "format/arrow/builder.h"
#include "io/base/text.h"
#include "tests/support/status_matchers.h"

namespace og::engine::exec {
namespace {

using format::RecordBatch;
using tests::IsOk;

constexpr std::string_view kSchema = R"(
node Doc {
  key: String @key
  body: String
}
edge Cites: Doc -> Doc
)";

constexpr size_t kTextBytes = size_t{1} << 18;
constexpr int kCited = 600;
constexpr uint64_t kBatchBytesMax = uint64_t{64} << 20;
static_assert(kTextBytes * kCited > 2 * kBatchBytesMax);

std::string KeyOf(int i) {
  return io::StrCat("d", 1000 + i);
}

// Document 0 is long and cites all others.
class LongTextsTest : public ::testing::Test {
 protected:
  LongTextsTest() : catalog_(schema::CatalogFromText(kSchema).value()), snapshot_(catalog_) {
    format::StringBuilder keys(format::Utf8());
    format::StringBuilder bodies(format::Utf8());
    format::StringBuilder from(format::Utf8());
    for (int i = 0; i <= kCited; ++i) {
      keys.Append(KeyOf(i));
      bodies.Append(i == 0 ? std::string(kTextBytes, 'x') : KeyOf(i));
      if (i != 0) from.Append(KeyOf(0));
    }
    const format::ArrayPtr key = keys.Finish();
    const format::ArrayPtr cited = Slice(key, 1, kCited);
    snapshot_.SetNodes("Doc", Batch({"id", "key", "body"}, {key, key, bodies.Finish()}), 8192);
    snapshot_.SetEdges("Cites", Batch({"id", "src", "dst"}, {cited, from.Finish(), cited}), 8192);
  }

  // The first column's lengths and the second one's texts, in batches of at most `bytes_max`.
  std::vector<std::string> RowsOf(const std::string& body, uint64_t memory,
                                  uint64_t bytes_max = kBatchBytesMax) {
    const auto file = query::ParseQueryFile(io::StrCat("query q() { ", body, " }"));
    EXPECT_THAT(file, IsOk());
    const auto checked = query::CheckQuery(*catalog_, file->queries[0]);
    EXPECT_THAT(checked, IsOk());
    const auto plan = query::PlanRead(*catalog_, *checked);
    EXPECT_THAT(plan, IsOk());
    const auto result = ExecutePlan(io::MemoryBudget::NewRoot("test", memory), snapshot_, *plan, {},
                                    {.spill_result = true});
    EXPECT_THAT(result, IsOk());
    std::vector<std::string> rows;
    const auto add = [&](const RecordBatch& batch) {
      EXPECT_LE(batch.columns[0]->OffsetAt(batch.num_rows), bytes_max);
      for (int64_t i = 0; i < batch.num_rows; ++i) {
        rows.push_back(io::StrCat(batch.columns[0]->StringValue(i).size(), " ",
                                  batch.columns[1]->StringValue(i)));
      }
      return absl::OkStatus();
    };
    if (!result.ok()) return rows;
    EXPECT_THAT(result->ForEachBatch(add), IsOk());
    return rows;
  }

  static RecordBatch Batch(std::vector<std::string> names, std::vector<format::ArrayPtr> columns) {
    auto schema = std::make_shared<format::Schema>();
    for (size_t i = 0; i < names.size(); ++i)
      schema->fields.push_back({names[i], columns[i]->type, true, {}});
    const int64_t num_rows = columns[0]->length;
    return {schema, num_rows, std::move(columns)};
  }

  const schema::CatalogPtr catalog_;
  MemorySnapshot snapshot_;
};

std::vector<std::string> Expected(bool descending) {
  std::vector<std::string> rows;
  for (int i = 1; i <= kCited; ++i)
    rows.push_back(io::StrCat(kTextBytes, " ", KeyOf(descending ? kCited + 1 - i : i)));
  return rows;
}

TEST_F(LongTextsTest, ComeForEachRow) {
  const std::string cites = "match { $p: Doc $p cites $q } ";
  for (const uint64_t memory : {uint64_t{1} << 30, uint64_t{24} << 20}) {
    SCOPED_TRACE(memory);
    EXPECT_EQ(RowsOf(cites + "return { $p.body as b, $q.key as k }", memory), Expected(false));
    EXPECT_EQ(RowsOf(cites + "return { $p.body as b, $q.key as k } order { k desc }", memory),
              Expected(true));
    EXPECT_EQ(RowsOf(cites + "return { $p.body as b, $q.key as k } order { b, k desc }", memory),
              Expected(true));
    EXPECT_EQ(RowsOf(cites + "return { max($p.body) as b, $q.key as k } order { k desc }", memory,
                     kTextBytes * kCited),
              Expected(true));
    EXPECT_EQ(RowsOf(cites + "return { $p.body as b, min($q.key) as k }", memory),
              std::vector<std::string>{Expected(false)[0]});
  }
}

}  // namespace
}  // namespace og::engine::exec
