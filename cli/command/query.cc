#include <algorithm>
#include <charconv>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <optional>
#include <utility>

#include "cli/command/command.h"
#include "cli/command/query_source.h"
#include "cli/render/error_text.h"
#include "cli/render/explain_output.h"
#include "cli/render/read_output.h"
#include "cli/target/target.h"
#include "engine/exec/execute.h"
#include "engine/exec/explain.h"
#include "engine/graph/query_view.h"
#include "engine/graph/snapshot.h"
#include "engine/query/check.h"
#include "engine/query/params.h"
#include "engine/query/plan.h"
#include "engine/topology/topology_cache.h"
#include "io/base/error_detail.h"
#include "io/base/json_value.h"
#include "io/base/status_macros.h"
#include "io/base/text.h"
#include "io/env/memory_budget.h"
#include "io/fault/counting_store.h"

namespace og::cli {
namespace {

absl::Status Refusal(std::string_view message) {
  return io::DetailedError({.kind = io::ErrorKind::kBadRequest, .code = "", .fields = {}}, message);
}

ReadFormat FormatOf(const Invocation& invocation) {
  const Arguments& arguments = invocation.arguments();
  if (arguments.Has("json")) {
    return ReadFormat::kJson;
  }
  return ReadFormatNamed(arguments.Get("format").value_or("table")).value_or(ReadFormat::kTable);
}

// A whole number above 0 from the value of an option or a variable called `name`.
absl::StatusOr<uint64_t> PositiveNumber(std::string_view name, std::string_view text) {
  uint64_t number = 0;
  const auto end = std::from_chars(text.data(), text.data() + text.size(), number);
  if (end.ec != std::errc() || end.ptr != text.data() + text.size() || number == 0) {
    return Refusal(io::StrCat("invalid ", name, " '", text, "': expected a whole number above 0"));
  }
  return number;
}

// Limits from the options, the way of traversals from the environment, where a wrong value counts
// as none.
absl::StatusOr<engine::exec::ExecOptions> ExecOptionsOf(const Arguments& arguments, io::Env& env) {
  engine::exec::ExecOptions options;
  options.spill_result = true;
  if (const auto rows = arguments.Get("max-rows")) {
    OG_ASSIGN_OR_RETURN(options.rows_max, PositiveNumber("--max-rows", *rows));
  }
  if (const auto seconds = arguments.Get("timeout")) {
    constexpr uint64_t kSecondsMax = 1'000'000;
    OG_ASSIGN_OR_RETURN(const uint64_t number, PositiveNumber("--timeout", *seconds));
    options.interrupt = engine::exec::DeadlineAfter(
        env, static_cast<int64_t>(std::min(number, kSecondsMax)) * 1000);
  }
  const auto variable = [](const char* name) {
    const char* const value = std::getenv(name);
    return std::string_view(value == nullptr ? "" : value);
  };
  const std::string_view mode = variable("OMNIGRAPH_TRAVERSAL_MODE");
  if (mode == "indexed") options.traversal = engine::exec::TraversalMode::kIndexed;
  if (mode == "csr") options.traversal = engine::exec::TraversalMode::kTopology;
  const auto hops = PositiveNumber("", variable("OMNIGRAPH_EXPAND_INDEXED_MAX_HOPS"));
  if (hops.ok() && *hops <= UINT32_MAX) options.indexed_hops_max = static_cast<uint32_t>(*hops);
  const auto frontier = PositiveNumber("", variable("OMNIGRAPH_EXPAND_INDEXED_MAX_FRONTIER"));
  if (frontier.ok()) options.indexed_frontier_max = *frontier;
  return options;
}

// What traversals have learnt of the tables, kept in the folder OMNIGRAPH_CACHE_DIR; null without
// it.
absl::StatusOr<std::shared_ptr<engine::topology::TopologyCache>> CacheOf(io::Env& env) {
  const char* const folder = std::getenv("OMNIGRAPH_CACHE_DIR");
  if (folder == nullptr || *folder == '\0') return nullptr;
  engine::topology::TopologyCacheOptions options;
  OG_ASSIGN_OR_RETURN(options.folder, env.Resolve(io::StrCat(folder, "/topology")));
  if (const char* const limit = std::getenv("OMNIGRAPH_CACHE_BYTES"); limit != nullptr) {
    const std::optional<uint64_t> bytes = io::ParseByteSize(limit);
    if (!bytes.has_value()) {
      return Refusal(io::StrCat("invalid OMNIGRAPH_CACHE_BYTES '", limit,
                                "': expected bytes such as 512MiB or 2GiB"));
    }
    options.folder_bytes_max = *bytes;
  }
  return std::make_shared<engine::topology::TopologyCache>(env, std::move(options));
}

// A query that is ready to run.
struct Ready {
  io::Env& env;
  std::shared_ptr<const engine::exec::Snapshot> snapshot;
  const engine::query::CheckedQuery& checked;
  const engine::query::ParamValues& params;
  const engine::exec::ExecOptions& options;
};

// --explain: the plan, or the plan with what it took.
absl::StatusOr<int> Explain(Invocation& invocation, const Ready& ready,
                            const io::CountingStore& store, bool analyze) {
  OG_ASSIGN_OR_RETURN(const engine::query::ReadPlan plan,
                      PlanRead(ready.snapshot->catalog(), ready.checked));
  if (!analyze) {
    OG_ASSIGN_OR_RETURN(const engine::exec::ExplainedOperator explained,
                        engine::exec::ExplainPlan(ready.env.memory(), *ready.snapshot, plan,
                                                  ready.params, ready.options));
    return invocation.Print(invocation.json() ? ExplainJson(plan.query_name, explained)
                                              : ExplainText(explained));
  }
  const engine::exec::Probe probe = {
      .now_ns = [&ready] { return ready.env.MonotonicNs(); },
      .io =
          [&store] {
            const io::StoreCounts counts = store.counts();
            return engine::exec::IoCounts{counts.reads(), counts.bytes_read()};
          }};
  OG_ASSIGN_OR_RETURN(const engine::exec::Analysis analysis,
                      engine::exec::AnalyzePlan(ready.env.memory(), *ready.snapshot, plan,
                                                ready.params, ready.options, probe));
  return invocation.Print(invocation.json() ? AnalysisJson(plan.query_name, analysis)
                                            : AnalysisText(analysis));
}

absl::StatusOr<int> Run(Invocation& invocation) {
  const Arguments& arguments = invocation.arguments();
  OG_ASSIGN_OR_RETURN(const QuerySource source, ReadQuerySource(arguments, "query"));
  OG_ASSIGN_OR_RETURN(const io::JsonValue json, ReadQueryParams(arguments));
  const engine::query::Query* const query = source.query;

  OG_ASSIGN_OR_RETURN(const std::string uri, ResolveGraphUri(arguments));
  OG_ASSIGN_OR_RETURN(io::Env* const env, invocation.Env());
  OG_ASSIGN_OR_RETURN(io::Location root, env->Resolve(uri));
  const auto counting = std::make_shared<io::CountingStore>(root.store);
  if (arguments.Has("explain")) root.store = counting;
  OG_ASSIGN_OR_RETURN(const auto graph,
                      engine::graph::Graph::Open(*env, root, engine::graph::OpenMode::kReadOnly));
  const engine::graph::ReadTarget target = {.branch = arguments.Get("branch").value_or("main"),
                                            .snapshot = arguments.Get("snapshot")};
  OG_ASSIGN_OR_RETURN(const auto snapshot, graph->SnapshotAt(target));
  if (query->is_mutation()) {
    return Refusal(io::StrCat("query '", query->name,
                              "' contains mutations (insert/update/delete), which this command "
                              "does not run"));
  }
  const auto checked = engine::query::CheckQuery(*snapshot->catalog(), *query);
  OG_RETURN_IF_ERROR(AtSource(checked.status(), source.name, source.text));
  OG_ASSIGN_OR_RETURN(engine::query::ParamValues params, engine::query::BindParams(*query, json));
  engine::query::BindNow(env->NowUs() / 1000, params);
  OG_ASSIGN_OR_RETURN(const engine::exec::ExecOptions options, ExecOptionsOf(arguments, *env));
  OG_ASSIGN_OR_RETURN(const auto cache, CacheOf(*env));
  const Ready ready = {*env, engine::graph::QueryViewOf(snapshot, cache), *checked, params,
                       options};
  if (const auto explain = arguments.Get("explain")) {
    return Explain(invocation, ready, *counting, *explain == "analyze");
  }
  OG_ASSIGN_OR_RETURN(const engine::exec::QueryResult result,
                      engine::exec::ExecuteQuery(*env, *ready.snapshot, *checked, params, options));

  ReadHeader header = {.query_name = query->name,
                       .branch = std::nullopt,
                       .snapshot = target.snapshot,
                       .graph_commit_id = snapshot->commit_id()};
  if (!target.snapshot) {
    header.branch = target.branch;
  }
  const RowSource rows = {
      .num_rows = result.num_rows(),
      .for_each_batch = [&result](const auto& visit) { return result.ForEachBatch(visit); }};
  OG_RETURN_IF_ERROR(
      RenderRead(header, *result.schema, rows, FormatOf(invocation), {},
                 [&](std::string_view text) { return invocation.console().Out(text); }));
  return kExitOk;
}

}  // namespace

Command QueryCommand() {
  return {
      .spec = {.path = "query",
               .summary = "Run a read query",
               .details = "The query comes from a file (--query) or the command line (-e). NAME "
                          "picks one of several queries of the source.",
               .examples =
                   "  omnigraph query --store people.omni -e 'query all() { match { $p: Person } "
                   "return { $p.name } }'\n"
                   "  omnigraph query --store people.omni --query find.gq by_name --params "
                   "'{\"name\": \"Ada\"}' --format csv\n"
                   "  omnigraph query --store people.omni --query find.gq by_name --params "
                   "'{\"name\": \"Ada\"}' --explain=analyze",
               .options =
                   {QueryFileOption(),
                    QueryTextOption(),
                    ParamsOption(),
                    ParamsFileOption(),
                    {.name = "branch",
                     .value_name = "BRANCH",
                     .help = "Read the head of this branch [default: main]",
                     .excludes = {"snapshot"}},
                    {.name = "snapshot",
                     .value_name = "COMMIT",
                     .help = "Read the graph as it was at this commit"},
                    {.name = "format",
                     .value_name = "FORMAT",
                     .help = "Output format [default: table]",
                     .choices = {"table", "kv", "csv", "jsonl", "json", "arrow"},
                     .excludes = {"json"}},
                    {.name = "explain",
                     .value_name = "WHEN",
                     .default_value = "plan",
                     .help = "Print the plan with estimates; analyze: run the query and "
                             "print what each operator took",
                     .choices = {"plan", "analyze"},
                     .excludes = {"format"}},
                    {.name = "timeout", .value_name = "SECONDS", .help = "Give up after this time"},
                    {.name = "max-rows", .value_name = "N", .help = "Refuse a result of more rows"},
                    JsonOption(),
                    QueryNameArgument()}},
      .run = Run};
}

}  // namespace og::cli
