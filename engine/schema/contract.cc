#include "engine/schema/contract.h"

#include <utility>

#include "engine/schema/identity.h"
#include "engine/schema/parse.h"
#include "io/base/error_detail.h"
#include "io/base/json_writer.h"
#include "io/base/status.h"
#include "io/base/status_macros.h"
#include "io/base/text.h"

namespace og::engine::schema {

absl::Status ContractError(std::string_view detail) {
  return io::DetailedError(
      {.kind = io::ErrorKind::kConflict, .code = "schema_contract", .fields = {}},
      io::StrCat("schema evolution is locked down in phase 1: ", detail,
                 "; manual coordination is required"));
}

SchemaState StateOf(const SchemaIr& ir) {
  SchemaState state;
  state.shape_hash = ShapeHash(ShapeOfIr(ir));
  state.ir_hash = IrHash(ir);
  state.identity_domain = ir.identity_domain;
  return state;
}

std::string StateJson(const SchemaState& state) {
  io::JsonWriter out(io::JsonWriter::Style::kPretty);
  out.BeginObject();
  out.Key("format_version");
  out.Uint(state.format_version);
  out.Key("schema_shape_hash");
  out.String(state.shape_hash);
  out.Key("schema_ir_hash");
  out.String(state.ir_hash);
  out.Key("schema_identity_version");
  out.Uint(state.identity_version);
  out.Key("schema_identity_domain");
  out.String(state.identity_domain);
  out.EndObject();
  return std::move(out).Finish();
}

SchemaContract ContractOf(std::string_view source, const SchemaIr& ir) {
  return {.source = std::string(source),
          .ir_json = PrettyIrJson(ir),
          .state_json = StateJson(StateOf(ir))};
}

absl::StatusOr<SchemaContract> NewContract(std::string_view source,
                                           std::string_view identity_domain) {
  OG_ASSIGN_OR_RETURN(const SchemaSource parsed, ParseSchema(source));
  OG_ASSIGN_OR_RETURN(const SchemaShape shape, CompileShape(parsed));
  OG_ASSIGN_OR_RETURN(const SchemaResolution resolution, InitializeIr(identity_domain, shape));
  return ContractOf(source, resolution.ir);
}

absl::StatusOr<SchemaIr> OpenContract(const SchemaContract& contract) {
  absl::StatusOr<SchemaIr> ir = ParseIr(contract.ir_json);
  if (!ir.ok()) {
    return ContractError(
        io::StrCat("graph schema IR in ", kIrName, " is invalid: ", io::Message(ir.status())));
  }
  absl::StatusOr<SchemaState> state = ParseState(contract.state_json);
  if (!state.ok()) {
    return ContractError(io::StrCat("graph schema state in ", kStateName,
                                    " is invalid: ", io::Message(state.status())));
  }
  if (state->format_version != kStateFormatVersion) {
    return ContractError(io::StrCat("graph schema state format ", state->format_version,
                                    " is not supported; expected ", kStateFormatVersion));
  }
  if (state->identity_version != kIdentityVersion) {
    return ContractError(io::StrCat("graph schema identity version ", state->identity_version,
                                    " is not supported; expected ", kIdentityVersion));
  }
  const SchemaState actual = StateOf(*ir);
  if (actual.ir_hash != state->ir_hash) {
    return ContractError(io::StrCat("accepted schema IR hashes to ", actual.ir_hash,
                                    " but the schema state records ", state->ir_hash));
  }
  if (actual.shape_hash != state->shape_hash) {
    return ContractError(io::StrCat("the shape of the accepted schema IR hashes to ",
                                    actual.shape_hash, " but the schema state records ",
                                    state->shape_hash));
  }
  if (actual.identity_domain != state->identity_domain) {
    return ContractError(io::StrCat("accepted schema IR has identity domain ",
                                    actual.identity_domain, " but the schema state records ",
                                    state->identity_domain));
  }
  const absl::StatusOr<SchemaSource> source = ParseSchema(contract.source, SourceMode::kAccepted);
  if (!source.ok()) {
    return ContractError(
        io::StrCat("current ", kSourceName,
                   " is not a valid accepted schema definition: ", io::Message(source.status())));
  }
  const absl::StatusOr<SchemaShape> shape = CompileShape(*source);
  if (!shape.ok()) {
    return ContractError(io::StrCat(
        "current ", kSourceName,
        " could not be compiled into the accepted schema shape: ", io::Message(shape.status())));
  }
  if (const std::string source_hash = ShapeHash(*shape); source_hash != state->shape_hash) {
    return ContractError(io::StrCat("current ", kSourceName,
                                    " no longer matches the accepted schema state: its shape "
                                    "hashes to ",
                                    source_hash, ", recorded is ", state->shape_hash));
  }
  return *std::move(ir);
}

}  // namespace og::engine::schema
