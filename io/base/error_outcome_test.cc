#include "io/base/error_outcome.h"

#include <fstream>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include "io/base/text.h"

namespace og::io {
namespace {

std::string Cell(std::string_view text) {
  return text.empty() ? "" : StrCat(" `", text, "`");
}

TEST(ErrorOutcomeTest, ThePageSaysTheSame) {
  std::vector<std::string> wanted;
  for (const ErrorOutcome& outcome : ErrorOutcomes()) {
    wanted.push_back(StrCat("| `", outcome.name, "` | ", outcome.exit_code, " | ",
                            outcome.http_status, " |", Cell(outcome.http_code), " |",
                            Cell(outcome.detail_object), " |"));
  }
  std::vector<std::string> found;
  std::ifstream page("docs/dev/errors.md");
  for (std::string line; std::getline(page, line);) {
    if (line.starts_with("| `")) found.push_back(line);
  }
  EXPECT_EQ(found, wanted);
}

TEST(ErrorOutcomeTest, EachKindHasItsRow) {
  for (const ErrorOutcome& outcome : ErrorOutcomes()) {
    const absl::Status status =
        DetailedError({.kind = outcome.kind, .code = "", .fields = {}}, "text");
    EXPECT_EQ(OutcomeOf(status).name, outcome.name);
  }
  EXPECT_EQ(OutcomeOf(absl::UnknownError("no detail")).kind, ErrorKind::kInternal);
}

}  // namespace
}  // namespace og::io
