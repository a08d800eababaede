// Pages of vectors with null items: what the two releases of Lance write for vectors whose items
// are all null (pylance 10.0.0 and 14.0.2, versions 2.1 and 2.2 alike), and for vectors in packed
// structs (14.0.2, version 2.2). Of each the encoding message and the buffers.
#include <memory>
#include <numeric>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "format/arrow/json.h"
#include "format/file/page_input.h"
#include "format/file/reader.h"
#include "io/base/status_macros.h"
#include "io/base/text.h"
#include "io/memory/memory_store.h"
#include "tests/support/bytes.h"
#include "tests/support/status_matchers.h"

namespace og::format {
namespace {

struct Case {
  const char* name;
  TypePtr type;
  uint32_t num_rows;
  std::string encoding;
  std::vector<std::string> buffers;
  const char* rows;  // as JSON lines
  FileVersion version = FileVersion::kV2_1;
};

std::string TextFromHex(std::string_view digits) {
  const std::vector<std::byte> bytes = tests::FromHex(digits);
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

std::string FileOf(const Case& page) {
  const std::vector<Field> fields = PageInputFields();
  PageInput input{.version = page.version, .field = fields.size(), .columns = {}};
  for (size_t f = 0; f < fields.size(); ++f) {
    if (*fields[f].type == *page.type) {
      input.field = f;
    }
  }
  EXPECT_LT(input.field, fields.size());
  PageInput::Column column{page.num_rows, TextFromHex(page.encoding), {}};
  for (const std::string& buffer : page.buffers) {
    column.buffers.push_back(TextFromHex(buffer));
  }
  input.columns.push_back(std::move(column));
  return *FileOfPageInput(io::AsBytes(EncodePageInput(input)));
}

absl::StatusOr<RecordBatch> ReadAll(const Case& page) {
  const auto store = std::make_shared<io::MemoryStore>("memory://test/", [] { return int64_t{0}; });
  OG_RETURN_IF_ERROR(store->Put("x", io::AsBytes(FileOf(page))).status());
  OG_ASSIGN_OR_RETURN(const auto reader, FileReader::Open({store, "x"}, 0));
  std::vector<uint64_t> rows(page.num_rows);
  std::iota(rows.begin(), rows.end(), uint64_t{0});
  return reader->Take(reader->AllColumns(), rows);
}

void ExpectRows(const Case& page) {
  SCOPED_TRACE(io::StrCat(page.name, " ", page.type->ToString()));
  const auto batch = ReadAll(page);
  ASSERT_THAT(batch, tests::IsOk());
  EXPECT_THAT(Validate(*batch->columns[0]), tests::IsOk());
  std::string text;
  for (int64_t row = 0; row < batch->num_rows; ++row) {
    AppendJsonRow(*batch, row, text);
    text += '\n';
  }
  EXPECT_EQ(text, page.rows);
}

TEST(NullItemsTest, BothFormsAreRead) {
  const TypePtr vector = FixedSizeListOf(Float32(), 3);
  const TypePtr nested = FixedSizeListOf(FixedSizeListOf(Int16(), 2), 3);
  const TypePtr bools = FixedSizeListOf(Bool(), 11);
  const TypePtr nulls = FixedSizeListOf(Null(), 2);
  const char* const kVectors = "{\"v\":[null,null,null]}\n{\"v\":null}\n{\"v\":[null,null,null]}\n";
  const char* const kNested =
      "{\"v\":[[null,null],null,[null,null]]}\n{\"v\":[null,null,null]}\n{\"v\":null}\n";
  const char* const kValid = "{\"v\":[[null,null],[null,null],[null,null]]}\n";
  const char* const kBools = "{\"v\":[null,null,null,null,null,null,null,null,null,null,null]}\n";
  const Case cases[] = {
      {"10", vector, 3, "1a0f10011800280330033a021a00420103", {"000100"}, kVectors},
      {"14",
       vector,
       3,
       "1a1710011808280330033a0a5a08080312021a001801420103",
       {"000001000000"},
       kVectors},
      {"10",
       nested,
       3,
       "1a1710011808280330033a0a5a08080312021a001801420103",
       {"000500000100"},
       kNested},
      {"14",
       nested,
       3,
       "1a1f10011810280330033a125a100803120a5a08080212021a0018011801420103",
       {"000500000000010000"},
       kNested},
      {"10", nested, 1, "1a131800280130013a085a06080312021a00420101", {""}, kValid},
      {"14",
       nested,
       1,
       "1a1b1808280130013a105a0e0803120a5a08080212021a001801420101",
       {"00"},
       kValid},
      {"10", bools, 1, "1a0d1800280130013a021a00420101", {""}, kBools},
      {"14", bools, 1, "1a151810280130013a0a5a08080b12021a001801420101", {"0000"}, kBools},
      {"10",
       nulls,
       2,
       "1a1710011808280230023a0a5a08080212021a001801420103",
       {"00000100"},
       "{\"v\":[null,null]}\n{\"v\":null}\n"},
  };
  for (const Case& page : cases) {
    ExpectRows(page);
  }
}

constexpr const char* kPackedRows =
    R"({"v":{"a":1,"v":[1.5e+00,null,2.5e+00],"m":[[1,null,3],null])"
    R"(,"b":[true,false,false,false,false,false,false,true])"
    R"(,"t":"x","w":[null,1,2,3,null,5,6,7,null]}}
)"
    R"({"v":{"a":2,"v":[null,null,5e-01],"m":[[4,5,6],[7,8,9]])"
    R"(,"b":[false,false,false,false,false,false,false,false])"
    R"(,"t":"yy","w":[9,10,11,null,13,14,15,null,17]}}
)"
    R"({"v":null}
)"
    R"({"v":{"a":4,"v":[4.5e+00,5.5e+00,6.5e+00],"m":[[null,null,10],[11,12,13]])"
    R"(,"b":[false,true,false,true,false,true,false,true])"
    R"(,"t":"zzz","w":[27,null,29,30,31,null,33,34,35]}}
)";

// Rows of a number, vectors with null items, lists of lists of which some are null, bools, text.
Case PackedRows() {
  const TypePtr type = Struct({{"a", Int32(), false, {}},
                               {"v", FixedSizeListOf(Float32(), 3), false, {}},
                               {"m", FixedSizeListOf(FixedSizeListOf(Int16(), 3), 2), false, {}},
                               {"b", FixedSizeListOf(Bool(), 8), false, {}},
                               {"t", Utf8(), false, {}},
                               {"w", FixedSizeListOf(Int8(), 9), false, {}}});
  return {"14",
          type,
          4,
          "1a7510012020280430043a686a660a080a040a02082010200a100a0c5a0a080312040a0208201801"
          "10680a180a145a120802120c5a0a080312040a0208101801180110700a0e0a0a5a08080812040a02"
          "080110080a0c0a0812060a040a02082018200a100a0c5a0a080912040a02080818011058420103",
          {"003000000001000000e50000c03f0000000000002040cdc501000000030000000000000081010000"
           "0078eeee0001020300050607000031000000020000000400000000000000000000003f033f040005"
           "000600070008000900000200000079797701090a0b000d0e0f001101003200000004000000070000"
           "90400000b0400000d040033c000000000a000b000c000d00aa030000007a7a7add011b001d1e1f00"
           "212223",
           "00356b6ca3"},
          kPackedRows,
          FileVersion::kV2_2};
}

TEST(NullItemsTest, VectorsInPackedRows) {
  ExpectRows(PackedRows());
}

// The first row has 48 bytes.
TEST(NullItemsTest, PackedRowsOfAnotherLengthAreRefused) {
  const Case page = PackedRows();
  for (uint8_t row_bytes = 0; row_bytes < 60; ++row_bytes) {
    SCOPED_TRACE(int{row_bytes});
    const std::byte length[] = {std::byte{row_bytes}};
    const std::byte end[] = {static_cast<std::byte>(5 + row_bytes)};
    Case other = page;
    other.num_rows = 1;
    other.buffers = {io::StrCat("00", tests::ToHex(length),
                                page.buffers[0].substr(4, 6 + 2 * size_t{row_bytes})),
                     io::StrCat("00", tests::ToHex(end))};
    const auto batch = ReadAll(other);
    if (row_bytes == 48) {
      EXPECT_THAT(batch, tests::IsOk());
    } else {
      EXPECT_THAT(batch, tests::StatusIs(absl::StatusCode::kDataLoss, "packed row"));
    }
  }
}

// The bits of a member must be those of its items and their validity.
TEST(NullItemsTest, PackedMembersOfAnotherWidthAreRefused) {
  const Case page = PackedRows();
  for (const char* const bits : {"10", "60", "69", "70"}) {
    Case other = page;
    const size_t at = page.encoding.find("18011068");
    ASSERT_NE(at, std::string::npos);
    other.encoding.replace(at, 8, io::StrCat("180110", bits));
    EXPECT_THAT(ReadAll(other), tests::StatusIs(absl::StatusCode::kDataLoss)) << bits;
  }
}

}  // namespace
}  // namespace og::format
