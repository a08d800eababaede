#include "engine/graph/manifest/store.h"

#include <algorithm>
#include <utility>

#include "engine/graph/errors.h"
#include "engine/graph/field_ids.h"
#include "engine/graph/manifest/branch_ref.h"
#include "io/base/status.h"
#include "io/base/status_macros.h"
#include "io/base/text.h"
#include "io/env/env.h"

namespace og::engine::graph {
namespace {

// A named branch may be deleted and recreated between reading its ref and its manifest.
constexpr int kCoherentOpenTries = 8;

std::string_view WriterOfStamp(uint64_t stamp) {
  switch (stamp) {
    case 1:
      return "omnigraph 0.3.1 or earlier";
    case 2:
      return "omnigraph 0.4.1 to 0.6.1";
    case 3:
      return "omnigraph 0.6.2 to 0.7.2";
    case 4:
      return "omnigraph 0.8.x";
    default:
      return "the unreleased final-v5 (commit 46b6d908)";
  }
}

absl::Status OldStamp(uint64_t stamp) {
  return Conflict(io::StrCat(
      "__manifest is stamped at internal schema v", stamp, ", written by ", WriterOfStamp(stamp),
      "; this binary reads v", kInternalSchemaVersion,
      " only. Rebuild the graph: run `omnigraph export` with that release, then `omnigraph init` "
      "and `omnigraph load --mode overwrite` with this one"));
}

absl::StatusOr<BranchIdentifier> IdentifierOf(const io::Location& manifest_root,
                                              const std::optional<std::string>& branch) {
  if (!branch.has_value()) return BranchIdentifier{};
  OG_ASSIGN_OR_RETURN(const std::optional<BranchRef> ref, ReadBranchRef(manifest_root, *branch));
  if (!ref.has_value()) return NotFound(io::StrCat("branch '", *branch, "' not found"));
  return ref->identifier;
}

absl::StatusOr<ManifestState> ReadState(const dataset::Dataset& dataset) {
  dataset::ScanOptions options;
  options.with_row_id = true;
  options.with_row_address = true;
  OG_ASSIGN_OR_RETURN(const auto stream, dataset.Scan(options));
  std::vector<format::RecordBatch> batches;
  for (;;) {
    OG_ASSIGN_OR_RETURN(auto batch, stream->Next());
    if (!batch.has_value()) break;
    batches.push_back(*std::move(batch));
  }
  return ManifestState::Reduce(batches);
}

absl::Status CheckPrecondition(const PublishRequest& request, const ManifestView& view) {
  if (!request.precondition.has_value()) return absl::OkStatus();
  const ExactHead& expected = *request.precondition;
  const std::string_view name = BranchName(request.branch);
  if (!(view.identifier == expected.identifier)) {
    return ReadSetChanged(io::StrCat("branch_identifier:", name),
                          EncodeBranchIdentifier(expected.identifier),
                          EncodeBranchIdentifier(view.identifier));
  }
  if (view.head() != expected.head) {
    return ReadSetChanged(io::StrCat("graph_head:", name), expected.head, view.head());
  }
  return absl::OkStatus();
}

absl::Status CheckVersions(const PublishRequest& request, const ManifestState& state) {
  for (const TableVersion& version : request.versions) {
    const TableEntry* entry = state.Find(version.identity);
    if (entry == nullptr || entry->table_key != version.table_key) {
      return ReadSetChanged(io::StrCat("dataset_binding:", TableObjectId(version.identity)),
                            version.table_key,
                            entry == nullptr ? std::nullopt : std::optional(entry->table_key));
    }
    const auto expected = request.expected.find(version.identity);
    const uint64_t actual = state.LatestVersion(version.identity);
    if (expected != request.expected.end() && expected->second != actual) {
      return PublishedVersionMismatch(version.table_key, expected->second, actual);
    }
    if (version.version <= actual) {
      return InternalFault(io::StrCat("publish of ", version.table_key, " at version ",
                                      version.version, ", which is not above ", actual));
    }
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status CheckStamp(const std::map<std::string, std::string>& metadata,
                        bool has_identity_columns) {
  const auto found = metadata.find(std::string(kStampKey));
  if (found == metadata.end()) {
    if (!has_identity_columns) return OldStamp(1);
    return Conflict(
        "__manifest has no internal schema stamp although its columns are those of v6: an "
        "interrupted init or damaged metadata, which cannot be told apart; restore it or rebuild "
        "the graph");
  }
  const std::optional<uint64_t> stamp = io::ParseUint64(found->second);
  if (!stamp.has_value()) {
    return Conflict(
        io::StrCat("__manifest carries an unreadable internal schema stamp '", found->second, "'"));
  }
  if (*stamp > kInternalSchemaVersion) {
    return Conflict(io::StrCat("__manifest is stamped at internal schema v", *stamp,
                               " but this binary expects v", kInternalSchemaVersion,
                               " \u2014 upgrade omnigraph before opening this graph"));
  }
  return *stamp == kInternalSchemaVersion ? absl::OkStatus() : OldStamp(*stamp);
}

ManifestStore::ManifestStore(io::Env& env, const io::Location& graph_root)
    : env_(env), root_(graph_root.Child(kManifestFolder)) {}

absl::StatusOr<dataset::DatasetPtr> ManifestStore::Create(ManifestRows rows) const {
  auto schema = std::make_shared<format::Schema>(*ManifestSchema());
  schema->metadata[std::string(kStampKey)] = io::StrCat(kInternalSchemaVersion);
  format::RecordBatch batch = rows.Finish();
  batch.schema = schema;
  std::vector<format::RecordBatch> batches;
  batches.push_back(std::move(batch));
  const auto stream = format::MakeStream(schema, std::move(batches));
  OG_ASSIGN_OR_RETURN(const dataset::StagedTransaction staged,
                      dataset::Dataset::StageCreate(env_, root_, schema, stream.get(), {}));
  return dataset::Dataset::CommitCreate(env_, root_, staged);
}

absl::StatusOr<ManifestView> ManifestStore::Open(const std::optional<std::string>& branch) const {
  return Load(branch, std::nullopt);
}

absl::StatusOr<ManifestView> ManifestStore::OpenAt(const std::optional<std::string>& branch,
                                                   uint64_t version) const {
  return Load(branch, version);
}

absl::StatusOr<ManifestView> ManifestStore::Load(const std::optional<std::string>& branch,
                                                 std::optional<uint64_t> version) const {
  for (int attempt = 0; attempt < kCoherentOpenTries; ++attempt) {
    ManifestView view;
    view.branch = branch;
    OG_ASSIGN_OR_RETURN(view.identifier, IdentifierOf(root_, branch));
    dataset::OpenOptions options;
    options.version = version;
    options.branch = branch.value_or("");
    const absl::StatusOr<dataset::DatasetPtr> opened = dataset::Dataset::Open(env_, root_, options);
    if (absl::IsNotFound(opened.status()) && !branch.has_value() && !version.has_value()) {
      return NotFound(io::StrCat("no graph at ", root_.Uri(), ": there is no __manifest"));
    }
    OG_RETURN_IF_ERROR(FromStorage(opened.status()));
    view.dataset = *opened;
    const format::Schema& schema = *view.dataset->schema();
    OG_RETURN_IF_ERROR(
        CheckStamp(schema.metadata, schema.IndexOf("stable_table_id").has_value() &&
                                        schema.IndexOf("table_incarnation_id").has_value()));
    if (branch.has_value()) {
      OG_ASSIGN_OR_RETURN(const BranchIdentifier after, IdentifierOf(root_, branch));
      if (!(after == view.identifier)) continue;
    }
    absl::StatusOr<ManifestState> state = ReadState(*view.dataset);
    OG_RETURN_IF_ERROR(FromStorage(state.status()));
    view.state = *std::move(state);
    return view;
  }
  return Conflict(io::StrCat("manifest branch '", BranchName(branch),
                             "' changed repeatedly during coherent open; retry"));
}

absl::StatusOr<bool> ManifestStore::IsCurrent(const ManifestView& view) const {
  const absl::StatusOr<uint64_t> latest = view.dataset->LatestVersion();
  OG_RETURN_IF_ERROR(FromStorage(latest.status()));
  if (*latest != view.version()) return false;
  OG_ASSIGN_OR_RETURN(const BranchIdentifier identifier, IdentifierOf(root_, view.branch));
  return identifier == view.identifier;
}

absl::StatusOr<ManifestView> ManifestStore::Publish(const PublishRequest& request) const {
  for (int attempt = 0; attempt <= kPublishRetries; ++attempt) {
    OG_ASSIGN_OR_RETURN(std::optional<ManifestView> published, TryPublish(request));
    if (published.has_value()) return *std::move(published);
  }
  return Conflict(io::StrCat("manifest publish exhausted ", kPublishRetries,
                             " retries against concurrent writers"));
}

// nullopt: another publisher made the version that this one wanted to make.
absl::StatusOr<std::optional<ManifestView>> ManifestStore::TryPublish(
    const PublishRequest& request) const {
  OG_ASSIGN_OR_RETURN(const ManifestView view, Open(request.branch));
  OG_RETURN_IF_ERROR(CheckPrecondition(request, view));
  OG_RETURN_IF_ERROR(CheckVersions(request, view.state));

  CommitInfo commit = request.commit;
  commit.graph_branch = request.branch;
  commit.graph_manifest_version = view.version() + 1;
  const CommitInfo* const parent = view.state.NewestCommit();
  commit.parent_commit_id =
      parent == nullptr ? std::nullopt : std::optional(parent->graph_commit_id);

  // The replaced head row comes first: the first rows keep the row ids of what they replace.
  ManifestRows rows;
  rows.AddHead(commit);
  rows.AddCommit(commit);
  for (const TableVersion& version : request.versions)
    rows.AddVersion(version);
  const format::RecordBatch batch = rows.Finish();
  const auto stream = format::MakeStream(batch.schema, {batch});

  dataset::UpdateRequest update;
  update.rows = stream.get();
  if (const auto head = view.state.HeadRow(request.branch); head.has_value()) {
    update.removed_addresses.push_back(head->address);
    update.moved_row_ids.push_back(head->row_id);
  }
  OG_ASSIGN_OR_RETURN(update.inserted_rows,
                      view.dataset->InsertedRowsFilter(batch, "object_id", std::nullopt));
  update.fields_for_preserving_frag_bitmap = AllFieldIds(view.dataset->lance_schema());
  OG_ASSIGN_OR_RETURN(const dataset::StagedTransaction staged, view.dataset->StageUpdate(update));

  OG_CRASH_POINT(env_, "graph_publish.before_commit_append");
  const absl::StatusOr<dataset::DatasetPtr> committed = view.dataset->CommitExact(staged);
  if (absl::IsAborted(committed.status())) {
    view.dataset->Discard(staged);
    return std::nullopt;
  }
  OG_RETURN_IF_ERROR(FromStorage(committed.status()));
  OG_CRASH_POINT(env_, "graph_publish.after_manifest_commit");

  ManifestView published;
  published.branch = view.branch;
  published.identifier = view.identifier;
  published.dataset = *committed;
  absl::StatusOr<ManifestState> state = ReadState(*published.dataset);
  OG_RETURN_IF_ERROR(FromStorage(state.status()));
  published.state = *std::move(state);
  return published;
}

}  // namespace og::engine::graph
