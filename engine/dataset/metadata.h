// Small changes to what a version says of itself: configuration, metadata of the table, its schema
// and its fields; and finding versions by time.
//
// Source: lance 10.0.0: src/dataset/metadata.rs, src/dataset/transaction.rs (UpdateConfig).
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

#include "engine/dataset/dataset.h"

namespace og::engine::dataset {

// Keys with a value are set, others removed; `replace` clears the map first.
struct MapChange {
  std::map<std::string, std::optional<std::string>> entries = {};
  bool replace = false;

  bool empty() const { return entries.empty() && !replace; }
};

struct MetadataChange {
  MapChange config = {};
  MapChange table_metadata = {};
  MapChange schema_metadata = {};
  std::map<std::string, MapChange> field_metadata = {};  // by path of the field
  WriteOptions write = {};
};

// Nothing is written but the transaction. kNotFound for an unknown field; kInvalidArgument for a
// change of nothing. Keys of the unenforced primary key are refused by the commit.
absl::StatusOr<StagedTransaction> StageMetadata(const Dataset& dataset,
                                                const MetadataChange& change);

// When this version was committed, in microseconds since the epoch; 0 if it does not say.
int64_t CommitTimeUs(const Dataset& dataset);

// The latest version of the branch that was committed at `time_us` or before. kNotFound if all are
// younger. Reads the manifests from the latest one back.
absl::StatusOr<DatasetPtr> CheckoutAt(const Dataset& dataset, int64_t time_us);

// "2026-11-21T08:18:31Z", with fractions of a second or an offset ("+01:00") too, or a number of
// seconds since the epoch. nullopt for anything else.
std::optional<int64_t> ParseTimeUs(std::string_view text);

// "2026-11-21T08:18:31.704926Z".
std::string TimeText(int64_t time_us);

}  // namespace og::engine::dataset
