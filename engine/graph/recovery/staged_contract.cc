#include "engine/graph/recovery/staged_contract.h"

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "engine/graph/errors.h"
#include "engine/schema/contract.h"
#include "io/base/status.h"
#include "io/base/status_macros.h"
#include "io/base/text.h"

namespace og::engine::graph {
namespace {

constexpr std::string_view kStaging = ".staging";
constexpr std::string_view kNames[] = {schema::kSourceName, schema::kIrName, schema::kStateName};

absl::StatusOr<std::optional<std::string>> ReadText(const io::Location& root,
                                                    std::string_view name) {
  const io::Location file = root.Child(name);
  const absl::StatusOr<io::Buffer> bytes = file.store->Read(file.path);
  if (absl::IsNotFound(bytes.status())) return std::nullopt;
  OG_RETURN_IF_ERROR(FromStorage(bytes.status()));
  return std::string(bytes->view());
}

// The staged text, else the accepted one.
absl::StatusOr<std::string> PromotedText(const io::Location& root, std::string_view name) {
  OG_ASSIGN_OR_RETURN(auto staged, ReadText(root, io::StrCat(name, kStaging)));
  if (staged.has_value()) return *std::move(staged);
  OG_ASSIGN_OR_RETURN(auto accepted, ReadText(root, name));
  if (accepted.has_value()) return *std::move(accepted);
  return schema::ContractError(
      io::StrCat("graph schema contract is incomplete: ", name, " is gone"));
}

// A loss of power may bring them back.
absl::Status RemoveStaged(const io::Location& root) {
  for (const std::string_view name : kNames) {
    const io::Location file = root.Child(io::StrCat(name, kStaging));
    OG_RETURN_IF_ERROR(FromStorage(file.store->Delete(file.path)));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<AcceptedSchema> ReadPromoted(const io::Location& root) {
  schema::SchemaContract contract;
  OG_ASSIGN_OR_RETURN(contract.source, PromotedText(root, schema::kSourceName));
  OG_ASSIGN_OR_RETURN(contract.ir_json, PromotedText(root, schema::kIrName));
  OG_ASSIGN_OR_RETURN(contract.state_json, PromotedText(root, schema::kStateName));
  return AcceptContract(contract);
}

absl::Status PromoteStaged(const GraphContext& context, std::string_view ir_hash) {
  OG_ASSIGN_OR_RETURN(const AcceptedSchema promoted, ReadPromoted(context.root));
  if (promoted.state.ir_hash != ir_hash) {
    return InternalFault(io::StrCat("the staged schema has IR hash ", promoted.state.ir_hash,
                                    ", the published change is to ", ir_hash));
  }
  // Written and synced before the staged ones go: until then those count. Not renamed, for which a
  // local store takes the lock of the folder, which is the root that the caller holds.
  std::vector<std::string> files;
  for (const std::string_view name : kNames) {
    const io::Location to = context.root.Child(name);
    OG_ASSIGN_OR_RETURN(const auto staged, ReadText(context.root, io::StrCat(name, kStaging)));
    if (!staged.has_value()) continue;
    OG_RETURN_IF_ERROR(FromStorage(to.store->Put(to.path, io::AsBytes(*staged)).status()));
    files.push_back(to.path);
  }
  OG_RETURN_IF_ERROR(FromStorage(context.root.store->Sync(files, context.env.durability())));
  // Should they come back, they are the accepted ones.
  return RemoveStaged(context.root);
}

absl::Status DiscardStaged(const GraphContext& context) {
  OG_RETURN_IF_ERROR(RemoveStaged(context.root));
  // The names of a folder become durable with those of an object in it.
  const io::Location beside = context.root.Child(schema::kStateName);
  return FromStorage(
      beside.store->Sync(std::vector<std::string>{beside.path}, context.env.durability()));
}

absl::Status ReconcileStaged(const GraphContext& context) {
  OG_ASSIGN_OR_RETURN(const bool staged, HasStagedContract(context.root));
  if (!staged) return absl::OkStatus();
  OG_ASSIGN_OR_RETURN(const ManifestView view, context.manifest.Open(std::nullopt));
  const absl::StatusOr<AcceptedSchema> promoted = ReadPromoted(context.root);
  const absl::StatusOr<AcceptedSchema> accepted = ReadContract(context.root);
  const auto fits = [&view](const absl::StatusOr<AcceptedSchema>& schema) {
    return schema.ok() && CheckTables(schema->ir, view.state.tables(), view.version()).ok();
  };
  const bool is_promoted = fits(promoted);
  const bool is_accepted = fits(accepted);
  if (is_promoted && is_accepted && promoted->state.shape_hash == accepted->state.shape_hash) {
    return RemoveStaged(context.root);
  }
  if (is_promoted == is_accepted) {
    return schema::ContractError(
        is_promoted
            ? "staged schema files and the accepted schema both fit the published tables, and no "
              "record says which one counts"
            : "neither the staged schema files nor the accepted schema fit the published tables");
  }
  return is_promoted ? PromoteStaged(context, promoted->state.ir_hash) : RemoveStaged(context.root);
}

}  // namespace og::engine::graph
