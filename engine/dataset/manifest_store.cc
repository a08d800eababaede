#include "engine/dataset/manifest_store.h"

#include <algorithm>
#include <string>
#include <utility>

#include "format/table/transaction.h"
#include "io/base/status.h"
#include "io/base/status_macros.h"
#include "io/base/text.h"
#include "io/store/far_calls.h"

namespace og::engine::dataset {
namespace {

ManifestLocation LocationOf(const io::ObjectInfo& info, uint64_t version,
                            format::ManifestNaming naming) {
  return {.version = version,
          .path = info.path,
          .size = info.size,
          .e_tag = info.e_tag,
          .naming = naming};
}

// Names from which the latest version of a dataset is found. In the scheme of today the newest
// come first, however many there are.
constexpr size_t kNumNewestNames = 16;

absl::Status NoDataset(const io::Location& root) {
  return io::NotFoundError(io::StrCat("no dataset at ", root.Uri()));
}

// The manifests among `objects`, ascending.
absl::StatusOr<std::vector<VersionInfo>> ManifestsAmong(
    const io::Location& root, const std::vector<io::ObjectInfo>& objects) {
  std::vector<VersionInfo> versions;
  versions.reserve(objects.size());
  for (const io::ObjectInfo& object : objects) {
    const std::string_view path = object.path;
    const auto name = format::ParseManifestFileName(path.substr(path.rfind('/') + 1));
    if (!name) {
      continue;
    }
    if (!versions.empty() && versions.back().naming != name->naming) {
      return io::DataLossError(
          io::StrCat(root.Uri(), ": multiple manifest naming schemes in the same directory"));
    }
    versions.push_back({.version = name->version,
                        .path = object.path,
                        .size = object.size,
                        .e_tag = object.e_tag,
                        .modified_us = object.modified_us,
                        .naming = name->naming});
  }
  std::ranges::sort(versions, {}, &VersionInfo::version);
  return versions;
}

// The latest version, without size and token where the store lists names alone.
absl::StatusOr<VersionInfo> FindNewestName(const io::Location& root) {
  const io::Location folder = root.Child(kVersionsFolder);
  OG_ASSIGN_OR_RETURN(const std::vector<io::ObjectInfo> first,
                      io::ListFirst(*folder.store, folder.path, kNumNewestNames));
  OG_ASSIGN_OR_RETURN(std::vector<VersionInfo> versions, ManifestsAmong(root, first));
  const bool is_whole = first.size() < kNumNewestNames;
  if (!is_whole && (versions.empty() || versions[0].naming != format::ManifestNaming::kV2)) {
    OG_ASSIGN_OR_RETURN(versions, ListManifests(root, false));
  }
  if (versions.empty()) {
    return NoDataset(root);
  }
  return versions.back();
}

absl::StatusOr<StoredManifest> Decode(const ManifestLocation& location, io::Buffer bytes) {
  StoredManifest stored;
  stored.bytes = std::move(bytes);
  OG_ASSIGN_OR_RETURN(format::ManifestFile file,
                      format::DecodeManifestFile(stored.bytes.span(), location.path));
  if (file.manifest.version != location.version) {
    return io::DataLossError(
        io::StrCat(location.path, ": it is the manifest of version ", file.manifest.version));
  }
  stored.manifest = std::move(file.manifest);
  stored.transaction = file.transaction;
  stored.location = location;
  return stored;
}

absl::Status NoVersion(const io::Location& root, uint64_t version) {
  return io::NotFoundError(io::StrCat("version ", version, " of ", root.Uri(), " does not exist"));
}

std::string PathOf(const io::Location& root, uint64_t version, format::ManifestNaming naming) {
  const std::string name = version >= kFirstDetachedVersion
                               ? io::StrCat("d", version, ".manifest")
                               : format::ManifestFileName(version, naming);
  return root.Child(kVersionsFolder).Child(name).path;
}

// Reads those of `wanted` that are not found so far, under their names of `naming`, all of which
// are in one store.
void ReadNamed(std::span<const ManifestVersion> wanted, format::ManifestNaming naming,
               std::span<absl::StatusOr<StoredManifest>> found) {
  std::vector<size_t> places;
  std::vector<std::string> paths;
  for (size_t i = 0; i < wanted.size(); ++i) {
    if (absl::IsNotFound(found[i].status())) {
      places.push_back(i);
      paths.push_back(PathOf(wanted[i].root, wanted[i].version, naming));
    }
  }
  if (paths.empty()) {
    return;
  }
  std::vector<absl::StatusOr<io::Buffer>> objects = io::ReadEach(*wanted[0].root.store, paths);
  for (size_t i = 0; i < places.size(); ++i) {
    absl::StatusOr<StoredManifest>& result = found[places[i]];
    if (objects[i].ok()) {
      result = Decode({.version = wanted[places[i]].version,
                       .path = paths[i],
                       .size = objects[i]->size(),
                       .e_tag = {},
                       .naming = naming},
                      *std::move(objects[i]));
    } else if (!absl::IsNotFound(objects[i].status())) {
      result = objects[i].status();
    }
  }
}

}  // namespace

absl::StatusOr<std::vector<VersionInfo>> ListManifests(const io::Location& root, bool with_info) {
  const io::Location folder = root.Child(kVersionsFolder);
  OG_ASSIGN_OR_RETURN(
      const std::vector<io::ObjectInfo> objects,
      folder.store->List(folder.path, {.recursive = false, .with_info = with_info}));
  return ManifestsAmong(root, objects);
}

absl::StatusOr<ManifestLocation> FindLatest(const io::Location& root) {
  OG_ASSIGN_OR_RETURN(const VersionInfo latest, FindNewestName(root));
  if (!latest.e_tag.empty()) {
    return LocationOf({.path = latest.path, .size = latest.size, .e_tag = latest.e_tag},
                      latest.version, latest.naming);
  }
  OG_ASSIGN_OR_RETURN(const io::ObjectInfo info, root.store->Stat(latest.path));
  return LocationOf(info, latest.version, latest.naming);
}

absl::StatusOr<uint64_t> FindLatestVersion(const io::Location& root) {
  OG_ASSIGN_OR_RETURN(const VersionInfo latest, FindNewestName(root));
  return latest.version;
}

absl::StatusOr<bool> HasManifests(const io::Location& root) {
  const absl::StatusOr<VersionInfo> latest = FindNewestName(root);
  if (absl::IsNotFound(latest.status())) {
    return false;
  }
  OG_RETURN_IF_ERROR(latest.status());
  return true;
}

absl::StatusOr<ManifestLocation> FindVersion(const io::Location& root, uint64_t version) {
  for (const auto naming : {format::ManifestNaming::kV2, format::ManifestNaming::kV1}) {
    absl::StatusOr<io::ObjectInfo> info = root.store->Stat(PathOf(root, version, naming));
    if (info.ok()) {
      return LocationOf(*info, version, naming);
    }
    if (info.status().code() != absl::StatusCode::kNotFound || version >= kFirstDetachedVersion) {
      return info.status();
    }
  }
  return NoVersion(root, version);
}

std::vector<absl::StatusOr<StoredManifest>> ReadVersions(std::span<const ManifestVersion> wanted) {
  std::vector<absl::StatusOr<StoredManifest>> found;
  for (const ManifestVersion& version : wanted) {
    found.emplace_back(NoVersion(version.root, version.version));
  }
  for (size_t first = 0; first < wanted.size();) {
    const std::shared_ptr<io::Store>& store = wanted[first].root.store;
    size_t last = first + 1;
    while (last < wanted.size() && wanted[last].root.store == store) {
      ++last;
    }
    const auto here = wanted.subspan(first, last - first);
    const auto results = std::span(found).subspan(first, here.size());
    if (store->is_local()) {
      for (size_t i = 0; i < here.size(); ++i) {
        const auto location = FindVersion(here[i].root, here[i].version);
        results[i] = location.ok() ? ReadManifest(here[i].root, *location)
                                   : absl::StatusOr<StoredManifest>(location.status());
      }
    } else {
      ReadNamed(here, format::ManifestNaming::kV2, results);
      ReadNamed(here, format::ManifestNaming::kV1, results);
    }
    first = last;
  }
  return found;
}

absl::StatusOr<StoredManifest> ReadVersion(const io::Location& root, uint64_t version) {
  const ManifestVersion wanted{root, version};
  std::vector<absl::StatusOr<StoredManifest>> read = ReadVersions({&wanted, 1});
  return std::move(read[0]);
}

absl::StatusOr<StoredManifest> ReadManifest(const io::Location& root,
                                            const ManifestLocation& location) {
  OG_ASSIGN_OR_RETURN(io::Buffer bytes, root.store->Read(location.path));
  return Decode(location, std::move(bytes));
}

absl::StatusOr<format::Transaction> ReadTransaction(const io::Location& root,
                                                    const StoredManifest& stored) {
  if (stored.transaction) {
    return format::DecodeTransaction(
        stored.bytes.span().subspan(stored.transaction->offset, stored.transaction->length),
        stored.location.path);
  }
  if (stored.manifest.transaction_file.empty()) {
    return io::NotFoundError(
        io::StrCat("version ", stored.location.version, " does not name its transaction"));
  }
  const io::Location file =
      root.Child(io::StrCat(kTransactionsFolder, "/", stored.manifest.transaction_file));
  OG_ASSIGN_OR_RETURN(const io::Buffer bytes, file.store->Read(file.path));
  return format::DecodeTransaction(bytes.span(), file.path);
}

}  // namespace og::engine::dataset
