#include "engine/exec/memory_dataset.h"

#include <algorithm>
#include <cstdlib>
#include <utility>

#include "absl/container/flat_hash_map.h"

#include "engine/expr/expr.h"
#include "format/arrow/builder.h"
#include "io/base/check.h"
#include "io/base/status.h"
#include "io/base/status_macros.h"
#include "io/base/text.h"

namespace og::engine::exec {
namespace {

using dataset::DatasetPtr;
using format::ArrayPtr;
using format::RecordBatch;

constexpr uint64_t kFragmentRows = 5;

uint64_t AddressOf(uint64_t position) {
  return (position / kFragmentRows) << 32 | position % kFragmentRows;
}

absl::Status NotHere() {
  return io::UnimplementedError("tables in memory are only read");
}

// `text` dictionary-coded: the dictionary holds its distinct values.
ArrayPtr Coded(const ArrayPtr& text) {
  absl::flat_hash_map<std::string_view, int32_t> numbers;
  format::StringBuilder values(text->type);
  format::FixedBuilder<int32_t> indices(format::Int32());
  for (int64_t i = 0; i < text->length; ++i) {
    const std::string_view value = text->IsValid(i) ? text->StringValue(i) : std::string_view();
    const auto [known, is_new] = numbers.try_emplace(value, static_cast<int32_t>(values.length()));
    if (is_new) values.Append(value);
    text->IsValid(i) ? indices.Append(known->second) : indices.AppendNull();
  }
  const ArrayPtr plain = indices.Finish();
  auto coded = std::make_shared<format::Array>(*plain);
  coded->type = format::Dictionary(format::Int32(), text->type);
  coded->dictionary = values.Finish();
  return coded;
}

class MemoryDataset final : public dataset::Dataset {
 public:
  MemoryDataset(RecordBatch rows, int64_t batch_rows, MemoryDatasetCounts* counts)
      : rows_(std::move(rows)),
        batch_rows_(batch_rows),
        counts_(counts != nullptr ? counts : &own_counts_) {}

  const format::SchemaPtr& schema() const override { return rows_.schema; }
  uint64_t num_rows() const override { return static_cast<uint64_t>(rows_.num_rows); }
  const io::Location& root() const override { return location_; }
  const io::Location& branch_root() const override { return location_; }
  const std::string& branch() const override { return branch_; }
  uint64_t version() const override { return 1; }

  absl::StatusOr<std::unique_ptr<format::BatchStream>> Scan(
      const dataset::ScanOptions& options) const override {
    ++counts_->num_scans;
    if (options.filter != nullptr) ++counts_->num_filtered_scans;
    OG_ASSIGN_OR_RETURN(const RecordBatch all, Project(options.columns, true));
    std::vector<RecordBatch> batches;
    for (int64_t at = 0; at < rows_.num_rows; at += batch_rows_) {
      const int64_t count = std::min(batch_rows_, rows_.num_rows - at);
      RecordBatch batch = Slice(all, at, count);
      if (options.filter != nullptr) {
        OG_ASSIGN_OR_RETURN(const std::vector<int64_t> kept,
                            EvaluateFilter(*options.filter, Slice(rows_, at, count)));
        batch = format::Take(batch, kept);
      }
      batches.push_back(
          Finish(std::move(batch), options.dictionary_strings, options.with_row_address));
    }
    const RecordBatch none =
        Finish(Slice(all, 0, 0), options.dictionary_strings, options.with_row_address);
    return MakeStream(none.schema, std::move(batches));
  }

  absl::StatusOr<RecordBatch> Take(std::span<const uint64_t> addresses,
                                   const dataset::TakeOptions& options) const override {
    std::vector<uint64_t> offsets;
    for (const uint64_t address : addresses) {
      offsets.push_back((address >> 32) * kFragmentRows + (address & 0xffffffffu));
    }
    return TakeOffsets(offsets, options);
  }

  absl::StatusOr<RecordBatch> TakeOffsets(std::span<const uint64_t> offsets,
                                          const dataset::TakeOptions& options) const override {
    ++counts_->num_takes;
    counts_->num_rows_taken += offsets.size();
    OG_ASSIGN_OR_RETURN(const RecordBatch all, Project(options.columns, false));
    const std::vector<int64_t> rows(offsets.begin(), offsets.end());
    return format::Take(all, rows);
  }

  // The rest of the contract is not used by reads.
  absl::StatusOr<DatasetPtr> Latest() const override { return NotHere(); }
  absl::StatusOr<uint64_t> LatestVersion() const override { return NotHere(); }
  absl::StatusOr<DatasetPtr> Checkout(uint64_t) const override { return NotHere(); }
  absl::StatusOr<std::vector<dataset::VersionInfo>> ListVersions() const override {
    return NotHere();
  }
  absl::StatusOr<format::Transaction> TransactionOf(uint64_t) const override { return NotHere(); }
  io::Env& env() const override { std::abort(); }
  const std::shared_ptr<dataset::Session>& session() const override { std::abort(); }
  const dataset::ManifestLocation& manifest_location() const override { std::abort(); }
  const format::Manifest& manifest() const override { return manifest_; }
  const format::LanceSchema& lance_schema() const override { std::abort(); }
  absl::StatusOr<uint64_t> CountRows(std::shared_ptr<const expr::Expr>) const override {
    return NotHere();
  }
  absl::StatusOr<RecordBatch> TakeRowIds(std::span<const uint64_t>,
                                         const dataset::TakeOptions&) const override {
    return NotHere();
  }
  absl::StatusOr<std::vector<std::optional<uint64_t>>> AddressesOf(
      std::span<const uint64_t>) const override {
    return NotHere();
  }
  absl::StatusOr<dataset::StagedTransaction> StageAppend(
      format::BatchStream&, const dataset::WriteOptions&) const override {
    return NotHere();
  }
  absl::StatusOr<dataset::StagedTransaction> StageOverwrite(
      const format::SchemaPtr&, format::BatchStream*, const dataset::WriteOptions&) const override {
    return NotHere();
  }
  absl::StatusOr<dataset::StagedTransaction> StageUpdate(
      const dataset::UpdateRequest&) const override {
    return NotHere();
  }
  absl::StatusOr<dataset::StagedTransaction> StageDelete(
      std::span<const uint64_t>, std::string_view, const dataset::WriteOptions&) const override {
    return NotHere();
  }
  absl::StatusOr<dataset::StagedMerge> StageMerge(const dataset::MergeRequest&) const override {
    return NotHere();
  }
  absl::StatusOr<dataset::StagedTransaction> StageRestore(
      uint64_t, const dataset::WriteOptions&) const override {
    return NotHere();
  }
  absl::StatusOr<format::KeyExistenceFilter> InsertedRowsFilter(
      const RecordBatch&, std::string_view,
      std::optional<format::KeyExistenceFilter>) const override {
    return NotHere();
  }
  void Discard(const dataset::StagedTransaction&) const override {}
  absl::StatusOr<DatasetPtr> CommitExact(const dataset::StagedTransaction&) const override {
    return NotHere();
  }
  absl::StatusOr<DatasetPtr> Commit(const dataset::StagedTransaction&,
                                    const dataset::CommitOptions&) const override {
    return NotHere();
  }

 private:
  // The columns asked for, with the row address behind them if `with_address`.
  absl::StatusOr<RecordBatch> Project(const std::optional<std::vector<std::string>>& columns,
                                      bool with_address) const {
    auto schema = std::make_shared<format::Schema>();
    RecordBatch projected{nullptr, rows_.num_rows, {}};
    for (size_t i = 0; !columns.has_value() && i < rows_.columns.size(); ++i) {
      schema->fields.push_back(rows_.schema->fields[i]);
      projected.columns.push_back(rows_.columns[i]);
    }
    for (const std::string& name : columns.value_or(std::vector<std::string>())) {
      const std::optional<size_t> at = rows_.schema->IndexOf(name);
      if (!at.has_value()) return io::NotFoundError(io::StrCat("no column ", name));
      schema->fields.push_back(rows_.schema->fields[*at]);
      projected.columns.push_back(rows_.columns[*at]);
    }
    if (with_address) {
      format::FixedBuilder<uint64_t> addresses(format::Uint64());
      for (uint64_t i = 0; i < num_rows(); ++i)
        addresses.Append(AddressOf(i));
      schema->fields.push_back({"_rowaddr", format::Uint64(), true, {}});
      projected.columns.push_back(addresses.Finish());
    }
    projected.schema = std::move(schema);
    return projected;
  }

  static RecordBatch Finish(RecordBatch batch, bool dictionary_strings, bool with_address) {
    auto schema = std::make_shared<format::Schema>(*batch.schema);
    if (!with_address) {
      schema->fields.pop_back();
      batch.columns.pop_back();
    }
    for (size_t i = 0; dictionary_strings && i < batch.columns.size(); ++i) {
      if (batch.columns[i]->type->id != format::TypeId::kUtf8) continue;
      batch.columns[i] = Coded(batch.columns[i]);
      schema->fields[i].type = batch.columns[i]->type;
    }
    batch.schema = std::move(schema);
    return batch;
  }

  RecordBatch rows_;
  int64_t batch_rows_;
  MemoryDatasetCounts own_counts_;
  MemoryDatasetCounts* counts_;
  io::Location location_;
  std::string branch_;
  format::Manifest manifest_;  // without fragments and indexes
};

absl::StatusOr<DatasetPtr> Find(const std::map<std::string, DatasetPtr, std::less<>>& tables,
                                std::string_view type_name) {
  const auto found = tables.find(type_name);
  if (found == tables.end()) return io::NotFoundError(io::StrCat("no table for ", type_name));
  return found->second;
}

}  // namespace

DatasetPtr MakeMemoryDataset(RecordBatch rows, int64_t batch_rows, MemoryDatasetCounts* counts) {
  return std::make_shared<MemoryDataset>(std::move(rows), batch_rows, counts);
}

absl::StatusOr<DatasetPtr> MemorySnapshot::NodeTable(std::string_view type_name) const {
  return Find(nodes_, type_name);
}

absl::StatusOr<DatasetPtr> MemorySnapshot::EdgeTable(std::string_view type_name) const {
  return Find(edges_, type_name);
}

}  // namespace og::engine::exec
