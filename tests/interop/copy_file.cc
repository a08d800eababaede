// Reads a data file and writes its rows again, with a choice of options.
//
//   copy_file SOURCE TARGET [version=2.0|2.1|2.2] [compact] [codec=N] [layout=N]
//
// N is the number of a ForcedCodec or ForcedLayout (format/page/page_options.h).
//
// Prints the size of TARGET in bytes and the seconds that writing took.

#include <cstdint>
#include <cstdio>
#include <optional>
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

namespace {

// Takes one of the options above; false for anything else.
bool TakeOption(std::string_view argument, og::format::WriterOptions& options) {
  using namespace og::format;
  const auto equals = argument.find('=');
  const std::string_view name = argument.substr(0, equals);
  const std::string_view value =
      equals == std::string_view::npos ? std::string_view() : argument.substr(equals + 1);
  const std::optional<uint64_t> number = og::io::ParseUint64(value);
  if (name == "compact") {
    options.compact = true;
    return value.empty();
  }
  if (name == "version") {
    const std::optional<FileVersion> version = ParseFileVersion(value);
    options.version = version.value_or(options.version);
    return version.has_value();
  }
  if (name == "codec" && number && *number <= static_cast<uint64_t>(ForcedCodec::kFsstZstd)) {
    options.forced_codec = static_cast<ForcedCodec>(*number);
    return true;
  }
  if (name == "layout" && number && *number <= static_cast<uint64_t>(ForcedLayout::kFullZip)) {
    options.forced_layout = static_cast<ForcedLayout>(*number);
    return true;
  }
  return false;
}

}  // namespace

int main(int argc, char** argv) {
  og::format::WriterOptions options;
  bool is_understood = argc >= 3;
  for (int i = 3; i < argc; ++i) {
    is_understood &= TakeOption(argv[i], options);
  }
  if (!is_understood) {
    std::fprintf(stderr,
                 "usage: copy_file SOURCE TARGET [version=2.0|2.1|2.2] [compact] [codec=N] "
                 "[layout=N]\n");
    return 2;
  }
  const absl::Status status = og::Copy(argv[1], argv[2], options);
  if (!status.ok()) {
    std::fprintf(stderr, "%s\n", std::string(og::io::Message(status)).c_str());
    return 1;
  }
  return 0;
}
