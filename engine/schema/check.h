// The rules that a parsed schema keeps within each declaration: interfaces, annotations,
// constraints. ParseSchema applies them in this order; the texts are the reference's.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"

#include "engine/schema/parse.h"
#include "engine/schema/source.h"

namespace og::engine::schema {

// Why a property cannot carry a name for which IsReservedColumn is true.
inline constexpr std::string_view kReservedColumnReason =
    "virtual storage system column; a graph created with a pre-RC Lance binary must be exported "
    "with that binary, renamed, and rebuilt";

// Names of the table format's virtual columns: _rowid, _rowaddr, and so on.
bool IsReservedColumn(std::string_view name);

// Sorts bytewise and drops duplicates; false if there were any.
bool SortUnique(std::vector<std::string>* values);

// Adds a one-column constraint for every bare @key, @unique and @index of `properties`.
void AppendPropertyConstraints(const std::vector<PropertyDecl>& properties,
                               std::vector<Constraint>* constraints);

// Checks that nodes declare what their interfaces ask for, and gives them what they lack.
absl::Status ResolveInterfaces(SchemaSource* source);

absl::Status CheckAnnotations(const SchemaSource& source);

absl::Status CheckConstraints(const SchemaSource& source, SourceMode mode);

}  // namespace og::engine::schema
