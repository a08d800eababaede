// Tables by a mapping: the lines that they stand for, where each comes from, and what a mapping may
// not say; a load takes their columns for what those lines are.

#include "engine/graph/load/mapped_source.h"

#include <algorithm>
#include <cstddef>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include "engine/graph/load/graph_batch.h"
#include "engine/graph/load/graph_batch_testing.h"
#include "engine/graph/load/load_mapping.h"
#include "engine/graph/load/row_source.h"
#include "engine/schema/catalog.h"
#include "format/arrow/builder.h"
#include "format/arrow/json.h"
#include "format/tabular/tabular.h"
#include "io/base/json_value.h"
#include "io/base/text.h"
#include "io/env/real_env.h"
#include "tests/support/status_matchers.h"

namespace og::engine::graph {
namespace {

using ::testing::HasSubstr;
using tests::StatusIs;

constexpr std::string_view kSchema = R"(
node Person { name: String @key born: I32? joined: DateTime? tags: [String]? }
edge Knows: Person -> Person { since: I32? }
node Pair { a: String b: I64 @key(a, b) }
node Note { text: String level: enum(low, high)? weight: F64? day: Date? @range(weight, 0..100) }
edge About: Note -> Person { sure: Bool }
)";

constexpr std::string_view kMapping = R"({"tables": [
  {"file": "people", "type": "Person", "columns": {"name": "full name", "born": "year"}},
  {"file": "knows", "edge": "Knows", "from": "who", "to": "whom"}]})";

class TextInput final : public format::ByteInput {
 public:
  explicit TextInput(std::string text) : text_(std::move(text)) {}
  absl::StatusOr<size_t> Read(std::span<char> into) override {
    const size_t size = std::min(into.size(), text_.size() - at_);
    std::copy_n(text_.data() + at_, size, into.data());
    at_ += size;
    return size;
  }

 private:
  const std::string text_;
  size_t at_ = 0;
};

schema::CatalogPtr TestCatalog() {
  auto catalog = schema::CatalogFromText(kSchema);
  EXPECT_TRUE(catalog.ok()) << catalog.status();
  return *std::move(catalog);
}

absl::StatusOr<LoadMapping> Parse(std::string_view text) {
  absl::StatusOr<io::JsonValue> document = io::JsonValue::Parse(text);
  EXPECT_TRUE(document.ok()) << document.status();
  return ParseLoadMapping(*document, *TestCatalog());
}

std::unique_ptr<MappedSource> Open(format::TabularFormat format, std::string_view mapping,
                                   std::map<std::string, std::string> files) {
  absl::StatusOr<LoadMapping> parsed = Parse(mapping);
  EXPECT_TRUE(parsed.ok()) << parsed.status();
  const auto open =
      [files = std::move(files)](
          const std::string& file) -> absl::StatusOr<std::unique_ptr<format::ByteInput>> {
    return std::make_unique<TextInput>(files.at(file));
  };
  return MakeMappedSource(format, *std::move(parsed), open, "tables", 0);
}

absl::StatusOr<std::string> ReadAll(MappedSource& source) {
  std::string text;
  std::byte piece[7];
  while (true) {
    const absl::StatusOr<size_t> size = source.Read(piece, sizeof(piece));
    if (!size.ok()) return size.status();
    if (*size == 0) return text;
    text.append(reinterpret_cast<const char*>(piece), *size);
  }
}

// `csv` as an Arrow file, with the types that its cells suggest.
std::string AsArrow(const std::string& csv) {
  auto rows =
      format::OpenTabular(format::TabularFormat::kCsv, std::make_unique<TextInput>(csv), {});
  EXPECT_TRUE(rows.ok()) << rows.status();
  const auto writer =
      format::MakeTabularWriter(format::TabularFormat::kArrowFile, (*rows)->schema(), {});
  std::string out;
  while (true) {
    const auto batch = (*rows)->Next();
    EXPECT_TRUE(batch.ok()) << batch.status();
    if (!batch.ok() || !batch->has_value()) break;
    writer->Append(**batch, out);
  }
  writer->Finish(out);
  return out;
}

TEST(MappedSourceTest, CsvAndArrowStandForTheSameLines) {
  const std::string people = "year,full name\n1906,Grace\n,Joan\n";
  const std::string knows = "who,whom,since\nGrace,Joan,1950\n";
  const std::string_view lines =
      R"({"type":"Person","data":{"name":"Grace","born":1906}}
{"type":"Person","data":{"name":"Joan","born":null}}
{"edge":"Knows","from":"Grace","to":"Joan","data":{"since":1950}}
)";
  const auto csv =
      Open(format::TabularFormat::kCsv, kMapping, {{"people", people}, {"knows", knows}});
  OG_ASSERT_OK_AND_ASSIGN(const std::string of_csv, ReadAll(*csv));
  EXPECT_EQ(of_csv, lines);
  EXPECT_EQ(csv->RowOfLine(2)->file, "people");
  EXPECT_EQ(csv->RowOfLine(2)->row, 2u);
  EXPECT_EQ(csv->RowOfLine(3)->file, "knows");
  EXPECT_EQ(csv->RowOfLine(3)->row, 1u);
  OG_ASSERT_OK_AND_ASSIGN(const bool rewound, csv->Rewind());
  EXPECT_TRUE(rewound);
  OG_ASSERT_OK_AND_ASSIGN(const std::string again, ReadAll(*csv));
  EXPECT_EQ(again, lines);

  const auto arrow = Open(format::TabularFormat::kArrowFile, kMapping,
                          {{"people", AsArrow(people)}, {"knows", AsArrow(knows)}});
  OG_ASSERT_OK_AND_ASSIGN(const std::string of_arrow, ReadAll(*arrow));
  EXPECT_EQ(of_arrow, lines);
}

TEST(MappedSourceTest, ColumnsThatTheMappingNamesMustBeThere) {
  const auto source =
      Open(format::TabularFormat::kCsv, kMapping, {{"people", "name,year\nGrace,1906\n"}});
  EXPECT_THAT(ReadAll(*source), StatusIs(absl::StatusCode::kInvalidArgument,
                                         HasSubstr("people: there is no column 'full name'")));
}

TEST(MappedSourceTest, OtherColumnsArePassedOverOnlyWhereColumnsAreNamed) {
  const std::string people = "full name,year,shoe size\nGrace,1906,37\n";
  constexpr std::string_view kNamed =
      R"({"tables": [{"type": "Person", "columns": {"name": "full name", "born": "year"}}]})";
  constexpr std::string_view kUnnamed = R"({"tables": [{"type": "Person"}]})";
  for (const bool is_csv : {true, false}) {
    const auto format = is_csv ? format::TabularFormat::kCsv : format::TabularFormat::kArrowFile;
    const auto named = Open(format, kNamed, {{"", is_csv ? people : AsArrow(people)}});
    OG_ASSERT_OK_AND_ASSIGN(const std::string lines, ReadAll(*named));
    EXPECT_EQ(lines, "{\"type\":\"Person\",\"data\":{\"name\":\"Grace\",\"born\":1906}}\n");
    const auto unnamed = Open(format, kUnnamed, {{"", is_csv ? people : AsArrow(people)}});
    EXPECT_THAT(ReadAll(*unnamed),
                StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("full name")));
  }
}

TEST(MappedSourceTest, CellsThatDoNotFitNameFileAndLine) {
  const auto source =
      Open(format::TabularFormat::kCsv, kMapping, {{"people", "full name,year\nGrace,soon\n"}});
  EXPECT_THAT(ReadAll(*source),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("people: line 2")));
}

// `ids` with one word for all that were made: they have 26 characters.
format::ArrayPtr WithoutMadeIds(const format::Array& ids) {
  format::StringBuilder known(format::Utf8());
  for (int64_t i = 0; i < ids.length; ++i)
    known.Append(ids.StringValue(i).size() == 26 ? "made" : ids.StringValue(i));
  return known.Finish();
}

// Whatever a load makes of `source`: its rows as lines, by table, or its error.
std::string Loaded(ByteSource& source) {
  std::map<std::string, std::string> tables;
  const schema::CatalogPtr catalog = TestCatalog();
  const absl::Status status =
      ReadGraphBatch(io::RealEnv(), *catalog, source, {}, [&](TableBatch batch) {
        std::string& lines = tables[std::string(batch.table_key)];
        batch.rows.columns[0] = WithoutMadeIds(*batch.rows.columns[0]);
        for (int64_t row = 0; row < batch.rows.num_rows; ++row) {
          format::AppendJsonRow(batch.rows, row, lines);
          lines += "\n";
        }
        return absl::OkStatus();
      });
  if (!status.ok()) return std::string(status.message());
  std::string all;
  for (const auto& [key, lines] : tables)
    all += io::StrCat(key, "\n", lines);
  return all;
}

TEST(MappedSourceTest, ColumnsAreLoadedAsTheirLines) {
  constexpr std::string_view kPeople = R"({"tables": [{"type": "Person"}]})";
  constexpr std::string_view kKnows = R"({"tables": [{"edge": "Knows"}]})";
  constexpr std::string_view kPairs = R"({"tables": [{"type": "Pair", "id": "key"}]})";
  constexpr std::string_view kNotes = R"({"tables": [{"type": "Note", "id": "key"}]})";
  constexpr std::string_view kAbout = R"({"tables": [{"edge": "About"}]})";
  const std::pair<std::string_view, std::string> kCases[] = {
      {kPeople, "name,born,joined\nGrace,1906,1943-12-01T00:00:00Z\nJoan,,\n"},
      {kPeople, "name,tags\nGrace,\"[\"\"navy\"\"]\"\nJoan,\n"},
      {kPeople, "name,born\n,1906\n"},
      {kPeople, "born\n1906\n"},
      {kPeople, "name,born\nGrace,3000000000\n"},
      {kKnows, "from,to,since\nGrace,Joan,1950\nJoan,Grace,\n"},
      {kKnows, "from,to\nGrace,Joan\n"},
      {kKnows, "from,to\nGrace,Joan\nGrace,\n"},
      {kPairs, "key,a,b\n,x,7\n\"[\"\"y\"\",\"\"8\"\"]\",y,8\n"},
      {kPairs, "key,a,b\n,x,7\nno,y,8\n"},
      {kPairs, "a,b\nx,7\ny,\n"},
      {kNotes, "key,text,level,weight,day\nn1,one,low,1.5,2020-02-29\n,two,high,,\n"},
      {kNotes, "text,weight\none,1.5\ntwo,101\n"},
      {kNotes, "text,weight\none,1.5\ntwo,inf\n"},
      {kNotes, "text,level\none,low\ntwo,middling\n"},
      {kAbout, "from,to,sure\nn1,Grace,true\nn2,Joan,false\n"},
      {kAbout, "from,to,sure\nn1,Grace,true\nn2,Joan,\n"},
      {kAbout, "from,to\nn1,Grace\n"},
  };
  for (const auto& [mapping, csv] : kCases) {
    for (const bool is_csv : {true, false}) {
      const auto format = is_csv ? format::TabularFormat::kCsv : format::TabularFormat::kArrowFile;
      const std::map<std::string, std::string> files = {{"", is_csv ? csv : AsArrow(csv)}};
      const auto columns = Open(format, mapping, files);
      const std::string of_columns = Loaded(*columns);
      const auto same = Open(format, mapping, files);
      const absl::StatusOr<std::string> lines = ReadAll(*same);
      if (!lines.ok()) {
        EXPECT_EQ(of_columns, lines.status().message()) << csv;
        continue;
      }
      TextSource text(*lines, 100);
      EXPECT_EQ(of_columns, Loaded(text)) << csv;
    }
  }
}

class RowsInMemory final : public RowSource {
 public:
  explicit RowsInMemory(SourceRows rows) : rows_(std::move(rows)) {}
  absl::StatusOr<std::optional<SourceRows>> NextRows() override {
    return std::exchange(rows_, std::nullopt);
  }
  uint64_t bytes_read() const override { return 0; }
  absl::StatusOr<size_t> Read(std::byte* /*out*/, size_t /*capacity*/) override { return 0; }
  uint64_t size() const override { return 0; }
  std::string_view name() const override { return "memory"; }

 private:
  std::optional<SourceRows> rows_;
};

TEST(MappedSourceTest, ColumnsOfStoredTypesAreNotCopied) {
  format::StringBuilder names(format::Utf8());
  names.Append("Grace");
  const format::ArrayPtr name = names.Finish();
  RowsInMemory source({.type_name = "Person",
                       .is_edge = false,
                       .first_line = 1,
                       .num_rows = 1,
                       .members = {{.name = "name", .in_data = true, .values = name}}});
  const schema::CatalogPtr catalog = TestCatalog();
  int num_batches = 0;
  OG_EXPECT_OK(ReadGraphBatch(io::RealEnv(), *catalog, source, {}, [&](const TableBatch& batch) {
    ++num_batches;
    EXPECT_EQ(batch.rows.Column("id"), name);
    EXPECT_EQ(batch.rows.Column("name"), name);
    return absl::OkStatus();
  }));
  EXPECT_EQ(num_batches, 1);
}

TEST(LoadMappingTest, SaysWhatIsWrong) {
  const std::pair<std::string_view, std::string_view> kCases[] = {
      {R"({})", "'tables' must be a list"},
      {R"({"tables": []})", "at least one table"},
      {R"({"tables": [{}]})", "either 'type' or 'edge'"},
      {R"({"tables": [{"type": "Cat"}]})", "unknown node type 'Cat'"},
      {R"({"tables": [{"edge": "Person"}]})", "unknown edge type 'Person'"},
      {R"({"tables": [{"type": "Person", "from": "a"}]})", "a node has no 'from'"},
      {R"({"tables": [{"type": "Person", "columns": {"age": "a"}}]})", "has no property 'age'"},
      {R"({"tables": [{"type": "Person", "columns": {"name": 1}}]})", "must be a string"},
      {R"({"tables": [{"type": "Person", "colums": {}}]})", "unknown member 'colums'"},
      {R"({"tables": [{"type": "Person"}], "csv": {"delimiter": "||"}})", "one ASCII character"},
  };
  for (const auto& [mapping, message] : kCases) {
    EXPECT_THAT(Parse(mapping), StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(message)))
        << mapping;
  }
}

}  // namespace
}  // namespace og::engine::graph
