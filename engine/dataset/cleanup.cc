#include "engine/dataset/cleanup.h"

#include <algorithm>
#include <map>
#include <set>

#include "engine/dataset/dataset_handle.h"
#include "engine/dataset/manifest_store.h"
#include "engine/dataset/refs.h"
#include "io/base/status.h"
#include "io/base/status_macros.h"
#include "io/base/text.h"

namespace og::engine::dataset {
namespace {

using format::Manifest;

constexpr int64_t kUnverifiedAgeUs = int64_t{7} * 24 * 3600 * 1'000'000;
constexpr int64_t kSecondUs = 1'000'000;
constexpr std::string_view kManifestSuffix = ".manifest";

// Files by their path below the root; indexes by the name of their folder.
struct Files {
  std::set<std::string> data;
  std::set<std::string> deletions;
  std::set<std::string> transactions;
  std::set<std::string> indices;
};

int64_t TimeUs(const Manifest& manifest) {
  return manifest.timestamp
             ? manifest.timestamp->seconds * kSecondUs + manifest.timestamp->nanos / 1000
             : 0;
}

// The files of `manifest` that `is_ours` (by base id) says lie below the root.
template <typename IsOurs>
void AddFiles(const Manifest& manifest, const IsOurs& is_ours, Files& files) {
  for (const format::Fragment& fragment : manifest.fragments) {
    for (const format::DataFile& file : fragment.files) {
      if (is_ours(file.base_id)) {
        files.data.insert(io::StrCat("data/", file.path));
      }
    }
    if (fragment.deletion_file && is_ours(fragment.deletion_file->base_id)) {
      files.deletions.insert(format::DeletionFilePath(fragment.id, *fragment.deletion_file));
    }
  }
  for (const format::IndexMetadata& index : manifest.indices) {
    if (is_ours(index.base_id)) {
      files.indices.insert(index.uuid);
    }
  }
}

// All that `manifest` names. Files below other bases are named too: a name that is not ours is
// kept for nothing, which does no harm.
void AddAllFiles(const Manifest& manifest, Files& files) {
  AddFiles(
      manifest, [](const std::optional<uint32_t>&) { return true; }, files);
  if (!manifest.transaction_file.empty()) {
    files.transactions.insert(io::StrCat(kTransactionsFolder, "/", manifest.transaction_file));
  }
}

std::string_view FileName(std::string_view path) {
  return path.substr(path.rfind('/') + 1);
}

// Versions of the dataset and what they name.
class Inspection {
 public:
  Inspection(const Dataset& dataset, const CleanupPolicy& policy)
      : dataset_(dataset), policy_(policy), root_(dataset.branch_root()) {}

  absl::Status Inspect() {
    OG_ASSIGN_OR_RETURN(const std::vector<VersionInfo> versions, ListManifests(root_, true));
    OG_RETURN_IF_ERROR(ReadTags());
    if (policy_.retain_versions && !versions.empty()) {
      const uint64_t retained = *policy_.retain_versions;
      before_version_ = versions.size() <= retained ? versions.front().version
                        : retained == 0             ? versions.back().version + 1
                                                    : versions[versions.size() - retained].version;
    }
    OG_ASSIGN_OR_RETURN(const std::set<uint64_t> in_use, VersionsInUse());
    for (const VersionInfo& version : versions) {
      last_seen_ = std::max(last_seen_, version.version);
      absl::StatusOr<Manifest> read = Read(root_, version);
      if (absl::IsNotFound(read.status())) {
        continue;  // another cleanup was faster
      }
      OG_RETURN_IF_ERROR(read.status());
      Manifest& manifest = *read;
      const bool is_latest = dataset_.version() <= manifest.version;
      if (is_latest || !IsOld(manifest)) {
        Retain(manifest);
      } else if (tagged_.contains(manifest.version)) {
        tagged_old_.push_back(manifest.version);
        Retain(manifest);
      } else if (in_use.contains(manifest.version)) {
        AddAllFiles(manifest, kept_);
      } else {
        old_manifests_[manifest.version] = version;
        old_.emplace(manifest.version, std::move(manifest));
      }
    }
    OG_RETURN_IF_ERROR(CheckTags());
    OG_RETURN_IF_ERROR(RetainDetached());
    OG_RETURN_IF_ERROR(RetainForBranches());
    for (const auto& [version, manifest] : old_) {
      AddAllFiles(manifest, verified_);
    }
    return absl::OkStatus();
  }

  // Versions that appeared or were opened since Inspect() keep what they name.
  absl::Status InspectNewer() {
    OG_ASSIGN_OR_RETURN(const std::set<uint64_t> in_use, VersionsInUse());
    for (const auto& [version, manifest] : old_) {
      if (in_use.contains(version)) {
        AddAllFiles(manifest, kept_);
      }
    }
    OG_ASSIGN_OR_RETURN(const std::vector<VersionInfo> versions, ListManifests(root_, false));
    for (const VersionInfo& version : versions) {
      if (version.version > last_seen_) {
        OG_ASSIGN_OR_RETURN(const Manifest manifest, Read(root_, version));
        Retain(manifest);
        last_seen_ = version.version;
      }
    }
    return RetainForBranches();
  }

  const std::map<uint64_t, VersionInfo>& old_manifests() const { return old_manifests_; }
  // The commit time of the oldest version that stays; what is younger is not looked at.
  int64_t oldest_retained_us() const { return oldest_retained_us_; }

  // What `object` is, if it can go now.
  std::optional<CleanupCandidate> Judge(const io::ObjectInfo& object, int64_t now_us) const {
    if (object.modified_us > oldest_retained_us_) {
      return std::nullopt;
    }
    const std::string_view path = std::string_view(object.path).substr(root_.path.size() + 1);
    const bool is_young =
        !policy_.delete_unverified && object.modified_us >= now_us - kUnverifiedAgeUs;
    const auto judge = [&](CleanupKind kind, const std::string& name,
                           const std::set<std::string>& kept,
                           const std::set<std::string>& old) -> std::optional<CleanupCandidate> {
      const bool is_old = old.contains(name);
      if (kept.contains(name) || (is_young && !is_old)) {
        return std::nullopt;
      }
      return CleanupCandidate{
          .path = object.path, .kind = kind, .is_unverified = !is_old, .size_bytes = object.size};
    };
    const auto below = [&](std::string_view folder) { return path.starts_with(folder); };
    if (below("_indices/")) {
      const auto parts = io::Split(path, '/');
      return parts.size() < 3 ? std::nullopt
                              : judge(CleanupKind::kIndex, std::string(parts[1]), kept_.indices,
                                      verified_.indices);
    }
    if (below("data/") && path.ends_with(".lance")) {
      return judge(CleanupKind::kData, std::string(path), kept_.data, verified_.data);
    }
    if (below("data/") && path.ends_with(".blob")) {
      // A sidecar lives and goes with its data file: data/{stem}/{id}.blob.
      const auto parts = io::Split(path, '/');
      return parts.size() != 3 ? std::nullopt
                               : judge(CleanupKind::kData, io::StrCat("data/", parts[1], ".lance"),
                                       kept_.data, verified_.data);
    }
    if (below("_deletions/") && (path.ends_with(".arrow") || path.ends_with(".bin"))) {
      return judge(CleanupKind::kDeletion, std::string(path), kept_.deletions, verified_.deletions);
    }
    if (below("_transactions/") && path.ends_with(".txn")) {
      return judge(CleanupKind::kTransaction, std::string(path), kept_.transactions,
                   verified_.transactions);
    }
    return std::nullopt;
  }

 private:
  static absl::StatusOr<Manifest> Read(const io::Location& root, const VersionInfo& version) {
    OG_ASSIGN_OR_RETURN(StoredManifest stored, ReadManifest(root, {.version = version.version,
                                                                   .path = version.path,
                                                                   .size = version.size,
                                                                   .e_tag = version.e_tag,
                                                                   .naming = version.naming}));
    return std::move(stored.manifest);
  }

  bool IsOld(const Manifest& manifest) const {
    return (!policy_.before_us || TimeUs(manifest) < *policy_.before_us) &&
           (!policy_.before_version || manifest.version < *policy_.before_version) &&
           (!before_version_ || manifest.version < *before_version_);
  }

  absl::StatusOr<std::set<uint64_t>> VersionsInUse() const {
    return policy_.in_use ? policy_.in_use() : std::set<uint64_t>();
  }

  void Retain(const Manifest& manifest) {
    AddAllFiles(manifest, kept_);
    oldest_retained_us_ = std::min(oldest_retained_us_, TimeUs(manifest));
  }

  absl::Status ReadTags() {
    OG_ASSIGN_OR_RETURN(tags_, ListTags(dataset_.root()));
    for (const TagInfo& tag : tags_) {
      if (tag.branch == dataset_.branch()) {
        tagged_.insert(tag.version);
      }
    }
    return absl::OkStatus();
  }

  absl::Status CheckTags() const {
    if (tagged_old_.empty() || !policy_.error_if_tagged_old_versions) {
      return absl::OkStatus();
    }
    std::string names;
    size_t count = 0;
    for (const TagInfo& tag : tags_) {
      if (tag.branch == dataset_.branch() &&
          std::ranges::find(tagged_old_, tag.version) != tagged_old_.end()) {
        names += io::StrCat(names.empty() ? "" : ", ", tag.name, ": ", tag.version);
        ++count;
      }
    }
    return io::FailedPreconditionError(
        io::StrCat(count,
                   " tagged version(s) have been marked for cleanup. Either set "
                   "`error_if_tagged_old_versions=false` or delete the following tag(s) to enable "
                   "cleanup: {",
                   names, "}"));
  }

  // Detached versions are never listed, but can be read by their number.
  absl::Status RetainDetached() {
    const io::Location folder = root_.Child(kVersionsFolder);
    OG_ASSIGN_OR_RETURN(const auto objects,
                        folder.store->List(folder.path, {.recursive = false, .with_info = false}));
    for (const io::ObjectInfo& object : objects) {
      const std::string_view name = FileName(object.path);
      if (!name.starts_with('d') || !name.ends_with(kManifestSuffix)) {
        continue;
      }
      OG_ASSIGN_OR_RETURN(const io::Buffer bytes, folder.store->Read(object.path));
      OG_ASSIGN_OR_RETURN(const format::ManifestFile file,
                          format::DecodeManifestFile(bytes.span(), object.path));
      AddAllFiles(file.manifest, kept_);
    }
    return absl::OkStatus();
  }

  // Files that branches forked from this one read below other roots stay, and so does the version
  // that each was forked from while it reads any of its files. Which root a branch means is not
  // looked at: its path may be spelt in another way, and names of files are unique.
  absl::Status RetainForBranches() {
    OG_ASSIGN_OR_RETURN(const std::vector<BranchInfo> branches, ListBranches(dataset_.root()));
    BranchIdentifier own;
    if (!dataset_.branch().empty()) {
      const auto self = std::ranges::find(branches, dataset_.branch(), &BranchInfo::name);
      if (self == branches.end()) {
        return io::NotFoundError(io::StrCat("no branch ", dataset_.branch()));
      }
      own = self->identifier;
    }
    for (const BranchInfo& branch : branches) {
      const bool is_child = branch.identifier.size() > own.size() &&
                            std::equal(own.begin(), own.end(), branch.identifier.begin());
      if (!is_child) {
        continue;
      }
      absl::StatusOr<Files> read = FilesReadElsewhere(branch.name);
      if (absl::IsNotFound(read.status())) {
        OG_ASSIGN_OR_RETURN(const bool is_there, IsStillThere(branch));
        if (!is_there) {
          continue;  // deleted since it was listed; a new one of its name was forked from what
                     // stays
        }
      }
      OG_RETURN_IF_ERROR(read.status());
      Files& files = *read;
      const auto forked_from = old_.find(branch.identifier[own.size()].first);
      if (forked_from != old_.end() && NamesAnyOf(forked_from->second, files)) {
        AddAllFiles(forked_from->second, kept_);
        old_manifests_.erase(forked_from->first);
        old_.erase(forked_from);
      }
      kept_.data.merge(files.data);
      kept_.deletions.merge(files.deletions);
      kept_.indices.merge(files.indices);
    }
    return absl::OkStatus();
  }

  absl::StatusOr<bool> IsStillThere(const BranchInfo& branch) const {
    const absl::StatusOr<BranchInfo> now = ReadBranch(dataset_.root(), branch.name);
    if (absl::IsNotFound(now.status())) {
      return false;
    }
    OG_RETURN_IF_ERROR(now.status());
    return now->identifier == branch.identifier;
  }

  // The files that the versions of a branch name below roots other than its own.
  absl::StatusOr<Files> FilesReadElsewhere(std::string_view branch) const {
    const io::Location branch_root = BranchRoot(dataset_.root(), branch);
    OG_ASSIGN_OR_RETURN(const std::vector<VersionInfo> versions, ListManifests(branch_root, false));
    Files files;
    for (const VersionInfo& version : versions) {
      OG_ASSIGN_OR_RETURN(const Manifest manifest, Read(branch_root, version));
      AddFiles(
          manifest, [](const std::optional<uint32_t>& base_id) { return base_id.has_value(); },
          files);
    }
    return files;
  }

  static bool NamesAnyOf(const Manifest& manifest, const Files& files) {
    Files named;
    AddAllFiles(manifest, named);
    const auto meet = [](const std::set<std::string>& some, const std::set<std::string>& others) {
      return std::ranges::any_of(some,
                                 [&](const std::string& one) { return others.contains(one); });
    };
    return meet(named.data, files.data) || meet(named.deletions, files.deletions) ||
           meet(named.indices, files.indices);
  }

  const Dataset& dataset_;
  const CleanupPolicy& policy_;
  const io::Location root_;
  std::optional<uint64_t> before_version_;  // of retain_versions
  std::vector<TagInfo> tags_;
  std::set<uint64_t> tagged_;
  std::vector<uint64_t> tagged_old_;
  std::map<uint64_t, VersionInfo> old_manifests_;
  std::map<uint64_t, Manifest> old_;  // the same
  Files kept_;
  Files verified_;
  int64_t oldest_retained_us_ = INT64_MAX;
  uint64_t last_seen_ = 0;
};

// The objects below the root that can go, manifests left out, by path.
absl::StatusOr<std::vector<CleanupCandidate>> FindFiles(const Dataset& dataset,
                                                        const Inspection& inspection) {
  std::vector<CleanupCandidate> files;
  const int64_t now_us = dataset.env().NowUs();
  for (const std::string_view folder :
       {std::string_view("_transactions"), std::string_view("data"), std::string_view("_indices"),
        std::string_view("_deletions")}) {
    const io::Location place = dataset.branch_root().Child(folder);
    OG_ASSIGN_OR_RETURN(const auto objects,
                        place.store->List(place.path, {.recursive = true, .with_info = true}));
    for (const io::ObjectInfo& object : objects) {
      if (auto candidate = inspection.Judge(object, now_us)) {
        files.push_back(*std::move(candidate));
      }
    }
  }
  std::ranges::sort(files, {}, &CleanupCandidate::path);
  return files;
}

std::vector<CleanupCandidate> ManifestsOf(const Inspection& inspection) {
  std::vector<CleanupCandidate> manifests;
  for (const auto& [version, info] : inspection.old_manifests()) {
    manifests.push_back({.path = info.path,
                         .kind = CleanupKind::kManifest,
                         .is_unverified = false,
                         .size_bytes = info.size});
  }
  return manifests;
}

void Count(const CleanupCandidate& candidate, CleanupStats& stats) {
  stats.bytes_removed += candidate.size_bytes;
  switch (candidate.kind) {
    case CleanupKind::kManifest:
      ++stats.old_versions;
      break;
    case CleanupKind::kData:
      ++stats.data_files_removed;
      break;
    case CleanupKind::kTransaction:
      ++stats.transaction_files_removed;
      break;
    case CleanupKind::kIndex:
      ++stats.index_files_removed;
      break;
    case CleanupKind::kDeletion:
      ++stats.deletion_files_removed;
      break;
  }
}

// Deletes one object after the other, no faster than the policy allows.
class Deleter {
 public:
  Deleter(const Dataset& dataset, const CleanupPolicy& policy, const ProgressFn& progress,
          uint64_t total)
      : dataset_(dataset), policy_(policy), progress_(progress) {
    state_.unit = "files";
    state_.total = total;
  }

  absl::Status Delete(const std::vector<CleanupCandidate>& candidates, CleanupStats& stats) {
    for (const CleanupCandidate& candidate : candidates) {
      if (policy_.deletes_per_second) {
        dataset_.env().SleepUs(kSecondUs /
                               static_cast<int64_t>(std::max<uint64_t>(
                                   1, std::min<uint64_t>(*policy_.deletes_per_second, kSecondUs))));
      }
      OG_RETURN_IF_ERROR(dataset_.branch_root().store->Delete(candidate.path));
      Count(candidate, stats);
      ++state_.done;
      state_.bytes += candidate.size_bytes;
      if (progress_) {
        progress_(state_);
      }
    }
    return absl::OkStatus();
  }

 private:
  const Dataset& dataset_;
  const CleanupPolicy& policy_;
  const ProgressFn& progress_;
  Progress state_;
};

}  // namespace

std::string_view CleanupKindName(CleanupKind kind) {
  switch (kind) {
    case CleanupKind::kManifest:
      return "manifest";
    case CleanupKind::kData:
      return "data";
    case CleanupKind::kTransaction:
      return "transaction";
    case CleanupKind::kIndex:
      return "index";
    case CleanupKind::kDeletion:
      return "deletion";
  }
  return "";
}

absl::StatusOr<CleanupPlan> PlanCleanup(const Dataset& dataset, const CleanupPolicy& policy) {
  Inspection inspection(dataset, policy);
  OG_RETURN_IF_ERROR(inspection.Inspect());
  CleanupPlan plan{.read_version = dataset.version(),
                   .old_versions = {},
                   .candidates = ManifestsOf(inspection),
                   .stats = {}};
  for (const auto& [version, info] : inspection.old_manifests()) {
    plan.old_versions.push_back(version);
  }
  OG_ASSIGN_OR_RETURN(const auto files, FindFiles(dataset, inspection));
  plan.candidates.insert(plan.candidates.end(), files.begin(), files.end());
  for (const CleanupCandidate& candidate : plan.candidates) {
    Count(candidate, plan.stats);
  }
  return plan;
}

absl::StatusOr<CleanupStats> Cleanup(const Dataset& dataset, const CleanupPolicy& policy,
                                     const ProgressFn& progress) {
  Inspection inspection(dataset, policy);
  OG_RETURN_IF_ERROR(inspection.Inspect());
  const std::vector<CleanupCandidate> manifests = ManifestsOf(inspection);
  OG_ASSIGN_OR_RETURN(const auto expected, FindFiles(dataset, inspection));
  Deleter deleter(dataset, policy, progress, manifests.size() + expected.size());
  CleanupStats stats;
  OG_CRASH_POINT(dataset.env(), "dataset_cleanup.before_manifests");
  OG_RETURN_IF_ERROR(deleter.Delete(manifests, stats));
  if (!manifests.empty() && dataset.env().durability() != io::Durability::kNone) {
    // The names of a folder become durable together.
    const std::vector<std::string> beside = {dataset.manifest_location().path};
    OG_RETURN_IF_ERROR(dataset.branch_root().store->Sync(beside, dataset.env().durability()));
  }
  OG_CRASH_POINT(dataset.env(), "dataset_cleanup.after_manifests");
  OG_RETURN_IF_ERROR(inspection.InspectNewer());
  OG_ASSIGN_OR_RETURN(const auto files, FindFiles(dataset, inspection));
  OG_RETURN_IF_ERROR(deleter.Delete(files, stats));
  OG_CRASH_POINT(dataset.env(), "dataset_cleanup.after_files");
  return stats;
}

}  // namespace og::engine::dataset
