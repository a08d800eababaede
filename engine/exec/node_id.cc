#include "engine/exec/node_id.h"

#include <utility>

#include "engine/expr/text.h"
#include "io/base/json_writer.h"
#include "io/base/status_macros.h"

namespace og::engine::exec {

absl::StatusOr<std::optional<std::string>> NodeId(std::span<const format::ArrayPtr> key,
                                                  int64_t row) {
  if (key.size() == 1) return expr::CanonicalText(*key[0], row);
  io::JsonWriter json;
  json.BeginArray();
  for (const format::ArrayPtr& column : key) {
    OG_ASSIGN_OR_RETURN(const std::optional<std::string> part, expr::CanonicalText(*column, row));
    if (!part) return std::nullopt;
    json.String(*part);
  }
  json.EndArray();
  return std::move(json).Finish();
}

}  // namespace og::engine::exec
