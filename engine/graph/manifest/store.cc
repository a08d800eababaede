#include "engine/graph/manifest/store.h"

#include <algorithm>
#include <utility>

#include "engine/graph/errors.h"
#include "engine/graph/manifest/branch_ref.h"
#include "engine/graph/manifest/layout.h"
#include "engine/graph/manifest/view_cache.h"
#include "format/arrow/builder.h"
#include "io/base/status.h"
#include "io/base/status_macros.h"
#include "io/base/text.h"
#include "io/env/env.h"
#include "io/env/together.h"

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

// The rows of some fragments, with their addresses as the last column.
absl::StatusOr<format::RecordBatch> ReadRows(const dataset::Dataset& dataset,
                                             std::optional<std::vector<uint64_t>> fragment_ids) {
  dataset::ScanOptions options;
  options.with_row_address = true;
  options.fragment_ids = std::move(fragment_ids);
  const auto stream = dataset.Scan(options);
  OG_RETURN_IF_ERROR(FromStorage(stream.status()));
  auto rows = format::Collect(**stream);
  OG_RETURN_IF_ERROR(FromStorage(rows.status()));
  return rows;
}

absl::StatusOr<ManifestState> StateOf(std::span<const format::RecordBatch> rows) {
  absl::StatusOr<ManifestState> state = ManifestState::Reduce(rows);
  OG_RETURN_IF_ERROR(FromStorage(state.status()));
  return state;
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

// The alias that a table has before the publish.
std::string_view FormerKey(const PublishRequest& request, const TableIdentity& identity,
                           std::string_view table_key) {
  for (const TableRename& rename : request.renames) {
    if (rename.identity == identity) return rename.expected_table_key;
  }
  return table_key;
}

absl::Status BindingChanged(const TableIdentity& identity, std::string_view expected,
                            const TableEntry* entry) {
  return ReadSetChanged(io::StrCat("dataset_binding:", TableObjectId(identity)),
                        std::string(expected),
                        entry == nullptr ? std::nullopt : std::optional(entry->table_key));
}

absl::Status CheckBindings(const PublishRequest& request, const ManifestState& state) {
  for (const TableRegistration& table : request.registrations) {
    if (state.LatestVersion(table.identity) != 0) {
      return InternalFault(io::StrCat("registration of ", table.table_key, ", whose identity ",
                                      TableObjectId(table.identity), " exists"));
    }
  }
  for (const TableRename& rename : request.renames) {
    const TableEntry* const entry = state.Find(rename.identity);
    if (entry == nullptr || entry->table_key != rename.expected_table_key) {
      return BindingChanged(rename.identity, rename.expected_table_key, entry);
    }
  }
  for (const TableTombstone& tombstone : request.tombstones) {
    const TableEntry* const entry = state.Find(tombstone.identity);
    if (entry == nullptr || entry->table_key != tombstone.table_key) {
      return BindingChanged(tombstone.identity, tombstone.table_key, entry);
    }
    if (tombstone.version <= entry->version) {
      return PublishedVersionMismatch(tombstone.table_key, tombstone.version - 1, entry->version);
    }
  }
  return absl::OkStatus();
}

absl::Status CheckVersions(const PublishRequest& request, const ManifestState& state) {
  for (const TableVersion& version : request.versions) {
    const bool is_new = std::ranges::any_of(request.registrations, [&](const auto& table) {
      return table.identity == version.identity;
    });
    const TableEntry* const entry = state.Find(version.identity);
    const std::string_view former = FormerKey(request, version.identity, version.table_key);
    if (!is_new && (entry == nullptr || entry->table_key != former)) {
      return BindingChanged(version.identity, former, entry);
    }
    const auto expected = request.expected.find(version.identity);
    const uint64_t actual = state.LatestVersion(version.identity);
    if (expected != request.expected.end() && expected->second != actual) {
      return PublishedVersionMismatch(version.table_key, expected->second, actual);
    }
    // The same version on another ref: a branch takes over what it had inherited.
    const bool takes_over = entry != nullptr && version.version == actual &&
                            version.row_count == entry->row_count &&
                            version.branch != entry->branch;
    if (version.version <= actual && !takes_over) {
      return InternalFault(io::StrCat("publish of ", version.table_key, " at version ",
                                      version.version, ", which is not above ", actual));
    }
  }
  return absl::OkStatus();
}

// The rows of a request, in the order in which the reference writes them.
ManifestRows RowsOf(const PublishRequest& request, const CommitInfo& commit) {
  ManifestRows rows;
  for (const TableRegistration& table : request.registrations)
    rows.AddTable(table);
  for (const TableRename& rename : request.renames) {
    rows.AddTable(
        {rename.identity, rename.table_key, CanonicalTablePath(rename.table_key, rename.identity)});
  }
  for (const TableVersion& version : request.versions)
    rows.AddVersion(version);
  for (const TableTombstone& tombstone : request.tombstones)
    rows.AddTombstone(tombstone);
  rows.AddCommit(commit);
  rows.AddHead(commit);
  return rows;
}

// Rows `indices` of `rows`, in the schema of `like` and without the address.
format::RecordBatch TakeRows(const format::RecordBatch& rows, std::span<const int64_t> indices,
                             const format::SchemaPtr& like) {
  format::RecordBatch taken = format::Take(rows, indices);
  taken.columns.resize(like->fields.size());
  taken.schema = like;
  return taken;
}

// What a version holds after `added` went into it: `present` rows that stay, sorted into those that
// are history by then and those that are not.
absl::StatusOr<NextRows> Sort(const format::RecordBatch& present, const format::RecordBatch& added,
                              std::span<const std::string> added_ids) {
  const format::ArrayPtr ids = present.Column("object_id");
  const format::ArrayPtr addresses = present.columns.back();
  NextRows next;
  std::vector<int64_t> stay;
  for (int64_t i = 0; i < present.num_rows; ++i) {
    next.removed_addresses.push_back(addresses->Value<uint64_t>(i));
    if (std::ranges::find(added_ids, ids->StringValue(i)) == added_ids.end()) stay.push_back(i);
  }
  const format::RecordBatch staying = TakeRows(present, stay, added.schema);
  const format::RecordBatch all[] = {staying, added};
  OG_ASSIGN_OR_RETURN(const std::vector<bool> is_history, FindHistory(all));
  std::vector<int64_t> history;
  std::vector<int64_t> current;
  for (int64_t i = 0; i < staying.num_rows; ++i)
    (is_history[static_cast<size_t>(i)] ? history : current).push_back(i);
  if (!history.empty()) next.history.push_back(format::Take(staying, history));
  if (!current.empty()) next.present.push_back(format::Take(staying, current));
  next.present.push_back(added);
  return next;
}

// `rows`, which fragment `fragment_id` consists of, as a scan with addresses gives them.
format::RecordBatch WithAddresses(const format::RecordBatch& rows, uint64_t fragment_id) {
  format::FixedBuilder<uint64_t> addresses(format::Uint64());
  for (int64_t i = 0; i < rows.num_rows; ++i)
    addresses.Append(fragment_id << 32 | static_cast<uint64_t>(i));
  format::RecordBatch with = rows;
  auto schema = std::make_shared<format::Schema>(*rows.schema);
  schema->fields.push_back({"_rowaddr", format::Uint64(), false, {}});
  with.schema = std::move(schema);
  with.columns.push_back(addresses.Finish());
  return with;
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
    : env_(env), root_(graph_root.Child(kManifestFolder)), views_(std::make_shared<ViewCache>()) {}

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
  return Load(branch, std::nullopt, /*with_history=*/true);
}

absl::StatusOr<ManifestView> ManifestStore::OpenPresent(
    const std::optional<std::string>& branch) const {
  if (const auto known = views_->Find(BranchName(branch)); known != nullptr) {
    OG_ASSIGN_OR_RETURN(const bool is_current, IsCurrent(*known));
    if (is_current) return *known;
  }
  OG_ASSIGN_OR_RETURN(ManifestView view, Load(branch, std::nullopt, /*with_history=*/false));
  views_->Keep(std::make_shared<const ManifestView>(view));
  return view;
}

std::shared_ptr<const ManifestView> ManifestStore::Known(
    const std::optional<std::string>& branch) const {
  return views_->Find(BranchName(branch));
}

absl::StatusOr<ManifestView> ManifestStore::OpenAt(const std::optional<std::string>& branch,
                                                   uint64_t version) const {
  return Load(branch, version, /*with_history=*/true);
}

absl::StatusOr<ManifestView> ManifestStore::Load(const std::optional<std::string>& branch,
                                                 std::optional<uint64_t> version,
                                                 bool with_history) const {
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
    if (absl::IsNotFound(opened.status()) && branch.has_value()) {
      // Deleted, and perhaps made again, since its ref was read?
      OG_ASSIGN_OR_RETURN(const BranchIdentifier now, IdentifierOf(root_, branch));
      if (!(now == view.identifier)) continue;
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
    view.has_history = with_history;
    PresentRows present;
    if (!with_history) {
      OG_ASSIGN_OR_RETURN(present.fragments, PresentFragments(env_, root_, *view.dataset));
    }
    OG_ASSIGN_OR_RETURN(
        present.rows,
        ReadRows(*view.dataset, with_history ? std::nullopt : std::optional(present.fragments)));
    OG_ASSIGN_OR_RETURN(view.state, StateOf({&present.rows, 1}));
    if (!with_history) view.present = std::make_shared<const PresentRows>(std::move(present));
    return view;
  }
  return Conflict(io::StrCat("manifest branch '", BranchName(branch),
                             "' changed repeatedly during coherent open; retry"));
}

absl::StatusOr<bool> ManifestStore::IsCurrent(const ManifestView& view) const {
  bool is_newest = false;
  BranchIdentifier identifier;
  const auto read_identifier = [&]() -> absl::Status {
    OG_ASSIGN_OR_RETURN(identifier, IdentifierOf(root_, view.branch));
    return absl::OkStatus();
  };
  const auto look_for_next = [&]() -> absl::Status {
    const absl::StatusOr<bool> newest = dataset::IsNewest(*view.dataset);
    OG_RETURN_IF_ERROR(FromStorage(newest.status()));
    is_newest = *newest;
    return absl::OkStatus();
  };
  // Of a branch that is gone its ref is what there is to speak of: it comes first.
  OG_RETURN_IF_ERROR(io::RunTogether(env_, *root_.store, {read_identifier, look_for_next}));
  return is_newest && identifier == view.identifier;
}

absl::StatusOr<ManifestView> ManifestStore::Publish(const PublishRequest& request) const {
  for (int attempt = 0; attempt <= kPublishRetries; ++attempt) {
    OG_ASSIGN_OR_RETURN(const ManifestView view, OpenPresent(request.branch));
    OG_ASSIGN_OR_RETURN(const StagedPublish staged, Stage(request, view));
    OG_ASSIGN_OR_RETURN(std::optional<ManifestView> published, TryPublish(staged));
    if (published.has_value()) {
      staged.WriteHint();
      return *std::move(published);
    }
  }
  return Conflict(io::StrCat("manifest publish exhausted ", kPublishRetries,
                             " retries against concurrent writers"));
}

absl::StatusOr<ManifestView> ManifestStore::Publish(const PublishRequest& request,
                                                    const StagedPublish& staged) const {
  OG_ASSIGN_OR_RETURN(std::optional<ManifestView> published, TryPublish(staged));
  if (published.has_value()) return *std::move(published);
  return Publish(request);
}

absl::StatusOr<StagedPublish> ManifestStore::Stage(const PublishRequest& request,
                                                   const ManifestView& newest) const {
  OG_RETURN_IF_ERROR(CheckPrecondition(request, newest));
  OG_RETURN_IF_ERROR(CheckBindings(request, newest.state));
  OG_RETURN_IF_ERROR(CheckVersions(request, newest.state));

  CommitInfo commit = request.commit;
  commit.graph_branch = request.branch;
  commit.graph_manifest_version = newest.version() + 1;
  const CommitInfo* const parent = newest.state.NewestCommit();
  commit.parent_commit_id =
      parent == nullptr ? std::nullopt : std::optional(parent->graph_commit_id);

  ManifestRows rows = RowsOf(request, commit);
  const std::vector<std::string> object_ids = rows.object_ids();
  const format::RecordBatch added = rows.Finish();
  OG_ASSIGN_OR_RETURN(NextRows next, Sort(newest.present->rows, added, object_ids));
  std::vector<format::RecordBatch> left = next.history;
  left.insert(left.end(), next.present.begin(), next.present.end());
  StagedPublish staged;
  staged.next_.branch = newest.branch;
  staged.next_.identifier = newest.identifier;
  // Refused here is what would contradict the rows that stay: two tables of one name.
  OG_ASSIGN_OR_RETURN(staged.next_.state, StateOf(left));
  absl::StatusOr<StagedRows> update =
      StageNextRows(*newest.dataset, newest.present->fragments, std::move(next));
  OG_RETURN_IF_ERROR(FromStorage(update.status()));
  staged.present_rows_ = std::move(update->present);
  staged.files_ = update->staged.files;
  absl::StatusOr<dataset::ExactCommit> exact =
      dataset::ExactCommit::Prepare(newest.dataset, std::move(update->staged));
  OG_RETURN_IF_ERROR(FromStorage(exact.status()));
  staged.commit_ = *std::move(exact);
  OG_CRASH_POINT(env_, "graph_publish.before_commit_append");
  absl::StatusOr<std::string> transaction = staged.commit_.WriteTransaction();
  OG_RETURN_IF_ERROR(FromStorage(transaction.status()));
  staged.files_.push_back(*std::move(transaction));
  return staged;
}

absl::StatusOr<std::optional<ManifestView>> ManifestStore::TryPublish(
    const StagedPublish& staged) const {
  OG_RETURN_IF_ERROR(FromStorage(root_.store->Sync(staged.files_, env_.durability())));
  const absl::StatusOr<dataset::DatasetPtr> committed = staged.commit_.Publish();
  if (absl::IsAborted(committed.status())) {
    for (const std::string& file : staged.files_)
      root_.store->Delete(file).IgnoreError();
    return std::nullopt;
  }
  OG_RETURN_IF_ERROR(FromStorage(committed.status()));
  OG_CRASH_POINT(env_, "graph_publish.after_manifest_commit");

  ManifestView published = staged.next_;
  published.dataset = *committed;
  // The rows that were just written are the last fragment.
  const uint64_t fragment = published.dataset->manifest().fragments.back().id;
  published.present = std::make_shared<const PresentRows>(
      PresentRows{.fragments = {fragment}, .rows = WithAddresses(staged.present_rows_, fragment)});
  views_->Keep(std::make_shared<const ManifestView>(published));
  return published;
}

}  // namespace og::engine::graph
