#include "engine/exec/stored_tables.h"

#include <algorithm>
#include <utility>

#include "engine/dataset/indices.h"
#include "io/base/check.h"

namespace og::engine::exec {
namespace {

using dataset::DatasetPtr;
using format::RecordBatch;

template <typename T>
T Must(absl::StatusOr<T> value) {
  OG_CHECK(value.ok());
  return *std::move(value);
}

DatasetPtr WithIndexes(DatasetPtr table, const StoredTableOptions& options) {
  for (const std::string& column : options.indexed) {
    const auto staged =
        Must(StageCreateIndex(*table, {.column = column, .page_rows = options.index_page_rows}));
    table = Must(table->Commit(staged, {}));
  }
  return table;
}

// The rows of `part` with strangers in between, and the places of these.
RecordBatch WithStrangers(const RecordBatch& part, const RecordBatch& all, std::mt19937_64& random,
                          std::vector<uint64_t>& strangers) {
  std::vector<int64_t> from;  // rows of `part`, then of `all`
  strangers.clear();
  for (int64_t row = 0; row < part.num_rows; ++row) {
    while (random() % 4 == 0) {
      strangers.push_back(from.size());
      from.push_back(part.num_rows +
                     static_cast<int64_t>(random() % static_cast<uint64_t>(all.num_rows)));
    }
    from.push_back(row);
  }
  const RecordBatch both[] = {part, all};
  return Take(Concat(both), from);
}

}  // namespace

DatasetPtr MakeStoredTable(io::Env& env, const std::string& uri, const RecordBatch& rows,
                           const StoredTableOptions& options) {
  const io::Location root = Must(env.Resolve(uri));
  DatasetPtr table = Must(dataset::Dataset::CommitCreate(
      env, root, Must(dataset::Dataset::StageCreate(env, root, rows.schema, nullptr, {}))));
  bool has_indexes = false;
  for (int64_t start = 0; start < rows.num_rows; start += options.rows_per_fragment) {
    const int64_t count = std::min(options.rows_per_fragment, rows.num_rows - start);
    const bool is_last = start + count == rows.num_rows;
    if (is_last && start > 0 && options.index_before_last_fragment) {
      table = WithIndexes(std::move(table), options);
      has_indexes = true;
    }
    RecordBatch part = Slice(rows, start, count);
    std::vector<uint64_t> strangers;
    if (options.deletions != nullptr) {
      part = WithStrangers(part, rows, *options.deletions, strangers);
    }
    const auto stream = MakeStream(rows.schema, {part});
    table = Must(table->Commit(Must(table->StageAppend(*stream, {})), {}));
    const uint64_t fragment = table->manifest().fragments.back().id;
    for (uint64_t& address : strangers)
      address |= fragment << 32;
    if (!strangers.empty()) {
      table = Must(table->Commit(Must(table->StageDelete(strangers, "", {})), {}));
    }
  }
  return has_indexes || rows.num_rows == 0 ? table : WithIndexes(table, options);
}

}  // namespace og::engine::exec
