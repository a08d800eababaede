// A parsed schema as text again: for tests that parse what they printed.
#pragma once

#include <string>

#include "engine/schema/source.h"

namespace og::engine::schema {

// Text that parses to `source`, in canonical spacing and without what interfaces injected.
std::string PrintSchema(const SchemaSource& source);

}  // namespace og::engine::schema
