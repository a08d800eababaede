// BTREE indexes: sets of values against a naive model, and for every orderable type random rows
// built (in memory, spilled, merged with an older index) and probed, compared with a scan of the
// rows. The cost of a cold look-up is asserted, and damaged files are refused.
#include "index/scalar/btree.h"

#include <algorithm>
#include <map>

#include "gtest/gtest.h"

#include "format/arrow/builder.h"
#include "index/scalar/btree_build.h"
#include "io/fault/counting_store.h"
#include "io/memory/memory_store.h"
#include "tests/support/random_arrays.h"
#include "tests/support/seed.h"
#include "tests/support/status_matchers.h"

namespace og::index {
namespace {

using format::ArrayPtr;
using format::TypePtr;

std::shared_ptr<io::MemoryStore> NewStore() {
  return std::make_shared<io::MemoryStore>("memory://index/", [] { return int64_t{0}; });
}

std::vector<TypePtr> OrderableTypes() {
  std::vector<TypePtr> types;
  for (const TypePtr& type : tests::AllTypes(true)) {
    if (KeyFormOf(*type)) types.push_back(type);
  }
  return types;
}

// Value i as a key; nullopt for a null.
std::optional<SortKey> KeyAt(const ArrayPtr& values, int64_t i) {
  if (values->IsNull(i)) return std::nullopt;
  return KeysOf(format::Slice(values, i, 1))->At(0);
}

bool Holds(const ValueSet& set, const std::optional<SortKey>& key) {
  if (!key) return set.has_nulls();
  return std::ranges::any_of(set.ranges(), [&](const KeyRange& range) {
    return range.low <= Before(*key) && After(*key) <= range.high;
  });
}

// A set that means something for `values`: points, ranges between them, nulls, mixtures.
ValueSet RandomSet(const ArrayPtr& values, std::mt19937_64& random) {
  const auto key = [&]() -> SortKey {
    for (int tries = 0; tries < 20 && values->length > 0; ++tries) {
      const auto at = static_cast<int64_t>(random() % static_cast<uint64_t>(values->length));
      if (const auto found = KeyAt(values, at)) return *found;
    }
    return {};
  };
  ValueSet set;
  switch (random() % 7) {
    case 0:
      set = ValueSet::Points({key()});
      break;
    case 1:
      set = ValueSet::Points({key(), key(), key(), key(), key(), key()});
      break;
    case 2:
      set = ValueSet::Range(Before(key()), After(key()));
      break;
    case 3:
      set = ValueSet::Range(StartCut(), random() % 2 == 0 ? Before(key()) : After(key()));
      break;
    case 4:
      set = ValueSet::Range(random() % 2 == 0 ? Before(key()) : After(key()), EndCut());
      break;
    case 5:
      set = ValueSet::Points({key()}).NotNullRest();
      break;
    default:
      set = ValueSet::NotNull();
  }
  return random() % 4 == 0 ? set.Or(ValueSet::Nulls()) : set;
}

std::vector<uint64_t> ScanFor(const ValueSet& set, const ArrayPtr& values,
                              std::span<const uint64_t> ids) {
  std::vector<uint64_t> found;
  for (size_t i = 0; i < ids.size(); ++i) {
    if (Holds(set, KeyAt(values, static_cast<int64_t>(i)))) found.push_back(ids[i]);
  }
  std::ranges::sort(found);
  return found;
}

TEST(ValueSetTest, OperationsAgreeWithMembership) {
  std::mt19937_64 random(tests::Seed());
  const auto random_set = [&] {
    ValueSet set;
    for (uint64_t n = random() % 4; n > 0; --n) {
      const auto cut = [&]() -> Cut {
        const SortKey key{random() % 8, {}};
        const auto kind = random() % 10;
        return kind == 0       ? StartCut()
               : kind == 1     ? EndCut()
               : kind % 2 == 0 ? Before(key)
                               : After(key);
      };
      set = set.Or(ValueSet::Range(cut(), cut()));
    }
    return random() % 3 == 0 ? set.Or(ValueSet::Nulls()) : set;
  };
  for (int i = 0; i < 2000; ++i) {
    const ValueSet a = random_set();
    const ValueSet b = random_set();
    EXPECT_EQ(a.Or(b).has_nulls(), a.has_nulls() || b.has_nulls());
    EXPECT_EQ(a.And(b).has_nulls(), a.has_nulls() && b.has_nulls());
    EXPECT_FALSE(a.NotNullRest().has_nulls());
    for (uint64_t word = 0; word < 9; ++word) {
      const SortKey key{word, {}};
      EXPECT_EQ(a.Or(b).Contains(key), a.Contains(key) || b.Contains(key));
      EXPECT_EQ(a.And(b).Contains(key), a.Contains(key) && b.Contains(key));
      EXPECT_EQ(a.NotNullRest().Contains(key), !a.Contains(key));
      EXPECT_EQ(a.Contains(key), Holds(a, key));
    }
  }
}

TEST(ValueSetTest, Prefixes) {
  const ValueSet set = ValueSet::Prefix("ab\xff");
  EXPECT_TRUE(set.Contains({0, "ab\xff"}));
  EXPECT_TRUE(set.Contains({0, "ab\xff\xff\x01"}));
  EXPECT_FALSE(set.Contains({0, "ac"}));
  EXPECT_FALSE(set.Contains({0, "ab"}));
  EXPECT_TRUE(ValueSet::Prefix("\xff").Contains({0, "\xff\xff"}));
  EXPECT_TRUE(ValueSet::Prefix("").Contains({0, ""}));
}

TEST(SortKeyTest, ValuesComeBack) {
  std::mt19937_64 random(tests::Seed());
  for (const TypePtr& type : OrderableTypes()) {
    const ArrayPtr values = tests::RandomArray(type, 200, {}, random);
    const auto keys = KeysOf(values);
    ASSERT_TRUE(keys.ok()) << keys.status();
    const ArrayPtr back = ValuesOf(*keys, type, 3);
    ASSERT_EQ(back->length, 203);
    EXPECT_TRUE(format::Validate(*back).ok()) << type->ToString();
    EXPECT_TRUE(format::Equal(*format::Slice(back, 3, 200), *values)) << type->ToString();
    EXPECT_EQ(back->null_count, 3);
  }
}

TEST(SortKeyTest, FloatsAreInTotalOrder) {
  format::FixedBuilder<double> builder(format::Float64());
  const double nan = std::numeric_limits<double>::quiet_NaN();
  for (const double value : {-nan, -1.0 / 0.0, -2.5, -0.0, 0.0, 1e-300, 7.0, 1.0 / 0.0, nan}) {
    builder.Append(value);
  }
  const auto keys = KeysOf(builder.Finish());
  ASSERT_TRUE(keys.ok());
  EXPECT_TRUE(std::ranges::is_sorted(keys->words));
  EXPECT_EQ(std::ranges::adjacent_find(keys->words), keys->words.end());
}

TEST(BtreeTest, AgreesWithAScan) {
  std::mt19937_64 random(tests::Seed());
  for (const TypePtr& type : OrderableTypes()) {
    for (const tests::DataShape shape : tests::kAllShapes) {
      SCOPED_TRACE(type->ToString() + " " + std::string(tests::ShapeName(shape)));
      const auto store = NewStore();
      const io::Location folder{store, "a"};
      const auto length = static_cast<int64_t>(random() % 3 == 0 ? random() % 5 : random() % 700);
      const ArrayPtr values = tests::RandomArray(
          type, length, {.shape = shape, .null_fraction = random() % 2 == 0 ? 0 : 0.2}, random);
      std::vector<uint64_t> ids;
      for (int64_t i = 0; i < length; ++i) {
        ids.push_back(static_cast<uint64_t>(i) * 3 + (uint64_t{1} << 33));
      }
      const bool spills = random() % 2 == 0;
      const auto builder =
          BtreeBuilder::Open(folder, {.type = type,
                                      .page_rows = static_cast<uint32_t>(1 + random() % 50),
                                      .run_bytes_max = spills ? 2000 : uint64_t{1} << 30});
      ASSERT_TRUE(builder.ok()) << builder.status();
      for (int64_t begin = 0; begin < length; begin += 100) {
        const int64_t count = std::min<int64_t>(100, length - begin);
        ASSERT_TRUE((*builder)
                        ->Add(format::Slice(values, begin, count),
                              std::span(ids).subspan(static_cast<size_t>(begin),
                                                     static_cast<size_t>(count)))
                        .ok());
      }
      const auto files = (*builder)->Finish();
      ASSERT_TRUE(files.ok()) << files.status();
      EXPECT_EQ(files->num_rows, static_cast<uint64_t>(length));
      EXPECT_TRUE(!spills || length <= 300 || files->num_runs_spilled > 0);
      const auto index = BtreeIndex::Open(
          folder, {.lookup_bytes = files->lookup_bytes,
                   .memory = io::MemoryBudget::NewRoot("test", random() % 2 == 0 ? 0 : 1 << 20)});
      ASSERT_TRUE(index.ok()) << index.status();
      EXPECT_EQ(*(*index)->type(), *type);
      for (int probe = 0; probe < 12; ++probe) {
        const ValueSet set = RandomSet(values, random);
        const auto found = (*index)->Search(set, nullptr);
        ASSERT_TRUE(found.ok()) << found.status();
        EXPECT_EQ(*found, ScanFor(set, values, ids));
        EXPECT_LE(found->size(), (*index)->CountAtMost(set));
      }
    }
  }
}

// Pages of thousands of values that are spread unevenly, some of them many times.
TEST(BtreeTest, FindsUnevenValuesInLargePages) {
  std::mt19937_64 random(tests::Seed());
  format::FixedBuilder<int64_t> builder(format::Int64());
  std::vector<uint64_t> ids;
  for (uint64_t i = 0; i < 12'000; ++i) {
    const uint64_t bits = random() % 5 == 0 ? 0 : random() >> (random() % 60);
    builder.Append(static_cast<int64_t>(i < 3 ? uint64_t{0x7fffffffffffffff} + i : bits));
    ids.push_back(i);
  }
  const ArrayPtr values = builder.Finish();
  const io::Location folder{NewStore(), "i"};
  const auto made = BtreeBuilder::Open(folder, {.type = format::Int64()});
  ASSERT_TRUE((*made)->Add(values, ids).ok());
  ASSERT_TRUE((*made)->Finish().ok());
  const auto index = BtreeIndex::Open(folder, {});
  ASSERT_TRUE(index.ok()) << index.status();
  for (int probe = 0; probe < 50; ++probe) {
    const ValueSet set = RandomSet(values, random);
    const auto found = (*index)->Search(set, nullptr);
    ASSERT_TRUE(found.ok()) << found.status();
    EXPECT_EQ(*found, ScanFor(set, values, ids));
  }
}

TEST(BtreeTest, MergesOldEntriesWithNewRows) {
  std::mt19937_64 random(tests::Seed());
  for (const TypePtr& type : OrderableTypes()) {
    SCOPED_TRACE(type->ToString());
    const auto store = NewStore();
    std::vector<ArrayPtr> values;
    std::vector<std::vector<uint64_t>> ids(3);
    std::vector<std::shared_ptr<const BtreeIndex>> old;
    for (size_t part = 0; part < 3; ++part) {
      const auto length = static_cast<int64_t>(random() % 300);
      values.push_back(tests::RandomArray(
          type, length, {.shape = tests::DataShape::kFewDistinct, .null_fraction = 0.1}, random));
      for (int64_t i = 0; i < length; ++i) {
        ids[part].push_back(part * 1000 + static_cast<uint64_t>(i));
      }
      if (part == 2) break;
      const io::Location folder{store, "part" + std::to_string(part)};
      const auto builder = BtreeBuilder::Open(folder, {.type = type, .page_rows = 16});
      ASSERT_TRUE((*builder)->Add(values[part], ids[part]).ok());
      ASSERT_TRUE((*builder)->Finish().ok());
      const auto opened = BtreeIndex::Open(folder, {});
      ASSERT_TRUE(opened.ok()) << opened.status();
      old.push_back(*opened);
    }
    // Every third old id goes, the others move up by 5000.
    const RowIdChange change = [](std::span<uint64_t> changed, std::span<uint8_t> kept) {
      for (size_t i = 0; i < changed.size(); ++i) {
        kept[i] = changed[i] % 3 != 0;
        changed[i] += 5000;
      }
      return absl::OkStatus();
    };
    const io::Location folder{store, "merged"};
    const auto builder = BtreeBuilder::Open(folder, {.type = type, .page_rows = 16});
    for (const auto& index : old) {
      ASSERT_TRUE((*builder)->AddEntries(index, change).ok());
    }
    ASSERT_TRUE((*builder)->Add(values[2], ids[2]).ok());
    ASSERT_TRUE((*builder)->Finish().ok());
    std::vector<ArrayPtr> all_values;
    std::vector<uint64_t> all_ids;
    for (size_t part = 0; part < 3; ++part) {
      std::vector<int64_t> rows;
      for (size_t i = 0; i < ids[part].size(); ++i) {
        if (part < 2 && ids[part][i] % 3 == 0) continue;
        rows.push_back(static_cast<int64_t>(i));
        all_ids.push_back(ids[part][i] + (part < 2 ? 5000 : 0));
      }
      all_values.push_back(format::Take(*values[part], rows));
    }
    const ArrayPtr expected = format::Concat(all_values);
    const auto merged = BtreeIndex::Open(folder, {});
    ASSERT_TRUE(merged.ok()) << merged.status();
    for (int probe = 0; probe < 10; ++probe) {
      const ValueSet set = RandomSet(expected, random);
      const auto found = (*merged)->Search(set, nullptr);
      ASSERT_TRUE(found.ok()) << found.status();
      EXPECT_EQ(*found, ScanFor(set, expected, all_ids));
    }
  }
}

// A store that counts requests, each of which is said to be expensive.
class FarStore final : public io::CountingStore {
 public:
  using CountingStore::CountingStore;
  bool is_local() const override { return false; }
};

// An index over the int64 values 0, 7, 14, ... in shuffled order, ids equal to the values.
BtreeFiles BuildSevens(const io::Location& folder, int64_t length) {
  format::FixedBuilder<int64_t> builder(format::Int64());
  std::vector<uint64_t> ids;
  for (int64_t i = 0; i < length; ++i) {
    ids.push_back(static_cast<uint64_t>(i * 7919 % length * 7));
    builder.Append(static_cast<int64_t>(ids.back()));
  }
  const auto index = BtreeBuilder::Open(folder, {.type = format::Int64()});
  EXPECT_TRUE((*index)->Add(builder.Finish(), ids).ok());
  return *(*index)->Finish();
}

TEST(BtreeTest, AColdLookUpTakesThreeRequests) {
  for (const int64_t length : {int64_t{1000}, int64_t{1'000'003}}) {
    const auto counting = std::make_shared<FarStore>(NewStore());
    const io::Location folder{counting, "i"};
    const BtreeFiles files = BuildSevens(folder, length);
    const io::StoreCounts before = counting->counts();
    const auto index =
        BtreeIndex::Open(folder, {.lookup_bytes = files.lookup_bytes,
                                  .data_bytes = files.data_bytes,
                                  .memory = io::MemoryBudget::NewRoot("test", 1 << 24)});
    ASSERT_TRUE(index.ok()) << index.status();
    const auto set = ValueSet::Points({{uint64_t{1} << 63 | 7 * 431, {}}});
    const auto found = (*index)->Search(set, nullptr);
    ASSERT_TRUE(found.ok()) << found.status();
    EXPECT_EQ(*found, std::vector<uint64_t>{7 * 431});
    const io::StoreCounts cold = counting->counts() - before;
    EXPECT_LE(cold.reads(), 3u) << cold.Text();
    ASSERT_TRUE((*index)->Search(set, nullptr).ok());
    EXPECT_EQ((counting->counts() - before).reads(), cold.reads());
  }
}

TEST(BtreeTest, RefusesWhatContradictsItself) {
  const auto store = NewStore();
  const io::Location folder{store, "i"};
  BuildSevens(folder, 10'000);
  BuildSevens({store, "longer"}, 20'000);
  const auto set = ValueSet::Points({{uint64_t{1} << 63 | 7, {}}});
  const auto search = [&](std::string_view lookup, std::string_view data) -> absl::Status {
    EXPECT_TRUE(store->Copy(std::string(lookup), "x/page_lookup.lance").ok());
    EXPECT_TRUE(store->Copy(std::string(data), "x/page_data.lance").ok());
    const auto index = BtreeIndex::Open({store, "x"}, {});
    return index.ok() ? (*index)->Search(set, nullptr).status() : index.status();
  };
  EXPECT_TRUE(search("i/page_lookup.lance", "i/page_data.lance").ok());
  EXPECT_EQ(search("i/page_lookup.lance", "longer/page_data.lance").code(),
            absl::StatusCode::kDataLoss);
  EXPECT_EQ(search("i/page_data.lance", "i/page_data.lance").code(), absl::StatusCode::kDataLoss);
  EXPECT_EQ(search("i/page_lookup.lance", "i/page_lookup.lance").code(),
            absl::StatusCode::kDataLoss);
  ASSERT_TRUE(store->Delete("x/page_lookup.lance").ok());
  EXPECT_EQ(BtreeIndex::Open({store, "x"}, {}).status().code(), absl::StatusCode::kNotFound);
}

}  // namespace
}  // namespace og::index
