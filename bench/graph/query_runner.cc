// Runs queries over one graph in a resident process, for side-by-side runs:
//
//   query_runner GRAPH QUERIES.gq
//
// A line of standard input is `NAME PARAMS [FILE]`: the query NAME of the file, its parameters as
// JSON without blanks, and where its rows are to be written, one JSON array a line. The answer is a
// line `NANOSECONDS ROWS`: the time from the text of the query to its rows as columns in memory,
// writing them left out. Adjacency lists stay from one query to the next.
#include <fstream>
#include <iostream>
#include <memory>
#include <sstream>
#include <string>

#include "engine/exec/execute.h"
#include "engine/graph/graph.h"
#include "engine/graph/query_view.h"
#include "engine/graph/snapshot.h"
#include "engine/query/check.h"
#include "engine/query/params.h"
#include "engine/query/parse.h"
#include "engine/query/plan.h"
#include "engine/topology/topology_cache.h"
#include "format/arrow/json.h"
#include "io/base/json_value.h"
#include "io/base/status.h"
#include "io/base/status_macros.h"
#include "io/base/text.h"
#include "io/env/real_env.h"

namespace og {
namespace {

using engine::exec::QueryResult;

absl::Status WriteRows(const QueryResult& result, const std::string& path) {
  std::ofstream file(path, std::ios::binary);
  const auto write = [&](const format::RecordBatch& batch) {
    for (int64_t row = 0; row < batch.num_rows; ++row) {
      std::string line = "[";
      for (size_t column = 0; column < batch.columns.size(); ++column) {
        line += column == 0 ? "" : ",";
        AppendJsonValue(*batch.columns[column], row, line);
      }
      file << line << "]\n";
    }
    return absl::OkStatus();
  };
  return result.ForEachBatch(write);
}

absl::StatusOr<QueryResult> RunQuery(io::Env& env, engine::graph::Graph& graph,
                                     const std::shared_ptr<engine::topology::TopologyCache>& cache,
                                     const std::string& text, const std::string& name,
                                     const std::string& json) {
  OG_ASSIGN_OR_RETURN(const io::JsonValue values, io::JsonValue::Parse(json));
  OG_ASSIGN_OR_RETURN(const auto snapshot, graph.SnapshotAt({}));
  OG_ASSIGN_OR_RETURN(const engine::query::QueryFile file, engine::query::ParseQueryFile(text));
  const engine::query::Query* const query = file.Find(name);
  if (query == nullptr) return io::NotFoundError(io::StrCat("no query ", name));
  OG_ASSIGN_OR_RETURN(const auto checked, engine::query::CheckQuery(*snapshot->catalog(), *query));
  OG_ASSIGN_OR_RETURN(const auto params, engine::query::BindParams(*query, values));
  return engine::exec::ExecuteQuery(env, *engine::graph::QueryViewOf(snapshot, cache), checked,
                                    params, {});
}

absl::Status Serve(const std::string& uri, const std::string& queries) {
  io::Env& env = io::RealEnv();
  OG_ASSIGN_OR_RETURN(const io::Location root, env.Resolve(uri));
  OG_ASSIGN_OR_RETURN(const auto graph,
                      engine::graph::Graph::Open(env, root, engine::graph::OpenMode::kReadOnly));
  std::ifstream file(queries);
  std::stringstream text;
  text << file.rdbuf();
  const auto cache = std::make_shared<engine::topology::TopologyCache>(
      env, engine::topology::TopologyCacheOptions{});
  for (std::string line; std::getline(std::cin, line);) {
    std::istringstream words(line);
    std::string name;
    std::string params;
    std::string rows;
    words >> name >> params >> rows;
    const int64_t start_ns = env.MonotonicNs();
    OG_ASSIGN_OR_RETURN(const QueryResult result,
                        RunQuery(env, *graph, cache, text.str(), name, params));
    const int64_t taken_ns = env.MonotonicNs() - start_ns;
    if (!rows.empty()) OG_RETURN_IF_ERROR(WriteRows(result, rows));
    std::cout << taken_ns << " " << result.num_rows() << std::endl;
  }
  return absl::OkStatus();
}

}  // namespace
}  // namespace og

int main(int argc, char** argv) {
  if (argc != 3) {
    std::cerr << "usage: query_runner GRAPH QUERIES.gq\n";
    return 2;
  }
  const absl::Status status = og::Serve(argv[1], argv[2]);
  if (status.ok()) return 0;
  std::cerr << og::io::Message(status) << "\n";
  return 1;
}
