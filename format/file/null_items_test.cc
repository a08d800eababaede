// Pages of vectors whose items are all null, as the two releases of Lance write them for the same
// rows (pylance 10.0.0 and 14.0.2, versions 2.1 and 2.2 alike): the encoding message and the one
// buffer.
#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "format/arrow/json.h"
#include "format/file/page_input.h"
#include "format/file/reader.h"
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
  const char* encoding;
  const char* buffer;
  const char* rows;  // as JSON lines
};

std::string TextFromHex(const char* digits) {
  const std::vector<std::byte> bytes = tests::FromHex(digits);
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

std::string FileOf(const Case& page) {
  const std::vector<Field> fields = PageInputFields();
  PageInput input{.version = FileVersion::kV2_1, .field = fields.size(), .columns = {}};
  for (size_t f = 0; f < fields.size(); ++f) {
    if (*fields[f].type == *page.type) {
      input.field = f;
    }
  }
  EXPECT_LT(input.field, fields.size());
  input.columns.push_back({page.num_rows, TextFromHex(page.encoding), {TextFromHex(page.buffer)}});
  return *FileOfPageInput(io::AsBytes(EncodePageInput(input)));
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
      {"10", vector, 3, "1a0f10011800280330033a021a00420103", "000100", kVectors},
      {"14", vector, 3, "1a1710011808280330033a0a5a08080312021a001801420103", "000001000000",
       kVectors},
      {"10", nested, 3, "1a1710011808280330033a0a5a08080312021a001801420103", "000500000100",
       kNested},
      {"14", nested, 3, "1a1f10011810280330033a125a100803120a5a08080212021a0018011801420103",
       "000500000000010000", kNested},
      {"10", nested, 1, "1a131800280130013a085a06080312021a00420101", "", kValid},
      {"14", nested, 1, "1a1b1808280130013a105a0e0803120a5a08080212021a001801420101", "00", kValid},
      {"10", bools, 1, "1a0d1800280130013a021a00420101", "", kBools},
      {"14", bools, 1, "1a151810280130013a0a5a08080b12021a001801420101", "0000", kBools},
      {"10", nulls, 2, "1a1710011808280230023a0a5a08080212021a001801420103", "00000100",
       "{\"v\":[null,null]}\n{\"v\":null}\n"},
  };
  for (const Case& page : cases) {
    SCOPED_TRACE(io::StrCat(page.name, " ", page.type->ToString()));
    const auto store =
        std::make_shared<io::MemoryStore>("memory://test/", [] { return int64_t{0}; });
    ASSERT_THAT(store->Put("x", io::AsBytes(FileOf(page))), tests::IsOk());
    const auto reader = FileReader::Open({store, "x"}, 0);
    ASSERT_THAT(reader, tests::IsOk());
    std::vector<uint64_t> rows;
    for (uint64_t row = 0; row < page.num_rows; ++row) {
      rows.push_back(row);
    }
    const auto taken = (*reader)->Take((*reader)->AllColumns(), rows);
    ASSERT_THAT(taken, tests::IsOk());
    EXPECT_THAT(Validate(*taken->columns[0]), tests::IsOk());
    std::string text;
    for (int64_t row = 0; row < taken->num_rows; ++row) {
      AppendJsonRow(*taken, row, text);
      text += '\n';
    }
    EXPECT_EQ(text, page.rows);
  }
}

}  // namespace
}  // namespace og::format
