// What became of the refs of tables that no branch reads.
#pragma once

#include <string>
#include <vector>

namespace og::engine::graph {

struct TableRef {
  std::string table_key;
  std::string ref;
};

struct ReconciledRefs {
  struct Failure {
    std::string table_key;
    std::string error;
  };
  std::vector<TableRef> removed;
  std::vector<Failure> failures;
};

}  // namespace og::engine::graph
