// The command line of lance-tool.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace og::cli {

enum class ToolCommand : uint8_t {
  kInfo,
  kSchema,
  kVersions,
  kDump,
  kScan,
  kTake,
  kCount,
  kWrite,
  kVerify,
  kFileInfo,
};

enum class WriteMode : uint8_t { kCreate, kAppend, kOverwrite };

// What one invocation asks for; fields that a command does not have keep their default.
struct ToolRequest {
  ToolCommand command = ToolCommand::kInfo;
  std::string dataset;  // file-info: the data file
  std::optional<uint64_t> version;
  std::string branch;
  bool json = false;

  std::optional<std::vector<std::string>> columns;  // dump, scan, take
  std::string where;                                // dump, scan, count
  std::optional<uint64_t> limit;                    // dump, scan
  uint64_t offset = 0;                              // dump, scan
  bool row_ids = false;                             // dump, scan, take
  uint64_t repeat = 1;                              // scan, take
  int threads = 0;                                  // scan
  int64_t batch_rows = 8192;                        // scan
  std::vector<uint64_t> rows;                       // take
  std::string rows_by = "offset";                   // take: offset, address, id

  std::string schema_file;           // write
  std::string input_file = "-";      // write
  std::string file_version = "2.2";  // write
  WriteMode mode = WriteMode::kCreate;
  bool stable_row_ids = true;
  uint64_t max_rows_per_file = uint64_t{1} << 20;

  bool deep = false;          // verify
  bool all_versions = false;  // verify

  bool pages = false;  // file-info
  bool decode = true;  // file-info
};

// Nothing to run: print `text` (help, or what is wrong) and exit with `code`.
struct ToolExit {
  int code = 0;
  std::string text;
};

// Parses the command line. Wrong arguments give exit code 2.
std::variant<ToolRequest, ToolExit> ParseToolArguments(int argc, const char* const* argv);

}  // namespace og::cli
