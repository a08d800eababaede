// Publication of one manifest: the one door through which a version becomes visible.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

#include "engine/dataset/dataset_handle.h"
#include "engine/dataset/manifest_store.h"
#include "format/table/fragment_reuse.h"
#include "format/table/transaction.h"
#include "io/env/env.h"

namespace og::engine::dataset {

struct CommitTarget {
  io::Env& env;
  const io::Location& root;  // of the branch
  format::ManifestNaming naming;
  bool write_hint = true;
  // The manifest holds the transaction too, which is what readers prefer; false: only there.
  bool write_transaction_file = true;
};

// The steps of Publish(). The first gives the path of the transaction file; it and all that
// `manifest` names have to be synced before the second. The third is for readers who like a hint.
absl::StatusOr<std::string> WriteTransactionFile(const CommitTarget& target,
                                                 const format::Transaction& transaction);
absl::StatusOr<StoredManifest> PutManifest(const CommitTarget& target, format::Manifest manifest,
                                           const format::Transaction& transaction);
void WriteHint(const CommitTarget& target, uint64_t version);

// The manifest that `staged` makes of the version that it was read from. `fragment_reuse` as below.
absl::StatusOr<format::Manifest> ManifestOf(const DatasetHandle& read,
                                            const StagedTransaction& staged,
                                            const format::IndexMetadata* fragment_reuse);

// Makes `manifest` its version: the transaction file, a barrier over it and `files` (paths in the
// store), then the manifest, which must not exist. If the version exists with the same transaction
// uuid, that is our own commit.
//
//   kAlreadyExists  another transaction has the version
//   kUnknown        the answer was lost and reading back failed
absl::StatusOr<StoredManifest> Publish(const CommitTarget& target, format::Manifest manifest,
                                       const format::Transaction& transaction,
                                       const std::vector<std::string>& files);

// What Commit() of one handle does not know.
struct RebaseContext {
  // Becomes the fragment reuse index of the version, if not null; a transaction does not carry it.
  // kAborted if that index was changed meanwhile.
  const format::IndexMetadata* fragment_reuse = nullptr;
  // A later version, if the caller has one: it is not read again if it is the latest.
  DatasetPtr newest = {};
};

// Dataset::Commit() of `staged`, which `read` was the base of. One listing an attempt.
absl::StatusOr<DatasetPtr> CommitRebased(const DatasetHandle& read, const StagedTransaction& staged,
                                         const CommitOptions& options,
                                         const RebaseContext& context = {});

// The content of the fragment reuse index `index` of `dataset`.
absl::StatusOr<std::vector<format::FragmentReuseVersion>> ReadFragmentReuse(
    const DatasetHandle& dataset, const format::IndexMetadata& index);

}  // namespace og::engine::dataset
