#include "engine/dataset/clone_manifest.h"

#include <algorithm>

#include "engine/dataset/commit.h"
#include "io/base/status.h"
#include "io/base/status_macros.h"
#include "io/base/text.h"

namespace og::engine::dataset {

std::string BasePathOf(const io::Location& location) {
  return location.store->is_local() && location.store->scheme_root().starts_with("file:")
             ? io::StrCat("/", location.path)
             : location.Uri();
}

format::Transaction CloneTransaction(const Dataset& source, bool is_shallow,
                                     std::optional<std::string> branch,
                                     const WriteOptions& options) {
  format::Transaction transaction;
  transaction.read_version = source.version();
  transaction.uuid = options.uuid.empty() ? source.env().NewUuid() : options.uuid;
  transaction.properties = options.properties;
  format::CloneOperation clone;
  clone.is_shallow = is_shallow;
  if (!source.branch().empty()) {
    clone.ref_name = source.branch();
  }
  clone.ref_version = source.version();
  clone.ref_path = BasePathOf(source.branch_root());
  clone.branch_name = std::move(branch);
  transaction.operation = std::move(clone);
  return transaction;
}

format::Manifest ShallowCloneManifest(const Dataset& source, std::optional<std::string> branch) {
  format::Manifest manifest = source.manifest();
  uint32_t id = 0;
  for (const format::BasePath& base : manifest.base_paths) {
    id = std::max(id, base.id + 1);
  }
  format::BasePath base;
  base.id = id;
  if (!source.branch().empty()) {
    base.name = source.branch();
  }
  base.is_dataset_root = true;
  base.path = BasePathOf(source.branch_root());
  manifest.base_paths.push_back(std::move(base));
  for (format::Fragment& fragment : manifest.fragments) {
    for (format::DataFile& file : fragment.files) {
      file.base_id = file.base_id.value_or(id);
    }
    if (fragment.deletion_file) {
      fragment.deletion_file->base_id = fragment.deletion_file->base_id.value_or(id);
    }
  }
  // The reference sets every index's base, also where it lies in an older one, and then does not
  // find it; an existing base is kept, which the reference reads well.
  for (format::IndexMetadata& index : manifest.indices) {
    index.base_id = index.base_id.value_or(id);
  }
  manifest.tag.clear();
  manifest.branch = std::move(branch);
  return manifest;
}

absl::StatusOr<DatasetPtr> PublishShallowClone(const Dataset& source, const io::Location& main_root,
                                               std::optional<std::string> branch,
                                               const WriteOptions& options) {
  const io::Location root = BranchRoot(main_root, branch.value_or(""));
  const format::Transaction transaction = CloneTransaction(source, true, branch, options);
  format::Manifest manifest = ShallowCloneManifest(source, branch);
  const int64_t now_us = source.env().NowUs();
  manifest.timestamp = {.seconds = now_us / 1'000'000,
                        .nanos = static_cast<int32_t>(now_us % 1'000'000 * 1000)};
  // Two requests make a branch: this manifest and the file that names the branch.
  const bool is_branch = branch.has_value();
  manifest.transaction_file = is_branch ? "" : format::TransactionFileName(transaction);
  OG_RETURN_IF_ERROR(RecomputeFeatureFlags(manifest, source.manifest().has_stable_row_ids()));
  OG_ASSIGN_OR_RETURN(StoredManifest stored, Publish({.env = source.env(),
                                                      .root = root,
                                                      .naming = source.manifest_location().naming,
                                                      .write_hint = !is_branch,
                                                      .write_transaction_file = !is_branch},
                                                     std::move(manifest), transaction, {}));
  return DatasetHandle::Make(source.env(), main_root, branch.value_or(""), std::move(stored),
                             source.session());
}

}  // namespace og::engine::dataset
