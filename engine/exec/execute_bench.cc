// Reads over stored tables of the demo graph's shape: 64k packages, 300k dependencies. Each
// iteration opens the tables anew, as a process of its own would, with the page cache warm.
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <random>
#include <string>

#include "benchmark/benchmark.h"

#include "engine/dataset/dataset.h"
#include "engine/exec/execute.h"
#include "engine/query/check.h"
#include "engine/query/parse.h"
#include "format/arrow/builder.h"
#include "io/env/real_env.h"

namespace og::engine::exec {
namespace {

constexpr int64_t kNumPackages = 64'000;
constexpr int64_t kNumDependencies = 300'000;

constexpr std::string_view kSchema = R"(
node Package {
  name: String @key
  section: String?
  size: I64?
}
edge DependsOn: Package -> Package {
  version: String?
}
)";

std::string NameOf(uint64_t package) {
  return "lib" + std::to_string(package * 2654435761u % 100'000'007u) + "-dev";
}

void Check(const absl::Status& status) {
  if (status.ok()) return;
  std::fprintf(stderr, "%s\n", status.ToString().c_str());
  std::abort();
}

template <typename T>
T ValueOf(absl::StatusOr<T> value) {
  Check(value.status());
  return *std::move(value);
}

format::RecordBatch Batch(std::vector<std::pair<std::string, format::ArrayPtr>> columns) {
  auto schema = std::make_shared<format::Schema>();
  format::RecordBatch batch{nullptr, columns[0].second->length, {}};
  for (auto& [name, column] : columns) {
    schema->fields.push_back({name, column->type, name != "id", {}});
    batch.columns.push_back(column);
  }
  batch.schema = schema;
  return batch;
}

format::RecordBatch Packages() {
  format::StringBuilder ids(format::Utf8());
  format::StringBuilder sections(format::Utf8());
  format::FixedBuilder<int64_t> sizes(format::Int64());
  for (uint64_t i = 0; i < kNumPackages; ++i) {
    ids.Append(NameOf(i));
    sections.Append("section-" + std::to_string(i % 40));
    sizes.Append(static_cast<int64_t>(i * 7919 % 1'000'003));
  }
  const format::ArrayPtr names = ids.Finish();
  return Batch(
      {{"id", names}, {"name", names}, {"section", sections.Finish()}, {"size", sizes.Finish()}});
}

format::RecordBatch Dependencies() {
  std::mt19937_64 random(1);
  format::StringBuilder ids(format::Utf8());
  format::StringBuilder src(format::Utf8());
  format::StringBuilder dst(format::Utf8());
  format::StringBuilder versions(format::Utf8());
  for (uint64_t i = 0; i < kNumDependencies; ++i) {
    ids.Append("01J" + std::to_string(10'000'000'000 + i));
    src.Append(NameOf(i * kNumPackages / kNumDependencies));
    // Few packages have most of the dependents.
    const double skew = std::pow(static_cast<double>(random() % 1'000'000) / 1e6, 3);
    dst.Append(NameOf(static_cast<uint64_t>(skew * kNumPackages)));
    versions.Append("(>= " + std::to_string(i % 30) + ")");
  }
  return Batch({{"id", ids.Finish()},
                {"src", src.Finish()},
                {"dst", dst.Finish()},
                {"version", versions.Finish()}});
}

// The tables on disk, made once a process.
class Store {
 public:
  Store() : env_(io::RealEnv()) {
    const char* folder = std::getenv("TMPDIR");
    root_ = std::filesystem::path(folder != nullptr ? folder : "/tmp") / "omnigraph-exec-bench";
    std::filesystem::remove_all(root_);
    catalog_ = ValueOf(schema::CatalogFromText(kSchema));
    Write("packages", Packages());
    Write("dependencies", Dependencies());
  }
  ~Store() { std::filesystem::remove_all(root_); }

  io::Env& env() { return env_; }
  const schema::CatalogPtr& catalog() const { return catalog_; }
  io::Location LocationOf(const std::string& table) {
    return ValueOf(env_.Resolve((root_ / table).string()));
  }

 private:
  void Write(const std::string& table, const format::RecordBatch& rows) {
    std::filesystem::create_directories(root_ / table);
    const auto stream = MakeStream(rows.schema, {rows});
    const auto staged = ValueOf(
        dataset::Dataset::StageCreate(env_, LocationOf(table), rows.schema, stream.get(), {}));
    Check(dataset::Dataset::CommitCreate(env_, LocationOf(table), staged).status());
  }

  io::Env& env_;
  std::filesystem::path root_;
  schema::CatalogPtr catalog_;
};

Store& SharedStore() {
  static Store store;
  return store;
}

class StoredSnapshot final : public Snapshot {
 public:
  explicit StoredSnapshot(Store& store) : store_(store) {}
  const schema::Catalog& catalog() const override { return *store_.catalog(); }
  absl::StatusOr<dataset::DatasetPtr> NodeTable(std::string_view) const override {
    return Open("packages", packages_);
  }
  absl::StatusOr<dataset::DatasetPtr> EdgeTable(std::string_view) const override {
    return Open("dependencies", dependencies_);
  }

 private:
  absl::StatusOr<dataset::DatasetPtr> Open(const char* table, dataset::DatasetPtr& open) const {
    if (open == nullptr) {
      open = ValueOf(dataset::Dataset::Open(store_.env(), store_.LocationOf(table), {}));
    }
    return open;
  }

  Store& store_;
  mutable dataset::DatasetPtr packages_;
  mutable dataset::DatasetPtr dependencies_;
};

void Run(benchmark::State& state, const std::string& source) {
  Store& store = SharedStore();
  const query::QueryFile file = ValueOf(query::ParseQueryFile(source));
  uint64_t num_rows = 0;
  for (auto _ : state) {
    const StoredSnapshot snapshot(store);
    const auto checked = ValueOf(query::CheckQuery(*store.catalog(), file.queries[0]));
    const auto result = ValueOf(ExecuteQuery(store.env(), snapshot, checked, {}, {}));
    num_rows = result.num_rows();
  }
  state.counters["rows"] = static_cast<double>(num_rows);
}

std::string Start() {
  return "query q() { match { $a: Package { name: \"" + NameOf(40'000) + "\" } ";
}

void BM_KeyedLookup(benchmark::State& state) {
  Run(state, Start() + "} return { $a.name $a.section $a.size } }");
}

void BM_OneHop(benchmark::State& state) {
  Run(state, Start() + "$a dependsOn $b } return { $b.name $b.section } }");
}

void BM_OneHopBack(benchmark::State& state) {
  Run(state, Start() + "$b dependsOn $a } return { $b.name $b.section } }");
}

void BM_FourSteps(benchmark::State& state) {
  Run(state, Start() + "$a dependsOn{1,4} $b } return { $b.name $b.section } }");
}

void BM_FourHops(benchmark::State& state) {
  Run(state, Start() +
                 "$a dependsOn $b $b dependsOn $c $c dependsOn $d $d dependsOn $e } "
                 "return { $e.name } }");
}

void BM_TopDependents(benchmark::State& state) {
  Run(state,
      "query q() { match { $a: Package $b dependsOn $a } "
      "return { $a.name count($b) as n } order { n desc } limit 10 }");
}

void BM_OrderWithLimit(benchmark::State& state) {
  Run(state,
      "query q() { match { $a: Package } return { $a.name } order { $a.size desc } limit 10 }");
}

BENCHMARK(BM_KeyedLookup)->Unit(benchmark::kMillisecond)->MeasureProcessCPUTime();
BENCHMARK(BM_OneHop)->Unit(benchmark::kMillisecond)->MeasureProcessCPUTime();
BENCHMARK(BM_OneHopBack)->Unit(benchmark::kMillisecond)->MeasureProcessCPUTime();
BENCHMARK(BM_FourSteps)->Unit(benchmark::kMillisecond)->MeasureProcessCPUTime();
BENCHMARK(BM_FourHops)->Unit(benchmark::kMillisecond)->MeasureProcessCPUTime();
BENCHMARK(BM_TopDependents)->Unit(benchmark::kMillisecond)->MeasureProcessCPUTime();
BENCHMARK(BM_OrderWithLimit)->Unit(benchmark::kMillisecond)->MeasureProcessCPUTime();

}  // namespace
}  // namespace og::engine::exec

BENCHMARK_MAIN();
