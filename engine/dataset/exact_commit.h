// CommitExact() in steps, for a writer of several datasets that waits for all of them at once.
//
//   OG_ASSIGN_OR_RETURN(ExactCommit commit, ExactCommit::Prepare(table, std::move(staged)));
//   OG_ASSIGN_OR_RETURN(const std::string file, commit.WriteTransaction());  // nothing is visible
//   OG_RETURN_IF_ERROR(store.Sync(...));       // `file`, and the files of the staged transaction
//   OG_ASSIGN_OR_RETURN(table, commit.Publish());                   // one create-if-absent
//   commit.WriteHint();                                             // any time later, or never
//
// CommitExact() also makes sure that the version after the one it makes does not exist; here the
// caller has found IsNewest() when no one else could commit.
#pragma once

#include <string>

#include "absl/status/statusor.h"

#include "engine/dataset/dataset.h"
#include "format/table/manifest.h"

namespace og::engine::dataset {

class ExactCommit {
 public:
  // Asks nothing of the store unless the operation is a restore. REQUIRES: `staged` was read at the
  // version that `read` is.
  static absl::StatusOr<ExactCommit> Prepare(DatasetPtr read, StagedTransaction staged);

  // Writes the transaction file and gives its path in the store.
  absl::StatusOr<std::string> WriteTransaction() const;

  // The handle of the new version. kAborted: there is another one of its number. A lost answer is
  // resolved by the transaction uuid found there.
  absl::StatusOr<DatasetPtr> Publish() const;

  // Notes the number of the version where local readers look for it. Best effort.
  void WriteHint() const;

  const StagedTransaction& staged() const { return staged_; }

 private:
  DatasetPtr read_;
  StagedTransaction staged_;
  format::Manifest manifest_;
};

// Whether no version follows `dataset` on its branch: one request, however many versions there are.
// Cleanup removes older versions first, so that the next one is missing only if there is none.
absl::StatusOr<bool> IsNewest(const Dataset& dataset);

}  // namespace og::engine::dataset
