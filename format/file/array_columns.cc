#include "format/file/array_columns.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "io/base/bits.h"
#include "io/base/status.h"
#include "io/base/status_macros.h"
#include "io/base/text.h"

namespace og::format {
namespace {

absl::Status CannotHold(const LanceField& field, const DataType& type) {
  return io::UnimplementedError(
      io::StrCat("field \"", field.name, "\": file version 2.0 cannot hold ", type.ToString()));
}

absl::Status Plan(const LanceField& field, const TypePtr& type, ForcedCodec forced_codec,
                  std::vector<ArrayColumn>& out) {
  ArrayColumn column;
  column.field_id = field.id;
  column.plan.type = type;
  column.plan.codec = CodecOptionsOf(field.metadata);
  column.plan.codec.forced_codec = forced_codec;
  if (field.is_blob()) {
    if (field.is_blob_v2() || type->id != TypeId::kLargeBinary) {
      return CannotHold(field, *type);
    }
    column.is_blob = true;
    column.plan.type = BlobDescriptorType(/*is_v2=*/false);
    out.push_back(std::move(column));
    return absl::OkStatus();
  }
  if (type->id == TypeId::kMap) {
    return CannotHold(field, *type);
  }
  if (field.children.empty() || !ChildrenHaveColumns(field)) {
    column.plan.kind = type->id == TypeId::kStruct && field.children.empty()
                           ? ArrayColumnPlan::Kind::kHeader
                           : ArrayColumnPlan::Kind::kValues;
    out.push_back(std::move(column));
    return absl::OkStatus();
  }
  if (type->is_list()) {
    column.plan.kind = ArrayColumnPlan::Kind::kList;
  } else if (type->id == TypeId::kStruct) {
    column.plan.kind = ArrayColumnPlan::Kind::kHeader;
  } else {
    return CannotHold(field, *type);
  }
  out.push_back(std::move(column));
  for (size_t i = 0; i < field.children.size(); ++i) {
    OG_RETURN_IF_ERROR(Plan(field.children[i], type->children[i].type, forced_codec, out));
  }
  return absl::OkStatus();
}

// `child`, as long as `parent`, with the nulls of `parent` too.
ArrayPtr WithNullsOf(const Array& parent, const ArrayPtr& child) {
  if (parent.null_count == 0 || child->type->id == TypeId::kNull) {
    return child;
  }
  auto masked = std::make_shared<Array>(*child);
  const auto n = static_cast<size_t>(child->length);
  const auto first = static_cast<size_t>(child->offset);
  io::MutableBuffer bits(io::BytesForBits(first + n));
  std::fill_n(bits.data(), bits.size(), std::byte{0});
  masked->null_count = 0;
  for (size_t i = 0; i < n; ++i) {
    const auto at = static_cast<int64_t>(i);
    const bool is_valid = parent.IsValid(at) && child->IsValid(at);
    io::WriteBit(bits.data(), first + i, is_valid);
    masked->null_count += is_valid ? 0 : 1;
  }
  masked->validity = std::move(bits).Share();
  return masked;
}

// The items of the lists that are not null.
ArrayPtr ItemsOf(const Array& lists) {
  const ArrayPtr& child = lists.children[0];
  std::vector<ArrayPtr> parts;
  int64_t begin = lists.OffsetAt(0);
  int64_t end = begin;
  const auto flush = [&] {
    if (end > begin) {
      parts.push_back(Slice(child, begin, end - begin));
    }
  };
  for (int64_t i = 0; i < lists.length; ++i) {
    const int64_t next = lists.OffsetAt(i + 1);
    if (lists.IsNull(i) && next > end) {
      flush();
      begin = next;
    }
    end = next;
  }
  flush();
  if (parts.empty()) {
    return EmptyArray(child->type);
  }
  return parts.size() == 1 ? parts[0] : Concat(parts);
}

ArrayPtr LengthsOf(const Array& lists) {
  auto lengths = std::make_shared<Array>();
  lengths->type = Uint64();
  lengths->length = lists.length;
  lengths->null_count = lists.null_count;
  const auto n = static_cast<size_t>(lists.length);
  io::MutableBuffer values(n * sizeof(uint64_t));
  for (int64_t i = 0; i < lists.length; ++i) {
    const int64_t length = lists.IsNull(i) ? 0 : lists.OffsetAt(i + 1) - lists.OffsetAt(i);
    std::memcpy(values.data() + static_cast<size_t>(i) * sizeof length, &length, sizeof length);
  }
  lengths->values = std::move(values).Share();
  if (lists.null_count != 0) {
    io::MutableBuffer bits(io::BytesForBits(n));
    std::fill_n(bits.data(), bits.size(), std::byte{0});
    io::CopyBits(lists.validity.data(), static_cast<size_t>(lists.offset), bits.data(), 0, n);
    lengths->validity = std::move(bits).Share();
  }
  return lengths;
}

void Split(const LanceField& field, const ArrayPtr& rows, std::vector<ArrayPtr>& out) {
  if (field.children.empty() || !ChildrenHaveColumns(field)) {
    out.push_back(rows);
    return;
  }
  if (rows->type->is_list()) {
    out.push_back(LengthsOf(*rows));
    Split(field.children[0], ItemsOf(*rows), out);
    return;
  }
  out.push_back(rows);
  for (size_t i = 0; i < field.children.size(); ++i) {
    const ArrayPtr child = Slice(rows->children[i], rows->offset, rows->length);
    Split(field.children[i], WithNullsOf(*rows, child), out);
  }
}

}  // namespace

absl::StatusOr<std::vector<ArrayColumn>> ArrayColumnsOf(const LanceField& field,
                                                        const TypePtr& type,
                                                        ForcedCodec forced_codec) {
  std::vector<ArrayColumn> columns;
  OG_RETURN_IF_ERROR(Plan(field, type, forced_codec, columns));
  return columns;
}

std::vector<ArrayPtr> SplitIntoColumns(const LanceField& field, const ArrayPtr& rows) {
  std::vector<ArrayPtr> pieces;
  Split(field, rows, pieces);
  return pieces;
}

absl::StatusOr<ArrayPtr> WriteArrayBlobs(const Array& values, uint64_t null_position,
                                         FileSink& file) {
  const auto n = static_cast<size_t>(values.length);
  io::MutableBuffer positions(n * sizeof(uint64_t));
  io::MutableBuffer sizes(n * sizeof(uint64_t));
  for (size_t i = 0; i < n; ++i) {
    uint64_t position = 0;
    uint64_t size = 0;
    if (values.IsNull(static_cast<int64_t>(i))) {
      position = null_position;
    } else if (const auto bytes = io::AsBytes(values.StringValue(static_cast<int64_t>(i)));
               !bytes.empty()) {
      OG_RETURN_IF_ERROR(file.Align());
      position = file.position();
      size = bytes.size();
      OG_RETURN_IF_ERROR(file.Append(bytes));
    }
    std::memcpy(positions.data() + i * sizeof position, &position, sizeof position);
    std::memcpy(sizes.data() + i * sizeof size, &size, sizeof size);
  }
  auto rows = std::make_shared<Array>();
  rows->type = BlobDescriptorType(/*is_v2=*/false);
  rows->length = values.length;
  for (io::MutableBuffer* member : {&positions, &sizes}) {
    auto child = std::make_shared<Array>();
    child->type = Uint64();
    child->length = values.length;
    child->values = std::move(*member).Share();
    rows->children.push_back(std::move(child));
  }
  return rows;
}

}  // namespace og::format
