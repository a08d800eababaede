// Recovery records as objects below `{root}/__recovery/`.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

#include "engine/graph/recovery/record.h"
#include "io/env/env.h"
#include "io/store/store.h"

namespace og::engine::graph {

inline constexpr std::string_view kRecoveryFolder = "__recovery";

class RecordStore {
 public:
  // The Env outlives the store. `root_uri` as RootUri() spells it.
  RecordStore(io::Env& env, const io::Location& root, std::string root_uri);

  // Makes a new record durable; its token. Nothing of a write may take effect before this has
  // returned ok.
  absl::StatusOr<std::string> Arm(const RecoveryRecord& record) const;

  // Replaces a record durably by its later form. `token`: of the stored one, as Arm() gave it;
  // absent: it is looked up.
  absl::Status Rewrite(const RecoveryRecord& record,
                       std::optional<std::string> token = std::nullopt) const;

  // Removes a record; ok if it is gone.
  absl::Status Remove(std::string_view operation_id) const;

  // After this no loss of power brings back a record that has been removed.
  absl::Status MakeRemovalsDurable() const;

  // Operation ids of all records, oldest first.
  absl::StatusOr<std::vector<std::string>> List() const;

  // nullopt: gone meanwhile, finished by someone else. A record that cannot be understood is an
  // error that names it.
  absl::StatusOr<std::optional<RecoveryRecord>> Read(std::string_view operation_id) const;

  // All records that exist.
  absl::StatusOr<std::vector<RecoveryRecord>> ReadAll() const;

 private:
  io::Location File(std::string_view operation_id) const;
  absl::Status RemoveLeftRemovals() const;

  io::Env& env_;
  const io::Location root_;
  const std::string root_uri_;
};

}  // namespace og::engine::graph
