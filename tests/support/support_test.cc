// The test support itself: matchers tell codes and messages apart, scratch folders vanish, hex
// round trips, a seed stays the same.

#include <filesystem>
#include <string>

#include "absl/status/statusor.h"
#include "gtest/gtest.h"

#include "io/base/status.h"
#include "tests/support/bytes.h"
#include "tests/support/seed.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_dir.h"

namespace og::tests {
namespace {

using testing::Not;

TEST(StatusMatchersTest, TellCodesAndMessagesApart) {
  const absl::Status missing = io::NotFoundError("no object a/b");
  EXPECT_THAT(missing, StatusIs(absl::StatusCode::kNotFound));
  EXPECT_THAT(missing, StatusIs(absl::StatusCode::kNotFound, "a/b"));
  EXPECT_THAT(missing, StatusIs(absl::StatusCode::kNotFound, testing::EndsWith("b")));
  EXPECT_THAT(missing, Not(StatusIs(absl::StatusCode::kNotFound, "a/c")));
  EXPECT_THAT(missing, Not(StatusIs(absl::StatusCode::kAborted, "a/b")));
  EXPECT_THAT(missing, Not(IsOk()));
  EXPECT_THAT(absl::OkStatus(), IsOk());
  EXPECT_THAT(absl::StatusOr<int>(3), IsOk());
  EXPECT_THAT(absl::StatusOr<int>(missing), StatusIs(absl::StatusCode::kNotFound));
  OG_ASSERT_OK_AND_ASSIGN(const int three, absl::StatusOr<int>(3));
  EXPECT_EQ(three, 3);
}

TEST(TempDirTest, VanishesWithItsContent) {
  std::string path;
  {
    const TempDir dir;
    path = dir.path();
    WriteFile(dir.Child("a/b"), "text");
    EXPECT_EQ(ReadFile(dir.Child("a/b")), "text");
  }
  EXPECT_FALSE(std::filesystem::exists(path));
}

TEST(BytesTest, HexRoundTrip) {
  EXPECT_EQ(ToHex(FromHex("00 ff\n1A")), "00ff1a");
  EXPECT_EQ(Bytes("az"), FromHex("617a"));
}

TEST(SeedTest, StaysTheSame) {
  EXPECT_EQ(Seed(), Seed());
}

}  // namespace
}  // namespace og::tests
