// The checks across rows: each rule with input alone and against committed rows, in both modes, and
// the ledger below them against a map, with and without memory.

#include "engine/graph/load/integrity.h"

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "gtest/gtest.h"

#include "engine/graph/load/graph_batch_testing.h"
#include "engine/graph/load/key_ledger.h"
#include "engine/graph/load/known_keys.h"
#include "io/base/error_detail.h"
#include "io/base/text.h"

namespace og::engine::graph {
namespace {

constexpr std::string_view kSchema = R"(
node Person { name: String @key mail: String? @unique }
node Team { slug: String @key }
edge Knows: Person -> Person { @unique(src, dst) }
edge MemberOf: Person -> Team @card(1..2)
)";

std::string Person(std::string_view name, std::string_view mail = "") {
  return io::StrCat("{\"type\":\"Person\",\"data\":{\"name\":\"", name, "\"",
                    mail.empty() ? "" : io::StrCat(",\"mail\":\"", mail, "\""), "}}\n");
}
std::string Team(std::string_view slug) {
  return io::StrCat("{\"type\":\"Team\",\"data\":{\"slug\":\"", slug, "\"}}\n");
}
std::string Edge(std::string_view type, std::string_view from, std::string_view to) {
  return io::StrCat("{\"edge\":\"", type, "\",\"from\":\"", from, "\",\"to\":\"", to, "\"}\n");
}

class IntegrityTest : public LoadTest {
 protected:
  IntegrityTest() : LoadTest(kSchema) {}

  // The verdict on loading `input` into a graph that holds `committed`; "" if it is fine. It does
  // not depend on whether nodes or edges come first, nor on when committed nodes are fed.
  std::string Check(LoadMode mode, std::string_view committed, std::string_view input) {
    const auto without_new_ids = [](std::string_view verdict) {
      return std::string(verdict.substr(0, verdict.find(" held by ")));
    };
    std::string verdict = CheckInOrder({{"node:", "edge:"}, false}, mode, committed, input);
    for (const Order& order : {Order{{"edge:", "node:"}, false},
                               {{"node:", "edge:"}, true},
                               {{"edge:", "node:"}, true}}) {
      EXPECT_EQ(without_new_ids(CheckInOrder(order, mode, committed, input)),
                without_new_ids(verdict));
    }
    return verdict;
  }

  struct Order {
    std::vector<std::string> kinds;
    bool asks_before = false;  // what is needed before edges
  };

  std::string CheckInOrder(const Order& order, LoadMode mode, std::string_view committed,
                           std::string_view input) {
    EXPECT_EQ(Read(committed), "");
    std::map<std::string, format::RecordBatch> stored;
    for (const auto& [key, unused] : batches_)
      stored[key] = Rows(key);
    EXPECT_EQ(Read(input), "");
    Integrity integrity(io::RealEnv(), catalog_, mode,
                        io::MemoryBudget::NewRoot("test", uint64_t{64} << 20));
    const auto feed = [&](const std::vector<CommittedNeed>& needs) {
      for (const CommittedNeed& need : needs) {
        if (!stored.contains(need.table_key)) continue;
        EXPECT_TRUE(
            integrity.AddCommitted(need.table_key, Project(stored[need.table_key], need.columns))
                .ok());
      }
    };
    for (const std::string& kind : order.kinds) {
      for (const auto& [key, batches] : batches_) {
        for (const format::RecordBatch& batch : batches) {
          if (!key.starts_with(kind)) continue;
          if (order.asks_before) feed(integrity.NeedsBefore(key));
          EXPECT_TRUE(integrity.AddInput(key, batch, kind == "edge:").ok());
        }
      }
    }
    feed(integrity.CommittedNeeds());
    const absl::Status verdict = integrity.Finish(
        [&](const RowRef& row,
            const std::vector<std::string>& columns) -> absl::StatusOr<format::RecordBatch> {
          const format::RecordBatch all =
              row.committed ? stored[row.table_key] : Rows(row.table_key);
          return Project(format::Slice(all, static_cast<int64_t>(row.row), 1), columns);
        });
    const auto detail = io::DetailOf(verdict);
    kind_ = detail ? detail->kind : io::ErrorKind::kInternal;
    return std::string(verdict.message());
  }

  static format::RecordBatch Project(const format::RecordBatch& batch,
                                     const std::vector<std::string>& columns) {
    auto schema = std::make_shared<format::Schema>();
    format::RecordBatch projected{nullptr, batch.num_rows, {}};
    for (const std::string& column : columns) {
      schema->fields.push_back(batch.schema->fields[*batch.schema->IndexOf(column)]);
      projected.columns.push_back(batch.Column(column));
    }
    projected.schema = schema;
    return projected;
  }

  io::ErrorKind kind_ = io::ErrorKind::kInternal;
};

TEST_F(IntegrityTest, AcceptsWhatHolds) {
  const std::string all = Person("a", "m1") + Person("b", "m2") + Person("c") + Person("d") +
                          Team("t") + Edge("Knows", "a", "b") + Edge("Knows", "b", "a") +
                          Edge("MemberOf", "a", "t");
  EXPECT_EQ(Check(LoadMode::kOverwrite, "", all), "");
  EXPECT_EQ(Check(LoadMode::kOverwrite, all, all), "");
  EXPECT_EQ(Check(LoadMode::kAppend, all, Person("e") + Edge("Knows", "e", "a")), "");
}

TEST_F(IntegrityTest, KeysAreUnique) {
  EXPECT_EQ(Check(LoadMode::kAppend, "", Person("a") + Person("b") + Person("a")),
            "@unique violation on Person.name: value 'a' held by 'a' and 'a'");
  EXPECT_EQ(Check(LoadMode::kAppend, Person("a"), Person("b") + Person("a")),
            "node type 'Person' already has this id: 'a'");
  EXPECT_EQ(kind_, io::ErrorKind::kKeyConflict);
  EXPECT_EQ(Check(LoadMode::kOverwrite, Person("a"), Person("a")), "");
}

TEST_F(IntegrityTest, UniqueGroupsHoldInTheInputAndAgainstTheStore) {
  EXPECT_EQ(Check(LoadMode::kAppend, "", Person("a", "m") + Person("b", "m")),
            "@unique violation on Person.mail: value 'm' held by 'a' and 'b'");
  EXPECT_EQ(Check(LoadMode::kAppend, Person("a", "m"), Person("b", "m")),
            "@unique violation on Person.mail: value 'm' held by 'a' and 'b'");
  EXPECT_EQ(Check(LoadMode::kAppend, Person("a"), Person("b")), "");
  const std::string twice = Check(LoadMode::kAppend, Person("a") + Person("b"),
                                  Edge("Knows", "a", "b") + Edge("Knows", "a", "b"));
  EXPECT_TRUE(twice.starts_with("@unique violation on Knows.(dst, src): value '(b, a)'") ||
              twice.starts_with("@unique violation on Knows.(src, dst): value '(a, b)'"))
      << twice;
}

TEST_F(IntegrityTest, EdgesHaveBothEnds) {
  EXPECT_EQ(Check(LoadMode::kAppend, Person("a"), Edge("Knows", "a", "x")),
            "dst 'x' not found in Person");
  EXPECT_EQ(Check(LoadMode::kAppend, Person("a"), Edge("Knows", "x", "a")),
            "src 'x' not found in Person");
  EXPECT_EQ(Check(LoadMode::kAppend, "", Person("a") + Edge("MemberOf", "a", "a")),
            "dst 'a' not found in Team");
}

TEST_F(IntegrityTest, ReplacedNodesMustKeepTheEndsOfEdgesThatStay) {
  const std::string before = Person("a") + Person("b") + Edge("Knows", "a", "b");
  EXPECT_EQ(Check(LoadMode::kOverwrite, before, Person("a")), "dst 'b' not found in Person");
  EXPECT_EQ(Check(LoadMode::kOverwrite, before, Person("a") + Person("b") + Person("c")), "");
  EXPECT_EQ(Check(LoadMode::kOverwrite, before, Person("a") + Edge("Knows", "a", "a")), "");
}

TEST_F(IntegrityTest, CardinalityCountsCommittedEdges) {
  const std::string base = Person("a") + Team("t") + Team("u") + Team("v");
  const std::string two = Edge("MemberOf", "a", "t") + Edge("MemberOf", "a", "u");
  EXPECT_EQ(Check(LoadMode::kAppend, base, two), "");
  EXPECT_EQ(Check(LoadMode::kAppend, base + two, Edge("MemberOf", "a", "v")),
            "@card violation on edge MemberOf: source 'a' has 3 edges (max 2)");
  EXPECT_EQ(Check(LoadMode::kOverwrite, base + two, Edge("MemberOf", "a", "v")), "");
  EXPECT_EQ(Check(LoadMode::kOverwrite, base + Person("b") + Edge("MemberOf", "b", "t") + two,
                  Edge("MemberOf", "a", "v")),
            "@card violation on edge MemberOf: source 'b' has 0 edges (min 1)");
}

TEST(KeyLedgerTest, AgreesWithAMapInMemoryAndSpilled) {
  for (const uint64_t budget : {uint64_t{1} << 30, uint64_t{1} << 16}) {
    KeyLedger ledger(io::RealEnv(), io::MemoryBudget::NewRoot("test", budget));
    std::map<std::pair<uint64_t, uint64_t>, std::vector<std::pair<uint16_t, uint64_t>>> model;
    for (uint64_t row = 0; row < 200000; ++row) {
      const KeyHash key = ledger.Hash(std::to_string(row * 7919 % 65521));
      const auto source = static_cast<uint16_t>(row % 3);
      ASSERT_TRUE(ledger.Add(key, source, row).ok());
      model[{key.low, key.high}].emplace_back(source, row);
    }
    EXPECT_EQ(ledger.spilled(), budget < (1 << 20));
    size_t keys = 0;
    ASSERT_TRUE(ledger
                    .Finish([&](std::span<const LedgerEntry> same) {
                      auto& expected = model[{same[0].key.low, same[0].key.high}];
                      std::sort(expected.begin(), expected.end());
                      std::vector<std::pair<uint16_t, uint64_t>> found;
                      for (const LedgerEntry& entry : same) {
                        found.emplace_back(entry.source, entry.row);
                      }
                      EXPECT_EQ(found, expected);
                      ++keys;
                      return absl::OkStatus();
                    })
                    .ok());
    EXPECT_EQ(keys, model.size());
  }
}

TEST(KnownKeysTest, KnowsWhatWasAddedWhileThereIsRoom) {
  for (const uint64_t limit : {uint64_t{1} << 30, uint64_t{1} << 20}) {
    const auto budget = io::MemoryBudget::NewRoot("test", limit);
    KeyLedger ledger(io::RealEnv(), budget);
    constexpr int kNumKeys = 200'000;
    int num_known = 0;
    {
      KnownKeys known(budget);
      for (int i = 0; i < kNumKeys; i += 2)
        known.Add(ledger.Hash(std::to_string(i)));
      for (int i = 0; i < kNumKeys; i += 2)
        known.Add(ledger.Hash(std::to_string(i)));
      for (int i = 0; i < kNumKeys; ++i) {
        const bool found = known.Contains(ledger.Hash(std::to_string(i)));
        if (i % 2 == 1) {
          ASSERT_FALSE(found) << i;
        }
        if (found) ++num_known;
      }
      EXPECT_LE(budget->used(), limit);
    }
    EXPECT_EQ(budget->used(), 0);
    if (limit > 1 << 20) {
      EXPECT_EQ(num_known, kNumKeys / 2);
    } else {
      EXPECT_GT(num_known, 10'000);
      EXPECT_LT(num_known, kNumKeys / 2);
    }
  }
}

TEST(KnownKeysTest, AHashOfZeroIsAKey) {
  KnownKeys known(io::MemoryBudget::NewRoot("test", 1 << 20));
  EXPECT_FALSE(known.Contains({.low = 0, .high = 0}));
  known.Add({.low = 0, .high = 0});
  EXPECT_TRUE(known.Contains({.low = 0, .high = 0}));
  EXPECT_FALSE(known.Contains({.low = 1, .high = 0}));
}

TEST(KeyLedgerTest, PartsOfAKeyAreKeptApart) {
  KeyLedger ledger(io::RealEnv(), io::MemoryBudget::NewRoot("test", 1 << 20));
  const std::string_view one[] = {"a", "bc"};
  const std::string_view other[] = {"ab", "c"};
  EXPECT_NE(ledger.Hash(one), ledger.Hash(other));
}

}  // namespace
}  // namespace og::engine::graph
