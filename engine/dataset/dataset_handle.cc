#include "engine/dataset/dataset_handle.h"

#include <algorithm>

#include "engine/dataset/commit.h"
#include "engine/dataset/json_columns.h"
#include "format/file/lance_schema.h"
#include "io/base/error_detail.h"
#include "io/base/status.h"
#include "io/base/status_macros.h"
#include "io/base/text.h"

namespace og::engine::dataset {
namespace {

absl::Status NoExternal(const format::Fragment& fragment) {
  return io::UnimplementedError(
      io::StrCat("fragment ", fragment.id, ": row ids or versions in a file of their own"));
}

absl::StatusOr<format::RowVersions> DecodeVersions(
    const format::Fragment& fragment, const std::optional<std::string>& encoded,
    const std::optional<format::ExternalFile>& external) {
  if (encoded) {
    OG_ASSIGN_OR_RETURN(format::RowVersions versions,
                        format::RowVersions::Decode(*encoded, fragment.physical_rows));
    if (versions.size() != fragment.physical_rows) {
      return io::DataLossError(io::StrCat("fragment ", fragment.id, ": versions of ",
                                          versions.size(), " rows for ", fragment.physical_rows));
    }
    return versions;
  }
  if (external) {
    return NoExternal(fragment);
  }
  // Fragments from before the table kept versions.
  return format::RowVersions(fragment.physical_rows, 1);
}

}  // namespace

io::Location BranchRoot(const io::Location& root, std::string_view branch) {
  return branch.empty() ? root : root.Child(io::StrCat("tree/", branch));
}

absl::StatusOr<DatasetPtr> Dataset::Open(io::Env& env, io::Location root,
                                         const OpenOptions& options) {
  const io::Location branch_root = BranchRoot(root, options.branch);
  const auto make = [&](StoredManifest stored) {
    return DatasetHandle::Make(env, root, options.branch, std::move(stored),
                               options.session != nullptr ? options.session : MakeSession());
  };
  if (options.version && options.expected_e_tag.empty()) {
    OG_ASSIGN_OR_RETURN(StoredManifest stored, ReadVersion(branch_root, *options.version));
    return make(std::move(stored));
  }
  OG_ASSIGN_OR_RETURN(
      const ManifestLocation location,
      options.version ? FindVersion(branch_root, *options.version) : FindLatest(branch_root));
  if (!options.expected_e_tag.empty() && location.e_tag != options.expected_e_tag) {
    return io::FailedPreconditionError(io::StrCat(location.path, ": its e-tag is ", location.e_tag,
                                                  ", not ", options.expected_e_tag));
  }
  OG_ASSIGN_OR_RETURN(StoredManifest stored, ReadManifest(branch_root, location));
  return make(std::move(stored));
}

absl::StatusOr<std::shared_ptr<const DatasetHandle>> DatasetHandle::Make(
    io::Env& env, io::Location root, std::string branch, StoredManifest stored,
    std::shared_ptr<Session> session) {
  auto handle = std::make_shared<DatasetHandle>(Key{});
  handle->env_ = &env;
  handle->session_ = std::move(session);
  handle->branch_root_ = BranchRoot(root, branch);
  handle->root_ = std::move(root);
  handle->branch_ = std::move(branch);
  handle->stored_ = std::move(stored);
  OG_ASSIGN_OR_RETURN(handle->folders_,
                      BaseFolders::Make(env, handle->branch_root_, handle->stored_.manifest));
  OG_ASSIGN_OR_RETURN(handle->stored_schema_, format::ToArrow(*handle->stored_.manifest.schema));
  handle->schema_ = WithTextJson(handle->stored_schema_);
  handle->num_rows_ = handle->stored_.manifest.num_rows();
  OG_RETURN_IF_ERROR(handle->FollowMoves());
  return handle;
}

absl::Status DatasetHandle::FollowMoves() {
  std::vector<format::IndexMetadata>& indices = stored_.manifest.indices;
  const auto reuse =
      std::ranges::find(indices, format::kFragmentReuseIndexName, &format::IndexMetadata::name);
  if (reuse == indices.end()) {
    return absl::OkStatus();
  }
  OG_ASSIGN_OR_RETURN(std::vector<format::FragmentReuseVersion> versions,
                      ReadFragmentReuse(*this, *reuse));
  row_moves_ = std::make_shared<const RowMoves>(std::move(versions));
  return row_moves_->LeadOn(indices);
}

absl::StatusOr<DatasetPtr> DatasetHandle::OpenAt(const ManifestLocation& location) const {
  OG_ASSIGN_OR_RETURN(StoredManifest stored, ReadManifest(branch_root_, location));
  return Make(*env_, root_, branch_, std::move(stored), session_);
}

absl::StatusOr<DatasetPtr> DatasetHandle::Latest() const {
  OG_ASSIGN_OR_RETURN(const ManifestLocation latest, FindLatest(branch_root_));
  if (latest.version == version() && latest.e_tag == manifest_location().e_tag) {
    return shared_from_this();
  }
  return OpenAt(latest);
}

absl::StatusOr<uint64_t> DatasetHandle::LatestVersion() const {
  return FindLatestVersion(branch_root_);
}

absl::StatusOr<DatasetPtr> DatasetHandle::Checkout(uint64_t wanted) const {
  if (wanted == version()) {
    return shared_from_this();
  }
  OG_ASSIGN_OR_RETURN(StoredManifest stored, ReadVersion(branch_root_, wanted));
  return Make(*env_, root_, branch_, std::move(stored), session_);
}

absl::StatusOr<std::vector<VersionInfo>> DatasetHandle::ListVersions() const {
  return ListManifests(branch_root_, true);
}

absl::StatusOr<format::Transaction> DatasetHandle::TransactionOf(uint64_t wanted) const {
  if (wanted == version()) {
    return ReadTransaction(branch_root_, stored_);
  }
  OG_ASSIGN_OR_RETURN(const StoredManifest stored, ReadVersion(branch_root_, wanted));
  return ReadTransaction(branch_root_, stored);
}

absl::StatusOr<format::DeletionVectorPtr> DatasetHandle::DeletionsOf(
    const format::Fragment& fragment) const {
  if (!fragment.deletion_file) {
    return nullptr;
  }
  OG_ASSIGN_OR_RETURN(const io::Location location,
                      folders_.DeletionFile(fragment.id, *fragment.deletion_file));
  OG_ASSIGN_OR_RETURN(
      format::DeletionVectorPtr deletions,
      session_->ReadDeletions(location, fragment.deletion_file->kind, fragment.physical_rows));
  if (deletions->size() != fragment.deletion_file->num_deleted_rows) {
    return io::DataLossError(io::StrCat(location.Uri(), " has ", deletions->size(),
                                        " rows, the manifest says ",
                                        fragment.deletion_file->num_deleted_rows));
  }
  return deletions;
}

void DatasetHandle::PrefetchDeletions(std::span<const format::Fragment* const> fragments) const {
  std::vector<Session::DeletionFile> files;
  for (const format::Fragment* fragment : fragments) {
    if (!fragment->deletion_file) {
      continue;
    }
    auto location = folders_.DeletionFile(fragment->id, *fragment->deletion_file);
    if (location.ok()) {
      files.push_back({.location = *std::move(location),
                       .kind = fragment->deletion_file->kind,
                       .physical_rows = fragment->physical_rows});
    }
  }
  session_->PrefetchDeletions(files);
}

void DatasetHandle::PrefetchDeletionsAt(std::span<const uint64_t> addresses) const {
  if (branch_root_.store->is_local()) {
    return;
  }
  std::vector<uint64_t> sorted(addresses.begin(), addresses.end());
  std::ranges::sort(sorted);
  PrefetchDeletions(FragmentsOf(sorted));
}

std::vector<const format::Fragment*> DatasetHandle::FragmentsOf(
    std::span<const uint64_t> addresses) const {
  std::vector<const format::Fragment*> fragments;
  for (const uint64_t address : addresses) {
    const uint64_t id = address >> 32;
    if (!fragments.empty() && fragments.back()->id == id) {
      continue;
    }
    if (const format::Fragment* fragment = manifest().FindFragment(id); fragment != nullptr) {
      fragments.push_back(fragment);
    }
  }
  return fragments;
}

absl::StatusOr<format::RowIdSequence> DatasetHandle::RowIdsOf(
    const format::Fragment& fragment) const {
  if (!fragment.row_ids) {
    return fragment.external_row_ids
               ? NoExternal(fragment)
               : io::DataLossError(io::StrCat("fragment ", fragment.id, " has no row ids"));
  }
  OG_ASSIGN_OR_RETURN(format::RowIdSequence sequence,
                      format::RowIdSequence::Decode(*fragment.row_ids, fragment.physical_rows));
  if (sequence.size() != fragment.physical_rows) {
    return io::DataLossError(io::StrCat("fragment ", fragment.id, ": ", sequence.size(),
                                        " row ids for ", fragment.physical_rows, " rows"));
  }
  return sequence;
}

absl::StatusOr<format::RowVersions> DatasetHandle::CreatedVersionsOf(
    const format::Fragment& fragment) const {
  return DecodeVersions(fragment, fragment.created_versions, fragment.external_created_versions);
}

absl::StatusOr<format::RowVersions> DatasetHandle::LastUpdatedVersionsOf(
    const format::Fragment& fragment) const {
  return DecodeVersions(fragment, fragment.last_updated_versions,
                        fragment.external_last_updated_versions);
}

absl::StatusOr<std::shared_ptr<const RowIdIndex>> DatasetHandle::row_id_index() const {
  {
    io::MutexLock lock(mutex_);
    if (row_id_index_ != nullptr) {
      return row_id_index_;
    }
  }
  std::vector<uint64_t> fragment_ids;
  std::vector<format::RowIdSequence> sequences;
  for (const format::Fragment& fragment : manifest().fragments) {
    OG_ASSIGN_OR_RETURN(format::RowIdSequence sequence, RowIdsOf(fragment));
    fragment_ids.push_back(fragment.id);
    sequences.push_back(std::move(sequence));
  }
  auto made = std::make_shared<const RowIdIndex>(fragment_ids, std::move(sequences));
  io::MutexLock lock(mutex_);
  if (row_id_index_ == nullptr) {
    row_id_index_ = std::move(made);
  }
  return row_id_index_;
}

}  // namespace og::engine::dataset
