// The schema contract at the root of a graph: three objects that agree with each other.
//
//   _schema.pg           the source as given
//   _schema.ir.json      pretty JSON of the IR
//   __schema_state.json  format_version (2), schema_shape_hash, schema_ir_hash,
//                        schema_identity_version (2), schema_identity_domain; pretty JSON
//
// Source: omnigraph 0.10.0: src/db/schema_state.rs; engine.md 3.1.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"

#include "engine/schema/ir.h"

namespace og::engine::schema {

inline constexpr std::string_view kSourceName = "_schema.pg";
inline constexpr std::string_view kIrName = "_schema.ir.json";
inline constexpr std::string_view kStateName = "__schema_state.json";
inline constexpr uint64_t kStateFormatVersion = 2;
inline constexpr uint64_t kIdentityVersion = 2;

struct SchemaState {
  uint64_t format_version = kStateFormatVersion;
  std::string shape_hash;
  std::string ir_hash;
  uint64_t identity_version = kIdentityVersion;
  std::string identity_domain;

  friend bool operator==(const SchemaState&, const SchemaState&) = default;
};

// The state that agrees with `ir`.
SchemaState StateOf(const SchemaIr& ir);

// The stored form.
std::string StateJson(const SchemaState& state);

// Reads the stored form; any versions. kDataLoss if a field is missing, unknown or of a wrong type.
absl::StatusOr<SchemaState> ParseState(std::string_view json);

// A contract of three texts.
struct SchemaContract {
  std::string source;
  std::string ir_json;
  std::string state_json;
};

// The contract that a source has whose declarations got the identities of `ir`.
SchemaContract ContractOf(std::string_view source, const SchemaIr& ir);

// The contract of a new graph: parses `source`, mints identities inside `identity_domain`.
absl::StatusOr<SchemaContract> NewContract(std::string_view source,
                                           std::string_view identity_domain);

// The IR of a stored contract after checking that the three objects agree: versions, domain, the
// hash of the IR, the hash of its shape and the hash of the source's shape. kFailedPrecondition
// with "schema evolution is locked down in phase 1: <detail>; manual coordination is required".
absl::StatusOr<SchemaIr> OpenContract(const SchemaContract& contract);

// "schema evolution is locked down in phase 1: <detail>; manual coordination is required".
absl::Status ContractError(std::string_view detail);

}  // namespace og::engine::schema
