#include "engine/graph/manifest/branch_ref.h"

#include <algorithm>
#include <utility>

#include "engine/graph/errors.h"
#include "io/base/json_value.h"
#include "io/base/status.h"
#include "io/base/status_macros.h"
#include "io/base/text.h"

namespace og::engine::graph {
namespace {

constexpr std::string_view kRefsFolder = "_refs/branches";
constexpr std::string_view kSuffix = ".json";

std::string FileNameOf(std::string_view branch) {
  std::string name;
  for (const char c : branch)
    c == '/' ? name.append("%2F") : name.append(1, c);
  return io::StrCat(name, kSuffix);
}

std::string BranchOf(std::string_view file_name) {
  std::string branch(file_name.substr(0, file_name.size() - kSuffix.size()));
  for (size_t at = branch.find("%2F"); at != std::string::npos; at = branch.find("%2F", at)) {
    branch.replace(at, 3, "/");
  }
  return branch;
}

absl::Status Malformed(const std::string& path, std::string_view what) {
  return io::DataLossError(io::StrCat("branch ref ", path, ": ", what));
}

// Files from before identifiers exist: the incarnation is the fork itself.
BranchIdentifier SyntheticIdentifier(const BranchRef& ref) {
  return {{{ref.parent_version, io::StrCat(io::Hex(static_cast<uint64_t>(ref.created_at_s), 32))}}};
}

absl::StatusOr<BranchIdentifier> ReadIdentifier(const std::string& path,
                                                const io::JsonValue& json) {
  BranchIdentifier identifier;
  const io::JsonValue* mapping = json.Find("version_mapping");
  if (mapping == nullptr || !mapping->is_array()) return Malformed(path, "no version_mapping");
  for (const io::JsonValue& pair : mapping->items()) {
    const auto& items = pair.items();
    if (items.size() != 2 || !items[0].AsUint64().has_value() || !items[1].is_string()) {
      return Malformed(path, "a version_mapping entry is not [version, id]");
    }
    identifier.version_mapping.emplace_back(*items[0].AsUint64(), items[1].string());
  }
  return identifier;
}

bool IsBranchChar(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
         c == '-' || c == '_';
}

}  // namespace

absl::StatusOr<std::optional<BranchRef>> ReadBranchRef(const io::Location& dataset_root,
                                                       std::string_view branch) {
  const io::Location file = dataset_root.Child(io::StrCat(kRefsFolder, "/", FileNameOf(branch)));
  const absl::StatusOr<io::Buffer> bytes = file.store->Read(file.path);
  if (absl::IsNotFound(bytes.status())) return std::nullopt;
  OG_RETURN_IF_ERROR(FromStorage(bytes.status()));
  const absl::StatusOr<io::JsonValue> json = io::JsonValue::Parse(bytes->view());
  if (!json.ok()) return Malformed(file.path, io::Message(json.status()));
  BranchRef ref;
  ref.name = branch;
  OG_ASSIGN_OR_RETURN(ref.parent_branch, json->OptionalStringMember("parentBranch"));
  OG_ASSIGN_OR_RETURN(ref.parent_version, json->Uint64Member("parentVersion"));
  OG_ASSIGN_OR_RETURN(const uint64_t created, json->Uint64Member("createAt"));
  ref.created_at_s = static_cast<int64_t>(created);
  const io::JsonValue* identifier = json->Find("identifier");
  if (identifier == nullptr || identifier->is_null()) {
    ref.identifier = SyntheticIdentifier(ref);
  } else {
    OG_ASSIGN_OR_RETURN(ref.identifier, ReadIdentifier(file.path, *identifier));
  }
  return ref;
}

absl::StatusOr<std::vector<std::string>> ListBranchRefs(const io::Location& dataset_root) {
  const io::Location folder = dataset_root.Child(kRefsFolder);
  const auto listed = folder.store->List(folder.path, {.recursive = false});
  OG_RETURN_IF_ERROR(FromStorage(listed.status()));
  std::vector<std::string> branches;
  for (const io::ObjectInfo& object : *listed) {
    const std::string_view name = std::string_view(object.path).substr(folder.path.size() + 1);
    if (name.ends_with(kSuffix)) branches.push_back(BranchOf(name));
  }
  std::sort(branches.begin(), branches.end());
  return branches;
}

absl::StatusOr<std::optional<std::string>> NormalizeBranch(std::string_view name) {
  name = io::Trim(name);
  if (name.empty()) return BadRequest("branch name cannot be empty");
  if (name == "main") return std::nullopt;
  for (const std::string_view segment : io::Split(name, '/')) {
    if (segment.empty() || segment.find("..") != std::string_view::npos ||
        !std::all_of(segment.begin(), segment.end(), IsBranchChar)) {
      return BadRequest(io::StrCat("invalid branch name '", name, "'"));
    }
  }
  return std::optional<std::string>(name);
}

}  // namespace og::engine::graph
