// One published version of a table by itself.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "absl/status/status.h"

#include "engine/dataset/dataset.h"
#include "engine/graph/manifest/rows.h"
#include "engine/schema/catalog.h"
#include "format/arrow/array.h"

namespace og::engine::graph {

// Takes what is wrong: the name of the check and a sentence.
using ReportFn = std::function<void(std::string_view check, std::string message)>;

// Row counts, fragments, deletions and row ids, without reading a value but the first id of each
// fragment.
void CheckTableStructure(const dataset::Dataset& table, const TableEntry& entry,
                         const ReportFn& report);

// The values of each row against its type: nulls, enums, ranges, patterns, ids that are not their
// keys; `on_rows` gets every batch of rows as it is read. False: the table cannot be read, which
// was reported.
bool CheckTableValues(const dataset::Dataset& table, const TableEntry& entry,
                      const schema::Catalog& catalog, const ReportFn& report,
                      const std::function<absl::Status(const format::RecordBatch&)>& on_rows);

// Whether indexes find the rows that a scan finds, for some values of each indexed column.
void CheckTableIndexes(const dataset::Dataset& table, const ReportFn& report);

}  // namespace og::engine::graph
