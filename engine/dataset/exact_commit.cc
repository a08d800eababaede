#include "engine/dataset/exact_commit.h"

#include <utility>

#include "engine/dataset/commit.h"
#include "engine/dataset/dataset_handle.h"
#include "engine/dataset/manifest_store.h"
#include "engine/dataset/staging.h"
#include "format/table/transaction.h"
#include "io/base/check.h"
#include "io/base/status.h"
#include "io/base/status_macros.h"
#include "io/base/text.h"

namespace og::engine::dataset {
namespace {

CommitTarget TargetOf(const Dataset& read) {
  return {.env = read.env(), .root = read.branch_root(), .naming = read.manifest_location().naming};
}

}  // namespace

absl::StatusOr<ExactCommit> ExactCommit::Prepare(DatasetPtr read, StagedTransaction staged) {
  OG_CHECK(read->version() == staged.transaction.read_version);
  ExactCommit commit;
  OG_ASSIGN_OR_RETURN(commit.manifest_, ManifestOf(HandleOf(*read), staged, nullptr));
  commit.read_ = std::move(read);
  commit.staged_ = std::move(staged);
  return commit;
}

absl::StatusOr<std::string> ExactCommit::WriteTransaction() const {
  return WriteTransactionFile(TargetOf(*read_), staged_.transaction);
}

absl::StatusOr<DatasetPtr> ExactCommit::Publish() const {
  absl::StatusOr<StoredManifest> stored =
      PutManifest(TargetOf(*read_), manifest_, staged_.transaction);
  if (stored.status().code() == absl::StatusCode::kAlreadyExists) {
    return io::AbortedError(io::Message(stored.status()));
  }
  OG_RETURN_IF_ERROR(stored.status());
  return DatasetHandle::Make(read_->env(), read_->root(), read_->branch(), *std::move(stored),
                             read_->session());
}

void ExactCommit::WriteHint() const {
  dataset::WriteHint(TargetOf(*read_), manifest_.version);
}

absl::StatusOr<bool> IsNewest(const Dataset& dataset) {
  const io::Location next = dataset.branch_root().Child(io::StrCat(
      kVersionsFolder, "/",
      format::ManifestFileName(dataset.version() + 1, dataset.manifest_location().naming)));
  const absl::Status found = next.store->Stat(next.path).status();
  if (found.code() == absl::StatusCode::kNotFound) return true;
  OG_RETURN_IF_ERROR(found);
  return false;
}

}  // namespace og::engine::dataset
