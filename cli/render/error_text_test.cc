// How errors look, with the place in the user's file.
#include "cli/render/error_text.h"

#include "gtest/gtest.h"

#include "io/base/error_detail.h"
#include "io/base/status.h"

namespace og::cli {
namespace {

absl::Status Bad(std::string_view message,
                 std::vector<std::pair<std::string, std::string>> fields = {}) {
  return io::DetailedError(
      {.kind = io::ErrorKind::kBadRequest, .code = "", .fields = std::move(fields)}, message);
}

TEST(ErrorText, OneCause) {
  EXPECT_EQ(ErrorText(Bad("no graph addressed")), "Error:\n   0: no graph addressed\n");
  EXPECT_EQ(ErrorText(io::DataLossError("broken")), "Error:\n   0: broken\n");
}

TEST(ErrorText, FurtherLinesAreIndented) {
  EXPECT_EQ(ErrorText(Bad("parse error:  --> 1:1\n  |\n1 | x")),
            "Error:\n   0: parse error:  --> 1:1\n        |\n      1 | x\n");
}

TEST(AtSource, ShowsTheLineOfAnOffset) {
  const std::string_view source = "query q() {\n  match { $ä: A }\n  return { $x.y } }";
  const absl::Status status = AtSource(
      Bad("type error: T6", {{"offset", std::to_string(source.find("$x"))}}), "f.gq", source);
  EXPECT_EQ(ErrorText(status),
            "Error:\n"
            "   0: type error: T6\n"
            "   1: f.gq:3:12\n"
            "        |\n"
            "      3 |   return { $x.y } }\n"
            "        |            ^---\n");
  EXPECT_EQ(io::DetailOf(status)->kind, io::ErrorKind::kBadRequest);
  EXPECT_EQ(PlaceIn(source, "f.gq", source.find(": A")), "f.gq:2:13");
}

TEST(AtSource, TakesLineAndColumnOrTheLineOfTheMessage) {
  EXPECT_EQ(ErrorText(AtSource(Bad("parse error", {{"line", "3"}, {"column", "7"}}), "f.gq", "")),
            "Error:\n   0: parse error\n   1: f.gq:3:7\n");
  EXPECT_EQ(ErrorText(AtSource(Bad("line 12: unknown node type 'X'"), "d.jsonl", "")),
            "Error:\n   0: line 12: unknown node type 'X'\n   1: d.jsonl:12\n");
  EXPECT_EQ(ErrorText(AtSource(Bad("@unique violation"), "d.jsonl", "")),
            "Error:\n   0: @unique violation\n   1: d.jsonl\n");
  EXPECT_TRUE(AtSource(absl::OkStatus(), "f", "").ok());
}

TEST(AtSource, AnOffsetPastTheEndIsTheEnd) {
  EXPECT_EQ(PlaceIn("ab", "f", 100), "f:1:3");
  EXPECT_EQ(PlaceIn("", "f", 0), "f:1:1");
}

}  // namespace
}  // namespace og::cli
