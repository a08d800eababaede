#include "cli/command/table_files.h"

#include <cstddef>
#include <span>
#include <utility>

#include <sys/stat.h>

#include "cli/command/files.h"
#include "cli/render/error_text.h"
#include "engine/graph/load/load_mapping.h"
#include "io/base/error_detail.h"
#include "io/base/json_value.h"
#include "io/base/status.h"
#include "io/base/status_macros.h"
#include "io/base/text.h"

namespace og::cli {
namespace {

using engine::graph::LoadMapping;
using engine::graph::TableMapping;

absl::Status Refusal(std::string_view message) {
  return io::DetailedError({.kind = io::ErrorKind::kBadRequest, .code = "", .fields = {}}, message);
}

class FileInput final : public format::ByteInput {
 public:
  explicit FileInput(std::unique_ptr<engine::graph::ByteSource> file) : file_(std::move(file)) {}

  absl::StatusOr<size_t> Read(std::span<char> into) override {
    return file_->Read(reinterpret_cast<std::byte*>(into.data()), into.size());
  }

 private:
  const std::unique_ptr<engine::graph::ByteSource> file_;
};

bool IsFolder(const std::string& path) {
  struct stat info = {};
  return stat(path.c_str(), &info) == 0 && S_ISDIR(info.st_mode);
}

absl::Status CheckFiles(const LoadMapping& mapping, bool is_folder) {
  for (const TableMapping& table : mapping.tables) {
    if (is_folder && table.file.empty()) {
      return Refusal("mapping: a table of a folder needs a 'file'");
    }
    if (!is_folder && (mapping.tables.size() > 1 || !table.file.empty())) {
      return Refusal("mapping: --data must be the folder of the files that the mapping names");
    }
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::unique_ptr<engine::graph::MappedSource>> OpenTables(
    format::TabularFormat format, const std::string& data_path, std::string_view mapping_path,
    const engine::schema::Catalog& catalog) {
  OG_ASSIGN_OR_RETURN(const std::string text, ReadTextFile(mapping_path));
  const absl::StatusOr<io::JsonValue> document = io::JsonValue::Parse(text);
  if (!document.ok()) {
    return AtSource(Refusal(io::StrCat("mapping: ", io::Message(document.status()))), mapping_path,
                    text);
  }
  OG_ASSIGN_OR_RETURN(LoadMapping mapping, engine::graph::ParseLoadMapping(*document, catalog));
  const bool is_folder = IsFolder(data_path);
  OG_RETURN_IF_ERROR(CheckFiles(mapping, is_folder));
  const auto path_of = [data_path, is_folder](const std::string& file) {
    return is_folder ? io::StrCat(data_path, "/", file) : data_path;
  };
  uint64_t size = 0;
  for (const TableMapping& table : mapping.tables) {
    OG_ASSIGN_OR_RETURN(const auto file, OpenDataFile(path_of(table.file)));
    size += file->size();
  }
  const auto open =
      [path_of](const std::string& file) -> absl::StatusOr<std::unique_ptr<format::ByteInput>> {
    OG_ASSIGN_OR_RETURN(auto opened, OpenDataFile(path_of(file)));
    return std::make_unique<FileInput>(std::move(opened));
  };
  return MakeMappedSource(format, std::move(mapping), open, data_path, size);
}

}  // namespace og::cli
