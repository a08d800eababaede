#include "engine/graph/field_ids.h"

namespace og::engine::graph {
namespace {

void Collect(const std::vector<format::LanceField>& fields, std::vector<uint32_t>& ids) {
  for (const format::LanceField& field : fields) {
    ids.push_back(static_cast<uint32_t>(field.id));
    Collect(field.children, ids);
  }
}

}  // namespace

std::vector<uint32_t> AllFieldIds(const format::LanceSchema& schema) {
  std::vector<uint32_t> ids;
  Collect(schema.fields, ids);
  return ids;
}

}  // namespace og::engine::graph
