// Any text is refused, or becomes a file that prints to an equal one and whose queries the checker
// and the planner take without failing.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "engine/query/lint.h"
#include "engine/query/parse.h"
#include "engine/query/plan.h"
#include "engine/schema/catalog.h"
#include "io/base/check.h"

namespace {

namespace query = og::engine::query;
namespace schema = og::engine::schema;

const schema::Catalog& Catalog() {
  static const schema::CatalogPtr catalog = *schema::CatalogFromText(
      "node Author { handle: String @key age: I32? seen: DateTime? tags: [String]? }\n"
      "node Paper { slug: String @key title: String? emb: Vector(3)? raw: Blob? }\n"
      "edge Writes: Author -> Paper { role: String? }\n"
      "edge Mentors: Author -> Author { since: Date? }\n");
  return *catalog;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto file = query::ParseQueryFile(text);
  const query::LintReport report = query::LintQueryFile(
      Catalog(), text, "f.gq", {.kind = query::LintSchemaSource::Kind::kFile, .location = "f.pg"});
  OG_CHECK(!query::LintJson(report).empty());
  if (!file.ok()) {
    return 0;
  }
  const auto again = query::ParseQueryFile(query::FormatQueryFile(*file));
  OG_CHECK(again.ok());
  OG_CHECK(*again == *file);
  for (const query::Query& declaration : file->queries) {
    const auto checked = query::CheckQuery(Catalog(), declaration);
    if (checked.ok() && declaration.is_mutation()) {
      static_cast<void>(query::PlanMutation(*checked).ok());
    } else if (checked.ok()) {
      static_cast<void>(query::PlanRead(Catalog(), *checked).ok());
    }
  }
  return 0;
}
