#include "engine/graph/merge/merge.h"

#include <algorithm>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/graph/branch/table_fork.h"
#include "engine/graph/contract_store.h"
#include "engine/graph/errors.h"
#include "engine/graph/field_ids.h"
#include "engine/graph/keyed_write.h"
#include "engine/graph/manifest/branch_ref.h"
#include "engine/graph/merge/merge_base.h"
#include "engine/graph/merge/row_values.h"
#include "engine/graph/merge/sides.h"
#include "engine/graph/merge/table_merge.h"
#include "engine/graph/merge/validation.h"
#include "engine/graph/recovery/sweep.h"
#include "engine/graph/write_session.h"
#include "format/arrow/builder.h"
#include "io/base/error_detail.h"
#include "io/base/json_writer.h"
#include "io/base/status.h"
#include "io/base/status_macros.h"
#include "io/base/text.h"

namespace og::engine::graph {
namespace {

constexpr int kMergeTries = 8;
constexpr char kInsertAbsence[] = "omnigraph.insert_absence";
constexpr char kInsertAbsenceVersion[] = "v1";
// Conflicts whose values an error shows, and ids that a recorded predicate lists.
constexpr size_t kShownConflictsMax = 10;
constexpr size_t kPredicateIdsMax = 8192;

std::string ConflictText(const MergeConflict& conflict) {
  std::string text = Subject(conflict.table_key);
  if (conflict.entity_id.has_value()) text += io::StrCat(", entity id '", *conflict.entity_id, "'");
  return io::StrCat(text, " (", conflict.kind, "): ", conflict.message);
}

std::string ValuesText(const MergeConflict& conflict) {
  std::vector<std::string> parts;
  for (const MergeConflictField& field : conflict.fields) {
    parts.push_back(io::StrCat(field.property, ": base ", field.base, ", source ", field.source,
                               ", target ", field.target));
  }
  return io::StrCat(Subject(conflict.table_key), " '", conflict.entity_id.value_or(""),
                    "': ", io::Join(parts, "; "));
}

std::string ConflictsJson(const std::vector<MergeConflict>& conflicts) {
  io::JsonWriter json;
  const auto text = [&json](std::string_view key, std::string_view value) {
    json.Key(key);
    json.String(value);
  };
  json.BeginArray();
  for (const MergeConflict& conflict : conflicts) {
    const size_t colon = conflict.table_key.find(':');
    json.BeginObject();
    text("entity_kind", std::string_view(conflict.table_key).substr(0, colon));
    text("type_name", std::string_view(conflict.table_key).substr(colon + 1));
    json.Key("entity_id");
    conflict.entity_id ? json.String(*conflict.entity_id) : json.Null();
    text("kind", conflict.kind);
    text("message", conflict.message);
    json.EndObject();
  }
  json.EndArray();
  return std::move(json).Finish();
}

absl::Status ConflictsError(const std::vector<MergeConflict>& conflicts) {
  std::vector<std::string> texts;
  io::ErrorDetail detail{.kind = io::ErrorKind::kMergeConflicts,
                         .code = "merge_conflicts",
                         .fields = {{"merge_conflicts", ConflictsJson(conflicts)}}};
  for (const MergeConflict& conflict : conflicts) {
    texts.push_back(ConflictText(conflict));
    if (!conflict.fields.empty() && detail.fields.size() <= kShownConflictsMax) {
      detail.fields.emplace_back("cause", ValuesText(conflict));
    }
  }
  return io::DetailedError(std::move(detail),
                           io::StrCat("merge conflicts: ", io::Join(texts, "; ")));
}

// "id IN ('a', 'b')": how a deletion is described in its transaction; nothing for too many.
std::string PredicateOf(const std::vector<RemovedRow>& rows) {
  if (rows.size() > kPredicateIdsMax) return "";
  std::vector<std::string> ids;
  for (const RemovedRow& row : rows) {
    std::string quoted = "'";
    for (const char c : row.id)
      quoted.append(c == '\'' ? 2 : 1, c);
    ids.push_back(quoted + "'");
  }
  return io::StrCat("id IN (", io::Join(ids, ", "), ")");
}

// The transaction that makes the target's table of `merge`. The target's rows keep their row ids.
absl::StatusOr<dataset::StagedTransaction> StageTable(io::Env& env, const TableMerge& merge,
                                                      dataset::DatasetPtr source,
                                                      const dataset::Dataset& target) {
  dataset::WriteOptions write;
  write.uuid = io::StrCat("omnigraph-merge-", env.NewUlid());
  if (merge.taken.empty()) {
    std::vector<uint64_t> addresses;
    for (const RemovedRow& row : merge.removed)
      addresses.push_back(row.target);
    return target.StageDelete(addresses, PredicateOf(merge.removed), write);
  }
  dataset::UpdateRequest update;
  std::vector<uint64_t> rows;
  for (const TakenRow& row : merge.taken) {
    if (!row.replaced.has_value()) continue;
    rows.push_back(row.source);
    update.removed_addresses.push_back(*row.replaced);
  }
  if (!rows.empty()) {
    dataset::TakeOptions options;
    options.columns.emplace();
    options.with_row_id = true;
    OG_ASSIGN_OR_RETURN(const format::RecordBatch ids,
                        target.Take(update.removed_addresses, options));
    const format::ArrayPtr row_ids = ids.Column("_rowid");
    for (int64_t i = 0; i < ids.num_rows; ++i)
      update.moved_row_ids.push_back(row_ids->Value<uint64_t>(i));
  }
  format::StringBuilder inserted(format::Utf8());
  for (const TakenRow& row : merge.taken) {
    if (row.replaced.has_value()) continue;
    rows.push_back(row.source);
    inserted.Append(row.id);
  }
  for (const RemovedRow& row : merge.removed)
    update.removed_addresses.push_back(row.target);
  if (merge.num_inserts() > 0) {
    auto schema = std::make_shared<format::Schema>();
    schema->fields.push_back({"id", format::Utf8(), false, {}});
    const auto num_rows = static_cast<int64_t>(merge.num_inserts());
    const format::ArrayPtr ids = inserted.Finish();
    OG_ASSIGN_OR_RETURN(format::KeyExistenceFilter keys,
                        target.InsertedRowsFilter({schema, num_rows, {ids}}, "id", std::nullopt));
    update.inserted_rows = SmallKeyFilter(std::move(keys), *ids);
  }
  // Indexes have neither the new rows nor the new values of the others.
  update.fields_for_preserving_frag_bitmap = AllFieldIds(target.lance_schema());
  if (update.removed_addresses.empty()) write.properties[kInsertAbsence] = kInsertAbsenceVersion;
  update.write = std::move(write);
  const auto stream = StreamRows(std::move(source), std::move(rows));
  update.rows = stream.get();
  return target.StageUpdate(update);
}

// One attempt: everything from one state of the two branches.
class Merge {
 public:
  Merge(const GraphContext& context, const MergeOptions& options, WriteBase target,
        ManifestView source, ReadPins::Pin source_pin)
      : context_(context),
        options_(options),
        target_(std::move(target)),
        source_(std::move(source)),
        source_pin_(std::move(source_pin)) {}

  absl::StatusOr<MergeResult> Run() {
    OG_RETURN_IF_ERROR(FindBase());
    if (result_.outcome == MergeOutcome::kAlreadyUpToDate) return std::move(result_);
    OG_CRASH_POINT(context_.env, "branch_merge.post_authority_capture");
    MergeSides sides(context_, *base_, source_, target_.manifest);
    OG_RETURN_IF_ERROR(Classify(sides));
    if (result_.conflicts.empty()) {
      OG_ASSIGN_OR_RETURN(result_.conflicts,
                          ValidateMerge(*target_.schema.catalog, sides, merges_));
    }
    OG_CRASH_POINT(context_.env, "branch_merge.post_candidate_validation");
    if (options_.dry_run) return std::move(result_);
    if (!result_.conflicts.empty()) return ConflictsError(result_.conflicts);
    OG_RETURN_IF_ERROR(Commit(sides));
    return std::move(result_);
  }

 private:
  static absl::StatusOr<std::string> HeadOf(const ManifestView& view, std::string_view side) {
    if (const auto exact = view.head(); exact.has_value()) return *exact;
    const CommitInfo* const newest = view.state.NewestCommit();
    if (newest == nullptr) return BadRequest(io::StrCat(side, " branch has no head commit"));
    return newest->graph_commit_id;
  }

  absl::Status FindBase() {
    OG_ASSIGN_OR_RETURN(source_head_, HeadOf(source_, "source"));
    OG_ASSIGN_OR_RETURN(const std::string target_head, HeadOf(target_.manifest, "target"));
    const std::optional<CommitInfo> base = FindMergeBase(
        source_.state.commits(), target_.manifest.state.commits(), source_head_, target_head);
    if (!base.has_value()) {
      return BadRequest("captured branch commits are unavailable or have no common ancestor");
    }
    if (base->graph_commit_id == source_head_) return absl::OkStatus();
    if (base->graph_commit_id == target_head) {
      result_.outcome = MergeOutcome::kFastForward;
      base_ = &target_.manifest;
      return absl::OkStatus();
    }
    result_.outcome = MergeOutcome::kMerged;
    const StateBinding binding = BindState(context_);
    OG_ASSIGN_OR_RETURN(base_view_,
                        context_.manifest.OpenAt(base->graph_branch, base->graph_manifest_version));
    base_pin_ = PinState(context_, base_view_);
    base_ = &base_view_;
    if (base_view_.head() != base->graph_commit_id) {
      return Conflict(io::StrCat("merge base '", base->graph_commit_id,
                                 "' belongs to an earlier incarnation of branch '",
                                 BranchName(base->graph_branch), "'"));
    }
    return absl::OkStatus();
  }

  // kReadSetChanged if the source has gone since, or is another branch under its name. That it has
  // moved on does not matter: what was captured is merged.
  absl::Status CheckSource() const {
    if (!source_.branch.has_value()) return absl::OkStatus();
    OG_ASSIGN_OR_RETURN(const auto ref, ReadBranchRef(context_.manifest.root(), *source_.branch));
    if (ref.has_value() && ref->identifier == source_.identifier) return absl::OkStatus();
    return ReadSetChanged(
        io::StrCat("branch_identifier:", *source_.branch),
        EncodeBranchIdentifier(source_.identifier),
        ref.has_value() ? std::optional(EncodeBranchIdentifier(ref->identifier)) : std::nullopt);
  }

  // A table that the target can take as the source has it, without a row being copied.
  bool MayAdopt(const TableEntry& source, const TableEntry& target) const {
    const std::optional<std::string>& branch = target_.manifest.branch;
    return branch.has_value() && !source.branch.has_value() && target.branch != branch &&
           source.version > target_.manifest.state.LatestVersion(target.identity);
  }

  absl::Status Classify(MergeSides& sides) {
    std::set<std::string> keys;
    for (const ManifestView* view : {base_, &source_, &target_.manifest}) {
      for (const TableEntry& table : view->state.tables())
        keys.insert(table.table_key);
    }
    for (const std::string& key : keys) {
      const TableEntry* const base = base_->state.Find(key);
      const TableEntry* const source = source_.state.Find(key);
      const TableEntry* const target = target_.manifest.state.Find(key);
      if (SameState(source, target) || SameState(source, base)) continue;
      if (base == nullptr || source == nullptr || target == nullptr ||
          !(base->identity == source->identity) || !(base->identity == target->identity)) {
        return ReadSetChanged(io::StrCat("branch_merge_dataset_identity:", key), std::nullopt,
                              std::nullopt);
      }
      OG_ASSIGN_OR_RETURN(TableMerge merge, MergeTable(sides, key));
      std::ranges::move(merge.conflicts, std::back_inserter(result_.conflicts));
      const bool is_adopted = SameState(base, target) && MayAdopt(*source, *target);
      if (merge.empty() && !is_adopted) continue;
      if (is_adopted) pointers_.push_back({.entry = *target, .adopted = *source});
      const uint64_t inserts = merge.num_inserts();
      result_.tables.push_back({.table_key = key,
                                .is_adopted = is_adopted,
                                .inserts = inserts,
                                .updates = merge.taken.size() - inserts,
                                .deletes = merge.removed.size()});
      merges_.push_back(std::move(merge));
    }
    return absl::OkStatus();
  }

  bool IsAdopted(const std::string& table_key) const {
    return std::ranges::any_of(pointers_, [&](const PointerChange& pointer) {
      return pointer.entry.table_key == table_key;
    });
  }

  absl::Status Commit(MergeSides& sides) {
    WriteIntent intent;
    intent.kind = WriterKind::kBranchMerge;
    intent.actor_id = options_.actor_id;
    intent.merged_parent_commit_id = source_head_;
    intent.pointers = pointers_;
    intent.still_holds = [this] { return CheckSource(); };
    for (const TableMerge& merge : merges_) {
      if (IsAdopted(merge.table_key)) continue;
      const absl::Status staged = Stage(sides, merge, intent);
      if (!staged.ok()) {
        DiscardWrite(intent);
        return staged;
      }
    }
    OG_ASSIGN_OR_RETURN(result_.commit, CommitWrite(context_, target_, std::move(intent)));
    return absl::OkStatus();
  }

  absl::Status Stage(MergeSides& sides, const TableMerge& merge, WriteIntent& intent) const {
    const TableEntry& entry = *target_.manifest.state.Find(merge.table_key);
    OG_ASSIGN_OR_RETURN(const dataset::DatasetPtr source,
                        sides.Open(*source_.state.Find(merge.table_key)));
    OG_ASSIGN_OR_RETURN(dataset::DatasetPtr target,
                        OpenForWrite(context_, target_.manifest.branch, entry));
    absl::StatusOr<dataset::StagedTransaction> staged =
        StageTable(context_.env, merge, source, *target);
    OG_RETURN_IF_ERROR(FromStorage(staged.status()));
    intent.tables.push_back(
        {.entry = entry, .dataset = std::move(target), .staged = *std::move(staged)});
    return absl::OkStatus();
  }

  const GraphContext& context_;
  const MergeOptions& options_;
  const WriteBase target_;
  const ManifestView source_;
  const ReadPins::Pin source_pin_;
  ManifestView base_view_;
  ReadPins::Pin base_pin_;
  const ManifestView* base_ = nullptr;
  std::string source_head_;
  std::vector<TableMerge> merges_;  // by key, adopted ones too
  std::vector<PointerChange> pointers_;
  MergeResult result_;
};

absl::Status Heal(const GraphContext& context, const std::optional<std::string>& source,
                  const std::optional<std::string>& target) {
  OG_ASSIGN_OR_RETURN(const SweepResult swept,
                      SweepRecords(context, SweepMode::kRollForwardOnly, {&target, 1}));
  OG_RETURN_IF_ERROR(CheckUnresolved(swept.unresolved, source));
  return CheckUnresolved(swept.unresolved, target);
}

bool IsRace(const absl::Status& status) {
  const std::optional<io::ErrorDetail> detail = io::DetailOf(status);
  return detail.has_value() && detail->kind == io::ErrorKind::kReadSetChanged;
}

}  // namespace

absl::StatusOr<MergeResult> MergeBranches(const GraphContext& context,
                                          const MergeOptions& options) {
  if (IsSystemBranch(options.source) || IsSystemBranch(options.target)) {
    return BadRequest(io::StrCat("branch_merge does not allow internal system refs ('",
                                 options.source, "' -> '", options.target, "')"));
  }
  OG_ASSIGN_OR_RETURN(const std::optional<std::string> source, NormalizeBranch(options.source));
  OG_ASSIGN_OR_RETURN(const std::optional<std::string> target, NormalizeBranch(options.target));
  if (source == target) {
    return BadRequest("branch_merge requires distinct source and target branches");
  }
  if (!options.dry_run) OG_RETURN_IF_ERROR(Heal(context, source, target));
  for (int attempt = 1;; ++attempt) {
    OG_ASSIGN_OR_RETURN(WriteBase base, PrepareWrite(context, target));
    // A write needs the present state only, a merge the commits that led to it.
    OG_ASSIGN_OR_RETURN(ManifestView history, context.manifest.Open(target));
    const bool same = history.identifier == base.manifest.identifier &&
                      history.version() == base.manifest.version();
    if (!same && attempt < kMergeTries) continue;
    if (!same) {
      return ReadSetChanged(io::StrCat("branch_merge_target:", BranchName(target)),
                            io::StrCat(base.manifest.version()), io::StrCat(history.version()));
    }
    history.present = std::move(base.manifest.present);
    base.manifest = std::move(history);
    StateBinding binding = BindState(context);
    OG_ASSIGN_OR_RETURN(ManifestView view, context.manifest.Open(source));
    ReadPins::Pin pin = PinState(context, view);
    binding = {};
    OG_RETURN_IF_ERROR(CheckTables(base.schema.ir, view.state.tables(), view.version()));
    absl::StatusOr<MergeResult> result =
        Merge(context, options, std::move(base), std::move(view), std::move(pin)).Run();
    if (result.ok() || !IsRace(result.status()) || attempt == kMergeTries) return result;
  }
}

}  // namespace og::engine::graph
