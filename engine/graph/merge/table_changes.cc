#include "engine/graph/merge/table_changes.h"

#include <algorithm>
#include <set>

#include "engine/graph/context.h"
#include "engine/graph/errors.h"
#include "engine/graph/manifest/branch_ref.h"
#include "engine/graph/merge/row_values.h"
#include "io/base/status_macros.h"
#include "io/base/text.h"

namespace og::engine::graph {

namespace {

// Where a file of a fragment lies, whichever ref names it.
std::string FolderOf(const dataset::Dataset& dataset, std::optional<uint32_t> base_id) {
  if (!base_id.has_value()) return RootUri(dataset.branch_root());
  const format::BasePath* const base = dataset.manifest().FindBase(*base_id);
  return base == nullptr ? io::StrCat("?", *base_id) : base->path;
}

// Equal for two fragments exactly if their rows, deleted ones included, are the same.
std::string ContentKey(const dataset::Dataset& dataset, const format::Fragment& fragment) {
  std::string key;
  for (const format::DataFile& file : fragment.files) {
    key += io::StrCat(FolderOf(dataset, file.base_id), "/", file.path, "\n");
    for (const int32_t field : file.fields)
      key += io::StrCat(field, " ");
  }
  for (const std::string& overlay : fragment.overlays)
    key += io::StrCat("\noverlay ", overlay);
  return key;
}

std::string DeletionKey(const dataset::Dataset& dataset, const format::Fragment& fragment) {
  if (!fragment.deletion_file.has_value()) return "";
  return io::StrCat(FolderOf(dataset, fragment.deletion_file->base_id), "/",
                    format::DeletionFilePath(fragment.id, *fragment.deletion_file));
}

// A live row, known without reading it.
struct RowMark {
  uint64_t row_id = 0;
  uint64_t address = 0;
  uint64_t last_updated = 0;
};

struct Marks {
  std::vector<RowMark> rows;
  std::vector<std::string> ids;  // one a row, if they were read
};

absl::StatusOr<Marks> ReadMarks(const dataset::Dataset& dataset,
                                const std::vector<uint64_t>& fragment_ids, bool with_ids) {
  Marks marks;
  if (fragment_ids.empty()) return marks;
  dataset::ScanOptions options;
  options.columns.emplace();
  if (with_ids) options.columns->push_back("id");
  options.with_row_id = true;
  options.with_row_address = true;
  options.with_last_updated_at_version = true;
  options.fragment_ids = fragment_ids;
  const auto stream = dataset.Scan(options);
  OG_RETURN_IF_ERROR(FromStorage(stream.status()));
  for (;;) {
    const auto next = (*stream)->Next();
    OG_RETURN_IF_ERROR(FromStorage(next.status()));
    if (!next->has_value()) return marks;
    const format::RecordBatch& batch = **next;
    const format::ArrayPtr row_id = batch.Column("_rowid");
    const format::ArrayPtr address = batch.Column("_rowaddr");
    const format::ArrayPtr updated = batch.Column("_row_last_updated_at_version");
    for (int64_t i = 0; i < batch.num_rows; ++i) {
      marks.rows.push_back({row_id->Value<uint64_t>(i), address->Value<uint64_t>(i),
                            updated->IsNull(i) ? 0 : updated->Value<uint64_t>(i)});
      if (with_ids) marks.ids.emplace_back(batch.columns[0]->StringValue(i));
    }
  }
}

}  // namespace

const ChangedRow* TableChanges::Find(std::string_view id) const {
  const auto found = std::lower_bound(
      rows_.begin(), rows_.end(), id,
      [](const ChangedRow& row, std::string_view wanted) { return row.id < wanted; });
  return found != rows_.end() && found->id == id ? &*found : nullptr;
}

uint64_t TableChanges::PlaceAfter(uint64_t before) const {
  const auto moved = std::lower_bound(moved_.begin(), moved_.end(), std::pair(before, uint64_t{0}));
  if (moved != moved_.end() && moved->first == before) return moved->second;
  const auto fragment = fragments_.find(before >> 32);
  if (fragment == fragments_.end()) return before;
  return fragment->second << 32 | (before & UINT32_MAX);
}

class ChangeFinder {
 public:
  ChangeFinder(const dataset::Dataset& before, const dataset::Dataset& after, bool is_descendant)
      : before_(before), after_(after), is_descendant_(is_descendant) {}

  absl::StatusOr<TableChanges> Run() {
    MatchFragments();
    OG_RETURN_IF_ERROR(CompareDeletions());
    OG_RETURN_IF_ERROR(is_descendant_ ? MatchByRowId() : MatchById());
    OG_RETURN_IF_ERROR(MatchGoneAndNew());
    OG_RETURN_IF_ERROR(CompareCandidates());
    std::ranges::sort(changes_.rows_, {}, &ChangedRow::id);
    std::ranges::sort(changes_.moved_);
    return std::move(changes_);
  }

 private:
  void MatchFragments() {
    std::map<std::string, const format::Fragment*> afters;
    for (const format::Fragment& fragment : after_.manifest().fragments)
      afters.emplace(ContentKey(after_, fragment), &fragment);
    std::set<uint64_t> matched;
    for (const format::Fragment& fragment : before_.manifest().fragments) {
      const auto found = afters.find(ContentKey(before_, fragment));
      if (found == afters.end()) {
        only_before_.push_back(fragment.id);
        continue;
      }
      const format::Fragment& other = *found->second;
      matched.insert(other.id);
      changes_.fragments_.emplace(fragment.id, other.id);
      if (DeletionKey(before_, fragment) == DeletionKey(after_, other)) continue;
      thinned_before_.push_back(fragment.id);
      thinned_after_.push_back(other.id);
    }
    for (const format::Fragment& fragment : after_.manifest().fragments) {
      if (!matched.contains(fragment.id)) only_after_.push_back(fragment.id);
    }
  }

  // Fragments of which only the deletions differ: rows that are live in both did not change.
  absl::Status CompareDeletions() {
    OG_ASSIGN_OR_RETURN(const Marks before, ReadMarks(before_, thinned_before_, false));
    OG_ASSIGN_OR_RETURN(const Marks after, ReadMarks(after_, thinned_after_, false));
    std::map<uint64_t, RowMark> left;  // by place in the newer version
    for (const RowMark& mark : after.rows)
      left.emplace(mark.address, mark);
    for (const RowMark& mark : before.rows) {
      if (left.erase(changes_.PlaceAfter(mark.address)) == 0) gone_marks_.push_back(mark);
    }
    for (const auto& [address, mark] : left)
      new_marks_.push_back(mark);
    return absl::OkStatus();
  }

  absl::Status MatchByRowId() {
    OG_ASSIGN_OR_RETURN(Marks before, ReadMarks(before_, only_before_, false));
    OG_ASSIGN_OR_RETURN(Marks after, ReadMarks(after_, only_after_, false));
    // A row may also have left a fragment that lost only a few.
    before.rows.insert(before.rows.end(), gone_marks_.begin(), gone_marks_.end());
    after.rows.insert(after.rows.end(), new_marks_.begin(), new_marks_.end());
    std::ranges::sort(before.rows, {}, &RowMark::row_id);
    std::ranges::sort(after.rows, {}, &RowMark::row_id);
    auto old = before.rows.begin();
    auto now = after.rows.begin();
    while (old != before.rows.end() || now != after.rows.end()) {
      if (now == after.rows.end() || (old != before.rows.end() && old->row_id < now->row_id)) {
        gone_.push_back((old++)->address);
      } else if (old == before.rows.end() || now->row_id < old->row_id) {
        new_.push_back((now++)->address);
      } else {
        const bool same = old->last_updated == now->last_updated;
        (same ? changes_.moved_ : candidates_).emplace_back((old++)->address, (now++)->address);
      }
    }
    return absl::OkStatus();
  }

  absl::Status MatchById() {
    OG_ASSIGN_OR_RETURN(const Marks before, ReadMarks(before_, only_before_, true));
    OG_ASSIGN_OR_RETURN(const Marks after, ReadMarks(after_, only_after_, true));
    for (const RowMark& mark : gone_marks_)
      gone_.push_back(mark.address);
    for (const RowMark& mark : new_marks_)
      new_.push_back(mark.address);
    for (size_t i = 0; i < before.rows.size(); ++i)
      gone_by_id_.emplace(before.ids[i], before.rows[i].address);
    for (size_t i = 0; i < after.rows.size(); ++i)
      new_by_id_.emplace(after.ids[i], after.rows[i].address);
    return absl::OkStatus();
  }

  // The rows that are on one side only, by id: who is on both was deleted and inserted again.
  absl::Status MatchGoneAndNew() {
    OG_ASSIGN_OR_RETURN(const std::vector<std::string> gone_ids, TakeIds(before_, gone_));
    for (size_t i = 0; i < gone_.size(); ++i)
      gone_by_id_.emplace(gone_ids[i], gone_[i]);
    OG_ASSIGN_OR_RETURN(const std::vector<std::string> new_ids, TakeIds(after_, new_));
    for (size_t i = 0; i < new_.size(); ++i)
      new_by_id_.emplace(new_ids[i], new_[i]);
    for (const auto& [id, address] : gone_by_id_) {
      const auto again = new_by_id_.find(id);
      if (again == new_by_id_.end()) {
        changes_.rows_.push_back({id, address, std::nullopt});
      } else {
        candidates_.emplace_back(address, again->second);
        new_by_id_.erase(again);
      }
    }
    for (const auto& [id, address] : new_by_id_)
      changes_.rows_.push_back({id, std::nullopt, address});
    return absl::OkStatus();
  }

  absl::Status CompareCandidates() {
    std::ranges::sort(candidates_);
    for (size_t at = 0; at < candidates_.size(); at += kRowsOfChunk) {
      const auto chunk =
          std::span(candidates_).subspan(at, std::min(kRowsOfChunk, candidates_.size() - at));
      std::vector<uint64_t> before;
      std::vector<uint64_t> after;
      for (const auto& [old, now] : chunk) {
        before.push_back(old);
        after.push_back(now);
      }
      OG_ASSIGN_OR_RETURN(const format::RecordBatch old_rows, TakeRows(before_, before, {}));
      OG_ASSIGN_OR_RETURN(const format::RecordBatch new_rows, TakeRows(after_, after, {}));
      const format::ArrayPtr ids = new_rows.Column("id");
      for (size_t i = 0; i < chunk.size(); ++i) {
        const auto row = static_cast<int64_t>(i);
        if (RowsEqual(old_rows, row, new_rows, row)) {
          changes_.moved_.push_back(chunk[i]);
        } else {
          changes_.rows_.push_back({std::string(ids->StringValue(row)), before[i], after[i]});
        }
      }
    }
    return absl::OkStatus();
  }

  const dataset::Dataset& before_;
  const dataset::Dataset& after_;
  const bool is_descendant_;
  TableChanges changes_;
  // Fragments that only one side has, and those whose deletions differ.
  std::vector<uint64_t> only_before_;
  std::vector<uint64_t> only_after_;
  std::vector<uint64_t> thinned_before_;
  std::vector<uint64_t> thinned_after_;
  // Rows that are gone from, and new in, fragments that both sides have.
  std::vector<RowMark> gone_marks_;
  std::vector<RowMark> new_marks_;
  // Addresses of rows that one side lacks, as far as row ids tell.
  std::vector<uint64_t> gone_;
  std::vector<uint64_t> new_;
  std::map<std::string, uint64_t> gone_by_id_;
  std::map<std::string, uint64_t> new_by_id_;
  // Rows of one id that may differ: before, after.
  std::vector<std::pair<uint64_t, uint64_t>> candidates_;
};

absl::StatusOr<TableChanges> FindChanges(const dataset::Dataset& before,
                                         const dataset::Dataset& after, bool is_descendant) {
  return ChangeFinder(before, after, is_descendant).Run();
}

absl::StatusOr<bool> IsDescendant(const io::Location& graph_root, const TableEntry& before,
                                  const TableEntry& after) {
  const io::Location table_root = graph_root.Child(after.path);
  std::optional<std::string> ref = after.branch;
  uint64_t version = after.version;
  while (ref != before.branch) {
    if (!ref.has_value()) return false;
    OG_ASSIGN_OR_RETURN(const std::optional<BranchRef> info, ReadBranchRef(table_root, *ref));
    if (!info.has_value()) return false;
    ref = info->parent_branch;
    version = info->parent_version;
  }
  return before.version <= version;
}

}  // namespace og::engine::graph
