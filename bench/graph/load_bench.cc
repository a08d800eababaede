// Times init, load, a cold open and an export of one graph:
//
//   load_bench SCHEMA.pg INPUT.jsonl FOLDER
//
// FOLDER must not exist. Durability and memory come from the environment (OMNIGRAPH_DURABILITY,
// OMNIGRAPH_MEMORY); the printed peak is the resident memory of the whole run so far.
#include <cstdio>
#include <fstream>
#include <sstream>
#include <string>

#include <sys/resource.h>

#include "engine/graph/graph.h"
#include "io/base/status.h"
#include "io/env/real_env.h"

namespace og {
namespace {

class InputFile final : public engine::graph::ByteSource {
 public:
  explicit InputFile(const std::string& path) : path_(path), file_(std::fopen(path.c_str(), "rb")) {
    if (file_ != nullptr && std::fseek(file_, 0, SEEK_END) == 0) {
      size_ = static_cast<uint64_t>(std::ftell(file_));
      std::rewind(file_);
    }
  }
  ~InputFile() override {
    if (file_ != nullptr) std::fclose(file_);
  }
  absl::StatusOr<size_t> Read(std::byte* out, size_t capacity) override {
    if (file_ == nullptr) return io::NotFoundError(path_);
    return std::fread(out, 1, capacity, file_);
  }
  uint64_t size() const override { return size_; }
  std::string_view name() const override { return path_; }

 private:
  const std::string path_;
  std::FILE* const file_;
  uint64_t size_ = 0;
};

class Stopwatch {
 public:
  explicit Stopwatch(io::Env& env) : env_(env), start_ns_(env.MonotonicNs()) {}

  // Prints the time since the last call; fails on an error.
  bool Lap(const char* what, const absl::Status& status) {
    const int64_t now_ns = env_.MonotonicNs();
    rusage usage = {};
    getrusage(RUSAGE_SELF, &usage);
    std::printf("%-8s %8.3f s  peak %ld MiB%s%s\n", what,
                static_cast<double>(now_ns - start_ns_) / 1e9, usage.ru_maxrss / 1024,
                status.ok() ? "" : "  ", std::string(io::Message(status)).c_str());
    start_ns_ = env_.MonotonicNs();
    return status.ok();
  }

 private:
  io::Env& env_;
  int64_t start_ns_;
};

int Run(const std::string& schema_path, const std::string& input_path, const std::string& folder) {
  using engine::graph::Graph;
  io::Env& env = io::RealEnv();
  const auto root = env.Resolve(folder);
  if (!root.ok()) return 1;
  std::ifstream schema_file(schema_path);
  std::stringstream schema;
  schema << schema_file.rdbuf();

  Stopwatch watch(env);
  if (!watch.Lap("init", Graph::Init(env, *root, schema.str(), {}))) return 1;
  auto graph = Graph::Open(env, *root, engine::graph::OpenMode::kReadWrite);
  if (!watch.Lap("open", graph.status())) return 1;
  InputFile input(input_path);
  engine::graph::LoadOptions options;
  options.mode = engine::graph::LoadMode::kOverwrite;
  options.progress = [&env](const engine::graph::Progress& progress) {
    if (progress.stage != "read") {
      std::printf("  %s at %.3f\n", std::string(progress.stage).c_str(),
                  static_cast<double>(env.MonotonicNs() % 1'000'000'000'000) / 1e9);
    }
  };
  const auto loaded = (*graph)->Load(input, options);
  if (!watch.Lap("load", loaded.status())) return 1;
  std::printf("  %llu entities\n", static_cast<unsigned long long>(loaded->total_entities));
  graph = Graph::Open(env, *root, engine::graph::OpenMode::kReadOnly);
  if (!watch.Lap("reopen", graph.status())) return 1;
  uint64_t bytes = 0;
  const absl::Status exported = (*graph)->Export({}, [&bytes](std::string_view lines) {
    bytes += lines.size();
    return absl::OkStatus();
  });
  if (!watch.Lap("export", exported)) return 1;
  std::printf("  %llu bytes\n", static_cast<unsigned long long>(bytes));
  return 0;
}

}  // namespace
}  // namespace og

int main(int argc, char** argv) {
  if (argc != 4) {
    std::fprintf(stderr, "usage: load_bench SCHEMA.pg INPUT.jsonl FOLDER\n");
    return 2;
  }
  return og::Run(argv[1], argv[2], argv[3]);
}
