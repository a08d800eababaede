// What says how tables of rows (CSV, Arrow) become nodes and edges. A mapping file is JSON:
//
//   {"tables": [
//      {"file": "people.csv", "type": "Person", "columns": {"name": "full name", "age": "years"}},
//      {"file": "knows.csv", "edge": "Knows", "from": "who", "to": "whom",
//       "columns": {"since": "year"}}],
//    "csv": {"delimiter": ";", "null": "NA"}}
//
//   tables   one a file, loaded in this order
//     file     relative to the folder of the data; left out if the data is one file
//     type | edge  the node or edge type of the rows
//     from, to     of an edge: the columns that hold the ids of its ends; "from" and "to"
//     id           the column of explicit ids; left out: ids are made as for JSON lines
//     columns      property to column, other columns are passed over; left out: every property
//                  from the column of its name, if there is one, and other columns are an error
//   csv      of all files: the delimiter (","), and the text of a cell without a value ("")
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"

#include "engine/schema/catalog.h"
#include "format/tabular/tabular.h"
#include "io/base/json_value.h"

namespace og::engine::graph {

struct MappedColumn {
  std::string member;  // of the record: a property, "id", "from" or "to"
  std::string column;  // of the table
  schema::PropType type;
  bool in_data = true;      // a property or the id, not an end of the edge
  bool is_required = true;  // an error if the table lacks it
};

struct TableMapping {
  std::string file;  // empty: the data itself
  std::string type_name;
  bool is_edge = false;
  bool names_columns = false;  // others of the file are passed over
  std::vector<MappedColumn> columns;
};

struct LoadMapping {
  std::vector<TableMapping> tables;
  format::CsvOptions csv;
};

// The mapping that `document` describes. kBadRequest for members that it may not have, types and
// properties that `catalog` lacks.
absl::StatusOr<LoadMapping> ParseLoadMapping(const io::JsonValue& document,
                                             const schema::Catalog& catalog);

}  // namespace og::engine::graph
