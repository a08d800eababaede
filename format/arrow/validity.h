// Nulls of structs and of their members.
#pragma once

#include <span>

#include "format/arrow/array.h"

namespace og::format {

// `child` with a null wherever `parent`, a struct of which it is a member, is null; its rows are
// those of `parent`.
ArrayPtr MaskedBy(const Array& parent, const ArrayPtr& child);

// Gives `array` nulls only where all of `parts`, itself among them or not, have one. REQUIRES:
// offset 0 and one length for all, at least one part.
void SetValidWhereAny(std::span<const ArrayPtr> parts, Array& array);

}  // namespace og::format
