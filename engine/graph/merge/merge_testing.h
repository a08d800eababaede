// What tests of merging share: changes of single rows on a branch, without a language around them.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "gtest/gtest.h"

#include "engine/dataset/dataset.h"
#include "engine/expr/expr.h"
#include "engine/graph/branch/table_fork.h"
#include "engine/graph/context.h"
#include "engine/graph/graph.h"
#include "engine/graph/write_session.h"
#include "format/arrow/builder.h"
#include "io/base/status_macros.h"

namespace og::engine::graph {

// A text or a number, or nothing.
struct Cell {
  std::string column;
  std::optional<std::string> text;
  std::optional<int64_t> number;
};
using Row = std::vector<Cell>;

inline format::RecordBatch BatchOf(const dataset::Dataset& table, const std::vector<Row>& rows) {
  auto schema = std::make_shared<format::Schema>();
  format::RecordBatch batch{schema, static_cast<int64_t>(rows.size()), {}};
  for (const format::Field& field : table.schema()->fields) {
    schema->fields.push_back(field);
    const auto cell_of = [&field](const Row& row) -> const Cell* {
      for (const Cell& cell : row) {
        if (cell.column == field.name) return &cell;
      }
      return nullptr;
    };
    if (field.type->id == format::TypeId::kUtf8) {
      format::StringBuilder builder(field.type);
      for (const Row& row : rows) {
        const Cell* cell = cell_of(row);
        cell != nullptr && cell->text ? builder.Append(*cell->text) : builder.AppendNull();
      }
      batch.columns.push_back(builder.Finish());
    } else if (field.type->id == format::TypeId::kInt64) {
      format::FixedBuilder<int64_t> builder(field.type);
      for (const Row& row : rows) {
        const Cell* cell = cell_of(row);
        cell != nullptr && cell->number ? builder.Append(*cell->number) : builder.AppendNull();
      }
      batch.columns.push_back(builder.Finish());
    } else {
      format::FixedBuilder<int32_t> builder(field.type);
      for (const Row& row : rows) {
        const Cell* cell = cell_of(row);
        cell != nullptr && cell->number ? builder.Append(static_cast<int32_t>(*cell->number))
                                        : builder.AppendNull();
      }
      batch.columns.push_back(builder.Finish());
    }
  }
  return batch;
}

// Stages a change of `table` and makes it one commit of `branch`.
inline absl::StatusOr<CommitInfo> Change(
    const GraphContext& context, const std::optional<std::string>& branch,
    const std::string& table_key,
    const std::function<absl::StatusOr<dataset::StagedTransaction>(const dataset::Dataset&)>&
        stage) {
  OG_ASSIGN_OR_RETURN(const WriteBase base, PrepareWrite(context, branch));
  const TableEntry entry = *base.manifest.state.Find(table_key);
  OG_ASSIGN_OR_RETURN(const dataset::DatasetPtr table, OpenForWrite(context, branch, entry));
  OG_ASSIGN_OR_RETURN(dataset::StagedTransaction staged, stage(*table));
  WriteIntent intent;
  intent.kind = WriterKind::kMutation;
  intent.tables.push_back({.entry = entry, .dataset = table, .staged = std::move(staged)});
  return CommitWrite(context, base, std::move(intent));
}

// Inserts rows, or replaces those of the same ids.
inline absl::StatusOr<CommitInfo> Upsert(const GraphContext& context,
                                         const std::optional<std::string>& branch,
                                         const std::string& table_key,
                                         const std::vector<Row>& rows) {
  return Change(
      context, branch, table_key,
      [&rows](const dataset::Dataset& table) -> absl::StatusOr<dataset::StagedTransaction> {
        const format::RecordBatch batch = BatchOf(table, rows);
        const auto stream = format::MakeStream(batch.schema, {batch});
        OG_ASSIGN_OR_RETURN(dataset::StagedMerge merge,
                            table.StageMerge({.key_column = "id", .rows = stream.get()}));
        return std::move(merge.staged);
      });
}

inline absl::StatusOr<CommitInfo> Remove(const GraphContext& context,
                                         const std::optional<std::string>& branch,
                                         const std::string& table_key, const std::string& id) {
  return Change(context, branch, table_key,
                [&id](const dataset::Dataset& table) -> absl::StatusOr<dataset::StagedTransaction> {
                  dataset::ScanOptions options;
                  options.columns.emplace();
                  options.filter = expr::Compare(expr::CompareOp::kEq, expr::Column("id"),
                                                 expr::StringLiteral(id));
                  options.with_row_address = true;
                  OG_ASSIGN_OR_RETURN(const auto stream, table.Scan(options));
                  OG_ASSIGN_OR_RETURN(const format::RecordBatch found, format::Collect(*stream));
                  std::vector<uint64_t> addresses;
                  for (int64_t i = 0; i < found.num_rows; ++i)
                    addresses.push_back(found.columns[0]->Value<uint64_t>(i));
                  return table.StageDelete(addresses, "", {});
                });
}

}  // namespace og::engine::graph
