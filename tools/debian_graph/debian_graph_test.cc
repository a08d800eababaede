// From text to archive to batch: what each field and each odd form of a dependency becomes, and
// that damaged text is refused with its line. The generator: the same seed, the same graph.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <set>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "absl/status/status.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include "io/base/text.h"
#include "tests/support/status_matchers.h"
#include "tools/debian_graph/archive.h"
#include "tools/debian_graph/available_file.h"
#include "tools/debian_graph/generator.h"
#include "tools/debian_graph/graph_batch.h"

namespace og::tools {
namespace {

using ::og::tests::StatusIs;
using ::testing::ElementsAre;

// A record with the required fields, and `more` lines.
std::string RecordOf(std::string_view name, std::string_view more = "") {
  return io::StrCat("Package: ", name, "\nVersion: 1.0\nMaintainer: A Team <a@x.org>\n", more,
                    "\n");
}

// "from kind to" of every dependency, in order; the kinds are d, p, r, s.
std::vector<std::string> Edges(const Archive& archive) {
  std::vector<std::string> edges;
  for (const Dependency& d : archive.dependencies) {
    edges.push_back(io::StrCat(archive.packages[d.from].name, " ",
                               std::string_view("dprs").substr(static_cast<size_t>(d.kind), 1), " ",
                               archive.packages[d.to].name));
  }
  return edges;
}

std::vector<std::string> Lines(const Archive& archive) {
  std::string text;
  const absl::Status status = WriteGraphBatch(archive, [&](std::string_view chunk) {
    text += chunk;
    return absl::OkStatus();
  });
  EXPECT_TRUE(status.ok());
  EXPECT_TRUE(text.ends_with('\n'));
  std::vector<std::string> lines;
  for (std::string_view line : io::Split(std::string_view(text).substr(0, text.size() - 1), '\n')) {
    lines.emplace_back(line);
  }
  return lines;
}

TEST(AvailableFileTest, ReadsThePropertiesOfAPackage) {
  OG_ASSERT_OK_AND_ASSIGN(const AvailableFile file,
                          ParseAvailableFile("Package: vim\n"
                                             "Version: 2:9.0-1\n"
                                             "Installed-Size: 3738\n"
                                             "Maintainer: Team <T@D.org>\n"
                                             "Architecture: amd64\n"
                                             "Description: editor\n"
                                             " with a long text\n"
                                             "Section: editors\n"
                                             "Size: 1567\n"));
  ASSERT_EQ(file.archive.packages.size(), 1u);
  const Package& package = file.archive.packages[0];
  EXPECT_EQ(std::tie(package.name, package.version, package.section, package.architecture,
                     package.summary),
            std::make_tuple("vim", "2:9.0-1", "editors", "amd64", "editor"));
  EXPECT_EQ(package.installed_kib, 3738);
  EXPECT_EQ(package.size_bytes, 1567);
  EXPECT_EQ(file.archive.maintainers[0].email, "t@d.org");
  EXPECT_EQ(file.archive.maintainers[0].name, "Team");
}

TEST(AvailableFileTest, EveryAlternativeIsAnEdgeWithoutItsRestrictions) {
  OG_ASSERT_OK_AND_ASSIGN(
      const AvailableFile file,
      ParseAvailableFile(RecordOf("a", "Depends: b (>= 1) | c:any, d [amd64] <!nocheck>,e(=2)\n") +
                         RecordOf("b") + RecordOf("c") + RecordOf("d") + RecordOf("e")));
  EXPECT_THAT(Edges(file.archive), ElementsAre("a d b", "a d c", "a d d", "a d e"));
}

TEST(AvailableFileTest, KeepsTheFourKindsApart) {
  OG_ASSERT_OK_AND_ASSIGN(
      const AvailableFile file,
      ParseAvailableFile(
          RecordOf("a", "Suggests: b\nRecommends: b\nPre-Depends: b\nDepends: b\nBreaks: b\n") +
          RecordOf("b")));
  EXPECT_THAT(Edges(file.archive), ElementsAre("a d b", "a p b", "a r b", "a s b"));
}

TEST(AvailableFileTest, EqualEdgesOccurOnce) {
  OG_ASSERT_OK_AND_ASSIGN(const AvailableFile file,
                          ParseAvailableFile(RecordOf("a", "Depends: b (>= 1), b (<< 2), a | b\n") +
                                             RecordOf("b", "Depends: b\n")));
  EXPECT_THAT(Edges(file.archive), ElementsAre("a d b", "a d a", "b d b"));
}

TEST(AvailableFileTest, CountsNamesWithoutAPackage) {
  OG_ASSERT_OK_AND_ASSIGN(
      const AvailableFile file,
      ParseAvailableFile(RecordOf("a", "Depends: virtual | b, gone\nSuggests: gone\n") +
                         RecordOf("b")));
  EXPECT_THAT(Edges(file.archive), ElementsAre("a d b"));
  EXPECT_EQ(file.num_unknown_names, 3);
}

TEST(AvailableFileTest, TheFirstOfSeveralRecordsOfANameCounts) {
  OG_ASSERT_OK_AND_ASSIGN(
      const AvailableFile file,
      ParseAvailableFile(RecordOf("a", "Section: first\n") + RecordOf("a", "Section: second\n")));
  ASSERT_EQ(file.archive.packages.size(), 1u);
  EXPECT_EQ(file.archive.packages[0].section, "first");
  EXPECT_EQ(file.num_repeated_packages, 1);
}

TEST(AvailableFileTest, MaintainersAreEqualByAddress) {
  OG_ASSERT_OK_AND_ASSIGN(const AvailableFile file,
                          ParseAvailableFile("Package: a\nVersion: 1\nMaintainer: One <x@y>\n\n"
                                             "Package: b\nVersion: 1\nMaintainer: Other <X@Y>\n\n"
                                             "Package: c\nVersion: 1\nMaintainer: <z@y>\n\n\n"
                                             "Package: d\nVersion: 1\nMaintainer: nobody\n"));
  const auto& maintainers = file.archive.maintainers;
  ASSERT_EQ(maintainers.size(), 3u);
  EXPECT_EQ(maintainers[0].name, "One");
  EXPECT_EQ(maintainers[1].name, "z@y");
  EXPECT_EQ(maintainers[2].email, "nobody");
  EXPECT_EQ(file.archive.packages[1].maintainer, 0u);
}

TEST(AvailableFileTest, NoTextIsAnEmptyArchive) {
  OG_ASSERT_OK_AND_ASSIGN(const AvailableFile file, ParseAvailableFile("\n\n"));
  EXPECT_TRUE(file.archive.packages.empty());
}

TEST(AvailableFileTest, RefusesDamageAndNamesTheLine) {
  const auto refused = [](std::string_view text, std::string_view part) {
    EXPECT_THAT(ParseAvailableFile(text), StatusIs(absl::StatusCode::kInvalidArgument, part));
  };
  refused("Package: a\nVersion: 1\n", "line 1: record without");
  refused(RecordOf("a") + "Version: 1\nMaintainer: m\n", "line 5: record without");
  refused("Package: a\nno colon\n", "line 2: neither");
  refused("Package: \xff\n", "line 1: not UTF-8");
  refused(RecordOf("a", "Size: many\n"), "line 1: record with a size 'many'");
  refused(RecordOf("a", "Installed-Size: -1\n"), "'-1'");
}

TEST(GraphBatchTest, WritesNodesThenEdges) {
  Archive archive;
  archive.maintainers = {{.email = "m@x", .name = "M \"Q\""}};
  archive.packages = {
      {.name = "a",
       .version = "1",
       .section = "libs",
       .architecture = "all",
       .summary = "first",
       .installed_kib = 7,
       .size_bytes = 9},
      {.name = "b", .version = "2", .section = "", .architecture = "", .summary = ""}};
  archive.dependencies = {{0, 1, DependencyKind::kDepends}, {1, 0, DependencyKind::kSuggests}};
  EXPECT_THAT(
      Lines(archive),
      ElementsAre(
          R"({"type":"Maintainer","data":{"email":"m@x","name":"M \"Q\""}})",
          R"({"type":"Package","data":{"name":"a","version":"1","section":"libs",)"
          R"("architecture":"all","summary":"first","installed_kib":7,"size_bytes":9}})",
          R"({"type":"Package","data":{"name":"b","version":"2","section":"","architecture":"",)"
          R"("summary":""}})",
          R"({"edge":"MaintainedBy","from":"a","to":"m@x"})",
          R"({"edge":"MaintainedBy","from":"b","to":"m@x"})",
          R"({"edge":"Depends","from":"a","to":"b"})",
          R"({"edge":"Suggests","from":"b","to":"a"})"));
}

TEST(GraphBatchTest, PassesOnWhatTheSinkSays) {
  const Archive archive = GenerateArchive({.num_packages = 5000, .num_maintainers = 1});
  int calls = 0;
  const absl::Status status = WriteGraphBatch(archive, [&](std::string_view) {
    return ++calls == 2 ? absl::UnavailableError("full") : absl::OkStatus();
  });
  EXPECT_THAT(status, StatusIs(absl::StatusCode::kUnavailable, "full"));
  EXPECT_EQ(calls, 2);
}

TEST(GeneratorTest, TheSeedDecides) {
  const GeneratorOptions options{.seed = 7, .num_packages = 300, .num_maintainers = 20};
  const std::vector<std::string> lines = Lines(GenerateArchive(options));
  EXPECT_EQ(lines, Lines(GenerateArchive(options)));
  EXPECT_NE(lines, Lines(GenerateArchive({.seed = 8, .num_packages = 300, .num_maintainers = 20})));
}

TEST(GeneratorTest, HasTheShapeOfDebian) {
  const Archive archive = GenerateArchive({});
  EXPECT_EQ(archive.packages.size(), 64'000u);
  EXPECT_EQ(archive.maintainers.size(), 2'100u);
  EXPECT_GT(archive.dependencies.size(), 270'000u);
  EXPECT_LT(archive.dependencies.size(), 330'000u);
  std::vector<int64_t> dependents(archive.packages.size());
  std::set<std::string> names;
  for (const Dependency& d : archive.dependencies)
    ++dependents[d.to];
  for (const Package& package : archive.packages)
    names.insert(package.name);
  EXPECT_EQ(names.size(), archive.packages.size());
  EXPECT_GT(*std::max_element(dependents.begin(), dependents.end()), 10'000);
  EXPECT_GT(std::count(dependents.begin(), dependents.end(), 0), 15'000);
}

}  // namespace
}  // namespace og::tools
