// Runs mutations of one graph in a resident process, for side-by-side runs:
//
//   mutation_runner GRAPH
//
// A line of standard input is a query of mutations, `query q() { ... }`. The answer is a line
// `NANOSECONDS ENTITIES`: the time from the text to the acknowledgement, and what it touched.
#include <iostream>
#include <string>

#include "engine/graph/graph.h"
#include "engine/query/parse.h"
#include "io/base/status.h"
#include "io/base/status_macros.h"
#include "io/env/real_env.h"

namespace og {
namespace {

absl::Status Serve(const std::string& uri) {
  io::Env& env = io::RealEnv();
  OG_ASSIGN_OR_RETURN(const io::Location root, env.Resolve(uri));
  OG_ASSIGN_OR_RETURN(const auto graph,
                      engine::graph::Graph::Open(env, root, engine::graph::OpenMode::kReadWrite));
  for (std::string line; std::getline(std::cin, line);) {
    const int64_t start_ns = env.MonotonicNs();
    OG_ASSIGN_OR_RETURN(const engine::query::QueryFile file, engine::query::ParseQueryFile(line));
    OG_ASSIGN_OR_RETURN(const auto result, graph->Mutate(file.queries[0], {}, {}));
    std::cout << env.MonotonicNs() - start_ns << " "
              << result.affected_nodes + result.affected_edges << std::endl;
  }
  return absl::OkStatus();
}

}  // namespace
}  // namespace og

int main(int argc, char** argv) {
  if (argc != 2) {
    std::cerr << "usage: mutation_runner GRAPH\n";
    return 2;
  }
  const absl::Status status = og::Serve(argv[1]);
  if (status.ok()) return 0;
  std::cerr << og::io::Message(status) << "\n";
  return 1;
}
