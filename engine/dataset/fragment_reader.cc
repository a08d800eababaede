#include "engine/dataset/fragment_reader.h"

#include <algorithm>

#include "format/arrow/validity.h"
#include "io/base/bits.h"
#include "io/base/status.h"
#include "io/base/status_macros.h"
#include "io/base/text.h"
#include "io/env/env.h"

namespace og::engine::dataset {
namespace {

using format::Array;
using format::ArrayPtr;
using format::LanceField;

constexpr std::string_view kDataFolder = "data";

absl::StatusOr<format::FileVersion> VersionOf(const format::Manifest& manifest) {
  if (manifest.data_format_version == "2.0") return format::FileVersion::kV2_0;
  if (manifest.data_format_version == "2.1") return format::FileVersion::kV2_1;
  if (manifest.data_format_version == "2.2") return format::FileVersion::kV2_2;
  if (manifest.data_format_version == "2.3") return format::FileVersion::kV2_3;
  return io::UnimplementedError(io::StrCat("data files of version ", manifest.data_format_version));
}

// The column that `file` stores field `id` in; -1 if it does not.
int32_t ColumnOf(const format::DataFile& file, int32_t id) {
  const auto at = std::ranges::find(file.fields, id);
  if (at == file.fields.end()) {
    return -1;
  }
  const auto position = static_cast<size_t>(at - file.fields.begin());
  return position < file.column_indices.size() ? file.column_indices[position] : -1;
}

// Whether the subtree of `field` holds one of `ids`.
bool HoldsAny(const LanceField& field, std::span<const int32_t> ids) {
  return std::ranges::find(ids, field.id) != ids.end() ||
         std::ranges::any_of(field.children,
                             [&](const LanceField& child) { return HoldsAny(child, ids); });
}

// `array` with offset 0; only its children, validity and offsets move.
std::shared_ptr<Array> Rebased(const Array& array) {
  auto result = std::make_shared<Array>(array);
  if (array.offset == 0) {
    return result;
  }
  result->offset = 0;
  const auto offset = static_cast<size_t>(array.offset);
  const auto length = static_cast<size_t>(array.length);
  if (!array.validity.empty()) {
    io::MutableBuffer validity(io::BytesForBits(length));
    std::ranges::fill(validity.span(), std::byte{0});
    io::CopyBits(array.validity.data(), offset, validity.data(), 0, length);
    result->validity = std::move(validity).Share();
  }
  if (array.type->is_list()) {
    const size_t width = array.type->has_large_offsets() ? 8 : 4;
    result->offsets = array.offsets.Slice(offset * width, (length + 1) * width);
  }
  const auto factor = array.type->id == format::TypeId::kFixedSizeList ? array.type->list_size : 1;
  if (!array.type->is_list()) {
    for (ArrayPtr& child : result->children) {
      child = format::Slice(child, array.offset * factor, array.length * factor);
    }
  }
  return result;
}

// One stored form of a field: its values, and the ids of the columns behind them.
struct Source {
  ArrayPtr array;
  std::span<const int32_t> ids;
};

// `field` put together from several files: every member from the file that holds it, list bounds
// and their validity from the first. A struct is null where it is null in all of them, and what a
// file has below its nulls is null.
absl::StatusOr<ArrayPtr> Merge(const LanceField& field, std::span<const Source> sources) {
  std::vector<Source> holding;
  for (const Source& source : sources) {
    if (HoldsAny(field, source.ids)) {
      holding.push_back(source);
    }
  }
  if (holding.empty()) {
    return sources.front().array;
  }
  if (holding.size() == 1 || field.children.empty()) {
    return holding.front().array;
  }
  std::vector<std::shared_ptr<Array>> rebased;
  for (const Source& source : holding) {
    rebased.push_back(Rebased(*source.array));
    if (rebased.back()->children.size() != field.children.size() ||
        rebased.back()->length != rebased.front()->length) {
      return io::DataLossError(io::StrCat("field ", field.name, " differs between data files"));
    }
  }
  const auto result = std::make_shared<Array>(*rebased.front());
  const bool is_struct = result->type->id == format::TypeId::kStruct;
  if (is_struct) {
    format::SetValidWhereAny(std::vector<ArrayPtr>(rebased.begin(), rebased.end()), *result);
  }
  for (size_t i = 0; i < field.children.size(); ++i) {
    std::vector<Source> children;
    for (size_t k = 0; k < holding.size(); ++k) {
      const ArrayPtr& child = rebased[k]->children[i];
      children.push_back(
          {is_struct ? format::MaskedBy(*rebased[k], child) : child, holding[k].ids});
      if (children.back().array->length != children.front().array->length) {
        return io::DataLossError(
            io::StrCat("lists of field ", field.name, " differ between data files"));
      }
    }
    OG_ASSIGN_OR_RETURN(result->children[i], Merge(field.children[i], children));
  }
  return result;
}

// Brings the streams of several files to common batches.
class AlignedStreams {
 public:
  explicit AlignedStreams(std::vector<std::unique_ptr<format::BatchStream>> streams)
      : streams_(std::move(streams)), held_(streams_.size()) {}

  // As many rows of every stream; an empty list at the end.
  absl::StatusOr<std::vector<format::RecordBatch>> Next() {
    int64_t rows = -1;
    for (size_t i = 0; i < streams_.size(); ++i) {
      while (!held_[i] || held_[i]->num_rows == 0) {
        OG_ASSIGN_OR_RETURN(held_[i], streams_[i]->Next());
        if (!held_[i]) {
          if (i > 0) {
            return io::DataLossError("data files of one fragment have different numbers of rows");
          }
          return std::vector<format::RecordBatch>();
        }
      }
      rows = rows < 0 ? held_[i]->num_rows : std::min(rows, held_[i]->num_rows);
    }
    std::vector<format::RecordBatch> parts;
    for (std::optional<format::RecordBatch>& batch : held_) {
      if (batch->num_rows == rows) {
        parts.push_back(*std::move(batch));
        batch.reset();
      } else {
        parts.push_back(format::Slice(*batch, 0, rows));
        batch = format::Slice(*batch, rows, batch->num_rows - rows);
      }
    }
    return parts;
  }

 private:
  std::vector<std::unique_ptr<format::BatchStream>> streams_;
  std::vector<std::optional<format::RecordBatch>> held_;
};

}  // namespace

absl::StatusOr<BaseFolders> BaseFolders::Make(io::Env& env, const io::Location& root,
                                              const format::Manifest& manifest) {
  BaseFolders folders;
  folders.root_ = root;
  for (const format::BasePath& base : manifest.base_paths) {
    OG_ASSIGN_OR_RETURN(io::Location location, env.Resolve(base.path));
    folders.bases_.push_back({base.id, base.is_dataset_root, std::move(location)});
  }
  return folders;
}

absl::StatusOr<io::Location> BaseFolders::Folder(std::optional<uint32_t> base_id,
                                                 std::string_view name) const {
  if (!base_id) {
    return root_.Child(name);
  }
  const auto base = std::ranges::find(bases_, *base_id, &Base::id);
  if (base == bases_.end()) {
    return io::DataLossError(io::StrCat(root_.Uri(), ": base path ", *base_id, " is not declared"));
  }
  return base->is_dataset_root ? base->location.Child(name) : base->location;
}

absl::StatusOr<io::Location> BaseFolders::DataFile(const format::DataFile& file) const {
  OG_ASSIGN_OR_RETURN(const io::Location folder, Folder(file.base_id, kDataFolder));
  return folder.Child(file.path);
}

absl::StatusOr<io::Location> BaseFolders::DeletionFile(uint64_t fragment_id,
                                                       const format::DeletionFile& file) const {
  if (!file.base_id) {
    return root_.Child(format::DeletionFilePath(fragment_id, file));
  }
  const auto base = std::ranges::find(bases_, *file.base_id, &Base::id);
  if (base == bases_.end() || !base->is_dataset_root) {
    return io::DataLossError(io::StrCat(root_.Uri(), ": base path ", *file.base_id,
                                        " of a deletion file is no dataset"));
  }
  return base->location.Child(format::DeletionFilePath(fragment_id, file));
}

absl::StatusOr<io::Location> BaseFolders::BelowBase(uint32_t base_id, std::string_view path) const {
  const auto base = std::ranges::find(bases_, base_id, &Base::id);
  if (base == bases_.end()) {
    return io::DataLossError(io::StrCat(root_.Uri(), ": base path ", base_id, " is not declared"));
  }
  return base->location.Child(path);
}

// The batches of one fragment.
class FragmentStream final : public format::BatchStream {
 public:
  FragmentStream(std::shared_ptr<const FragmentReader> reader, AlignedStreams streams)
      : reader_(std::move(reader)), streams_(std::move(streams)) {}

  const format::SchemaPtr& schema() const override { return reader_->schema_; }

  absl::StatusOr<std::optional<format::RecordBatch>> Next() override {
    OG_ASSIGN_OR_RETURN(const std::vector<format::RecordBatch> parts, streams_.Next());
    if (parts.empty()) {
      return std::nullopt;
    }
    return reader_->Assemble(parts, parts.front().num_rows);
  }

 private:
  const std::shared_ptr<const FragmentReader> reader_;
  AlignedStreams streams_;
};

namespace {

// Rows without any stored column: nulls only.
class NullStream final : public format::BatchStream {
 public:
  NullStream(format::SchemaPtr schema, std::vector<format::RowRange> ranges, uint64_t batch_rows)
      : schema_(std::move(schema)), batch_rows_(batch_rows) {
    for (const format::RowRange& range : ranges) {
      left_ += range.end - range.begin;
    }
  }

  const format::SchemaPtr& schema() const override { return schema_; }

  absl::StatusOr<std::optional<format::RecordBatch>> Next() override {
    if (left_ == 0) {
      return std::nullopt;
    }
    const uint64_t rows = std::min(left_, batch_rows_);
    left_ -= rows;
    format::RecordBatch batch{
        .schema = schema_, .num_rows = static_cast<int64_t>(rows), .columns = {}};
    for (const format::Field& field : schema_->fields) {
      batch.columns.push_back(format::NullArray(field.type, batch.num_rows));
    }
    return batch;
  }

 private:
  const format::SchemaPtr schema_;
  const uint64_t batch_rows_;
  uint64_t left_ = 0;
};

}  // namespace

absl::StatusOr<std::shared_ptr<const FragmentReader>> FragmentReader::Open(
    Session& session, const BaseFolders& folders, const format::Manifest& manifest,
    const format::Fragment& fragment, Projection fields, const FragmentReadOptions& options) {
  OG_ASSIGN_OR_RETURN(const format::FileVersion version, VersionOf(manifest));
  auto reader = std::make_shared<FragmentReader>();
  reader->fields_ = std::move(fields);
  reader->options_ = options;
  reader->parts_of_.resize(reader->fields_.size());
  auto schema = std::make_shared<format::Schema>();
  for (const LanceField& field : reader->fields_) {
    const bool v1_blob = field.is_blob() && !field.is_blob_v2();
    OG_ASSIGN_OR_RETURN(format::Field arrow, format::ToArrow(field));
    if (field.is_blob() && !(v1_blob && options.blob_contents)) {
      arrow.type = format::BlobDescriptorType(!v1_blob);
    }
    schema->fields.push_back(std::move(arrow));
  }
  reader->schema_ = std::move(schema);

  for (const format::DataFile& file : fragment.files) {
    Part part;
    for (size_t i = 0; i < reader->fields_.size(); ++i) {
      const LanceField& field = reader->fields_[i];
      std::vector<int32_t> columns;
      for (const LanceField* owner : format::ColumnFields({&field, 1}, version)) {
        columns.push_back(ColumnOf(file, owner->id));
      }
      if (std::ranges::any_of(columns, [](int32_t column) { return column >= 0; })) {
        reader->parts_of_[i].push_back(reader->parts_.size());
        part.fields.push_back(i);
        part.requests.push_back({.field = field,
                                 .column_indices = std::move(columns),
                                 .blob_contents = options.blob_contents});
      }
    }
    if (part.fields.empty()) {
      continue;
    }
    part.field_ids = file.fields;
    OG_ASSIGN_OR_RETURN(part.location, folders.DataFile(file));
    OG_ASSIGN_OR_RETURN(part.reader, session.OpenFile(part.location, file.size_bytes));
    if (part.reader->num_rows() != fragment.physical_rows) {
      return io::DataLossError(io::StrCat(part.location.Uri(), " has ", part.reader->num_rows(),
                                          " rows, its fragment ", fragment.physical_rows));
    }
    reader->parts_.push_back(std::move(part));
  }
  return reader;
}

absl::StatusOr<std::unique_ptr<format::BatchStream>> FragmentReader::Scan(
    std::vector<format::RowRange> ranges) const {
  if (parts_.empty()) {
    return std::make_unique<NullStream>(schema_, std::move(ranges), options_.batch_rows);
  }
  std::vector<std::unique_ptr<format::BatchStream>> streams;
  for (const Part& part : parts_) {
    OG_ASSIGN_OR_RETURN(auto stream,
                        part.reader->Scan(part.requests, ranges,
                                          {.batch_rows = options_.batch_rows,
                                           .dictionary_strings = options_.dictionary_strings,
                                           .pool = options_.pool}));
    streams.push_back(std::move(stream));
  }
  return std::make_unique<FragmentStream>(shared_from_this(), AlignedStreams(std::move(streams)));
}

absl::StatusOr<format::RecordBatch> FragmentReader::Take(std::span<const uint64_t> rows) const {
  std::vector<format::RecordBatch> parts;
  for (const Part& part : parts_) {
    OG_ASSIGN_OR_RETURN(format::RecordBatch batch,
                        part.reader->Take(part.requests, rows, options_.pool));
    parts.push_back(std::move(batch));
  }
  return Assemble(parts, static_cast<int64_t>(rows.size()));
}

// What every data file contributes.
class FragmentReader::PendingTake final : public format::PendingRows {
 public:
  PendingTake(std::shared_ptr<const FragmentReader> reader, std::vector<uint64_t> rows)
      : reader_(std::move(reader)), rows_(std::move(rows)) {}

  absl::Status Start() {
    io::WorkerPool* const pool = reader_->options_.pool;
    if (pool == nullptr) {
      return absl::OkStatus();
    }
    for (const Part& part : reader_->parts_) {
      OG_ASSIGN_OR_RETURN(auto rows, part.reader->StartTake(part.requests, rows_, *pool));
      parts_.push_back(std::move(rows));
    }
    return absl::OkStatus();
  }

  absl::Status Decode() override {
    for (const std::unique_ptr<format::PendingRows>& part : parts_) {
      OG_RETURN_IF_ERROR(part->Decode());
    }
    return absl::OkStatus();
  }

  absl::StatusOr<format::RecordBatch> Wait() override {
    if (parts_.empty()) {
      return reader_->Take(rows_);
    }
    OG_RETURN_IF_ERROR(Decode());
    std::vector<format::RecordBatch> batches;
    for (const std::unique_ptr<format::PendingRows>& part : parts_) {
      OG_ASSIGN_OR_RETURN(format::RecordBatch batch, part->Wait());
      batches.push_back(std::move(batch));
    }
    return reader_->Assemble(batches, std::ssize(rows_));
  }

 private:
  const std::shared_ptr<const FragmentReader> reader_;
  const std::vector<uint64_t> rows_;
  std::vector<std::unique_ptr<format::PendingRows>> parts_;
};

absl::StatusOr<std::unique_ptr<format::PendingRows>> FragmentReader::StartTake(
    std::span<const uint64_t> rows) const {
  auto take = std::make_unique<PendingTake>(shared_from_this(),
                                            std::vector<uint64_t>(rows.begin(), rows.end()));
  OG_RETURN_IF_ERROR(take->Start());
  return take;
}

const io::Location* FragmentReader::file_of(size_t i) const {
  return parts_of_[i].empty() ? nullptr : &parts_[parts_of_[i].front()].location;
}

absl::StatusOr<format::RecordBatch> FragmentReader::Assemble(
    std::span<const format::RecordBatch> parts, int64_t num_rows) const {
  format::RecordBatch batch{.schema = schema_, .num_rows = num_rows, .columns = {}};
  batch.columns.resize(fields_.size());
  for (size_t i = 0; i < fields_.size(); ++i) {
    if (parts_of_[i].empty()) {
      batch.columns[i] = format::NullArray(schema_->fields[i].type, num_rows);
      continue;
    }
    std::vector<Source> sources;
    for (const size_t k : parts_of_[i]) {
      const auto position = std::ranges::find(parts_[k].fields, i) - parts_[k].fields.begin();
      sources.push_back({parts[k].columns[static_cast<size_t>(position)], parts_[k].field_ids});
    }
    if (sources.size() == 1) {
      batch.columns[i] = sources.front().array;
    } else {
      OG_ASSIGN_OR_RETURN(batch.columns[i], Merge(fields_[i], sources));
    }
  }
  return batch;
}

}  // namespace og::engine::dataset
