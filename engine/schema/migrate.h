// What turns one accepted schema into its successor: a list of steps, or the reasons why not.
//
// Source: omnigraph-compiler 0.10.0: src/catalog/schema_plan.rs; languages.md 5.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

#include "engine/schema/ir.h"
#include "io/base/json_writer.h"

namespace og::engine::schema {

enum class StepKind : uint8_t {
  kAddType,
  kRenameType,
  kAddProperty,
  kRenameProperty,
  kAddConstraint,
  kExtendEnum,
  kUpdateTypeMetadata,
  kUpdatePropertyMetadata,
  kDropType,
  kDropProperty,
  kUnsupportedChange,
};

// One step; each kind uses the fields that its JSON form lists.
struct MigrationStep {
  StepKind kind = StepKind::kAddType;
  std::string type_kind;  // "interface", "node", "edge"
  std::string type_name;  // kAddType, kDropType and kUpdateTypeMetadata call it "name"
  std::string property;   // by its new name
  std::string from;
  std::string to;
  PropType property_type;
  Constraint constraint;
  std::vector<std::string> added_values;
  std::vector<Annotation> annotations;
  bool hard = false;  // drops: data goes at once, not with cleanup
  std::string entity;
  std::string reason;
  std::string code;  // "OG-MF-103", "OG-MF-106" or empty
};

struct MigrationPlan {
  std::vector<MigrationStep> steps;

  // No step is a kUnsupportedChange.
  bool supported() const;

  // "[code] reason" of the first unsupported step. REQUIRES: !supported().
  std::string RefusalText() const;
};

// The steps from `accepted` to `desired`, an IR that ResolveIr made from it. `hard_drops`: drop
// steps are hard (--allow-data-loss).
absl::StatusOr<MigrationPlan> PlanMigration(const SchemaIr& accepted, const SchemaIr& desired,
                                            bool hard_drops = false);

// {"kind",...}: one element of a plan document's "steps".
void WriteStep(const MigrationStep& step, io::JsonWriter& out);

// {"uri","supported","step_count","steps"}: what `schema plan --json` prints.
void WritePlan(const MigrationPlan& plan, std::string_view uri, io::JsonWriter& out);

}  // namespace og::engine::schema
