// How rows get into the tables of a graph: transactions of which each names every id that it
// brings, so that two writers of one id never both succeed.
//
//   strict insert  all ids are new: an Update that only adds fragments, lists every field as
//                  preserving its indexes, and carries the filter of its ids and the certificate
//                  `omnigraph.insert_absence` = `v1`
//   upsert         rows replace the rows of their ids or are new; with the certificate if all are
//                  new
//
// The ids are those of a set of hashes if they are few, which is what makes a small write small,
// and of a Bloom filter of 32 KiB otherwise (format/table/key_filter.h).
//
// Source: omnigraph 0.10.0: src/table_store.rs; engine.md 3.3.
#pragma once

#include <cstdint>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

#include "engine/dataset/dataset.h"
#include "format/arrow/array.h"
#include "format/table/transaction.h"

namespace og::engine::graph {

// Ids of one transaction that are kept as a set.
inline constexpr int64_t kExactKeysMax = 1024;

// `filter` as a set if it was made of at most kExactKeysMax values; they are among `candidates`.
format::KeyExistenceFilter SmallKeyFilter(format::KeyExistenceFilter filter,
                                          const format::Array& candidates);

// Makes the strict insert of a staged append, whose ids `inserted` holds.
absl::Status MakeStrictInsert(const dataset::Dataset& table, format::KeyExistenceFilter inserted,
                              dataset::StagedTransaction& staged);

// Stages `rows`, whose ids the table does not have.
absl::StatusOr<dataset::StagedTransaction> StageStrictInsert(const dataset::Dataset& table,
                                                             const format::RecordBatch& rows);

// Stages `rows`, each id once, over the rows that the table has of these ids.
absl::StatusOr<dataset::StagedTransaction> StageUpsert(const dataset::Dataset& table,
                                                       const format::RecordBatch& rows);

}  // namespace og::engine::graph
