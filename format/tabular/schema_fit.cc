#include "format/tabular/schema_fit.h"

#include <algorithm>
#include <limits>
#include <optional>
#include <utility>
#include <vector>

#include "io/base/buffer.h"
#include "io/base/endian.h"
#include "io/base/status.h"
#include "io/base/status_macros.h"
#include "io/base/text.h"

namespace og::format {
namespace {

bool IsText(const DataType& type) {
  return type.id == TypeId::kUtf8 || type.id == TypeId::kLargeUtf8;
}

// Whether values of `from` may stand for values of `to`.
bool Fits(const DataType& from, const DataType& to) {
  if (from == to) return true;
  if (from.id == TypeId::kNull) return true;
  if (from.id == TypeId::kDictionary) return Fits(*from.value_type, to);
  if (from.is_variable() && to.is_variable()) return IsText(from) == IsText(to);
  // Names, nullability and metadata of items and members do not change values.
  const bool same_shape = from.id == to.id && from.list_size == to.list_size &&
                          from.children.size() == to.children.size() && !to.children.empty();
  if (!same_shape) return false;
  for (size_t i = 0; i < from.children.size(); ++i) {
    const bool same_name =
        from.id != TypeId::kStruct || from.children[i].name == to.children[i].name;
    if (!same_name || !Fits(*from.children[i].type, *to.children[i].type)) return false;
  }
  return true;
}

// Text or bytes with offsets of the other width.
absl::StatusOr<ArrayPtr> WithOtherOffsets(const Array& array, const TypePtr& type) {
  auto fitted = std::make_shared<Array>(array);
  fitted->type = type;
  const auto first = static_cast<size_t>(array.offset);
  const auto count = static_cast<size_t>(array.length) + 1;
  const bool is_large = type->has_large_offsets();
  const size_t width = is_large ? sizeof(int64_t) : sizeof(int32_t);
  io::MutableBuffer offsets((first + count) * width);
  std::fill_n(offsets.data(), first * width, std::byte{0});
  for (size_t i = 0; i < count; ++i) {
    const int64_t offset = array.OffsetAt(static_cast<int64_t>(i));
    std::byte* at = offsets.data() + (first + i) * width;
    if (is_large) {
      io::StoreLe<int64_t>(at, offset);
    } else if (offset <= std::numeric_limits<int32_t>::max()) {
      io::StoreLe<int32_t>(at, static_cast<int32_t>(offset));
    } else {
      return io::InvalidArgumentError(
          io::StrCat("more than 2 GiB in one batch of ", type->ToString()));
    }
  }
  fitted->offsets = std::move(offsets).Share();
  return fitted;
}

// REQUIRES: Fits(*array->type, *type).
absl::StatusOr<ArrayPtr> Fitted(const ArrayPtr& array, const TypePtr& type) {
  if (*array->type == *type) return array;
  if (array->type->id == TypeId::kNull) return NullArray(type, array->length);
  if (array->type->id == TypeId::kDictionary) return Fitted(DecodeDictionary(array), type);
  if (array->type->is_variable()) return WithOtherOffsets(*array, type);
  auto fitted = std::make_shared<Array>(*array);
  fitted->type = type;
  for (size_t i = 0; i < fitted->children.size(); ++i) {
    OG_ASSIGN_OR_RETURN(fitted->children[i], Fitted(array->children[i], type->children[i].type));
  }
  return fitted;
}

class FittedStream final : public BatchStream {
 public:
  FittedStream(std::unique_ptr<BatchStream> stream, SchemaPtr schema)
      : stream_(std::move(stream)), schema_(std::move(schema)) {}

  absl::Status Begin() {
    const Schema& from = *stream_->schema();
    for (const Field& field : from.fields) {
      if (!schema_->IndexOf(field.name)) {
        return io::InvalidArgumentError(
            io::StrCat("the input has '", field.name, "', which is no column"));
      }
    }
    for (const Field& field : schema_->fields) {
      const std::optional<size_t> at = from.IndexOf(field.name);
      sources_.push_back(at);
      if (!at && !field.nullable) {
        return io::InvalidArgumentError(
            io::StrCat("the input lacks '", field.name, "', which may not be null"));
      }
      if (at && !Fits(*from.fields[*at].type, *field.type)) {
        return io::InvalidArgumentError(io::StrCat("column '", field.name, "' is ",
                                                   from.fields[*at].type->ToString(), ", not ",
                                                   field.type->ToString()));
      }
    }
    return absl::OkStatus();
  }

  const SchemaPtr& schema() const override { return schema_; }

  absl::StatusOr<std::optional<RecordBatch>> Next() override {
    OG_ASSIGN_OR_RETURN(const std::optional<RecordBatch> batch, stream_->Next());
    if (!batch) return std::nullopt;
    RecordBatch fitted{schema_, batch->num_rows, {}};
    for (size_t i = 0; i < sources_.size(); ++i) {
      const Field& field = schema_->fields[i];
      ArrayPtr column;
      if (sources_[i]) {
        OG_ASSIGN_OR_RETURN(column, Fitted(batch->columns[*sources_[i]], field.type));
      } else {
        column = NullArray(field.type, batch->num_rows);
      }
      if (!field.nullable && column->null_count != 0) {
        return io::InvalidArgumentError(
            io::StrCat("column '", field.name, "': null where a value is required"));
      }
      fitted.columns.push_back(std::move(column));
    }
    return fitted;
  }

 private:
  const std::unique_ptr<BatchStream> stream_;
  const SchemaPtr schema_;
  std::vector<std::optional<size_t>> sources_;
};

}  // namespace

SchemaPtr PresentFields(const Schema& schema, const std::vector<std::string>& names) {
  auto present = std::make_shared<Schema>(schema);
  std::erase_if(present->fields, [&](const Field& field) {
    return std::ranges::find(names, field.name) == names.end();
  });
  return present;
}

absl::StatusOr<std::unique_ptr<BatchStream>> FitToSchema(std::unique_ptr<BatchStream> stream,
                                                         SchemaPtr schema) {
  auto fitted = std::make_unique<FittedStream>(std::move(stream), std::move(schema));
  OG_RETURN_IF_ERROR(fitted->Begin());
  return fitted;
}

}  // namespace og::format
