#include "engine/graph/load/block_parser.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include <simdjson.h>

#include "engine/graph/load/json_column.h"
#include "io/base/status_macros.h"
#include "io/base/text.h"

namespace og::engine::graph {
namespace {

using simdjson::dom::element;
using simdjson::dom::object;

constexpr int64_t kRowsBetweenChecks = 1024;

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

}  // namespace

struct BlockParser::State {
  State(const schema::Catalog& schema_catalog, const GraphBatchOptions& batch_options)
      : catalog(schema_catalog), options(batch_options) {}

  // The line that starts at `at`, without its newline.
  std::string_view NextLine() {
    const std::string_view rest = block.text().substr(at);
    const std::string_view text = rest.substr(0, rest.find('\n'));
    at = std::min(at + text.size() + 1, block.text_bytes);
    ++line;
    return text;
  }

  absl::Status Parse() {
    if (columns) {
      const SourceRows rows = *std::exchange(columns, std::nullopt);
      OG_ASSIGN_OR_RETURN(const bool taken, ParseColumns(rows));
      if (taken) return absl::OkStatus();
      MakeLines(rows);
    }
    return ParseLines();
  }

  // Whether the columns of `rows` could be taken as they are.
  absl::StatusOr<bool> ParseColumns(const SourceRows& rows) {
    line = rows.first_line;
    OG_ASSIGN_OR_RETURN(TableRows* const table,
                        rows.is_edge ? EdgeTable(rows.type_name) : NodeTable(rows.type_name));
    OG_ASSIGN_OR_RETURN(std::optional<format::RecordBatch> batch, table->FinishColumns(rows));
    if (!batch) return false;
    const format::Array& ids = *batch->columns[0];
    const bool ids_are_fresh = ids.null_count == ids.length;
    parsed.push_back({table->table_key(), *std::move(batch), ids_are_fresh});
    return true;
  }

  void MakeLines(const SourceRows& rows) {
    std::string lines;
    AppendLines(rows, lines);
    block = {.bytes = io::MutableBuffer(lines.size() + simdjson::SIMDJSON_PADDING),
             .text_bytes = lines.size(),
             .first_line = rows.first_line};
    std::memset(block.bytes.data() + lines.size(), 0, simdjson::SIMDJSON_PADDING);
    std::memcpy(block.bytes.data(), lines.data(), lines.size());
    at = 0;
    line = block.first_line - 1;
  }

  absl::Status ParseLines() {
    for (int64_t num_records = 0; at < block.text_bytes;) {
      const std::string_view text = NextLine();
      if (text.size() > options.line_bytes_max) {
        return LineTooLong(line, text.size(), options.line_bytes_max);
      }
      if (IsBlank(text)) continue;
      OG_RETURN_IF_ERROR(ReadRecord(text));
      if (++num_records % kRowsBetweenChecks != 0) continue;
      OG_RETURN_IF_ERROR(FinishFull());
      if (parsed_bytes >= 4 * options.batch_bytes) break;
    }
    return FinishAll();
  }

  absl::Status Error(std::string_view what) const {
    return InputError(io::StrCat("line ", line, ": ", what));
  }

  absl::Status ReadRecord(std::string_view text) {
    element root;
    const auto error =
        parser.parse(text.data(), text.size(), /*realloc_if_needed=*/false).get(root);
    if (error != simdjson::SUCCESS) {
      return InputError(
          io::StrCat("invalid strict JSON at line ", line, ": ", simdjson::error_message(error)));
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
        return InputError(io::StrCat("invalid strict JSON at line ", line,
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
    OG_ASSIGN_OR_RETURN(TableRows* const table, NodeTable(name));
    TableRows& rows = Touch(*table);
    return data ? rows.AppendNode(line, *data) : rows.AppendNode(line);
  }

  absl::Status ReadEdge(const Envelope& envelope) {
    OG_ASSIGN_OR_RETURN(const std::string_view name, Text(envelope.edge, "edge"));
    OG_ASSIGN_OR_RETURN(const std::string_view from, Text(envelope.from, "from"));
    OG_ASSIGN_OR_RETURN(const std::string_view to, Text(envelope.to, "to"));
    OG_ASSIGN_OR_RETURN(const std::optional<object> data, Data(envelope));
    OG_ASSIGN_OR_RETURN(TableRows* const table, EdgeTable(name));
    TableRows& rows = Touch(*table);
    return data ? rows.AppendEdge(line, from, to, *data) : rows.AppendEdge(line, from, to);
  }

  absl::StatusOr<TableRows*> NodeTable(std::string_view name) {
    if (const auto known = node_tables.find(name); known != node_tables.end()) return known->second;
    const schema::NodeType* type = catalog.FindNode(name);
    if (type == nullptr) return Error(io::StrCat("unknown node type '", name, "'"));
    tables.push_back(std::make_unique<TableRows>(*type));
    return node_tables.emplace(name, tables.back().get()).first->second;
  }

  // The rows of the edge type that `name` means; several spellings share them.
  absl::StatusOr<TableRows*> EdgeTable(std::string_view name) {
    if (const auto known = edge_tables.find(name); known != edge_tables.end()) return known->second;
    const schema::EdgeType* type = catalog.FindEdge(name);
    if (type == nullptr) return Error(io::StrCat("unknown edge type '", name, "'"));
    const std::string key = type->TableKey();
    const auto same = std::find_if(tables.begin(), tables.end(),
                                   [&key](const auto& table) { return table->table_key() == key; });
    TableRows* const table = same != tables.end()
                                 ? same->get()
                                 : tables.emplace_back(std::make_unique<TableRows>(*type)).get();
    return edge_tables.emplace(name, table).first->second;
  }

  // `rows`, which gets a record: the first one gives the table its place in the order.
  TableRows& Touch(TableRows& rows) {
    if (rows.num_rows() == 0) touched.push_back(&rows);
    return rows;
  }

  absl::Status Finish(TableRows& table) {
    const bool ids_are_fresh = table.ids_are_fresh();
    parsed_bytes += table.MemoryBytes();
    OG_ASSIGN_OR_RETURN(format::RecordBatch rows, table.Finish());
    parsed.push_back({table.table_key(), std::move(rows), ids_are_fresh});
    return absl::OkStatus();
  }

  absl::Status FinishAll() {
    for (TableRows* const table : std::exchange(touched, {}))
      OG_RETURN_IF_ERROR(Finish(*table));
    return absl::OkStatus();
  }

  // Finishes the tables that hold a batch, or all if they hold four.
  absl::Status FinishFull() {
    size_t all = 0;
    for (const TableRows* const table : touched)
      all += table->MemoryBytes();
    if (all >= 4 * options.batch_bytes) return FinishAll();
    std::vector<TableRows*> others;
    for (TableRows* const table : std::exchange(touched, {})) {
      if (table->MemoryBytes() < options.batch_bytes) {
        others.push_back(table);
      } else {
        OG_RETURN_IF_ERROR(Finish(*table));
      }
    }
    touched = std::move(others);
    return absl::OkStatus();
  }

  const schema::Catalog& catalog;
  const GraphBatchOptions& options;
  simdjson::dom::parser parser;
  std::vector<std::unique_ptr<TableRows>> tables;
  std::map<std::string, TableRows*, std::less<>> node_tables;
  std::map<std::string, TableRows*, std::less<>> edge_tables;  // by the spelling in the input

  std::optional<SourceRows> columns;  // that were not looked at
  LineBlock block;
  size_t at = 0;                    // in the block's text
  uint64_t line = 0;                // number of the line before `at`
  std::vector<TableRows*> touched;  // those with rows
  std::vector<ParsedRows> parsed;
  size_t parsed_bytes = 0;
};

BlockParser::BlockParser(const schema::Catalog& catalog, const GraphBatchOptions& options)
    : state_(std::make_unique<State>(catalog, options)) {}

BlockParser::~BlockParser() = default;

void BlockParser::Start(LineBlock block) {
  state_->block = std::move(block);
  state_->at = 0;
  state_->line = state_->block.first_line - 1;
}

absl::Status BlockParser::Parse() {
  state_->parsed_bytes = 0;
  return state_->Parse();
}

void BlockParser::Start(SourceRows rows) {
  state_->columns = std::move(rows);
  state_->block.text_bytes = 0;
  state_->at = 0;
}

bool BlockParser::at_end() const {
  return !state_->columns && state_->at == state_->block.text_bytes;
}

std::vector<ParsedRows> BlockParser::TakeRows() {
  return std::exchange(state_->parsed, {});
}

io::MutableBuffer BlockParser::TakeMemory() {
  return std::move(state_->block.bytes);
}

}  // namespace og::engine::graph
