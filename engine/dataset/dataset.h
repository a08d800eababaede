// One version of a Lance dataset: open, read, stage changes, commit.
//
// A Dataset never changes: it is a handle to one version. Writing has two steps. Stage*() writes
// immutable files and returns a StagedTransaction; nothing is visible. Commit*() makes the next
// version from it with one create-if-absent of the manifest, and returns the handle of that
// version.
//
//   OG_ASSIGN_OR_RETURN(DatasetPtr table, Dataset::Open(env, root, {}));
//   OG_ASSIGN_OR_RETURN(auto rows, table->Scan({.columns = {{"id", "name"}}}));
//   OG_ASSIGN_OR_RETURN(StagedTransaction staged, table->StageAppend(batches, {}));
//   OG_ASSIGN_OR_RETURN(table, table->CommitExact(staged));
//
// Errors, beside those of io/base/status.h:
//   kNotFound       no such dataset, version, branch or column
//   kAborted        CommitExact: another version exists already
//   kAlreadyExists  creation: the dataset exists
//   kUnknown        the answer of the manifest's put was lost and reading back failed too
//
// Threads: all const methods may run in any number of threads. Handles may outlive each other; the
// Env must outlive all of them.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

#include "format/arrow/array.h"
#include "format/arrow/type.h"
#include "format/table/manifest.h"
#include "format/table/transaction.h"
#include "io/store/store.h"

namespace og::io {
class Env;
}
namespace og::engine::expr {
struct Expr;
}

namespace og::engine::dataset {

class Dataset;
using DatasetPtr = std::shared_ptr<const Dataset>;

// Caches shared by handles: open data files, decoded deletion vectors and row id indexes. Handles
// made from a handle (Latest, Checkout, Commit) share its session. Thread-safe.
class Session;
std::shared_ptr<Session> MakeSession();

// The file that a version was read from or written to.
struct ManifestLocation {
  uint64_t version = 0;
  std::string path;  // in the store
  uint64_t size = 0;
  std::string e_tag;  // as the store reports it; empty if it has none
  format::ManifestNaming naming = format::ManifestNaming::kV2;
};

struct OpenOptions {
  std::optional<uint64_t> version = {};  // absent: the latest
  std::string branch = {};               // empty: main; else the dataset below tree/{branch}
  std::shared_ptr<Session> session = {};
  // With `version`: refuse a manifest whose e-tag is another one (kFailedPrecondition).
  std::string expected_e_tag = {};
};

enum class BlobHandling : uint8_t {
  kContents,      // large_binary
  kDescriptions,  // blob v1: struct{position, size}; v2: the stored descriptor struct
};

struct ScanOptions {
  // Top-level names or dotted paths of struct members; absent: all. An empty list with
  // with_row_id or the like gives only those.
  std::optional<std::vector<std::string>> columns = {};
  // Keeps rows for which this is true. May name columns that are not returned.
  std::shared_ptr<const expr::Expr> filter = {};
  // Extra uint64 columns, in this order after the others: `_rowid`, `_rowaddr`,
  // `_row_created_at_version`, `_row_last_updated_at_version`.
  bool with_row_id = false;
  bool with_row_address = false;
  bool with_created_at_version = false;
  bool with_last_updated_at_version = false;
  int64_t batch_rows = 8192;  // upper bound of rows in a batch
  uint64_t offset = 0;        // rows to leave out, after the filter
  std::optional<uint64_t> limit = {};
  // Batches in manifest order and physical order. false: as they come (several threads).
  bool ordered = true;
  // Dictionary-coded strings where the file has a dictionary.
  bool dictionary_strings = false;
  // Only these fragments; absent: all.
  std::optional<std::vector<uint64_t>> fragment_ids = {};
  int threads = 0;  // 0: as many as the Env's pool has
  BlobHandling blobs = BlobHandling::kContents;
  // Lets indexes find rows for the filter; the result is the same.
  bool use_indices = true;
};

struct TakeOptions {
  std::optional<std::vector<std::string>> columns = {};  // as in ScanOptions
  bool with_row_id = false;
  bool with_row_address = false;
  BlobHandling blobs = BlobHandling::kContents;
};

struct VersionInfo {
  uint64_t version = 0;
  std::string path;
  uint64_t size = 0;
  std::string e_tag;
  int64_t modified_us = 0;
  format::ManifestNaming naming = format::ManifestNaming::kV2;
};

// How new data files and manifests are made.
struct WriteOptions {
  std::string uuid = {};  // of the transaction; empty: a fresh one
  std::map<std::string, std::string> properties = {};
  uint64_t max_rows_per_file = uint64_t{1} << 20;
  uint64_t max_bytes_per_file = uint64_t{90} << 30;
};

struct CreateOptions {
  WriteOptions write = {};
  std::string file_version = "2.2";
  bool stable_row_ids = true;
  std::map<std::string, std::string> config = {};
  format::ManifestNaming naming = format::ManifestNaming::kV2;
};

// A change that is written but not visible. Plain data: it may be kept, inspected, and committed
// by another handle of the same dataset. Files of one that is given up are removed by Discard().
struct StagedTransaction {
  format::Transaction transaction;  // read_version, uuid, properties, operation
  // What was written, as paths in the store: data files, blob sidecars, deletion files. All of them
  // are synced before the manifest that names them appears.
  std::vector<std::string> files;
  // Row addresses that an update or delete removed, ascending; needed to rebase it.
  std::optional<std::vector<uint64_t>> affected_rows;
  uint64_t num_rows_written = 0;
  uint64_t num_bytes_written = 0;
  // What a creation needs beside the transaction.
  std::string file_version;
  bool stable_row_ids = false;
  format::ManifestNaming naming = format::ManifestNaming::kV2;
};

// An update in rewrite mode: rows at `removed_addresses` disappear, `rows` appear.
struct UpdateRequest {
  format::BatchStream* rows = nullptr;  // null: none. Columns by name; missing ones are null
  std::vector<uint64_t> removed_addresses = {};  // row addresses, in any order, without duplicates
  // The stable row ids that the first rows of `rows` keep, in their order. The others get new ones.
  std::vector<uint64_t> moved_row_ids = {};
  std::optional<format::KeyExistenceFilter> inserted_rows = {};
  // Ids of fields whose values changed (partial updates only).
  std::vector<uint32_t> fields_modified = {};
  std::vector<uint32_t> fields_for_preserving_frag_bitmap = {};
  WriteOptions write = {};
};

enum class WhenMatched : uint8_t { kUpdateAll, kDoNothing };
enum class WhenNotMatched : uint8_t { kInsertAll, kDoNothing };

// An upsert by one key column. Of rows with equal keys in `rows` the first one counts.
struct MergeRequest {
  std::string key_column = {};
  format::BatchStream* rows = nullptr;
  WhenMatched when_matched = WhenMatched::kUpdateAll;
  WhenNotMatched when_not_matched = WhenNotMatched::kInsertAll;
  WriteOptions write = {};
};

struct StagedMerge {
  StagedTransaction staged;
  uint64_t num_inserted = 0;
  uint64_t num_updated = 0;
  uint64_t num_skipped_duplicates = 0;
};

struct CommitOptions {
  // Versions that others committed meanwhile and that do not conflict are rebased over, at most
  // this many times.
  int retries = 20;
  // Restore and maintenance: leave the version hint file alone.
  bool write_hint = true;
};

class Dataset : public std::enable_shared_from_this<Dataset> {
 public:
  virtual ~Dataset() = default;

  // --- Opening -----------------------------------------------------------------------------------

  // Opens the dataset at `root` (the main root also when a branch is asked for). Without a version:
  // one listing and one read. `env` must outlive the handle.
  static absl::StatusOr<DatasetPtr> Open(io::Env& env, io::Location root,
                                         const OpenOptions& options);

  // The latest version of the same branch; this handle if that is it.
  virtual absl::StatusOr<DatasetPtr> Latest() const = 0;
  virtual absl::StatusOr<uint64_t> LatestVersion() const = 0;
  virtual absl::StatusOr<DatasetPtr> Checkout(uint64_t version) const = 0;
  // All versions of this branch, ascending.
  virtual absl::StatusOr<std::vector<VersionInfo>> ListVersions() const = 0;
  // The transaction that made `version`; kNotFound if it is no longer stored.
  virtual absl::StatusOr<format::Transaction> TransactionOf(uint64_t version) const = 0;

  // --- What this version is ----------------------------------------------------------------------

  virtual io::Env& env() const = 0;
  virtual const std::shared_ptr<Session>& session() const = 0;
  // Root of the main dataset, and of this branch (the same for main).
  virtual const io::Location& root() const = 0;
  virtual const io::Location& branch_root() const = 0;
  virtual const std::string& branch() const = 0;  // empty: main
  virtual uint64_t version() const = 0;
  virtual const ManifestLocation& manifest_location() const = 0;
  virtual const format::Manifest& manifest() const = 0;
  virtual const format::SchemaPtr& schema() const = 0;
  virtual const format::LanceSchema& lance_schema() const = 0;
  virtual uint64_t num_rows() const = 0;  // deleted rows not counted

  // --- Reading -----------------------------------------------------------------------------------

  virtual absl::StatusOr<std::unique_ptr<format::BatchStream>> Scan(
      const ScanOptions& options) const = 0;

  // Rows for which `filter` is true; null: all, from metadata alone.
  virtual absl::StatusOr<uint64_t> CountRows(std::shared_ptr<const expr::Expr> filter) const = 0;

  // The rows at these addresses (fragment id << 32 | offset), in this order, repeats allowed.
  // kNotFound for an address that does not exist or is deleted.
  virtual absl::StatusOr<format::RecordBatch> Take(std::span<const uint64_t> addresses,
                                                   const TakeOptions& options) const = 0;
  // The same by stable row id (row address where the table has no stable ids).
  virtual absl::StatusOr<format::RecordBatch> TakeRowIds(std::span<const uint64_t> row_ids,
                                                         const TakeOptions& options) const = 0;
  // The same by position among the live rows.
  virtual absl::StatusOr<format::RecordBatch> TakeOffsets(std::span<const uint64_t> offsets,
                                                          const TakeOptions& options) const = 0;

  // Addresses of rows by stable row id; nullopt where no live row has it. Addresses are checked
  // alike where the table has no stable ids.
  virtual absl::StatusOr<std::vector<std::optional<uint64_t>>> AddressesOf(
      std::span<const uint64_t> row_ids) const = 0;

  // --- Staging -----------------------------------------------------------------------------------

  // Stages the creation of a dataset, with no rows if `rows` is null.
  static absl::StatusOr<StagedTransaction> StageCreate(io::Env& env, const io::Location& root,
                                                       const format::SchemaPtr& schema,
                                                       format::BatchStream* rows,
                                                       const CreateOptions& options);
  // Version 1 from a staged creation. kAlreadyExists if there is any version.
  static absl::StatusOr<DatasetPtr> CommitCreate(io::Env& env, const io::Location& root,
                                                 const StagedTransaction& staged,
                                                 std::shared_ptr<Session> session = nullptr);

  // New rows. Columns by name; a missing nullable column becomes null.
  virtual absl::StatusOr<StagedTransaction> StageAppend(format::BatchStream& rows,
                                                        const WriteOptions& options) const = 0;
  // All rows and the schema replaced; `rows` null: no rows. Field ids start again from 0.
  virtual absl::StatusOr<StagedTransaction> StageOverwrite(const format::SchemaPtr& schema,
                                                           format::BatchStream* rows,
                                                           const WriteOptions& options) const = 0;
  virtual absl::StatusOr<StagedTransaction> StageUpdate(const UpdateRequest& request) const = 0;
  virtual absl::StatusOr<StagedTransaction> StageDelete(std::span<const uint64_t> addresses,
                                                        std::string_view predicate,
                                                        const WriteOptions& options) const = 0;
  // The rows of `request` matched by key against this version, as one Update.
  virtual absl::StatusOr<StagedMerge> StageMerge(const MergeRequest& request) const = 0;
  // The content of an earlier version of this branch becomes the next one.
  virtual absl::StatusOr<StagedTransaction> StageRestore(uint64_t target_version,
                                                         const WriteOptions& options) const = 0;

  // The filter over the values of the non-null leaf column `column` of `batch`, as an Update or
  // strict insert that adds these keys carries it. Several batches: pass the former result.
  virtual absl::StatusOr<format::KeyExistenceFilter> InsertedRowsFilter(
      const format::RecordBatch& batch, std::string_view column,
      std::optional<format::KeyExistenceFilter> former) const = 0;

  // Removes the files of a staged change that was not committed. Best effort.
  virtual void Discard(const StagedTransaction& staged) const = 0;

  // --- Committing --------------------------------------------------------------------------------

  // Makes version read_version + 1 or fails with kAborted; nothing is rebased. A lost answer of the
  // put is resolved by the transaction uuid found at that version.
  virtual absl::StatusOr<DatasetPtr> CommitExact(const StagedTransaction& staged) const = 0;

  // Makes the next version, rebasing over versions that others committed since read_version.
  // kAborted if one of them conflicts, or after too many attempts.
  virtual absl::StatusOr<DatasetPtr> Commit(const StagedTransaction& staged,
                                            const CommitOptions& options) const = 0;
};

}  // namespace og::engine::dataset
