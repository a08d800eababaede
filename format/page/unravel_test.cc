// Unravelling against levels worked out by hand from the format's definition, and against damage.
#include "format/page/unravel.h"

#include <vector>

#include <gtest/gtest.h>

#include "tests/support/status_matchers.h"

namespace og::format {
namespace {

using tests::IsOk;
using tests::StatusIs;

std::vector<LayerOutput> Layers(const std::vector<uint8_t>& is_list) {
  std::vector<LayerOutput> layers(is_list.size());
  for (size_t i = 0; i < is_list.size(); ++i) {
    layers[i].is_list = is_list[i] != 0;
  }
  return layers;
}

std::vector<bool> Valid(LayerOutput& layer) {
  Array array;
  array.length = static_cast<int64_t>(layer.validity.length());
  layer.validity.Finish(array);
  std::vector<bool> valid;
  for (int64_t i = 0; i < array.length; ++i) {
    valid.push_back(array.IsValid(i));
  }
  return valid;
}

std::vector<int32_t> Offsets(const LayerOutput& layer) {
  const auto* first = reinterpret_cast<const int32_t*>(layer.offsets.data());
  return {first, first + layer.offsets.size() / sizeof(int32_t)};
}

// [[[1],[2,3]], null, [[]], [null,[4,null]], []], as lance-encoding 10.0.0 levels it.
TEST(UnravelTest, ListsOfLists) {
  const std::vector<uint8_t> is_list = {0, 1, 1};
  const auto page = MakePageLayers(std::vector<int>{3, 6, 6}, is_list);
  ASSERT_THAT(page, IsOk());
  EXPECT_EQ(page->max_def, 5);
  EXPECT_EQ(page->max_visible_def, 1);
  const std::vector<uint16_t> rep = {2, 1, 0, 2, 2, 2, 1, 0, 2};
  const std::vector<uint16_t> def = {0, 0, 0, 4, 3, 2, 0, 1, 5};
  std::vector<LayerOutput> layers = Layers(is_list);
  ASSERT_THAT(Unravel(*page, {rep, def, rep.size()}, layers), IsOk());
  EXPECT_EQ(Valid(layers[0]), (std::vector<bool>{true, true, true, true, false}));
  EXPECT_EQ(Offsets(layers[1]), (std::vector<int32_t>{0, 1, 3, 3, 3, 5}));
  EXPECT_EQ(Valid(layers[1]), (std::vector<bool>{true, true, true, false, true}));
  EXPECT_EQ(Offsets(layers[2]), (std::vector<int32_t>{0, 2, 2, 3, 5, 5}));
  EXPECT_EQ(Valid(layers[2]), (std::vector<bool>{true, false, true, true, true}));
}

// list<struct<x>>: [{1}, null, {null}], null, []; then a page without any null goes on.
TEST(UnravelTest, StructsInListsOverTwoPages) {
  const std::vector<uint8_t> is_list = {0, 0, 1};
  const auto page = MakePageLayers(std::vector<int>{3, 3, 6}, is_list);
  ASSERT_THAT(page, IsOk());
  const std::vector<uint16_t> rep = {1, 0, 0, 1, 1};
  const std::vector<uint16_t> def = {0, 2, 1, 3, 4};
  std::vector<LayerOutput> layers = Layers(is_list);
  ASSERT_THAT(Unravel(*page, {rep, def, rep.size()}, layers), IsOk());
  const auto full = MakePageLayers(std::vector<int>{1, 1, 2}, is_list);
  ASSERT_THAT(full, IsOk());
  const std::vector<uint16_t> more = {1, 0};
  ASSERT_THAT(Unravel(*full, {more, {}, more.size()}, layers), IsOk());
  EXPECT_EQ(Valid(layers[0]), (std::vector<bool>{true, false, false, true, true}));
  EXPECT_EQ(Valid(layers[1]), (std::vector<bool>{true, false, true, true, true}));
  EXPECT_EQ(Offsets(layers[2]), (std::vector<int32_t>{0, 3, 3, 3, 5}));
  EXPECT_EQ(Valid(layers[2]), (std::vector<bool>{true, false, true, true}));
}

// A list inside a struct that is null: no list, but a null slot.
TEST(UnravelTest, ListsInStructs) {
  const std::vector<uint8_t> is_list = {0, 1, 0};
  const auto page = MakePageLayers(std::vector<int>{1, 5, 3}, is_list);
  ASSERT_THAT(page, IsOk());
  const std::vector<uint16_t> rep = {1, 1, 0, 1};
  const std::vector<uint16_t> def = {2, 0, 0, 1};
  std::vector<LayerOutput> layers = Layers(is_list);
  ASSERT_THAT(Unravel(*page, {rep, def, rep.size()}, layers), IsOk());
  EXPECT_EQ(Offsets(layers[1]), (std::vector<int32_t>{0, 0, 2, 2}));
  EXPECT_EQ(Valid(layers[1]), (std::vector<bool>{false, true, true}));
  EXPECT_EQ(Valid(layers[2]), (std::vector<bool>{false, true, true}));
  EXPECT_EQ(Valid(layers[0]), (std::vector<bool>{true, true}));
}

TEST(UnravelTest, DamageIsFound) {
  const std::vector<uint8_t> is_list = {0, 1};
  const auto data_loss = StatusIs(absl::StatusCode::kDataLoss, testing::_);
  EXPECT_THAT(MakePageLayers(std::vector<int>{3}, is_list), data_loss);
  EXPECT_THAT(MakePageLayers(std::vector<int>{3, 3}, is_list), data_loss);
  EXPECT_THAT(MakePageLayers(std::vector<int>{3, 0}, is_list), data_loss);
  EXPECT_THAT(MakePageLayers(std::vector<int>{3, 7}, is_list), data_loss);
  const auto page = MakePageLayers(std::vector<int>{3, 4}, is_list);
  ASSERT_THAT(page, IsOk());
  const auto unravel = [&](std::vector<uint16_t> rep, std::vector<uint16_t> def) {
    std::vector<LayerOutput> layers = Layers(is_list);
    return Unravel(*page, {rep, def, rep.size()}, layers);
  };
  EXPECT_THAT(unravel({1, 0}, {0, 1}), IsOk());
  EXPECT_THAT(unravel({0}, {0}), data_loss);        // an item before any list
  EXPECT_THAT(unravel({1, 0}, {2, 0}), data_loss);  // an item of a null list
  EXPECT_THAT(unravel({1, 0}, {0, 2}), data_loss);  // a null list inside a list
  EXPECT_THAT(unravel({2}, {0}), data_loss);        // levels out of range
  EXPECT_THAT(unravel({1}, {3}), data_loss);
}

}  // namespace
}  // namespace og::format
