#include "engine/graph/load/json_column.h"

#include <cmath>
#include <limits>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>

#include <simdjson.h>

#include "engine/expr/text.h"
#include "engine/graph/table_schema.h"
#include "format/arrow/builder.h"
#include "io/base/base64.h"
#include "io/base/error_detail.h"
#include "io/base/status.h"
#include "io/base/status_macros.h"
#include "io/base/text.h"

namespace og::engine::graph {
namespace {

using schema::PropType;
using schema::ScalarKind;
using simdjson::dom::element;
using simdjson::dom::element_type;

constexpr size_t kJsonTextMax = 200;

// The name of the storage type in errors, as the reference prints Arrow types.
std::string_view ArrowName(ScalarKind kind) {
  switch (kind) {
    case ScalarKind::kString:
      return "Utf8";
    case ScalarKind::kBool:
      return "Boolean";
    case ScalarKind::kI32:
      return "Int32";
    case ScalarKind::kI64:
      return "Int64";
    case ScalarKind::kU32:
      return "UInt32";
    case ScalarKind::kU64:
      return "UInt64";
    case ScalarKind::kF32:
      return "Float32";
    case ScalarKind::kF64:
      return "Float64";
    case ScalarKind::kDate:
      return "Date32";
    case ScalarKind::kDateTime:
      return "Date64";
    case ScalarKind::kBlob:
      return "LargeBinary";
    case ScalarKind::kVector:
      return "FixedSizeList";
  }
  return "";
}

std::optional<std::string_view> StringOf(const element& value) {
  std::string_view text;
  return value.get_string().get(text) == simdjson::SUCCESS ? std::optional(text) : std::nullopt;
}

// Any JSON number as a double.
std::optional<double> NumberOf(const element& value) {
  double number = 0;
  return value.get_double().get(number) == simdjson::SUCCESS ? std::optional(number) : std::nullopt;
}

// Outcome of converting one JSON value: a value, "wrong JSON type", or an error of its own.
template <typename T>
using Converted = absl::StatusOr<std::optional<T>>;

// `subject` is "property 'p'" or "list": what the range error names.
template <typename T>
Converted<T> ConvertInteger(const element& value, std::string_view subject, ScalarKind kind) {
  const auto out_of_range = [&](auto number) {
    return InputError(
        io::StrCat(subject, " value ", number, " exceeds ", ArrowName(kind), " range"));
  };
  if (value.type() == element_type::INT64) {
    const int64_t number = value.get_int64().value_unsafe();
    if (!std::in_range<T>(number)) return out_of_range(number);
    return static_cast<T>(number);
  }
  if (value.type() == element_type::UINT64) {
    const uint64_t number = value.get_uint64().value_unsafe();
    if (!std::in_range<T>(number)) return out_of_range(number);
    return static_cast<T>(number);
  }
  return std::optional<T>();
}

template <typename T>
Converted<T> ConvertFloat(const element& value, std::string_view subject) {
  const auto number = NumberOf(value);
  if (!number) return std::optional<T>();
  const T narrowed = static_cast<T>(*number);
  if (!std::isfinite(narrowed)) {
    return InputError(io::StrCat(subject, " value ", *number, " exceeds Float32 range"));
  }
  return narrowed;
}

Converted<int32_t> ConvertDate(const element& value) {
  if (value.type() == element_type::INT64 || value.type() == element_type::UINT64) {
    int64_t days = 0;
    if (value.get_int64().get(days) == simdjson::SUCCESS && std::in_range<int32_t>(days)) {
      return static_cast<int32_t>(days);
    }
    return InputError(io::StrCat("Date value out of range: ", JsonText(value)));
  }
  const auto text = StringOf(value);
  if (!text) return std::optional<int32_t>();
  const auto days = expr::ParseDate(*text);
  if (!days) return InputError(io::StrCat("invalid Date literal '", *text, "'"));
  return *days;
}

Converted<int64_t> ConvertDateTime(const element& value) {
  if (value.type() == element_type::INT64 || value.type() == element_type::UINT64) {
    int64_t ms = 0;
    if (value.get_int64().get(ms) == simdjson::SUCCESS) return ms;
    return InputError(io::StrCat("DateTime value out of range: ", JsonText(value)));
  }
  const auto text = StringOf(value);
  if (!text) return std::optional<int64_t>();
  const auto ms = expr::ParseDateTime(*text);
  if (!ms) return InputError(io::StrCat("invalid DateTime literal '", *text, "'"));
  return *ms;
}

// Converts one non-null JSON value to the storage type of `kind` and appends it to `builder`;
// false if it has the wrong JSON type.
absl::StatusOr<bool> AppendScalar(ScalarKind kind, const element& value, std::string_view subject,
                                  format::ArrayBuilder& builder) {
  const auto append =
      [&builder]<typename T>(const Converted<T>& converted) -> absl::StatusOr<bool> {
    if (!converted.ok()) return converted.status();
    if (!converted->has_value()) return false;
    static_cast<format::FixedBuilder<T>&>(builder).Append(**converted);
    return true;
  };
  switch (kind) {
    case ScalarKind::kString: {
      const auto text = StringOf(value);
      if (text) static_cast<format::StringBuilder&>(builder).Append(*text);
      return text.has_value();
    }
    case ScalarKind::kBool:
      if (value.type() != element_type::BOOL) return false;
      static_cast<format::BoolBuilder&>(builder).Append(value.get_bool().value_unsafe());
      return true;
    case ScalarKind::kI32:
      return append(ConvertInteger<int32_t>(value, subject, kind));
    case ScalarKind::kI64:
      return append(ConvertInteger<int64_t>(value, subject, kind));
    case ScalarKind::kU32:
      return append(ConvertInteger<uint32_t>(value, subject, kind));
    case ScalarKind::kU64:
      return append(ConvertInteger<uint64_t>(value, subject, kind));
    case ScalarKind::kF32:
      return append(ConvertFloat<float>(value, subject));
    case ScalarKind::kF64:
      return append(ConvertFloat<double>(value, subject));
    case ScalarKind::kDate:
      return append(ConvertDate(value));
    case ScalarKind::kDateTime:
      return append(ConvertDateTime(value));
    case ScalarKind::kBlob:
    case ScalarKind::kVector:
      break;
  }
  return io::InternalError("not a scalar kind");
}

template <typename T>
bool AllFinite(const format::Array& values) {
  for (int64_t i = 0; i < values.length; ++i) {
    if (values.IsValid(i) && !std::isfinite(values.Value<T>(i))) return false;
  }
  return true;
}

// What the four kinds of columns share: the property, its builder, nulls.
class BuilderColumn : public JsonColumn {
 public:
  explicit BuilderColumn(const schema::Property& property)
      : name_(property.name),
        type_(property.type),
        builder_(format::MakeBuilder(StorageType(property.type))) {}

  absl::Status Append(const element& value) final {
    return value.is_null() ? AppendNull() : AppendValue(value);
  }

  absl::Status AppendNull() final {
    if (!type_.nullable) return NullError();
    builder_->AppendNull();
    return absl::OkStatus();
  }

  // Values that have no storage type of their own in JSON are looked at one by one.
  bool Takes(const format::Array& /*values*/) const override { return false; }

  std::optional<format::ArrayPtr> Nulls(int64_t length) const final {
    if (!type_.nullable) return std::nullopt;
    return format::NullArray(builder_->type(), length);
  }

  format::ArrayPtr Finish() final { return builder_->Finish(); }
  size_t MemoryBytes() const final { return builder_->MemoryBytes(); }

 protected:
  virtual absl::Status AppendValue(const element& value) = 0;
  virtual absl::Status NullError() const {
    return InputError(io::StrCat("non-nullable property '", name_, "' has null or invalid values"));
  }

  const std::string name_;
  const PropType type_;
  const std::unique_ptr<format::ArrayBuilder> builder_;
};

class ScalarColumn final : public BuilderColumn {
 public:
  explicit ScalarColumn(const schema::Property& property)
      : BuilderColumn(property), subject_(io::StrCat("property '", property.name, "'")) {}

  bool Takes(const format::Array& values) const override {
    if (!(*values.type == *builder_->type())) return false;
    if (values.null_count > 0 && !type_.nullable) return false;
    return (type_.scalar != ScalarKind::kF32 || AllFinite<float>(values)) &&
           (type_.scalar != ScalarKind::kF64 || AllFinite<double>(values));
  }

 protected:
  absl::Status AppendValue(const element& value) override {
    OG_ASSIGN_OR_RETURN(const bool fits, AppendScalar(type_.scalar, value, subject_, *builder_));
    if (fits) return absl::OkStatus();
    return InputError(io::StrCat("strict property '", name_, "' expects ", ArrowName(type_.scalar),
                                 ", got ", JsonText(value)));
  }

 private:
  const std::string subject_;
};

class ListColumn final : public BuilderColumn {
 public:
  using BuilderColumn::BuilderColumn;

 protected:
  absl::Status AppendValue(const element& value) override {
    simdjson::dom::array items;
    if (value.get_array().get(items) != simdjson::SUCCESS) {
      return InputError(
          io::StrCat("list property '", name_, "' expects a JSON array, got ", JsonText(value)));
    }
    auto& list = static_cast<format::ListBuilder&>(*builder_);
    for (const element item : items) {
      OG_ASSIGN_OR_RETURN(const bool fits,
                          item.is_null() ? absl::StatusOr<bool>(false)
                                         : AppendScalar(type_.scalar, item, "list", list.items()));
      if (!fits) {
        return InputError(
            io::StrCat("strict list property '", name_, "' contains a null or invalid item"));
      }
    }
    list.Append();
    return absl::OkStatus();
  }
};

class VectorColumn final : public BuilderColumn {
 public:
  using BuilderColumn::BuilderColumn;

 protected:
  absl::Status AppendValue(const element& value) override {
    simdjson::dom::array items;
    if (value.get_array().get(items) != simdjson::SUCCESS) {
      return InputError(
          io::StrCat("vector property '", name_, "' expects a JSON array, got ", JsonText(value)));
    }
    size_t count = 0;
    for ([[maybe_unused]] const element item : items)
      ++count;
    if (count != type_.vector_dim) {
      return InputError(io::StrCat("vector property '", name_, "' expects ", type_.vector_dim,
                                   " dimensions, got ", count));
    }
    auto& list = static_cast<format::ListBuilder&>(*builder_);
    auto& floats = static_cast<format::FixedBuilder<float>&>(list.items());
    for (const element item : items) {
      OG_ASSIGN_OR_RETURN(const auto number, ConvertFloat<float>(item, "vector element"));
      if (!number) {
        return InputError(io::StrCat("vector property '", name_, "' elements must be numeric, got ",
                                     JsonText(item)));
      }
      floats.Append(*number);
    }
    list.Append();
    return absl::OkStatus();
  }

  absl::Status NullError() const override {
    return InputError(io::StrCat("non-nullable vector property '", name_, "' has null values"));
  }
};

class BlobColumn final : public BuilderColumn {
 public:
  using BuilderColumn::BuilderColumn;

 protected:
  absl::Status AppendValue(const element& value) override {
    const auto text = StringOf(value);
    if (!text) {
      return InputError(
          io::StrCat("blob property '", name_, "' must be a URI string or base64: prefixed data"));
    }
    auto& blob = static_cast<format::StructBuilder&>(*builder_);
    auto& data = static_cast<format::StringBuilder&>(blob.child(0));
    auto& uri = static_cast<format::StringBuilder&>(blob.child(1));
    constexpr std::string_view kManaged = "base64:";
    if (text->starts_with(kManaged)) {
      const auto bytes = io::DecodeBase64(text->substr(kManaged.size()));
      if (!bytes) {
        return InputError(io::StrCat("invalid base64 blob data in property '", name_, "'"));
      }
      data.Append({reinterpret_cast<const char*>(bytes->data()), bytes->size()});
      uri.AppendNull();
    } else {
      data.AppendNull();
      uri.Append(*text);
    }
    blob.Append();
    return absl::OkStatus();
  }

  absl::Status NullError() const override {
    return InputError(io::StrCat("non-nullable blob property '", name_, "' has null values"));
  }
};

}  // namespace

std::unique_ptr<JsonColumn> MakeJsonColumn(const schema::Property& property) {
  if (property.type.list) return std::make_unique<ListColumn>(property);
  if (property.type.is_vector()) return std::make_unique<VectorColumn>(property);
  if (property.type.is_blob()) return std::make_unique<BlobColumn>(property);
  return std::make_unique<ScalarColumn>(property);
}

absl::Status InputError(std::string_view message) {
  return io::DetailedError({io::ErrorKind::kBadRequest, "", {}}, message);
}

std::string JsonText(const element& value) {
  std::string text = simdjson::minify(value);
  if (text.size() > kJsonTextMax) text.replace(kJsonTextMax, text.npos, "...");
  return text;
}

}  // namespace og::engine::graph
