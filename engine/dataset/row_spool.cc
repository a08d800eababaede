#include "engine/dataset/row_spool.h"

#include <algorithm>
#include <numeric>
#include <optional>
#include <utility>

#include "io/base/buffer.h"
#include "io/base/endian.h"
#include "io/base/status_macros.h"
#include "io/base/text.h"

namespace og::engine::dataset {
namespace {

using format::Array;
using format::ArrayPtr;
using format::RecordBatch;
using format::SchemaPtr;
using format::TypePtr;

// Bytes that a spilling spool collects before it writes them.
constexpr size_t kSpillBytes = size_t{256} << 10;
constexpr uint64_t kReserveStep = uint64_t{64} << 10;

// --- Batches as bytes, read back by this process only --------------------------------------------
//
// A batch: u64 rows, then each column in pre-order: u64 length, u64
// null count, and validity, offsets, values as u64 length and bytes; then its children, or its
// dictionary.

// `array` without an offset and without dictionaries, so that its buffers stand for themselves.
ArrayPtr Plain(const ArrayPtr& array) {
  const ArrayPtr decoded = DecodeDictionary(array);
  std::vector<int64_t> all(static_cast<size_t>(decoded->length));
  std::iota(all.begin(), all.end(), 0);
  return Take(*decoded, all);
}

void AppendWord(uint64_t value, std::string& out) {
  const size_t at = out.size();
  out.resize(at + sizeof(value));
  io::StoreLe(reinterpret_cast<std::byte*>(out.data()) + at, value);
}

void AppendBuffer(const io::Buffer& buffer, std::string& out) {
  AppendWord(buffer.size(), out);
  out += buffer.view();
}

void AppendArray(const Array& array, std::string& out) {
  AppendWord(static_cast<uint64_t>(array.length), out);
  AppendWord(static_cast<uint64_t>(array.null_count), out);
  AppendBuffer(array.validity, out);
  AppendBuffer(array.offsets, out);
  AppendBuffer(array.values, out);
  for (const ArrayPtr& child : array.children) {
    AppendArray(*child, out);
  }
  if (array.type->id == format::TypeId::kDictionary) {
    AppendArray(*Plain(array.dictionary), out);
  }
}

// Reads what AppendArray() wrote.
class BytesReader {
 public:
  explicit BytesReader(io::Buffer bytes) : bytes_(std::move(bytes)) {}

  uint64_t Word() {
    const auto value = io::LoadLe<uint64_t>(bytes_.data() + at_);
    at_ += sizeof(value);
    return value;
  }

  ArrayPtr ReadArray(const TypePtr& type) {
    auto array = std::make_shared<Array>();
    array->type = type;
    array->length = static_cast<int64_t>(Word());
    array->null_count = static_cast<int64_t>(Word());
    array->validity = ReadBuffer();
    array->offsets = ReadBuffer();
    array->values = ReadBuffer();
    for (const format::Field& child : type->children) {
      array->children.push_back(ReadArray(child.type));
    }
    if (type->id == format::TypeId::kDictionary) {
      array->dictionary = ReadArray(type->value_type);
    }
    return array;
  }

 private:
  // A copy, so that it is aligned.
  io::Buffer ReadBuffer() {
    const uint64_t size = Word();
    io::Buffer buffer =
        size == 0 ? io::Buffer() : io::Buffer::CopyOf(bytes_.view().substr(at_, size));
    at_ += size;
    return buffer;
  }

  const io::Buffer bytes_;
  size_t at_ = 0;
};

// The type of an array of `type` after Plain().
TypePtr PlainType(const TypePtr& type) {
  return type->id == format::TypeId::kDictionary ? type->value_type : type;
}

}  // namespace

class RowSpool::Reader final : public format::BatchStream {
 public:
  explicit Reader(const RowSpool& spool) : spool_(spool) {}

  const SchemaPtr& schema() const override { return spool_.schema_; }

  absl::StatusOr<std::optional<RecordBatch>> Next() override {
    if (spool_.spill_ == nullptr) {
      return next_ == spool_.held_.size() ? std::nullopt : std::optional(spool_.held_[next_++]);
    }
    if (next_ == spool_.offsets_.size()) {
      return std::nullopt;
    }
    const uint64_t offset = spool_.offsets_[next_];
    ++next_;
    const uint64_t end =
        next_ == spool_.offsets_.size() ? spool_.spill_->size() : spool_.offsets_[next_];
    io::MutableBuffer bytes(static_cast<size_t>(end - offset));
    OG_RETURN_IF_ERROR(spool_.spill_->Read(offset, bytes.span()));
    BytesReader reader(std::move(bytes).Share());
    RecordBatch batch{
        .schema = spool_.schema_, .num_rows = static_cast<int64_t>(reader.Word()), .columns = {}};
    for (const format::Field& field : spool_.schema_->fields) {
      batch.columns.push_back(reader.ReadArray(field.type));
    }
    return batch;
  }

 private:
  const RowSpool& spool_;
  size_t next_ = 0;
};

RowSpool::RowSpool(SchemaPtr schema, std::shared_ptr<io::MemoryBudget> budget, bool always_spills)
    : schema_([&] {
        auto plain = std::make_shared<format::Schema>(*schema);
        for (format::Field& field : plain->fields) {
          field.type = PlainType(field.type);
        }
        return plain;
      }()),
      budget_(std::move(budget)),
      always_spills_(always_spills) {}

absl::Status RowSpool::Add(RecordBatch batch) {
  if (batch.num_rows == 0) {
    return absl::OkStatus();
  }
  num_rows_ += static_cast<uint64_t>(batch.num_rows);
  batch.schema = schema_;
  for (ArrayPtr& column : batch.columns) {
    column = DecodeDictionary(column);
  }
  held_bytes_ += MemoryBytes(batch);
  held_.push_back(std::move(batch));
  if (spill_ != nullptr || always_spills_) {
    return held_bytes_ < kSpillBytes ? absl::OkStatus() : Spill();
  }
  if (held_bytes_ <= memory_.bytes()) {
    return absl::OkStatus();
  }
  const uint64_t wanted = (held_bytes_ / kReserveStep + 1) * kReserveStep;
  if (memory_.bytes() == 0) {
    absl::StatusOr<io::MemoryReservation> reserved = budget_->Reserve(wanted);
    if (reserved.ok()) {
      memory_ = *std::move(reserved);
      return absl::OkStatus();
    }
  } else if (memory_.Resize(wanted).ok()) {
    return absl::OkStatus();
  }
  return Spill();
}

absl::Status RowSpool::Spill() {
  if (spill_ == nullptr) {
    OG_ASSIGN_OR_RETURN(spill_, io::SpillFile::Create());
  }
  std::string bytes;
  for (const RecordBatch& batch : held_) {
    bytes.clear();
    AppendWord(static_cast<uint64_t>(batch.num_rows), bytes);
    for (const ArrayPtr& column : batch.columns) {
      AppendArray(*Plain(column), bytes);
    }
    OG_ASSIGN_OR_RETURN(const uint64_t offset, spill_->Append(io::AsBytes(bytes)));
    offsets_.push_back(offset);
  }
  held_.clear();
  held_bytes_ = 0;
  memory_.Release();
  return absl::OkStatus();
}

absl::Status RowSpool::Finish() {
  return (spill_ != nullptr || always_spills_) && !held_.empty() ? Spill() : absl::OkStatus();
}

std::unique_ptr<format::BatchStream> RowSpool::Read() const {
  return std::make_unique<Reader>(*this);
}

absl::StatusOr<std::unique_ptr<RowSpool>> SpoolAll(format::BatchStream& stream,
                                                   std::shared_ptr<io::MemoryBudget> budget) {
  auto spool = std::make_unique<RowSpool>(stream.schema(), std::move(budget));
  while (true) {
    OG_ASSIGN_OR_RETURN(std::optional<RecordBatch> batch, stream.Next());
    if (!batch) {
      break;
    }
    OG_RETURN_IF_ERROR(spool->Add(*std::move(batch)));
  }
  OG_RETURN_IF_ERROR(spool->Finish());
  return spool;
}

}  // namespace og::engine::dataset
