// Which layout and codec a page gets for data by shape, that demands of tests are followed, and
// where pages are cut. What the pages hold is shown by reading them: format/file and tests/interop.

#include "format/page/page_encoder.h"

#include <random>
#include <string>
#include <vector>

#include "gtest/gtest.h"

#include "format/arrow/builder.h"
#include "format/proto/encodings_v2_1.pb.h"
#include "tests/support/random_arrays.h"

namespace og::format {
namespace {

using lance::encodings21::CompressiveEncoding;
using lance::encodings21::PageLayout;

std::vector<EncodedPage> Encode(const ArrayPtr& array, CodecOptions options = {},
                                ForcedLayout layout = ForcedLayout::kNone, LeafPath path = {}) {
  ColumnPlan plan{array->type, array->type, std::move(path), true, options, layout};
  for (const size_t step : plan.path) {
    plan.leaf_type = plan.leaf_type->children[step].type;
  }
  auto pages = EncodePages(plan, std::span(&array, 1));
  EXPECT_TRUE(pages.ok()) << pages.status();
  return pages.ok() ? *std::move(pages) : std::vector<EncodedPage>();
}

PageLayout LayoutOf(const EncodedPage& page) {
  PageLayout layout;
  EXPECT_TRUE(layout.ParseFromString(page.layout));
  return layout;
}

PageLayout OnlyLayout(const ArrayPtr& array, CodecOptions options = {},
                      ForcedLayout layout = ForcedLayout::kNone) {
  const auto pages = Encode(array, options, layout);
  EXPECT_EQ(pages.size(), 1u);
  return pages.empty() ? PageLayout() : LayoutOf(pages[0]);
}

ArrayPtr Shape(TypePtr type, tests::DataShape shape, int64_t rows = 20000, double nulls = 0) {
  std::mt19937_64 random(1);
  return tests::RandomArray(type, rows, {shape, nulls, 0}, random);
}

ArrayPtr Strings(const std::vector<std::string>& values) {
  StringBuilder builder(Utf8());
  for (const std::string& value : values) {
    builder.Append(value);
  }
  return builder.Finish();
}

TEST(PageEncoderTest, IntegersTakeTheSmallestCodec) {
  EXPECT_TRUE(OnlyLayout(Shape(Int32(), tests::DataShape::kUnique))
                  .mini_block_layout()
                  .value_compression()
                  .has_inline_bitpacking());
  EXPECT_TRUE(OnlyLayout(Shape(Int32(), tests::DataShape::kRuns))
                  .mini_block_layout()
                  .value_compression()
                  .has_rle());
  EXPECT_TRUE(OnlyLayout(Shape(Int32(), tests::DataShape::kExtremes))
                  .mini_block_layout()
                  .value_compression()
                  .has_flat());
}

TEST(PageEncoderTest, ConstantPages) {
  const PageLayout one = OnlyLayout(Shape(Int64(), tests::DataShape::kConstant));
  EXPECT_EQ(one.constant_layout().inline_value(), std::string("\x2a\0\0\0\0\0\0\0", 8));
  CodecOptions old;
  old.is_2_2 = false;
  EXPECT_TRUE(OnlyLayout(Shape(Int64(), tests::DataShape::kConstant), old).has_mini_block_layout());
  EXPECT_TRUE(OnlyLayout(NullArray(Utf8(), 10)).has_constant_layout());
  EXPECT_TRUE(OnlyLayout(NullArray(Utf8(), 10), old).has_constant_layout());
  // Uncompressed levels of a large page would outweigh the value.
  EXPECT_TRUE(
      OnlyLayout(Shape(Int64(), tests::DataShape::kConstant, 20000, 0.1)).has_mini_block_layout());
}

TEST(PageEncoderTest, RepeatedStringsBecomeADictionaryOfPackedIndices) {
  std::mt19937 random(2);
  std::vector<std::string> values;
  for (int i = 0; i < 30000; ++i) {
    values.push_back("package-" + std::to_string(random() % 5000));
  }
  const PageLayout layout = OnlyLayout(Strings(values));
  const auto& mini_block = layout.mini_block_layout();
  EXPECT_TRUE(mini_block.has_dictionary());
  EXPECT_TRUE(mini_block.value_compression().has_inline_bitpacking());
  EXPECT_EQ(mini_block.value_compression().inline_bitpacking().uncompressed_bits_per_value(), 32u);
  EXPECT_GT(mini_block.num_dictionary_items(), 4000u);
  EXPECT_LE(mini_block.num_dictionary_items(), 5000u);
}

TEST(PageEncoderTest, UniqueTextIsFsstAndShortTextPlain) {
  std::vector<std::string> values;
  for (int i = 0; i < 20000; ++i) {
    values.push_back("https://example.org/" + std::to_string(i));
  }
  EXPECT_TRUE(OnlyLayout(Strings(values)).mini_block_layout().value_compression().has_fsst());
  values.resize(50);
  EXPECT_TRUE(OnlyLayout(Strings(values)).mini_block_layout().value_compression().has_variable());
}

TEST(PageEncoderTest, WideValuesAreZipped) {
  std::vector<std::string> values;
  for (int i = 0; i < 100; ++i) {
    values.push_back(std::string(255, static_cast<char>('a' + i % 26)) + std::to_string(i));
  }
  EXPECT_TRUE(OnlyLayout(Strings(values)).has_full_zip_layout());
  EXPECT_TRUE(OnlyLayout(Shape(FixedSizeListOf(Float32(), 64), tests::DataShape::kExtremes, 10))
                  .has_full_zip_layout());
  EXPECT_TRUE(OnlyLayout(Shape(FixedSizeListOf(Float32(), 63), tests::DataShape::kExtremes, 10))
                  .has_mini_block_layout());
}

TEST(PageEncoderTest, DemandsAreFollowed) {
  const auto codec_of = [](ForcedCodec codec, const ArrayPtr& array) {
    CodecOptions options;
    options.forced_codec = codec;
    return OnlyLayout(array, options).mini_block_layout();
  };
  const ArrayPtr ints = Shape(Int64(), tests::DataShape::kRuns);
  const ArrayPtr text = Shape(Utf8(), tests::DataShape::kRuns);
  EXPECT_TRUE(codec_of(ForcedCodec::kFlat, ints).value_compression().has_flat());
  EXPECT_TRUE(codec_of(ForcedCodec::kBitpacked, ints).value_compression().has_inline_bitpacking());
  EXPECT_TRUE(codec_of(ForcedCodec::kRle, ints).value_compression().has_rle());
  EXPECT_TRUE(codec_of(ForcedCodec::kDictionary, ints).has_dictionary());
  EXPECT_TRUE(
      codec_of(ForcedCodec::kByteStreamSplit, ints).value_compression().has_byte_stream_split());
  EXPECT_TRUE(codec_of(ForcedCodec::kFlat, text).value_compression().has_variable());
  EXPECT_TRUE(codec_of(ForcedCodec::kDictionary, text).has_dictionary());
  EXPECT_TRUE(codec_of(ForcedCodec::kFsst, text).value_compression().has_fsst());
  EXPECT_TRUE(codec_of(ForcedCodec::kZstd, text).value_compression().has_general());
  EXPECT_TRUE(codec_of(ForcedCodec::kLz4, text).value_compression().has_general());
  EXPECT_TRUE(OnlyLayout(ints, {}, ForcedLayout::kFullZip).has_full_zip_layout());
}

// Lance reads them by way of the innermost lists, which it takes for whole bytes.
TEST(PageEncoderTest, BitsThatFillNoByteAreNotZipped) {
  const auto zipped = [](int32_t inner, int32_t outer) {
    const TypePtr type = FixedSizeListOf(FixedSizeListOf(Bool(), inner), outer);
    return OnlyLayout(Shape(type, tests::DataShape::kUnique, 100), {}, ForcedLayout::kFullZip)
        .has_full_zip_layout();
  };
  EXPECT_TRUE(zipped(8, 3));
  EXPECT_FALSE(zipped(3, 8));
}

TEST(PageEncoderTest, MetadataSteers) {
  CodecOptions options = CodecOptionsOf({{"lance-encoding:compression", "zstd"},
                                         {"lance-encoding:compression-level", "7"},
                                         {"lance-encoding:bss", "on"}});
  const PageLayout layout = OnlyLayout(Shape(Int64(), tests::DataShape::kMonotonic), options);
  const CompressiveEncoding& values = layout.mini_block_layout().value_compression();
  ASSERT_TRUE(values.has_general());
  EXPECT_EQ(values.general().compression().level(), 7);
  EXPECT_TRUE(values.general().values().has_byte_stream_split());
  options = CodecOptionsOf({{"lance-encoding:compression", "none"}});
  EXPECT_TRUE(OnlyLayout(Shape(Int64(), tests::DataShape::kUnique), options)
                  .mini_block_layout()
                  .value_compression()
                  .has_flat());
}

// 200 000 empty lists before a value: more levels than a chunk can count.
TEST(PageEncoderTest, PagesAreSplitForTheirLevels) {
  ListBuilder rows(ListOf(Int32()));
  auto& items = static_cast<FixedBuilder<int32_t>&>(rows.items());
  for (int i = 0; i < 200000; ++i) {
    rows.Append();
  }
  items.Append(1);
  items.Append(2);
  rows.Append();
  const auto pages = Encode(rows.Finish(), {}, ForcedLayout::kNone, {0});
  EXPECT_GT(pages.size(), 1u);
  uint64_t num_rows = 0;
  for (const EncodedPage& page : pages) {
    num_rows += page.num_rows;
  }
  EXPECT_EQ(num_rows, 200001u);
}

// struct<list<vector>>, rows of wide values: `null_structs` of them are null, and `null_lists`
// lists.
ArrayPtr VectorsInStructs(const TypePtr& type, int null_structs, int null_lists) {
  StructBuilder rows(type);
  auto& lists = static_cast<ListBuilder&>(rows.child(0));
  const auto vector = Shape(FixedSizeListOf(Float32(), 100), tests::DataShape::kExtremes, 1);
  for (int i = 0; i < 20; ++i) {
    lists.items().AppendSlice(*vector, 0, 1);
    lists.Append();
    rows.Append();
  }
  for (int i = 0; i < null_lists; ++i) {
    lists.AppendNull();
    rows.Append();
  }
  for (int i = 0; i < null_structs; ++i) {
    rows.AppendNull();
  }
  return rows.Finish();
}

// Lance reads a column only if all its pages say the same of the items outside a list.
TEST(PageEncoderTest, PagesOfListsInNullableStructsDeclareTheSame) {
  using lance::encodings21::REPDEF_NULLABLE_ITEM;
  const TypePtr type = Struct({{"v", ListOf(FixedSizeListOf(Float32(), 100)), true, {}}});
  for (const int null_structs : {0, 3}) {
    for (const int null_lists : {0, 3}) {
      const auto pages =
          Encode(VectorsInStructs(type, null_structs, null_lists), {}, ForcedLayout::kNone, {0, 0});
      ASSERT_EQ(pages.size(), 1u);
      const PageLayout layout = LayoutOf(pages[0]);
      // With null lists Lance would take their levels for those of values.
      EXPECT_EQ(layout.has_full_zip_layout(), null_lists == 0);
      const auto& layers =
          null_lists == 0 ? layout.full_zip_layout().layers() : layout.mini_block_layout().layers();
      ASSERT_EQ(layers.size(), 3);
      EXPECT_EQ(layers[2], REPDEF_NULLABLE_ITEM);
    }
  }
}

TEST(PageEncoderTest, ItemsThatAreNeverNullAreDeclaredSoInAllPages) {
  using lance::encodings21::REPDEF_ALL_VALID_ITEM;
  const TypePtr type = Struct({{"v", ListOf(FixedSizeListOf(Float32(), 100)), true, {}}});
  const ArrayPtr array = VectorsInStructs(type, 0, 3);
  for (const ForcedLayout layout : {ForcedLayout::kMiniBlock, ForcedLayout::kFullZip}) {
    const ColumnPlan plan{type,  type->children[0].type->children[0].type, {0, 0}, false, {},
                          layout};
    const auto pages = EncodePages(plan, std::span(&array, 1));
    ASSERT_TRUE(pages.ok()) << pages.status();
    const PageLayout written = LayoutOf(pages->front());
    EXPECT_EQ(written.has_full_zip_layout(), layout == ForcedLayout::kFullZip);
    const auto& layers = written.has_full_zip_layout() ? written.full_zip_layout().layers()
                                                       : written.mini_block_layout().layers();
    EXPECT_EQ(layers[2], REPDEF_ALL_VALID_ITEM);
  }
}

}  // namespace
}  // namespace og::format
