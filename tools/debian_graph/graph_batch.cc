#include "tools/debian_graph/graph_batch.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "io/base/json_writer.h"
#include "io/base/status_macros.h"

namespace og::tools {
namespace {

constexpr size_t kChunkBytes = 256 * 1024;

// The edge types of debian.pg in the order of DependencyKind.
constexpr std::array<std::string_view, kNumDependencyKinds> kEdgeTypes = {"Depends", "PreDepends",
                                                                          "Recommends", "Suggests"};

// Collects lines and hands them on in chunks.
class LineWriter {
 public:
  explicit LineWriter(const TextSink& sink) : sink_(sink) {}

  absl::Status Add(io::JsonWriter line) {
    chunk_ += std::move(line).Finish();
    chunk_ += '\n';
    return chunk_.size() < kChunkBytes ? absl::OkStatus() : Flush();
  }

  absl::Status Flush() {
    const absl::Status status = sink_(chunk_);
    chunk_.clear();
    return status;
  }

 private:
  const TextSink& sink_;
  std::string chunk_;
};

void WriteField(io::JsonWriter& json, std::string_view key, std::string_view value) {
  json.Key(key);
  json.String(value);
}

void WriteField(io::JsonWriter& json, std::string_view key, std::optional<int64_t> value) {
  if (!value) return;
  json.Key(key);
  json.Int(*value);
}

io::JsonWriter NodeLine(const Maintainer& maintainer) {
  io::JsonWriter json;
  json.BeginObject();
  WriteField(json, "type", "Maintainer");
  json.Key("data");
  json.BeginObject();
  WriteField(json, "email", maintainer.email);
  WriteField(json, "name", maintainer.name);
  json.EndObject();
  json.EndObject();
  return json;
}

io::JsonWriter NodeLine(const Package& package) {
  io::JsonWriter json;
  json.BeginObject();
  WriteField(json, "type", "Package");
  json.Key("data");
  json.BeginObject();
  WriteField(json, "name", package.name);
  WriteField(json, "version", package.version);
  WriteField(json, "section", package.section);
  WriteField(json, "architecture", package.architecture);
  WriteField(json, "summary", package.summary);
  WriteField(json, "installed_kib", package.installed_kib);
  WriteField(json, "size_bytes", package.size_bytes);
  json.EndObject();
  json.EndObject();
  return json;
}

io::JsonWriter EdgeLine(std::string_view type, std::string_view from, std::string_view to) {
  io::JsonWriter json;
  json.BeginObject();
  WriteField(json, "edge", type);
  WriteField(json, "from", from);
  WriteField(json, "to", to);
  json.EndObject();
  return json;
}

}  // namespace

absl::Status WriteGraphBatch(const Archive& archive, const TextSink& sink) {
  LineWriter lines(sink);
  for (const Maintainer& maintainer : archive.maintainers) {
    OG_RETURN_IF_ERROR(lines.Add(NodeLine(maintainer)));
  }
  for (const Package& package : archive.packages)
    OG_RETURN_IF_ERROR(lines.Add(NodeLine(package)));
  for (const Package& package : archive.packages) {
    const Maintainer& maintainer = archive.maintainers[package.maintainer];
    OG_RETURN_IF_ERROR(lines.Add(EdgeLine("MaintainedBy", package.name, maintainer.email)));
  }
  for (const Dependency& dependency : archive.dependencies) {
    const std::string_view type = kEdgeTypes[static_cast<size_t>(dependency.kind)];
    OG_RETURN_IF_ERROR(lines.Add(EdgeLine(type, archive.packages[dependency.from].name,
                                          archive.packages[dependency.to].name)));
  }
  return lines.Flush();
}

}  // namespace og::tools
