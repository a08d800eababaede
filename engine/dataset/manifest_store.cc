#include "engine/dataset/manifest_store.h"

#include <algorithm>

#include "format/table/transaction.h"
#include "io/base/status.h"
#include "io/base/status_macros.h"
#include "io/base/text.h"

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

absl::Status NoDataset(const io::Location& root) {
  return io::NotFoundError(io::StrCat("no dataset at ", root.Uri()));
}

}  // namespace

absl::StatusOr<std::vector<VersionInfo>> ListManifests(const io::Location& root, bool with_info) {
  const io::Location folder = root.Child(kVersionsFolder);
  OG_ASSIGN_OR_RETURN(
      const std::vector<io::ObjectInfo> objects,
      folder.store->List(folder.path, {.recursive = false, .with_info = with_info}));
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

absl::StatusOr<ManifestLocation> FindLatest(const io::Location& root) {
  OG_ASSIGN_OR_RETURN(const std::vector<VersionInfo> versions, ListManifests(root, false));
  if (versions.empty()) {
    return NoDataset(root);
  }
  const VersionInfo& latest = versions.back();
  if (!latest.e_tag.empty() && !root.store->is_local()) {
    return LocationOf({.path = latest.path, .size = latest.size, .e_tag = latest.e_tag},
                      latest.version, latest.naming);  // lists of S3 say it all
  }
  OG_ASSIGN_OR_RETURN(const io::ObjectInfo info, root.store->Stat(latest.path));
  return LocationOf(info, latest.version, latest.naming);
}

absl::StatusOr<ManifestLocation> FindVersion(const io::Location& root, uint64_t version) {
  const io::Location folder = root.Child(kVersionsFolder);
  if (version >= kFirstDetachedVersion) {
    OG_ASSIGN_OR_RETURN(
        const io::ObjectInfo info,
        folder.store->Stat(folder.Child(io::StrCat("d", version, ".manifest")).path));
    return LocationOf(info, version, format::ManifestNaming::kV2);
  }
  for (const auto naming : {format::ManifestNaming::kV2, format::ManifestNaming::kV1}) {
    absl::StatusOr<io::ObjectInfo> info =
        folder.store->Stat(folder.Child(format::ManifestFileName(version, naming)).path);
    if (info.ok()) {
      return LocationOf(*info, version, naming);
    }
    if (info.status().code() != absl::StatusCode::kNotFound) {
      return info.status();
    }
  }
  return io::NotFoundError(io::StrCat("version ", version, " of ", root.Uri(), " does not exist"));
}

absl::StatusOr<StoredManifest> ReadManifest(const io::Location& root,
                                            const ManifestLocation& location) {
  StoredManifest stored;
  OG_ASSIGN_OR_RETURN(stored.bytes, root.store->Read(location.path));
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
