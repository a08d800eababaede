// The manifests of one branch of a dataset: which versions there are, and their content.
//
// The latest version is found by listing _versions/. The hint file beside the manifests
// ("latest_version_hint.json") is written for other readers and never believed here.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

#include "engine/dataset/dataset.h"
#include "format/table/manifest.h"
#include "io/base/buffer.h"
#include "io/store/store.h"

namespace og::engine::dataset {

inline constexpr std::string_view kVersionsFolder = "_versions";
// Versions from here on are detached: never listed, never the latest, read by their number.
inline constexpr uint64_t kFirstDetachedVersion = uint64_t{1} << 63;
inline constexpr std::string_view kTransactionsFolder = "_transactions";

// A manifest as it was read: `bytes` holds the inline transaction.
struct StoredManifest {
  format::Manifest manifest;
  ManifestLocation location;
  io::Buffer bytes;
  std::optional<format::ManifestSection> transaction;
};

// Versions below `root`, ascending; with sizes and tokens if asked for. kDataLoss if both naming
// schemes are mixed.
absl::StatusOr<std::vector<VersionInfo>> ListManifests(const io::Location& root, bool with_info);

// The greatest version; kNotFound if there is none. On S3 one request for a few names, and for all
// of them only where they are of the old scheme.
absl::StatusOr<ManifestLocation> FindLatest(const io::Location& root);

// Its number alone, which on local disks is one call less.
absl::StatusOr<uint64_t> FindLatestVersion(const io::Location& root);

// Whether there is any version.
absl::StatusOr<bool> HasManifests(const io::Location& root);

// `version` under either name; kNotFound if it does not exist.
absl::StatusOr<ManifestLocation> FindVersion(const io::Location& root, uint64_t version);

struct ManifestVersion {
  io::Location root;
  uint64_t version = 0;
};

// Finds and reads a manifest of each version: one result for each, in their order, kNotFound for a
// version that does not exist. On S3 all come in one round, or two where names of the old scheme
// are among them, and their tokens stay empty.
std::vector<absl::StatusOr<StoredManifest>> ReadVersions(std::span<const ManifestVersion> wanted);
absl::StatusOr<StoredManifest> ReadVersion(const io::Location& root, uint64_t version);

// Reads and decodes. The version in the manifest must be that of its name.
absl::StatusOr<StoredManifest> ReadManifest(const io::Location& root,
                                            const ManifestLocation& location);

// The transaction of `stored`: the inline one, else the file that it names. kNotFound if neither
// exists.
absl::StatusOr<format::Transaction> ReadTransaction(const io::Location& root,
                                                    const StoredManifest& stored);

}  // namespace og::engine::dataset
