// Transactions: what one commit does to a table. Stored as _transactions/{read_version}-{uuid}.txn
// (the bare message) and once more inside the manifest that the commit makes.
//
// Source: lance: protos/transaction.proto; lance 10.0.0: src/dataset/transaction.rs.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "absl/status/statusor.h"

#include "format/table/manifest.h"

namespace og::format {

// The keys that an Update or strict insert added; see key_filter.h for the hashing.
struct KeyExistenceFilter {
  std::vector<int32_t> field_ids;
  // One of the two: exact hashes, or a split-block Bloom filter.
  std::optional<std::vector<uint64_t>> exact_hashes;
  std::string bloom;  // 32-byte blocks, little-endian words
  uint32_t num_bits = 0;
  uint64_t number_of_items = 0;
  double probability = 0;
  friend bool operator==(const KeyExistenceFilter&, const KeyExistenceFilter&) = default;
};

// Changes to a string map: entries without value are deleted keys; replace clears the map first.
struct UpdateMap {
  std::vector<std::pair<std::string, std::optional<std::string>>> entries;
  bool replace = false;
  friend bool operator==(const UpdateMap&, const UpdateMap&) = default;
};

enum class UpdateMode : uint8_t { kRewriteRows, kRewriteColumns };

struct AppendOperation {
  std::vector<Fragment> fragments;
};

struct DeleteOperation {
  std::vector<Fragment> updated_fragments;
  std::vector<uint64_t> deleted_fragment_ids;
  std::string predicate;
};

// Also creates a table.
struct OverwriteOperation {
  std::vector<Fragment> fragments;
  std::shared_ptr<const LanceSchema> schema;
  std::map<std::string, std::string> config_upserts;
  std::vector<BasePath> initial_bases;
};

struct CreateIndexOperation {
  std::vector<IndexMetadata> new_indices;
  std::vector<IndexMetadata> removed_indices;
};

struct RewriteGroup {
  std::vector<Fragment> old_fragments;
  std::vector<Fragment> new_fragments;
};

struct RewrittenIndex {
  std::string old_uuid;
  std::string new_uuid;
  std::optional<AnyMessage> new_details;
  uint32_t new_index_version = 0;
  std::vector<IndexFile> new_files;
};

struct RewriteOperation {
  std::vector<RewriteGroup> groups;
  std::vector<RewrittenIndex> rewritten_indices;
};

struct MergeOperation {
  std::vector<Fragment> fragments;
  std::shared_ptr<const LanceSchema> schema;
};

struct RestoreOperation {
  uint64_t version = 0;
};

struct ReserveFragmentsOperation {
  uint32_t num_fragments = 0;
};

struct UpdateOperation {
  std::vector<uint64_t> removed_fragment_ids;
  std::vector<Fragment> updated_fragments;
  std::vector<Fragment> new_fragments;
  std::vector<uint32_t> fields_modified;
  std::vector<std::string> compacted_sstables;  // encoded messages
  std::vector<uint32_t> fields_for_preserving_frag_bitmap;
  UpdateMode mode = UpdateMode::kRewriteRows;
  std::optional<KeyExistenceFilter> inserted_rows;
  std::map<uint64_t, std::vector<uint32_t>> updated_fragment_offsets;
};

struct ProjectOperation {
  std::shared_ptr<const LanceSchema> schema;
};

struct UpdateConfigOperation {
  std::optional<UpdateMap> config;
  std::optional<UpdateMap> table_metadata;
  std::optional<UpdateMap> schema_metadata;
  std::map<int32_t, UpdateMap> field_metadata;
};

struct CloneOperation {
  bool is_shallow = true;
  std::optional<std::string> ref_name;
  uint64_t ref_version = 0;
  std::string ref_path;
  std::optional<std::string> branch_name;
};

struct UpdateBasesOperation {
  std::vector<BasePath> new_bases;
};

// An operation that this version reads but does not act on (data replacement, data overlay, MemWAL
// state) or does not know; `message` is its encoded body.
struct CarriedOperation {
  uint32_t field_number = 0;
  std::string message;
};

using Operation =
    std::variant<AppendOperation, DeleteOperation, OverwriteOperation, CreateIndexOperation,
                 RewriteOperation, MergeOperation, RestoreOperation, ReserveFragmentsOperation,
                 UpdateOperation, ProjectOperation, UpdateConfigOperation, CloneOperation,
                 UpdateBasesOperation, CarriedOperation>;

struct Transaction {
  uint64_t read_version = 0;
  std::string uuid;
  std::string tag;
  std::map<std::string, std::string> properties;
  Operation operation;
  std::string unknown;
};

// "Append", "Delete", "Overwrite", "CreateIndex", "Rewrite", "Merge", "Restore",
// "ReserveFragments", "Update", "Project", "UpdateConfig", "Clone", "UpdateBases",
// "DataReplacement", "DataOverlay", "UpdateMemWalState" or "Unknown".
std::string_view OperationName(const Operation& operation);

// "{read_version}-{uuid}.txn", the name below _transactions/.
std::string TransactionFileName(const Transaction& transaction);

// kDataLoss if the message does not parse; `name` is used in messages.
absl::StatusOr<Transaction> DecodeTransaction(std::span<const std::byte> bytes,
                                              std::string_view name);
std::string EncodeTransaction(const Transaction& transaction);

}  // namespace og::format
