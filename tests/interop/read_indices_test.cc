// Datasets with indexes that the real Lance library (10.0.0) made: the filters of their
// expected.json, at every stage of their history, answered with and without the indexes. Where the
// library's own answer through an index was wrong the file holds the right one as well.
#include <algorithm>
#include <cstdlib>
#include <filesystem>

#include "gtest/gtest.h"

#include "engine/dataset/dataset.h"
#include "engine/dataset/indices.h"
#include "engine/expr/filter_parse.h"
#include "format/arrow/array.h"
#include "io/base/json_value.h"
#include "io/base/sha256.h"
#include "io/base/text.h"
#include "io/env/real_env.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_dir.h"

namespace og::tests {
namespace {

using engine::dataset::Dataset;
using engine::dataset::DatasetPtr;
using engine::dataset::ScanOptions;

struct Totals {
  size_t queries = 0;
  size_t by_index = 0;
};

// The ids of matching rows, ascending, one a line, as the expected hash takes them.
std::string HashOfIds(const Dataset& table, const ScanOptions& options) {
  const auto stream = table.Scan(options);
  EXPECT_THAT(stream, IsOk());
  if (!stream.ok()) return "";
  const auto rows = format::Collect(**stream);
  EXPECT_THAT(rows, IsOk());
  if (!rows.ok()) return "";
  const auto values = rows->columns[0]->Values<int64_t>();
  std::vector<int64_t> ids(values.begin(), values.end());
  std::ranges::sort(ids);
  std::string lines;
  for (const int64_t id : ids) {
    lines += io::StrCat(id, "\n");
  }
  return io::Sha256Hex(lines);
}

void CheckCase(const std::string& folder, Totals& totals) {
  const auto expected = io::JsonValue::Parse(ReadFile(folder + "/expected.json"));
  ASSERT_THAT(expected, IsOk());
  const auto root = io::RealEnv().Resolve(folder + "/data.lance");
  ASSERT_THAT(root, IsOk());
  for (const io::JsonValue& stage : expected->Find("stages")->items()) {
    const auto table =
        Dataset::Open(io::RealEnv(), *root, {.version = *stage.Find("version")->AsUint64()});
    ASSERT_THAT(table, IsOk());
    const auto indices = engine::dataset::ListIndices(**table);
    ASSERT_THAT(indices, IsOk());
    EXPECT_EQ(indices->size(), stage.Find("indices")->items().size());
    for (const io::JsonValue& item : stage.Find("queries")->items()) {
      const io::JsonValue& query = *item.Find("query");
      if (query.Find("kind")->string() != "filter") continue;
      const std::string& text = query.Find("filter")->string();
      SCOPED_TRACE(io::StrCat(stage.Find("stage")->string(), ": ", text));
      const auto filter = engine::expr::ParseFilter(text);
      ASSERT_THAT(filter, IsOk());
      const io::JsonValue* right = item.Find("result_without_index");
      if (right == nullptr) right = item.Find("result");
      ScanOptions options;
      options.columns = {"id"};
      options.filter = *filter;
      EXPECT_EQ(HashOfIds(**table, options), right->Find("ids_sha256")->string());
      const auto explained = ExplainScan(**table, options);
      ASSERT_THAT(explained, IsOk());
      totals.by_index += explained->num_rows_from_index ? 1 : 0;
      options.use_indices = false;
      EXPECT_EQ(HashOfIds(**table, options), right->Find("ids_sha256")->string());
      ++totals.queries;
    }
  }
}

TEST(ReadIndicesTest, PackedCasesAgree) {
  const TempDir folder;
  const std::string unpack =
      io::StrCat("tar xJf tests/data/lance_indices.tar.xz -C '", folder.path(), "'");
  ASSERT_EQ(std::system(unpack.c_str()), 0);
  Totals totals;
  for (const auto& entry : std::filesystem::directory_iterator(folder.path())) {
    SCOPED_TRACE(entry.path().filename().string());
    CheckCase(entry.path().string(), totals);
  }
  std::printf("%zu queries, %zu through an index\n", totals.queries, totals.by_index);
  EXPECT_GE(totals.queries, 300u);
  EXPECT_GE(totals.by_index, 250u);
}

}  // namespace
}  // namespace og::tests
