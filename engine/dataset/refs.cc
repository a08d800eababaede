#include "engine/dataset/refs.h"

#include <algorithm>

#include "engine/dataset/clone_manifest.h"
#include "engine/dataset/dataset_handle.h"
#include "engine/dataset/metadata.h"
#include "io/base/json_value.h"
#include "io/base/json_writer.h"
#include "io/base/status.h"
#include "io/base/status_macros.h"
#include "io/base/text.h"

namespace og::engine::dataset {
namespace {

constexpr std::string_view kBranchesFolder = "_refs/branches";
constexpr std::string_view kTagsFolder = "_refs/tags";
constexpr std::string_view kSuffix = ".json";

bool IsNameCharacter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
         c == '-' || c == '_' || static_cast<unsigned char>(c) >= 0x80;
}

std::string EscapeName(std::string_view name) {
  std::string escaped;
  for (const char c : name) {
    if (c == '/') {
      escaped += "%2F";
    } else {
      escaped += c;
    }
  }
  return escaped;
}

std::string UnescapeName(std::string_view escaped) {
  std::string name;
  for (size_t i = 0; i < escaped.size(); ++i) {
    if (escaped.substr(i, 3) == "%2F") {
      name += '/';
      i += 2;
    } else {
      name += escaped[i];
    }
  }
  return name;
}

// 64-bit FNV-1a.
uint64_t Fnv1a(std::string_view text, uint64_t seed) {
  uint64_t hash = seed;
  for (const char c : text) {
    hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3;
  }
  return hash;
}

// What stands in for the identifier of a file from before there were any.
BranchIdentifier SyntheticIdentifier(const BranchInfo& branch) {
  constexpr uint64_t kSeed = 0xcbf29ce484222325;
  const std::string text =
      io::StrCat("branch_name=", branch.name, "\nparent_branch=", branch.parent_branch,
                 "\nparent_version=", branch.parent_version, "\ncreate_at=", branch.created_at_s);
  return {
      {0, io::Hex(Fnv1a(text, kSeed), 16) + io::Hex(Fnv1a(text, kSeed ^ 0x9e3779b97f4a7c15), 16)}};
}

absl::StatusOr<BranchIdentifier> ParseIdentifier(const io::JsonValue& value) {
  OG_ASSIGN_OR_RETURN(const io::JsonValue* mapping, value.RequiredMember("version_mapping"));
  BranchIdentifier identifier;
  for (const io::JsonValue& pair : mapping->items()) {
    const std::optional<uint64_t> version =
        pair.items().size() == 2 ? pair.items()[0].AsUint64() : std::nullopt;
    if (!version || !pair.items()[1].is_string()) {
      return io::DataLossError("version_mapping is no list of [version, uuid]");
    }
    identifier.emplace_back(*version, pair.items()[1].string());
  }
  return identifier;
}

absl::StatusOr<BranchInfo> ParseBranch(std::string_view name, std::string_view text) {
  OG_ASSIGN_OR_RETURN(const io::JsonValue json, io::JsonValue::Parse(text));
  BranchInfo branch;
  branch.name = name;
  OG_ASSIGN_OR_RETURN(const auto parent, json.OptionalStringMember("parentBranch"));
  branch.parent_branch = parent.value_or("");
  OG_ASSIGN_OR_RETURN(branch.parent_version, json.Uint64Member("parentVersion"));
  OG_ASSIGN_OR_RETURN(branch.created_at_s, json.Int64Member("createAt"));
  OG_ASSIGN_OR_RETURN(branch.manifest_size, json.Uint64Member("manifestSize"));
  if (const io::JsonValue* metadata = json.Find("metadata")) {
    for (const auto& [key, value] : metadata->members()) {
      branch.metadata[key] = value.string();
    }
  }
  if (const io::JsonValue* identifier = json.Find("identifier")) {
    OG_ASSIGN_OR_RETURN(branch.identifier, ParseIdentifier(*identifier));
  } else {
    branch.identifier = SyntheticIdentifier(branch);
  }
  return branch;
}

std::string FormatBranch(const BranchInfo& branch) {
  io::JsonWriter json(io::JsonWriter::Style::kPretty);
  json.BeginObject();
  json.Key("parentBranch");
  branch.parent_branch.empty() ? json.Null() : json.String(branch.parent_branch);
  json.Key("identifier");
  json.BeginObject();
  json.Key("version_mapping");
  json.BeginArray();
  for (const auto& [version, uuid] : branch.identifier) {
    json.BeginArray();
    json.Uint(version);
    json.String(uuid);
    json.EndArray();
  }
  json.EndArray();
  json.EndObject();
  json.Key("parentVersion");
  json.Uint(branch.parent_version);
  json.Key("createAt");
  json.Int(branch.created_at_s);
  json.Key("manifestSize");
  json.Uint(branch.manifest_size);
  json.Key("metadata");
  json.BeginObject();
  for (const auto& [key, value] : branch.metadata) {
    json.Key(key);
    json.String(value);
  }
  json.EndObject();
  json.EndObject();
  return std::move(json).Finish();
}

absl::StatusOr<TagInfo> ParseTag(std::string_view name, std::string_view text) {
  OG_ASSIGN_OR_RETURN(const io::JsonValue json, io::JsonValue::Parse(text));
  TagInfo tag;
  tag.name = name;
  OG_ASSIGN_OR_RETURN(const auto branch, json.OptionalStringMember("branch"));
  OG_ASSIGN_OR_RETURN(const auto created, json.OptionalStringMember("createdAt"));
  OG_ASSIGN_OR_RETURN(const auto updated, json.OptionalStringMember("updatedAt"));
  OG_ASSIGN_OR_RETURN(tag.version, json.Uint64Member("version"));
  OG_ASSIGN_OR_RETURN(tag.manifest_size, json.Uint64Member("manifestSize"));
  tag.branch = branch.value_or("");
  tag.created_at = created.value_or("");
  tag.updated_at = updated.value_or("");
  return tag;
}

std::string FormatTag(const Dataset& dataset, std::string_view created_at,
                      std::string_view updated_at) {
  io::JsonWriter json(io::JsonWriter::Style::kPretty);
  json.BeginObject();
  json.Key("branch");
  dataset.branch().empty() ? json.Null() : json.String(dataset.branch());
  json.Key("version");
  json.Uint(dataset.version());
  json.Key("createdAt");
  json.String(created_at);
  json.Key("updatedAt");
  json.String(updated_at);
  json.Key("manifestSize");
  json.Uint(dataset.manifest_location().size);
  json.Key("metadata");
  json.BeginObject();
  json.EndObject();
  json.EndObject();
  return std::move(json).Finish();
}

// The names of the files in `folder`, without suffix.
absl::StatusOr<std::vector<std::string>> ListNames(const io::Location& root,
                                                   std::string_view folder) {
  const io::Location place = root.Child(folder);
  OG_ASSIGN_OR_RETURN(const auto objects,
                      place.store->List(place.path, {.recursive = false, .with_info = false}));
  std::vector<std::string> names;
  for (const io::ObjectInfo& object : objects) {
    std::string_view name = object.path;
    name.remove_prefix(name.rfind('/') + 1);
    if (name.ends_with(kSuffix)) {
      names.push_back(UnescapeName(name.substr(0, name.size() - kSuffix.size())));
    }
  }
  std::ranges::sort(names);
  return names;
}

template <typename T>
absl::StatusOr<T> ReadRef(const io::Location& file, std::string_view name,
                          absl::StatusOr<T> (*parse)(std::string_view, std::string_view)) {
  OG_ASSIGN_OR_RETURN(const io::Buffer bytes, file.store->Read(file.path));
  absl::StatusOr<T> parsed = parse(name, bytes.view());
  if (!parsed.ok()) {
    return io::DataLossError(io::StrCat(file.Uri(), ": ", io::Message(parsed.status())));
  }
  return parsed;
}

io::Location TagFile(const io::Location& root, std::string_view name) {
  return root.Child(io::StrCat(kTagsFolder, "/", name, kSuffix));
}

// Below the folder of a branch that is being deleted: its former file.
constexpr std::string_view kRemovedRefFolder = "_removed_ref";

// Removes the file of a branch, for good before anything of the branch goes: a loss of power must
// not bring back a branch that has no versions. A deletion cannot be synced by itself; a move can.
absl::Status RemoveRefFile(io::Env& env, const io::Location& root, std::string_view name,
                           bool exists) {
  const io::Location file = BranchFile(root, name);
  if (!exists || env.durability() == io::Durability::kNone || !file.store->is_local()) {
    return file.store->Delete(file.path);
  }
  const io::Location removed =
      BranchRoot(root, name).Child(io::StrCat(kRemovedRefFolder, "/", EscapeName(name), kSuffix));
  OG_RETURN_IF_ERROR(file.store->Rename(file.path, removed.path));
  return file.store->Sync(std::vector<std::string>{removed.path}, env.durability());
}

// Whether `child` was forked from `parent`, directly or not.
bool Extends(const BranchIdentifier& child, const BranchIdentifier& parent) {
  return child.size() > parent.size() && std::equal(parent.begin(), parent.end(), child.begin());
}

// The refs of a folder; one that is deleted after it was listed is none.
template <typename Ref>
absl::StatusOr<std::vector<Ref>> ReadEach(const io::Location& root, std::string_view folder,
                                          absl::StatusOr<Ref> (*read)(const io::Location& root,
                                                                      std::string_view name)) {
  OG_ASSIGN_OR_RETURN(const std::vector<std::string> names, ListNames(root, folder));
  std::vector<Ref> refs;
  for (const std::string& name : names) {
    absl::StatusOr<Ref> ref = read(root, name);
    if (absl::IsNotFound(ref.status())) {
      continue;
    }
    OG_RETURN_IF_ERROR(ref.status());
    refs.push_back(*std::move(ref));
  }
  return refs;
}

}  // namespace

absl::Status CheckBranchName(std::string_view name) {
  const auto refuse = [&](std::string_view why) {
    return io::InvalidArgumentError(io::StrCat("branch name '", name, "' ", why));
  };
  if (name.empty()) {
    return refuse("is empty");
  }
  if (name == "main") {
    return refuse("is reserved");
  }
  if (name.ends_with(".lock")) {
    return refuse("ends in .lock");
  }
  if (name.find("..") != std::string_view::npos) {
    return refuse("contains '..'");
  }
  for (const std::string_view segment : io::Split(name, '/')) {
    if (segment.empty()) {
      return refuse("has an empty segment");
    }
    if (!std::ranges::all_of(segment, IsNameCharacter)) {
      return refuse("may only have letters, digits, '.', '-', '_' and '/'");
    }
  }
  return absl::OkStatus();
}

absl::Status CheckTagName(std::string_view name) {
  if (name.empty() || name.starts_with('.') || name.ends_with('.') || name.ends_with(".lock") ||
      name.find("..") != std::string_view::npos || !std::ranges::all_of(name, IsNameCharacter)) {
    return io::InvalidArgumentError(
        io::StrCat("tag name '", name,
                   "' may only have letters, digits, '.', '-' and '_', no dot "
                   "at its ends, no '..' and no .lock at the end"));
  }
  return absl::OkStatus();
}

io::Location BranchFile(const io::Location& root, std::string_view name) {
  return root.Child(io::StrCat(kBranchesFolder, "/", EscapeName(name), kSuffix));
}

absl::StatusOr<std::vector<BranchInfo>> ListBranches(const io::Location& root) {
  return ReadEach<BranchInfo>(root, kBranchesFolder, ReadBranch);
}

absl::StatusOr<BranchInfo> ReadBranch(const io::Location& root, std::string_view name) {
  return ReadRef<BranchInfo>(BranchFile(root, name), name, ParseBranch);
}

absl::StatusOr<DatasetPtr> PlanBranch(const Dataset& source, std::string_view name) {
  OG_RETURN_IF_ERROR(CheckBranchName(name));
  StoredManifest planned;
  planned.manifest = ShallowCloneManifest(source, std::string(name));
  planned.location = source.manifest_location();
  return DatasetHandle::Make(source.env(), source.root(), std::string(name), std::move(planned),
                             source.session());
}

absl::StatusOr<DatasetPtr> CloneToBranch(const Dataset& source, std::string_view name,
                                         const WriteOptions& options) {
  OG_RETURN_IF_ERROR(CheckBranchName(name));
  const io::Location branch_root = BranchRoot(source.root(), name);
  OG_ASSIGN_OR_RETURN(const bool exists, HasManifests(branch_root));
  if (exists) {
    return io::AlreadyExistsError(io::StrCat("branch ", name, " already exists"));
  }
  return PublishShallowClone(source, source.root(), std::string(name), options);
}

absl::Status FinishBranch(const Dataset& source, const Dataset& clone) {
  BranchInfo branch;
  branch.name = clone.branch();
  branch.parent_branch = source.branch();
  branch.parent_version = source.version();
  branch.created_at_s = source.env().NowUs() / 1'000'000;
  branch.manifest_size = clone.manifest_location().size;
  if (!source.branch().empty()) {
    OG_ASSIGN_OR_RETURN(const BranchInfo parent, ReadBranch(source.root(), source.branch()));
    branch.identifier = parent.identifier;
  }
  std::string uuid = source.env().NewUuid();
  std::erase(uuid, '-');
  branch.identifier.emplace_back(source.version(), std::move(uuid));
  const io::Location file = BranchFile(source.root(), branch.name);
  return file.store->PutIfAbsent(file.path, io::AsBytes(FormatBranch(branch))).status();
}

absl::StatusOr<DatasetPtr> CreateBranch(const Dataset& source, std::string_view name,
                                        const WriteOptions& options) {
  const io::Location file = BranchFile(source.root(), name);
  if (const auto exists = file.store->Stat(file.path); exists.ok()) {
    return io::AlreadyExistsError(io::StrCat("branch ", name, " already exists"));
  } else if (exists.status().code() != absl::StatusCode::kNotFound) {
    return exists.status();
  }
  OG_ASSIGN_OR_RETURN(DatasetPtr clone, CloneToBranch(source, name, options));
  OG_RETURN_IF_ERROR(FinishBranch(source, *clone));
  return clone;
}

absl::Status DeleteBranch(io::Env& env, const io::Location& root, std::string_view name,
                          bool force) {
  OG_RETURN_IF_ERROR(CheckBranchName(name));
  OG_ASSIGN_OR_RETURN(const std::vector<BranchInfo> branches, ListBranches(root));
  const auto branch = std::ranges::find(branches, name, &BranchInfo::name);
  if (branch == branches.end() && !force) {
    return io::NotFoundError(io::StrCat("no branch ", name));
  }
  for (const BranchInfo& other : branches) {
    if (branch != branches.end() && Extends(other.identifier, branch->identifier)) {
      return io::FailedPreconditionError(
          io::StrCat("branch ", name, " is referenced by ", other.name));
    }
  }
  OG_RETURN_IF_ERROR(RemoveRefFile(env, root, name, branch != branches.end()));
  OG_CRASH_POINT(env, "dataset_branch.after_ref_delete");
  // The longest folder that is not on the way to, or inside, the folder of a remaining branch.
  const auto is_shared = [&](std::string_view folder) {
    return std::ranges::any_of(branches, [&](const BranchInfo& other) {
      return other.name != name &&
             (other.name == folder || other.name.starts_with(io::StrCat(folder, "/")));
    });
  };
  std::string folder(name);
  if (is_shared(folder)) {
    // Branches lie below: only what is this branch's own may go.
    for (const std::string_view own :
         {std::string_view("_versions"), std::string_view("_transactions"),
          std::string_view("data"), std::string_view("_deletions"), std::string_view("_indices"),
          kRemovedRefFolder}) {
      if (!is_shared(io::StrCat(folder, "/", own))) {  // "a/data" may be a branch
        const io::Location place = BranchRoot(root, folder).Child(own);
        OG_RETURN_IF_ERROR(place.store->DeletePrefix(place.path));
      }
    }
    return absl::OkStatus();
  }
  while (folder.find('/') != std::string::npos && !is_shared(folder.substr(0, folder.rfind('/')))) {
    folder.resize(folder.rfind('/'));
  }
  const io::Location place = BranchRoot(root, folder);
  return place.store->DeletePrefix(place.path);
}

absl::StatusOr<std::vector<TagInfo>> ListTags(const io::Location& root) {
  return ReadEach<TagInfo>(root, kTagsFolder, ReadTag);
}

absl::StatusOr<TagInfo> ReadTag(const io::Location& root, std::string_view name) {
  return ReadRef<TagInfo>(TagFile(root, name), name, ParseTag);
}

absl::Status CreateTag(const Dataset& dataset, std::string_view name) {
  OG_RETURN_IF_ERROR(CheckTagName(name));
  const std::string now = TimeText(dataset.env().NowUs());
  const io::Location file = TagFile(dataset.root(), name);
  return file.store->PutIfAbsent(file.path, io::AsBytes(FormatTag(dataset, now, now))).status();
}

absl::Status UpdateTag(const Dataset& dataset, std::string_view name) {
  const io::Location file = TagFile(dataset.root(), name);
  OG_ASSIGN_OR_RETURN(const io::ObjectInfo info, file.store->Stat(file.path));
  OG_ASSIGN_OR_RETURN(const TagInfo before, ReadTag(dataset.root(), name));
  const std::string now = TimeText(dataset.env().NowUs());
  const std::string text =
      FormatTag(dataset, before.created_at.empty() ? now : before.created_at, now);
  return file.store->PutIfMatch(file.path, io::AsBytes(text), info.e_tag).status();
}

absl::Status DeleteTag(const io::Location& root, std::string_view name) {
  const io::Location file = TagFile(root, name);
  OG_RETURN_IF_ERROR(file.store->Stat(file.path).status());
  return file.store->Delete(file.path);
}

}  // namespace og::engine::dataset
