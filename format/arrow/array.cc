#include "format/arrow/array.h"

#include <algorithm>
#include <utility>

#include "io/base/check.h"
#include "io/base/status_macros.h"

namespace og::format {
namespace {

class MemoryStream final : public BatchStream {
 public:
  MemoryStream(SchemaPtr schema, std::vector<RecordBatch> batches)
      : schema_(std::move(schema)), batches_(std::move(batches)) {}
  const SchemaPtr& schema() const override { return schema_; }
  absl::StatusOr<std::optional<RecordBatch>> Next() override {
    if (next_ == batches_.size()) return std::nullopt;
    return std::optional(std::move(batches_[next_++]));
  }

 private:
  SchemaPtr schema_;
  std::vector<RecordBatch> batches_;
  size_t next_ = 0;
};

}  // namespace

size_t Array::MemoryBytes() const {
  size_t bytes = validity.size() + offsets.size() + values.size();
  for (const ArrayPtr& child : children)
    bytes += child->MemoryBytes();
  if (dictionary != nullptr) bytes += dictionary->MemoryBytes();
  return bytes;
}

ArrayPtr Slice(const ArrayPtr& array, int64_t offset, int64_t length) {
  OG_CHECK(offset >= 0 && length >= 0 && offset <= array->length &&
           length <= array->length - offset);
  if (offset == 0 && length == array->length) return array;
  auto slice = std::make_shared<Array>(*array);
  slice->offset += offset;
  slice->length = length;
  if (array->type->id == TypeId::kNull) {
    slice->null_count = length;
  } else if (array->null_count != 0) {
    slice->null_count = length - static_cast<int64_t>(io::CountSetBits(
                                     array->validity.data(), static_cast<size_t>(slice->offset),
                                     static_cast<size_t>(length)));
  }
  return slice;
}

ArrayPtr NullArray(const TypePtr& type, int64_t length) {
  auto array = std::make_shared<Array>();
  array->type = type;
  array->length = length;
  array->null_count = length;
  const auto count = static_cast<size_t>(length);
  if (type->id != TypeId::kNull && length != 0) {
    array->validity = io::Buffer::Zeros(io::BytesForBits(count));
  }
  if (type->is_variable() || type->is_list()) {
    array->offsets = io::Buffer::Zeros((count + 1) * (type->has_large_offsets() ? 8 : 4));
  } else if (type->bit_width() != 0) {
    array->values =
        io::Buffer::Zeros(io::BytesForBits(count * static_cast<size_t>(type->bit_width())));
  }
  if (type->is_list()) {
    array->children.push_back(EmptyArray(type->children[0].type));
  } else if (type->id == TypeId::kFixedSizeList) {
    array->children.push_back(NullArray(type->children[0].type, length * type->list_size));
  } else if (type->id == TypeId::kStruct) {
    for (const Field& child : type->children) {
      array->children.push_back(NullArray(child.type, length));
    }
  } else if (type->id == TypeId::kDictionary) {
    array->dictionary = EmptyArray(type->value_type);
  }
  return array;
}

ArrayPtr EmptyArray(const TypePtr& type) {
  return NullArray(type, 0);
}

ArrayPtr RecordBatch::Column(std::string_view name) const {
  const std::optional<size_t> at = schema->IndexOf(name);
  return at.has_value() ? columns[*at] : nullptr;
}

RecordBatch Slice(const RecordBatch& batch, int64_t offset, int64_t length) {
  OG_CHECK(offset >= 0 && length >= 0 && offset <= batch.num_rows &&
           length <= batch.num_rows - offset);
  RecordBatch slice{batch.schema, length, {}};
  for (const ArrayPtr& column : batch.columns) {
    slice.columns.push_back(Slice(column, offset, length));
  }
  return slice;
}

RecordBatch Take(const RecordBatch& batch, std::span<const int64_t> indices) {
  RecordBatch taken{batch.schema, static_cast<int64_t>(indices.size()), {}};
  for (const ArrayPtr& column : batch.columns)
    taken.columns.push_back(Take(*column, indices));
  return taken;
}

RecordBatch Concat(std::span<const RecordBatch> batches) {
  OG_CHECK(!batches.empty());
  if (batches.size() == 1) return batches[0];
  RecordBatch all{batches[0].schema, 0, {}};
  for (const RecordBatch& batch : batches)
    all.num_rows += batch.num_rows;
  std::vector<ArrayPtr> parts(batches.size());
  for (size_t i = 0; i < all.schema->fields.size(); ++i) {
    std::transform(batches.begin(), batches.end(), parts.begin(),
                   [i](const RecordBatch& batch) { return batch.columns[i]; });
    all.columns.push_back(Concat(parts));
  }
  return all;
}

bool Equal(const RecordBatch& a, const RecordBatch& b) {
  return a.num_rows == b.num_rows && *a.schema == *b.schema &&
         std::equal(a.columns.begin(), a.columns.end(), b.columns.begin(), b.columns.end(),
                    [](const ArrayPtr& x, const ArrayPtr& y) { return Equal(*x, *y); });
}

RecordBatch EmptyBatch(const SchemaPtr& schema) {
  RecordBatch batch{schema, 0, {}};
  for (const Field& field : schema->fields)
    batch.columns.push_back(EmptyArray(field.type));
  return batch;
}

size_t MemoryBytes(const RecordBatch& batch) {
  size_t bytes = 0;
  for (const ArrayPtr& column : batch.columns)
    bytes += column->MemoryBytes();
  return bytes;
}

absl::StatusOr<RecordBatch> Collect(BatchStream& stream) {
  std::vector<RecordBatch> batches;
  while (true) {
    OG_ASSIGN_OR_RETURN(std::optional<RecordBatch> batch, stream.Next());
    if (!batch.has_value()) break;
    batches.push_back(*std::move(batch));
  }
  if (batches.empty()) return EmptyBatch(stream.schema());
  return TryConcat(batches);
}

std::unique_ptr<BatchStream> MakeStream(SchemaPtr schema, std::vector<RecordBatch> batches) {
  return std::make_unique<MemoryStream>(std::move(schema), std::move(batches));
}

}  // namespace og::format
