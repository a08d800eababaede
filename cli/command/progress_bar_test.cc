// The progress line: shares, rates and estimates from what the engine reports.
#include "cli/command/progress_bar.h"

#include "gtest/gtest.h"

namespace og::cli {
namespace {

constexpr int64_t kSecondNs = 1000000000;

TEST(ProgressLine, KnownSize) {
  EXPECT_EQ(
      ProgressLine("load",
                   {.stage = "read", .rows = 1200, .bytes = 25000000, .bytes_total = 100000000},
                   kSecondNs / 2),
      "load read  [#####               ]  25%  1200 rows  50.0 MB/s  eta 0:01");
  EXPECT_EQ(ProgressLine("load", {.stage = "load", .rows = 1, .bytes = 1000, .bytes_total = 121000},
                         kSecondNs),
            "load  [                    ]  0%  1 rows  1.0 kB/s  eta 2:00");
}

TEST(ProgressLine, UnknownSizeAndOverrun) {
  EXPECT_EQ(
      ProgressLine("export", {.stage = "", .rows = 7, .bytes = 500, .bytes_total = 0}, kSecondNs),
      "export  7 rows  500.0 B/s");
  EXPECT_EQ(
      ProgressLine("load", {.stage = "", .rows = 7, .bytes = 12, .bytes_total = 10}, kSecondNs),
      "load  [####################]  100%  7 rows  12.0 B/s");
  EXPECT_EQ(ProgressLine("load", {.stage = "", .rows = 0, .bytes = 0, .bytes_total = 10}, 0),
            "load  [                    ]  0%  0 rows");
}

}  // namespace
}  // namespace og::cli
