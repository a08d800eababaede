// The file in docs/format/data_file.md, byte by byte: what our writer makes of its rows, and rows
// that our reader finds in it.
#include <fstream>
#include <optional>
#include <sstream>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "format/arrow/builder.h"
#include "format/file/lance_schema.h"
#include "format/file/reader.h"
#include "format/file/writer.h"
#include "io/base/text.h"
#include "io/memory/memory_store.h"
#include "tests/support/status_matchers.h"

namespace og::format {
namespace {

using tests::IsOk;

// The number that `digits` say in hexadecimal; nullopt if they are something else.
std::optional<size_t> HexNumber(const std::string& digits) {
  size_t end = 0;
  if (digits.empty() || digits.find_first_not_of("0123456789abcdef") != std::string::npos) {
    return std::nullopt;
  }
  const size_t number = std::stoul(digits, &end, 16);
  return end == digits.size() ? std::optional(number) : std::nullopt;
}

// Appends what `word` says: "0a", or "48*62". False if it says nothing of the kind.
bool AppendWord(const std::string& word, std::string& bytes) {
  const size_t star = word.find('*');
  const std::string digits = word.substr(0, star);
  const auto value = HexNumber(digits);
  if (digits.size() != 2 || !value.has_value()) {
    return false;
  }
  const auto count = star == std::string::npos ? 1 : io::ParseUint64(word.substr(star + 1));
  bytes.append(count.value_or(0), static_cast<char>(*value));
  return count.has_value();
}

// The bytes of the block of the page whose lines start with an offset.
std::string BytesOfPage(const char* path) {
  std::ifstream page(path);
  std::string bytes;
  std::string line;
  while (std::getline(page, line)) {
    const auto offset = HexNumber(line.substr(0, 3));
    if (!offset.has_value() || line.substr(3, 2) != "  ") {
      continue;
    }
    EXPECT_EQ(*offset, bytes.size()) << line;
    std::istringstream words(line.substr(5, line.find("  ", 5) - 5));
    for (std::string word; words >> word;) {
      EXPECT_TRUE(AppendWord(word, bytes)) << line;
    }
  }
  return bytes;
}

RecordBatch Rows() {
  FixedBuilder<int32_t> numbers(Int32());
  StringBuilder texts(Utf8());
  for (const int32_t number : {1, 2, 0, 4, 5}) {
    number == 0 ? numbers.AppendNull() : numbers.Append(number);
  }
  for (const char* text : {"ab", "", "cde", "-", "fghij"}) {
    *text == '-' ? texts.AppendNull() : texts.Append(text);
  }
  auto schema = std::make_shared<Schema>();
  schema->fields = {{"a", Int32(), true, {}}, {"s", Utf8(), true, {}}};
  return {schema, 5, {numbers.Finish(), texts.Finish()}};
}

TEST(WorkedExampleTest, ThePageShowsWhatIsWrittenAndRead) {
  const std::string shown = BytesOfPage("docs/format/data_file.md");
  ASSERT_EQ(shown.size(), 721u);
  const auto store = std::make_shared<io::MemoryStore>("memory://test/", [] { return int64_t{0}; });
  const io::Location location{store, "x.lance"};
  const RecordBatch rows = Rows();
  const auto schema = FromArrow(*rows.schema);
  ASSERT_THAT(schema, IsOk());
  WriterOptions options;
  options.version = FileVersion::kV2_1;
  const auto writer = FileWriter::Open(location, *schema, options);
  ASSERT_THAT(writer, IsOk());
  ASSERT_THAT((*writer)->Write(rows), IsOk());
  ASSERT_THAT((*writer)->Finish(), IsOk());
  EXPECT_EQ(io::HexBytes(store->Find("x.lance")->bytes.span()), io::HexBytes(io::AsBytes(shown)));

  ASSERT_THAT(store->Put("y.lance", io::AsBytes(shown)), IsOk());
  const auto reader =
      FileReader::Open({store, "y.lance"}, 0, {.tail_bytes = 0, .check_pages = true});
  ASSERT_THAT(reader, IsOk());
  const std::vector<uint64_t> all = {0, 1, 2, 3, 4};
  const auto read = (*reader)->Take((*reader)->AllColumns(), all);
  ASSERT_THAT(read, IsOk());
  EXPECT_TRUE(Equal(*read, rows));
}

}  // namespace
}  // namespace og::format
