// Writes `FOLDER/<n>.arrows`, IPC streams of two random batches of each type (whole ones, slices,
// dictionary-coded ones), and `FOLDER/<n>.jsonl`, their rows in canonical JSON.
#include <fstream>
#include <iostream>
#include <random>
#include <string>
#include <utility>

#include "format/arrow/builder.h"
#include "format/arrow/json.h"
#include "format/tabular/ipc_write.h"
#include "io/base/text.h"
#include "tests/support/random_arrays.h"

namespace og {
namespace {

using format::ArrayPtr;
using format::RecordBatch;

// `text` behind a dictionary of its own values in reverse.
ArrayPtr Coded(const ArrayPtr& text) {
  std::vector<int64_t> reversed;
  format::FixedBuilder<int32_t> indices(format::Int32());
  for (int64_t i = 0; i < text->length; ++i) {
    reversed.push_back(text->length - 1 - i);
    indices.Append(static_cast<int32_t>(text->length - 1 - i));
  }
  auto coded = std::make_shared<format::Array>(*indices.Finish());
  coded->type = format::Dictionary(format::Int32(), text->type);
  coded->dictionary = Take(*text, reversed);
  coded->null_count = 0;
  return coded;
}

void Write(const std::string& name, const std::vector<RecordBatch>& batches) {
  std::string stream;
  std::string lines;
  format::Schema schema = *batches[0].schema;
  schema.metadata = {{"made", "by a test"}};
  schema.fields[0].metadata = {{"key", "värde"}};
  AppendIpcSchema(schema, stream);
  for (const RecordBatch& batch : batches) {
    AppendIpcBatch(batch, stream);
    const ArrayPtr column = DecodeDictionary(batch.columns[0]);
    for (int64_t row = 0; row < batch.num_rows; ++row) {
      lines += "{\"v\":";
      AppendJsonValue(*column, row, lines);
      lines += "}\n";
    }
  }
  format::AppendIpcEnd(stream);
  std::ofstream(name + ".arrows", std::ios::binary) << stream;
  std::ofstream(name + ".jsonl", std::ios::binary) << lines;
}

void WriteAll(const std::string& folder) {
  std::mt19937_64 random(7);
  size_t number = 0;
  for (const format::TypePtr& type : tests::AllTypes(true)) {
    const tests::RandomArrayOptions options{.null_fraction = 0.2, .empty_fraction = 0.2};
    const ArrayPtr values = tests::RandomArray(type, 200, options, random);
    const ArrayPtr full = tests::RandomArray(type, 17, {}, random);
    Write(io::StrCat(folder, "/", number++),
          {tests::SingleColumn(values), tests::SingleColumn(Slice(values, 13, 101)),
           tests::SingleColumn(Slice(values, 3, 0)), tests::SingleColumn(full)});
    if (type->id == format::TypeId::kUtf8) {
      Write(io::StrCat(folder, "/", number++), {tests::SingleColumn(Coded(values))});
    }
  }
  std::cout << number << "\n";
}

}  // namespace
}  // namespace og

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  og::WriteAll(argv[1]);
  return 0;
}
