// The named points at which the writers of a graph can be stopped, for tests: a wrong name does not
// compile, and failpoints_test shows that each is reached and that there are no others.
//
//   env.crash_points().Fail(Failpoint("mutation.post_table_commit"));
#pragma once

#include <algorithm>
#include <iterator>
#include <string_view>

namespace og::engine::graph {

inline constexpr std::string_view kFailpoints[] = {
    // Making a graph, and opening it.
    "storage.local_create_if_absent_probe",
    "init.after_schema_pg_written",
    "init.after_schema_contract_written",
    "init.schema_cleanup_delete",
    "init.table_create_ack_lost",
    "init.manifest_create_ack_lost",
    "init.manifest_create_probe",
    "init.post_manifest_create",
    "init.after_coordinator_init",
    "open.before_schema_contract_read",
    // Loads and mutations.
    "mutation.delete_node_pre_primary_delete",
    "mutation.post_no_effect_pre_gate",
    "mutation.post_stage_pre_effect_gate",
    "mutation.post_sidecar_pre_fork",
    "mutation.post_fork_pre_commit",
    "mutation.post_table_commit",
    "mutation.post_finalize_pre_publisher",
    // The refs of tables that branches make.
    "fork.before_classify",
    "fork.before_reclaim",
    "fork.post_create_pre_open",
    // Every commit of a table or of `__manifest`.
    "dataset_commit.before_transaction",
    "dataset_commit.after_transaction",
    "dataset_commit.before_manifest",
    "dataset_commit.after_manifest",
    "graph_publish.before_commit_append",
    "graph_publish.after_manifest_commit",
    // Branches.
    "branch_control.post_recovery_barrier",
    "branch_create.post_native",
    "branch_delete.post_table_gates",
    "branch_delete.post_native",
    "branch_delete.before_table_cleanup",
    "dataset_branch.after_ref_delete",
    // Merges.
    "branch_merge.post_authority_capture",
    "branch_merge.post_candidate_validation",
    "branch_merge.post_sidecar_pre_fork",
    "branch_merge.post_effects_pre_confirm",
    "branch_merge.post_phase_b_pre_manifest_commit",
    // Schema changes.
    "schema_apply.post_sidecar_pre_effect",
    "schema_apply.post_table_commit",
    "schema_apply.before_staging_write",
    "schema_apply.after_staging_write",
    "schema_apply.after_manifest_commit",
    // Optimizations.
    "optimize.post_recovery_check_pre_main_gate",
    "optimize.post_authority_capture_pre_gates",
    "optimize.before_compact",
    "optimize.post_table_commit",
    "optimize.post_phase_b_pre_manifest_commit",
    // Cleanups.
    "cleanup.post_recovery_check_pre_gates",
    "cleanup.resolve_branch_snapshot",
    "cleanup.reconcile_fork",
    "cleanup.table_gc",
    "dataset_cleanup.before_manifests",
    "dataset_cleanup.after_manifests",
    "dataset_cleanup.after_files",
    // Records and recovery.
    "recovery.sidecar_write",
    "recovery.sidecar_confirm",
    "recovery.sidecar_delete",
    "recovery.sidecar_list",
    "recovery.post_list_pre_gates",
    "recovery.post_sidecar_list_pre_read",
    "recovery.before_roll_forward_publish",
    "recovery.post_table_restore_pre_publish",
    "recovery.post_rollback_publish_pre_audit",
    "recovery.record_audit",
    "recovery.orphan_discard_audit_append",
};

class Failpoint {
 public:
  // Does not compile for a name that is not in kFailpoints.
  consteval Failpoint(const char* name)
      : name_(Known(name)) {}  // NOLINT(google-explicit-constructor)

  constexpr operator std::string_view() const {
    return name_;
  }  // NOLINT(google-explicit-constructor)

 private:
  static consteval std::string_view Known(std::string_view name) {
    const auto* const found = std::find(std::begin(kFailpoints), std::end(kFailpoints), name);
    if (found == std::end(kFailpoints)) throw "no such failpoint";
    return *found;
  }

  std::string_view name_;
};

}  // namespace og::engine::graph
