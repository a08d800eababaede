// Writing a data file of one column to local disk (page cache). Bytes are those of the Arrow
// memory; `file` is the size of the file over it.

#include <filesystem>
#include <random>
#include <string>

#include "benchmark/benchmark.h"

#include "format/arrow/builder.h"
#include "format/file/lance_schema.h"
#include "format/file/writer.h"
#include "io/base/check.h"
#include "io/env/real_env.h"

namespace og::format {
namespace {

constexpr int64_t kRows = 1000000;

ArrayPtr Text(size_t distinct) {
  std::mt19937 random(3);
  StringBuilder builder(Utf8());
  for (int64_t i = 0; i < kRows; ++i) {
    const auto number = distinct == 0 ? static_cast<size_t>(i) * 7919 : random() % distinct;
    builder.Append("package-" + std::to_string(number) + "/lib");
  }
  return builder.Finish();
}

template <typename T>
ArrayPtr Fixed(TypePtr type, uint64_t range) {
  std::mt19937_64 random(5);
  FixedBuilder<T> builder(std::move(type));
  for (int64_t i = 0; i < kRows; ++i) {
    const uint64_t number = range == 0 ? random() : random() % range;
    builder.Append(static_cast<T>(number));
  }
  return builder.Finish();
}

ArrayPtr Ids() {
  FixedBuilder<int64_t> builder(Int64());
  for (int64_t i = 0; i < kRows; ++i) {
    builder.Append(i);
  }
  return builder.Finish();
}

ArrayPtr Vectors() {
  constexpr int64_t kItems = 128;
  FixedBuilder<float> items(Float32());
  std::mt19937 random(5);
  for (int64_t i = 0; i < kRows / 10 * kItems; ++i) {
    items.Append(static_cast<float>(random()));
  }
  auto array = std::make_shared<Array>();
  array->type = FixedSizeListOf(Float32(), kItems);
  array->length = kRows / 10;
  array->children = {items.Finish()};
  return array;
}

void Write(benchmark::State& state, const std::vector<ArrayPtr>& columns) {
  auto schema = std::make_shared<Schema>();
  for (size_t i = 0; i < columns.size(); ++i) {
    schema->fields.push_back({"c" + std::to_string(i), columns[i]->type, true, {}});
  }
  const RecordBatch batch{schema, columns[0]->length, columns};
  io::Env& env = io::RealEnv();
  const std::string path = std::filesystem::temp_directory_path() / "write_bench.lance";
  const auto location = env.Resolve(path);
  OG_CHECK(location.ok());
  const auto lance_schema = FromArrow(*schema);
  OG_CHECK(lance_schema.ok());
  WriterOptions options;
  options.pool = &env.pool();
  uint64_t file_bytes = 0;
  for (auto _ : state) {
    auto writer = FileWriter::Open(*location, *lance_schema, options);
    OG_CHECK(writer.ok() && (*writer)->Write(batch).ok());
    const auto summary = (*writer)->Finish();
    OG_CHECK(summary.ok());
    file_bytes = summary->size_bytes;
  }
  std::filesystem::remove(path);
  const auto memory_bytes = static_cast<double>(MemoryBytes(batch));
  state.SetBytesProcessed(state.iterations() * static_cast<int64_t>(memory_bytes));
  state.counters["file"] = static_cast<double>(file_bytes) / memory_bytes;
}

void RegisterAll() {
  const std::vector<std::pair<const char*, ArrayPtr>> columns = {
      {"ids", Ids()},
      {"int32_of_1000", Fixed<int32_t>(Int32(), 1000)},
      {"float64_random", Fixed<uint64_t>(Float64(), 0)},
      {"text_unique", Text(0)},
      {"text_of_50000", Text(50000)},
      {"text_of_20", Text(20)},
      {"vectors_128", Vectors()},
  };
  std::vector<ArrayPtr> table;
  for (const auto& [name, column] : columns) {
    benchmark::RegisterBenchmark(name, Write, std::vector<ArrayPtr>{column})
        ->UseRealTime()
        ->Unit(benchmark::kMillisecond);
    if (column->length == kRows) {
      table.push_back(column);
    }
  }
  benchmark::RegisterBenchmark("table_of_six", Write, table)
      ->UseRealTime()
      ->Unit(benchmark::kMillisecond);
}

}  // namespace
}  // namespace og::format

int main(int argc, char** argv) {
  benchmark::Initialize(&argc, argv);
  og::format::RegisterAll();
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}
