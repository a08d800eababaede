// Arrays and streams across the C Data and C Stream Interfaces.
#include <cerrno>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "format/arrow/c_data.h"
#include "io/base/status.h"
#include "io/base/status_macros.h"
#include "io/base/text.h"

namespace og::format {
namespace {

// Values beyond which an array is taken for damaged; products with widths stay far from wrapping.
constexpr int64_t kLengthMax = int64_t{1} << 40;

size_t Size(int64_t value) {
  return static_cast<size_t>(value);
}

// --- Out -----------------------------------------------------------------------------------------

struct ExportedArray {
  ArrayPtr array;                 // keeps the buffers
  std::vector<ArrayPtr> columns;  // of a batch
  std::vector<const void*> buffers;
  std::vector<ArrowArray> children;
  std::vector<ArrowArray*> child_pointers;
  ArrowArray dictionary{};
};

void ReleaseArray(ArrowArray* array) {
  auto* exported = static_cast<ExportedArray*>(array->private_data);
  for (ArrowArray& child : exported->children) {
    if (child.release != nullptr) child.release(&child);
  }
  if (exported->dictionary.release != nullptr) exported->dictionary.release(&exported->dictionary);
  delete exported;
  array->release = nullptr;
}

ArrowArray Finish(ExportedArray* exported, int64_t length, int64_t null_count, int64_t offset) {
  for (ArrowArray& child : exported->children)
    exported->child_pointers.push_back(&child);
  ArrowArray array{};
  array.length = length;
  array.null_count = null_count;
  array.offset = offset;
  array.n_buffers = std::ssize(exported->buffers);
  array.n_children = std::ssize(exported->children);
  array.buffers = exported->buffers.data();
  array.children = exported->child_pointers.data();
  array.dictionary = exported->dictionary.release != nullptr ? &exported->dictionary : nullptr;
  array.release = ReleaseArray;
  array.private_data = exported;
  return array;
}

// Consumers may insist on a pointer even to nothing.
const void* PointerTo(const io::Buffer& buffer) {
  static const int64_t kNothing = 0;
  return buffer.data() != nullptr ? static_cast<const void*>(buffer.data()) : &kNothing;
}

// Buffers behind the validity, in the interface's order: offsets, values.
bool HasOffsets(const DataType& type) {
  return type.is_variable() || type.is_list();
}
bool HasValues(const DataType& type) {
  return type.is_variable() || type.bit_width() != 0 || type.id == TypeId::kFixedSizeBinary;
}

struct ExportedStream {
  std::unique_ptr<BatchStream> stream;
  std::string last_error;
};

ExportedStream& StreamOf(ArrowArrayStream* stream) {
  return *static_cast<ExportedStream*>(stream->private_data);
}

int ErrnoOf(const absl::Status& status) {
  switch (status.code()) {
    case absl::StatusCode::kInvalidArgument:
      return EINVAL;
    case absl::StatusCode::kUnimplemented:
      return ENOSYS;
    case absl::StatusCode::kResourceExhausted:
      return ENOMEM;
    default:
      return EIO;
  }
}

int GetSchema(ArrowArrayStream* stream, ArrowSchema* out) {
  *out = ExportSchema(*StreamOf(stream).stream->schema());
  return 0;
}

int GetNext(ArrowArrayStream* stream, ArrowArray* out) {
  ExportedStream& exported = StreamOf(stream);
  absl::StatusOr<std::optional<RecordBatch>> batch = exported.stream->Next();
  if (!batch.ok()) {
    exported.last_error = io::Message(batch.status());
    return ErrnoOf(batch.status());
  }
  *out = batch->has_value() ? ExportBatch(**batch) : ArrowArray{};
  return 0;
}

const char* GetLastError(ArrowArrayStream* stream) {
  const std::string& error = StreamOf(stream).last_error;
  return error.empty() ? nullptr : error.c_str();
}

void ReleaseStream(ArrowArrayStream* stream) {
  delete static_cast<ExportedStream*>(stream->private_data);
  stream->release = nullptr;
}

// --- In ------------------------------------------------------------------------------------------

// Keeps a struct that was taken over until the last buffer is gone.
class ImportedArray {
 public:
  explicit ImportedArray(ArrowArray* array) : array_(*array) { array->release = nullptr; }
  ~ImportedArray() {
    if (array_.release != nullptr) array_.release(&array_);
  }
  ImportedArray(const ImportedArray&) = delete;
  ImportedArray& operator=(const ImportedArray&) = delete;
  const ArrowArray& array() const { return array_; }

 private:
  ArrowArray array_;
};

class ArrayReader {
 public:
  explicit ArrayReader(std::shared_ptr<const ImportedArray> owner) : owner_(std::move(owner)) {}

  absl::StatusOr<ArrayPtr> Read(const ArrowArray& from, const TypePtr& type, int depth) const {
    if (depth > kTypeDepthMax) {
      return io::InvalidArgumentError(io::StrCat("arrays are nested deeper than ", kTypeDepthMax));
    }
    OG_RETURN_IF_ERROR(CheckShape(from, *type));
    auto array = std::make_shared<Array>();
    array->type = type;
    array->length = from.length;
    array->offset = from.offset;
    if (type->id == TypeId::kNull) {
      array->null_count = from.length;
      return array;
    }
    OG_RETURN_IF_ERROR(ReadValidity(from, *array));
    int64_t buffer = 1;
    if (HasOffsets(*type)) {
      OG_RETURN_IF_ERROR(ReadOffsets(from, buffer++, *array));
    }
    if (HasValues(*type)) OG_RETURN_IF_ERROR(ReadValues(from, buffer, *array));
    for (int64_t i = 0; i < from.n_children; ++i) {
      OG_ASSIGN_OR_RETURN(ArrayPtr child,
                          Read(*from.children[i], type->children[Size(i)].type, depth + 1));
      array->children.push_back(std::move(child));
    }
    if (type->id == TypeId::kDictionary) {
      OG_ASSIGN_OR_RETURN(array->dictionary, Read(*from.dictionary, type->value_type, depth + 1));
    }
    return array;
  }

 private:
  static absl::Status CheckShape(const ArrowArray& from, const DataType& type) {
    const auto refuse = [&](std::string_view what) {
      return io::InvalidArgumentError(io::StrCat("ArrowArray for ", type.ToString(), ": ", what));
    };
    if (from.length < 0 || from.offset < 0 || from.length > kLengthMax ||
        from.offset > kLengthMax) {
      return refuse(io::StrCat("length ", from.length, " at offset ", from.offset));
    }
    const int64_t num_buffers =
        type.id == TypeId::kNull ? 0 : 1 + (HasOffsets(type) ? 1 : 0) + (HasValues(type) ? 1 : 0);
    if (from.n_buffers != num_buffers || (num_buffers > 0 && from.buffers == nullptr)) {
      return refuse(io::StrCat(from.n_buffers, " buffers, wanted ", num_buffers));
    }
    if (from.n_children != std::ssize(type.children) ||
        (from.n_children > 0 && from.children == nullptr)) {
      return refuse(io::StrCat(from.n_children, " children"));
    }
    for (int64_t i = 0; i < from.n_children; ++i) {
      if (from.children[i] == nullptr || from.children[i]->release == nullptr) {
        return refuse(io::StrCat("child ", i, " is missing or released"));
      }
    }
    const bool has_dictionary = from.dictionary != nullptr && from.dictionary->release != nullptr;
    if ((type.id == TypeId::kDictionary) != has_dictionary) return refuse("dictionary");
    return absl::OkStatus();
  }

  // `bytes` bytes of buffer `index`; empty for no bytes.
  absl::StatusOr<io::Buffer> BufferAt(const ArrowArray& from, int64_t index, size_t bytes) const {
    if (bytes == 0) return io::Buffer();
    const void* data = from.buffers[index];
    if (data == nullptr) {
      return io::InvalidArgumentError(
          io::StrCat("ArrowArray: buffer ", index, " of ", bytes, " bytes is missing"));
    }
    return io::Buffer({static_cast<const std::byte*>(data), bytes}, owner_);
  }

  absl::Status ReadValidity(const ArrowArray& from, Array& array) const {
    if (from.buffers[0] == nullptr || from.null_count == 0) {
      return from.null_count <= 0
                 ? absl::OkStatus()
                 : io::InvalidArgumentError(io::StrCat("ArrowArray: ", from.null_count,
                                                       " nulls without a validity bitmap"));
    }
    OG_ASSIGN_OR_RETURN(array.validity,
                        BufferAt(from, 0, io::BytesForBits(Size(from.offset + from.length))));
    array.null_count =
        from.length - static_cast<int64_t>(io::CountSetBits(array.validity.data(),
                                                            Size(from.offset), Size(from.length)));
    return absl::OkStatus();
  }

  absl::Status ReadOffsets(const ArrowArray& from, int64_t buffer, Array& array) const {
    const size_t width = array.type->has_large_offsets() ? 8 : 4;
    if (from.length + from.offset == 0 && from.buffers[buffer] == nullptr) {
      array.offsets = io::Buffer::Zeros(width);  // allowed of an empty array
      return absl::OkStatus();
    }
    OG_ASSIGN_OR_RETURN(array.offsets,
                        BufferAt(from, buffer, Size(from.offset + from.length + 1) * width));
    return absl::OkStatus();
  }

  absl::Status ReadValues(const ArrowArray& from, int64_t buffer, Array& array) const {
    const DataType& type = *array.type;
    size_t bytes = 0;
    if (type.is_variable()) {
      const int64_t end = array.OffsetAt(array.length);
      if (end < 0) return io::DataLossError(io::StrCat("offset ", end, " is negative"));
      bytes = Size(end);
    } else {
      const auto bits = Size(type.bit_width());
      bytes = bits == 1 ? io::BytesForBits(Size(from.offset + from.length))
                        : Size(from.offset + from.length) * (bits / 8);
    }
    OG_ASSIGN_OR_RETURN(array.values, BufferAt(from, buffer, bytes));
    return absl::OkStatus();
  }

  std::shared_ptr<const ImportedArray> owner_;
};

class ImportedStream final : public BatchStream {
 public:
  explicit ImportedStream(ArrowArrayStream* stream) : stream_(*stream) {
    stream->release = nullptr;
  }
  ~ImportedStream() override {
    if (stream_.release != nullptr) stream_.release(&stream_);
  }

  absl::Status ReadSchema() {
    if (stream_.release == nullptr) {
      return io::InvalidArgumentError("ArrowArrayStream was released");
    }
    ArrowSchema schema{};
    OG_RETURN_IF_ERROR(Check(stream_.get_schema(&stream_, &schema)));
    OG_ASSIGN_OR_RETURN(schema_, ImportSchema(&schema));
    return absl::OkStatus();
  }

  const SchemaPtr& schema() const override { return schema_; }

  absl::StatusOr<std::optional<RecordBatch>> Next() override {
    ArrowArray array{};
    OG_RETURN_IF_ERROR(Check(stream_.get_next(&stream_, &array)));
    if (array.release == nullptr) return std::nullopt;
    OG_ASSIGN_OR_RETURN(RecordBatch batch, ImportBatch(&array, schema_));
    return batch;
  }

 private:
  absl::Status Check(int error) {
    if (error == 0) return absl::OkStatus();
    const char* text = stream_.get_last_error(&stream_);
    return io::UnknownError(io::StrCat("Arrow stream failed with error ", error, ": ",
                                       text != nullptr ? text : "no message"));
  }

  ArrowArrayStream stream_;
  SchemaPtr schema_;
};

}  // namespace

ArrowArray ExportArray(const ArrayPtr& array) {
  auto* exported = new ExportedArray{};
  exported->array = array;
  const DataType& type = *array->type;
  if (type.id != TypeId::kNull) {
    exported->buffers.push_back(array->null_count != 0 ? PointerTo(array->validity) : nullptr);
  }
  if (HasOffsets(type)) exported->buffers.push_back(PointerTo(array->offsets));
  if (HasValues(type)) exported->buffers.push_back(PointerTo(array->values));
  for (const ArrayPtr& child : array->children)
    exported->children.push_back(ExportArray(child));
  if (array->dictionary != nullptr) exported->dictionary = ExportArray(array->dictionary);
  return Finish(exported, array->length, array->null_count, array->offset);
}

ArrowArray ExportBatch(const RecordBatch& batch) {
  auto* exported = new ExportedArray{};
  exported->buffers.push_back(nullptr);
  for (const ArrayPtr& column : batch.columns)
    exported->children.push_back(ExportArray(column));
  return Finish(exported, batch.num_rows, 0, 0);
}

ArrowArrayStream ExportStream(std::unique_ptr<BatchStream> stream) {
  ArrowArrayStream exported{};
  exported.get_schema = GetSchema;
  exported.get_next = GetNext;
  exported.get_last_error = GetLastError;
  exported.release = ReleaseStream;
  exported.private_data = new ExportedStream{std::move(stream), ""};
  return exported;
}

absl::StatusOr<ArrayPtr> ImportArray(ArrowArray* array, const TypePtr& type) {
  if (array->release == nullptr) return io::InvalidArgumentError("ArrowArray was released");
  const auto owner = std::make_shared<const ImportedArray>(array);
  OG_ASSIGN_OR_RETURN(ArrayPtr imported, ArrayReader(owner).Read(owner->array(), type, 0));
  OG_RETURN_IF_ERROR(Validate(*imported));
  return imported;
}

absl::StatusOr<RecordBatch> ImportBatch(ArrowArray* array, const SchemaPtr& schema) {
  OG_ASSIGN_OR_RETURN(const ArrayPtr rows, ImportArray(array, Struct(schema->fields)));
  if (rows->null_count != 0) {
    return io::InvalidArgumentError(
        io::StrCat("ArrowArray of a batch has ", rows->null_count, " null rows"));
  }
  RecordBatch batch{schema, rows->length, {}};
  for (const ArrayPtr& child : rows->children) {
    batch.columns.push_back(Slice(child, rows->offset, rows->length));
  }
  return batch;
}

absl::StatusOr<std::unique_ptr<BatchStream>> ImportStream(ArrowArrayStream* stream) {
  auto imported = std::make_unique<ImportedStream>(stream);
  OG_RETURN_IF_ERROR(imported->ReadSchema());
  return imported;
}

}  // namespace og::format
