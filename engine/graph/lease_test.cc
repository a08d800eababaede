// Writers on two machines that share storage and no clock: a living one is never recovered, a slow
// one loses or finds its write finished, and nobody is left with a table ahead of what is
// published.
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include "engine/graph/graph.h"
#include "engine/graph/graph_testing.h"
#include "engine/graph/recovery/writer_lease.h"
#include "engine/graph/shared_machines_testing.h"
#include "engine/query/parse.h"
#include "io/base/error_detail.h"
#include "io/base/text.h"
#include "io/env/sim_env.h"
#include "tests/support/seed.h"
#include "tests/support/status_matchers.h"

namespace og::engine::graph {
namespace {

using ::og::tests::IsOk;
using ::testing::HasSubstr;

// After this long a lease is over by every clock.
constexpr int64_t kOverUs = kLeaseUs + kLeaseMarginUs + 1'000'000;

class LeaseTest : public SharedMachines {
 protected:
  LeaseTest() : SharedMachines(tests::Seed()) {}

  void SetUp() override {
    ASSERT_THAT(Graph::Init(*here_, Root(*here_), kPeopleSchema, {}), IsOk());
    ASSERT_THAT(Open(*here_)->CreateBranch("b", "main"), IsOk());
  }

  static std::shared_ptr<Graph> Open(io::Env& env) {
    auto graph = Graph::Open(env, Root(env), OpenMode::kReadWrite);
    EXPECT_THAT(graph, IsOk());
    return *std::move(graph);
  }

  static absl::Status Mutate(Graph& graph, std::string_view statements,
                             const std::string& branch = "main") {
    const std::string text = io::StrCat("query q() { ", statements, " }");
    const auto file = query::ParseQueryFile(text);
    if (!file.ok()) return file.status();
    MutateOptions options;
    options.branch = branch;
    return graph.Mutate(file->queries[0], {}, options).status();
  }

  // Writes here; `elsewhere` happens on the other machine when the write first reaches `point`.
  absl::Status WriteWhile(const char* point, std::string_view statements,
                          const std::function<void()>& elsewhere) {
    bool reached = false;
    const io::ScopedCrashPoint hook(here_->crash_points(), point, [&]() -> absl::Status {
      if (!std::exchange(reached, true)) elsewhere();
      return absl::OkStatus();
    });
    const absl::Status written = Mutate(*Open(*here_), statements);
    EXPECT_TRUE(reached);
    return written;
  }

  std::vector<std::string> Objects(std::string_view folder) {
    const io::Location place = Root(*here_).Child(folder);
    const auto listed = place.store->List(place.path, {});
    EXPECT_THAT(listed, IsOk());
    std::vector<std::string> paths;
    for (const io::ObjectInfo& object : *listed)
      paths.push_back(object.path);
    return paths;
  }

  // Everything is settled: a write to each table goes through on both machines.
  void ExpectHealthy() {
    EXPECT_THAT(Objects("__recovery"), ::testing::IsEmpty());
    EXPECT_THAT(
        Mutate(*Open(*there_), "insert Team { slug: \"z1\" } insert Person { name: \"z\" }"),
        IsOk());
    EXPECT_THAT(Mutate(*Open(*here_), "insert Team { slug: \"z2\" } insert Person { name: \"z\" }"),
                IsOk());
  }
};

TEST_F(LeaseTest, ALivingWriterIsPassedBy) {
  ASSERT_THAT(WriteWhile("mutation.post_table_commit", "insert Team { slug: \"t\" }",
                         [&] {
                           const auto graph = Open(*there_);
                           EXPECT_THAT(Mutate(*graph, "insert Team { slug: \"o\" }", "b"), IsOk());
                           EXPECT_EQ(Objects("__recovery").size(), 1u);
                         }),
              IsOk());
  EXPECT_EQ(Open(*there_)->ListCommits("main")->size(), 2u);
  ExpectHealthy();
}

TEST_F(LeaseTest, AWriterOfTheSameBranchFinishesASlowOne) {
  ASSERT_THAT(WriteWhile("mutation.post_finalize_pre_publisher", "insert Team { slug: \"t\" }",
                         [&] {
                           // Waits until the lease is over, by its own clock.
                           const int64_t start_us = there_->NowUs();
                           EXPECT_THAT(Mutate(*Open(*there_), "insert Team { slug: \"o\" }"),
                                       IsOk());
                           EXPECT_GE(there_->NowUs() - start_us, kLeaseUs / 2 + kLeaseMarginUs);
                         }),
              IsOk());
  const auto commits = Open(*there_)->ListCommits("main");
  EXPECT_EQ(commits->size(), 3u);
  EXPECT_THAT(ExportText(*Open(*here_)), HasSubstr("\"t\""));
  ExpectHealthy();
}

TEST_F(LeaseTest, ASlowWriterFindsItsVersionsTaken) {
  ASSERT_THAT(WriteWhile("mutation.post_sidecar_pre_fork", "insert Team { slug: \"t\" }",
                         [&] {
                           Open(*there_);  // passes it by
                           EXPECT_EQ(Objects("__recovery").size(), 1u);
                           there_->AdvanceUs(kOverUs);
                           Open(*there_);
                           EXPECT_EQ(Objects("__recovery").size(), 0u);
                         }),
              IsOk());
  // The first attempt was taken back, the second one went through.
  const auto commits = Open(*there_)->ListCommits("main");
  ASSERT_EQ(commits->size(), 3u);
  EXPECT_EQ((*commits)[1].actor_id, "omnigraph:recovery");
  ExpectHealthy();
}

// A handle that was open all the time waits for the lease of a writer that died elsewhere, and
// takes back what that has begun.
TEST_F(LeaseTest, AnOpenHandleRecoversWhoDiedElsewhere) {
  const auto graph = Open(*here_);
  const auto dead = Open(*there_);
  there_->crash_points().Fail("mutation.post_table_commit");
  EXPECT_FALSE(Mutate(*dead, "insert Team { slug: \"t\" }").ok());
  there_->crash_points().Clear("mutation.post_table_commit");
  const int64_t start_us = here_->NowUs();
  ASSERT_THAT(Mutate(*graph, "insert Person { name: \"p\" }"), IsOk());
  EXPECT_GE(here_->NowUs() - start_us, kLeaseUs / 2 + kLeaseMarginUs);
  const auto commits = graph->ListCommits("main");
  ASSERT_EQ(commits->size(), 3u);
  EXPECT_EQ((*commits)[1].actor_id, "omnigraph:recovery");
  EXPECT_THAT(ExportText(*graph), ::testing::Not(HasSubstr("\"t\"")));
  there_->AdvanceUs(kOverUs);
  ExpectHealthy();
}

// Two machines find the record of a dead third one at the same time: whoever is later at whatever
// step has nothing left to do.
TEST_F(LeaseTest, TwoRecoverTheSameRecord) {
  int num_met = 0;
  for (const char* dies_at :
       {"mutation.post_table_commit", "mutation.post_finalize_pre_publisher"}) {
    for (const char* meet_at :
         {"recovery.sidecar_confirm", "recovery.before_roll_forward_publish",
          "recovery.post_table_restore_pre_publish", "recovery.post_rollback_publish_pre_audit",
          "recovery.record_audit", "recovery.sidecar_delete"}) {
      SCOPED_TRACE(io::StrCat(dies_at, ", ", meet_at));
      const auto other = NewMachine(tests::Seed() + 2);
      there_->crash_points().Fail(dies_at);
      EXPECT_FALSE(Mutate(*Open(*there_), "insert Team { slug: \"t\" }").ok());
      there_->crash_points().Clear(dies_at);
      here_->AdvanceUs(kOverUs);
      other->AdvanceUs(kOverUs);
      bool reached = false;
      const io::ScopedCrashPoint hook(here_->crash_points(), meet_at, [&]() -> absl::Status {
        if (!std::exchange(reached, true)) Open(*other);
        return absl::OkStatus();
      });
      Open(*here_);
      num_met += reached ? 1 : 0;
      there_->AdvanceUs(kOverUs);
      ExpectHealthy();
    }
  }
  EXPECT_GE(num_met, 8);
}

// A process does not wait for its own lease when a write of its own has failed, and keeps it.
TEST_F(LeaseTest, AFailureOfOnesOwnIsResolvedAtOnce) {
  const auto graph = Open(*here_);
  here_->crash_points().Fail("mutation.post_table_commit");
  EXPECT_FALSE(Mutate(*graph, "insert Team { slug: \"t\" }").ok());
  here_->crash_points().Clear("mutation.post_table_commit");
  const int64_t start_us = here_->NowUs();
  const absl::Status blocked = Mutate(*graph, "insert Person { name: \"p\" }");
  EXPECT_EQ(io::DetailOf(blocked)->kind, io::ErrorKind::kRecoveryRequired);
  EXPECT_EQ(Objects("__recovery").size(), 1u);
  Open(*here_);
  EXPECT_THAT(Objects("__recovery"), ::testing::IsEmpty());
  EXPECT_EQ(Objects(kLeaseFolder).size(), 1u);
  here_->crash_points().Fail("mutation.post_finalize_pre_publisher");
  EXPECT_FALSE(Mutate(*graph, "insert Team { slug: \"t\" }").ok());
  here_->crash_points().Clear("mutation.post_finalize_pre_publisher");
  ASSERT_THAT(Mutate(*graph, "insert Person { name: \"p\" }"), IsOk());
  EXPECT_THAT(ExportText(*graph), HasSubstr("\"t\""));
  EXPECT_LT(here_->NowUs() - start_us, kLeaseMarginUs);
  ExpectHealthy();
}

// A writer that stops before its confirmation finds its record gone, or changed by a recovery that
// has not ended.
TEST_F(LeaseTest, ASlowWriterFindsItsRecordTaken) {
  for (const char* stops_at : {"", "recovery.post_table_restore_pre_publish",
                               "recovery.post_rollback_publish_pre_audit"}) {
    SCOPED_TRACE(stops_at);
    const std::string slug = io::StrCat("t", stops_at);
    ASSERT_THAT(
        WriteWhile("recovery.sidecar_confirm", io::StrCat("insert Team { slug: \"", slug, "\" }"),
                   [&] {
                     there_->AdvanceUs(kOverUs);
                     if (*stops_at == '\0') {
                       Open(*there_);
                       return;
                     }
                     there_->crash_points().Fail(stops_at);
                     EXPECT_FALSE(Graph::Open(*there_, Root(*there_), OpenMode::kReadWrite).ok());
                     there_->crash_points().Clear(stops_at);
                     EXPECT_EQ(Objects("__recovery").size(), 1u);
                   }),
        IsOk());
    const auto commits = Open(*there_)->ListCommits("main");
    EXPECT_EQ((*commits)[1].actor_id, "omnigraph:recovery");
    EXPECT_THAT(ExportText(*Open(*here_)), HasSubstr(io::StrCat("\"", slug, "\"")));
    here_->AdvanceUs(kOverUs);
  }
  ExpectHealthy();
}

TEST_F(LeaseTest, AWriteThatWasHalfWayIsTakenBackAsAWhole) {
  const std::string two = "insert Team { slug: \"t\" } insert Person { name: \"p\" }";
  ASSERT_THAT(WriteWhile("mutation.post_table_commit", two,
                         [&] {
                           there_->AdvanceUs(kOverUs);
                           EXPECT_EQ(ExportText(*Open(*there_)), "");
                           EXPECT_EQ(Objects("__recovery").size(), 0u);
                         }),
              IsOk());
  const std::string seen = ExportText(*Open(*there_));
  EXPECT_THAT(seen, HasSubstr("\"t\""));
  EXPECT_THAT(seen, HasSubstr("\"p\""));
  ExpectHealthy();
}

// The source of a merge goes on another machine when everything is staged.
TEST_F(LeaseTest, AMergeFindsOutThatItsSourceIsGone) {
  ASSERT_THAT(Mutate(*Open(*here_), "insert Team { slug: \"t\" }", "b"), IsOk());
  const auto graph = Open(*here_);
  bool is_gone = false;
  absl::Status merged;
  {
    const io::ScopedCrashPoint hook(
        here_->crash_points(), "mutation.post_stage_pre_effect_gate", [&]() -> absl::Status {
          return std::exchange(is_gone, true) ? absl::OkStatus() : Open(*there_)->DeleteBranch("b");
        });
    merged = graph->MergeBranch({.source = "b", .target = "main", .actor_id = {}, .dry_run = false})
                 .status();
  }
  EXPECT_TRUE(is_gone);
  ASSERT_FALSE(merged.ok());
  EXPECT_EQ(io::DetailOf(merged)->kind, io::ErrorKind::kNotFound) << merged;
  EXPECT_EQ(ExportText(*graph), "");
  EXPECT_EQ(graph->ListCommits("main")->size(), 1u);
  ExpectHealthy();
}

// Two machines that arm at the same time: one publishes, the other takes its effects back at once
// and, for inserts, tries again.
TEST_F(LeaseTest, WhoLosesTakesItsEffectsBack) {
  bool has_met = false;
  const io::ScopedCrashPoint hook(
      here_->crash_points(), "recovery.sidecar_write", [&]() -> absl::Status {
        if (std::exchange(has_met, true)) return absl::OkStatus();
        // Everything was as captured; another machine publishes before the effects begin.
        EXPECT_THAT(Mutate(*Open(*there_), "insert Person { name: \"first\" }"), IsOk());
        return absl::OkStatus();
      });
  ASSERT_THAT(Mutate(*Open(*here_), "insert Team { slug: \"t\" }"), IsOk());
  const auto commits = Open(*there_)->ListCommits("main");
  ASSERT_EQ(commits->size(), 4u);
  EXPECT_EQ((*commits)[1].actor_id, "omnigraph:recovery");
  const std::string seen = ExportText(*Open(*there_));
  EXPECT_THAT(seen, HasSubstr("\"t\""));
  EXPECT_THAT(seen, HasSubstr("\"first\""));
  ExpectHealthy();
}

TEST_F(LeaseTest, IsRenewedNowAndThenAndGivenBack) {
  {
    const auto graph = Open(*here_);
    for (const char* slug : {"a", "b", "c"}) {
      ASSERT_THAT(Mutate(*graph, io::StrCat("insert Team { slug: \"", slug, "\" }")), IsOk());
      EXPECT_EQ(Objects(kLeaseFolder).size(), 1u);
    }
    const std::string first = Objects(kLeaseFolder)[0];
    const auto before = store_->Stat(first);
    here_->AdvanceUs(kLeaseUs / 2);
    ASSERT_THAT(Mutate(*graph, "insert Team { slug: \"d\" }"), IsOk());
    EXPECT_NE(store_->Stat(first)->e_tag, before->e_tag);
    // One that has ended is not taken up again.
    here_->AdvanceUs(2 * kLeaseUs);
    ASSERT_THAT(Mutate(*graph, "insert Team { slug: \"e\" }"), IsOk());
    EXPECT_EQ(Objects(kLeaseFolder).size(), 2u);
  }
  EXPECT_EQ(Objects(kLeaseFolder).size(), 1u);
}

}  // namespace
}  // namespace og::engine::graph
