#include "format/tabular/ipc_read.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "format/tabular/flat_reader.h"
#include "format/tabular/flat_type.h"
#include "format/tabular/ipc_batch.h"
#include "format/tabular/ipc_schema.h"
#include "format/tabular/schema_fit.h"
#include "io/base/buffer.h"
#include "io/base/endian.h"
#include "io/base/status.h"
#include "io/base/status_macros.h"
#include "io/base/text.h"

namespace og::format {
namespace {

constexpr size_t kMagicBytes = 8;  // with its padding
// Metadata is small; a length beyond this is no Arrow. Four characters of text are always more.
constexpr uint32_t kMetadataBytesMax = uint32_t{128} << 20;
constexpr size_t kFirstReadBytes = size_t{1} << 20;

class IpcStream final : public BatchStream {
 public:
  explicit IpcStream(std::unique_ptr<ByteInput> input) : input_(std::move(input)) {}

  absl::Status Begin() {
    OG_ASSIGN_OR_RETURN(io::Buffer start, ReadUpTo(kMagicBytes));
    if (start.view().starts_with(kIpcFileMagic)) {
      start = io::Buffer();
    } else if (start.view().starts_with("PAR1")) {
      return io::InvalidArgumentError("arrow: this is Parquet");
    } else if (start.view().starts_with("FEA1")) {
      return io::UnimplementedError("arrow: Feather of version 1");
    }
    pending_ = start;
    OG_ASSIGN_OR_RETURN(std::optional<Message> message, NextMessage());
    if (!message) return io::InvalidArgumentError("arrow: the input is empty");
    FlatReader flat(message->metadata.span());
    OG_ASSIGN_OR_RETURN(const FlatTable header, Header(flat, *message));
    if (message->kind != FlatMessage::kSchema) {
      return io::DataLossError("arrow: the first message is no schema");
    }
    OG_ASSIGN_OR_RETURN(schema_, ReadIpcSchema(flat, header));
    return absl::OkStatus();
  }

  const SchemaPtr& schema() const override { return schema_.schema; }

  absl::StatusOr<std::optional<RecordBatch>> Next() override {
    while (true) {
      OG_ASSIGN_OR_RETURN(std::optional<Message> message, NextMessage());
      if (!message) return std::nullopt;
      FlatReader flat(message->metadata.span());
      OG_ASSIGN_OR_RETURN(const FlatTable header, Header(flat, *message));
      if (message->kind == FlatMessage::kDictionaryBatch) {
        OG_RETURN_IF_ERROR(ReadDictionary(flat, header, message->body));
        continue;
      }
      if (message->kind != FlatMessage::kRecordBatch) {
        return io::DataLossError("arrow: a message that is no batch");
      }
      absl::StatusOr<IpcColumns> read =
          ReadIpcColumns(flat, header, schema_.fields, message->body, dictionaries_);
      if (!read.ok()) return io::Annotate(read.status(), io::StrCat("batch ", num_batches_));
      ++num_batches_;
      return RecordBatch{schema_.schema, read->num_rows, std::move(read->columns)};
    }
  }

 private:
  struct Message {
    FlatMessage kind = FlatMessage::kSchema;
    io::Buffer metadata;
    io::Buffer body;
  };

  // The header of `message`, whose kind and body are filled in.
  absl::StatusOr<FlatTable> Header(FlatReader& flat, Message& message) {
    const FlatTable root = flat.Root();
    message.kind = static_cast<FlatMessage>(flat.Scalar<uint8_t>(root, 1, 0));
    const std::optional<FlatTable> header = flat.Table(root, 2);
    const auto body_bytes = flat.Scalar<int64_t>(root, 3, 0);
    if (flat.damaged() || !header || body_bytes < 0) {
      return io::DataLossError("arrow: damaged message");
    }
    OG_ASSIGN_OR_RETURN(message.body, ReadExactly(static_cast<size_t>(body_bytes)));
    return *header;
  }

  // The next message without its body; nullopt at the end of the stream.
  absl::StatusOr<std::optional<Message>> NextMessage() {
    OG_ASSIGN_OR_RETURN(io::Buffer word, ReadUpTo(sizeof(uint32_t)));
    if (word.empty()) return std::nullopt;
    if (word.size() == sizeof(uint32_t) && io::LoadLe<uint32_t>(word.span()) == kIpcContinuation) {
      OG_ASSIGN_OR_RETURN(word, ReadExactly(sizeof(uint32_t)));
    }
    if (word.size() != sizeof(uint32_t)) return io::DataLossError("arrow: the input is cut off");
    const auto bytes = io::LoadLe<uint32_t>(word.span());
    if (bytes == 0) return std::nullopt;
    if (bytes > kMetadataBytesMax) {
      return io::InvalidArgumentError("arrow: this is no Arrow IPC stream or file");
    }
    Message message;
    OG_ASSIGN_OR_RETURN(message.metadata, ReadExactly(bytes));
    return message;
  }

  absl::Status ReadDictionary(FlatReader& flat, FlatTable header, const io::Buffer& body) {
    const auto number = flat.Scalar<int64_t>(header, 0, 0);
    const std::optional<FlatTable> data = flat.Table(header, 1);
    const bool extends = flat.Scalar<uint8_t>(header, 2, 0) != 0;
    const auto field = schema_.dictionaries.find(number);
    if (!data || flat.damaged() || field == schema_.dictionaries.end()) {
      return io::DataLossError(io::StrCat("arrow: damaged dictionary ", number));
    }
    absl::StatusOr<IpcColumns> read =
        ReadIpcColumns(flat, *data, {&field->second, 1}, body, dictionaries_);
    if (!read.ok()) return io::Annotate(read.status(), io::StrCat("dictionary ", number));
    ArrayPtr& dictionary = dictionaries_[number];
    if (extends && dictionary != nullptr) {
      dictionary = Concat(std::vector<ArrayPtr>{dictionary, read->columns[0]});
    } else {
      dictionary = std::move(read->columns[0]);
    }
    return absl::OkStatus();
  }

  absl::StatusOr<io::Buffer> ReadExactly(size_t bytes) {
    OG_ASSIGN_OR_RETURN(io::Buffer read, ReadUpTo(bytes));
    if (read.size() != bytes) return io::DataLossError("arrow: the input is cut off");
    return read;
  }

  // `bytes` bytes, fewer at the end of the input. Memory grows with what is there, not with what a
  // message says.
  absl::StatusOr<io::Buffer> ReadUpTo(size_t bytes) {
    io::MutableBuffer read(std::min(bytes, kFirstReadBytes));
    size_t size = std::min(read.size(), pending_.size());
    std::copy_n(pending_.data(), size, read.data());
    pending_ = pending_.Slice(size, pending_.size() - size);
    while (size < bytes) {
      if (size == read.size()) read.Resize(std::min(bytes, 2 * size));
      OG_ASSIGN_OR_RETURN(
          const size_t count,
          input_->Read({reinterpret_cast<char*>(read.data()) + size, read.size() - size}));
      if (count == 0) break;
      size += count;
    }
    read.Resize(size);
    return std::move(read).Share();
  }

  const std::unique_ptr<ByteInput> input_;
  io::Buffer pending_;  // read already, not used yet
  IpcSchema schema_;
  IpcDictionaries dictionaries_;
  uint64_t num_batches_ = 0;
};

}  // namespace

absl::StatusOr<std::unique_ptr<BatchStream>> OpenIpc(std::unique_ptr<ByteInput> input,
                                                     const TabularReadOptions& options) {
  auto stream = std::make_unique<IpcStream>(std::move(input));
  OG_RETURN_IF_ERROR(stream->Begin());
  if (options.schema == nullptr) return stream;
  if (!options.only_present) return FitToSchema(std::move(stream), options.schema);
  std::vector<std::string> names;
  for (const Field& field : stream->schema()->fields)
    names.push_back(field.name);
  SchemaPtr present = PresentFields(*options.schema, names);
  return FitToSchema(std::move(stream), std::move(present));
}

}  // namespace og::format
