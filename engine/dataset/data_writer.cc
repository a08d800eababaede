#include "engine/dataset/data_writer.h"

#include <algorithm>
#include <array>

#include "engine/dataset/blob_sink.h"
#include "engine/expr/expr.h"
#include "format/file/footer.h"
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
  if (from.id != type->id || from.children.size() != type->children.size() ||
      from.children.empty() || from.list_size != type->list_size) {
    return mismatch();
  }
  auto result = std::make_shared<Array>(*array);
  result->type = type;
  for (size_t i = 0; i < from.children.size(); ++i) {
    if (from.id == TypeId::kStruct && from.children[i].name != type->children[i].name) {
      return mismatch();
    }
    OG_ASSIGN_OR_RETURN(result->children[i],
                        ConformArray(array->children[i], type->children[i].type, name));
  }
  return result;
}

}  // namespace

absl::StatusOr<format::FileVersion> WritableVersion(std::string_view text) {
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
  writer->has_blobs_ = std::ranges::any_of(schema->fields, &format::LanceField::is_blob_v2);
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
  if (blobs_ != nullptr) {
    if (auto sidecars = blobs_->Finish(); sidecars.ok()) {
      written_.files.insert(written_.files.end(), sidecars->begin(), sidecars->end());
    }
  }
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
  if (has_blobs_) {
    blobs_ = std::make_unique<BlobSink>(location);
  }
  return absl::OkStatus();
}

absl::Status DataWriter::FinishFile() {
  if (file_ == nullptr) {
    return absl::OkStatus();
  }
  if (blobs_ != nullptr) {
    OG_ASSIGN_OR_RETURN(const std::vector<std::string> sidecars, blobs_->Finish());
    written_.files.insert(written_.files.end(), sidecars.begin(), sidecars.end());
    blobs_.reset();
  }
  OG_ASSIGN_OR_RETURN(format::FileSummary summary, file_->Finish());
  file_.reset();
  format::DataFile file;
  file.path = file_name_;
  file.fields = std::move(summary.field_ids);
  file.column_indices = std::move(summary.column_indices);
  file.major_version = 2;
  file.minor_version = version_ == format::FileVersion::kV2_1 ? 1 : 2;
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
    } else if (!schema_->fields[i].is_blob_v2()) {
      OG_ASSIGN_OR_RETURN(column, ConformArray(column, field.type, field.name));
    }
    if (!field.nullable && column->null_count > 0) {
      return io::InvalidArgumentError(io::StrCat("column ", field.name, " must not be null, ",
                                                 column->null_count, " values are"));
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
    format::RecordBatch part = format::Slice(rows, at, count);
    for (size_t i = 0; blobs_ != nullptr && i < schema_->fields.size(); ++i) {
      if (schema_->fields[i].is_blob_v2()) {
        OG_ASSIGN_OR_RETURN(part.columns[i], blobs_->Write(*part.columns[i]));
      }
    }
    OG_RETURN_IF_ERROR(file_->Write(part));
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
