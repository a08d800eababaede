#include "engine/graph/recovery/record_publish.h"

namespace og::engine::graph {
namespace {

template <typename Slot>
void AddSlot(const Slot& slot, PublishRequest& request) {
  request.expected[slot.identity] = slot.expected_version;
  request.versions.push_back({.identity = slot.identity,
                              .table_key = slot.table_key,
                              .version = slot.confirmed->version,
                              .branch = slot.confirmed->branch,
                              .row_count = slot.confirmed->row_count,
                              .metadata = slot.confirmed->metadata});
}

}  // namespace

PublishRequest PublishOf(const RecoveryRecord& record) {
  PublishRequest request;
  request.branch = record.branch;
  request.commit.graph_commit_id = record.lineage.graph_commit_id;
  request.commit.graph_branch = record.lineage.branch;
  request.commit.actor_id = record.lineage.actor_id;
  request.commit.merged_parent_commit_id = record.lineage.merged_parent_commit_id;
  request.commit.created_at_us = record.lineage.created_at_us;
  request.precondition = ExactHead{.identifier = record.authority.branch_identifier,
                                   .head = record.authority.graph_head};
  for (const RecordedTable& table : record.tables)
    AddSlot(table, request);
  for (const RecordedPointer& pointer : record.pointers)
    AddSlot(pointer, request);
  for (const RecordedRegistration& table : record.registrations)
    request.registrations.push_back({table.identity, table.table_key, table.table_path});
  for (const RecordedRename& rename : record.renames) {
    request.renames.push_back({rename.identity, rename.expected_table_key, rename.table_key});
  }
  request.tombstones = record.tombstones;
  return request;
}

}  // namespace og::engine::graph
