#include "engine/graph/verify/left_overs.h"

#include <map>
#include <set>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/dataset/refs.h"
#include "engine/graph/errors.h"
#include "io/base/status_macros.h"
#include "io/base/text.h"

namespace og::engine::graph {
namespace {

// Names of data files, deletion files and index folders that stored versions use. Names are unique,
// so the folder does not matter.
absl::Status AddUsed(const dataset::Dataset& version, std::set<std::string>& used) {
  for (const format::Fragment& fragment : version.manifest().fragments) {
    for (const format::DataFile& file : fragment.files) {
      used.insert(file.path);
      // Blobs of a data file lie in a folder of its name.
      used.insert(file.path.substr(0, file.path.rfind('.')));
    }
    if (fragment.deletion_file.has_value()) {
      const std::string path = format::DeletionFilePath(fragment.id, *fragment.deletion_file);
      used.insert(path.substr(path.rfind('/') + 1));
    }
  }
  for (const format::IndexMetadata& index : version.manifest().indices)
    used.insert(index.uuid);
  return absl::OkStatus();
}

absl::Status AddUsedOfRef(io::Env& env, const io::Location& table, const std::string& ref,
                          std::set<std::string>& used) {
  dataset::OpenOptions options;
  options.branch = ref;
  const absl::StatusOr<dataset::DatasetPtr> head = dataset::Dataset::Open(env, table, options);
  OG_RETURN_IF_ERROR(FromStorage(head.status()));
  const auto versions = (*head)->ListVersions();
  OG_RETURN_IF_ERROR(FromStorage(versions.status()));
  for (const dataset::VersionInfo& info : *versions) {
    const absl::StatusOr<dataset::DatasetPtr> version = (*head)->Checkout(info.version);
    if (absl::IsNotFound(version.status())) continue;  // cleaned up since it was listed
    OG_RETURN_IF_ERROR(FromStorage(version.status()));
    OG_RETURN_IF_ERROR(AddUsed(**version, used));
  }
  return absl::OkStatus();
}

// The part of an object's path that says whether it is used: the first component behind data/,
// _deletions/ or _indices/; empty for other objects.
std::string_view UsedName(std::string_view path) {
  for (const std::string_view folder : {"/data/", "/_deletions/", "/_indices/"}) {
    const size_t at = path.rfind(folder);
    if (at == std::string_view::npos) continue;
    const std::string_view name = path.substr(at + folder.size());
    return name.substr(0, name.find('/'));
  }
  return {};
}

}  // namespace

absl::Status FindLeftOvers(
    const GraphContext& context, std::span<const ManifestView> branches,
    const std::function<void(const std::string& path, std::string message)>& report) {
  // Which refs of which table folder the branches read.
  std::map<std::string, std::set<std::string>> read;
  for (const ManifestView& branch : branches) {
    for (const TableEntry& table : branch.state.tables())
      read[table.path].insert(table.branch.value_or(""));
  }
  for (const auto& [path, refs_read] : read) {
    const io::Location table = context.root.Child(path);
    const auto refs = dataset::ListBranches(table);
    OG_RETURN_IF_ERROR(FromStorage(refs.status()));
    std::set<std::string> used;
    OG_RETURN_IF_ERROR(AddUsedOfRef(context.env, table, "", used));
    for (const dataset::BranchInfo& ref : *refs) {
      OG_RETURN_IF_ERROR(AddUsedOfRef(context.env, table, ref.name, used));
      if (!refs_read.contains(ref.name)) {
        report(path, io::StrCat("ref '", ref.name, "' is read by no branch"));
      }
    }
    const auto objects = table.store->List(table.path, {});
    OG_RETURN_IF_ERROR(FromStorage(objects.status()));
    for (const io::ObjectInfo& object : *objects) {
      const std::string_view name = UsedName(object.path);
      if (name.empty() || used.contains(std::string(name))) continue;
      report(object.path.substr(context.root.path.size() + 1), "is named by no stored version");
    }
  }
  return absl::OkStatus();
}

}  // namespace og::engine::graph
