#include "engine/graph/merge/table_merge.h"

#include <algorithm>
#include <set>
#include <utility>

#include "engine/graph/merge/row_values.h"
#include "io/base/status_macros.h"
#include "io/base/text.h"

namespace og::engine::graph {
namespace {

// Conflicts of one table whose values are read; of the others the id must do.
constexpr size_t kShownConflictsMax = 100;

// Both sides changed the row.
struct Clash {
  const ChangedRow* source = nullptr;
  const ChangedRow* target = nullptr;
};

std::string_view KindOf(const Clash& clash) {
  if (clash.source->after.has_value() != clash.target->after.has_value()) return "delete_vs_update";
  return clash.source->before.has_value() ? "divergent_update" : "divergent_insert";
}

std::string MessageOf(std::string_view kind, std::string_view id) {
  const std::string_view words = kind == "delete_vs_update"   ? "delete/update conflict"
                                 : kind == "divergent_update" ? "divergent update"
                                                              : "divergent insert";
  return io::StrCat(words, " for id '", id, "'");
}

class TableMerger {
 public:
  TableMerger(MergeSides& sides, std::string_view table_key) : sides_(sides) {
    merge_.table_key = table_key;
  }

  absl::StatusOr<TableMerge> Run() {
    OG_ASSIGN_OR_RETURN(const TableChanges* source, sides_.SourceChanges(merge_.table_key));
    OG_ASSIGN_OR_RETURN(const TableChanges* target, sides_.TargetChanges(merge_.table_key));
    std::vector<Clash> clashes;
    for (const ChangedRow& row : source->rows()) {
      const ChangedRow* const other = target->Find(row.id);
      if (other == nullptr) {
        Take(row, *target);
      } else if (row.after.has_value() || other->after.has_value()) {
        clashes.push_back({&row, other});
      }
    }
    OG_RETURN_IF_ERROR(Settle(clashes));
    return std::move(merge_);
  }

 private:
  void Take(const ChangedRow& row, const TableChanges& target) {
    std::optional<uint64_t> place;
    if (row.before.has_value()) place = target.PlaceAfter(*row.before);
    if (row.after.has_value()) {
      merge_.taken.push_back({row.id, *row.after, place});
    } else {
      merge_.removed.push_back({row.id, *place});
    }
  }

  // Rows that both sides gave the same values are no conflict.
  absl::Status Settle(const std::vector<Clash>& clashes) {
    if (clashes.empty()) return absl::OkStatus();
    OG_ASSIGN_OR_RETURN(const dataset::DatasetPtr source, Open(sides_.source()));
    OG_ASSIGN_OR_RETURN(const dataset::DatasetPtr target, Open(sides_.target()));
    for (size_t at = 0; at < clashes.size(); at += kRowsOfChunk) {
      const auto chunk =
          std::span(clashes).subspan(at, std::min(kRowsOfChunk, clashes.size() - at));
      std::vector<uint64_t> source_rows;
      std::vector<uint64_t> target_rows;
      for (const Clash& clash : chunk) {
        if (!clash.source->after.has_value() || !clash.target->after.has_value()) continue;
        source_rows.push_back(*clash.source->after);
        target_rows.push_back(*clash.target->after);
      }
      OG_ASSIGN_OR_RETURN(const format::RecordBatch ours, TakeRows(*source, source_rows, {}));
      OG_ASSIGN_OR_RETURN(const format::RecordBatch theirs, TakeRows(*target, target_rows, {}));
      int64_t row = 0;
      for (const Clash& clash : chunk) {
        const bool both = clash.source->after.has_value() && clash.target->after.has_value();
        const bool same = both && RowsEqual(ours, row, theirs, row);
        if (both) ++row;
        if (!same) OG_RETURN_IF_ERROR(AddConflict(clash));
      }
    }
    return absl::OkStatus();
  }

  absl::Status AddConflict(const Clash& clash) {
    MergeConflict conflict;
    conflict.table_key = merge_.table_key;
    conflict.entity_id = clash.source->id;
    conflict.kind = KindOf(clash);
    conflict.message = MessageOf(conflict.kind, clash.source->id);
    if (merge_.conflicts.size() < kShownConflictsMax) {
      OG_ASSIGN_OR_RETURN(conflict.fields, FieldsOf(clash));
    }
    merge_.conflicts.push_back(std::move(conflict));
    return absl::OkStatus();
  }

  absl::StatusOr<dataset::DatasetPtr> Open(const ManifestView& side) {
    return sides_.Open(*side.state.Find(merge_.table_key));
  }

  // The row at `address` of a side; no rows if it has none.
  absl::StatusOr<std::optional<format::RecordBatch>> RowOf(const ManifestView& side,
                                                           std::optional<uint64_t> address) {
    if (!address.has_value()) return std::nullopt;
    OG_ASSIGN_OR_RETURN(const dataset::DatasetPtr dataset, Open(side));
    const uint64_t addresses[] = {*address};
    OG_ASSIGN_OR_RETURN(format::RecordBatch row, TakeRows(*dataset, addresses, {}));
    return row;
  }

  static absl::StatusOr<std::string> ValueOf(const std::optional<format::RecordBatch>& row,
                                             const std::string& column) {
    const format::ArrayPtr values = row.has_value() ? row->Column(column) : nullptr;
    if (values == nullptr) return "null";
    return JsonOf(*values, 0);
  }

  // The properties that the two sides leave different.
  absl::StatusOr<std::vector<MergeConflictField>> FieldsOf(const Clash& clash) {
    OG_ASSIGN_OR_RETURN(const auto base, RowOf(sides_.base(), clash.source->before));
    OG_ASSIGN_OR_RETURN(const auto source, RowOf(sides_.source(), clash.source->after));
    OG_ASSIGN_OR_RETURN(const auto target, RowOf(sides_.target(), clash.target->after));
    const format::RecordBatch& shown = source.has_value() ? *source : *target;
    std::vector<MergeConflictField> fields;
    for (const format::Field& column : shown.schema->fields) {
      if (column.name == "id") continue;
      MergeConflictField field;
      field.property = column.name;
      OG_ASSIGN_OR_RETURN(field.base, ValueOf(base, column.name));
      OG_ASSIGN_OR_RETURN(field.source, ValueOf(source, column.name));
      OG_ASSIGN_OR_RETURN(field.target, ValueOf(target, column.name));
      if (field.source != field.target) fields.push_back(std::move(field));
    }
    return fields;
  }

  MergeSides& sides_;
  TableMerge merge_;
};

}  // namespace

uint64_t TableMerge::num_inserts() const {
  return static_cast<uint64_t>(
      std::ranges::count_if(taken, [](const TakenRow& row) { return !row.replaced.has_value(); }));
}

absl::StatusOr<TableMerge> MergeTable(MergeSides& sides, std::string_view table_key) {
  return TableMerger(sides, table_key).Run();
}

}  // namespace og::engine::graph
