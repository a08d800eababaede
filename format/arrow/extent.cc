// What one array can hold, asked before it is made.
#include <algorithm>
#include <utility>
#include <vector>

#include "format/arrow/gather.h"
#include "io/base/status.h"
#include "io/base/status_macros.h"
#include "io/base/text.h"

namespace og::format {
namespace {

// The runs of child `child`, of which each value of the parent has `size` items.
std::vector<Run> ChildRuns(std::span<const Run> runs, size_t child, int64_t size) {
  std::vector<Run> items;
  for (const Run& run : runs) {
    if (run.array == nullptr) continue;
    items.push_back({run.array->children[child].get(), (run.array->offset + run.start) * size,
                     run.length * size});
  }
  return items;
}

// The items or bytes behind the offsets of the runs.
std::vector<Run> RunsBehindOffsets(std::span<const Run> runs) {
  std::vector<Run> behind;
  for (const Run& run : runs) {
    if (run.array == nullptr) continue;
    const int64_t start = run.array->OffsetAt(run.start);
    behind.push_back({run.array, start, run.array->OffsetAt(run.start + run.length) - start});
  }
  return behind;
}

std::vector<Run> DictionaryRuns(std::span<const Run> runs) {
  std::vector<const Array*> seen;
  std::vector<Run> dictionaries;
  for (const Run& run : runs) {
    if (run.array == nullptr) continue;
    const Array* const dictionary = run.array->dictionary.get();
    if (!seen.empty() && seen.back() == dictionary) continue;
    seen.push_back(dictionary);
  }
  std::ranges::sort(seen);
  const auto doubles = std::ranges::unique(seen);
  seen.erase(doubles.begin(), doubles.end());
  for (const Array* const dictionary : seen)
    dictionaries.push_back({dictionary, 0, dictionary->length});
  return dictionaries;
}

absl::Status TooMuch(int64_t count, std::string_view what, int64_t max) {
  return io::ResourceExhaustedError(io::StrCat(count, " ", what,
                                               " are too many for one array, which may have ", max,
                                               "; ask for fewer rows at once"));
}

std::vector<Run> RunsOf(const Array& array, std::span<const int64_t> indices) {
  std::vector<Run> runs;
  for (const int64_t index : indices)
    if (index >= 0) runs.push_back({&array, index, 1});
  return runs;
}

// For values of bytes or text, where mostly their number is enough.
absl::Status CheckBytes(const Array& array, std::span<const int64_t> indices, int64_t max) {
  const int64_t all = array.OffsetAt(array.length) - array.OffsetAt(0);
  if (all <= max / (std::ssize(indices) + 1)) return absl::OkStatus();
  int64_t total = 0;
  for (const int64_t index : indices)
    if (index >= 0) total += array.OffsetAt(index + 1) - array.OffsetAt(index);
  if (array.type->has_large_offsets() && max == kOffsetMax) return absl::OkStatus();
  return total > max ? TooMuch(total, "bytes", max) : absl::OkStatus();
}

// Whether values of the type can be more than an array holds.
bool HasExtent(const DataType& type) {
  return type.is_variable() || type.id == TypeId::kDictionary || !type.children.empty();
}

absl::Status OfColumn(const absl::Status& status, std::string_view column) {
  return io::Annotate(status, io::StrCat("column '", column, "'"));
}

}  // namespace

absl::Status CheckExtent(const DataType& type, std::span<const Run> runs) {
  if (type.id == TypeId::kDictionary) {
    const std::vector<Run> dictionaries = DictionaryRuns(runs);
    if (dictionaries.size() < 2) return absl::OkStatus();
    return CheckExtent(*type.value_type, dictionaries);
  }
  if (type.is_variable() || type.is_list()) {
    std::vector<Run> behind = RunsBehindOffsets(runs);
    int64_t total = 0;
    for (const Run& run : behind)
      total += run.length;
    if (!type.has_large_offsets() && total > kOffsetMax) {
      return TooMuch(total, type.is_list() ? "items" : "bytes", kOffsetMax);
    }
    if (type.is_variable() || !HasExtent(*type.children[0].type)) return absl::OkStatus();
    for (Run& run : behind)
      run.array = run.array->children[0].get();
    return CheckExtent(*type.children[0].type, behind);
  }
  const int64_t size = type.id == TypeId::kFixedSizeList ? type.list_size : 1;
  for (size_t child = 0; child < type.children.size(); ++child) {
    if (!HasExtent(*type.children[child].type)) continue;
    OG_RETURN_IF_ERROR(CheckExtent(*type.children[child].type, ChildRuns(runs, child, size)));
  }
  return absl::OkStatus();
}

absl::StatusOr<ArrayPtr> TryTake(const Array& array, std::span<const int64_t> indices,
                                 int64_t bytes_max) {
  if (array.type->is_variable()) {
    OG_RETURN_IF_ERROR(CheckBytes(array, indices, bytes_max));
  } else if (HasExtent(*array.type)) {
    OG_RETURN_IF_ERROR(CheckExtent(*array.type, RunsOf(array, indices)));
  }
  return Take(array, indices);
}

absl::StatusOr<ArrayPtr> TryConcat(std::span<const ArrayPtr> arrays) {
  if (arrays.size() > 1 && HasExtent(*arrays[0]->type)) {
    std::vector<Run> runs;
    for (const ArrayPtr& array : arrays)
      runs.push_back({array.get(), 0, array->length});
    OG_RETURN_IF_ERROR(CheckExtent(*arrays[0]->type, runs));
  }
  return Concat(arrays);
}

absl::StatusOr<ArrayPtr> TryDecodeDictionary(const ArrayPtr& array) {
  if (array->type->id != TypeId::kDictionary) return array;
  std::vector<int64_t> indices;
  for (int64_t i = 0; i < array->length; ++i)
    indices.push_back(array->IsValid(i) ? DictionaryIndex(*array, i) : -1);
  return TryTake(*array->dictionary, indices);
}

absl::StatusOr<RecordBatch> TryTake(const RecordBatch& batch, std::span<const int64_t> indices) {
  RecordBatch taken{batch.schema, static_cast<int64_t>(indices.size()), {}};
  for (size_t i = 0; i < batch.columns.size(); ++i) {
    absl::StatusOr<ArrayPtr> column = TryTake(*batch.columns[i], indices);
    if (!column.ok()) return OfColumn(column.status(), batch.schema->fields[i].name);
    taken.columns.push_back(*std::move(column));
  }
  return taken;
}

absl::StatusOr<RecordBatch> TryConcat(std::span<const RecordBatch> batches) {
  if (batches.size() == 1) return batches[0];
  RecordBatch all{batches[0].schema, 0, {}};
  for (const RecordBatch& batch : batches)
    all.num_rows += batch.num_rows;
  std::vector<ArrayPtr> parts(batches.size());
  for (size_t i = 0; i < all.schema->fields.size(); ++i) {
    std::transform(batches.begin(), batches.end(), parts.begin(),
                   [i](const RecordBatch& batch) { return batch.columns[i]; });
    absl::StatusOr<ArrayPtr> column = TryConcat(parts);
    if (!column.ok()) return OfColumn(column.status(), all.schema->fields[i].name);
    all.columns.push_back(*std::move(column));
  }
  return all;
}

}  // namespace og::format
