// The refusals of the graph, with the texts and details that its users test for.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/status.h"

namespace og::engine::graph {

absl::Status BadRequest(std::string_view message);
absl::Status NotFound(std::string_view message);
absl::Status Conflict(std::string_view message);
absl::Status InternalFault(std::string_view message);

// "node type 'T'" or "edge type 'E'" for a table key.
std::string Subject(std::string_view table_key);

// Code `key_conflict`: "node type 'T' already has this id", fields type_key and entity_id.
absl::Status KeyConflict(std::string_view table_key, std::string_view entity_id);

// What a write was prepared against has changed: `member` names it.
absl::Status ReadSetChanged(std::string_view member, const std::optional<std::string>& expected,
                            const std::optional<std::string>& actual);

// "precondition failed on branch '{b}': expected head '{h}' but current is {x or <absent>}", fields
// expected and, if there is one, actual.
absl::Status PreconditionFailed(std::string_view branch, std::string_view expected,
                                const std::optional<std::string>& actual);

absl::Status PublishedVersionMismatch(std::string_view table_key, uint64_t expected,
                                      uint64_t actual);

// "recovery required for operation {id}: {reason}".
absl::Status RecoveryRequired(std::string_view operation_id, std::string_view reason);

// "resource limit exceeded for {resource}: actual {actual}, limit {limit}".
absl::Status LimitExceeded(std::string_view resource, uint64_t actual, uint64_t limit);

// `status` of a layer below with the kind kStorage and "storage: " before its text; a status that
// has a detail already comes back unchanged.
absl::Status FromStorage(const absl::Status& status);

}  // namespace og::engine::graph
