#include "engine/exec/batch_spill.h"

#include <numeric>
#include <span>
#include <string>
#include <utility>

#include "io/base/buffer.h"
#include "io/base/endian.h"
#include "io/base/status.h"
#include "io/base/status_macros.h"

namespace og::engine::exec {
namespace {

using format::Array;
using format::ArrayPtr;
using format::DataType;
using format::TypeId;
using format::TypePtr;

constexpr size_t kAlignment = 8;

// Columns come and go with the buffers of their type: offsets, values, both or none.
bool HasOffsets(const DataType& type) {
  return type.is_variable() || type.is_list();
}
bool HasValues(const DataType& type) {
  return type.is_variable() || type.bit_width() != 0 || type.id == TypeId::kFixedSizeBinary;
}

void AppendNumber(uint64_t value, std::string& out) {
  for (size_t byte = 0; byte < sizeof(value); ++byte)
    out += static_cast<char>(value >> (8 * byte));
}

void AppendBuffer(const io::Buffer& buffer, std::string& out) {
  AppendNumber(buffer.size(), out);
  out += buffer.view();
  out.resize((out.size() + kAlignment - 1) / kAlignment * kAlignment);
}

void AppendArray(const ArrayPtr& source, std::string& out) {
  ArrayPtr array = DecodeDictionary(source);
  if (array->offset != 0) {
    std::vector<int64_t> all(static_cast<size_t>(array->length));
    std::iota(all.begin(), all.end(), 0);
    array = Take(*array, all);
  }
  AppendNumber(static_cast<uint64_t>(array->length), out);
  AppendNumber(static_cast<uint64_t>(array->null_count), out);
  AppendBuffer(array->validity, out);
  if (HasOffsets(*array->type)) AppendBuffer(array->offsets, out);
  if (HasValues(*array->type)) AppendBuffer(array->values, out);
  for (const ArrayPtr& child : array->children)
    AppendArray(child, out);
}

class Reader {
 public:
  explicit Reader(io::Buffer bytes) : bytes_(std::move(bytes)) {}

  ArrayPtr TakeArray(const TypePtr& type) {
    auto array = std::make_shared<Array>();
    array->type = type;
    array->length = static_cast<int64_t>(TakeNumber());
    array->null_count = static_cast<int64_t>(TakeNumber());
    array->validity = TakeBuffer();
    if (HasOffsets(*type)) array->offsets = TakeBuffer();
    if (HasValues(*type)) array->values = TakeBuffer();
    for (const format::Field& child : type->children)
      array->children.push_back(TakeArray(child.type));
    return array;
  }

 private:
  uint64_t TakeNumber() {
    const auto number = io::LoadLe<uint64_t>(bytes_.data() + at_);
    at_ += sizeof(number);
    return number;
  }
  io::Buffer TakeBuffer() {
    const uint64_t size = TakeNumber();
    io::Buffer buffer = size == 0 ? io::Buffer() : bytes_.Slice(at_, size);
    at_ += (size + kAlignment - 1) / kAlignment * kAlignment;
    return buffer;
  }

  io::Buffer bytes_;
  size_t at_ = 0;
};

// What a column is written as.
TypePtr Decoded(const TypePtr& type) {
  return type->id == TypeId::kDictionary ? Decoded(type->value_type) : type;
}

}  // namespace

absl::StatusOr<std::unique_ptr<BatchSpill>> BatchSpill::Create(format::SchemaPtr schema) {
  OG_ASSIGN_OR_RETURN(std::unique_ptr<io::SpillFile> file, io::SpillFile::Create());
  return std::unique_ptr<BatchSpill>(new BatchSpill(std::move(schema), std::move(file)));
}

absl::Status BatchSpill::Append(const format::RecordBatch& batch) {
  std::string bytes;
  for (size_t i = 0; i < batch.columns.size(); ++i) {
    AppendArray(batch.columns[i], bytes);
    if (batch.columns[i]->null_count != 0) has_null_[i] = true;
  }
  OG_ASSIGN_OR_RETURN(const uint64_t offset,
                      file_->Append(std::as_bytes(std::span(bytes.data(), bytes.size()))));
  places_.push_back({offset, bytes.size(), batch.num_rows});
  num_rows_ += static_cast<uint64_t>(batch.num_rows);
  return absl::OkStatus();
}

absl::StatusOr<format::RecordBatch> BatchSpill::Read(size_t batch) const {
  const Place& place = places_[batch];
  io::MutableBuffer bytes(place.size);
  OG_RETURN_IF_ERROR(file_->Read(place.offset, bytes.span()));
  Reader reader(std::move(bytes).Share());
  format::RecordBatch read{schema_, place.num_rows, {}};
  for (const format::Field& field : schema_->fields)
    read.columns.push_back(reader.TakeArray(Decoded(field.type)));
  return read;
}

}  // namespace og::engine::exec
