// Looking a graph over: whether what is published can be read, and agrees with itself.
//
// Always: schema and catalog, unfinished writes, for each table its published version against its
// newest one, row counts, fragments and their deletions, row ids. Deep: every value (types, nulls,
// ranges, enums, ids and keys, @unique, endpoints, @card), index entries, files and refs that
// nothing refers to.
//
// Nothing is written or healed. Each finding says what to do about it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

#include "io/env/env.h"
#include "io/store/store.h"

namespace og::engine::graph {

struct VerifyOptions {
  bool deep = false;
  std::string branch = "main";
  bool all_branches = false;  // instead of `branch`
};

// What a finding means.
enum class Severity : uint8_t {
  kNotice,  // a command brings it in order, nothing is lost: unfinished writes, drift, left-overs
  kDamage,  // published data is wrong or cannot be read
};

struct VerifyFinding {
  Severity severity = Severity::kDamage;
  std::string branch;   // "main"
  std::string subject;  // a table key, a path, "graph"
  std::string check;    // "row_count", "endpoints", ...
  std::string message;
  std::string remedy;
};

struct VerifyReport {
  std::vector<std::string> branches;
  uint64_t num_tables = 0;  // distinct versions of tables that were looked at
  uint64_t num_fragments = 0;
  uint64_t num_rows = 0;
  std::vector<VerifyFinding> findings;

  bool has_damage() const;
};

// An error only where nothing can be said at all: no graph, an unknown branch, storage that does
// not answer. The Env must outlive the call.
absl::StatusOr<VerifyReport> VerifyGraph(io::Env& env, const io::Location& root,
                                         const VerifyOptions& options);

}  // namespace og::engine::graph
