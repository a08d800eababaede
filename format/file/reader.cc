#include "format/file/reader.h"

#include <algorithm>
#include <deque>
#include <numeric>
#include <utility>

#include "absl/container/flat_hash_map.h"

#include "format/file/array_field.h"
#include "format/file/batch_reader.h"
#include "format/file/blob_field.h"
#include "format/file/column_pages.h"
#include "format/file/file_info.h"
#include "format/file/file_source.h"
#include "format/file/page_checker.h"
#include "format/file/schema_proto.h"
#include "format/file/structural_field.h"
#include "format/proto/file2.pb.h"
#include "io/base/endian.h"
#include "io/base/status.h"
#include "io/base/status_macros.h"
#include "io/base/sync.h"
#include "io/base/text.h"

namespace og::format {
namespace {

// A tail that usually brings the schema and all tables, and small files whole.
constexpr uint64_t kLocalTailBytes = uint64_t{16} << 10;

constexpr size_t kTablePagesAhead = 16;

// Stretches of rows of lists from which on it pays to take them in parts side by side.
constexpr size_t kSplitRangesMin = 256;

using ColumnMetadataPtr = std::shared_ptr<const lance::file::v2::ColumnMetadata>;

class FileReaderOfSource final : public FileReader,
                                 public std::enable_shared_from_this<FileReaderOfSource> {
 public:
  explicit FileReaderOfSource(FileSource source) : source_(std::move(source)) {}

  absl::Status Init(bool check_pages);

  FileVersion version() const override { return footer_.version; }
  uint64_t num_rows() const override { return num_rows_; }
  uint32_t num_columns() const override { return footer_.num_columns; }
  uint64_t file_bytes() const override { return source_.file_bytes(); }
  const LanceSchema& schema() const override { return schema_; }
  std::vector<ColumnRequest> AllColumns() const override;
  absl::StatusOr<FileInfo> Info() const override;
  absl::StatusOr<PageCheck> CheckPages() const override;
  uint32_t num_global_buffers() const override { return footer_.num_global_buffers; }
  absl::StatusOr<io::Buffer> ReadGlobalBuffer(uint32_t index) const override;
  absl::StatusOr<std::unique_ptr<BatchStream>> Scan(std::vector<ColumnRequest> columns,
                                                    std::vector<RowRange> ranges,
                                                    const FileScanOptions& options) const override;
  absl::StatusOr<RecordBatch> Take(std::vector<ColumnRequest> columns,
                                   std::span<const uint64_t> rows,
                                   io::WorkerPool* pool) const override;
  absl::StatusOr<std::unique_ptr<PendingRows>> StartTake(std::vector<ColumnRequest> columns,
                                                         std::span<const uint64_t> rows,
                                                         io::WorkerPool& pool) const override;

 private:
  class PendingTake;

  // Pages of a column, as the type in which it was read; a column is nearly always read as one.
  struct CachedPages {
    TypePtr type;
    std::vector<uint8_t> is_list;
    std::vector<uint8_t> has_large_offsets;
    std::shared_ptr<ColumnPages> pages;
  };
  struct Column {
    ColumnMetadataPtr metadata;
    std::vector<CachedPages> pages;
  };

  absl::Status InitFromTail(bool check_pages);
  FileRange GlobalBuffer(uint32_t index) const;
  // Null if the file has no sums.
  absl::StatusOr<std::unique_ptr<const PageChecker>> OpenChecker() const;
  // Empty unless pages are to be checked.
  absl::StatusOr<RowCheck> CheckOf(std::span<const ColumnRequest> columns) const;
  // Where the metadata of a column stands.
  absl::StatusOr<FileRange> MetadataRange(int32_t column) const;
  // Reads the metadata of those of `columns` that are not known yet, in one go.
  absl::Status LoadMetadata(std::span<const ColumnRequest> columns) const;
  absl::Status LoadMetadata(std::span<const int32_t> indices) const;
  absl::StatusOr<ColumnMetadataPtr> MetadataOf(int32_t index) const;
  absl::StatusOr<std::shared_ptr<ColumnPages>> PagesOf(int32_t index,
                                                       const LeafColumn& column) const;
  absl::StatusOr<std::vector<std::unique_ptr<FieldReader>>> FieldReaders(
      std::span<const ColumnRequest> columns, const StructuralOptions& options) const;
  absl::Status CheckRows(std::span<const RowRange> ranges) const;

  const FileSource source_;
  Footer footer_;
  io::Buffer cmo_table_;
  io::Buffer gbo_table_;
  LanceSchema schema_;
  uint64_t num_rows_ = 0;
  std::unique_ptr<const PageChecker> checker_;  // set if pages are to be checked

  mutable io::Mutex mutex_;
  mutable absl::flat_hash_map<int32_t, Column> columns_ OG_GUARDED_BY(mutex_);
};

absl::Status FileReaderOfSource::Init(bool check_pages) {
  const absl::Status status = InitFromTail(check_pages);
  return status.ok() ? status : io::Annotate(status, source_.name());
}

absl::Status FileReaderOfSource::InitFromTail(bool check_pages) {
  OG_ASSIGN_OR_RETURN(footer_, DecodeFooter(source_.tail().span(), source_.file_bytes()));
  const FileRange tables[] = {
      {footer_.cmo_table_start, uint64_t{footer_.num_columns} * kTableEntryBytes},
      {footer_.gbo_table_start, uint64_t{footer_.num_global_buffers} * kTableEntryBytes}};
  OG_ASSIGN_OR_RETURN(FileFetch fetch, source_.Submit(tables));
  OG_ASSIGN_OR_RETURN(std::vector<io::Buffer> buffers, fetch.Wait());
  cmo_table_ = std::move(buffers[0]);
  gbo_table_ = std::move(buffers[1]);
  OG_ASSIGN_OR_RETURN(const io::Buffer descriptor, ReadGlobalBuffer(0));
  if (check_pages) {
    OG_ASSIGN_OR_RETURN(checker_, OpenChecker());
    if (checker_ != nullptr) {
      OG_RETURN_IF_ERROR(checker_->CheckDescriptor(descriptor.span()));
    }
  }
  lance::file::FileDescriptor proto;
  if (!proto.ParseFromArray(descriptor.data(), static_cast<int>(descriptor.size()))) {
    return io::DataLossError("the file descriptor is no protobuf message");
  }
  OG_ASSIGN_OR_RETURN(schema_, SchemaFromProto(proto.schema()));
  num_rows_ = proto.length();
  return absl::OkStatus();
}

absl::StatusOr<FileRange> FileReaderOfSource::MetadataRange(int32_t column) const {
  const uint64_t entry = static_cast<uint64_t>(column) * kTableEntryBytes;
  const FileRange range{io::LoadLe<uint64_t>(cmo_table_.span(), entry),
                        io::LoadLe<uint64_t>(cmo_table_.span(), entry + 8)};
  absl::Status status = source_.Check(range);
  if (status.ok() && range.bytes > INT32_MAX) {
    status = io::DataLossError(io::StrCat(range.bytes, " bytes"));
  }
  if (!status.ok()) {
    return io::Annotate(status, io::StrCat(source_.name(), ": metadata of column ", column));
  }
  return range;
}

absl::StatusOr<io::Buffer> FileReaderOfSource::ReadGlobalBuffer(uint32_t index) const {
  if (index >= footer_.num_global_buffers) {
    return io::InvalidArgumentError(
        io::StrCat(source_.name(), ": global buffer ", index, " of ", footer_.num_global_buffers));
  }
  return source_.Read(GlobalBuffer(index));
}

FileRange FileReaderOfSource::GlobalBuffer(uint32_t index) const {
  return {io::LoadLe<uint64_t>(gbo_table_.span(), index * kTableEntryBytes),
          io::LoadLe<uint64_t>(gbo_table_.span(), index * kTableEntryBytes + 8)};
}

absl::StatusOr<std::unique_ptr<const PageChecker>> FileReaderOfSource::OpenChecker() const {
  const uint32_t last = footer_.num_global_buffers - 1;
  if (last == 0) {
    return std::unique_ptr<const PageChecker>();
  }
  return PageChecker::Open(source_, GlobalBuffer(last));
}

absl::StatusOr<RowCheck> FileReaderOfSource::CheckOf(std::span<const ColumnRequest> columns) const {
  if (checker_ == nullptr) {
    return RowCheck();
  }
  std::vector<RowChecker::Column> wanted;
  for (const ColumnRequest& request : columns) {
    for (const int32_t index : request.column_indices) {
      if (index >= 0) {
        OG_ASSIGN_OR_RETURN(ColumnMetadataPtr metadata, MetadataOf(index));
        wanted.push_back({index, std::move(metadata)});
      }
    }
  }
  const auto checker = std::make_shared<RowChecker>(*checker_, std::move(wanted), num_rows_);
  return [this, checker](std::span<const RowRange> rows) -> absl::StatusOr<std::vector<FilePiece>> {
    absl::StatusOr<std::vector<FilePiece>> pieces = checker->Check(rows);
    if (!pieces.ok()) {
      return io::Annotate(pieces.status(), source_.name());
    }
    return pieces;
  };
}

absl::StatusOr<PageCheck> FileReaderOfSource::CheckPages() const {
  PageCheck check;
  const auto run = [&]() -> absl::Status {
    std::unique_ptr<const PageChecker> opened;
    if (checker_ == nullptr) {
      OG_ASSIGN_OR_RETURN(opened, OpenChecker());
    }
    const PageChecker* const checker = checker_ != nullptr ? checker_.get() : opened.get();
    if (checker == nullptr) {
      return absl::OkStatus();
    }
    check.has_sums = true;
    OG_ASSIGN_OR_RETURN(const io::Buffer descriptor, ReadGlobalBuffer(0));
    OG_RETURN_IF_ERROR(checker->CheckDescriptor(descriptor.span()));
    std::vector<int32_t> indices(footer_.num_columns);
    std::iota(indices.begin(), indices.end(), 0);
    OG_RETURN_IF_ERROR(LoadMetadata(indices));
    for (const int32_t index : indices) {
      OG_ASSIGN_OR_RETURN(const ColumnMetadataPtr metadata, MetadataOf(index));
      OG_RETURN_IF_ERROR(checker->CheckColumn(index, *metadata));
      check.num_pages += static_cast<uint64_t>(metadata->pages_size());
    }
    return absl::OkStatus();
  };
  const absl::Status status = run();
  if (!status.ok()) {
    return io::Annotate(status, source_.name());
  }
  return check;
}

absl::Status FileReaderOfSource::LoadMetadata(std::span<const ColumnRequest> columns) const {
  std::vector<int32_t> indices;
  for (const ColumnRequest& request : columns) {
    indices.insert(indices.end(), request.column_indices.begin(), request.column_indices.end());
  }
  return LoadMetadata(indices);
}

absl::Status FileReaderOfSource::LoadMetadata(std::span<const int32_t> indices) const {
  std::vector<int32_t> missing;
  std::vector<FileRange> ranges;
  {
    io::MutexLock lock(mutex_);
    for (const int32_t index : indices) {
      if (index < 0 || columns_.contains(index)) {
        continue;
      }
      if (static_cast<uint32_t>(index) >= footer_.num_columns) {
        return io::InvalidArgumentError(
            io::StrCat(source_.name(), ": column ", index, " of ", footer_.num_columns));
      }
      OG_ASSIGN_OR_RETURN(const FileRange range, MetadataRange(index));
      missing.push_back(index);
      ranges.push_back(range);
    }
  }
  if (missing.empty()) {
    return absl::OkStatus();
  }
  OG_ASSIGN_OR_RETURN(FileFetch fetch, source_.Submit(ranges));
  OG_ASSIGN_OR_RETURN(const std::vector<io::Buffer> buffers, fetch.Wait());
  for (size_t i = 0; i < missing.size(); ++i) {
    auto metadata = std::make_shared<lance::file::v2::ColumnMetadata>();
    if (!metadata->ParseFromArray(buffers[i].data(), static_cast<int>(buffers[i].size()))) {
      return io::DataLossError(io::StrCat(source_.name(), ": metadata of column ", missing[i],
                                          " is no protobuf message"));
    }
    io::MutexLock lock(mutex_);
    columns_.try_emplace(missing[i], Column{.metadata = std::move(metadata), .pages = {}});
  }
  return absl::OkStatus();
}

absl::StatusOr<ColumnMetadataPtr> FileReaderOfSource::MetadataOf(int32_t index) const {
  io::MutexLock lock(mutex_);
  const auto found = columns_.find(index);
  if (found == columns_.end()) {
    return io::InternalError(io::StrCat("metadata of column ", index, " was not read"));
  }
  return found->second.metadata;
}

absl::StatusOr<std::shared_ptr<ColumnPages>> FileReaderOfSource::PagesOf(
    int32_t index, const LeafColumn& column) const {
  OG_ASSIGN_OR_RETURN(const ColumnMetadataPtr metadata, MetadataOf(index));
  io::MutexLock lock(mutex_);
  std::vector<CachedPages>& cached = columns_.find(index)->second.pages;
  for (const CachedPages& entry : cached) {
    if (*entry.type == *column.shape.type && entry.is_list == column.is_list &&
        entry.has_large_offsets == column.has_large_offsets) {
      return entry.pages;
    }
  }
  auto pages = ColumnPages::Make(metadata, column);
  if (!pages.ok()) {
    return io::Annotate(pages.status(), io::StrCat("column ", index));
  }
  cached.push_back({column.shape.type, column.is_list, column.has_large_offsets, *pages});
  return *std::move(pages);
}

absl::StatusOr<FileInfo> FileReaderOfSource::Info() const {
  FileInfo info;
  info.footer = footer_;
  info.file_bytes = source_.file_bytes();
  info.num_rows = num_rows_;
  for (uint32_t i = 0; i < footer_.num_global_buffers; ++i) {
    info.global_buffers.push_back(GlobalBuffer(i));
  }
  if (const auto checker = OpenChecker(); checker.ok()) {
    info.has_page_sums = *checker != nullptr;
  }
  std::vector<int32_t> indices(footer_.num_columns);
  std::iota(indices.begin(), indices.end(), 0);
  OG_RETURN_IF_ERROR(LoadMetadata(indices));
  const std::vector<ColumnPath> names = ColumnPaths(schema_, footer_.version);
  for (const int32_t index : indices) {
    StoredColumn column;
    column.index = index;
    if (static_cast<size_t>(index) < names.size()) {
      column.path = names[static_cast<size_t>(index)].path;
      column.logical_type = names[static_cast<size_t>(index)].field->logical_type;
      column.is_blob = names[static_cast<size_t>(index)].field->is_blob();
    }
    OG_ASSIGN_OR_RETURN(const FileRange range, MetadataRange(index));
    column.metadata_bytes = range.bytes;
    OG_ASSIGN_OR_RETURN(const ColumnMetadataPtr metadata, MetadataOf(index));
    auto pages = PagesOfColumnMetadata(*metadata, footer_.version);
    if (!pages.ok()) {
      return io::Annotate(pages.status(), io::StrCat(source_.name(), ": column ", index));
    }
    column.pages = *std::move(pages);
    for (const StoredPage& page : column.pages) {
      column.stored_bytes += page.stored_bytes;
    }
    info.columns.push_back(std::move(column));
  }
  return info;
}

std::vector<ColumnRequest> FileReaderOfSource::AllColumns() const {
  std::vector<ColumnRequest> requests;
  int32_t next = 0;
  for (const LanceField& field : schema_.fields) {
    ColumnRequest request{.field = field, .column_indices = {}, .blob_contents = false};
    const auto owners = ColumnFields(std::span(&field, 1), footer_.version);
    for (size_t i = 0; i < owners.size(); ++i) {
      request.column_indices.push_back(next++);
    }
    requests.push_back(std::move(request));
  }
  return requests;
}

absl::StatusOr<std::vector<std::unique_ptr<FieldReader>>> FileReaderOfSource::FieldReaders(
    std::span<const ColumnRequest> columns, const StructuralOptions& options) const {
  OG_RETURN_IF_ERROR(LoadMetadata(columns));
  const PagesOfColumn pages_of = [this](int32_t index, const LeafColumn& column) {
    return PagesOf(index, column);
  };
  const MetadataOfColumn metadata_of = [this](int32_t index) { return MetadataOf(index); };
  std::vector<std::unique_ptr<FieldReader>> fields;
  for (const ColumnRequest& request : columns) {
    std::unique_ptr<FieldReader> field;
    if (footer_.version == FileVersion::kV2_0) {
      OG_ASSIGN_OR_RETURN(field, MakeArrayReader(request, metadata_of, source_));
    } else {
      OG_ASSIGN_OR_RETURN(field, MakeStructuralReader(request, pages_of, options));
    }
    if (request.blob_contents && request.field.is_blob() && !request.field.is_blob_v2()) {
      field = MakeBlobContentsReader(std::move(field));
    }
    fields.push_back(std::move(field));
  }
  return fields;
}

absl::Status FileReaderOfSource::CheckRows(std::span<const RowRange> ranges) const {
  uint64_t last = 0;
  for (const RowRange& range : ranges) {
    if (range.begin < last || range.end < range.begin || range.end > num_rows_) {
      return io::InvalidArgumentError(io::StrCat(source_.name(), ": rows ", range.begin, " to ",
                                                 range.end, " of ", num_rows_,
                                                 ", or not behind row ", last));
    }
    last = range.end;
  }
  return absl::OkStatus();
}

absl::StatusOr<std::unique_ptr<BatchStream>> FileReaderOfSource::Scan(
    std::vector<ColumnRequest> columns, std::vector<RowRange> ranges,
    const FileScanOptions& options) const {
  OG_RETURN_IF_ERROR(CheckRows(ranges));
  std::erase_if(ranges, [](const RowRange& range) { return range.begin == range.end; });
  OG_ASSIGN_OR_RETURN(SchemaPtr schema, SchemaOf(columns));
  // Tables that are read ahead would be read before their page is compared.
  const size_t pages_ahead = checker_ == nullptr ? kTablePagesAhead : 0;
  OG_ASSIGN_OR_RETURN(auto fields,
                      FieldReaders(columns, {.file_name = source_.name(),
                                             .dictionary_strings = options.dictionary_strings,
                                             .join_dictionaries = options.join_dictionaries,
                                             .table_pages_ahead = pages_ahead}));
  OG_ASSIGN_OR_RETURN(RowCheck check, CheckOf(columns));
  return std::make_unique<ScanStream>(shared_from_this(), source_, std::move(schema),
                                      std::move(fields), std::move(ranges), options,
                                      std::move(check));
}

// The rows in ascending order, each once, in steps that run side by side, and the way back to the
// order asked for.
class FileReaderOfSource::PendingTake final : public PendingRows {
 public:
  // Reads in `read_pool`, or in this thread, and decodes in `pool`, or in that of Wait().
  static absl::StatusOr<std::unique_ptr<PendingRows>> Start(
      std::shared_ptr<const FileReaderOfSource> file, const std::vector<ColumnRequest>& columns,
      std::span<const uint64_t> rows, io::WorkerPool* read_pool, io::WorkerPool* pool) {
    auto take = std::make_unique<PendingTake>();
    take->file_ = std::move(file);
    const FileReaderOfSource& from = *take->file_;
    take->pool_ = pool;
    OG_ASSIGN_OR_RETURN(take->schema_, SchemaOf(columns));
    std::vector<uint64_t> sorted(rows.begin(), rows.end());
    const bool is_ascending =
        std::ranges::adjacent_find(sorted, std::greater_equal<>()) == sorted.end();
    if (!is_ascending) {
      std::ranges::sort(sorted);
      const auto repeated = std::ranges::unique(sorted);
      sorted.erase(repeated.begin(), repeated.end());
    }
    if (!sorted.empty() && sorted.back() >= from.num_rows_) {
      return io::InvalidArgumentError(
          io::StrCat(from.source_.name(), ": row ", sorted.back(), " of ", from.num_rows_));
    }
    if (sorted.empty()) {
      return take;
    }
    if (!is_ascending) {
      take->positions_.reserve(rows.size());
      for (const uint64_t row : rows) {
        take->positions_.push_back(std::ranges::lower_bound(sorted, row) - sorted.begin());
      }
    }
    std::vector<RowRange> ranges;
    for (const uint64_t row : sorted) {
      if (!ranges.empty() && ranges.back().end == row) {
        ++ranges.back().end;
      } else {
        ranges.push_back({row, row + 1});
      }
    }
    OG_ASSIGN_OR_RETURN(take->fields_, from.FieldReaders(columns, {.file_name = from.source_.name(),
                                                                   .dictionary_strings = false,
                                                                   .table_pages_ahead = 0}));
    OG_ASSIGN_OR_RETURN(take->check_, from.CheckOf(columns));
    // Finding rows among levels takes longer than reading them. One column keeps one thread busy;
    // several are decoded side by side anyway.
    const bool has_lists = std::ranges::any_of(
        columns, [](const ColumnRequest& request) { return request.field.is_list(); });
    const bool is_split = has_lists && pool != nullptr && columns.size() < pool->num_threads() &&
                          ranges.size() >= kSplitRangesMin && from.source_.is_local() &&
                          take->check_ == nullptr;
    const size_t num_steps = is_split ? pool->num_threads() : 1;
    for (size_t i = 0; i < num_steps; ++i) {
      const auto begin = ranges.begin() + static_cast<ptrdiff_t>(ranges.size() * i / num_steps);
      const auto end = ranges.begin() + static_cast<ptrdiff_t>(ranges.size() * (i + 1) / num_steps);
      take->steps_.emplace_back(from.source_, take->fields_, std::vector<RowRange>(begin, end),
                                take->check_);
      OG_RETURN_IF_ERROR(take->steps_.back().Start(is_split ? pool : read_pool));
    }
    return take;
  }

  absl::Status Decode() override {
    for (ReadStep& step : steps_) {
      if (!step.is_launched()) {
        OG_RETURN_IF_ERROR(step.Launch(pool_));
      }
    }
    return absl::OkStatus();
  }

  absl::StatusOr<RecordBatch> Wait() override {
    if (steps_.empty()) {
      return EmptyBatch(schema_);
    }
    OG_RETURN_IF_ERROR(Decode());
    std::vector<RecordBatch> parts;
    for (ReadStep& step : steps_) {
      OG_ASSIGN_OR_RETURN(RecordBatch part, step.Finish(schema_));
      parts.push_back(std::move(part));
    }
    OG_ASSIGN_OR_RETURN(RecordBatch batch, TryConcat(parts));
    if (positions_.empty()) return batch;
    return TryTake(batch, positions_);
  }

 private:
  std::shared_ptr<const FileReaderOfSource> file_;
  io::WorkerPool* pool_ = nullptr;
  SchemaPtr schema_;
  std::vector<int64_t> positions_;  // of the rows asked for; empty if they come as they are
  std::vector<std::unique_ptr<FieldReader>> fields_;
  RowCheck check_;
  std::deque<ReadStep> steps_;  // last: wait before the rest goes
};

absl::StatusOr<RecordBatch> FileReaderOfSource::Take(std::vector<ColumnRequest> columns,
                                                     std::span<const uint64_t> rows,
                                                     io::WorkerPool* pool) const {
  OG_ASSIGN_OR_RETURN(const auto take,
                      PendingTake::Start(shared_from_this(), columns, rows, nullptr, pool));
  return take->Wait();
}

absl::StatusOr<std::unique_ptr<PendingRows>> FileReaderOfSource::StartTake(
    std::vector<ColumnRequest> columns, std::span<const uint64_t> rows,
    io::WorkerPool& pool) const {
  return PendingTake::Start(shared_from_this(), columns, rows, &pool, &pool);
}

}  // namespace

absl::StatusOr<std::shared_ptr<const FileReader>> FileReader::Open(
    const io::Location& location, uint64_t file_bytes, const FileReaderOptions& options) {
  uint64_t tail_bytes = options.tail_bytes;
  if (tail_bytes == 0) {
    tail_bytes = location.store->is_local() ? kLocalTailBytes : kRemoteTailBytes;
  }
  OG_ASSIGN_OR_RETURN(FileSource source, FileSource::Open(location, file_bytes, tail_bytes));
  auto reader = std::make_shared<FileReaderOfSource>(std::move(source));
  OG_RETURN_IF_ERROR(reader->Init(options.check_pages));
  return reader;
}

absl::StatusOr<SchemaPtr> SchemaOf(std::span<const ColumnRequest> columns) {
  Schema schema;
  for (const ColumnRequest& request : columns) {
    if (request.field.is_blob()) {
      const bool is_v2 = request.field.is_blob_v2();
      schema.fields.push_back(
          {.name = request.field.name,
           .type = request.blob_contents && !is_v2 ? LargeBinary() : BlobDescriptorType(is_v2),
           .nullable = request.field.nullable,
           .metadata = request.field.metadata});
      continue;
    }
    OG_ASSIGN_OR_RETURN(Field field, ToArrow(request.field));
    schema.fields.push_back(std::move(field));
  }
  return std::make_shared<const Schema>(std::move(schema));
}

}  // namespace og::format
