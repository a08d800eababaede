// Graph batches: records become rows in order, ids are settled, and each mistake of an input is an
// error with its line and the words of the reference.

#include "engine/graph/load/graph_batch.h"

#include <algorithm>
#include <cstring>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "gtest/gtest.h"

#include "engine/graph/load/graph_batch_testing.h"
#include "engine/schema/catalog.h"
#include "format/arrow/array.h"
#include "io/base/text.h"

namespace og::engine::graph {
namespace {

constexpr std::string_view kSchema = R"(
node Person {
  name: String @key
  age: I32?
  score: F32?
  born: Date?
  tags: [String]?
  vec: Vector(2)?
  level: enum(junior, senior)?
  @range(age, 0..150)
  @check(name, "^[a-z]+$")
}
node Pair { a: String b: I64 @key(a, b) }
node Note { text: String }
edge Knows: Person -> Person { since: I32? }
)";

class GraphBatchTest : public LoadTest {
 protected:
  GraphBatchTest() : LoadTest(kSchema) {}
};

TEST_F(GraphBatchTest, RecordsBecomeRowsInOrder) {
  ASSERT_EQ(
      Read("{\"type\":\"Person\",\"data\":{\"name\":\"ada\",\"age\":36,\"tags\":[\"x\",\"y\"],"
           "\"vec\":[1,2.5],\"born\":\"1815-12-10\",\"level\":\"senior\"}}\n"
           "\r\n"
           "{\"edge\":\"knows\",\"from\":\"ada\",\"to\":\"bob\",\"data\":{\"since\":1833}}\r\n"
           "{\"data\":{\"name\":\"bob\",\"id\":\"bob\"},\"type\":\"Person\"}"),
      "");
  const format::RecordBatch people = Rows("node:Person");
  ASSERT_EQ(people.num_rows, 2);
  EXPECT_EQ(people.Column("id")->StringValue(0), "ada");
  EXPECT_EQ(people.Column("id")->StringValue(1), "bob");
  EXPECT_EQ(people.Column("age")->Value<int32_t>(0), 36);
  EXPECT_TRUE(people.Column("age")->IsNull(1));
  EXPECT_EQ(people.Column("born")->Value<int32_t>(0), -56270);
  const format::RecordBatch edges = Rows("edge:Knows");
  ASSERT_EQ(edges.num_rows, 1);
  EXPECT_EQ(edges.Column("dst")->StringValue(0), "bob");
  EXPECT_EQ(edges.Column("id")->StringValue(0).size(), 26u);
}

TEST_F(GraphBatchTest, CompositeKeysBecomeJsonArrays) {
  ASSERT_EQ(Read(R"({"type":"Pair","data":{"a":"x\"y","b":7}})"), "");
  EXPECT_EQ(Rows("node:Pair").Column("id")->StringValue(0), R"(["x\"y","7"])");
}

TEST_F(GraphBatchTest, NodesWithoutKeyTakeTheirIdOrAFreshOne) {
  ASSERT_EQ(Read("{\"type\":\"Note\",\"data\":{\"id\":\"n1\",\"text\":\"a\"}}\n"
                 "{\"type\":\"Note\",\"data\":{\"text\":\"b\"}}\n"),
            "");
  EXPECT_EQ(Rows("node:Note").Column("id")->StringValue(0), "n1");
  EXPECT_EQ(Rows("node:Note").Column("id")->StringValue(1).size(), 26u);
}

TEST_F(GraphBatchTest, MistakesNameLineAndField) {
  const std::pair<std::string_view, std::string_view> kCases[] = {
      {R"({"type":"Nope"})", "line 2: unknown node type 'Nope'"},
      {R"({"edge":"nope","from":"a","to":"b"})", "line 2: unknown edge type 'nope'"},
      {R"({"data":{}})", "line 2: graph batch record must contain exactly one of 'type' or 'edge'"},
      {R"([1])", "line 2: graph batch record must be one JSON object"},
      {R"({"edge":"Knows","to":"b"})", "line 2: graph batch record requires field 'from'"},
      {R"({"edge":"Knows","from":1,"to":"b"})",
       "line 2: graph batch field 'from' must be a string, got 1"},
      {R"({"type":"Person","data":[1]})",
       "line 2: graph batch field 'data' must be an object, got [1]"},
      {R"({"type":"Person","_rowid":1})", "line 2: top-level field '_rowid' is reserved"},
      {R"({"type":"Person","extra":1})", "line 2: unknown top-level graph batch field 'extra'"},
      {R"({"type":"Person","type":"Person"})",
       "invalid strict JSON at line 2: duplicate JSON member 'type'"},
      {R"({"type":"Person","data":{"name":"a","name":"b"}})", "duplicate JSON member 'name'"},
      {R"({"type":"Person","data":{"name":"a","x":1}})",
       "line 2: unknown input field 'x' for 'node:Person'"},
      {R"({"type":"Person","data":{"name":"a","_rowid":1}})",
       "line 2: input field '_rowid' is reserved physical state"},
      {R"({"edge":"Knows","from":"a","to":"b","data":{"src":"a"}})",
       "line 2: edge data field 'src' is reserved structural state"},
      {R"({"type":"Person","data":{"age":3}})",
       "line 2: non-nullable property 'name' has null or invalid values"},
      {R"({"type":"Person","data":{"name":3}})",
       "line 2: strict property 'name' expects Utf8, got 3"},
      {R"({"type":"Person","data":{"name":"a","age":2147483648}})",
       "line 2: property 'age' value 2147483648 exceeds Int32 range"},
      {R"({"type":"Person","data":{"name":"a","age":1.5}})",
       "line 2: strict property 'age' expects Int32, got 1.5"},
      {R"({"type":"Person","data":{"name":"a","score":1e39}})", "exceeds Float32 range"},
      {R"({"type":"Person","data":{"name":"a","born":"yesterday"}})",
       "line 2: invalid Date literal 'yesterday'"},
      {R"({"type":"Person","data":{"name":"a","tags":"x"}})",
       "line 2: list property 'tags' expects a JSON array, got \"x\""},
      {R"({"type":"Person","data":{"name":"a","tags":[null]}})",
       "line 2: strict list property 'tags' contains a null or invalid item"},
      {R"({"type":"Person","data":{"name":"a","vec":[1]}})",
       "line 2: vector property 'vec' expects 2 dimensions, got 1"},
      {R"({"type":"Person","data":{"name":"a","vec":[1,"b"]}})",
       "line 2: vector property 'vec' elements must be numeric, got \"b\""},
      {R"({"type":"Person","data":{"name":"a","age":151}})",
       "line 2: @range violation on Person.age: value 151 > max 150"},
      {R"({"type":"Person","data":{"name":"A"}})",
       "line 2: @check violation on Person.name: value 'A' does not match pattern '^[a-z]+$'"},
      {R"({"type":"Person","data":{"name":"a","level":"boss"}})",
       "line 2: invalid enum value 'boss' for Person.level (expected: junior, senior)"},
      {R"({"type":"Person","data":{"name":"a","id":"b"}})",
       "line 2: node Person explicit id 'b' does not match its canonical @key id 'a'"},
      {R"({"type":"Note","data":{"id":7,"text":"x"}})",
       "line 2: input entity of type 'Note' field 'id' must be a string, got 7"},
      {R"({"type":"Person","data":{"name":"a"})", "invalid strict JSON at line 2"},
      {"{\"type\":\"Person\",\"data\":{\"name\":\"\xff\"}}", "invalid strict JSON at line 2"},
  };
  for (const auto& [line, message] : kCases) {
    const std::string error =
        Read("{\"type\":\"Person\",\"data\":{\"name\":\"first\"}}\n" + std::string(line) + "\n");
    EXPECT_NE(error.find(message), std::string::npos) << line << "\n  gave " << error;
  }
}

TEST_F(GraphBatchTest, LinesThatCrossReadsAndBatchesArriveWhole) {
  options_.batch_bytes = 4096;
  std::string input;
  for (int i = 0; i < 5000; ++i) {
    input += "{\"type\":\"Note\",\"data\":{\"text\":\"" + std::to_string(i) + "\"}}\n";
  }
  read_bytes_ = 7;
  ASSERT_EQ(Read(input), "");
  const format::RecordBatch rows = Rows("node:Note");
  ASSERT_EQ(rows.num_rows, 5000);
  EXPECT_GT(num_batches_, 4);
  for (int64_t i = 0; i < rows.num_rows; ++i) {
    ASSERT_EQ(rows.Column("text")->StringValue(i), std::to_string(i));
  }
}

TEST_F(GraphBatchTest, LongLinesAreRefusedByLimit) {
  options_.line_bytes_max = 1000;
  constexpr std::string_view kRefused =
      "line 2: resource limit exceeded for graph_batch_line_bytes: actual ";
  const auto line_of = [](size_t size) { return io::StrCat("\n", std::string(size, ' ')); };
  EXPECT_TRUE(Read(line_of(size_t{20} << 20)).starts_with(kRefused));
  EXPECT_EQ(Read(io::StrCat(line_of(1001), "\n")), io::StrCat(kRefused, "1001, limit 1000"));
  EXPECT_EQ(Read(io::StrCat(line_of(1000), "\n")), "");
}

// Texts of many lengths, and edges among them.
std::string MixedLines(int count) {
  std::string input;
  for (int i = 0; i < count; ++i) {
    const std::string text(static_cast<size_t>(i) * 7 % 100, 'x');
    input += io::StrCat(R"({"type":"Note","data":{"text":")", text, i, "\"}}\n");
    if (i % 5 == 0) input += "\r\n";
    if (i % 3 != 0) continue;
    input +=
        io::StrCat(R"({"edge":"Knows","from":"a)", i, R"(","to":"b","data":{"since":)", i, "}}\n");
  }
  return input;
}

TEST_F(GraphBatchTest, RowsDoNotDependOnBlocks) {
  const std::string input = MixedLines(3000);
  ASSERT_EQ(Read(input), "");
  const format::RecordBatch notes = Rows("node:Note");
  const format::RecordBatch edges = Rows("edge:Knows");
  ASSERT_EQ(notes.num_rows, 3000);
  ASSERT_EQ(edges.num_rows, 1000);
  // Some blocks are shorter than a line.
  for (const size_t block_bytes : {1, 50, 1000, 4096}) {
    for (const size_t batch_bytes : {size_t{1}, size_t{8} << 20}) {
      options_.block_bytes = block_bytes;
      options_.batch_bytes = batch_bytes;
      ASSERT_EQ(Read(input), "");
      EXPECT_TRUE(format::Equal(*Rows("node:Note").Column("text"), *notes.Column("text")));
      for (const char* column : {"src", "dst", "since"})
        EXPECT_TRUE(format::Equal(*Rows("edge:Knows").Column(column), *edges.Column(column)));
      const format::ArrayPtr ids = Rows("edge:Knows").Column("id");
      for (int64_t i = 1; i < ids->length; ++i)
        ASSERT_LT(ids->StringValue(i - 1), ids->StringValue(i));
    }
  }
}

TEST_F(GraphBatchTest, OfMistakesInSeveralBlocksTheFirstIsTheError) {
  const std::string before = MixedLines(500);
  const auto line = std::count(before.begin(), before.end(), '\n') + 1;
  const std::string unknown = "{\"type\":\"Nope\"}\n";
  const std::string too_long(5000, 'x');
  options_.line_bytes_max = 4000;
  for (const size_t block_bytes : {size_t{1}, size_t{1000}, size_t{4} << 20}) {
    options_.block_bytes = block_bytes;
    for (const std::string& after : {io::StrCat(MixedLines(50), unknown, MixedLines(50)), too_long})
      EXPECT_EQ(Read(io::StrCat(before, unknown, after)),
                io::StrCat("line ", line, ": unknown node type 'Nope'"));
  }
}

// Rows may be much larger than their text.
TEST_F(GraphBatchTest, ABlockOfManyRowsLeavesInSeveralBatches) {
  options_.batch_bytes = 4096;
  std::string input;
  for (int i = 0; i < 5000; ++i)
    input += "{\"type\":\"Note\",\"data\":{\"text\":\"a\"}}\n";
  ASSERT_EQ(Read(input), "");
  EXPECT_EQ(Rows("node:Note").num_rows, 5000);
  EXPECT_EQ(num_batches_, 5);
}

}  // namespace
}  // namespace og::engine::graph
