#include "format/file/writer.h"

#include <algorithm>
#include <cstring>
#include <deque>
#include <optional>
#include <string>
#include <utility>

#include "format/file/array_columns.h"
#include "format/file/blob_writer.h"
#include "format/file/file_sink.h"
#include "format/file/page_sums.h"
#include "format/file/schema_proto.h"
#include "format/page/leaf_values.h"
#include "format/page/page_encoder.h"
#include "format/proto/encodings_v2_0.pb.h"
#include "format/proto/encodings_v2_1.pb.h"
#include "format/proto/file.pb.h"
#include "format/proto/file2.pb.h"
#include "io/base/bits.h"
#include "io/base/check.h"
#include "io/base/endian.h"
#include "io/base/status.h"
#include "io/base/status_macros.h"
#include "io/base/text.h"
#include "io/env/worker_pool.h"

namespace og::format {
namespace {

constexpr std::string_view kColumnEncodingUrl = "/lance.encodings.ColumnEncoding";
constexpr std::string_view kPageLayoutUrl = "/lance.encodings21.PageLayout";
constexpr std::string_view kArrayEncodingUrl = "/lance.encodings.ArrayEncoding";  // 2.0

struct Column {
  ColumnPlan plan;
  size_t top_field = 0;
  int32_t field_id = 0;
  std::optional<BlobThresholds> blob;  // set for blobs of version 2
  bool is_blob_v1 = false;             // in file version 2.1
  std::optional<ArrayColumn> array;    // set in file version 2.0, which does not use `plan`
  // What waits to become a page.
  std::vector<ArrayPtr> pieces;
  size_t buffered_bytes = 0;
  int64_t buffered_rows = 0;
  uint64_t next_row = 0;  // number of the first row that is not in a page yet
  lance::file::v2::ColumnMetadata metadata;
  std::vector<uint64_t> page_sums;
};

// Pages of fewer bytes are encoded before another thread would have woken up.
constexpr size_t kMinTaskBytes = size_t{4} << 10;

// How the descriptor of a null blob of version 1 is told from an empty one: in the layouts by
// definition level 1 above repetition level 0, in version 2.0 by a position that no value has.
constexpr uint64_t kNullBlobPosition = uint64_t{1} << 16;
constexpr uint64_t kNullArrayBlobPosition = 1;

// The layout of blobs whose descriptors are laid out as `inner` says.
std::string BlobLayoutAround(const std::string& inner) {
  lance::encodings21::PageLayout layout;
  lance::encodings21::BlobLayout& blob = *layout.mutable_blob_layout();
  OG_CHECK(blob.mutable_inner_layout()->ParseFromString(inner));
  blob.add_layers(lance::encodings21::REPDEF_NULLABLE_ITEM);
  return layout.SerializeAsString();
}

uint64_t SumOfPage(const EncodedPage& page) {
  PageSummer summer;
  for (const io::Buffer& buffer : page.buffers) {
    summer.BeginBuffer(buffer.size());
    summer.Add(buffer.span());
  }
  return summer.Finish(page.num_rows, page.layout);
}

// Finds the columns of a schema: one for each field that owns one, with the way to it.
class ColumnPlanner {
 public:
  ColumnPlanner(const WriterOptions& options, std::vector<Column>& out)
      : options_(options), out_(out) {}

  absl::Status Plan(const LanceField& top, const TypePtr& type, size_t top_field) {
    top_ = &top;
    top_type_ = type;
    top_field_ = top_field;
    path_.clear();
    return Visit(top, type);
  }

 private:
  absl::Status Visit(const LanceField& field, const TypePtr& type) {
    if (field.is_blob()) {
      return AddBlobColumn(field, type);
    }
    if (type->id == TypeId::kMap && options_.version == FileVersion::kV2_1) {
      return io::UnimplementedError(
          io::StrCat("field \"", field.name, "\": map needs file version 2.2"));
    }
    if (OwnsColumn(field, options_.version)) {
      AddColumn(field, type);
      return absl::OkStatus();
    }
    if (type->id == TypeId::kFixedSizeList) {
      // Lance 10 writes a wrong row count for these pages and then cannot read them.
      return io::UnimplementedError(
          io::StrCat("field \"", field.name, "\": fixed-size list of structs"));
    }
    OG_CHECK(type->children.size() == field.children.size());
    for (size_t i = 0; i < field.children.size(); ++i) {
      path_.push_back(i);
      OG_RETURN_IF_ERROR(Visit(field.children[i], type->children[i].type));
      path_.pop_back();
    }
    return absl::OkStatus();
  }

  absl::Status AddBlobColumn(const LanceField& field, const TypePtr& type) {
    const bool is_v2 = field.is_blob_v2();
    if (is_v2 != (options_.version == FileVersion::kV2_2) || !path_.empty()) {
      return io::UnimplementedError(
          io::StrCat("field \"", field.name,
                     "\": only top-level blobs are written, of version 2 in file version 2.2, of "
                     "version 1 below"));
    }
    if (!is_v2) {
      if (type->id != TypeId::kLargeBinary) {
        return io::UnimplementedError(io::StrCat("field \"", field.name, "\": a blob of type ",
                                                 type->ToString(), ", want large_binary"));
      }
      top_type_ = BlobDescriptorType(/*is_v2=*/false);
      AddColumn(field, top_type_);
      out_.back().is_blob_v1 = true;
      return absl::OkStatus();
    }
    if (type->id != TypeId::kStruct) {
      return io::UnimplementedError(io::StrCat("field \"", field.name, "\": a blob of type ",
                                               type->ToString(), ", want a struct"));
    }
    AddColumn(field, BlobDescriptorType(/*is_v2=*/true));
    out_.back().blob = BlobThresholdsOf(field.metadata);
    return absl::OkStatus();
  }

  void AddColumn(const LanceField& field, const TypePtr& type) {
    Column column;
    column.top_field = top_field_;
    column.field_id = field.id;
    column.plan = {.top_type = top_type_,
                   .leaf_type = type,
                   .path = path_,
                   .is_top_nullable = top_->nullable,
                   .codec = CodecOptionsOf(field.metadata),
                   .layout = options_.forced_layout != ForcedLayout::kNone
                                 ? options_.forced_layout
                                 : LayoutOf(top_->metadata)};
    column.plan.codec.is_2_2 = options_.version == FileVersion::kV2_2;
    column.plan.codec.compact |= options_.compact;
    column.plan.codec.forced_codec = options_.forced_codec;
    column.plan.codec.is_text = type->id != TypeId::kBinary && type->id != TypeId::kLargeBinary;
    out_.push_back(std::move(column));
  }

  const WriterOptions& options_;
  std::vector<Column>& out_;
  const LanceField* top_ = nullptr;
  TypePtr top_type_;
  size_t top_field_ = 0;
  LeafPath path_;
};

// Whether arrays of `given` can stand where `wanted` is expected: the same physical type and the
// same names of struct members. Item names, nullability and metadata may differ.
bool IsCompatible(const DataType& given, const DataType& wanted) {
  if (given.id != wanted.id || given.unit != wanted.unit || given.timezone != wanted.timezone ||
      given.precision != wanted.precision || given.scale != wanted.scale ||
      given.byte_width != wanted.byte_width || given.list_size != wanted.list_size ||
      given.children.size() != wanted.children.size()) {
    return false;
  }
  for (size_t i = 0; i < given.children.size(); ++i) {
    if ((given.id == TypeId::kStruct && given.children[i].name != wanted.children[i].name) ||
        !IsCompatible(*given.children[i].type, *wanted.children[i].type)) {
      return false;
    }
  }
  return given.id != TypeId::kDictionary || (IsCompatible(*given.index_type, *wanted.index_type) &&
                                             IsCompatible(*given.value_type, *wanted.value_type));
}

void SetEncoding(std::string_view url, std::string value, lance::file::v2::Encoding& out) {
  lance::file::v2::Packed& packed = *out.mutable_direct()->mutable_encoding();
  packed.set_type_url(std::string(url));
  packed.set_value(std::move(value));
}

}  // namespace

class FileWriter::Impl {
 public:
  Impl(const io::Location& location, std::unique_ptr<io::WriteStream> stream, LanceSchema schema,
       WriterOptions options)
      : sink_(std::move(stream)), blobs_(location), schema_(std::move(schema)), options_(options) {
    options_.compact |= IsCompactDemanded(schema_.metadata);
  }

  absl::Status Plan() {
    ColumnPlanner planner(options_, columns_);
    for (size_t i = 0; i < schema_.fields.size(); ++i) {
      OG_ASSIGN_OR_RETURN(const TypePtr type, ArrowTypeOf(schema_.fields[i]));
      types_.push_back(type);
      if (is_2_0()) {
        OG_RETURN_IF_ERROR(PlanArrays(i, type));
      } else {
        OG_RETURN_IF_ERROR(planner.Plan(schema_.fields[i], type, i));
      }
    }
    OG_RETURN_IF_ERROR(CheckEmptyStructs());
    for (Column& column : columns_) {
      lance::encodings::ColumnEncoding encoding;
      const bool is_blob = column.array.has_value() && column.array->is_blob;
      (is_blob ? encoding.mutable_blob()->mutable_inner() : &encoding)->mutable_values();
      SetEncoding(kColumnEncodingUrl, encoding.SerializeAsString(),
                  *column.metadata.mutable_encoding());
    }
    return absl::OkStatus();
  }

  absl::Status Write(const RecordBatch& batch) {
    OG_RETURN_IF_ERROR(CheckBatch(batch));
    if (is_2_0()) {
      OG_RETURN_IF_ERROR(WriteArrays(batch));
    }
    for (Column& column : is_2_0() ? std::span<Column>() : std::span<Column>(columns_)) {
      ArrayPtr rows = batch.columns[column.top_field];
      if (column.blob) {
        OG_ASSIGN_OR_RETURN(rows, blobs_.Write(*rows, *column.blob, sink_));
      } else if (column.is_blob_v1) {
        OG_ASSIGN_OR_RETURN(rows, WriteArrayBlobs(*rows, kNullBlobPosition, sink_));
      }
      OG_RETURN_IF_ERROR(Buffer(column, rows));
    }
    num_rows_ += static_cast<uint64_t>(batch.num_rows);
    return absl::OkStatus();
  }

  absl::StatusOr<uint32_t> AddGlobalBuffer(std::span<const std::byte> bytes) {
    OG_RETURN_IF_ERROR(sink_.Align());
    global_buffers_.push_back({sink_.position(), bytes.size()});
    OG_RETURN_IF_ERROR(sink_.Append(bytes));
    return static_cast<uint32_t>(global_buffers_.size());
  }

  void SetMetadata(std::string_view key, std::string_view value) {
    schema_.metadata[std::string(key)] = value;
  }

  absl::StatusOr<FileSummary> Finish() {
    for (Column& column : columns_) {
      OG_RETURN_IF_ERROR(Flush(column));
    }
    while (!pending_.empty()) {
      OG_RETURN_IF_ERROR(WriteOldest());
    }
    OG_RETURN_IF_ERROR(WriteHeaders());
    lance::file::FileDescriptor descriptor;
    *descriptor.mutable_schema() = FileSchema();
    descriptor.set_length(num_rows_);
    const std::string descriptor_bytes = descriptor.SerializeAsString();
    if (options_.page_sums) {
      OG_RETURN_IF_ERROR(WritePageSums(descriptor_bytes));
    }
    OG_RETURN_IF_ERROR(sink_.Align());
    global_buffers_.insert(global_buffers_.begin(), {sink_.position(), descriptor_bytes.size()});
    OG_RETURN_IF_ERROR(sink_.AppendText(descriptor_bytes));

    Footer footer;
    footer.version = options_.version;
    footer.num_columns = static_cast<uint32_t>(columns_.size());
    footer.num_global_buffers = static_cast<uint32_t>(global_buffers_.size());
    footer.column_metadata_start = sink_.position();
    std::vector<io::ByteRange> column_ranges;
    for (const Column& column : columns_) {
      const std::string bytes = column.metadata.SerializeAsString();
      column_ranges.push_back({sink_.position(), bytes.size()});
      OG_RETURN_IF_ERROR(sink_.AppendText(bytes));
    }
    footer.cmo_table_start = sink_.position();
    OG_RETURN_IF_ERROR(AppendTable(column_ranges));
    footer.gbo_table_start = sink_.position();
    OG_RETURN_IF_ERROR(AppendTable(global_buffers_));
    OG_RETURN_IF_ERROR(sink_.Append(EncodeFooter(footer)));
    FileSummary summary;
    OG_ASSIGN_OR_RETURN(summary.sidecar_paths, blobs_.Finish());
    OG_RETURN_IF_ERROR(sink_.Finish());
    summary.size_bytes = sink_.position();
    summary.num_rows = num_rows_;
    for (size_t i = 0; i < columns_.size(); ++i) {
      summary.field_ids.push_back(columns_[i].field_id);
      summary.column_indices.push_back(static_cast<int32_t>(i));
    }
    return summary;
  }

  uint64_t bytes_written() const { return sink_.position(); }

  size_t bytes_buffered() const {
    size_t bytes = pending_bytes_;
    for (const Column& column : columns_) {
      bytes += column.buffered_bytes;
    }
    return bytes;
  }

  uint64_t num_rows() const { return num_rows_; }

 private:
  bool is_2_0() const { return options_.version == FileVersion::kV2_0; }

  // From version 2.1 on, readers of Lance pass over a struct without members but not over its
  // column: every field behind it would get the column of the one before.
  absl::Status CheckEmptyStructs() const {
    for (size_t i = 0; i + 1 < columns_.size(); ++i) {
      const DataType* const leaf = columns_[i].plan.leaf_type.get();
      if (leaf != nullptr && leaf->id == TypeId::kStruct && leaf->children.empty()) {
        return io::UnimplementedError(
            io::StrCat("field \"", schema_.fields[columns_[i].top_field].name,
                       "\": a struct without members before other fields"));
      }
    }
    return absl::OkStatus();
  }

  absl::Status PlanArrays(size_t top_field, const TypePtr& type) {
    OG_ASSIGN_OR_RETURN(std::vector<ArrayColumn> arrays,
                        ArrayColumnsOf(schema_.fields[top_field], type, options_.forced_codec));
    for (ArrayColumn& array : arrays) {
      Column column;
      column.top_field = top_field;
      column.field_id = array.field_id;
      column.array = std::move(array);
      columns_.push_back(std::move(column));
    }
    return absl::OkStatus();
  }

  absl::Status WriteArrays(const RecordBatch& batch) {
    size_t next = 0;
    for (size_t top = 0; top < schema_.fields.size(); ++top) {
      for (ArrayPtr& piece : SplitIntoColumns(schema_.fields[top], batch.columns[top])) {
        Column& column = columns_[next++];
        if (column.array->is_blob) {
          OG_ASSIGN_OR_RETURN(piece, WriteArrayBlobs(*piece, kNullArrayBlobPosition, sink_));
        }
        if (column.array->plan.kind == ArrayColumnPlan::Kind::kHeader) {
          column.next_row += static_cast<uint64_t>(piece->length);
        } else {
          OG_RETURN_IF_ERROR(Buffer(column, piece));
        }
      }
    }
    return absl::OkStatus();
  }

  absl::Status WritePageSums(std::string_view descriptor) {
    PageSums sums{.descriptor = SumOf(io::AsBytes(descriptor)), .columns = {}};
    for (Column& column : columns_) {
      sums.columns.push_back(std::move(column.page_sums));
    }
    return AddGlobalBuffer(io::AsBytes(EncodePageSums(sums))).status();
  }

  // Headers of structs have exactly one page, which only counts, even where no list has items.
  absl::Status WriteHeaders() {
    for (Column& column : columns_) {
      if (!column.array || column.array->plan.kind != ArrayColumnPlan::Kind::kHeader ||
          num_rows_ == 0) {
        continue;
      }
      OG_ASSIGN_OR_RETURN(EncodedPage page, EncodeArrayPage(column.array->plan, {}));
      page.num_rows = column.next_row;
      OG_RETURN_IF_ERROR(WritePage(column, page, 0, SumOfPage(page)));
    }
    return absl::OkStatus();
  }

  // A page under way: its rows, then its bytes.
  struct PendingPages {
    size_t column = 0;
    uint64_t first_row = 0;
    std::vector<ArrayPtr> pieces;
    size_t bytes = 0;  // of the pieces
    std::vector<EncodedPage> pages;
    std::vector<uint64_t> sums;           // of the pages
    std::optional<io::TaskGroup> encode;  // last: ends before what it uses goes away
  };

  absl::Status CheckBatch(const RecordBatch& batch) const {
    if (batch.columns.size() != types_.size()) {
      return io::InvalidArgumentError(io::StrCat("batch of ", batch.columns.size(),
                                                 " columns for a schema of ", types_.size()));
    }
    for (size_t i = 0; i < types_.size(); ++i) {
      const Array& column = *batch.columns[i];
      const LanceField& field = schema_.fields[i];
      if (column.length != batch.num_rows) {
        return io::InvalidArgumentError(io::StrCat("column \"", field.name, "\" has ",
                                                   column.length, " rows, the batch ",
                                                   batch.num_rows));
      }
      // Values of a blob may have more members than the schema lists; BlobWriter looks at them.
      if (!field.is_blob_v2() && !IsCompatible(*column.type, *types_[i])) {
        return io::InvalidArgumentError(io::StrCat("column \"", field.name, "\" is ",
                                                   column.type->ToString(), ", the schema says ",
                                                   types_[i]->ToString()));
      }
      if (!field.nullable && column.null_count != 0) {
        return io::InvalidArgumentError(
            io::StrCat("column \"", field.name, "\" is not nullable and has nulls"));
      }
    }
    return absl::OkStatus();
  }

  // The schema as the file carries it: blobs as the packed struct that the column holds, whose
  // members have neither id nor parent.
  lance::file::Schema FileSchema() const {
    LanceSchema physical = schema_;
    for (const Column& column : columns_) {
      if (!column.blob) {
        continue;
      }
      LanceField& field = physical.fields[column.top_field];
      std::erase_if(field.metadata,
                    [](const auto& entry) { return entry.first.starts_with("ARROW:extension:"); });
      field.metadata[std::string(kBlobKey)] = "true";
      field.metadata[std::string(kPackedKey)] = "true";
      field.children.clear();
      for (const Field& member : column.plan.leaf_type->children) {
        LanceField child;
        child.name = member.name;
        child.nullable = member.nullable;
        child.logical_type = *LogicalTypeOf(*member.type);
        child.encoding = member.type->is_variable() ? LanceField::Encoding::kVarBinary
                                                    : LanceField::Encoding::kPlain;
        field.children.push_back(std::move(child));
      }
    }
    lance::file::Schema proto = SchemaToProto(physical);
    for (lance::file::Field& field : *proto.mutable_fields()) {
      if (field.id() == kNoFieldId) {
        field.set_parent_id(kNoFieldId);
      }
    }
    return proto;
  }

  // Buffers `rows` and flushes a page each time the column is full.
  absl::Status Buffer(Column& column, const ArrayPtr& rows) {
    for (int64_t at = 0; at < rows->length;) {
      const int64_t room_rows = options_.page_rows - column.buffered_rows;
      const size_t room_bytes =
          options_.page_bytes - std::min(options_.page_bytes, column.buffered_bytes);
      int64_t take = RowsWithin(column, *rows, at, room_rows, room_bytes);
      if (take == 0 && column.buffered_rows == 0) {
        take = 1;
      }
      if (take > 0) {
        column.buffered_bytes += LeafBytes(*rows, column.plan.path, at, take);
        column.buffered_rows += take;
        column.pieces.push_back(take == rows->length ? rows : Slice(rows, at, take));
        at += take;
      }
      if (at < rows->length) {
        OG_RETURN_IF_ERROR(Flush(column));
      }
    }
    return absl::OkStatus();
  }

  // The most rows from `at` on that fit.
  static int64_t RowsWithin(const Column& column, const Array& rows, int64_t at, int64_t rows_max,
                            size_t bytes_max) {
    int64_t fits = 0;
    int64_t too_many = std::min(rows.length - at, rows_max) + 1;
    if (LeafBytes(rows, column.plan.path, at, too_many - 1) <= bytes_max) {
      return too_many - 1;
    }
    --too_many;
    while (too_many - fits > 1) {
      const int64_t middle = fits + (too_many - fits) / 2;
      (LeafBytes(rows, column.plan.path, at, middle) <= bytes_max ? fits : too_many) = middle;
    }
    return fits;
  }

  // Starts encoding what the column holds.
  absl::Status Flush(Column& column) {
    if (column.pieces.empty()) {
      return absl::OkStatus();
    }
    auto pending = std::make_unique<PendingPages>();
    pending->column = static_cast<size_t>(&column - columns_.data());
    pending->first_row = column.next_row;
    pending->pieces = std::exchange(column.pieces, {});
    pending->bytes = std::exchange(column.buffered_bytes, 0);
    column.next_row += static_cast<uint64_t>(column.buffered_rows);
    column.buffered_rows = 0;
    pending_bytes_ += pending->bytes;
    PendingPages* const page = pending.get();
    pending_.push_back(std::move(pending));
    const size_t parallel = options_.pool == nullptr ? 0 : options_.pool->num_threads();
    if (parallel == 0 || page->bytes < kMinTaskBytes) {
      OG_RETURN_IF_ERROR(Encode(*page));
    } else {
      page->encode.emplace(*options_.pool);
      page->encode->Run([this, page] { return Encode(*page); });
    }
    // Enough to keep every thread busy, and no more memory than that takes.
    while (!pending_.empty() && (pending_.size() >= 4 * parallel ||
                                 pending_bytes_ >= 2 * parallel * options_.page_bytes)) {
      OG_RETURN_IF_ERROR(WriteOldest());
    }
    return absl::OkStatus();
  }

  absl::StatusOr<std::vector<EncodedPage>> EncodePieces(const PendingPages& pending) const {
    const Column& column = columns_[pending.column];
    if (!column.array) {
      OG_ASSIGN_OR_RETURN(std::vector<EncodedPage> pages, EncodePages(column.plan, pending.pieces));
      for (EncodedPage& page : pages) {
        if (column.is_blob_v1) {
          page.layout = BlobLayoutAround(page.layout);
        }
      }
      return pages;
    }
    OG_ASSIGN_OR_RETURN(EncodedPage page, EncodeArrayPage(column.array->plan, pending.pieces));
    std::vector<EncodedPage> pages;
    pages.push_back(std::move(page));
    return pages;
  }

  absl::Status Encode(PendingPages& pending) const {
    absl::StatusOr<std::vector<EncodedPage>> pages = EncodePieces(pending);
    if (!pages.ok()) {
      const Column& column = columns_[pending.column];
      return io::Annotate(pages.status(),
                          io::StrCat("column \"", schema_.fields[column.top_field].name,
                                     "\", field ", column.field_id));
    }
    pending.pages = *std::move(pages);
    for (const EncodedPage& page : pending.pages) {
      pending.sums.push_back(options_.page_sums ? SumOfPage(page) : 0);
    }
    pending.pieces.clear();
    return absl::OkStatus();
  }

  // Waits for the pages that were started first and writes them, while others are encoded.
  absl::Status WriteOldest() {
    PendingPages& pending = *pending_.front();
    if (pending.encode) {
      OG_RETURN_IF_ERROR(pending.encode->Wait());
    }
    uint64_t row = pending.first_row;
    for (size_t i = 0; i < pending.pages.size(); ++i) {
      EncodedPage& page = pending.pages[i];
      OG_RETURN_IF_ERROR(WritePage(columns_[pending.column], page, row, pending.sums[i]));
      row += page.num_rows;
    }
    pending_bytes_ -= pending.bytes;
    pending_.pop_front();
    return absl::OkStatus();
  }

  absl::Status WritePage(Column& column, EncodedPage& page, uint64_t first_row, uint64_t sum) {
    column.page_sums.push_back(sum);
    lance::file::v2::ColumnMetadata::Page& metadata = *column.metadata.add_pages();
    for (const io::Buffer& buffer : page.buffers) {
      OG_RETURN_IF_ERROR(sink_.Align());
      metadata.add_buffer_offsets(sink_.position());
      metadata.add_buffer_sizes(buffer.size());
      OG_RETURN_IF_ERROR(sink_.Append(buffer.span()));
    }
    metadata.set_length(page.num_rows);
    metadata.set_priority(is_2_0() ? 0 : first_row);
    SetEncoding(is_2_0() ? kArrayEncodingUrl : kPageLayoutUrl, std::move(page.layout),
                *metadata.mutable_encoding());
    return absl::OkStatus();
  }

  absl::Status AppendTable(std::span<const io::ByteRange> ranges) {
    for (const io::ByteRange& range : ranges) {
      std::array<std::byte, kTableEntryBytes> entry;
      io::StoreLe(entry, 0, range.offset);
      io::StoreLe(entry, 8, range.length);
      OG_RETURN_IF_ERROR(sink_.Append(entry));
    }
    return absl::OkStatus();
  }

  FileSink sink_;
  BlobWriter blobs_;
  LanceSchema schema_;
  WriterOptions options_;
  std::vector<TypePtr> types_;
  std::vector<Column> columns_;
  std::vector<io::ByteRange> global_buffers_;
  uint64_t num_rows_ = 0;
  size_t pending_bytes_ = 0;
  // In the order in which they were started. Last: their tasks end before what they use goes away.
  std::deque<std::unique_ptr<PendingPages>> pending_;
};

absl::StatusOr<std::unique_ptr<FileWriter>> FileWriter::Open(const io::Location& location,
                                                             const LanceSchema& schema,
                                                             const WriterOptions& options) {
  if (options.version == FileVersion::kV2_3) {
    return io::InvalidArgumentError(
        io::StrCat("file version ", FileVersionText(options.version), " cannot be written"));
  }
  OG_ASSIGN_OR_RETURN(std::unique_ptr<io::WriteStream> stream,
                      location.store->OpenWrite(location.path));
  auto impl = std::make_unique<Impl>(location, std::move(stream), schema, options);
  OG_RETURN_IF_ERROR(impl->Plan());
  return std::unique_ptr<FileWriter>(new FileWriter(std::move(impl)));
}

FileWriter::FileWriter(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
FileWriter::~FileWriter() = default;

absl::Status FileWriter::Write(const RecordBatch& batch) {
  return impl_->Write(batch);
}

absl::StatusOr<uint32_t> FileWriter::AddGlobalBuffer(std::span<const std::byte> bytes) {
  return impl_->AddGlobalBuffer(bytes);
}

void FileWriter::SetMetadata(std::string_view key, std::string_view value) {
  impl_->SetMetadata(key, value);
}

absl::StatusOr<FileSummary> FileWriter::Finish() {
  return impl_->Finish();
}

uint64_t FileWriter::bytes_written() const {
  return impl_->bytes_written();
}

size_t FileWriter::bytes_buffered() const {
  return impl_->bytes_buffered();
}

uint64_t FileWriter::num_rows() const {
  return impl_->num_rows();
}

}  // namespace og::format
