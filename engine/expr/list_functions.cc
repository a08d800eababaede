// Functions of lists.
#include "engine/expr/functions.h"
#include "format/arrow/builder.h"
#include "io/base/error_detail.h"
#include "io/base/status_macros.h"
#include "io/base/text.h"

namespace og::engine::expr {
namespace {

using format::ArrayPtr;
using format::TypeId;

struct Items {
  int64_t first = 0;
  int64_t count = 0;
};

Items ItemsAt(const format::Array& list, int64_t i) {
  if (list.type->id == TypeId::kFixedSizeList) {
    return {(list.offset + i) * list.type->list_size, list.type->list_size};
  }
  return {list.OffsetAt(i), list.OffsetAt(i + 1) - list.OffsetAt(i)};
}

}  // namespace

absl::StatusOr<ArrayPtr> CallListFunction(Function function, std::span<const ArrayPtr> args) {
  const format::Array& list = *args[0];
  if (!list.type->is_list() && list.type->id != TypeId::kFixedSizeList) {
    return io::DetailedError({io::ErrorKind::kBadRequest, "", {}},
                             io::StrCat(FunctionName(function), " of ", list.type->ToString()));
  }
  if (function == Function::kListLength) {
    format::FixedBuilder<uint64_t> lengths(format::Uint64());
    for (int64_t i = 0; i < list.length; ++i) {
      list.IsNull(i) ? lengths.AppendNull()
                     : lengths.Append(static_cast<uint64_t>(ItemsAt(list, i).count));
    }
    return lengths.Finish();
  }
  OG_ASSIGN_OR_RETURN(const ArrayPtr numbers, Cast(args[1], format::Int64()));
  std::vector<int64_t> rows;
  for (int64_t i = 0; i < list.length; ++i) {
    int64_t row = -1;
    if (list.IsValid(i) && numbers->IsValid(i)) {
      const Items items = ItemsAt(list, i);
      const int64_t number = numbers->Value<int64_t>(i);
      if (number > 0 && number <= items.count) row = items.first + number - 1;
      if (number < 0 && -number <= items.count) row = items.first + items.count + number;
    }
    rows.push_back(row);
  }
  return Take(*list.children[0], rows);
}

}  // namespace og::engine::expr
