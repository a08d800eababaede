#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "cli/command/command.h"
#include "cli/command/files.h"
#include "cli/command/progress_bar.h"
#include "cli/command/table_files.h"
#include "cli/render/error_text.h"
#include "cli/render/graph_output.h"
#include "cli/target/target.h"
#include "engine/graph/snapshot.h"
#include "io/base/error_detail.h"
#include "io/base/status.h"
#include "io/base/status_macros.h"
#include "io/base/text.h"

namespace og::cli {
namespace {

using engine::graph::LoadMode;

LoadMode ModeNamed(std::string_view name) {
  if (name == "overwrite") {
    return LoadMode::kOverwrite;
  }
  return name == "merge" ? LoadMode::kMerge : LoadMode::kAppend;
}

// Whether the input is what is wrong, and not the storage or the limits.
bool IsAboutInput(const absl::Status& status) {
  const std::optional<io::ErrorDetail> detail = io::DetailOf(status);
  return detail && (detail->kind == io::ErrorKind::kBadRequest ||
                    detail->kind == io::ErrorKind::kKeyConflict);
}

// What is to be loaded: JSON lines as they are, tables by their mapping.
struct Input {
  std::unique_ptr<engine::graph::ByteSource> lines;
  engine::graph::MappedSource* tables = nullptr;  // of `lines`
};

absl::StatusOr<Input> OpenInput(const Arguments& arguments, engine::graph::Graph& graph,
                                const std::string& data_path) {
  const std::string format = arguments.Get("format").value_or("jsonl");
  const std::optional<std::string> mapping = arguments.Get("mapping");
  Input input;
  if (format == "jsonl") {
    if (mapping) {
      return io::DetailedError({.kind = io::ErrorKind::kBadRequest, .code = "", .fields = {}},
                               "--mapping goes with --format csv or --format arrow");
    }
    OG_ASSIGN_OR_RETURN(input.lines, OpenDataFile(data_path));
    return input;
  }
  if (!mapping || data_path == "-") {
    return io::DetailedError(
        {.kind = io::ErrorKind::kBadRequest, .code = "", .fields = {}},
        io::StrCat("--format ", format, " needs a --mapping and files, not stdin"));
  }
  OG_ASSIGN_OR_RETURN(const auto snapshot,
                      graph.SnapshotAt({.branch = "main", .snapshot = std::nullopt}));
  OG_ASSIGN_OR_RETURN(auto tables, OpenTables(*format::TabularFormatNamed(format), data_path,
                                              *mapping, *snapshot->catalog()));
  input.tables = tables.get();
  input.lines = std::move(tables);
  return input;
}

// `status`, which is about the input, with the place that it is about.
absl::Status AtInput(const absl::Status& status, const Input& input, const std::string& data_path) {
  if (input.tables == nullptr) return AtSource(status, data_path, "");
  constexpr std::string_view kLine = "line ";
  const std::string_view message = io::Message(status);
  if (!message.starts_with(kLine)) return status;
  const size_t end = message.find(':');
  const auto line = io::ParseUint64(message.substr(kLine.size(), end - kLine.size()));
  if (!line) return status;
  const auto row = input.tables->RowOfLine(*line);
  return row ? io::Annotate(status, io::StrCat(row->file, ", row ", row->row)) : status;
}

absl::StatusOr<int> Run(Invocation& invocation) {
  const Arguments& arguments = invocation.arguments();
  Console& console = invocation.console();
  LoadReport report;
  report.mode = *arguments.Get("mode");
  report.branch = arguments.Get("branch").value_or("main");
  report.base_branch = arguments.Get("from");
  OG_ASSIGN_OR_RETURN(report.uri, ResolveGraphUri(arguments));
  if (report.mode == "overwrite") {
    const Consent consent = {.given = arguments.Has("yes"),
                             .can_ask = console.stdin_is_terminal() && !invocation.json(),
                             .ask = [&](std::string_view prompt) {
                               console.Err(prompt);
                               return console.ReadLine();
                             }};
    OG_RETURN_IF_ERROR(ConfirmDestructive("load --mode overwrite", report.uri, consent));
  }
  if (!arguments.Has("quiet")) {
    console.Err(WriteEcho("load", report.uri));
  }
  const std::string data_path = *arguments.Get("data");
  OG_ASSIGN_OR_RETURN(const auto graph, invocation.OpenGraph(engine::graph::OpenMode::kReadWrite));
  OG_ASSIGN_OR_RETURN(const Input input, OpenInput(arguments, *graph, data_path));
  OG_ASSIGN_OR_RETURN(io::Env* const env, invocation.Env());
  absl::StatusOr<engine::graph::LoadResult> result;
  {
    ProgressBar progress(console, *env, "load", !arguments.Has("quiet"));
    result = graph->Load(*input.lines, {.branch = report.branch,
                                        .from = report.base_branch,
                                        .mode = ModeNamed(report.mode),
                                        .actor_id = arguments.Get("as"),
                                        .progress = progress.Callback()});
  }
  if (!result.ok()) {
    return IsAboutInput(result.status()) ? AtInput(result.status(), input, data_path)
                                         : result.status();
  }
  report.result = *std::move(result);
  return invocation.Print(invocation.json() ? LoadJson(report) : LoadText(report));
}

}  // namespace

Command LoadCommand() {
  return {
      .spec = {.path = "load",
               .summary = "Load JSON lines, CSV or Arrow files into a graph as one commit",
               .details = "Each line is a node {\"type\": \"T\", \"data\": {...}} or an edge "
                          "{\"edge\": \"E\", \"from\": ID, \"to\": ID, \"data\": {...}}.\nA line "
                          "that is wrong leaves the graph as it was. For CSV and Arrow a mapping "
                          "says which file holds which type and which column which property.",
               .examples = "  omnigraph load --mode append --data people.jsonl people.omni\n"
                           "  zcat people.jsonl.gz | omnigraph load --mode overwrite --data - "
                           "people.omni\n"
                           "  omnigraph load --mode merge --branch draft --from main --data "
                           "people.jsonl people.omni\n"
                           "  omnigraph load --mode append --format csv --mapping tables.json "
                           "--data tables/ people.omni",
               .takes_actor = true,
               .options = {{.name = "data",
                            .value_name = "FILE",
                            .help = "The JSON lines, - for stdin; a table, or a folder of tables",
                            .is_required = true},
                           {.name = "format",
                            .value_name = "FORMAT",
                            .help = "What the data is [default: jsonl]",
                            .choices = {"jsonl", "csv", "arrow"}},
                           {.name = "mapping",
                            .value_name = "FILE",
                            .help = "JSON that says what the columns of tables mean"},
                           BranchOption(),
                           {.name = "from",
                            .value_name = "BRANCH",
                            .help = "Fork the branch from this one if it is not there yet"},
                           {.name = "mode",
                            .value_name = "MODE",
                            .help = "How existing entities are handled: overwrite replaces each "
                                    "type in the input, append refuses ids that exist, merge "
                                    "replaces the entities of the same ids",
                            .is_required = true,
                            .choices = {"overwrite", "append", "merge"}},
                           JsonOption(),
                           GraphUriArgument()}},
      .run = Run};
}

}  // namespace og::cli
