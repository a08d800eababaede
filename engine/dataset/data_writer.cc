#include "engine/dataset/data_writer.h"

#include <algorithm>
#include <array>
#include <numeric>

#include "engine/dataset/json_columns.h"
#include "engine/expr/expr.h"
#include "format/arrow/builder.h"
#include "format/file/footer.h"
#include "io/base/bits.h"
#include "io/base/status.h"
#include "io/base/status_macros.h"
#include "io/base/text.h"

namespace og::engine::dataset {
namespace {

using format::Array;
using format::ArrayPtr;
using format::TypeId;

// A fresh name: a version 4 UUID, its first three bytes in binary digits and the others in
// hexadecimal ones.
std::string DataFileName(io::Env& env) {
  std::array<std::byte, 16> uuid{};
  env.FillRandom(uuid);
  uuid[6] = (uuid[6] & std::byte{0x0f}) | std::byte{0x40};
  uuid[8] = (uuid[8] & std::byte{0x3f}) | std::byte{0x80};
  std::string name;
  for (size_t i = 0; i < 3; ++i) {
    for (int bit = 7; bit >= 0; --bit) {
      name += ((static_cast<unsigned>(uuid[i]) >> bit) & 1u) != 0 ? '1' : '0';
    }
  }
  return name + io::HexBytes(std::span(uuid).subspan(3)) + ".lance";
}

// `array` as `type`: equal up to names, nullability and metadata of list items, or a dictionary of
// the wanted values. kInvalidArgument if it is something else.
absl::StatusOr<ArrayPtr> ConformArray(const ArrayPtr& array, const format::TypePtr& type,
                                      std::string_view name) {
  const format::DataType& from = *array->type;
  if (from == *type) {
    return array;
  }
  const auto mismatch = [&] {
    return io::InvalidArgumentError(
        io::StrCat("column ", name, " is ", from.ToString(), ", the table has ", type->ToString()));
  };
  if (from.id == TypeId::kNull) {
    return format::NullArray(type, array->length);
  }
  if (from.id == TypeId::kDictionary && type->id != TypeId::kDictionary) {
    OG_ASSIGN_OR_RETURN(const ArrayPtr plain, expr::Cast(array, from.value_type));
    return ConformArray(plain, type, name);
  }
  if (from.id != type->id || from.children.empty() || from.list_size != type->list_size) {
    return mismatch();
  }
  auto result = std::make_shared<Array>(*array);
  result->type = type;
  if (from.id != TypeId::kStruct) {
    OG_ASSIGN_OR_RETURN(result->children[0],
                        ConformArray(array->children[0], type->children[0].type, name));
    return result;
  }
  // Members by name; one that is missing is null.
  result->children.clear();
  size_t num_found = 0;
  for (const format::Field& member : type->children) {
    const auto found = std::ranges::find(from.children, member.name, &format::Field::name);
    if (found == from.children.end()) {
      if (!member.nullable) {
        return mismatch();
      }
      result->children.push_back(format::NullArray(member.type, array->offset + array->length));
      continue;
    }
    ++num_found;
    const auto at = static_cast<size_t>(found - from.children.begin());
    OG_ASSIGN_OR_RETURN(ArrayPtr child, ConformArray(array->children[at], member.type, name));
    result->children.push_back(std::move(child));
  }
  if (num_found != from.children.size()) {
    return mismatch();
  }
  return result;
}

// Whether a member at any depth is null where it may not be, its parents not being null. `rows`
// are positions in `array` whose parents are not null.
absl::Status CheckMembers(const Array& array, std::span<const int64_t> rows,
                          const std::string& path) {
  const format::DataType& type = *array.type;
  if (type.id != TypeId::kStruct) {
    return absl::OkStatus();
  }
  std::vector<int64_t> valid;
  for (const int64_t row : rows) {
    if (array.IsValid(row)) {
      valid.push_back(array.offset + row);
    }
  }
  for (size_t i = 0; i < type.children.size(); ++i) {
    const Array& child = *array.children[i];
    const std::string child_path = io::StrCat(path, ".", type.children[i].name);
    if (!type.children[i].nullable && child.null_count > 0 &&
        std::ranges::any_of(valid, [&](int64_t row) { return child.IsNull(row); })) {
      return io::InvalidArgumentError(io::StrCat("column ", child_path, " must not be null"));
    }
    OG_RETURN_IF_ERROR(CheckMembers(child, valid, child_path));
  }
  return absl::OkStatus();
}

// Whether a struct below `type` has members that may not be null.
bool HasRequiredMembers(const format::DataType& type) {
  return type.id == TypeId::kStruct &&
         std::ranges::any_of(type.children, [](const format::Field& member) {
           return !member.nullable || HasRequiredMembers(*member.type);
         });
}

// `bytes` with 64-bit offsets.
ArrayPtr LargeBinaryOf(const ArrayPtr& bytes) {
  if (bytes->type->id == TypeId::kLargeBinary) {
    return bytes;
  }
  format::StringBuilder builder(format::LargeBinary());
  for (int64_t i = 0; i < bytes->length; ++i) {
    if (bytes->IsNull(i)) {
      builder.AppendNull();
    } else {
      builder.Append(bytes->StringValue(i));
    }
  }
  return builder.Finish();
}

// Whether `type` has the members of a blob that is a part of an object elsewhere.
bool HasRange(const format::DataType& type) {
  return type.id == TypeId::kStruct &&
         std::ranges::any_of(type.children, [](const format::Field& member) {
           return member.name == "position" && member.type->id == TypeId::kUint64;
         });
}

// A blob column as `type`, struct{data, uri, ...}: from its contents as bytes, or from a struct
// with some of the members; one with a range keeps its own type. kInvalidArgument for anything
// else.
absl::StatusOr<ArrayPtr> ConformBlob(const Array& array, format::TypePtr type,
                                     std::string_view name) {
  if (HasRange(*array.type)) {
    type = array.type;
  }
  if (!array.type->is_variable() && array.type->id != TypeId::kStruct) {
    return io::InvalidArgumentError(io::StrCat("column ", name,
                                               " is a blob: bytes or struct{data, "
                                               "uri}, not ",
                                               array.type->ToString()));
  }
  auto result = std::make_shared<Array>();
  result->type = type;
  result->length = array.length;
  if (array.null_count > 0) {
    const auto length = static_cast<size_t>(array.length);
    io::MutableBuffer validity(io::BytesForBits(length));
    std::ranges::fill(validity.span(), std::byte{0});
    io::CopyBits(array.validity.data(), static_cast<size_t>(array.offset), validity.data(), 0,
                 length);
    result->validity = std::move(validity).Share();
    result->null_count = array.null_count;
  }
  for (const format::Field& member : type->children) {
    ArrayPtr values;
    if (array.type->is_variable()) {
      values = member.name == "data" ? std::make_shared<Array>(array) : nullptr;
    } else {
      for (size_t i = 0; i < array.children.size(); ++i) {
        if (array.type->children[i].name == member.name) {
          values = format::Slice(array.children[i], array.offset, array.length);
        }
      }
    }
    if (values == nullptr) {
      values = format::NullArray(member.type, array.length);
    } else if (member.name == "data" && values->type->is_variable()) {
      values = LargeBinaryOf(values);
    }
    if (!(*values->type == *member.type)) {
      return io::InvalidArgumentError(io::StrCat("column ", name, ".", member.name, " is ",
                                                 values->type->ToString(), ", not ",
                                                 member.type->ToString()));
    }
    result->children.push_back(std::move(values));
  }
  return result;
}

}  // namespace

absl::StatusOr<format::FileVersion> WritableVersion(std::string_view text) {
  if (text == "2.0") {
    return format::FileVersion::kV2_0;
  }
  if (text == "2.1") {
    return format::FileVersion::kV2_1;
  }
  if (text == "2.2") {
    return format::FileVersion::kV2_2;
  }
  return io::UnimplementedError(io::StrCat("writing data files of version ", text));
}

absl::StatusOr<std::unique_ptr<DataWriter>> DataWriter::Open(
    io::Env& env, const io::Location& root, std::shared_ptr<const format::LanceSchema> schema,
    std::string_view file_version, const WriteOptions& options) {
  std::unique_ptr<DataWriter> writer(new DataWriter());
  writer->env_ = &env;
  writer->root_ = root;
  OG_ASSIGN_OR_RETURN(writer->version_, WritableVersion(file_version));
  OG_ASSIGN_OR_RETURN(writer->arrow_, format::ToArrow(*schema));
  writer->schema_ = std::move(schema);
  if (options.max_rows_per_file == 0) {
    return io::InvalidArgumentError("max_rows_per_file is 0");
  }
  writer->max_rows_per_file_ = options.max_rows_per_file;
  writer->max_bytes_per_file_ = options.max_bytes_per_file;
  return writer;
}

DataWriter::~DataWriter() {
  if (finished_) {
    return;
  }
  file_.reset();
  for (const std::string& file : written_.files) {
    root_.store->Delete(file).IgnoreError();
  }
}

absl::Status DataWriter::StartFile() {
  file_name_ = DataFileName(*env_);
  const io::Location location = root_.Child(io::StrCat("data/", file_name_));
  format::WriterOptions options;
  options.version = version_;
  options.pool = &env_->pool();
  OG_ASSIGN_OR_RETURN(file_, format::FileWriter::Open(location, *schema_, options));
  return absl::OkStatus();
}

absl::Status DataWriter::FinishFile() {
  if (file_ == nullptr) {
    return absl::OkStatus();
  }
  OG_ASSIGN_OR_RETURN(format::FileSummary summary, file_->Finish());
  file_.reset();
  written_.files.insert(written_.files.end(), summary.sidecar_paths.begin(),
                        summary.sidecar_paths.end());
  format::DataFile file;
  file.path = file_name_;
  file.fields = std::move(summary.field_ids);
  file.column_indices = std::move(summary.column_indices);
  file.major_version = 2;
  file.minor_version = version_ == format::FileVersion::kV2_0   ? 0
                       : version_ == format::FileVersion::kV2_1 ? 1
                                                                : 2;
  file.size_bytes = summary.size_bytes;
  format::Fragment fragment;
  fragment.physical_rows = summary.num_rows;
  fragment.files.push_back(std::move(file));
  written_.fragments.push_back(std::move(fragment));
  written_.files.push_back(root_.Child(io::StrCat("data/", file_name_)).path);
  written_.num_rows += summary.num_rows;
  written_.num_bytes += summary.size_bytes;
  return absl::OkStatus();
}

absl::StatusOr<format::RecordBatch> DataWriter::Conform(const format::RecordBatch& batch) const {
  for (const format::Field& field : batch.schema->fields) {
    if (!arrow_->IndexOf(field.name)) {
      return io::InvalidArgumentError(io::StrCat("the table has no column ", field.name));
    }
  }
  format::RecordBatch conformed{.schema = arrow_, .num_rows = batch.num_rows, .columns = {}};
  for (size_t i = 0; i < arrow_->fields.size(); ++i) {
    const format::Field& field = arrow_->fields[i];
    ArrayPtr column = batch.Column(field.name);
    if (column == nullptr) {
      column = format::NullArray(field.type, batch.num_rows);
    } else if (schema_->fields[i].is_blob_v2()) {
      OG_ASSIGN_OR_RETURN(column, ConformBlob(*column, field.type, field.name));
    } else {
      OG_ASSIGN_OR_RETURN(column, WithStoredJson(column, schema_->fields[i]));
      OG_ASSIGN_OR_RETURN(column, ConformArray(column, field.type, field.name));
    }
    if (!field.nullable && column->null_count > 0) {
      return io::InvalidArgumentError(io::StrCat("column ", field.name, " must not be null, ",
                                                 column->null_count, " values are"));
    }
    // Version 2.0 does not store that a struct is null: its members come back as nulls.
    if (HasRequiredMembers(*field.type) && version_ != format::FileVersion::kV2_0) {
      std::vector<int64_t> rows(static_cast<size_t>(batch.num_rows));
      std::iota(rows.begin(), rows.end(), 0);
      OG_RETURN_IF_ERROR(CheckMembers(*column, rows, field.name));
    }
    conformed.columns.push_back(std::move(column));
  }
  return conformed;
}

absl::Status DataWriter::Write(const format::RecordBatch& batch) {
  OG_ASSIGN_OR_RETURN(const format::RecordBatch rows, Conform(batch));
  for (int64_t at = 0; at < rows.num_rows;) {
    if (file_ == nullptr) {
      OG_RETURN_IF_ERROR(StartFile());
    }
    const auto room = static_cast<int64_t>(max_rows_per_file_ - file_->num_rows());
    const int64_t count = std::min(room, rows.num_rows - at);
    OG_RETURN_IF_ERROR(file_->Write(format::Slice(rows, at, count)));
    at += count;
    if (file_->num_rows() == max_rows_per_file_ ||
        file_->bytes_written() + file_->bytes_buffered() >= max_bytes_per_file_) {
      OG_RETURN_IF_ERROR(FinishFile());
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<DataWriter::Written> DataWriter::Finish() {
  OG_RETURN_IF_ERROR(FinishFile());
  finished_ = true;
  return std::move(written_);
}

}  // namespace og::engine::dataset
