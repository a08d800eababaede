#include "engine/graph/load/graph_batch.h"

#include <algorithm>
#include <cstring>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include <simdjson.h>

#include "engine/graph/load/json_column.h"
#include "engine/graph/load/table_rows.h"
#include "io/base/buffer.h"
#include "io/base/error_detail.h"
#include "io/base/status_macros.h"
#include "io/base/text.h"

namespace og::engine::graph {
namespace {

using simdjson::dom::element;
using simdjson::dom::object;

constexpr size_t kReadBytes = size_t{4} << 20;
constexpr int64_t kRowsBetweenChecks = 1024;

// Splits a source into lines. A line is valid until the next call, and SIMDJSON_PADDING readable
// bytes follow it.
class LineReader {
 public:
  LineReader(ByteSource& source, uint64_t line_bytes_max)
      : source_(source), line_bytes_max_(line_bytes_max) {}

  absl::StatusOr<std::optional<std::string_view>> Next() {
    for (;;) {
      const std::byte* start = buffer_.data() + begin_;
      const size_t unread = end_ - begin_;
      if (unread > scanned_) {
        const void* newline = std::memchr(start + scanned_, '\n', unread - scanned_);
        if (newline != nullptr) {
          const auto size = static_cast<size_t>(static_cast<const std::byte*>(newline) - start);
          begin_ += size + 1;
          scanned_ = 0;
          return Line(start, size);
        }
        scanned_ = unread;
      }
      if (at_end_) {
        if (unread == 0) return std::nullopt;
        begin_ = end_;
        scanned_ = 0;
        return Line(start, unread);
      }
      if (unread > line_bytes_max_) return TooLong(unread);
      OG_RETURN_IF_ERROR(Fill());
    }
  }

  uint64_t line_number() const { return line_number_; }
  uint64_t bytes_read() const { return bytes_read_; }

 private:
  std::optional<std::string_view> Line(const std::byte* start, size_t size) {
    ++line_number_;
    return std::string_view(reinterpret_cast<const char*>(start), size);
  }

  absl::Status TooLong(uint64_t actual) const {
    return io::DetailedError(
        {io::ErrorKind::kResourceLimitExceeded,
         "",
         {{"resource", "graph_batch_line_bytes"},
          {"actual", std::to_string(actual)},
          {"limit", std::to_string(line_bytes_max_)}}},
        io::StrCat("line ", line_number_ + 1,
                   ": resource limit exceeded for graph_batch_line_bytes: actual ", actual,
                   ", limit ", line_bytes_max_));
  }

  absl::Status Fill() {
    if (begin_ != 0) {
      std::memmove(buffer_.data(), buffer_.data() + begin_, end_ - begin_);
      end_ -= begin_;
      begin_ = 0;
    }
    if (buffer_.size() < end_ + kReadBytes + simdjson::SIMDJSON_PADDING) {
      buffer_.Resize(std::max(end_ * 2, kReadBytes) + kReadBytes + simdjson::SIMDJSON_PADDING);
    }
    OG_ASSIGN_OR_RETURN(const size_t got, source_.Read(buffer_.data() + end_, kReadBytes));
    at_end_ = got == 0;
    end_ += got;
    bytes_read_ += got;
    std::memset(buffer_.data() + end_, 0, simdjson::SIMDJSON_PADDING);
    return absl::OkStatus();
  }

  ByteSource& source_;
  const uint64_t line_bytes_max_;
  io::MutableBuffer buffer_;
  size_t begin_ = 0;    // of what was not handed out
  size_t end_ = 0;      // of what was read
  size_t scanned_ = 0;  // bytes from begin_ that hold no newline
  bool at_end_ = false;
  uint64_t line_number_ = 0;
  uint64_t bytes_read_ = 0;
};

bool IsBlank(std::string_view line) {
  return std::all_of(line.begin(), line.end(),
                     [](char c) { return c == ' ' || c == '\t' || c == '\r'; });
}

// The members of one record.
struct Envelope {
  std::optional<element> type;
  std::optional<element> edge;
  std::optional<element> from;
  std::optional<element> to;
  std::optional<element> data;
};

class GraphBatchReader {
 public:
  GraphBatchReader(io::Env& env, const schema::Catalog& catalog, ByteSource& source,
                   const GraphBatchOptions& options, const BatchSink& sink)
      : env_(env),
        catalog_(catalog),
        source_(source),
        options_(options),
        sink_(sink),
        lines_(source, options.line_bytes_max) {}

  absl::Status Run() {
    for (int64_t rows = 0;;) {
      OG_ASSIGN_OR_RETURN(const auto line, lines_.Next());
      if (!line) break;
      if (IsBlank(*line)) continue;
      OG_RETURN_IF_ERROR(ReadRecord(*line));
      if (++rows % kRowsBetweenChecks == 0) OG_RETURN_IF_ERROR(FlushFull(rows));
    }
    for (auto& table : tables_)
      OG_RETURN_IF_ERROR(Flush(*table));
    return absl::OkStatus();
  }

 private:
  absl::Status Error(std::string_view what) const {
    return InputError(io::StrCat("line ", lines_.line_number(), ": ", what));
  }

  absl::Status ReadRecord(std::string_view line) {
    element root;
    const auto error =
        parser_.parse(line.data(), line.size(), /*realloc_if_needed=*/false).get(root);
    if (error != simdjson::SUCCESS) {
      return InputError(io::StrCat("invalid strict JSON at line ", lines_.line_number(), ": ",
                                   simdjson::error_message(error)));
    }
    object record;
    if (root.get_object().get(record) != simdjson::SUCCESS) {
      return Error("graph batch record must be one JSON object");
    }
    OG_ASSIGN_OR_RETURN(const Envelope envelope, ReadEnvelope(record));
    if (envelope.type.has_value() == envelope.edge.has_value()) {
      return Error("graph batch record must contain exactly one of 'type' or 'edge'");
    }
    return envelope.type ? ReadNode(envelope) : ReadEdge(envelope);
  }

  absl::StatusOr<Envelope> ReadEnvelope(const object& record) const {
    Envelope envelope;
    for (const auto& [name, value] : record) {
      std::optional<element>* member = name == "type"   ? &envelope.type
                                       : name == "edge" ? &envelope.edge
                                       : name == "from" ? &envelope.from
                                       : name == "to"   ? &envelope.to
                                       : name == "data" ? &envelope.data
                                                        : nullptr;
      if (member == nullptr) return UnknownMember(name);
      if (member->has_value()) {
        return InputError(io::StrCat("invalid strict JSON at line ", lines_.line_number(),
                                     ": duplicate JSON member '", name, "'"));
      }
      *member = value;
    }
    return envelope;
  }

  absl::Status UnknownMember(std::string_view name) const {
    if (name == "_tombstone" || name.starts_with("_row")) {
      return Error(io::StrCat("top-level field '", name, "' is reserved physical state"));
    }
    return Error(io::StrCat("unknown top-level graph batch field '", name, "'"));
  }

  absl::StatusOr<std::string_view> Text(const std::optional<element>& value,
                                        std::string_view field) const {
    if (!value) return Error(io::StrCat("graph batch record requires field '", field, "'"));
    std::string_view text;
    if (value->get_string().get(text) == simdjson::SUCCESS) return text;
    return Error(
        io::StrCat("graph batch field '", field, "' must be a string, got ", JsonText(*value)));
  }

  absl::StatusOr<std::optional<object>> Data(const Envelope& envelope) const {
    if (!envelope.data) return std::nullopt;
    object data;
    if (envelope.data->get_object().get(data) == simdjson::SUCCESS) return data;
    return Error(
        io::StrCat("graph batch field 'data' must be an object, got ", JsonText(*envelope.data)));
  }

  absl::Status ReadNode(const Envelope& envelope) {
    for (const auto& [value, name] : {std::pair(envelope.from, "from"), {envelope.to, "to"}}) {
      if (value) return UnknownMember(name);
    }
    OG_ASSIGN_OR_RETURN(const std::string_view name, Text(envelope.type, "type"));
    OG_ASSIGN_OR_RETURN(const std::optional<object> data, Data(envelope));
    auto known = node_tables_.find(name);
    if (known == node_tables_.end()) {
      const schema::NodeType* type = catalog_.FindNode(name);
      if (type == nullptr) return Error(io::StrCat("unknown node type '", name, "'"));
      tables_.push_back(std::make_unique<TableRows>(env_, *type));
      known = node_tables_.emplace(name, tables_.back().get()).first;
    }
    TableRows* const rows = known->second;
    const uint64_t line = lines_.line_number();
    return data ? rows->AppendNode(line, *data) : rows->AppendNode(line);
  }

  absl::Status ReadEdge(const Envelope& envelope) {
    OG_ASSIGN_OR_RETURN(const std::string_view name, Text(envelope.edge, "edge"));
    OG_ASSIGN_OR_RETURN(const std::string_view from, Text(envelope.from, "from"));
    OG_ASSIGN_OR_RETURN(const std::string_view to, Text(envelope.to, "to"));
    OG_ASSIGN_OR_RETURN(const std::optional<object> data, Data(envelope));
    auto known = edge_tables_.find(name);
    if (known == edge_tables_.end()) {
      OG_ASSIGN_OR_RETURN(TableRows* const table, EdgeTable(name));
      known = edge_tables_.emplace(name, table).first;
    }
    TableRows* const rows = known->second;
    const uint64_t line = lines_.line_number();
    return data ? rows->AppendEdge(line, from, to, *data) : rows->AppendEdge(line, from, to);
  }

  // The rows of the edge type that `name` means; several spellings share them.
  absl::StatusOr<TableRows*> EdgeTable(std::string_view name) {
    const schema::EdgeType* type = catalog_.FindEdge(name);
    if (type == nullptr) return Error(io::StrCat("unknown edge type '", name, "'"));
    const std::string key = type->TableKey();
    for (const auto& table : tables_) {
      if (table->table_key() == key) return table.get();
    }
    return tables_.emplace_back(std::make_unique<TableRows>(env_, *type)).get();
  }

  absl::Status Flush(TableRows& table) {
    if (table.num_rows() == 0) return absl::OkStatus();
    const bool ids_are_fresh = table.ids_are_fresh();
    OG_ASSIGN_OR_RETURN(format::RecordBatch batch, table.Finish());
    return sink_({table.table_key(), std::move(batch), ids_are_fresh});
  }

  absl::Status FlushFull(int64_t rows) {
    size_t all = 0;
    for (const auto& table : tables_) {
      const size_t bytes = table->MemoryBytes();
      all += bytes;
      if (bytes >= options_.batch_bytes) OG_RETURN_IF_ERROR(Flush(*table));
    }
    if (all >= options_.batch_bytes * 4) {
      for (const auto& table : tables_)
        OG_RETURN_IF_ERROR(Flush(*table));
    }
    if (options_.progress) {
      options_.progress({"read", static_cast<uint64_t>(rows), lines_.bytes_read(), source_.size()});
    }
    return absl::OkStatus();
  }

  io::Env& env_;
  const schema::Catalog& catalog_;
  ByteSource& source_;
  const GraphBatchOptions& options_;
  const BatchSink& sink_;
  LineReader lines_;
  simdjson::dom::parser parser_;
  std::vector<std::unique_ptr<TableRows>> tables_;  // in the order of their first record
  std::map<std::string, TableRows*, std::less<>> node_tables_;
  std::map<std::string, TableRows*, std::less<>> edge_tables_;  // by the spelling in the input
};

}  // namespace

absl::Status ReadGraphBatch(io::Env& env, const schema::Catalog& catalog, ByteSource& source,
                            const GraphBatchOptions& options, const BatchSink& sink) {
  return GraphBatchReader(env, catalog, source, options, sink).Run();
}

}  // namespace og::engine::graph
