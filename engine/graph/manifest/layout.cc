#include "engine/graph/manifest/layout.h"

#include <algorithm>
#include <optional>
#include <variant>

#include "engine/graph/field_ids.h"
#include "format/table/key_filter.h"
#include "format/table/transaction.h"
#include "io/base/status.h"
#include "io/base/status_macros.h"
#include "io/base/text.h"

namespace og::engine::graph {
namespace {

// Object ids of one publication that its transaction lists as a set, as the tables' do.
constexpr int64_t kExactKeysMax = 1024;

constexpr char kPresentFragments[] = "omnigraph.present_fragments";

std::vector<uint64_t> LastFragments(const format::Manifest& manifest, size_t count) {
  std::vector<uint64_t> ids;
  const size_t first = manifest.fragments.size() - std::min(count, manifest.fragments.size());
  for (size_t i = first; i < manifest.fragments.size(); ++i)
    ids.push_back(manifest.fragments[i].id);
  return ids;
}

// How many fragments the transaction of a version says are present; nullopt if it does not.
std::optional<uint64_t> PresentCount(const format::Transaction& transaction) {
  const auto found = transaction.properties.find(kPresentFragments);
  return found == transaction.properties.end() ? std::nullopt : io::ParseUint64(found->second);
}

// The size class of a history fragment: 0 below kHistoryFanout times the smallest.
int ClassOf(uint64_t rows) {
  int size_class = 0;
  for (uint64_t bound = kHistoryRowsMin * kHistoryFanout; rows >= bound; bound *= kHistoryFanout)
    ++size_class;
  return size_class;
}

// The history fragments, last ones first, that new history of `rows` rows is merged with.
std::vector<const format::Fragment*> Absorbed(const format::Manifest& manifest,
                                              std::span<const uint64_t> present, uint64_t rows) {
  std::vector<const format::Fragment*> history;
  for (const format::Fragment& fragment : manifest.fragments) {
    if (std::ranges::find(present, fragment.id) == present.end()) history.push_back(&fragment);
  }
  std::vector<const format::Fragment*> absorbed;
  for (;;) {
    const int size_class = ClassOf(rows);
    auto first = history.end();
    while (first != history.begin() && ClassOf((*std::prev(first))->physical_rows) <= size_class)
      --first;
    const auto count = static_cast<uint64_t>(history.end() - first);
    if (count + 1 < kHistoryFanout) return absorbed;
    for (auto fragment = first; fragment != history.end(); ++fragment) {
      rows += (*fragment)->physical_rows;
      absorbed.push_back(*fragment);
    }
    history.erase(first, history.end());
  }
}

}  // namespace

absl::StatusOr<std::vector<uint64_t>> PresentFragments(io::Env& env, const io::Location& root,
                                                       const dataset::Dataset& manifest) {
  const size_t all = manifest.manifest().fragments.size();
  const absl::StatusOr<format::Transaction> made = manifest.TransactionOf(manifest.version());
  if (!made.ok()) return LastFragments(manifest.manifest(), all);
  std::optional<uint64_t> count = PresentCount(*made);
  if (const auto* const clone = std::get_if<format::CloneOperation>(&made->operation)) {
    // A branch starts with the fragments of the version that it was forked from.
    dataset::OpenOptions options;
    options.version = clone->ref_version;
    options.branch = clone->ref_name.value_or("");
    const auto parent = dataset::Dataset::Open(env, root, options);
    if (parent.ok()) {
      const auto parent_made = (*parent)->TransactionOf((*parent)->version());
      if (parent_made.ok()) count = PresentCount(*parent_made);
    }
  }
  return LastFragments(manifest.manifest(), count.value_or(all));
}

absl::StatusOr<StagedRows> StageNextRows(const dataset::Dataset& manifest,
                                         std::span<const uint64_t> present, NextRows rows) {
  uint64_t num_history = 0;
  for (const format::RecordBatch& batch : rows.history)
    num_history += static_cast<uint64_t>(batch.num_rows);
  uint64_t num_present = 0;
  for (const format::RecordBatch& batch : rows.present)
    num_present += static_cast<uint64_t>(batch.num_rows);
  // The two are cut by a bound on rows: history that is shorter than the present stays with it.
  const bool splits = num_history >= kHistoryRowsMin && num_history >= num_present;
  if (splits) {
    std::vector<uint64_t> absorbed;
    for (const format::Fragment* fragment : Absorbed(manifest.manifest(), present, num_history))
      absorbed.push_back(fragment->id);
    if (!absorbed.empty()) {
      dataset::ScanOptions scan;
      scan.fragment_ids = absorbed;
      scan.with_row_address = true;
      OG_ASSIGN_OR_RETURN(const auto stream, manifest.Scan(scan));
      OG_ASSIGN_OR_RETURN(format::RecordBatch old, format::Collect(*stream));
      for (int64_t i = 0; i < old.num_rows; ++i)
        rows.removed_addresses.push_back(old.columns.back()->Value<uint64_t>(i));
      old.columns.pop_back();
      old.schema = manifest.schema();
      num_history += static_cast<uint64_t>(old.num_rows);
      rows.history.insert(rows.history.begin(), std::move(old));
    }
  }

  StagedRows next;
  std::vector<format::RecordBatch> batches = std::move(rows.history);
  if (splits) {
    next.present = format::Concat(rows.present);
    batches.insert(batches.end(), rows.present.begin(), rows.present.end());
  } else {
    batches.insert(batches.end(), rows.present.begin(), rows.present.end());
    next.present = format::Concat(batches);
  }
  next.present.schema = manifest.schema();
  std::optional<format::KeyExistenceFilter> keys;
  for (format::RecordBatch& batch : batches) {
    batch.schema = manifest.schema();
    OG_ASSIGN_OR_RETURN(keys, manifest.InsertedRowsFilter(batch, "object_id", std::move(keys)));
  }
  const format::RecordBatch all = format::Concat(batches);
  if (all.num_rows <= kExactKeysMax) {
    keys = format::ExactKeyFilter(*keys, *all.Column("object_id"));
  }
  const auto stream = format::MakeStream(manifest.schema(), std::move(batches));
  dataset::UpdateRequest update;
  update.rows = stream.get();
  update.removed_addresses = std::move(rows.removed_addresses);
  update.inserted_rows = std::move(keys);
  update.fields_for_preserving_frag_bitmap = AllFieldIds(manifest.lance_schema());
  update.write.properties[kPresentFragments] = "1";
  if (splits) update.write.max_rows_per_file = num_history;
  OG_ASSIGN_OR_RETURN(next.staged, manifest.StageUpdate(update));
  return next;
}

}  // namespace og::engine::graph
