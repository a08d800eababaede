// Two writers that meet at a named point: while one is there, the other one does all that it has to
// do. Points before the gates are met on the same machine; those behind them by a machine of its
// own on the same store, which is what another computer is.
//
// | point | what happens there |
// |---|---|
// | mutation.post_stage_pre_effect_gate | another commit: mutate_test RaceTest; the branch goes;
// drift | | mutation.post_no_effect_pre_gate | another commit | |
// branch_control.post_recovery_barrier | a record appears | | branch_merge.post_authority_capture |
// the source or the target goes, or moves | | branch_merge.post_candidate_validation | the same;
// drift | | fork.before_classify | nobody else's ref is taken | | recovery.post_list_pre_gates,
// .post_sidecar_list_pre_read | the record goes | | recovery.before_roll_forward_publish | somebody
// else publishes the same record | | graph_publish.before_commit_append | somebody else publishes |
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include "engine/dataset/dataset.h"
#include "engine/graph/failpoints.h"
#include "engine/graph/graph.h"
#include "engine/graph/graph_testing.h"
#include "engine/query/parse.h"
#include "io/base/error_detail.h"
#include "io/base/status.h"
#include "io/base/text.h"
#include "io/env/sim_env.h"
#include "tests/support/crash_machine.h"
#include "tests/support/seed.h"
#include "tests/support/status_matchers.h"

namespace og::engine::graph {
namespace {

using ::og::tests::IsOk;
using ::og::tests::Machine;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr std::string_view kTeam = "{\"type\":\"Team\",\"data\":{\"slug\":\"zz\"}}\n";
constexpr std::string_view kOther = "{\"type\":\"Team\",\"data\":{\"slug\":\"other\"}}\n";

absl::Status Load(Graph& graph, std::string_view text, const std::string& branch = "main") {
  return LoadText(graph, text, LoadMode::kAppend, branch).status();
}

absl::Status Merge(Graph& graph) {
  return graph.MergeBranch({.source = "b", .target = "main", .actor_id = {}, .dry_run = false})
      .status();
}

io::ErrorKind KindOf(const absl::Status& status) {
  const auto detail = io::DetailOf(status);
  return detail.has_value() ? detail->kind : io::ErrorKind::kInternal;
}

class RacesTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_THAT(Graph::Init(machine_.env(), machine_.root(), kPeopleSchema, {}), IsOk());
    graph_ = *machine_.Open();
    ASSERT_THAT(Load(*graph_, kPeople), IsOk());
    ASSERT_THAT(graph_->CreateBranch("b", "main"), IsOk());
    ASSERT_THAT(Load(*graph_, kTeam, "b"), IsOk());
    other_ = *machine_.Open();
  }

  // Runs `act` while, once, `meanwhile` happens at `point`; false if it was not reached.
  absl::Status At(Failpoint point, const std::function<absl::Status()>& meanwhile,
                  const std::function<absl::Status()>& act) {
    bool met = false;
    absl::Status other = absl::OkStatus();
    machine_.env().crash_points().Set(point, [&]() -> absl::Status {
      if (!std::exchange(met, true)) other = meanwhile();
      return absl::OkStatus();
    });
    absl::Status status = act();
    machine_.env().crash_points().Clear(point);
    EXPECT_TRUE(met) << std::string_view(point) << " was not reached";
    EXPECT_THAT(other, IsOk());
    return status;
  }

  // A machine of its own on the same store, which knows nothing of the gates of the first one.
  absl::Status InAnotherMachine(const std::function<absl::Status(io::Env&, Graph&)>& act) {
    io::SimEnvOptions options;
    options.wrap_store = [this](const std::shared_ptr<io::Store>&) {
      return machine_.root().store;
    };
    io::SimEnv env(tests::Seed() + 1000 + ++num_others_, options);
    const auto graph = Graph::Open(env, *env.Resolve(tests::kMachineRoot), OpenMode::kReadWrite);
    if (!graph.ok()) return graph.status();
    return act(env, **graph);
  }

  // Commits a version of Team behind the graph's back.
  absl::Status Drift() {
    const auto info = graph_->DescribeSnapshot({});
    for (const DatasetInfo& table : info->datasets) {
      if (table.type_name != "Team") continue;
      const auto team =
          dataset::Dataset::Open(machine_.env(), machine_.root().Child(table.dataset_path), {});
      const auto staged = (*team)->StageRestore((*team)->version() - 1, {});
      return (*team)->CommitExact(*staged).status();
    }
    return absl::NotFoundError("no Team");
  }

  std::string Text(const std::string& branch = "main") {
    return ExportText(**machine_.Open(), {.branch = branch, .snapshot = std::nullopt});
  }

  Machine machine_;
  std::shared_ptr<Graph> graph_;
  std::shared_ptr<Graph> other_;
  uint64_t num_others_ = 0;
};

TEST_F(RacesTest, ANoOpThatDependsOnTheHeadSeesTheOtherCommit) {
  const auto file = query::ParseQueryFile("query q() { delete Person where name = \"nobody\" }");
  MutateOptions options;
  options.expected_head = graph_->ListCommits("main")->front().graph_commit_id;
  const absl::Status status = At(
      "mutation.post_no_effect_pre_gate", [&] { return Load(*other_, kOther); },
      [&] { return graph_->Mutate(file->queries[0], {}, options).status(); });
  EXPECT_EQ(KindOf(status), io::ErrorKind::kPreconditionFailed);
}

TEST_F(RacesTest, AMergeIsFencedAgainstAMovedTarget) {
  for (const Failpoint point : {Failpoint("branch_merge.post_authority_capture"),
                                Failpoint("branch_merge.post_candidate_validation")}) {
    SCOPED_TRACE(std::string_view(point));
    const std::string text = io::StrCat("{\"type\":\"Team\",\"data\":{\"slug\":\"x",
                                        std::string_view(point).size(), "\"}}\n");
    const std::string on_branch = io::StrCat("{\"type\":\"Team\",\"data\":{\"slug\":\"b",
                                             std::string_view(point).size(), "\"}}\n");
    ASSERT_THAT(Load(*graph_, on_branch, "b"), IsOk());
    const absl::Status status = At(
        point, [&] { return Load(*other_, text); }, [&] { return Merge(*graph_); });
    // Refused, or made over the other commit; never half of it.
    if (!status.ok()) {
      EXPECT_EQ(KindOf(status), io::ErrorKind::kReadSetChanged) << status;
      EXPECT_THAT(Text(), Not(HasSubstr(io::StrCat("\"b", std::string_view(point).size(), "\""))));
    }
    EXPECT_THAT(Text(), HasSubstr(io::StrCat("\"x", std::string_view(point).size(), "\"")));
  }
  EXPECT_THAT(Merge(*graph_), IsOk());
  EXPECT_THAT(Text(), HasSubstr("\"zz\""));
  EXPECT_THAT(Text(), HasSubstr("\"b35\""));
}

// The merge begins again, and finds nothing to do: what it had captured is not written.
TEST_F(RacesTest, AMergeOfASourceThatIsMadeAgainForgetsTheFormerOne) {
  const absl::Status status = At(
      "branch_merge.post_candidate_validation",
      [&] {
        const absl::Status deleted = other_->DeleteBranch("b");
        return deleted.ok() ? other_->CreateBranch("b", "main") : deleted;
      },
      [&] { return Merge(*graph_); });
  EXPECT_THAT(status, IsOk());
  EXPECT_EQ(Text(), kPeopleExport);
}

TEST_F(RacesTest, AMergeDoesNotWriteOverDrift) {
  ASSERT_THAT(Load(*graph_, kOther), IsOk());  // so that Team is merged row by row
  const absl::Status status = At(
      "branch_merge.post_candidate_validation", [&] { return Drift(); },
      [&] { return Merge(*graph_); });
  EXPECT_EQ(KindOf(status), io::ErrorKind::kConflict) << status;
  EXPECT_THAT(std::string(io::Message(status)), HasSubstr("run `omnigraph repair` before writing"));
}

TEST_F(RacesTest, AWriteDoesNotGoOverDrift) {
  const absl::Status status = At(
      "mutation.post_stage_pre_effect_gate", [&] { return Drift(); },
      [&] { return Load(*graph_, kOther); });
  EXPECT_EQ(KindOf(status), io::ErrorKind::kConflict) << status;
  EXPECT_EQ(Text(), kPeopleExport);
}

// The record of a write that has gone meanwhile needs nothing.
TEST_F(RacesTest, ARecordMayGoWhileRecoveryLooksAtIt) {
  for (const Failpoint point : {Failpoint("recovery.post_list_pre_gates"),
                                Failpoint("recovery.post_sidecar_list_pre_read")}) {
    SCOPED_TRACE(std::string_view(point));
    machine_.env().crash_points().Fail(Failpoint("mutation.post_sidecar_pre_fork"));
    ASSERT_FALSE(Load(*graph_, kOther).ok());
    machine_.env().crash_points().Clear(Failpoint("mutation.post_sidecar_pre_fork"));
    const auto remove = [&]() -> absl::Status {
      return machine_.root().store->DeletePrefix(machine_.root().Child("__recovery").path);
    };
    EXPECT_THAT(At(point, remove, [&] { return machine_.Open().status(); }), IsOk());
    EXPECT_EQ(Text(), kPeopleExport);
  }
}

// Another machine resolves the same record first.
TEST_F(RacesTest, TwoRecoveriesOfOneRecordConverge) {
  for (const Failpoint died : {Failpoint("mutation.post_finalize_pre_publisher"),
                               Failpoint("graph_publish.after_manifest_commit")}) {
    SCOPED_TRACE(std::string_view(died));
    const std::string text = io::StrCat("{\"type\":\"Team\",\"data\":{\"slug\":\"d",
                                        std::string_view(died).size(), "\"}}\n");
    machine_.env().crash_points().Fail(died);
    ASSERT_FALSE(Load(*graph_, text).ok());
    machine_.env().crash_points().Clear(died);
    const size_t commits = graph_->ListCommits("main")->size();
    bool met = false;
    machine_.env().crash_points().Set(Failpoint("recovery.record_audit"), [&]() -> absl::Status {
      if (std::exchange(met, true)) return absl::OkStatus();
      return InAnotherMachine([](io::Env&, Graph&) { return absl::OkStatus(); });
    });
    EXPECT_THAT(machine_.Open(), IsOk());
    machine_.env().crash_points().Clear(Failpoint("recovery.record_audit"));
    EXPECT_TRUE(met);
    EXPECT_THAT(Text(), HasSubstr(io::StrCat("\"d", std::string_view(died).size(), "\"")));
    const bool was_published =
        std::string_view(died) == std::string_view("graph_publish.after_manifest_commit");
    EXPECT_EQ(graph_->ListCommits("main")->size(), commits + (was_published ? 0 : 1));
  }
}

// A lost race for the next version of `__manifest`: the loser says so and nothing of it is there,
// or it is there once.
TEST_F(RacesTest, PublishersOfOneBranchTakeTurns) {
  bool met = false;
  machine_.env().crash_points().Set(
      Failpoint("mutation.post_stage_pre_effect_gate"), [&]() -> absl::Status {
        if (std::exchange(met, true)) return absl::OkStatus();
        return InAnotherMachine([](io::Env&, Graph& other) { return Load(other, kOther); });
      });
  EXPECT_THAT(Load(*graph_, kTeam), IsOk());
  EXPECT_TRUE(met);
  EXPECT_THAT(Text(), HasSubstr("\"other\""));
  EXPECT_THAT(Text(), HasSubstr("\"zz\""));
  const auto commits = graph_->ListCommits("main");
  for (size_t i = 0; i + 1 < commits->size(); ++i)
    EXPECT_EQ((*commits)[i].parent_commit_id, (*commits)[i + 1].graph_commit_id);
}

// A record that appears after the barrier of branch control keeps the name; deleting drops the
// write.
TEST_F(RacesTest, BranchControlSeesALateRecord) {
  bool met = false;
  machine_.env().crash_points().Set(
      Failpoint("branch_control.post_recovery_barrier"), [&]() -> absl::Status {
        if (std::exchange(met, true)) return absl::OkStatus();
        return InAnotherMachine([](io::Env& env, Graph& other) -> absl::Status {
          env.crash_points().Fail(Failpoint("mutation.post_table_commit"));
          EXPECT_FALSE(Load(other, kOther, "b").ok());
          return absl::OkStatus();
        });
      });
  EXPECT_THAT(graph_->DeleteBranch("b"), IsOk());
  machine_.env().crash_points().Clear(Failpoint("branch_control.post_recovery_barrier"));
  EXPECT_TRUE(met);
  EXPECT_EQ(Text(), kPeopleExport);  // opens: the write has lost its branch
  EXPECT_THAT(graph_->CreateBranch("b", "main"), IsOk());
  EXPECT_EQ(Text("b"), kPeopleExport);
}

}  // namespace
}  // namespace og::engine::graph
