// Reads a dataset into memory and writes it to a new one, several times.
//
//   dataset_writer SOURCE TARGET REPEAT
//
// Prints {"rows": N, "times_us": [..], "file_bytes": B}: the time of each write, with commit, and
// the size of the data files. Durability comes from OMNIGRAPH_DURABILITY.

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "engine/dataset/dataset.h"
#include "format/arrow/array.h"
#include "io/base/status.h"
#include "io/base/status_macros.h"
#include "io/env/real_env.h"

namespace og {
namespace {

absl::Status Run(const std::string& source, const std::string& target, int repeat) {
  OG_ASSIGN_OR_RETURN(const io::RealEnvOptions options, io::RealEnvOptions::FromEnvironment());
  OG_ASSIGN_OR_RETURN(const auto env, io::NewRealEnv(options));
  OG_ASSIGN_OR_RETURN(const io::Location from, env->Resolve(source));
  OG_ASSIGN_OR_RETURN(const io::Location to, env->Resolve(target));
  OG_ASSIGN_OR_RETURN(const engine::dataset::DatasetPtr dataset,
                      engine::dataset::Dataset::Open(*env, from, {}));
  OG_ASSIGN_OR_RETURN(const auto stream, dataset->Scan({}));
  std::vector<format::RecordBatch> batches;
  while (true) {
    OG_ASSIGN_OR_RETURN(std::optional<format::RecordBatch> batch, stream->Next());
    if (!batch) {
      break;
    }
    batches.push_back(*std::move(batch));
  }
  std::string times;
  for (int i = 0; i < repeat; ++i) {
    std::filesystem::remove_all(target);
    const auto rows = format::MakeStream(stream->schema(), batches);
    engine::dataset::CreateOptions create;
    create.file_version = "2.1";
    create.stable_row_ids = false;
    const int64_t start = env->MonotonicNs();
    OG_ASSIGN_OR_RETURN(
        const engine::dataset::StagedTransaction staged,
        engine::dataset::Dataset::StageCreate(*env, to, stream->schema(), rows.get(), create));
    OG_RETURN_IF_ERROR(engine::dataset::Dataset::CommitCreate(*env, to, staged).status());
    times += (i == 0 ? "" : ", ") + std::to_string((env->MonotonicNs() - start) / 1000);
  }
  uint64_t file_bytes = 0;
  for (const auto& entry : std::filesystem::directory_iterator(target + "/data")) {
    file_bytes += entry.file_size();
  }
  std::printf("{\"rows\": %llu, \"times_us\": [%s], \"file_bytes\": %llu}\n",
              static_cast<unsigned long long>(dataset->num_rows()), times.c_str(),
              static_cast<unsigned long long>(file_bytes));
  return absl::OkStatus();
}

}  // namespace
}  // namespace og

int main(int argc, char** argv) {
  if (argc != 4) {
    std::fputs("usage: dataset_writer SOURCE TARGET REPEAT\n", stderr);
    return 2;
  }
  const absl::Status status = og::Run(argv[1], argv[2], std::atoi(argv[3]));
  if (!status.ok()) {
    std::fprintf(stderr, "%s\n", std::string(status.message()).c_str());
    return 1;
  }
  return 0;
}
