#include "format/tabular/csv_write.h"

#include <charconv>
#include <cmath>
#include <string>
#include <utility>

#include "format/arrow/half.h"
#include "format/arrow/json.h"
#include "format/arrow/time_text.h"
#include "format/tabular/csv_cells.h"

namespace og::format {
namespace {

template <typename T>
void AppendFloat(T value, std::string& out) {
  if (std::isnan(value)) {
    out += "NaN";
  } else if (std::isinf(value)) {
    out += value < 0 ? "-Infinity" : "Infinity";
  } else {
    char digits[32];
    out.append(digits, std::to_chars(digits, digits + sizeof(digits), value).ptr);
  }
}

// The contents of the JSON string that AppendJsonValue writes for a decimal or for bytes: no
// character of theirs is escaped.
void AppendUnquotedJson(const Array& array, int64_t i, std::string& out) {
  std::string text;
  AppendJsonValue(array, i, text);
  out.append(text, 1, text.size() - 2);
}

// The text of value i, which is not null, before quoting.
void AppendCellText(const Array& array, int64_t i, std::string& out) {
  switch (array.type->id) {
    case TypeId::kUtf8:
    case TypeId::kLargeUtf8:
      out += array.StringValue(i);
      return;
    case TypeId::kFloat16:
      return AppendFloat(HalfToFloat(array.Value<uint16_t>(i)), out);
    case TypeId::kFloat32:
      return AppendFloat(array.Value<float>(i), out);
    case TypeId::kFloat64:
      return AppendFloat(array.Value<double>(i), out);
    case TypeId::kDate32:
    case TypeId::kTime32:
      return AppendTimeText(*array.type, array.Value<int32_t>(i), out);
    case TypeId::kDate64:
    case TypeId::kTime64:
    case TypeId::kTimestamp:
      return AppendTimeText(*array.type, array.Value<int64_t>(i), out);
    case TypeId::kDecimal128:
    case TypeId::kDecimal256:
    case TypeId::kBinary:
    case TypeId::kLargeBinary:
    case TypeId::kFixedSizeBinary:
      return AppendUnquotedJson(array, i, out);
    case TypeId::kDictionary:
      return AppendCellText(*array.dictionary, DictionaryIndex(array, i), out);
    default:
      return AppendJsonValue(array, i, out);
  }
}

class CsvWriter final : public TabularWriter {
 public:
  CsvWriter(SchemaPtr schema, CsvOptions options)
      : schema_(std::move(schema)),
        options_(std::move(options)),
        specials_{'"', '\n', '\r', options_.delimiter} {}

  void Append(const RecordBatch& batch, std::string& out) override {
    Begin(out);
    for (int64_t row = 0; row < batch.num_rows; ++row) {
      for (size_t column = 0; column < batch.columns.size(); ++column) {
        if (column != 0) out += options_.delimiter;
        AppendCell(*batch.columns[column], row, out);
      }
      out += '\n';
    }
  }

  void Finish(std::string& out) override { Begin(out); }

 private:
  void Begin(std::string& out) {
    if (std::exchange(begun_, true) || !options_.has_header) return;
    for (size_t i = 0; i < schema_->fields.size(); ++i) {
      if (i != 0) out += options_.delimiter;
      AppendQuotedIfNeeded(schema_->fields[i].name, out);
    }
    out += '\n';
  }

  void AppendCell(const Array& array, int64_t i, std::string& out) {
    const bool is_coded = array.type->id == TypeId::kDictionary;
    const bool is_null =
        array.IsNull(i) || (is_coded && array.dictionary->IsNull(DictionaryIndex(array, i)));
    if (is_null) {
      out += options_.null_text;
      return;
    }
    cell_.clear();
    AppendCellText(array, i, cell_);
    if (HasEmptyCsvValues(*array.type) && (cell_.empty() || cell_ == options_.null_text)) {
      AppendQuoted(cell_, out);
    } else {
      AppendQuotedIfNeeded(cell_, out);
    }
  }

  void AppendQuotedIfNeeded(std::string_view text, std::string& out) {
    if (text.find_first_of({specials_, sizeof(specials_)}) == std::string_view::npos) {
      out += text;
    } else {
      AppendQuoted(text, out);
    }
  }

  static void AppendQuoted(std::string_view text, std::string& out) {
    out += '"';
    for (const char c : text) {
      if (c == '"') out += '"';
      out += c;
    }
    out += '"';
  }

  const SchemaPtr schema_;
  const CsvOptions options_;
  const char specials_[4];
  std::string cell_;
  bool begun_ = false;
};

}  // namespace

std::unique_ptr<TabularWriter> MakeCsvWriter(SchemaPtr schema, const CsvOptions& options) {
  return std::make_unique<CsvWriter>(std::move(schema), options);
}

}  // namespace og::format
