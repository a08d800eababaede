// Any text is parsed or refused; what is parsed prints and evaluates or refuses on no rows.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "engine/expr/filter_parse.h"
#include "engine/expr/text.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  namespace expr = og::engine::expr;
  namespace format = og::format;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  (void)expr::ParseDate(text);
  (void)expr::ParseDateTime(text);
  const auto filter = expr::ParseFilter(text);
  if (!filter.ok()) return 0;
  (void)(*filter)->ToString();
  const format::Schema schema{{{"a", format::Int32(), true, {}},
                               {"b", format::Utf8(), true, {}},
                               {"c", format::Float64(), true, {}},
                               {"d", format::ListOf(format::Utf8()), true, {}},
                               {"e", format::Date32(), true, {}}},
                              {}};
  (void)expr::CheckFilter(**filter, schema);
  return 0;
}
