#include "cli/render/value.h"

#include <charconv>
#include <cmath>
#include <string_view>

#include "engine/expr/text.h"
#include "io/base/json_writer.h"

namespace og::cli {
namespace {

using format::Array;
using format::TypeId;

template <typename T>
void AppendInteger(T value, std::string& out) {
  char digits[24];
  const auto end = std::to_chars(digits, digits + sizeof(digits), value).ptr;
  out.append(digits, end);
}

void AppendFloat(double value, std::string& out) {
  if (std::isnan(value)) {
    out += "\"NaN\"";
  } else if (std::isinf(value)) {
    out += value > 0 ? "\"Infinity\"" : "\"-Infinity\"";
  } else {
    io::AppendJsonFloat(out, value);
  }
}

void AppendList(const Array& array, int64_t i, std::string& out) {
  out += '[';
  const int64_t begin = array.OffsetAt(i);
  const int64_t end = array.OffsetAt(i + 1);
  for (int64_t at = begin; at < end; ++at) {
    out += at == begin ? "" : ",";
    AppendJsonValue(*array.children.front(), at, out);
  }
  out += ']';
}

void AppendVector(const Array& array, int64_t i, std::string& out) {
  const Array& items = *array.children.front();
  const int64_t size = array.type->list_size;
  const int64_t begin = (array.offset + i) * size;
  out += '[';
  for (int64_t at = begin; at < begin + size; ++at) {
    out += at == begin ? "" : ",";
    if (items.IsValid(at) && std::isfinite(items.Value<float>(at))) {
      io::AppendJsonFloat(out, static_cast<double>(items.Value<float>(at)));
    } else {
      out += "null";
    }
  }
  out += ']';
}

}  // namespace

void AppendJsonValue(const Array& array, int64_t i, std::string& out) {
  if (array.IsNull(i)) {
    out += "null";
    return;
  }
  switch (array.type->id) {
    case TypeId::kBool:
      out += array.BoolValue(i) ? "true" : "false";
      break;
    case TypeId::kInt32:
      AppendInteger(array.Value<int32_t>(i), out);
      break;
    case TypeId::kUint32:
      AppendInteger(array.Value<uint32_t>(i), out);
      break;
    case TypeId::kInt64:
      AppendInteger(array.Value<int64_t>(i), out);
      break;
    case TypeId::kUint64:
      AppendInteger(array.Value<uint64_t>(i), out);
      break;
    case TypeId::kFloat32:
      AppendFloat(static_cast<double>(array.Value<float>(i)), out);
      break;
    case TypeId::kFloat64:
      AppendFloat(array.Value<double>(i), out);
      break;
    case TypeId::kDate32:
      io::AppendJsonString(out, engine::expr::FormatDate(array.Value<int32_t>(i)));
      break;
    case TypeId::kDate64:
      io::AppendJsonString(out, engine::expr::FormatDateTime(array.Value<int64_t>(i)));
      break;
    case TypeId::kUtf8:
    case TypeId::kLargeUtf8:
      io::AppendJsonString(out, array.StringValue(i));
      break;
    case TypeId::kList:
    case TypeId::kLargeList:
      AppendList(array, i, out);
      break;
    case TypeId::kFixedSizeList:
      AppendVector(array, i, out);
      break;
    case TypeId::kDictionary:
      AppendJsonValue(*array.dictionary, format::DictionaryIndex(array, i), out);
      break;
    default:
      out += "null";
      break;
  }
}

void AppendCellText(const Array& array, int64_t i, std::string& out) {
  if (array.IsValid(i)) {
    switch (array.type->id) {
      case TypeId::kUtf8:
      case TypeId::kLargeUtf8:
        out += array.StringValue(i);
        return;
      case TypeId::kDate32:
        out += engine::expr::FormatDate(array.Value<int32_t>(i));
        return;
      case TypeId::kDate64:
        out += engine::expr::FormatDateTime(array.Value<int64_t>(i));
        return;
      case TypeId::kDictionary:
        AppendCellText(*array.dictionary, format::DictionaryIndex(array, i), out);
        return;
      default:
        break;
    }
  }
  const size_t start = out.size();
  AppendJsonValue(array, i, out);
  // "NaN" and the infinities are strings in JSON only.
  if (out[start] == '"') {
    out.erase(start, 1);
    out.pop_back();
  }
}

}  // namespace og::cli
