// Every variant of the pass over a LIST layer gives what the portable one gives, also in place and
// on damaged levels.
#include "format/page/list_pass.h"

#include <random>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace og::format {
namespace {

struct Outcome {
  ListPassResult result;
  std::vector<uint64_t> starts;
  std::vector<uint16_t> nulls;
  std::vector<uint16_t> rep;
  std::vector<uint16_t> def;

  bool operator==(const Outcome&) const = default;
};

template <typename Start>
Outcome RunPass(const ListPassVariant& variant, const ListNumbers& numbers,
                std::vector<uint16_t> rep, std::vector<uint16_t> def, uint64_t children) {
  const size_t count = rep.size();
  rep.resize(count + kListPassSlack);
  def.resize(count + kListPassSlack);
  std::vector<Start> starts(count + kListPassSlack);
  std::vector<uint16_t> nulls(count + kListPassSlack);
  Outcome outcome;
  outcome.result =
      variant.pass(numbers, {rep.data(), def.data(), count}, children, sizeof(Start) == 8,
                   {starts.data(), nulls.data(), rep.data(), def.data()});
  starts.resize(outcome.result.lists);
  outcome.starts.assign(starts.begin(), starts.end());
  nulls.resize(outcome.result.lists);
  outcome.nulls = nulls;
  rep.resize(outcome.result.kept);
  outcome.rep = rep;
  def.resize(outcome.result.kept);
  outcome.def = def;
  return outcome;
}

TEST(ListPassTest, VariantsAgree) {
  std::mt19937 random(7);
  const auto below = [&](uint32_t n) { return static_cast<uint16_t>(random() % n); };
  const auto variants = ListPassVariants();
  size_t bad = 0;
  for (int round = 0; round < 3000; ++round) {
    ListNumbers numbers;
    numbers.base = below(3);
    numbers.top = static_cast<uint16_t>(numbers.base + below(4));
    numbers.empty = below(2) == 0 ? uint16_t{0} : static_cast<uint16_t>(numbers.base + 1);
    const uint32_t def_count = numbers.top + 1u + below(3);
    const uint32_t rep_count = 1u + below(3);
    const bool is_sound = round % 2 == 0;
    std::vector<uint16_t> rep(below(300));
    std::vector<uint16_t> def(rep.size());
    bool may_go_on = false;
    for (size_t i = 0; i < rep.size(); ++i) {
      rep[i] = below(rep_count + 1);
      def[i] = below(4) != 0 ? below(numbers.base + 1u) : below(def_count);
      if (is_sound && rep[i] == 0) {
        rep[i] = may_go_on ? 0 : 1;
        def[i] = may_go_on ? below(numbers.base + 1u) : def[i];
      }
      may_go_on = def[i] <= numbers.base;
    }
    const uint64_t children = round % 3 == 0 ? 0 : 1'000'000 + random() % 1000;
    const Outcome narrow = RunPass<uint32_t>(variants[0], numbers, rep, def, children);
    const Outcome wide = RunPass<uint64_t>(variants[0], numbers, rep, def, children + (1ull << 40));
    EXPECT_FALSE(is_sound && narrow.result.is_bad);
    bad += narrow.result.is_bad ? 1 : 0;
    for (const ListPassVariant& variant : variants) {
      ASSERT_EQ(RunPass<uint32_t>(variant, numbers, rep, def, children), narrow)
          << variant.name << " round " << round;
      ASSERT_EQ(RunPass<uint64_t>(variant, numbers, rep, def, children + (1ull << 40)), wide)
          << variant.name << " round " << round;
    }
  }
  EXPECT_GT(bad, 500u);
}

// Lists [a b], null, [], [c]: by hand.
TEST(ListPassTest, AHandfulOfLists) {
  const std::vector<uint16_t> rep = {1, 0, 2, 1, 1};
  const std::vector<uint16_t> def = {0, 0, 1, 2, 0};
  for (const ListPassVariant& variant : ListPassVariants()) {
    const Outcome outcome =
        RunPass<uint32_t>(variant, {.base = 0, .empty = 2, .top = 2}, rep, def, 10);
    EXPECT_EQ(outcome.starts, (std::vector<uint64_t>{10, 12, 12, 12})) << variant.name;
    EXPECT_EQ(outcome.nulls, (std::vector<uint16_t>{0, 1, 0, 0})) << variant.name;
    EXPECT_EQ(outcome.rep, (std::vector<uint16_t>{0, 1, 0, 0})) << variant.name;
    EXPECT_EQ(outcome.result.children, 13u) << variant.name;
    EXPECT_FALSE(outcome.result.is_bad) << variant.name;
  }
}

}  // namespace
}  // namespace og::format
