#include "engine/dataset/clone.h"

#include <algorithm>
#include <map>

#include "engine/dataset/blob_reader.h"
#include "engine/dataset/clone_manifest.h"
#include "engine/dataset/commit.h"
#include "engine/dataset/manifest_store.h"
#include "engine/dataset/moved_blobs.h"
#include "io/base/status.h"
#include "io/base/status_macros.h"
#include "io/base/text.h"

namespace og::engine::dataset {
namespace {

using format::Manifest;

constexpr uint64_t kChunkBytes = uint64_t{8} << 20;

// A file of the source, and its path below the root of a copy.
struct SourceFile {
  io::Location location;
  uint64_t size_bytes = 0;  // 0: unknown
};
using SourceFiles = std::map<std::string, SourceFile>;

// Adds all objects below `folder` as files below `name`.
absl::Status AddFolder(const io::Location& folder, std::string_view name, SourceFiles& files) {
  OG_ASSIGN_OR_RETURN(const auto objects,
                      folder.store->List(folder.path, {.recursive = true, .with_info = true}));
  for (const io::ObjectInfo& object : objects) {
    const std::string_view relative = std::string_view(object.path).substr(folder.path.size() + 1);
    files[io::StrCat(name, "/", relative)] = {.location = {folder.store, object.path},
                                              .size_bytes = object.size};
  }
  return absl::OkStatus();
}

// All files that the version consists of.
absl::StatusOr<SourceFiles> FilesOf(const DatasetHandle& dataset) {
  SourceFiles files;
  const bool has_sidecars = HasBlobsV2(dataset.lance_schema());
  for (const format::Fragment& fragment : dataset.manifest().fragments) {
    for (const format::DataFile& file : fragment.files) {
      OG_ASSIGN_OR_RETURN(const io::Location location, dataset.folders().DataFile(file));
      files[io::StrCat("data/", file.path)] = {.location = location, .size_bytes = file.size_bytes};
      if (has_sidecars && file.path.ends_with(".lance")) {
        const std::string_view stem = std::string_view(file.path).substr(
            0, file.path.size() - std::string_view(".lance").size());
        const std::string_view folder =
            std::string_view(location.path)
                .substr(0, location.path.size() - std::string_view(".lance").size());
        OG_RETURN_IF_ERROR(
            AddFolder({location.store, std::string(folder)}, io::StrCat("data/", stem), files));
      }
    }
    if (fragment.deletion_file) {
      OG_ASSIGN_OR_RETURN(const io::Location location,
                          dataset.folders().DeletionFile(fragment.id, *fragment.deletion_file));
      files[format::DeletionFilePath(fragment.id, *fragment.deletion_file)] = {.location = location,
                                                                               .size_bytes = 0};
    }
  }
  for (const format::IndexMetadata& index : dataset.manifest().indices) {
    const std::string name = io::StrCat("_indices/", index.uuid);
    OG_ASSIGN_OR_RETURN(const io::Location folder,
                        index.base_id
                            ? dataset.folders().BelowBase(*index.base_id, name)
                            : absl::StatusOr<io::Location>(dataset.branch_root().Child(name)));
    OG_RETURN_IF_ERROR(AddFolder(folder, name, files));
  }
  return files;
}

absl::StatusOr<io::Buffer> ReadRange(const io::Location& file, io::ByteRange range) {
  std::vector<io::ReadRequest> requests;
  requests.push_back({.path = file.path, .range = range, .is_immutable = true});
  OG_ASSIGN_OR_RETURN(std::vector<io::Buffer> buffers,
                      file.store->Submit(std::move(requests)).Wait());
  return std::move(buffers.front());
}

// Whether both objects have these `size` bytes.
absl::Status CompareFiles(const io::Location& a, const io::Location& b, uint64_t size) {
  for (uint64_t at = 0; at < size; at += kChunkBytes) {
    const io::ByteRange range{.offset = at, .length = std::min(kChunkBytes, size - at)};
    OG_ASSIGN_OR_RETURN(const io::Buffer from, ReadRange(a, range));
    OG_ASSIGN_OR_RETURN(const io::Buffer to, ReadRange(b, range));
    if (!std::ranges::equal(from.span(), to.span())) {
      return io::DataLossError(io::StrCat(b.Uri(), " differs from ", a.Uri(), " after byte ", at));
    }
  }
  return absl::OkStatus();
}

// Whether `file` is there from an earlier copy. What a copy that was interrupted left in a local
// store may have lost bytes since; only files of a copy that was committed are durable there.
absl::StatusOr<bool> IsPresent(const io::Location& file, uint64_t size, bool is_committed) {
  if (!is_committed && file.store->is_local()) {
    return false;
  }
  const absl::StatusOr<io::ObjectInfo> info = file.store->Stat(file.path);
  if (info.status().code() == absl::StatusCode::kNotFound) {
    return false;
  }
  OG_RETURN_IF_ERROR(info.status());
  return info->size == size;
}

absl::Status CopyFile(const io::Location& from, const io::Location& to, uint64_t size) {
  if (from.store == to.store) {
    return from.store->Copy(from.path, to.path);
  }
  OG_ASSIGN_OR_RETURN(const auto stream, to.store->OpenWrite(to.path));
  for (uint64_t at = 0; at < size; at += kChunkBytes) {
    OG_ASSIGN_OR_RETURN(
        const io::Buffer chunk,
        ReadRange(from, {.offset = at, .length = std::min(kChunkBytes, size - at)}));
    OG_RETURN_IF_ERROR(stream->Append(chunk.span()));
  }
  return stream->Finish().status();
}

// The manifest of the copy: everything lies below its own root.
Manifest CopiedManifest(const Manifest& source) {
  Manifest manifest = source;
  for (format::Fragment& fragment : manifest.fragments) {
    for (format::DataFile& file : fragment.files) {
      file.base_id.reset();
    }
    if (fragment.deletion_file) {
      fragment.deletion_file->base_id.reset();
    }
  }
  for (format::IndexMetadata& index : manifest.indices) {
    index.base_id.reset();
  }
  // Blobs that lie elsewhere may be named relative to a base.
  if (!HasBlobsV2(*source.schema)) {
    manifest.base_paths.clear();
  }
  manifest.branch.reset();
  manifest.tag.clear();
  return manifest;
}

// Whether two versions have the same rows in the same files.
bool SameContent(const Manifest& a, const Manifest& b) {
  return std::ranges::equal(
      a.fragments, b.fragments, [](const format::Fragment& x, const format::Fragment& y) {
        return x.id == y.id && x.physical_rows == y.physical_rows &&
               std::ranges::equal(x.files, y.files, {}, &format::DataFile::path,
                                  &format::DataFile::path);
      });
}

// The latest version at `target`, which has to be a copy of the same dataset; null if there is
// none.
absl::StatusOr<DatasetPtr> FormerCopy(const Dataset& source, const io::Location& target) {
  absl::StatusOr<DatasetPtr> former = Dataset::Open(source.env(), target, {});
  if (former.status().code() == absl::StatusCode::kNotFound) {
    return DatasetPtr();
  }
  OG_RETURN_IF_ERROR(former.status());
  const auto refuse = [&](std::string_view why) {
    return io::AlreadyExistsError(io::StrCat(target.Uri(), " holds a dataset that ", why));
  };
  const absl::StatusOr<format::Transaction> made = (*former)->TransactionOf((*former)->version());
  const auto* clone = made.ok() ? std::get_if<format::CloneOperation>(&made->operation) : nullptr;
  if (clone == nullptr || clone->is_shallow) {
    return refuse("is no copy, or was written to since it was made");
  }
  if ((*former)->version() > source.version()) {
    return refuse(
        io::StrCat("is at version ", (*former)->version(), ", the source at ", source.version()));
  }
  const absl::StatusOr<DatasetPtr> then = source.Checkout((*former)->version());
  // A version that cleanup has removed meanwhile cannot be compared.
  if (then.ok() && !SameContent((*then)->manifest(), (*former)->manifest())) {
    return refuse("is a copy of another one");
  }
  return former;
}

}  // namespace

absl::StatusOr<DatasetPtr> CloneShallow(const Dataset& source, const io::Location& target,
                                        const WriteOptions& options) {
  OG_ASSIGN_OR_RETURN(const bool exists, HasManifests(target));
  if (exists) {
    return io::AlreadyExistsError(io::StrCat("dataset already exists: ", target.Uri()));
  }
  return PublishShallowClone(source, target, std::nullopt, options);
}

absl::StatusOr<CopyResult> CopyDataset(const Dataset& source, const io::Location& target,
                                       const CopyOptions& options, const ProgressFn& progress) {
  const auto& handle = static_cast<const DatasetHandle&>(source);
  OG_ASSIGN_OR_RETURN(const DatasetPtr former, FormerCopy(source, target));
  CopyResult result;
  if (former != nullptr && former->version() == source.version()) {
    result.dataset = former;
    return result;
  }
  OG_ASSIGN_OR_RETURN(const SourceFiles files, FilesOf(handle));
  SourceFiles committed;  // files of the former copy, which are durable
  if (former != nullptr) {
    OG_ASSIGN_OR_RETURN(committed, FilesOf(static_cast<const DatasetHandle&>(*former)));
  }
  Progress state{.unit = "files", .total = files.size()};
  std::vector<std::string> written;
  for (const auto& [name, file] : files) {
    uint64_t size = file.size_bytes;
    if (size == 0) {
      OG_ASSIGN_OR_RETURN(const io::ObjectInfo info, file.location.store->Stat(file.location.path));
      size = info.size;
    }
    const io::Location to = target.Child(name);
    OG_ASSIGN_OR_RETURN(const bool is_present, IsPresent(to, size, committed.contains(name)));
    if (is_present) {
      ++result.files_present;
    } else {
      OG_RETURN_IF_ERROR(CopyFile(file.location, to, size));
      if (options.verify) {
        OG_RETURN_IF_ERROR(CompareFiles(file.location, to, size));
      }
      ++result.files_copied;
      result.bytes_copied += size;
    }
    written.push_back(to.path);
    ++state.done;
    state.bytes = result.bytes_copied;
    if (progress) {
      progress(state);
    }
  }
  const format::Transaction transaction =
      CloneTransaction(source, false, std::nullopt, options.write);
  Manifest manifest = CopiedManifest(source.manifest());
  manifest.transaction_file = format::TransactionFileName(transaction);
  OG_RETURN_IF_ERROR(RecomputeFeatureFlags(manifest, source.manifest().has_stable_row_ids()));
  OG_ASSIGN_OR_RETURN(StoredManifest stored,
                      Publish({.env = source.env(),
                               .root = target,
                               .naming = former != nullptr ? former->manifest_location().naming
                                                           : format::ManifestNaming::kV2},
                              std::move(manifest), transaction, written));
  OG_ASSIGN_OR_RETURN(result.dataset, DatasetHandle::Make(source.env(), target, "",
                                                          std::move(stored), MakeSession()));
  return result;
}

}  // namespace og::engine::dataset
