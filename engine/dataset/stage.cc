// Staging: files are written and a transaction is put together; nothing becomes visible.
#include <algorithm>
#include <map>

#include "engine/dataset/data_writer.h"
#include "engine/dataset/dataset_handle.h"
#include "engine/dataset/overwrite.h"
#include "engine/dataset/staging.h"
#include "format/table/deletion_vector.h"
#include "format/table/key_filter.h"
#include "io/base/status.h"
#include "io/base/status_macros.h"
#include "io/base/text.h"

namespace og::engine::dataset {
namespace {

// Writes all of `rows` (may be null) and notes the files in `staged`.
absl::StatusOr<std::vector<format::Fragment>> WriteRows(
    io::Env& env, const io::Location& root, std::shared_ptr<const format::LanceSchema> schema,
    std::string_view file_version, format::BatchStream* rows, const WriteOptions& options,
    StagedTransaction& staged) {
  RowWriter writer(env, root, std::move(schema), std::string(file_version), options, staged);
  while (rows != nullptr) {
    OG_ASSIGN_OR_RETURN(const std::optional<format::RecordBatch> batch, rows->Next());
    if (!batch) {
      break;
    }
    OG_RETURN_IF_ERROR(writer.Write(*batch));
  }
  return writer.Finish();
}

// The fields of `table` that rows of `rows` bring; what they lack is not stored, and reads as null.
// kInvalidArgument for unknown columns, and for lacking ones that may not be null.
absl::StatusOr<std::shared_ptr<const format::LanceSchema>> StoredFields(
    const std::shared_ptr<const format::LanceSchema>& table, const format::Schema& rows) {
  for (const format::Field& field : rows.fields) {
    if (table->Find(field.name) == nullptr) {
      return io::InvalidArgumentError(io::StrCat("the table has no column ", field.name));
    }
  }
  auto stored = std::make_shared<format::LanceSchema>();
  stored->metadata = table->metadata;
  for (const format::LanceField& field : table->fields) {
    if (rows.IndexOf(field.name)) {
      stored->fields.push_back(field);
    } else if (!field.nullable) {
      return io::InvalidArgumentError(
          io::StrCat("column ", field.name, " must not be null, and the rows lack it"));
    }
  }
  return stored->fields.empty() || stored->fields.size() == table->fields.size() ? table : stored;
}

}  // namespace

absl::StatusOr<format::Fragment> WithDeletions(const DatasetHandle& dataset,
                                               const format::Fragment& fragment,
                                               std::vector<uint32_t> offsets,
                                               std::vector<std::string>& files) {
  const format::DeletionVector deletions(std::move(offsets));
  format::Fragment updated = fragment;
  updated.deletion_file = format::DeletionFile{.kind = deletions.kind(),
                                               .read_version = dataset.version(),
                                               .id = dataset.env().RandomU64(),
                                               .num_deleted_rows = deletions.size(),
                                               .base_id = std::nullopt,
                                               .unknown = {}};
  const io::Location file =
      dataset.branch_root().Child(format::DeletionFilePath(fragment.id, *updated.deletion_file));
  OG_RETURN_IF_ERROR(file.store->Put(file.path, io::AsBytes(deletions.Encode())).status());
  files.push_back(file.path);
  return updated;
}

absl::StatusOr<StagedTransaction> Dataset::StageCreate(io::Env& env, const io::Location& root,
                                                       const format::SchemaPtr& schema,
                                                       format::BatchStream* rows,
                                                       const CreateOptions& options) {
  OG_RETURN_IF_ERROR(WritableVersion(options.file_version).status());
  StagedTransaction staged = NewTransaction(env, 0, options.write);
  OG_ASSIGN_OR_RETURN(format::LanceSchema lance, format::FromArrow(*schema));
  auto shared = std::make_shared<const format::LanceSchema>(std::move(lance));
  format::OverwriteOperation create;
  OG_ASSIGN_OR_RETURN(create.fragments, WriteRows(env, root, shared, options.file_version, rows,
                                                  options.write, staged));
  create.schema = std::move(shared);
  create.config_upserts = options.config;
  staged.transaction.operation = std::move(create);
  staged.file_version = options.file_version;
  staged.stable_row_ids = options.stable_row_ids;
  staged.naming = options.naming;
  return staged;
}

absl::StatusOr<StagedTransaction> DatasetHandle::StageAppend(format::BatchStream& rows,
                                                             const WriteOptions& options) const {
  StagedTransaction staged = NewTransaction(*env_, version(), options);
  format::AppendOperation append;
  OG_ASSIGN_OR_RETURN(auto stored, StoredFields(manifest().schema, *rows.schema()));
  OG_ASSIGN_OR_RETURN(append.fragments,
                      WriteRows(*env_, branch_root_, std::move(stored),
                                manifest().data_format_version, &rows, options, staged));
  staged.transaction.operation = std::move(append);
  return staged;
}

absl::StatusOr<StagedTransaction> DatasetHandle::StageOverwrite(const format::SchemaPtr& schema,
                                                                format::BatchStream* rows,
                                                                const WriteOptions& options) const {
  return StageOverwriteAs(*this, manifest().data_format_version, schema, rows, options);
}

absl::StatusOr<StagedTransaction> StageOverwriteAs(const Dataset& dataset,
                                                   std::string_view file_version,
                                                   const format::SchemaPtr& schema,
                                                   format::BatchStream* rows,
                                                   const WriteOptions& options) {
  OG_RETURN_IF_ERROR(WritableVersion(file_version).status());
  const DatasetHandle& handle = HandleOf(dataset);
  StagedTransaction staged = NewTransaction(handle.env(), handle.version(), options);
  OG_ASSIGN_OR_RETURN(format::LanceSchema lance, format::FromArrow(*schema));
  auto shared = std::make_shared<const format::LanceSchema>(std::move(lance));
  format::OverwriteOperation overwrite;
  OG_ASSIGN_OR_RETURN(overwrite.fragments, WriteRows(handle.env(), handle.branch_root(), shared,
                                                     file_version, rows, options, staged));
  overwrite.schema = std::move(shared);
  staged.transaction.operation = std::move(overwrite);
  staged.file_version = file_version;
  return staged;
}

absl::StatusOr<StagedTransaction> DatasetHandle::StageUpdate(const UpdateRequest& request) const {
  StagedTransaction staged = NewTransaction(*env_, version(), request.write);
  StagingGuard guard(*this, staged);
  OG_ASSIGN_OR_RETURN(std::vector<uint64_t> sorted, SortedAddresses(request.removed_addresses));
  format::UpdateOperation update;
  OG_ASSIGN_OR_RETURN(update.new_fragments, WriteRows(*env_, branch_root_, manifest().schema,
                                                      manifest().data_format_version, request.rows,
                                                      request.write, staged));
  if (request.moved_row_ids.size() > staged.num_rows_written) {
    return io::InvalidArgumentError(io::StrCat(request.moved_row_ids.size(), " moved row ids for ",
                                               staged.num_rows_written, " rows"));
  }
  if (manifest().has_stable_row_ids()) {
    KeepRowIds(request.moved_row_ids, update.new_fragments);
  }
  OG_ASSIGN_OR_RETURN(Removal removal, RemoveRows(*this, sorted, staged));
  update.updated_fragments = std::move(removal.updated);
  update.removed_fragment_ids = std::move(removal.removed);
  update.fields_modified = request.fields_modified;
  update.fields_for_preserving_frag_bitmap = request.fields_for_preserving_frag_bitmap;
  update.inserted_rows = request.inserted_rows;
  staged.affected_rows = std::move(sorted);
  staged.transaction.operation = std::move(update);
  guard.Keep();
  return staged;
}

absl::StatusOr<StagedTransaction> DatasetHandle::StageDelete(std::span<const uint64_t> addresses,
                                                             std::string_view predicate,
                                                             const WriteOptions& options) const {
  StagedTransaction staged = NewTransaction(*env_, version(), options);
  StagingGuard guard(*this, staged);
  OG_ASSIGN_OR_RETURN(std::vector<uint64_t> sorted, SortedAddresses(addresses));
  OG_ASSIGN_OR_RETURN(Removal removal, RemoveRows(*this, sorted, staged));
  format::DeleteOperation deletion;
  deletion.updated_fragments = std::move(removal.updated);
  deletion.deleted_fragment_ids = std::move(removal.removed);
  deletion.predicate = predicate;
  staged.affected_rows = std::move(sorted);
  staged.transaction.operation = std::move(deletion);
  guard.Keep();
  return staged;
}

absl::StatusOr<StagedTransaction> DatasetHandle::StageRestore(uint64_t target_version,
                                                              const WriteOptions& options) const {
  OG_RETURN_IF_ERROR(FindVersion(branch_root_, target_version).status());
  StagedTransaction staged = NewTransaction(*env_, version(), options);
  staged.transaction.operation = format::RestoreOperation{.version = target_version};
  return staged;
}

absl::StatusOr<format::KeyExistenceFilter> DatasetHandle::InsertedRowsFilter(
    const format::RecordBatch& batch, std::string_view column,
    std::optional<format::KeyExistenceFilter> former) const {
  const format::LanceField* field = lance_schema().Find(column);
  const format::ArrayPtr values = batch.Column(column);
  if (field == nullptr || values == nullptr) {
    return io::NotFoundError(io::StrCat("no column ", column));
  }
  format::KeyExistenceFilter filter =
      former ? *std::move(former) : format::MakeKeyFilter({field->id});
  format::AddKeys(*values, filter);
  return filter;
}

void DatasetHandle::Discard(const StagedTransaction& staged) const {
  for (const std::string& file : staged.files) {
    branch_root_.store->Delete(file).IgnoreError();
  }
}

}  // namespace og::engine::dataset
