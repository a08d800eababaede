// What checksums of pages cost: writing with and without them, scanning with and without comparing
// them. A reader is opened for every scan, so that each compares every page once. One thread, page
// cache warm.
#include <cstdint>
#include <filesystem>
#include <memory>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "benchmark/benchmark.h"

#include "format/arrow/builder.h"
#include "format/file/lance_schema.h"
#include "format/file/reader.h"
#include "format/file/writer.h"
#include "io/base/check.h"
#include "io/env/real_env.h"

namespace og::format {
namespace {

ArrayPtr Vectors() {
  constexpr int64_t kRows = 50'000;
  constexpr int64_t kItems = 256;
  FixedBuilder<float> items(Float32());
  std::mt19937 random(5);
  for (int64_t i = 0; i < kRows * kItems; ++i) {
    items.Append(static_cast<float>(random()));
  }
  auto array = std::make_shared<Array>();
  array->type = FixedSizeListOf(Float32(), kItems);
  array->length = kRows;
  array->children = {items.Finish()};
  return array;
}

ArrayPtr Words() {
  constexpr const char* kWords[] = {"storage", "engine", "column", "graph", "reads", "writes"};
  StringBuilder builder(Utf8());
  std::mt19937 random(5);
  for (int i = 0; i < 500'000; ++i) {
    std::string text = std::to_string(random());
    for (int k = 0; k < 5; ++k) {
      text += kWords[random() % 6];
    }
    builder.Append(text);
  }
  return builder.Finish();
}

class File {
 public:
  explicit File(const ArrayPtr& column) {
    auto schema = std::make_shared<Schema>();
    schema->fields.push_back({"v", column->type, true, {}});
    batch_ = {schema, column->length, {column}};
    path_ = std::filesystem::temp_directory_path() / "page_sums_bench.lance";
    const auto location = io::RealEnv().Resolve(path_);
    OG_CHECK(location.ok());
    location_ = *location;
  }
  ~File() { std::filesystem::remove(path_); }

  void Write(bool with_sums) const {
    const auto schema = FromArrow(*batch_.schema);
    WriterOptions options;
    options.page_sums = with_sums;
    const auto writer = FileWriter::Open(location_, *schema, options);
    OG_CHECK(writer.ok() && (*writer)->Write(batch_).ok() && (*writer)->Finish().ok());
  }

  void Scan(bool check) const {
    const auto reader = FileReader::Open(location_, 0, {.tail_bytes = 0, .check_pages = check});
    OG_CHECK(reader.ok());
    const auto stream = (*reader)->Scan((*reader)->AllColumns(), {{0, (*reader)->num_rows()}}, {});
    OG_CHECK(stream.ok());
    int64_t rows = 0;
    while (true) {
      const auto batch = (*stream)->Next();
      OG_CHECK(batch.ok());
      if (!batch->has_value()) {
        break;
      }
      rows += (*batch)->num_rows;
    }
    OG_CHECK(rows == batch_.num_rows);
  }

 private:
  RecordBatch batch_;
  std::string path_;
  io::Location location_;
};

void Write(benchmark::State& state, const ArrayPtr& column, bool with_sums) {
  const File file(column);
  for (auto _ : state) {
    file.Write(with_sums);
  }
}

void Scan(benchmark::State& state, const ArrayPtr& column, bool check) {
  const File file(column);
  file.Write(true);
  for (auto _ : state) {
    file.Scan(check);
  }
}

void RegisterAll() {
  const std::vector<std::pair<std::string, ArrayPtr>> columns = {{"vectors_256", Vectors()},
                                                                 {"text", Words()}};
  for (const auto& [name, column] : columns) {
    for (const bool on : {false, true}) {
      benchmark::RegisterBenchmark((name + (on ? "/write/sums" : "/write/plain")).c_str(), Write,
                                   column, on)
          ->UseRealTime()
          ->Unit(benchmark::kMillisecond);
      benchmark::RegisterBenchmark((name + (on ? "/scan/check" : "/scan/plain")).c_str(), Scan,
                                   column, on)
          ->UseRealTime()
          ->Unit(benchmark::kMillisecond);
    }
  }
}

}  // namespace
}  // namespace og::format

int main(int argc, char** argv) {
  benchmark::Initialize(&argc, argv);
  og::format::RegisterAll();
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}
