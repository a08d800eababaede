// The manifests of one branch of a dataset: which versions there are, and their content.
//
// The latest version is found by listing _versions/. The hint file beside the manifests
// ("latest_version_hint.json") is written for other readers and never believed here.
#pragma once

#include <cstdint>
#include <memory>
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

// The greatest version; kNotFound if there is none.
absl::StatusOr<ManifestLocation> FindLatest(const io::Location& root);

// `version` under either name; kNotFound if it does not exist.
absl::StatusOr<ManifestLocation> FindVersion(const io::Location& root, uint64_t version);

// Reads and decodes. The version in the manifest must be that of its name.
absl::StatusOr<StoredManifest> ReadManifest(const io::Location& root,
                                            const ManifestLocation& location);

// The transaction of `stored`: the inline one, else the file that it names. kNotFound if neither
// exists.
absl::StatusOr<format::Transaction> ReadTransaction(const io::Location& root,
                                                    const StoredManifest& stored);

}  // namespace og::engine::dataset
