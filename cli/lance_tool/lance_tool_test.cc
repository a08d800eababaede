// lance-tool from the command line down: arguments and their exit codes, schemas as JSON both ways,
// and rows that go through write and come out of dump, take, count and verify as they went in.
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <utility>

#include <pty.h>
#include <unistd.h>

#include "cli/lance_tool/arguments.h"
#include "cli/lance_tool/command.h"
#include "cli/lance_tool/output.h"
#include "cli/lance_tool/schema_json.h"
#include "cli/lance_tool/terminal.h"
#include "io/base/text.h"
#include "io/env/real_env.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_dir.h"

namespace og::cli {
namespace {

using tests::StatusIs;

constexpr char kSchema[] =
    R"j({"fields":[{"name":"id","type":"int64","nullable":false},)j"
    R"j({"name":"name","type":"utf8","nullable":true},)j"
    R"j({"name":"at","type":"timestamp[us,UTC]","nullable":true},)j"
    R"j({"name":"price","type":"decimal128(10,2)","nullable":true},)j"
    R"j({"name":"tags","type":"list","nullable":true,"children":[)j"
    R"j({"name":"item","type":"utf8","nullable":true}]},)j"
    R"j({"name":"pair","type":"struct","nullable":true,"children":[)j"
    R"j({"name":"x","type":"float32","nullable":true}]},)j"
    R"j({"name":"m","type":"map","nullable":true,"children":[)j"
    R"j({"name":"key","type":"utf8","nullable":false},)j"
    R"j({"name":"value","type":"int32","nullable":true}]}],"metadata":{"k":"v"}})j";

constexpr char kRows[] =
    R"j({"id":1,"name":"a","at":5,"price":"1.50","tags":["x",null],)j"
    R"j("pair":{"x":1e+00},"m":[["k",1]]})j"
    "\n"
    R"j({"id":2,"name":null,"at":null,"price":null,"tags":[],"pair":null,"m":[]})j"
    "\n"
    R"j({"id":3,"name":"\"ü\"","at":-1,"price":"-0.05","tags":null,"pair":{"x":"NaN"},"m":null})j"
    "\n";

// Runs one command; its standard output is `*out`.
class LanceToolTest : public testing::Test {
 protected:
  absl::Status Run(std::vector<const char*> arguments) {
    arguments.insert(arguments.begin(), "lance-tool");
    const std::vector<ToolCommand> commands = AllToolCommands();
    const auto parsed =
        ParseToolArguments(commands, static_cast<int>(arguments.size()), arguments.data());
    const auto* call = std::get_if<ToolCall>(&parsed);
    if (call == nullptr) {
      return absl::InvalidArgumentError(std::get<ToolExit>(parsed).text);
    }
    const std::string path = folder_.Child("out");
    std::FILE* file = std::fopen(path.c_str(), "wb");
    Output output(fileno(file));
    Terminal terminal(-1, STDERR_FILENO);  // nobody to ask
    ToolContext context = {.env = io::RealEnv(), .output = output, .terminal = terminal};
    absl::Status status = call->run(context);
    status.Update(output.Flush());
    std::fclose(file);
    out_ = tests::ReadFile(path);
    return status;
  }

  const tests::TempDir folder_;
  std::string out_;
};

TEST(SchemaJson, RoundTrips) {
  OG_ASSERT_OK_AND_ASSIGN(const format::SchemaPtr schema, ParseSchemaJson(kSchema));
  EXPECT_EQ(schema->fields[3].type->ToString(), "decimal128(10,2)");
  io::JsonWriter json;
  WriteSchemaJson(*schema, json);
  EXPECT_EQ(json.text(), kSchema);
  for (const std::string_view wrong :
       {R"j({"fields":[{"name":"a","type":"int65"}]})j", R"j({"fields":[{"type":"int64"}]})j",
        R"j({"fields":[{"name":"a","type":"list"}]})j", R"j({"fields":3})j", "[", "{}",
        R"j([{"name":"a","type":"decimal128(99,1)"}])j",
        R"j([{"name":"a","type":"time32[ns]"}])j"}) {
    EXPECT_THAT(ParseSchemaJson(wrong), StatusIs(absl::StatusCode::kInvalidArgument)) << wrong;
  }
}

TEST(Arguments, MistakesExitWithTwoAndHelpWithZero) {
  const auto exit_of = [](std::vector<const char*> arguments) {
    arguments.insert(arguments.begin(), "lance-tool");
    const std::vector<ToolCommand> commands = AllToolCommands();
    const auto parsed =
        ParseToolArguments(commands, static_cast<int>(arguments.size()), arguments.data());
    const auto* exit = std::get_if<ToolExit>(&parsed);
    return exit == nullptr ? ToolExit{.code = -1, .text = ""} : *exit;
  };
  EXPECT_EQ(exit_of({}).code, 2);
  EXPECT_EQ(exit_of({"dump"}).code, 2);
  EXPECT_EQ(exit_of({"dump", "x", "--limit", "many"}).code, 2);
  EXPECT_EQ(exit_of({"write", "x", "--mode", "replace"}).code, 2);
  EXPECT_EQ(exit_of({"write", "x", "--file-version", "2.3"}).code, 2);
  EXPECT_EQ(exit_of({"dump", "x"}).code, -1);
  EXPECT_NE(exit_of({"completion", "--help"}).text.find("Examples:"), std::string::npos);
  for (const ToolCommand& command : AllToolCommands()) {
    std::vector<std::string> words;
    for (const std::string_view word : io::Split(command.text.path, ' ')) {
      words.emplace_back(word);
    }
    std::vector<const char*> arguments;
    for (const std::string& word : words) {
      arguments.push_back(word.c_str());
    }
    arguments.push_back("--help");
    const ToolExit help = exit_of(arguments);
    EXPECT_EQ(help.code, 0) << command.text.path;
    EXPECT_NE(help.text.find(io::StrCat("Examples:\n  lance-tool ", command.text.path)),
              std::string::npos)
        << help.text;
  }
}

TEST_F(LanceToolTest, RowsComeOutAsTheyWentIn) {
  const std::string table = folder_.Child("t.lance");
  const std::string schema = folder_.Child("S.json");
  const std::string rows = folder_.Child("rows.jsonl");
  tests::WriteFile(schema, kSchema);
  tests::WriteFile(rows, kRows);
  OG_ASSERT_OK(Run({"write", table.c_str(), "--schema", schema.c_str(), "--input", rows.c_str(),
                    "--max-rows-per-file", "2"}));
  EXPECT_EQ(out_, "version 1, 3 rows\n");
  OG_ASSERT_OK(Run({"dump", table.c_str()}));
  EXPECT_EQ(out_, kRows);
  OG_ASSERT_OK(
      Run({"write", table.c_str(), "--mode", "append", "--input", rows.c_str(), "--json"}));
  EXPECT_EQ(out_, "{\"version\":2,\"num_rows\":6}\n");
  OG_ASSERT_OK(Run({"dump", table.c_str(), "--columns", "id,pair.x", "--where", "id >= 2",
                    "--offset", "1", "--limit", "2", "--row-ids"}));
  EXPECT_EQ(out_,
            "{\"id\":3,\"pair\":{\"x\":\"NaN\"},\"_rowid\":2,\"_rowaddr\":4294967296}\n"
            "{\"id\":2,\"pair\":null,\"_rowid\":4,\"_rowaddr\":8589934593}\n");
  OG_ASSERT_OK(Run({"take", table.c_str(), "--rows", "5,0", "--columns", "id"}));
  EXPECT_EQ(out_, "{\"id\":3}\n{\"id\":1}\n");
  OG_ASSERT_OK(Run({"take", table.c_str(), "--rows", "4", "--by", "id", "--columns", "id"}));
  EXPECT_EQ(out_, "{\"id\":2}\n");
  OG_ASSERT_OK(Run({"count", table.c_str(), "--where", "name is null"}));
  EXPECT_EQ(out_, "2\n");
  OG_ASSERT_OK(Run({"count", table.c_str(), "--version", "1", "--json"}));
  EXPECT_EQ(out_, "{\"rows\":3}\n");
  OG_ASSERT_OK(Run({"scan", table.c_str(), "--repeat", "2", "--json"}));
  EXPECT_NE(out_.find("\"rows\": 6"), std::string::npos) << out_;
  OG_ASSERT_OK(Run({"verify", table.c_str(), "--all-versions", "--deep"}));
  EXPECT_EQ(out_,
            "version 1: 3 rows, 2 files, 0 problems\nversion 2: 6 rows, 3 files, 0 problems\n");

  EXPECT_THAT(Run({"write", table.c_str(), "--schema", schema.c_str(), "--input", rows.c_str()}),
              StatusIs(absl::StatusCode::kAlreadyExists));
  EXPECT_THAT(Run({"dump", table.c_str(), "--columns", "nope"}),
              StatusIs(absl::StatusCode::kNotFound, "nope"));
  EXPECT_THAT(Run({"dump", folder_.Child("none").c_str()}),
              StatusIs(absl::StatusCode::kNotFound, "no dataset"));
  OG_ASSERT_OK(Run({"branch", "create", table.c_str(), "other"}));
  EXPECT_THAT(Run({"dump", table.c_str(), "--branch", "oter"}),
              StatusIs(absl::StatusCode::kNotFound, "no branch 'oter'"));
  EXPECT_THAT(Run({"dump", table.c_str(), "--branch", "oter"}),
              StatusIs(absl::StatusCode::kNotFound, "there are: main, other"));
}

// Three ids in a page whose second buffer stands at byte 64: a chunk with a header of 8 bytes. A
// flipped bit of an id is not noticed unless checksums are compared.
TEST_F(LanceToolTest, PagesAreComparedWithTheirChecksumsOnDemand) {
  const std::string table = folder_.Child("t.lance");
  const std::string schema = folder_.Child("S.json");
  const std::string rows = folder_.Child("rows.jsonl");
  tests::WriteFile(schema, R"j([{"name":"id","type":"int64","nullable":false}])j");
  tests::WriteFile(rows, "{\"id\":5823457982345}\n{\"id\":-998234598234}\n{\"id\":77}\n");
  OG_ASSERT_OK(Run({"write", table.c_str(), "--schema", schema.c_str(), "--input", rows.c_str()}));
  for (const auto& entry : std::filesystem::directory_iterator(table + "/data")) {
    std::fstream file(entry.path(), std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(64 + 8 + 1);
    file.put('\x7f');
  }
  const auto is_found =
      StatusIs(absl::StatusCode::kDataLoss, "column 0, page 0 at byte 0: the checksum is ");
  OG_EXPECT_OK(Run({"dump", table.c_str()}));
  EXPECT_THAT(Run({"dump", table.c_str(), "--check-pages"}), is_found);
  EXPECT_THAT(Run({"scan", table.c_str(), "--check-pages"}), is_found);
  EXPECT_THAT(Run({"take", table.c_str(), "--rows", "2", "--check-pages"}), is_found);
  EXPECT_THAT(Run({"verify", table.c_str(), "--deep"}), StatusIs(absl::StatusCode::kDataLoss));
  ASSERT_EQ(setenv("OMNIGRAPH_CHECK_PAGES", "1", 1), 0);
  EXPECT_THAT(Run({"dump", table.c_str()}), is_found);
  unsetenv("OMNIGRAPH_CHECK_PAGES");
}

TEST_F(LanceToolTest, FileInfoShowsColumnsPagesAndEncodings) {
  const std::string table = folder_.Child("t.lance");
  const std::string schema = folder_.Child("S.json");
  const std::string rows = folder_.Child("rows.jsonl");
  tests::WriteFile(schema, kSchema);
  tests::WriteFile(rows, kRows);
  OG_ASSERT_OK(Run({"write", table.c_str(), "--schema", schema.c_str(), "--input", rows.c_str()}));
  OG_ASSERT_OK(Run({"info", table.c_str(), "--json"}));
  const size_t at = out_.find("\"path\": \"", out_.find("\"files\"")) + 9;
  const std::string file = table + "/data/" + out_.substr(at, out_.find('"', at) - at);
  OG_ASSERT_OK(Run({"file-info", file.c_str()}));
  EXPECT_NE(out_.find("file version    2.2\n"), std::string::npos) << out_;
  EXPECT_NE(out_.find("m.entries.key"), std::string::npos) << out_;
  EXPECT_EQ(out_.find("not decoded"), std::string::npos) << out_;
  OG_ASSERT_OK(Run({"file-info", file.c_str(), "--pages"}));
  EXPECT_NE(out_.find("page 0  from 0, 3 values"), std::string::npos) << out_;
  OG_ASSERT_OK(Run({"file-info", file.c_str(), "--json"}));
  EXPECT_NE(out_.find("\"path\": \"pair.x\""), std::string::npos) << out_;
  OG_ASSERT_OK(Run({"file-info", file.c_str(), "--no-decode", "--json"}));
  EXPECT_NE(out_.find("\"memory_bytes\": null"), std::string::npos) << out_;
  EXPECT_EQ(out_.find("\"memory_bytes\": 2"), std::string::npos) << out_;

  EXPECT_THAT(Run({"file-info", table.c_str()}),
              StatusIs(absl::StatusCode::kInvalidArgument, "is a folder"));
  EXPECT_THAT(Run({"file-info", rows.c_str()}),
              StatusIs(absl::StatusCode::kDataLoss, "lance footer"));
  EXPECT_THAT(Run({"file-info", folder_.Child("none").c_str()}),
              StatusIs(absl::StatusCode::kNotFound));
}

TEST_F(LanceToolTest, VerifyFindsADamagedFile) {
  const std::string table = folder_.Child("t.lance");
  const std::string schema = folder_.Child("S.json");
  const std::string rows = folder_.Child("rows.jsonl");
  tests::WriteFile(schema, kSchema);
  tests::WriteFile(rows, kRows);
  OG_ASSERT_OK(Run({"write", table.c_str(), "--schema", schema.c_str(), "--input", rows.c_str()}));
  OG_ASSERT_OK(Run({"info", table.c_str(), "--json"}));
  const size_t at = out_.find("\"path\": \"", out_.find("\"files\"")) + 9;
  const std::string file = table + "/data/" + out_.substr(at, out_.find('"', at) - at);
  const std::string bytes = tests::ReadFile(file);
  ASSERT_GT(bytes.size(), 100u);
  tests::WriteFile(file, bytes.substr(0, bytes.size() / 2));
  EXPECT_THAT(Run({"verify", table.c_str()}),
              StatusIs(absl::StatusCode::kDataLoss, "problems found"));
}

TEST(TerminalTest, AsksWhereSomebodyCanAnswer) {
  Terminal nobody(-1, -1);
  EXPECT_FALSE(nobody.shows_progress());
  OG_EXPECT_OK(nobody.Confirm("Remove it?", true));
  EXPECT_THAT(nobody.Confirm("Remove it?", false),
              StatusIs(absl::StatusCode::kFailedPrecondition, "Remove it? This cannot be undone"));
  int person = -1;
  int program = -1;
  ASSERT_EQ(openpty(&person, &program, nullptr, nullptr, nullptr), 0);
  Terminal terminal(program, program);
  EXPECT_TRUE(terminal.shows_progress());
  for (const auto& [answer, consents] :
       {std::pair{"y\n", true}, {"yes\n", true}, {"n\n", false}, {"\n", false}}) {
    ASSERT_GT(write(person, answer, std::strlen(answer)), 0);
    EXPECT_EQ(terminal.Confirm("Remove it?", false).ok(), consents) << answer;
  }
  close(person);
  close(program);
}

TEST(TerminalTest, ProgressIsOneLine) {
  EXPECT_EQ(
      ToolProgressLine("compact", {.unit = "fragments", .done = 5, .total = 20, .bytes = 1500},
                       10'000'000'000),
      "compact  [#####               ]  25%  5 of 20 fragments  1.5 kB  eta 0:30");
  EXPECT_EQ(ToolProgressLine("copy", {.unit = "files", .done = 3}, 1), "copy  3 files");
  EXPECT_EQ(ToolProgressLine("copy", {.unit = "files", .done = 9, .total = 9}, 1),
            "copy  [####################]  100%  9 of 9 files");
  EXPECT_EQ(ByteSizeText(999), "999 B");
  EXPECT_EQ(ByteSizeText(12'345'678), "12.3 MB");
}

TEST(Output, ReaderThatLeftEndsTheCommandQuietly) {
  int ends[2];
  ASSERT_EQ(pipe(ends), 0);
  close(ends[0]);
  signal(SIGPIPE, SIG_IGN);
  Output output(ends[1]);
  OG_ASSERT_OK(output.Write("x"));
  EXPECT_THAT(output.Flush(), StatusIs(absl::StatusCode::kCancelled));
  close(ends[1]);
}

}  // namespace
}  // namespace og::cli
