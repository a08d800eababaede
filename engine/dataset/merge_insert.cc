// A hash join of the source, which is held, with the table, of which only keys, addresses and what
// conditions need are read. A source beyond its budget is cut into parts by the hash of the key,
// and so is the table; parts are joined one after the other.
#include "engine/dataset/merge_insert.h"

#include <algorithm>
#include <functional>
#include <memory>
#include <optional>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/string_view.h"

#include "engine/dataset/dataset_handle.h"
#include "engine/dataset/index_plan.h"
#include "engine/dataset/json_columns.h"
#include "engine/dataset/picked_scan.h"
#include "engine/dataset/row_keys.h"
#include "engine/dataset/row_spool.h"
#include "engine/dataset/staging.h"
#include "engine/expr/bind.h"
#include "engine/expr/expr.h"
#include "engine/expr/filter_parse.h"
#include "format/table/key_filter.h"
#include "io/base/endian.h"
#include "io/base/status.h"
#include "io/base/status_macros.h"
#include "io/base/text.h"
#include "io/env/env.h"

namespace og::engine::dataset {
namespace {

using format::ArrayPtr;
using format::RecordBatch;
using format::SchemaPtr;

// Parts that a source too large for memory is cut into, by the leading bits of the key's hash.
constexpr int kPartBits = 5;
constexpr size_t kNumParts = size_t{1} << kPartBits;
constexpr int kDepthMax = 8;
constexpr int64_t kOutputRows = 8192;
constexpr int64_t kTargetBatchRows = 65536;
// An index is asked for up to this many keys, or a small share of the table's rows.
constexpr size_t kIndexKeysMin = 1024;
constexpr uint64_t kRowsPerIndexKey = 20;

// --- The request, resolved -----------------------------------------------------------------------

struct Plan {
  std::vector<std::string> on;  // columns of the table
  std::vector<int32_t> on_field_ids;
  bool is_primary_key = false;
  bool updates = false;
  bool inserts = false;
  expr::ExprPtr update_if;
  expr::ExprPtr delete_if;
  std::vector<std::string> target_columns;   // read of every candidate row of the table
  std::vector<std::string> missing_columns;  // of the table that the source does not have
};

// The fields of the unenforced primary key, in its order.
std::vector<const format::LanceField*> PrimaryKey(const format::LanceSchema& schema) {
  std::vector<const format::LanceField*> fields;
  std::vector<const format::LanceField*> open;
  for (const format::LanceField& field : schema.fields) {
    open.push_back(&field);
  }
  while (!open.empty()) {
    const format::LanceField* field = open.back();
    open.pop_back();
    if (field->primary_key_position) {
      fields.push_back(field);
    }
    for (const format::LanceField& child : field->children) {
      open.push_back(&child);
    }
  }
  std::ranges::sort(fields, {}, [](const format::LanceField* field) {
    const uint32_t position = *field->primary_key_position;
    return std::pair(position == 0 ? UINT32_MAX : position, field->id);
  });
  return fields;
}

absl::StatusOr<const format::LanceField*> FindIgnoringCase(const format::LanceSchema& schema,
                                                           std::string_view name) {
  if (const format::LanceField* exact = schema.Find(name)) {
    return exact;
  }
  for (const format::LanceField& field : schema.fields) {
    if (absl::EqualsIgnoreCase(field.name, absl::string_view(name.data(), name.size()))) {
      return &field;
    }
  }
  return io::InvalidArgumentError(
      io::StrCat("Merge insert key column '", name, "' does not exist in schema"));
}

absl::Status ResolveKey(const format::LanceSchema& schema, const MergeInsertRequest& request,
                        Plan& plan) {
  std::vector<int32_t> primary_key;
  for (const format::LanceField* field : PrimaryKey(schema)) {
    primary_key.push_back(field->id);
    if (request.on.empty()) {
      if (schema.Find(field->name) != field) {
        return io::InvalidArgumentError(
            io::StrCat("the primary key field ", field->name, " is not a column of its own"));
      }
      plan.on.push_back(field->name);
    }
  }
  for (const std::string& name : request.on) {
    OG_ASSIGN_OR_RETURN(const format::LanceField* field, FindIgnoringCase(schema, name));
    plan.on.push_back(field->name);
  }
  if (plan.on.empty()) {
    return io::InvalidArgumentError(
        "A merge insert operation requires join keys: specify `on` columns explicitly or configure "
        "a primary key in the dataset schema");
  }
  for (const std::string& name : plan.on) {
    plan.on_field_ids.push_back(schema.Find(name)->id);
  }
  plan.is_primary_key = !primary_key.empty() && plan.on_field_ids == primary_key;
  return absl::OkStatus();
}

// "source" and "target" as struct columns, for update_if.
SchemaPtr PairSchema(const SchemaPtr& source, const SchemaPtr& target) {
  auto schema = std::make_shared<format::Schema>();
  for (const auto& [name, side] : {std::pair("source", source), std::pair("target", target)}) {
    schema->fields.push_back(
        {.name = name, .type = format::Struct(side->fields), .nullable = false, .metadata = {}});
  }
  return schema;
}

void AddOnce(std::string_view name, std::vector<std::string>& names) {
  if (std::ranges::find(names, name) == names.end()) {
    names.emplace_back(name);
  }
}

// Whether `a` and `b` are one type up to dictionaries.
bool SameKeyType(const format::TypePtr& a, const format::TypePtr& b) {
  const auto plain = [](const format::TypePtr& type) {
    return type->id == format::TypeId::kDictionary ? type->value_type : type;
  };
  return *plain(a) == *plain(b);
}

absl::Status CheckSource(const Dataset& dataset, const format::Schema& source, Plan& plan) {
  const format::Schema& target = *HandleOf(dataset).stored_schema();
  for (const std::string& name : plan.on) {
    const auto at = source.IndexOf(name);
    if (!at) {
      return io::InvalidArgumentError(io::StrCat("the source has no key column ", name));
    }
    const format::TypePtr& type = target.fields[*target.IndexOf(name)].type;
    if (!SameKeyType(source.fields[*at].type, type)) {
      return io::InvalidArgumentError(io::StrCat("key column ", name, " is ",
                                                 source.fields[*at].type->ToString(),
                                                 ", the table has ", type->ToString()));
    }
  }
  if (!plan.updates && !plan.inserts) {
    return absl::OkStatus();
  }
  for (const format::Field& field : source.fields) {
    if (!target.IndexOf(field.name)) {
      return io::InvalidArgumentError(io::StrCat("the table has no column ", field.name));
    }
  }
  std::vector<std::string> not_nullable;
  for (const format::Field& field : target.fields) {
    if (!source.IndexOf(field.name)) {
      plan.missing_columns.push_back(field.name);
      if (!field.nullable) {
        not_nullable.push_back(io::StrCat("\"", field.name, "\""));
      }
    }
  }
  if (plan.inserts && !not_nullable.empty()) {
    return io::InvalidArgumentError(io::StrCat(
        "Cannot insert rows with a partial-schema source: target column(s) [",
        io::Join(not_nullable, ", "),
        "] are non-nullable and not provided by the source. Either add them to the source or set "
        "when_not_matched to DoNothing."));
  }
  return absl::OkStatus();
}

absl::Status PlanUpdateIf(const Dataset& dataset, const SchemaPtr& source,
                          const MergeInsertRequest& request, Plan& plan) {
  const SchemaPtr pair = PairSchema(source, HandleOf(dataset).stored_schema());
  OG_ASSIGN_OR_RETURN(const expr::ExprPtr parsed, expr::ParseFilter(request.update_if));
  plan.update_if = expr::Bind(parsed, *pair, dataset.env().NowUs());
  for (const std::vector<std::string>& path : expr::ColumnsOf(*plan.update_if)) {
    if (path.size() < 2 || (path[0] != "source" && path[0] != "target")) {
      return io::InvalidArgumentError(
          io::StrCat("column ", io::Join(path, "."),
                     " of the update condition is neither of the source nor of the target"));
    }
    if (path[0] == "target") {
      AddOnce(path[1], plan.target_columns);
    }
  }
  return expr::CheckFilter(*plan.update_if, *pair);
}

absl::StatusOr<Plan> MakePlan(const Dataset& dataset, const SchemaPtr& source,
                              const MergeInsertRequest& request) {
  Plan plan;
  OG_RETURN_IF_ERROR(ResolveKey(dataset.lance_schema(), request, plan));
  plan.updates = request.when_matched == WhenMatchedRow::kUpdateAll ||
                 request.when_matched == WhenMatchedRow::kUpdateIf;
  plan.inserts = request.when_not_matched == WhenNotMatchedRow::kInsertAll;
  if (!plan.inserts && request.when_matched == WhenMatchedRow::kDoNothing &&
      request.when_not_matched_by_source == WhenNotMatchedBySource::kKeep) {
    return io::InvalidArgumentError(
        "The merge insert job is not configured to change the data in any way");
  }
  OG_RETURN_IF_ERROR(CheckSource(dataset, *source, plan));
  for (const std::string& name : plan.on) {
    AddOnce(name, plan.target_columns);
  }
  if (request.when_matched == WhenMatchedRow::kUpdateIf) {
    OG_RETURN_IF_ERROR(PlanUpdateIf(dataset, source, request, plan));
  }
  if (request.when_not_matched_by_source == WhenNotMatchedBySource::kDeleteIf) {
    OG_ASSIGN_OR_RETURN(const expr::ExprPtr parsed, expr::ParseFilter(request.delete_if));
    const format::Schema& target = *HandleOf(dataset).stored_schema();
    plan.delete_if = expr::Bind(parsed, target, dataset.env().NowUs());
    OG_RETURN_IF_ERROR(expr::CheckFilter(*plan.delete_if, target));
    for (const std::vector<std::string>& path : expr::ColumnsOf(*plan.delete_if)) {
      AddOnce(path[0], plan.target_columns);
    }
  }
  return plan;
}

// --- Keys in the transaction ---------------------------------------------------------------------

// The bytes of one value as filters of inserted rows hash it; nullopt for nulls and other types.
std::optional<std::string> FilterBytes(const format::Array& array, int64_t i) {
  if (array.IsNull(i)) {
    return std::nullopt;
  }
  std::string bytes(sizeof(uint64_t), '\0');
  switch (array.type->id) {
    case format::TypeId::kUtf8:
    case format::TypeId::kLargeUtf8:
    case format::TypeId::kBinary:
    case format::TypeId::kLargeBinary:
      return std::string(array.StringValue(i));
    case format::TypeId::kInt32:
      io::StoreLe(reinterpret_cast<std::byte*>(bytes.data()), int64_t{array.Value<int32_t>(i)});
      return bytes;
    case format::TypeId::kUint32:
      io::StoreLe(reinterpret_cast<std::byte*>(bytes.data()), uint64_t{array.Value<uint32_t>(i)});
      return bytes;
    case format::TypeId::kInt64:
    case format::TypeId::kUint64:
      io::StoreLe(reinterpret_cast<std::byte*>(bytes.data()), array.Value<uint64_t>(i));
      return bytes;
    default:
      return std::nullopt;
  }
}

void AddToFilter(const std::vector<ArrayPtr>& keys, format::KeyExistenceFilter& filter) {
  for (int64_t i = 0; i < keys[0]->length; ++i) {
    std::string bytes;
    bool is_recorded = true;
    for (const ArrayPtr& column : keys) {
      const std::optional<std::string> part = FilterBytes(*column, i);
      is_recorded = is_recorded && part.has_value();
      if (is_recorded) {
        bytes += *part;
        if (keys.size() > 1) {
          bytes += '\0';
        }
      }
    }
    if (is_recorded) {
      format::AddKey(bytes, filter);
    }
  }
}

// --- The join ------------------------------------------------------------------------------------

// Opens the candidate rows of the table, given the source and its keys if all of them are known.
using OpenTarget = std::function<absl::StatusOr<std::unique_ptr<format::BatchStream>>(
    const RowSpool* source, const KeyTable* keys)>;

class Merger {
 public:
  Merger(const Dataset& dataset, const MergeInsertRequest& request, const Plan& plan,
         const RowSpool& source, StagedTransaction& staged)
      : dataset_(dataset),
        request_(request),
        plan_(plan),
        source_(source),
        budget_(BudgetOf(dataset)),
        inserts_(source.schema(), budget_, source.has_spilled()),
        filter_(format::MakeKeyFilter(plan.on_field_ids)),
        writer_(WriterOf(HandleOf(dataset), request.write, staged)) {}

  static std::shared_ptr<io::MemoryBudget> BudgetOf(const Dataset& dataset) {
    const std::shared_ptr<io::MemoryBudget>& root = dataset.env().memory();
    return root->NewChild("merge insert", root->limit() / 2);
  }

  absl::Status Run() {
    OG_RETURN_IF_ERROR(Join(
        source_,
        [this](const RowSpool* source, const KeyTable* keys) { return ScanTarget(source, keys); },
        0));
    return WriteInserts();
  }

  RowWriter& writer() { return writer_; }
  std::vector<uint64_t>& removed_addresses() { return removed_addresses_; }
  const std::vector<uint64_t>& moved_row_ids() const { return moved_row_ids_; }
  format::KeyExistenceFilter& filter() { return filter_; }
  MergeInsertStatistics& statistics() { return statistics_; }

 private:
  // A row of a batch of the table with one of the source.
  using Match = KeyTable::Match;

  bool keeps_unmatched_target() const {
    return request_.when_not_matched_by_source == WhenNotMatchedBySource::kKeep;
  }

  // `keys` must outlive the stream.
  absl::StatusOr<std::unique_ptr<format::BatchStream>> ScanTarget(const RowSpool* source,
                                                                  const KeyTable* keys) {
    ScanOptions options;
    options.columns = plan_.target_columns;
    options.with_row_id = true;
    options.with_row_address = true;
    options.batch_rows = kTargetBatchRows;
    if (source == nullptr || !keeps_unmatched_target()) {
      return HandleOf(dataset_).ScanStored(options);
    }
    if (request_.use_index) {
      OG_ASSIGN_OR_RETURN(options.filter, KeysAsFilter(*source));
    }
    if (options.filter != nullptr) {
      return HandleOf(dataset_).ScanStored(options);
    }
    const auto matching = [this,
                           keys](const RecordBatch& rows) -> absl::StatusOr<std::vector<int64_t>> {
      OG_ASSIGN_OR_RETURN(const std::vector<ArrayPtr> columns, KeyColumns(rows, plan_.on));
      if (!keys->MayMatch(columns)) {
        return std::vector<int64_t>();
      }
      return keys->Matching(KeyBatch(columns));
    };
    return ScanPicked(HandleOf(dataset_), options, plan_.on, matching);
  }

  // A filter that an index answers and that all matches fulfil; null if there is none.
  absl::StatusOr<expr::ExprPtr> KeysAsFilter(const RowSpool& source) {
    if (source.num_rows() == 0 || (source.num_rows() > kIndexKeysMin &&
                                   source.num_rows() * kRowsPerIndexKey > dataset_.num_rows())) {
      return nullptr;
    }
    std::vector<expr::ExprPtr> conditions;
    for (const std::string& name : plan_.on) {
      OG_ASSIGN_OR_RETURN(const auto index, FindUsableIndex(HandleOf(dataset_), {name}));
      if (index == nullptr) {
        continue;
      }
      std::vector<ArrayPtr> parts;
      for (const RecordBatch& batch : source.batches()) {
        parts.push_back(DecodeDictionary(batch.Column(name)));
      }
      const ArrayPtr values = Concat(parts);
      std::vector<int64_t> valid;
      for (int64_t i = 0; i < values->length; ++i) {
        if (values->IsValid(i)) {
          valid.push_back(i);
        }
      }
      conditions.push_back(expr::In(expr::Column(name), format::Take(*values, valid)));
    }
    return conditions.empty() ? nullptr : expr::And(std::move(conditions));
  }

  absl::Status Join(const RowSpool& source, const OpenTarget& open_target, int depth) {
    if (!source.has_spilled()) {
      KeyTable table;
      table.Reserve(source.num_rows());
      for (const RecordBatch& batch : source.batches()) {
        OG_ASSIGN_OR_RETURN(const std::vector<ArrayPtr> keys, KeyColumns(batch, plan_.on));
        table.Add(KeyBatch(keys));
      }
      OG_ASSIGN_OR_RETURN(const auto target, open_target(&source, &table));
      return JoinHeld(source, table, *target);
    }
    if (depth == kDepthMax) {
      return io::ResourceExhaustedError("more source rows of one key than memory holds");
    }
    return JoinParts(source, open_target, depth);
  }

  absl::Status JoinParts(const RowSpool& source, const OpenTarget& open_target, int depth) {
    std::vector<std::unique_ptr<RowSpool>> sources;
    const auto source_rows = source.Read();
    OG_RETURN_IF_ERROR(Cut(*source_rows, depth, sources, [this](RecordBatch rows) {
      return plan_.inserts ? AddInserts(std::move(rows)) : absl::OkStatus();
    }));
    std::vector<std::unique_ptr<RowSpool>> targets;
    OG_ASSIGN_OR_RETURN(const auto target_rows, open_target(nullptr, nullptr));
    OG_RETURN_IF_ERROR(Cut(*target_rows, depth, targets,
                           [this](const RecordBatch& rows) { return AloneInTable(rows); }));
    for (size_t part = 0; part < kNumParts; ++part) {
      OG_ASSIGN_OR_RETURN(const std::unique_ptr<RowSpool> held,
                          SpoolAll(*sources[part]->Read(), budget_));
      sources[part].reset();
      const RowSpool& target = *targets[part];
      OG_RETURN_IF_ERROR(Join(
          *held,
          [&target](const RowSpool*, const KeyTable*)
              -> absl::StatusOr<std::unique_ptr<format::BatchStream>> { return target.Read(); },
          depth + 1));
      targets[part].reset();
    }
    return absl::OkStatus();
  }

  // Distributes rows by the hash of their key; those with a null in it go to `no_key`.
  absl::Status Cut(format::BatchStream& rows, int depth,
                   std::vector<std::unique_ptr<RowSpool>>& parts,
                   const std::function<absl::Status(RecordBatch)>& no_key) {
    for (size_t part = 0; part < kNumParts; ++part) {
      parts.push_back(std::make_unique<RowSpool>(rows.schema(), budget_, true));
    }
    const int shift = 64 - kPartBits * (depth + 1);
    std::vector<std::vector<int64_t>> chosen(kNumParts + 1);
    while (true) {
      OG_ASSIGN_OR_RETURN(const std::optional<RecordBatch> batch, rows.Next());
      if (!batch) {
        break;
      }
      OG_ASSIGN_OR_RETURN(const std::vector<ArrayPtr> keys, KeyColumns(*batch, plan_.on));
      for (std::vector<int64_t>& list : chosen) {
        list.clear();
      }
      const KeyBatch encoded(keys);
      for (int64_t i = 0; i < batch->num_rows; ++i) {
        const size_t part =
            encoded.IsNull(i) ? kNumParts : (encoded.Hash(i) >> shift) & (kNumParts - 1);
        chosen[part].push_back(i);
      }
      for (size_t part = 0; part < kNumParts; ++part) {
        OG_RETURN_IF_ERROR(parts[part]->Add(format::Take(*batch, chosen[part])));
      }
      if (!chosen[kNumParts].empty()) {
        OG_RETURN_IF_ERROR(no_key(format::Take(*batch, chosen[kNumParts])));
      }
    }
    for (const std::unique_ptr<RowSpool>& part : parts) {
      OG_RETURN_IF_ERROR(part->Finish());
    }
    return absl::OkStatus();
  }

  absl::Status JoinHeld(const RowSpool& source, const KeyTable& table,
                        format::BatchStream& target) {
    std::vector<std::vector<bool>> is_matched;
    for (const RecordBatch& batch : source.batches()) {
      is_matched.emplace_back(static_cast<size_t>(batch.num_rows));
    }
    while (true) {
      OG_ASSIGN_OR_RETURN(const std::optional<RecordBatch> batch, target.Next());
      if (!batch) {
        break;
      }
      OG_ASSIGN_OR_RETURN(const std::vector<ArrayPtr> keys, KeyColumns(*batch, plan_.on));
      std::vector<KeyTable::Match> matches = table.Find(KeyBatch(keys));
      std::vector<int64_t> alone;
      auto match = matches.begin();
      for (int64_t i = 0; i < batch->num_rows; ++i) {
        if (match == matches.end() || match->row != i) {
          alone.push_back(i);
        }
        for (; match != matches.end() && match->row == i; ++match) {
          is_matched[match->added.batch][match->added.row] = true;
        }
      }
      if (!alone.empty() && !keeps_unmatched_target()) {
        OG_RETURN_IF_ERROR(AloneInTable(format::Take(*batch, alone)));
      }
      if (!matches.empty()) {
        OG_RETURN_IF_ERROR(Matched(source, *batch, keys, std::move(matches)));
      }
    }
    if (!plan_.inserts) {
      return absl::OkStatus();
    }
    for (size_t i = 0; i < is_matched.size(); ++i) {
      std::vector<int64_t> left;
      for (size_t row = 0; row < is_matched[i].size(); ++row) {
        if (!is_matched[i][row]) {
          left.push_back(static_cast<int64_t>(row));
        }
      }
      OG_RETURN_IF_ERROR(AddInserts(format::Take(source.batches()[i], left)));
    }
    return absl::OkStatus();
  }

  // Rows of the table without a match.
  absl::Status AloneInTable(const RecordBatch& rows) {
    std::vector<int64_t> gone;
    if (request_.when_not_matched_by_source == WhenNotMatchedBySource::kDeleteIf) {
      OG_ASSIGN_OR_RETURN(gone, expr::EvaluateFilter(*plan_.delete_if, rows));
    } else if (request_.when_not_matched_by_source == WhenNotMatchedBySource::kDelete) {
      for (int64_t i = 0; i < rows.num_rows; ++i) {
        gone.push_back(i);
      }
    }
    for (const int64_t i : gone) {
      removed_addresses_.push_back(rows.columns.back()->Value<uint64_t>(i));
    }
    statistics_.num_deleted_rows += gone.size();
    return absl::OkStatus();
  }

  // Rows of the table with their matches; those of one row follow each other.
  absl::Status Matched(const RowSpool& source, const RecordBatch& rows,
                       const std::vector<ArrayPtr>& keys, std::vector<Match> matches) {
    if (request_.when_matched == WhenMatchedRow::kDoNothing) {
      return absl::OkStatus();
    }
    if (request_.when_matched == WhenMatchedRow::kFail) {
      return io::FailedPreconditionError(
          io::StrCat("Merge insert failed: found matching row with key values: ",
                     KeyText(plan_.on, keys, matches[0].row)));
    }
    if (request_.when_matched == WhenMatchedRow::kUpdateIf) {
      OG_ASSIGN_OR_RETURN(matches, WhereUpdateIf(source, rows, matches));
    }
    std::vector<Match> kept;
    for (const Match& match : matches) {
      if (kept.empty() || kept.back().row != match.row) {
        kept.push_back(match);
      } else if (request_.duplicates == SourceDuplicates::kFirstSeen) {
        ++statistics_.num_skipped_duplicates;
      } else {
        return io::InvalidArgumentError(io::StrCat(
            "Ambiguous merge inserts are prohibited: multiple source rows match the same target "
            "row on (",
            KeyText(plan_.on, keys, match.row),
            "). Please ensure each target row is matched by at most one source row."));
      }
    }
    const size_t address_column = rows.columns.size() - 1;
    std::vector<uint64_t> addresses;
    for (const Match& match : kept) {
      addresses.push_back(rows.columns[address_column]->Value<uint64_t>(match.row));
    }
    removed_addresses_.insert(removed_addresses_.end(), addresses.begin(), addresses.end());
    if (request_.when_matched == WhenMatchedRow::kDelete) {
      statistics_.num_deleted_rows += kept.size();
      return absl::OkStatus();
    }
    for (const Match& match : kept) {
      moved_row_ids_.push_back(rows.columns[address_column - 1]->Value<uint64_t>(match.row));
    }
    statistics_.num_updated_rows += kept.size();
    return WriteUpdates(source, kept, addresses);
  }

  absl::StatusOr<std::vector<Match>> WhereUpdateIf(const RowSpool& source, const RecordBatch& rows,
                                                   const std::vector<Match>& matches) {
    std::vector<RowRef> source_rows;
    std::vector<int64_t> target_rows;
    for (const Match& match : matches) {
      source_rows.push_back(match.added);
      target_rows.push_back(match.row);
    }
    const auto as_struct = [](const RecordBatch& batch) {
      auto column = std::make_shared<format::Array>();
      column->type = format::Struct(batch.schema->fields);
      column->length = batch.num_rows;
      column->children = batch.columns;
      return column;
    };
    OG_ASSIGN_OR_RETURN(const RecordBatch from_source, Gather(source.batches(), source_rows));
    const RecordBatch from_target = format::Take(rows, target_rows);
    const RecordBatch pairs{.schema = PairSchema(from_source.schema, from_target.schema),
                            .num_rows = from_source.num_rows,
                            .columns = {as_struct(from_source), as_struct(from_target)}};
    OG_ASSIGN_OR_RETURN(const std::vector<int64_t> passing,
                        expr::EvaluateFilter(*plan_.update_if, pairs));
    std::vector<Match> kept;
    for (const int64_t i : passing) {
      kept.push_back(matches[static_cast<size_t>(i)]);
    }
    return kept;
  }

  // The new values of updated rows: those of the source, and the old ones of other columns.
  absl::Status WriteUpdates(const RowSpool& source, std::span<const Match> matches,
                            std::span<const uint64_t> addresses) {
    while (!matches.empty()) {
      const size_t count = std::min<size_t>(matches.size(), kOutputRows);
      std::vector<RowRef> rows;
      for (const Match& match : matches.first(count)) {
        rows.push_back(match.added);
      }
      OG_ASSIGN_OR_RETURN(RecordBatch output, Gather(source.batches(), rows));
      if (!plan_.missing_columns.empty()) {
        TakeOptions options;
        options.columns = plan_.missing_columns;
        OG_ASSIGN_OR_RETURN(const RecordBatch old,
                            HandleOf(dataset_).TakeStored(addresses.first(count), options));
        auto schema = std::make_shared<format::Schema>(*output.schema);
        for (size_t i = 0; i < old.columns.size(); ++i) {
          schema->fields.push_back(old.schema->fields[i]);
          output.columns.push_back(old.columns[i]);
        }
        output.schema = std::move(schema);
      }
      OG_RETURN_IF_ERROR(writer_.Write(output));
      matches = matches.subspan(count);
      addresses = addresses.subspan(count);
    }
    return absl::OkStatus();
  }

  // Rows that will follow the updated ones.
  absl::Status AddInserts(RecordBatch rows) {
    statistics_.num_inserted_rows += static_cast<uint64_t>(rows.num_rows);
    if (plan_.is_primary_key) {
      OG_ASSIGN_OR_RETURN(const std::vector<ArrayPtr> keys, KeyColumns(rows, plan_.on));
      AddToFilter(keys, filter_);
    }
    return inserts_.Add(std::move(rows));
  }

  absl::Status WriteInserts() {
    OG_RETURN_IF_ERROR(inserts_.Finish());
    const auto rows = inserts_.Read();
    while (true) {
      OG_ASSIGN_OR_RETURN(const std::optional<RecordBatch> batch, rows->Next());
      if (!batch) {
        return absl::OkStatus();
      }
      OG_RETURN_IF_ERROR(writer_.Write(*batch));
    }
  }

  const Dataset& dataset_;
  const MergeInsertRequest& request_;
  const Plan& plan_;
  const RowSpool& source_;
  const std::shared_ptr<io::MemoryBudget> budget_;
  RowSpool inserts_;
  format::KeyExistenceFilter filter_;
  RowWriter writer_;
  std::vector<uint64_t> removed_addresses_;
  std::vector<uint64_t> moved_row_ids_;
  MergeInsertStatistics statistics_;
};

absl::StatusOr<StagedMergeInsert> StageFrom(const Dataset& dataset, const RowSpool& source,
                                            const MergeInsertRequest& request) {
  const DatasetHandle& handle = HandleOf(dataset);
  OG_ASSIGN_OR_RETURN(const Plan plan, MakePlan(dataset, source.schema(), request));
  StagedMergeInsert result;
  result.staged = NewTransaction(dataset.env(), dataset.version(), request.write);
  StagingGuard guard(dataset, result.staged);
  Merger merger(dataset, request, plan, source, result.staged);
  OG_RETURN_IF_ERROR(merger.Run());

  format::UpdateOperation update;
  OG_ASSIGN_OR_RETURN(update.new_fragments, merger.writer().Finish());
  if (dataset.manifest().has_stable_row_ids()) {
    KeepRowIds(merger.moved_row_ids(), update.new_fragments);
  }
  OG_ASSIGN_OR_RETURN(std::vector<uint64_t> addresses, SortedAddresses(merger.removed_addresses()));
  OG_ASSIGN_OR_RETURN(Removal removal, RemoveRows(handle, addresses, result.staged));
  update.updated_fragments = std::move(removal.updated);
  update.removed_fragment_ids = std::move(removal.removed);
  AppendFieldIds(dataset.lance_schema().fields, update.fields_for_preserving_frag_bitmap);
  // Only of use, and only written, where keys are unique.
  if (plan.is_primary_key && (plan.inserts || plan.updates)) {
    update.inserted_rows = std::move(merger.filter());
  }
  result.statistics = merger.statistics();
  result.statistics.num_bytes_written = result.staged.num_bytes_written;
  for (const format::Fragment& fragment : update.new_fragments) {
    result.statistics.num_files_written += fragment.files.size();
  }
  result.staged.affected_rows = std::move(addresses);
  result.staged.transaction.operation = std::move(update);
  guard.Keep();
  return result;
}

// All of `source`, its columns in the form in which `dataset` stores them.
absl::StatusOr<std::unique_ptr<RowSpool>> SpoolSource(const Dataset& dataset,
                                                      format::BatchStream& source) {
  OG_ASSIGN_OR_RETURN(const auto stored, WithStoredJson(source, dataset.lance_schema()));
  return SpoolAll(stored == nullptr ? source : *stored, Merger::BudgetOf(dataset));
}

}  // namespace

absl::StatusOr<StagedMergeInsert> StageMergeInsert(const Dataset& dataset,
                                                   format::BatchStream& source,
                                                   const MergeInsertRequest& request) {
  OG_ASSIGN_OR_RETURN(const std::unique_ptr<RowSpool> spool, SpoolSource(dataset, source));
  return StageFrom(dataset, *spool, request);
}

absl::StatusOr<MergeInsertResult> MergeInsert(const Dataset& dataset, format::BatchStream& source,
                                              const MergeInsertRequest& request) {
  OG_ASSIGN_OR_RETURN(const std::unique_ptr<RowSpool> spool, SpoolSource(dataset, source));
  MergeInsertResult result;
  uint32_t num_attempts = 0;
  OG_ASSIGN_OR_RETURN(
      result.dataset,
      CommitWithRetry(
          dataset, request.retry, [&](const Dataset& current) -> absl::StatusOr<StagedTransaction> {
            OG_ASSIGN_OR_RETURN(StagedMergeInsert staged, StageFrom(current, *spool, request));
            result.statistics = staged.statistics;
            result.statistics.num_attempts = ++num_attempts;
            return std::move(staged.staged);
          }));
  return result;
}

}  // namespace og::engine::dataset
