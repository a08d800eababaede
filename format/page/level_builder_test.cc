// Levels of nested arrays against sequences written down by hand from the format's rules, the
// example of real files among them.

#include "format/page/level_builder.h"

#include <vector>

#include "gtest/gtest.h"

#include "format/arrow/builder.h"

namespace og::format {
namespace {

using Levels = std::vector<uint16_t>;

FixedBuilder<int32_t>& Ints(ArrayBuilder& builder) {
  return static_cast<FixedBuilder<int32_t>&>(builder);
}

ListBuilder& Lists(ArrayBuilder& builder) {
  return static_cast<ListBuilder&>(builder);
}

LeafLevels Build(const ArrayPtr& array, const LeafPath& path) {
  return BuildLevels(std::span(&array, 1), path);
}

// [[[1],[2,3]], null, [[]], [null,[4,null]], []], as pylance 10.0.0 stores it.
TEST(LevelBuilderTest, ListOfListOfRealFiles) {
  ListBuilder rows(ListOf(ListOf(Int32())));
  ListBuilder& inner = Lists(rows.items());
  FixedBuilder<int32_t>& ints = Ints(inner.items());
  ints.Append(1);
  inner.Append();
  ints.Append(2);
  ints.Append(3);
  inner.Append();
  rows.Append();
  rows.AppendNull();
  inner.Append();
  rows.Append();
  inner.AppendNull();
  ints.Append(4);
  ints.AppendNull();
  inner.Append();
  rows.Append();
  rows.Append();
  const ArrayPtr array = rows.Finish();
  const LeafLevels leaf = Build(array, {0, 0});
  EXPECT_EQ(leaf.levels.layers, (std::vector{LayerKind::kNullableItem, LayerKind::kNullAndEmptyList,
                                             LayerKind::kNullAndEmptyList}));
  EXPECT_EQ(leaf.levels.rep, (Levels{2, 1, 0, 2, 2, 2, 1, 0, 2}));
  EXPECT_EQ(leaf.levels.def, (Levels{0, 0, 0, 4, 3, 2, 0, 1, 5}));
  EXPECT_EQ(leaf.levels.max_visible_def, 1);
  EXPECT_EQ(leaf.levels.num_visible, 5u);
  EXPECT_EQ(leaf.levels.num_rows, 5u);
  // A slice starts anywhere: rows 2 to 3.
  const ArrayPtr slice = Slice(array, 2, 2);
  const LeafLevels part = Build(slice, {0, 0});
  EXPECT_EQ(part.levels.layers, (std::vector{LayerKind::kNullableItem, LayerKind::kNullAndEmptyList,
                                             LayerKind::kAllValidList}));
  EXPECT_EQ(part.levels.rep, (Levels{2, 2, 1, 0}));
  EXPECT_EQ(part.levels.def, (Levels{3, 2, 0, 1}));
}

TEST(LevelBuilderTest, NoNullsNoLevels) {
  FixedBuilder<int32_t> ints(Int32());
  ints.Append(1);
  ints.Append(2);
  const ArrayPtr array = ints.Finish();
  const LeafLevels leaf = Build(array, {});
  EXPECT_FALSE(leaf.levels.has_levels());
  EXPECT_EQ(leaf.levels.layers, std::vector{LayerKind::kAllValidItem});
  ASSERT_EQ(leaf.ranges.size(), 1u);
  EXPECT_EQ(leaf.ranges[0].length, 2);
}

TEST(LevelBuilderTest, NullStructReachesTheLeafAndTheOutermostIsRecorded) {
  StructBuilder rows(Struct({{"x", Int32(), true, {}}}));
  Ints(rows.child(0)).Append(1);
  rows.Append();
  rows.AppendNull();
  Ints(rows.child(0)).AppendNull();
  rows.Append();
  const ArrayPtr array = rows.Finish();
  const LeafLevels leaf = Build(array, {0});
  EXPECT_EQ(leaf.levels.layers, (std::vector{LayerKind::kNullableItem, LayerKind::kNullableItem}));
  EXPECT_EQ(leaf.levels.def, (Levels{0, 2, 1}));
  EXPECT_EQ(leaf.levels.max_visible_def, 2);
  EXPECT_EQ(leaf.levels.num_visible, 3u);
}

// A null struct around a list makes the list nullable and owns no value slot.
TEST(LevelBuilderTest, NullStructAroundAList) {
  StructBuilder rows(Struct({{"list", ListOf(Int32()), true, {}}}));
  ListBuilder& list = Lists(rows.child(0));
  Ints(list.items()).Append(7);
  Ints(list.items()).Append(8);
  list.Append();
  rows.Append();
  rows.AppendNull();
  const ArrayPtr array = rows.Finish();
  const LeafLevels leaf = Build(array, {0, 0});
  EXPECT_EQ(leaf.levels.layers, (std::vector{LayerKind::kAllValidItem, LayerKind::kNullableList,
                                             LayerKind::kNullableItem}));
  EXPECT_EQ(leaf.levels.rep, (Levels{1, 0, 1}));
  EXPECT_EQ(leaf.levels.def, (Levels{0, 0, 2}));
  EXPECT_EQ(leaf.levels.num_visible, 2u);
}

TEST(LevelBuilderTest, PiecesShareTheirNumbers) {
  FixedBuilder<int32_t> ints(Int32());
  ints.Append(1);
  const ArrayPtr first = ints.Finish();
  ints.AppendNull();
  ints.Append(2);
  const ArrayPtr second = ints.Finish();
  const std::vector<ArrayPtr> pieces = {first, second};
  const LeafLevels leaf = BuildLevels(pieces, {});
  EXPECT_EQ(leaf.levels.def, (Levels{0, 1, 0}));
  EXPECT_EQ(leaf.ranges.size(), 2u);
}

// list<int32>: an item, an empty list, a null.
TEST(LevelBuilderTest, FullZipDeclaresWhatTakesNumbersAndShiftsTheOthers) {
  ListBuilder rows(ListOf(Int32()));
  Ints(rows.items()).Append(1);
  rows.Append();
  rows.AppendNull();
  rows.Append();
  const ArrayPtr array = rows.Finish();
  LeafLevels leaf = Build(array, {0});
  EXPECT_EQ(leaf.levels.def, (Levels{0, 1, 2}));
  EXPECT_TRUE(DeclareForFullZip(/*is_fixed=*/true, leaf.levels));
  EXPECT_EQ(leaf.levels.layers,
            (std::vector{LayerKind::kNullableItem, LayerKind::kNullAndEmptyList}));
  EXPECT_EQ(leaf.levels.def, (Levels{0, 2, 3}));
  EXPECT_EQ(leaf.levels.max_visible_def, 1);
  EXPECT_EQ(leaf.levels.max_def, 3);
}

// struct<list<int32>>: every page says that the struct can be null, whether it has nulls or not, so
// that in a full-zip page the number that Lance takes for a visible one must not occur.
TEST(LevelBuilderTest, FullZipBelowNullableStructs) {
  const auto levels_of = [](bool has_empty, bool has_null_list) {
    StructBuilder rows(Struct({{"a", ListOf(Int32()), true, {}}}));
    auto& lists = static_cast<ListBuilder&>(rows.child(0));
    Ints(lists.items()).Append(1);
    lists.Append();
    rows.Append();
    if (has_empty) {
      lists.Append();
      rows.Append();
    }
    if (has_null_list) {
      lists.AppendNull();
      rows.Append();
    }
    PageLevels levels = Build(rows.Finish(), {0, 0}).levels;
    DeclareNullable({true, false, true}, levels);
    return levels;
  };
  PageLevels levels = levels_of(false, false);
  EXPECT_EQ(levels.layers, (std::vector{LayerKind::kAllValidItem, LayerKind::kNullableList,
                                        LayerKind::kNullableItem}));
  EXPECT_EQ(levels.def, (Levels{0}));
  levels = levels_of(true, false);
  EXPECT_EQ(levels.def, (Levels{0, 1}));
  ASSERT_TRUE(DeclareForFullZip(/*is_fixed=*/false, levels));
  EXPECT_EQ(levels.layers, (std::vector{LayerKind::kAllValidItem, LayerKind::kNullAndEmptyList,
                                        LayerKind::kNullableItem}));
  EXPECT_EQ(levels.def, (Levels{0, 2}));
  levels = levels_of(false, true);
  const std::vector<LayerKind> former = levels.layers;
  EXPECT_FALSE(DeclareForFullZip(/*is_fixed=*/false, levels));
  EXPECT_EQ(levels.layers, former);
  EXPECT_EQ(levels.def, (Levels{0, 1}));
}

TEST(LevelBuilderTest, NullableItemsAreThoseBelowNullableStructs) {
  const TypePtr inner = Struct({{"a", ListOf(Int32()), false, {}}});
  const TypePtr type = Struct({{"s", inner, false, {}}});
  EXPECT_EQ(NullableItems(*type, true, {0, 0, 0}), (std::vector{true, false, true, true}));
  EXPECT_EQ(NullableItems(*type, false, {0, 0, 0}), (std::vector{true, false, false, false}));
  const TypePtr nullable = Struct({{"s", inner, true, {}}});
  EXPECT_EQ(NullableItems(*nullable, false, {0, 0, 0}), (std::vector{true, false, true, false}));
}

// list<struct<list<int32>>>: the inner lists are all valid, a list of structs is null.
TEST(LevelBuilderTest, ListsBelowNullableItemsAreDeclaredToo) {
  ListBuilder rows(ListOf(Struct({{"a", ListOf(Int32()), true, {}}})));
  auto& structs = static_cast<StructBuilder&>(rows.items());
  auto& lists = static_cast<ListBuilder&>(structs.child(0));
  Ints(lists.items()).Append(1);
  lists.Append();
  structs.Append();
  rows.Append();
  rows.AppendNull();
  const ArrayPtr array = rows.Finish();
  LeafLevels leaf = Build(array, {0, 0, 0});
  EXPECT_EQ(leaf.levels.layers, (std::vector{LayerKind::kAllValidItem, LayerKind::kAllValidList,
                                             LayerKind::kAllValidItem, LayerKind::kNullableList}));
  EXPECT_EQ(leaf.levels.def, (Levels{0, 1}));
  DeclareNullable({true, false, true, false}, leaf.levels);
  EXPECT_EQ(leaf.levels.layers, (std::vector{LayerKind::kAllValidItem, LayerKind::kNullableList,
                                             LayerKind::kNullableItem, LayerKind::kNullableList}));
  EXPECT_EQ(leaf.levels.def, (Levels{0, 3}));
  EXPECT_EQ(leaf.levels.max_visible_def, 0);
  EXPECT_EQ(leaf.levels.max_def, 3);
}

}  // namespace
}  // namespace og::format
