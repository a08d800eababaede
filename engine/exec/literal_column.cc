#include "engine/exec/literal_column.h"

#include <cmath>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "engine/expr/text.h"
#include "format/arrow/builder.h"
#include "io/base/base64.h"
#include "io/base/error_detail.h"
#include "io/base/json_writer.h"
#include "io/base/status_macros.h"
#include "io/base/text.h"

namespace og::engine::exec {
namespace {

using format::DataType;
using format::TypeId;
using query::Literal;
using query::LiteralKind;

constexpr std::string_view kManagedBlob = "base64:";

absl::Status Refusal(std::string_view message) {
  return io::DetailedError({.kind = io::ErrorKind::kBadRequest, .code = "", .fields = {}}, message);
}

std::string Quoted(std::string_view text) {
  std::string quoted;
  io::AppendJsonString(quoted, text);
  return quoted;
}

std::string FloatDebugText(double value) {
  std::string text;
  io::AppendJsonFloat(text, value);
  return text;
}

// How the reference shows a literal that it cannot convert.
std::string DebugText(const Literal& literal) {
  switch (literal.kind) {
    case LiteralKind::kNull:
      return "Null";
    case LiteralKind::kString:
      return io::StrCat("String(", Quoted(literal.text), ")");
    case LiteralKind::kInteger:
      return io::StrCat("Integer(", literal.integer, ")");
    case LiteralKind::kFloat:
      return io::StrCat("Float(", FloatDebugText(literal.number), ")");
    case LiteralKind::kBool:
      return io::StrCat("Bool(", literal.flag, ")");
    case LiteralKind::kDate:
      return io::StrCat("Date(", Quoted(literal.text), ")");
    case LiteralKind::kDateTime:
      return io::StrCat("DateTime(", Quoted(literal.text), ")");
    case LiteralKind::kList:
      break;
  }
  std::vector<std::string> items;
  for (const Literal& item : literal.items)
    items.push_back(DebugText(item));
  return io::StrCat("List([", io::Join(items, ", "), "])");
}

std::string_view ArrowName(const DataType& type) {
  switch (type.id) {
    case TypeId::kUtf8:
      return "Utf8";
    case TypeId::kBool:
      return "Boolean";
    case TypeId::kInt32:
      return "Int32";
    case TypeId::kInt64:
      return "Int64";
    case TypeId::kUint32:
      return "UInt32";
    case TypeId::kUint64:
      return "UInt64";
    case TypeId::kFloat32:
      return "Float32";
    case TypeId::kFloat64:
      return "Float64";
    case TypeId::kDate32:
      return "Date32";
    case TypeId::kDate64:
      return "Date64";
    case TypeId::kList:
      return "List";
    case TypeId::kFixedSizeList:
      return "FixedSizeList";
    default:
      return "Struct";
  }
}

// What a range error calls the value: "integer value", "list value", "vector element".
struct Subject {
  std::string_view integer = "integer value";
  std::string_view number = "float value";
};

template <typename T>
absl::StatusOr<bool> AppendInteger(const Literal& literal, const DataType& type,
                                   std::string_view subject, format::ArrayBuilder& builder) {
  if (literal.kind != LiteralKind::kInteger) return false;
  if (!std::in_range<T>(literal.integer)) {
    return Refusal(
        io::StrCat(subject, " ", literal.integer, " exceeds ", ArrowName(type), " range"));
  }
  static_cast<format::FixedBuilder<T>&>(builder).Append(static_cast<T>(literal.integer));
  return true;
}

template <typename T>
absl::StatusOr<bool> AppendFloat(const Literal& literal, bool takes_integers,
                                 std::string_view subject, format::ArrayBuilder& builder) {
  const bool is_integer = literal.kind == LiteralKind::kInteger && takes_integers;
  if (literal.kind != LiteralKind::kFloat && !is_integer) return false;
  const double number = is_integer ? static_cast<double>(literal.integer) : literal.number;
  if (!std::isfinite(number)) {
    return Refusal(io::StrCat(subject, " ", expr::FloatText(number), " must be finite"));
  }
  const T narrowed = static_cast<T>(number);
  if (!std::isfinite(narrowed)) {
    return Refusal(io::StrCat(subject, " ", expr::FloatText(number), " exceeds Float32 range"));
  }
  static_cast<format::FixedBuilder<T>&>(builder).Append(narrowed);
  return true;
}

// Appends a scalar; false if the literal is of another kind than the type.
absl::StatusOr<bool> AppendScalar(const Literal& literal, const DataType& type, bool in_list,
                                  format::ArrayBuilder& builder) {
  const Subject subject = in_list ? Subject{"list value", "list value"} : Subject{};
  switch (type.id) {
    case TypeId::kUtf8:
      if (literal.kind != LiteralKind::kString) return false;
      static_cast<format::StringBuilder&>(builder).Append(literal.text);
      return true;
    case TypeId::kBool:
      if (literal.kind != LiteralKind::kBool) return false;
      static_cast<format::BoolBuilder&>(builder).Append(literal.flag);
      return true;
    case TypeId::kInt32:
      return AppendInteger<int32_t>(literal, type, subject.integer, builder);
    case TypeId::kInt64:
      return AppendInteger<int64_t>(literal, type, subject.integer, builder);
    case TypeId::kUint32:
      return AppendInteger<uint32_t>(literal, type, subject.integer, builder);
    case TypeId::kUint64:
      return AppendInteger<uint64_t>(literal, type, subject.integer, builder);
    case TypeId::kFloat32:
      return AppendFloat<float>(literal, in_list, subject.number, builder);
    case TypeId::kFloat64:
      return AppendFloat<double>(literal, in_list, subject.number, builder);
    case TypeId::kDate32: {
      if (literal.kind != LiteralKind::kDate) return false;
      const std::optional<int32_t> days = expr::ParseDate(literal.text);
      if (!days) return Refusal(io::StrCat("invalid Date literal '", literal.text, "'"));
      static_cast<format::FixedBuilder<int32_t>&>(builder).Append(*days);
      return true;
    }
    case TypeId::kDate64: {
      if (literal.kind != LiteralKind::kDateTime) return false;
      const std::optional<int64_t> ms = expr::ParseDateTime(literal.text);
      if (!ms) return Refusal(io::StrCat("invalid DateTime literal '", literal.text, "'"));
      static_cast<format::FixedBuilder<int64_t>&>(builder).Append(*ms);
      return true;
    }
    default:
      return false;
  }
}

absl::Status AppendVector(const Literal& literal, const DataType& type,
                          format::ListBuilder& builder) {
  if (literal.items.size() != static_cast<size_t>(type.list_size)) {
    return Refusal(io::StrCat("vector property expects ", type.list_size, " dimensions, got ",
                              literal.items.size()));
  }
  for (const Literal& item : literal.items) {
    OG_ASSIGN_OR_RETURN(const bool fits,
                        AppendFloat<float>(item, true, "vector element", builder.items()));
    if (!fits) return Refusal("vector elements must be numeric");
  }
  builder.Append();
  return absl::OkStatus();
}

absl::Status AppendList(const Literal& literal, const DataType& type,
                        format::ListBuilder& builder) {
  for (const Literal& item : literal.items) {
    OG_ASSIGN_OR_RETURN(const bool fits,
                        AppendScalar(item, *type.children[0].type, true, builder.items()));
    if (!fits) builder.items().AppendNull();
  }
  builder.Append();
  return absl::OkStatus();
}

// The only value of `value`, `length` times.
format::ArrayPtr Repeated(format::ArrayPtr value, int64_t length) {
  if (length == 1) return value;
  return format::Take(*value, std::vector<int64_t>(static_cast<size_t>(length), 0));
}

}  // namespace

absl::StatusOr<format::ArrayPtr> LiteralColumn(const Literal& literal, const format::TypePtr& type,
                                               int64_t length) {
  if (literal.kind == LiteralKind::kNull) return format::NullArray(type, length);
  const std::unique_ptr<format::ArrayBuilder> builder = format::MakeBuilder(type);
  const bool is_list = literal.kind == LiteralKind::kList;
  if (is_list && type->id == TypeId::kFixedSizeList) {
    OG_RETURN_IF_ERROR(AppendVector(literal, *type, static_cast<format::ListBuilder&>(*builder)));
  } else if (is_list && type->id == TypeId::kList) {
    OG_RETURN_IF_ERROR(AppendList(literal, *type, static_cast<format::ListBuilder&>(*builder)));
  } else {
    OG_ASSIGN_OR_RETURN(const bool fits, AppendScalar(literal, *type, false, *builder));
    if (!fits) {
      return Refusal(io::StrCat("cannot convert ", DebugText(literal), " to ", ArrowName(*type)));
    }
  }
  return Repeated(builder->Finish(), length);
}

absl::StatusOr<format::ArrayPtr> BlobColumn(std::string_view text, const format::TypePtr& type,
                                            int64_t length) {
  format::StructBuilder blob(type);
  auto& data = static_cast<format::StringBuilder&>(blob.child(0));
  auto& uri = static_cast<format::StringBuilder&>(blob.child(1));
  if (text.starts_with(kManagedBlob)) {
    const auto bytes = io::DecodeBase64(text.substr(kManagedBlob.size()));
    if (!bytes) return Refusal("invalid base64 blob data");
    data.Append({reinterpret_cast<const char*>(bytes->data()), bytes->size()});
    uri.AppendNull();
  } else {
    data.AppendNull();
    uri.Append(text);
  }
  blob.Append();
  return Repeated(blob.Finish(), length);
}

format::ArrayPtr BlobColumnOf(const format::Array& contents, const format::TypePtr& type) {
  format::StructBuilder blob(type);
  auto& data = static_cast<format::StringBuilder&>(blob.child(0));
  for (int64_t i = 0; i < contents.length; ++i) {
    if (contents.IsNull(i)) {
      blob.AppendNull();
      continue;
    }
    data.Append(contents.StringValue(i));
    blob.child(1).AppendNull();
    blob.Append();
  }
  return blob.Finish();
}

}  // namespace og::engine::exec
