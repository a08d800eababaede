// The one implementation of Dataset. Its parts lie in several files: dataset_handle.cc (opening,
// metadata), scan.cc, take.cc, stage.cc, merge.cc, commit.cc.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/dataset/dataset.h"
#include "engine/dataset/fragment_reader.h"
#include "engine/dataset/json_columns.h"
#include "engine/dataset/manifest_store.h"
#include "engine/dataset/projection.h"
#include "engine/dataset/row_id_index.h"
#include "engine/dataset/row_moves.h"
#include "engine/dataset/session.h"
#include "format/table/row_ids.h"
#include "io/base/sync.h"
#include "io/env/env.h"

namespace og::engine::dataset {

class DatasetHandle final : public Dataset {
 public:
  static absl::StatusOr<std::shared_ptr<const DatasetHandle>> Make(
      io::Env& env, io::Location root, std::string branch, StoredManifest stored,
      std::shared_ptr<Session> session);

  absl::StatusOr<DatasetPtr> Latest() const override;
  absl::StatusOr<uint64_t> LatestVersion() const override;
  absl::StatusOr<DatasetPtr> Checkout(uint64_t version) const override;
  absl::StatusOr<std::vector<VersionInfo>> ListVersions() const override;
  absl::StatusOr<format::Transaction> TransactionOf(uint64_t version) const override;

  io::Env& env() const override { return *env_; }
  const std::shared_ptr<Session>& session() const override { return session_; }
  const io::Location& root() const override { return root_; }
  const io::Location& branch_root() const override { return branch_root_; }
  const std::string& branch() const override { return branch_; }
  uint64_t version() const override { return stored_.location.version; }
  const ManifestLocation& manifest_location() const override { return stored_.location; }
  const format::Manifest& manifest() const override { return stored_.manifest; }
  const format::SchemaPtr& schema() const override { return schema_; }
  const format::LanceSchema& lance_schema() const override { return *stored_.manifest.schema; }
  uint64_t num_rows() const override { return num_rows_; }

  absl::StatusOr<std::unique_ptr<format::BatchStream>> Scan(
      const ScanOptions& options) const override;
  absl::StatusOr<uint64_t> CountRows(std::shared_ptr<const expr::Expr> filter) const override;
  absl::StatusOr<format::RecordBatch> Take(std::span<const uint64_t> addresses,
                                           const TakeOptions& options) const override;
  absl::StatusOr<format::RecordBatch> TakeRowIds(std::span<const uint64_t> row_ids,
                                                 const TakeOptions& options) const override;
  absl::StatusOr<format::RecordBatch> TakeOffsets(std::span<const uint64_t> offsets,
                                                  const TakeOptions& options) const override;
  absl::StatusOr<std::vector<std::optional<uint64_t>>> AddressesOf(
      std::span<const uint64_t> row_ids) const override;

  absl::StatusOr<StagedTransaction> StageAppend(format::BatchStream& rows,
                                                const WriteOptions& options) const override;
  absl::StatusOr<StagedTransaction> StageOverwrite(const format::SchemaPtr& schema,
                                                   format::BatchStream* rows,
                                                   const WriteOptions& options) const override;
  absl::StatusOr<StagedTransaction> StageUpdate(const UpdateRequest& request) const override;
  absl::StatusOr<StagedTransaction> StageDelete(std::span<const uint64_t> addresses,
                                                std::string_view predicate,
                                                const WriteOptions& options) const override;
  absl::StatusOr<StagedMerge> StageMerge(const MergeRequest& request) const override;
  absl::StatusOr<StagedTransaction> StageRestore(uint64_t target_version,
                                                 const WriteOptions& options) const override;
  absl::StatusOr<format::KeyExistenceFilter> InsertedRowsFilter(
      const format::RecordBatch& batch, std::string_view column,
      std::optional<format::KeyExistenceFilter> former) const override;
  void Discard(const StagedTransaction& staged) const override;
  absl::StatusOr<DatasetPtr> CommitExact(const StagedTransaction& staged) const override;
  absl::StatusOr<DatasetPtr> Commit(const StagedTransaction& staged,
                                    const CommitOptions& options) const override;

  // --- For the files of this room ----------------------------------------------------------------

  const StoredManifest& stored() const { return stored_; }

  // schema(), Scan() and Take() with JSON columns as they are stored, which filters refer to.
  const format::SchemaPtr& stored_schema() const { return stored_schema_; }
  absl::StatusOr<std::unique_ptr<format::BatchStream>> ScanStored(const ScanOptions& options) const;
  absl::StatusOr<format::RecordBatch> TakeStored(std::span<const uint64_t> addresses,
                                                 const TakeOptions& options) const;

  const BaseFolders& folders() const { return folders_; }

  // The deletion vector of `fragment`; null if it has none.
  absl::StatusOr<format::DeletionVectorPtr> DeletionsOf(const format::Fragment& fragment) const;

  // Before DeletionsOf() is asked for each of `fragments`: on S3 their files come in one round.
  void PrefetchDeletions(std::span<const format::Fragment* const> fragments) const;

  // The same for the fragments of row addresses, in any order.
  void PrefetchDeletionsAt(std::span<const uint64_t> addresses) const;

  // The fragments of ascending row addresses, as far as there are such.
  std::vector<const format::Fragment*> FragmentsOf(std::span<const uint64_t> addresses) const;

  // Row ids and versions of `fragment`. REQUIRES: stable row ids.
  absl::StatusOr<format::RowIdSequence> RowIdsOf(const format::Fragment& fragment) const;
  absl::StatusOr<format::RowVersions> CreatedVersionsOf(const format::Fragment& fragment) const;
  absl::StatusOr<format::RowVersions> LastUpdatedVersionsOf(const format::Fragment& fragment) const;

  // Where addresses in indexes lead; null: where they say. The manifest of the handle has coverages
  // that follow them, which the next commit writes, as the reference does.
  const std::shared_ptr<const RowMoves>& row_moves() const { return row_moves_; }

  // Where stable row ids lie; made on first use.
  absl::StatusOr<std::shared_ptr<const RowIdIndex>> row_id_index() const;

 private:
  struct Key {};

 public:
  explicit DatasetHandle(Key /*only Make*/) {}

 private:
  absl::StatusOr<DatasetPtr> OpenAt(const ManifestLocation& location) const;
  absl::StatusOr<std::unique_ptr<format::BatchStream>> ScanAs(const ScanOptions& options,
                                                              JsonForm json) const;
  absl::StatusOr<format::RecordBatch> TakeAs(std::span<const uint64_t> addresses,
                                             const TakeOptions& options, JsonForm json) const;

  // Reads the fragment reuse index if there is one.
  absl::Status FollowMoves();

  io::Env* env_ = nullptr;
  std::shared_ptr<Session> session_;
  io::Location root_;
  io::Location branch_root_;
  std::string branch_;
  StoredManifest stored_;
  BaseFolders folders_;
  format::SchemaPtr stored_schema_;
  format::SchemaPtr schema_;
  uint64_t num_rows_ = 0;
  std::shared_ptr<const RowMoves> row_moves_;

  mutable io::Mutex mutex_;
  mutable std::shared_ptr<const RowIdIndex> row_id_index_ OG_GUARDED_BY(mutex_);
};

// `fragment` with exactly `offsets` deleted: writes the deletion file and notes it in `files`.
absl::StatusOr<format::Fragment> WithDeletions(const DatasetHandle& dataset,
                                               const format::Fragment& fragment,
                                               std::vector<uint32_t> offsets,
                                               std::vector<std::string>& files);

// "tree/{branch}" below `root`; `root` itself for main.
io::Location BranchRoot(const io::Location& root, std::string_view branch);

}  // namespace og::engine::dataset
