// Reads a data file and writes its rows again, with a choice of options.
//
//   copy_file SOURCE TARGET [version=2.1|2.2] [compact]
//
// Prints the size of TARGET in bytes and the seconds that writing took.

#include <cstdio>
#include <string>
#include <string_view>
#include <vector>

#include "format/file/reader.h"
#include "format/file/writer.h"
#include "io/base/status.h"
#include "io/base/status_macros.h"
#include "io/base/text.h"
#include "io/env/real_env.h"

namespace og {
namespace {

absl::Status Copy(const std::string& source, const std::string& target,
                  format::WriterOptions options) {
  io::Env& env = io::RealEnv();
  options.pool = &env.pool();
  OG_ASSIGN_OR_RETURN(const io::Location from, env.Resolve(source));
  OG_ASSIGN_OR_RETURN(const io::Location to, env.Resolve(target));
  OG_ASSIGN_OR_RETURN(const auto reader, format::FileReader::Open(from, 0));
  format::FileScanOptions scan;
  scan.batch_rows = 65536;
  OG_ASSIGN_OR_RETURN(const auto stream,
                      reader->Scan(reader->AllColumns(), {{0, reader->num_rows()}}, scan));
  std::vector<format::RecordBatch> batches;
  for (;;) {
    OG_ASSIGN_OR_RETURN(auto batch, stream->Next());
    if (!batch) {
      break;
    }
    batches.push_back(*std::move(batch));
  }
  const int64_t start_ns = env.MonotonicNs();
  OG_ASSIGN_OR_RETURN(const auto writer, format::FileWriter::Open(to, reader->schema(), options));
  for (const format::RecordBatch& batch : batches) {
    OG_RETURN_IF_ERROR(writer->Write(batch));
  }
  OG_ASSIGN_OR_RETURN(const format::FileSummary summary, writer->Finish());
  const auto seconds = static_cast<double>(env.MonotonicNs() - start_ns) * 1e-9;
  std::printf("%llu %.6f\n", static_cast<unsigned long long>(summary.size_bytes), seconds);
  return absl::OkStatus();
}

}  // namespace
}  // namespace og

int main(int argc, char** argv) {
  og::format::WriterOptions options;
  bool is_understood = argc >= 3;
  for (int i = 3; i < argc; ++i) {
    const std::string_view argument = argv[i];
    if (argument == "version=2.1") {
      options.version = og::format::FileVersion::kV2_1;
    } else if (argument == "version=2.2") {
      options.version = og::format::FileVersion::kV2_2;
    } else if (argument == "compact") {
      options.compact = true;
    } else {
      is_understood = false;
    }
  }
  if (!is_understood) {
    std::fprintf(stderr, "usage: copy_file SOURCE TARGET [version=2.1|2.2] [compact]\n");
    return 2;
  }
  const absl::Status status = og::Copy(argv[1], argv[2], options);
  if (!status.ok()) {
    std::fprintf(stderr, "%s\n", std::string(og::io::Message(status)).c_str());
    return 1;
  }
  return 0;
}
