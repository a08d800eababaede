// What an operation makes of a manifest: pure, without the store.
//
// Source: lance 10.0.0: src/dataset/transaction.rs (build_manifest).
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "absl/status/statusor.h"

#include "format/table/manifest.h"
#include "format/table/transaction.h"

namespace og::engine::dataset {

struct NextManifestOptions {
  uint64_t version = 1;
  int64_t now_us = 0;  // commit time
  // Creation, and overwrites: the version of all data files. Empty: that of the dataset.
  std::string file_version;
  // Creation only.
  bool stable_row_ids = false;
  // Restore only: the manifest of the version that comes back.
  const format::Manifest* restored = nullptr;
  // Rewrite only: the fragment reuse index of the new version, if it gets another one.
  const format::IndexMetadata* fragment_reuse = nullptr;
};

// The manifest of `options.version` that `transaction` makes of `current` (null: creation).
//
//   kInvalidArgument  the operation does not fit the current version
//   kUnimplemented    an operation that we only carry, or writer flags that we lack
absl::StatusOr<format::Manifest> NextManifest(const format::Manifest* current,
                                              const format::Transaction& transaction,
                                              const NextManifestOptions& options);

// Segments whose fields are gone, and segments without any fragment left beside others of their
// name, leave the list.
void RetainRelevantIndices(format::Manifest& manifest);

}  // namespace og::engine::dataset
