#include "io/base/utf8.h"

#include "simdjson.h"

namespace og::io {

bool IsUtf8(std::string_view text) {
  return simdjson::validate_utf8(text.data(), text.size());
}

}  // namespace og::io
