// Data sets that the real Lance library (10.0.0) wrote, read by us: every version of every branch
// of tests/data/lance_tables.tar.xz against its expected.json. OG_LANCE_FIXTURES names another
// folder of such cases to read as well.
#include <cstdlib>
#include <filesystem>

#include "io/base/text.h"
#include "io/env/real_env.h"
#include "tests/interop/fixture_check.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_dir.h"

namespace og::tests {
namespace {

// Cases below `folder`, and how many versions agree.
void CheckFolder(const std::string& folder, size_t cases_min) {
  size_t cases = 0;
  size_t versions = 0;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    if (!std::filesystem::exists(entry.path() / "expected.json")) {
      continue;
    }
    ++cases;
    const CaseResult result = CheckCase(io::RealEnv(), entry.path().string());
    versions += result.num_versions;
    EXPECT_GT(result.num_versions, 0u) << entry.path();
    for (const std::string& failure : result.failures) {
      ADD_FAILURE() << entry.path().filename() << ": " << failure;
    }
  }
  EXPECT_GE(cases, cases_min);
  std::printf("%zu cases, %zu versions\n", cases, versions);
}

TEST(ReadTables, PackedCasesAgree) {
  const TempDir folder;
  const std::string unpack =
      io::StrCat("tar xJf tests/data/lance_tables.tar.xz -C '", folder.path(), "'");
  ASSERT_EQ(std::system(unpack.c_str()), 0);
  CheckFolder(folder.path(), 25);
}

TEST(ReadTables, FixturesOfTheEnvironmentAgree) {
  const char* folder = std::getenv("OG_LANCE_FIXTURES");
  if (folder == nullptr) {
    GTEST_SKIP() << "OG_LANCE_FIXTURES is not set";
  }
  CheckFolder(folder, 1);
}

}  // namespace
}  // namespace og::tests
