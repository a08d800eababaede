// The fragment reuse index: its content both ways, and what it refuses.
#include "format/table/fragment_reuse.h"

#include "gtest/gtest.h"

#include "tests/support/status_matchers.h"

namespace og::format {
namespace {

using tests::StatusIs;

std::vector<FragmentReuseVersion> Sample() {
  return {{.dataset_version = 4,
           .groups = {{.moved = {0, 2, (uint64_t{1} << 32) + 1},
                       .old_fragments = {{0, 3, 1}, {1, 2, 1}},
                       .new_fragments = {{7, 3, 0}}}}},
          {.dataset_version = 6,
           .groups = {{.moved = {uint64_t{7} << 32},
                       .old_fragments = {{7, 3, 2}},
                       .new_fragments = {{9, 1, 0}}}}}};
}

TEST(FragmentReuse, ComesBackAsItWas) {
  const std::string content = EncodeFragmentReuse(Sample());
  OG_ASSERT_OK_AND_ASSIGN(const auto decoded, DecodeFragmentReuse(content));
  EXPECT_EQ(decoded, Sample());
  OG_ASSERT_OK_AND_ASSIGN(const auto inline_details,
                          ParseFragmentReuse(InlineFragmentReuse(content)));
  EXPECT_EQ(inline_details.content, content);
  const ExternalFile file{.path = "details.binpb", .offset = 0, .size = 300000};
  OG_ASSERT_OK_AND_ASSIGN(const auto external, ParseFragmentReuse(ExternalFragmentReuse(file)));
  EXPECT_EQ(external.file, file);
}

TEST(FragmentReuse, RefusesWhatContradictsItself) {
  auto more = Sample();
  more[0].groups[0].new_fragments[0].physical_rows = 2;
  EXPECT_THAT(DecodeFragmentReuse(EncodeFragmentReuse(more)),
              StatusIs(absl::StatusCode::kDataLoss));
  auto elsewhere = Sample();
  elsewhere[0].groups[0].moved[2] = uint64_t{5} << 32;
  EXPECT_THAT(DecodeFragmentReuse(EncodeFragmentReuse(elsewhere)),
              StatusIs(absl::StatusCode::kDataLoss, "no old fragment"));
  const std::string content = EncodeFragmentReuse(Sample());
  EXPECT_THAT(DecodeFragmentReuse(content.substr(0, content.size() - 3)),
              StatusIs(absl::StatusCode::kDataLoss));
  EXPECT_THAT(ParseFragmentReuse({.type_url = "/lance.table.BTreeIndexDetails", .value = ""}),
              StatusIs(absl::StatusCode::kDataLoss));
}

TEST(RoaringTreemap, KeepsHighWords) {
  const std::vector<uint64_t> values = {1, 5, uint64_t{3} << 32, (uint64_t{3} << 32) + 70000};
  OG_ASSERT_OK_AND_ASSIGN(const auto decoded,
                          DecodeRoaringTreemap(EncodeRoaringTreemap(values), 4));
  EXPECT_EQ(decoded, values);
  EXPECT_THAT(DecodeRoaringTreemap(EncodeRoaringTreemap(values), 3),
              StatusIs(absl::StatusCode::kDataLoss));
  OG_ASSERT_OK_AND_ASSIGN(const auto none, DecodeRoaringTreemap(EncodeRoaringTreemap({}), 0));
  EXPECT_TRUE(none.empty());
}

}  // namespace
}  // namespace og::format
