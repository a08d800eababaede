#include "engine/dataset/moved_blobs.h"

#include <algorithm>
#include <optional>

#include "engine/dataset/blob_reader.h"
#include "engine/dataset/output.h"
#include "format/arrow/builder.h"
#include "format/file/lance_schema.h"
#include "io/base/status.h"
#include "io/base/status_macros.h"
#include "io/base/text.h"

namespace og::engine::dataset {
namespace {

using format::Array;
using format::ArrayPtr;
using format::RecordBatch;

constexpr uint8_t kExternalBlob = 3;
constexpr uint64_t kBatchBlobBytes = uint64_t{32} << 20;

format::TypePtr ContentType() {
  static const format::TypePtr type = format::Struct({{"data", format::LargeBinary(), true, {}},
                                                      {"uri", format::Utf8(), true, {}},
                                                      {"position", format::Uint64(), true, {}},
                                                      {"size", format::Uint64(), true, {}}});
  return type;
}

// A view of `descriptors` in which blobs that lie elsewhere are empty, so that only contents of
// data files are fetched.
absl::StatusOr<ArrayPtr> Contents(const DatasetHandle& dataset, const io::Location& file,
                                  const ArrayPtr& descriptors) {
  auto own = std::make_shared<Array>(*format::Slice(descriptors, 0, descriptors->length));
  const ArrayPtr kinds = format::Slice(own->children[0], own->offset, own->length);
  const bool any_elsewhere = std::ranges::any_of(
      kinds->Values<uint8_t>(), [](uint8_t kind) { return kind == kExternalBlob; });
  if (!any_elsewhere) {
    return ReadBlobs(dataset.env(), dataset.folders(), file, *own);
  }
  format::StructBuilder builder(own->type);
  for (int64_t i = 0; i < own->length; ++i) {
    if (own->IsNull(i) || kinds->Value<uint8_t>(i) == kExternalBlob) {
      builder.AppendNull();
    } else {
      builder.AppendSlice(*own, i, 1);
    }
  }
  const ArrayPtr inside = builder.Finish();
  return ReadBlobs(dataset.env(), dataset.folders(), file, *inside);
}

// The rows of one fragment.
absl::StatusOr<ArrayPtr> ContentOf(const DatasetHandle& dataset, const format::Fragment& fragment,
                                   int32_t field_id, const ArrayPtr& descriptors) {
  OG_ASSIGN_OR_RETURN(const auto file, FileOfField(dataset.folders(), fragment, field_id));
  if (!file) {
    return format::NullArray(ContentType(), descriptors->length);
  }
  OG_ASSIGN_OR_RETURN(const ArrayPtr data, Contents(dataset, *file, descriptors));
  const auto member = [&](size_t i) {
    return format::Slice(descriptors->children[i], descriptors->offset, descriptors->length);
  };
  const ArrayPtr kind = member(0);
  const ArrayPtr position = member(1);
  const ArrayPtr size = member(2);
  const ArrayPtr base = member(3);
  const ArrayPtr uri = member(4);
  format::StructBuilder builder(ContentType());
  auto& uris = static_cast<format::StringBuilder&>(builder.child(1));
  auto& positions = static_cast<format::FixedBuilder<uint64_t>&>(builder.child(2));
  auto& sizes = static_cast<format::FixedBuilder<uint64_t>&>(builder.child(3));
  for (int64_t i = 0; i < descriptors->length; ++i) {
    if (descriptors->IsNull(i)) {
      builder.AppendNull();
      continue;
    }
    if (kind->Value<uint8_t>(i) != kExternalBlob) {
      builder.child(0).AppendSlice(*data, i, 1);
      uris.AppendNull();
      positions.AppendNull();
      sizes.AppendNull();
    } else {
      builder.child(0).AppendNull();
      const auto base_id = base->Value<uint32_t>(i);
      if (base_id == 0) {
        uris.Append(uri->StringValue(i));
      } else {
        OG_ASSIGN_OR_RETURN(const io::Location place,
                            dataset.folders().BelowBase(base_id, uri->StringValue(i)));
        uris.Append(place.Uri());
      }
      positions.Append(position->Value<uint64_t>(i));
      sizes.Append(size->Value<uint64_t>(i));
    }
    builder.Append();
  }
  return builder.Finish();
}

class ContentStream final : public format::BatchStream {
 public:
  ContentStream(const DatasetHandle& dataset, std::unique_ptr<format::BatchStream> descriptors)
      : dataset_(dataset), descriptors_(std::move(descriptors)) {
    auto schema = std::make_shared<format::Schema>();
    for (const format::Field& field : descriptors_->schema()->fields) {
      if (field.name == kRowAddressColumn) {
        continue;
      }
      schema->fields.push_back(field);
      const format::LanceField* stored = dataset.lance_schema().Find(field.name);
      if (stored != nullptr && stored->is_blob_v2()) {
        schema->fields.back().type = ContentType();
      }
    }
    schema_ = std::move(schema);
  }

  const format::SchemaPtr& schema() const override { return schema_; }

  absl::StatusOr<std::optional<RecordBatch>> Next() override {
    while (at_ == pending_.num_rows) {
      OG_ASSIGN_OR_RETURN(std::optional<RecordBatch> batch, descriptors_->Next());
      if (!batch) {
        return std::nullopt;
      }
      pending_ = *std::move(batch);
      at_ = 0;
    }
    const int64_t count = RowsThatFit();
    OG_ASSIGN_OR_RETURN(RecordBatch rows, Convert(format::Slice(pending_, at_, count)));
    at_ += count;
    return rows;
  }

 private:
  // How many rows from at_ on are of one fragment and have blobs that fit; at least one.
  int64_t RowsThatFit() const {
    const auto addresses = pending_.Column(kRowAddressColumn)->Values<uint64_t>();
    uint64_t bytes = 0;
    for (int64_t row = at_; row < pending_.num_rows; ++row) {
      for (size_t i = 0; i < pending_.columns.size(); ++i) {
        const format::LanceField* field =
            dataset_.lance_schema().Find(pending_.schema->fields[i].name);
        const Array& column = *pending_.columns[i];
        if (field != nullptr && field->is_blob_v2() && column.IsValid(row)) {
          bytes += column.children[2]->Value<uint64_t>(column.offset + row);
        }
      }
      const bool other_fragment =
          addresses[static_cast<size_t>(row)] >> 32 != addresses[static_cast<size_t>(at_)] >> 32;
      if (row > at_ && (other_fragment || bytes > kBatchBlobBytes)) {
        return row - at_;
      }
    }
    return pending_.num_rows - at_;
  }

  absl::StatusOr<RecordBatch> Convert(const RecordBatch& rows) const {
    const uint64_t address = rows.Column(kRowAddressColumn)->Value<uint64_t>(0);
    const format::Fragment* fragment = dataset_.manifest().FindFragment(address >> 32);
    if (fragment == nullptr) {
      return io::InternalError(io::StrCat("a scan gave a row of fragment ", address >> 32));
    }
    RecordBatch converted{.schema = schema_, .num_rows = rows.num_rows, .columns = {}};
    for (size_t i = 0; i < rows.columns.size(); ++i) {
      const std::string& name = rows.schema->fields[i].name;
      if (name == kRowAddressColumn) {
        continue;
      }
      const format::LanceField* field = dataset_.lance_schema().Find(name);
      ArrayPtr column = rows.columns[i];
      if (field != nullptr && field->is_blob_v2()) {
        OG_ASSIGN_OR_RETURN(column, ContentOf(dataset_, *fragment, field->id, column));
      }
      converted.columns.push_back(std::move(column));
    }
    return converted;
  }

  const DatasetHandle& dataset_;
  const std::unique_ptr<format::BatchStream> descriptors_;
  format::SchemaPtr schema_;
  RecordBatch pending_;
  int64_t at_ = 0;
};

}  // namespace

bool HasBlobsV2(const format::LanceSchema& schema) {
  return std::ranges::any_of(schema.fields,
                             [](const format::LanceField& field) { return field.is_blob_v2(); });
}

absl::StatusOr<std::unique_ptr<format::BatchStream>> WithBlobContents(
    const DatasetHandle& dataset, std::unique_ptr<format::BatchStream> descriptors) {
  return std::make_unique<ContentStream>(dataset, std::move(descriptors));
}

}  // namespace og::engine::dataset
