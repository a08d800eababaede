// A small table for the tests of this room: rows by number, and all that a version holds as text.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "gtest/gtest.h"

#include "engine/dataset/dataset.h"
#include "engine/expr/filter_parse.h"
#include "format/arrow/builder.h"
#include "io/base/text.h"
#include "io/env/env.h"

namespace og::engine::dataset {

inline format::SchemaPtr NumberedSchema() {
  static const auto schema = std::make_shared<const format::Schema>(
      format::Schema{{{"id", format::Int64(), true, {}}, {"s", format::Utf8(), true, {}}}, {}});
  return schema;
}

// Rows first .. first + count: (7, "s7"), every fifth text null.
inline std::unique_ptr<format::BatchStream> NumberedRows(int64_t first, int64_t count) {
  format::FixedBuilder<int64_t> id(format::Int64());
  format::StringBuilder s(format::Utf8());
  for (int64_t i = first; i < first + count; ++i) {
    id.Append(i);
    if (i % 5 == 0) {
      s.AppendNull();
    } else {
      s.Append(io::StrCat("s", i));
    }
  }
  return format::MakeStream(NumberedSchema(),
                            {{NumberedSchema(), count, {id.Finish(), s.Finish()}}});
}

inline DatasetPtr CommitStaged(const DatasetPtr& table,
                               const absl::StatusOr<StagedTransaction>& staged) {
  EXPECT_TRUE(staged.ok()) << staged.status();
  const auto committed = table->Commit(*staged, {});
  EXPECT_TRUE(committed.ok()) << committed.status();
  return *committed;
}

// A table of `fragments` fragments of `rows` rows each, one commit a fragment.
inline DatasetPtr NumberedTable(io::Env& env, const io::Location& root, bool stable_row_ids,
                                int64_t fragments, int64_t rows) {
  const auto first = NumberedRows(0, rows);
  CreateOptions options;
  options.stable_row_ids = stable_row_ids;
  const auto staged = Dataset::StageCreate(env, root, NumberedSchema(), first.get(), options);
  EXPECT_TRUE(staged.ok()) << staged.status();
  const auto created = Dataset::CommitCreate(env, root, *staged);
  EXPECT_TRUE(created.ok()) << created.status();
  DatasetPtr table = *created;
  for (int64_t i = 1; i < fragments; ++i) {
    const auto more = NumberedRows(i * rows, rows);
    table = CommitStaged(table, table->StageAppend(*more, {}));
  }
  return table;
}

inline DatasetPtr DeleteWhere(const DatasetPtr& table, std::string_view where) {
  ScanOptions options;
  options.columns.emplace();
  options.with_row_address = true;
  options.filter = *expr::ParseFilter(where);
  const auto stream = table->Scan(options);
  EXPECT_TRUE(stream.ok()) << stream.status();
  const auto rows = format::Collect(**stream);
  EXPECT_TRUE(rows.ok()) << rows.status();
  const auto addresses = rows->Column("_rowaddr")->Values<uint64_t>();
  return CommitStaged(table, table->StageDelete(addresses, where, {}));
}

// The rows as one line each, in scan order: "7 s7", with stable row ids also
// " #row_id created updated".
inline std::vector<std::string> AllRows(const Dataset& table, std::string_view where = "",
                                        bool use_indices = true) {
  ScanOptions options;
  options.use_indices = use_indices;
  if (!where.empty()) {
    options.filter = *expr::ParseFilter(where);
  }
  const bool stable = table.manifest().has_stable_row_ids();
  options.with_row_id = stable;
  options.with_created_at_version = stable;
  options.with_last_updated_at_version = stable;
  const auto stream = table.Scan(options);
  EXPECT_TRUE(stream.ok()) << stream.status();
  std::vector<std::string> lines;
  if (!stream.ok()) {
    return lines;
  }
  const auto rows = format::Collect(**stream);
  EXPECT_TRUE(rows.ok()) << rows.status();
  if (!rows.ok()) {
    return lines;
  }
  for (int64_t i = 0; i < rows->num_rows; ++i) {
    std::string line = io::StrCat(
        rows->columns[0]->Value<int64_t>(i), " ",
        rows->columns[1]->IsNull(i) ? std::string_view("null") : rows->columns[1]->StringValue(i));
    for (size_t column = 2; column < rows->columns.size(); ++column) {
      line += io::StrCat(column == 2 ? " #" : " ", rows->columns[column]->Value<uint64_t>(i));
    }
    lines.push_back(std::move(line));
  }
  return lines;
}

}  // namespace og::engine::dataset
