// Committing: the transaction file, then one create-if-absent of the manifest. Order of durability:
// everything the manifest names is synced before it appears; the store syncs the manifest itself.
//
// A lost answer of the put is decided by content: whoever's transaction uuid stands in the manifest
// of that version has won.
#include "engine/dataset/commit.h"

#include <algorithm>
#include <variant>

#include "absl/strings/cord.h"

#include "engine/dataset/auto_cleanup.h"
#include "engine/dataset/commit_conflict.h"
#include "engine/dataset/conflicts.h"
#include "engine/dataset/dataset_handle.h"
#include "engine/dataset/next_manifest.h"
#include "io/base/status.h"
#include "io/base/status_macros.h"
#include "io/base/text.h"

namespace og::engine::dataset {
namespace {

constexpr std::string_view kHintFile = "_versions/latest_version_hint.json";
constexpr int64_t kBackoffUnitUs = 2000;
// Marks a status of a conflict after which the work may be done again.
constexpr char kRetryablePayload[] = "omnigraph.dataset/retryable-conflict";

// Whether a version was made by the transaction `uuid`.
absl::StatusOr<bool> IsOurs(const io::Location& root, uint64_t version, std::string_view uuid,
                            std::optional<StoredManifest>& found) {
  OG_ASSIGN_OR_RETURN(const ManifestLocation location, FindVersion(root, version));
  OG_ASSIGN_OR_RETURN(found, ReadManifest(root, location));
  OG_ASSIGN_OR_RETURN(const format::Transaction transaction, ReadTransaction(root, *found));
  return transaction.uuid == uuid;
}

// The manifest that a Restore brings back; nullopt for other operations.
absl::StatusOr<std::optional<StoredManifest>> ReadRestored(const io::Location& root,
                                                           const format::Operation& operation) {
  const auto* restore = std::get_if<format::RestoreOperation>(&operation);
  if (restore == nullptr) {
    return std::nullopt;
  }
  OG_ASSIGN_OR_RETURN(const ManifestLocation location, FindVersion(root, restore->version));
  return ReadManifest(root, location);
}

io::Location TransactionFile(const CommitTarget& target, const format::Transaction& transaction) {
  return target.root.Child(
      io::StrCat(kTransactionsFolder, "/", format::TransactionFileName(transaction)));
}

// Makes the version after `current`, which was the latest one a moment ago.
absl::StatusOr<std::shared_ptr<const DatasetHandle>> CommitOnto(
    const DatasetHandle& current, const StagedTransaction& staged, bool write_hint,
    const format::IndexMetadata* fragment_reuse) {
  OG_ASSIGN_OR_RETURN(format::Manifest manifest, ManifestOf(current, staged, fragment_reuse));
  const CommitTarget target{.env = current.env(),
                            .root = current.branch_root(),
                            .naming = current.manifest_location().naming,
                            .write_hint = write_hint};
  OG_ASSIGN_OR_RETURN(StoredManifest stored,
                      Publish(target, std::move(manifest), staged.transaction, staged.files));
  return DatasetHandle::Make(current.env(), current.root(), current.branch(), std::move(stored),
                             current.session());
}

absl::Status ConflictError(const format::Transaction& ours, const format::Transaction& theirs,
                           uint64_t version, Conflict conflict) {
  const bool is_incompatible = conflict == Conflict::kIncompatible;
  const std::string message =
      io::StrCat("this ", format::OperationName(ours.operation), " transaction ",
                 is_incompatible ? "is incompatible with" : "was preempted by",
                 " concurrent transaction ", format::OperationName(theirs.operation),
                 " at version ", version, is_incompatible ? "" : ". Please retry.");
  return is_incompatible ? io::AbortedError(message) : RetryableConflict(message);
}

// Joins our deletions with those that `latest` has by now. kAborted if a row was changed by both,
// or its fragment is gone or has other files.
absl::Status MergeDeletions(const DatasetHandle& read, const DatasetHandle& latest,
                            StagedTransaction& staged) {
  std::vector<format::Fragment>* updated = nullptr;
  std::vector<uint64_t>* removed = nullptr;
  if (auto* deletion = std::get_if<format::DeleteOperation>(&staged.transaction.operation)) {
    updated = &deletion->updated_fragments;
    removed = &deletion->deleted_fragment_ids;
  } else if (auto* update = std::get_if<format::UpdateOperation>(&staged.transaction.operation)) {
    updated = &update->updated_fragments;
    removed = &update->removed_fragment_ids;
  }
  if (updated == nullptr || !staged.affected_rows || updated->empty()) {
    return RetryableConflict("rows of the same fragments were changed concurrently. Please retry.");
  }
  std::vector<format::Fragment> rebased;
  std::vector<uint64_t> touched = *removed;
  for (const format::Fragment& fragment : *updated) {
    touched.push_back(fragment.id);
  }
  removed->clear();
  std::vector<const format::Fragment*> present;
  for (const uint64_t id : touched) {
    if (const format::Fragment* now = latest.manifest().FindFragment(id)) present.push_back(now);
  }
  latest.PrefetchDeletions(present);
  for (const uint64_t id : touched) {
    const format::Fragment* before = read.manifest().FindFragment(id);
    const format::Fragment* now = latest.manifest().FindFragment(id);
    if (before == nullptr || now == nullptr || now->files != before->files) {
      return RetryableConflict(
          io::StrCat("fragment ", id, " was rewritten or removed concurrently. Please retry."));
    }
    OG_ASSIGN_OR_RETURN(const format::DeletionVectorPtr theirs, latest.DeletionsOf(*now));
    std::vector<uint32_t> offsets;
    const auto& rows = *staged.affected_rows;
    for (auto row = std::ranges::lower_bound(rows, id << 32); row != rows.end() && *row >> 32 == id;
         ++row) {
      const auto offset = static_cast<uint32_t>(*row);
      if (theirs != nullptr && theirs->Contains(offset)) {
        return RetryableConflict(
            io::StrCat("both modified the row at address ", *row, ". Please retry."));
      }
      offsets.push_back(offset);
    }
    if (theirs != nullptr) {
      offsets.insert(offsets.end(), theirs->offsets().begin(), theirs->offsets().end());
    }
    if (offsets.size() == now->physical_rows) {
      removed->push_back(id);
      continue;
    }
    OG_ASSIGN_OR_RETURN(format::Fragment fragment,
                        WithDeletions(latest, *now, std::move(offsets), staged.files));
    rebased.push_back(std::move(fragment));
  }
  *updated = std::move(rebased);
  return absl::OkStatus();
}

std::string_view UuidOfFragmentReuse(const format::Manifest& manifest) {
  const auto index = std::ranges::find(manifest.indices, format::kFragmentReuseIndexName,
                                       &format::IndexMetadata::name);
  return index == manifest.indices.end() ? std::string_view() : std::string_view(index->uuid);
}

std::shared_ptr<const DatasetHandle> AsHandle(const DatasetPtr& dataset) {
  return std::static_pointer_cast<const DatasetHandle>(dataset);
}

}  // namespace

bool IsRetryableConflict(const absl::Status& status) {
  return status.GetPayload(kRetryablePayload).has_value();
}

absl::Status RetryableConflict(std::string_view message) {
  absl::Status status = io::AbortedError(message);
  status.SetPayload(kRetryablePayload, absl::Cord());
  return status;
}

absl::StatusOr<format::Manifest> ManifestOf(const DatasetHandle& read,
                                            const StagedTransaction& staged,
                                            const format::IndexMetadata* fragment_reuse) {
  OG_ASSIGN_OR_RETURN(const std::optional<StoredManifest> restored,
                      ReadRestored(read.branch_root(), staged.transaction.operation));
  return NextManifest(&read.manifest(), staged.transaction,
                      {.version = read.version() + 1,
                       .now_us = read.env().NowUs(),
                       .file_version = staged.file_version,
                       .stable_row_ids = false,
                       .restored = restored ? &restored->manifest : nullptr,
                       .fragment_reuse = fragment_reuse});
}

absl::StatusOr<std::string> WriteTransactionFile(const CommitTarget& target,
                                                 const format::Transaction& transaction) {
  const io::Location file = TransactionFile(target, transaction);
  OG_CRASH_POINT(target.env, "dataset_commit.before_transaction");
  OG_RETURN_IF_ERROR(
      file.store->Put(file.path, io::AsBytes(format::EncodeTransaction(transaction))).status());
  OG_CRASH_POINT(target.env, "dataset_commit.after_transaction");
  return file.path;
}

absl::StatusOr<StoredManifest> PutManifest(const CommitTarget& target, format::Manifest manifest,
                                           const format::Transaction& transaction) {
  OG_CRASH_POINT(target.env, "dataset_commit.before_manifest");
  const std::string encoded = format::EncodeTransaction(transaction);
  const uint64_t version = manifest.version;
  const io::Location file = target.root.Child(
      io::StrCat(kVersionsFolder, "/", format::ManifestFileName(version, target.naming)));
  const std::string bytes = format::EncodeManifestFile(manifest, encoded);
  const absl::StatusOr<io::ObjectInfo> put = file.store->PutIfAbsent(file.path, io::AsBytes(bytes));
  StoredManifest stored;
  if (put.ok()) {
    stored.location = {.version = version,
                       .path = file.path,
                       .size = put->size,
                       .e_tag = put->e_tag,
                       .naming = target.naming};
    stored.bytes = io::Buffer::CopyOf(bytes);
    stored.transaction = format::ManifestSection{
        .offset = manifest.indices.empty()
                      ? sizeof(uint32_t)
                      : 2 * sizeof(uint32_t) + io::LoadLe<uint32_t>(stored.bytes.span()),
        .length = encoded.size()};
    stored.manifest = std::move(manifest);
  } else if (put.status().code() == absl::StatusCode::kAlreadyExists ||
             put.status().code() == absl::StatusCode::kUnknown ||
             put.status().code() == absl::StatusCode::kUnavailable ||
             put.status().code() == absl::StatusCode::kDeadlineExceeded) {
    std::optional<StoredManifest> found;
    const absl::StatusOr<bool> ours = IsOurs(target.root, version, transaction.uuid, found);
    if (!ours.ok()) {
      return put.status().code() == absl::StatusCode::kAlreadyExists
                 ? ours.status()
                 : io::UnknownError(io::StrCat("commit of version ", version, " of ",
                                               target.root.Uri(), ": ", io::Message(put.status()),
                                               "; reading back: ", io::Message(ours.status())));
    }
    if (!*ours) {
      const io::Location lost = TransactionFile(target, transaction);
      lost.store->Delete(lost.path).IgnoreError();
      return io::AlreadyExistsError(
          io::StrCat("version ", version, " of ", target.root.Uri(), " exists"));
    }
    stored = *std::move(found);
  } else {
    return put.status();
  }
  OG_CRASH_POINT(target.env, "dataset_commit.after_manifest");
  return stored;
}

void WriteHint(const CommitTarget& target, uint64_t version) {
  if (!target.write_hint || !target.root.store->is_local()) return;
  const std::string hint = io::StrCat("{\"version\":", version, "}");
  target.root.store->Put(target.root.Child(kHintFile).path, io::AsBytes(hint))
      .status()
      .IgnoreError();
}

absl::StatusOr<StoredManifest> Publish(const CommitTarget& target, format::Manifest manifest,
                                       const format::Transaction& transaction,
                                       const std::vector<std::string>& files) {
  std::vector<std::string> written = files;
  if (target.write_transaction_file) {
    OG_ASSIGN_OR_RETURN(std::string file, WriteTransactionFile(target, transaction));
    written.push_back(std::move(file));
  }
  if (target.env.durability() != io::Durability::kNone && !written.empty()) {
    OG_RETURN_IF_ERROR(target.root.store->Sync(written, target.env.durability()));
  }
  OG_ASSIGN_OR_RETURN(StoredManifest stored, PutManifest(target, std::move(manifest), transaction));
  WriteHint(target, stored.location.version);
  return stored;
}

absl::StatusOr<DatasetPtr> Dataset::CommitCreate(io::Env& env, const io::Location& root,
                                                 const StagedTransaction& staged,
                                                 std::shared_ptr<Session> session) {
  OG_ASSIGN_OR_RETURN(const std::vector<VersionInfo> versions, ListManifests(root, false));
  const auto exists = [&] {
    return io::AlreadyExistsError(io::StrCat("dataset already exists: ", root.Uri()));
  };
  // Version 1 alone may be our own, from an attempt whose answer was lost.
  if (!versions.empty() &&
      (versions.front().version != 1 || versions.front().naming != staged.naming)) {
    return exists();
  }
  OG_ASSIGN_OR_RETURN(format::Manifest manifest,
                      NextManifest(nullptr, staged.transaction,
                                   {.version = 1,
                                    .now_us = env.NowUs(),
                                    .file_version = staged.file_version,
                                    .stable_row_ids = staged.stable_row_ids,
                                    .restored = nullptr,
                                    .fragment_reuse = nullptr}));
  absl::StatusOr<StoredManifest> stored =
      Publish({.env = env, .root = root, .naming = staged.naming}, std::move(manifest),
              staged.transaction, staged.files);
  if (!stored.ok()) {
    return stored.status().code() == absl::StatusCode::kAlreadyExists ? exists() : stored.status();
  }
  return DatasetHandle::Make(env, root, "", *std::move(stored),
                             session != nullptr ? std::move(session) : MakeSession());
}

absl::StatusOr<DatasetPtr> DatasetHandle::CommitExact(const StagedTransaction& staged) const {
  OG_ASSIGN_OR_RETURN(const DatasetPtr read, Checkout(staged.transaction.read_version));
  // Cleanup may have removed the version that would stand in the way: never commit into the past.
  OG_ASSIGN_OR_RETURN(const uint64_t latest, LatestVersion());
  if (latest > read->version() + 1) {
    return io::AbortedError(io::StrCat("version ", latest, " of ", branch_root().Uri(), " exists"));
  }
  absl::StatusOr<std::shared_ptr<const DatasetHandle>> committed =
      CommitOnto(*AsHandle(read), staged, true, nullptr);
  if (committed.status().code() == absl::StatusCode::kAlreadyExists) {
    return io::AbortedError(io::Message(committed.status()));
  }
  return committed;
}

absl::StatusOr<DatasetPtr> DatasetHandle::Commit(const StagedTransaction& staged,
                                                 const CommitOptions& options) const {
  OG_ASSIGN_OR_RETURN(const DatasetPtr read, Checkout(staged.transaction.read_version));
  return CommitRebased(*AsHandle(read), staged, options);
}

absl::StatusOr<DatasetPtr> CommitRebased(const DatasetHandle& read,
                                         const StagedTransaction& original,
                                         const CommitOptions& options,
                                         const RebaseContext& context) {
  StagedTransaction staged = original;
  DatasetPtr checked = read.shared_from_this();  // versions up to this one were looked at
  DatasetPtr newest = context.newest != nullptr ? context.newest : checked;
  bool merge_deletions = false;
  for (int attempt = 0;; ++attempt) {
    OG_ASSIGN_OR_RETURN(const DatasetPtr latest, newest->Latest());
    for (uint64_t version = checked->version() + 1; version <= latest->version(); ++version) {
      const absl::StatusOr<format::Transaction> found = latest->TransactionOf(version);
      if (found.status().code() == absl::StatusCode::kNotFound) {
        // A cleanup has removed it: whether we conflict cannot be known any more.
        return RetryableConflict(
            io::StrCat("version ", version, " was removed concurrently. Please retry."));
      }
      OG_RETURN_IF_ERROR(found.status());
      const format::Transaction& theirs = *found;
      if (theirs.uuid == staged.transaction.uuid) {
        return latest->Checkout(version);  // an earlier attempt of ours, its answer was lost
      }
      OG_ASSIGN_OR_RETURN(const Conflict conflict, CheckConflict(theirs, staged));
      if (conflict == Conflict::kRetryable || conflict == Conflict::kIncompatible) {
        return ConflictError(staged.transaction, theirs, version, conflict);
      }
      merge_deletions = merge_deletions || conflict == Conflict::kOverlap;
    }
    if (context.fragment_reuse != nullptr &&
        UuidOfFragmentReuse(read.manifest()) != UuidOfFragmentReuse(latest->manifest())) {
      return RetryableConflict("another compaction deferred its indexes too. Please retry.");
    }
    StagedTransaction attempt_staged = staged;
    if (std::holds_alternative<format::DeleteOperation>(staged.transaction.operation) ||
        std::holds_alternative<format::UpdateOperation>(staged.transaction.operation)) {
      attempt_staged.transaction.read_version = latest->version();
    }
    if (merge_deletions) {
      OG_RETURN_IF_ERROR(MergeDeletions(read, *AsHandle(latest), attempt_staged));
    }
    absl::StatusOr<std::shared_ptr<const DatasetHandle>> committed =
        CommitOnto(*AsHandle(latest), attempt_staged, options.write_hint, context.fragment_reuse);
    if (committed.ok()) {
      CleanUpAfterCommit(**committed);
      return committed;
    }
    if (committed.status().code() != absl::StatusCode::kAlreadyExists) {
      return committed.status();
    }
    // Deletions that were merged for this attempt are of no use to the next one.
    for (size_t i = staged.files.size(); i < attempt_staged.files.size(); ++i) {
      read.branch_root().store->Delete(attempt_staged.files[i]).IgnoreError();
    }
    if (attempt >= options.retries) {
      return io::AbortedError(
          io::StrCat("Failed to commit the transaction after ", attempt, " retries."));
    }
    checked = latest;
    newest = latest;
    const uint64_t slots = uint64_t{1} << std::min(attempt + 2, 8);
    read.env().SleepUs(static_cast<int64_t>(read.env().RandomU64() % slots) * kBackoffUnitUs);
  }
}

}  // namespace og::engine::dataset
