#include "engine/graph/verify/verify.h"

#include <algorithm>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string_view>
#include <utility>

#include "engine/dataset/checking_session.h"
#include "engine/graph/context.h"
#include "engine/graph/contract_store.h"
#include "engine/graph/errors.h"
#include "engine/graph/load/integrity.h"
#include "engine/graph/manifest/branch_ref.h"
#include "engine/graph/snapshot.h"
#include "engine/graph/verify/left_overs.h"
#include "engine/graph/verify/table_check.h"
#include "io/base/error_detail.h"
#include "io/base/status.h"
#include "io/base/status_macros.h"
#include "io/base/text.h"

namespace og::engine::graph {
namespace {

constexpr std::string_view kRestore =
    "restore the graph from a copy, or export what can still be read and load it into a new one";
constexpr std::string_view kReopen = "the next command that writes to the graph resolves it";
constexpr std::string_view kRepair = "run `omnigraph repair`";
constexpr std::string_view kCleanup =
    "harmless; `omnigraph cleanup` removes refs that no branch reads, and files after a week";

// Whether what is stored is wrong, rather than absent, of another release, or out of reach now.
bool IsDamage(const absl::Status& status) {
  const std::optional<io::ErrorDetail> detail = io::DetailOf(status);
  if (!detail.has_value()) return true;
  return detail->kind == io::ErrorKind::kInternal ||
         (detail->kind == io::ErrorKind::kStorage && detail->code == "permanent");
}

class Verifier {
 public:
  Verifier(io::Env& env, const io::Location& root, const VerifyOptions& options)
      : context_(env, root),
        options_(options),
        session_(options.deep ? dataset::MakeCheckingSession() : context_.session) {}

  absl::StatusOr<VerifyReport> Run() {
    OG_RETURN_IF_ERROR(OpenBranches());
    CheckSchema();
    CheckRecords();
    for (const ManifestView& view : views_) {
      if (!IsWanted(view)) continue;
      const size_t num_findings = report_.findings.size();
      CheckBranch(view);
      // A branch that was deleted meanwhile took what it read with it.
      if (report_.findings.size() > num_findings && !IsStillThere(view)) {
        report_.findings.resize(num_findings);
        continue;
      }
      report_.branches.emplace_back(BranchName(view.branch));
    }
    if (options_.deep && records_.empty() && readable_) CheckLeftOvers();
    return std::move(report_);
  }

 private:
  bool IsWanted(const ManifestView& view) const {
    return options_.all_branches || view.branch == wanted_;
  }

  bool IsStillThere(const ManifestView& view) const {
    if (!view.branch.has_value()) return true;
    const auto ref = ReadBranchRef(context_.manifest.root(), *view.branch);
    return !ref.ok() || (ref->has_value() && (*ref)->identifier == view.identifier);
  }

  absl::Status OpenBranches() {
    OG_ASSIGN_OR_RETURN(wanted_, NormalizeBranch(options_.branch));
    const StateBinding binding = BindState(context_);
    absl::StatusOr<ManifestView> main = context_.manifest.Open(std::nullopt);
    if (main.ok()) {
      pins_.push_back(PinState(context_, *main));
      views_.push_back(*std::move(main));
    } else if (IsDamage(main.status())) {
      AddUnreadable("main", main.status());
    } else {
      return main.status();
    }
    OG_ASSIGN_OR_RETURN(const auto names, ListBranchRefs(context_.manifest.root()));
    if (wanted_.has_value() && std::ranges::count(names, *wanted_) == 0) {
      return NotFound(io::StrCat("branch '", *wanted_, "' not found"));
    }
    for (const std::string& name : names) {
      if (IsSystemBranch(name)) {
        Add(Severity::kNotice, "main", "graph", "schema_apply",
            "a schema change is under way or was interrupted: its lock branch exists",
            std::string(kReopen));
        continue;
      }
      absl::StatusOr<ManifestView> view = context_.manifest.Open(name);
      if (view.ok()) {
        pins_.push_back(PinState(context_, *view));
        views_.push_back(*std::move(view));
        continue;
      }
      if (name == wanted_ && !IsDamage(view.status())) return view.status();
      OG_ASSIGN_OR_RETURN(const auto ref, ReadBranchRef(context_.manifest.root(), name));
      if (!ref.has_value()) continue;  // deleted since it was listed
      AddUnreadable(name, view.status());
    }
    return absl::OkStatus();
  }

  void AddUnreadable(std::string_view branch, const absl::Status& status) {
    readable_ = false;
    Add(Severity::kDamage, branch, "graph", "manifest", std::string(io::Message(status)),
        std::string(kRestore));
  }

  void Add(Severity severity, std::string_view branch, std::string_view subject,
           std::string_view check, std::string message, std::string remedy) {
    report_.findings.push_back({.severity = severity,
                                .branch = std::string(branch),
                                .subject = std::string(subject),
                                .check = std::string(check),
                                .message = std::move(message),
                                .remedy = std::move(remedy)});
  }

  void CheckSchema() {
    absl::StatusOr<AcceptedSchema> schema = ReadContract(context_.root);
    if (!schema.ok()) {
      Add(Severity::kDamage, "main", "graph", "schema", std::string(io::Message(schema.status())),
          std::string(kRestore));
      return;
    }
    schema_ = *std::move(schema);
    const absl::StatusOr<bool> staged = HasStagedContract(context_.root);
    if (staged.ok() && *staged) {
      Add(Severity::kNotice, "main", "graph", "schema_apply",
          "a schema change was interrupted: staged schema files exist", std::string(kReopen));
    }
  }

  void CheckRecords() {
    const auto ids = context_.records.List();
    if (!ids.ok()) {
      Add(Severity::kDamage, "main", "graph", "records", std::string(io::Message(ids.status())),
          std::string(kRestore));
      return;
    }
    for (const std::string& id : *ids) {
      const auto record = context_.records.Read(id);
      if (!record.ok()) {
        Add(Severity::kDamage, "main", io::StrCat("__recovery/", id, ".json"), "records",
            std::string(io::Message(record.status())),
            "look at the record; removed, its tables show as drift, which `omnigraph repair` "
            "publishes");
        records_.push_back({});
      } else if (record->has_value()) {
        Add(Severity::kNotice, BranchName((*record)->branch),
            io::StrCat("__recovery/", id, ".json"), "records",
            io::StrCat("a ", WriterKindName((*record)->kind), " has not finished, or is under way"),
            std::string(kReopen));
        records_.push_back(**record);
      }
    }
  }

  bool OwnedByRecord(const TableEntry& entry) const {
    return std::ranges::any_of(records_, [&](const RecoveryRecord& record) {
      return std::ranges::any_of(record.tables, [&](const RecordedTable& table) {
        return table.identity == entry.identity && table.branch == entry.branch;
      });
    });
  }

  void CheckBranch(const ManifestView& view) {
    const std::string branch(BranchName(view.branch));
    if (schema_.has_value()) {
      const absl::Status agrees = CheckTables(schema_->ir, view.state.tables(), view.version());
      if (!agrees.ok()) {
        Add(Severity::kDamage, branch, "graph", "schema", std::string(io::Message(agrees)),
            std::string(kRestore));
      }
    }
    std::vector<std::pair<TableEntry, dataset::DatasetPtr>> tables;
    bool complete = true;
    for (const TableEntry& entry : view.state.tables()) {
      const absl::StatusOr<dataset::DatasetPtr> table =
          OpenPinned(context_.env, context_.root, entry, session_);
      if (!table.ok()) {
        complete = false;
        Add(Severity::kDamage, branch, entry.table_key, "open",
            std::string(io::Message(table.status())), std::string(kRestore));
        continue;
      }
      CheckPin(branch, entry, **table);
      tables.emplace_back(entry, *table);
      // Tables that branches share are looked at once.
      if (!seen_.insert({entry.identity, entry.branch, entry.version}).second) continue;
      ++report_.num_tables;
      report_.num_fragments += (*table)->manifest().fragments.size();
      report_.num_rows += (*table)->num_rows();
      CheckTableStructure(**table, entry, Reporter(branch, entry));
      if (options_.deep) CheckTableIndexes(**table, Reporter(branch, entry));
    }
    if (options_.deep && complete && schema_.has_value()) CheckContent(branch, tables);
  }

  ReportFn Reporter(const std::string& branch, const TableEntry& entry) {
    return [this, branch, key = entry.table_key](std::string_view check, std::string message) {
      Add(Severity::kDamage, branch, key, check, std::move(message), std::string(kRestore));
    };
  }

  void CheckPin(const std::string& branch, const TableEntry& entry, const dataset::Dataset& table) {
    const absl::StatusOr<uint64_t> head = table.LatestVersion();
    if (!head.ok()) {
      Add(Severity::kDamage, branch, entry.table_key, "head",
          std::string(io::Message(head.status())), std::string(kRestore));
    } else if (*head < entry.version) {
      Add(Severity::kDamage, branch, entry.table_key, "head",
          io::StrCat("its newest version is ", *head, ", below the published ", entry.version),
          std::string(kRestore));
    } else if (*head > entry.version && HasOwnRef(branch, entry)) {
      const bool owned = OwnedByRecord(entry);
      Add(Severity::kNotice, branch, entry.table_key, "head",
          io::StrCat("its newest version is ", *head, ", above the published ", entry.version,
                     owned ? "; the pending recovery operation owns this drift" : ""),
          std::string(owned ? kReopen : kRepair));
    }
    const std::string path = MetadataOf(context_, table).manifest_path;
    if (path != entry.metadata.manifest_path) {
      Add(Severity::kNotice, branch, entry.table_key, "manifest_path",
          io::StrCat("is published as ", entry.metadata.manifest_path, " and lies at ", path),
          "the graph was moved: its branches cannot be read at another place");
    }
  }

  // A ref that a branch inherits may go on without it.
  static bool HasOwnRef(const std::string& branch, const TableEntry& entry) {
    return BranchName(entry.branch) == branch;
  }

  // Values one by one, then what must hold across rows.
  void CheckContent(const std::string& branch,
                    const std::vector<std::pair<TableEntry, dataset::DatasetPtr>>& tables) {
    Integrity integrity(
        context_.env, schema_->catalog, LoadMode::kOverwrite,
        context_.env.memory()->NewChild("verify", context_.env.memory()->limit() / 4));
    std::map<std::string, dataset::DatasetPtr> by_key;
    bool complete = true;
    for (const auto& [entry, table] : tables) {
      by_key.emplace(entry.table_key, table);
      complete = CheckTableValues(*table, entry, *schema_->catalog, Reporter(branch, entry),
                                  [&, key = entry.table_key](const format::RecordBatch& batch) {
                                    return integrity.AddInput(key, batch, false);
                                  }) &&
                 complete;
    }
    if (!complete) return;
    const absl::Status holds = integrity.Finish(
        [&by_key](const RowRef& row,
                  const std::vector<std::string>& columns) -> absl::StatusOr<format::RecordBatch> {
          dataset::TakeOptions options;
          options.columns = columns;
          const uint64_t offsets[] = {row.row};
          return by_key.at(row.table_key)->TakeOffsets(offsets, options);
        });
    if (!holds.ok()) {
      Add(Severity::kDamage, branch, "graph", "integrity", std::string(io::Message(holds)),
          "correct the entities on the branch, or export, correct and load them");
    }
  }

  void CheckLeftOvers() {
    const absl::Status found =
        FindLeftOvers(context_, views_, [this](const std::string& path, std::string message) {
          Add(Severity::kNotice, "main", path, "left_overs", std::move(message),
              std::string(kCleanup));
        });
    if (!found.ok()) {
      Add(Severity::kDamage, "main", "graph", "left_overs", std::string(io::Message(found)),
          std::string(kRestore));
    }
  }

  const GraphContext context_;
  const VerifyOptions options_;
  const std::shared_ptr<dataset::Session> session_;
  std::optional<std::string> wanted_;
  std::vector<ManifestView> views_;
  std::vector<ReadPins::Pin> pins_;  // of views_
  std::optional<AcceptedSchema> schema_;
  std::vector<RecoveryRecord> records_;
  bool readable_ = true;  // every branch
  std::set<std::tuple<TableIdentity, std::optional<std::string>, uint64_t>> seen_;
  VerifyReport report_;
};

}  // namespace

bool VerifyReport::has_damage() const {
  return std::ranges::any_of(
      findings, [](const VerifyFinding& finding) { return finding.severity == Severity::kDamage; });
}

absl::StatusOr<VerifyReport> VerifyGraph(io::Env& env, const io::Location& root,
                                         const VerifyOptions& options) {
  return Verifier(env, root, options).Run();
}

}  // namespace og::engine::graph
