#include "format/table/carried.h"

#include <optional>

#include "io/base/check.h"
#include "io/base/status.h"
#include "io/base/status_macros.h"

namespace og::format {
namespace {

// One field of a message: a number, or the bytes of a length-delimited one.
struct WireField {
  uint32_t number = 0;
  uint64_t value = 0;
  std::string_view bytes;
  bool is_bytes = false;
};

// Walks the fields of an encoded message.
class WireReader {
 public:
  explicit WireReader(std::string_view message) : left_(message) {}

  // nullopt at the end; kDataLoss for what is no message.
  absl::StatusOr<std::optional<WireField>> Next() {
    if (left_.empty()) {
      return std::nullopt;
    }
    OG_ASSIGN_OR_RETURN(const uint64_t tag, Varint());
    WireField field;
    field.number = static_cast<uint32_t>(tag >> 3);
    switch (tag & 7) {
      case 0: {
        OG_ASSIGN_OR_RETURN(field.value, Varint());
        return field;
      }
      case 1:
        OG_RETURN_IF_ERROR(Skip(8));
        return field;
      case 2: {
        OG_ASSIGN_OR_RETURN(const uint64_t length, Varint());
        if (length > left_.size()) {
          return Damaged();
        }
        field.bytes = left_.substr(0, length);
        field.is_bytes = true;
        left_.remove_prefix(length);
        return field;
      }
      case 5:
        OG_RETURN_IF_ERROR(Skip(4));
        return field;
      default:
        return Damaged();
    }
  }

  absl::StatusOr<uint64_t> Varint() {
    uint64_t value = 0;
    for (int shift = 0; shift < 64; shift += 7) {
      if (left_.empty()) {
        return Damaged();
      }
      const auto byte = static_cast<unsigned char>(left_.front());
      left_.remove_prefix(1);
      value |= uint64_t{byte & 0x7fu} << shift;
      if (byte < 0x80) {
        return value;
      }
    }
    return Damaged();
  }

  bool at_end() const { return left_.empty(); }

 private:
  static absl::Status Damaged() { return io::DataLossError("damaged transaction message"); }

  absl::Status Skip(size_t count) {
    if (count > left_.size()) {
      return Damaged();
    }
    left_.remove_prefix(count);
    return absl::OkStatus();
  }

  std::string_view left_;
};

// The messages in field 1 of `message`.
absl::StatusOr<std::vector<std::string_view>> FirstFields(std::string_view message) {
  std::vector<std::string_view> parts;
  WireReader reader(message);
  while (true) {
    OG_ASSIGN_OR_RETURN(const std::optional<WireField> field, reader.Next());
    if (!field) {
      return parts;
    }
    if (field->number == 1 && field->is_bytes) {
      parts.push_back(field->bytes);
    }
  }
}

// Field `fields` of a DataFile, packed or not.
absl::Status ReadFileFields(std::string_view file, std::vector<int32_t>& fields) {
  constexpr uint32_t kFields = 2;
  WireReader reader(file);
  while (true) {
    OG_ASSIGN_OR_RETURN(const std::optional<WireField> field, reader.Next());
    if (!field) {
      return absl::OkStatus();
    }
    if (field->number != kFields) {
      continue;
    }
    if (!field->is_bytes) {
      fields.push_back(static_cast<int32_t>(field->value));
      continue;
    }
    WireReader packed(field->bytes);
    while (!packed.at_end()) {
      OG_ASSIGN_OR_RETURN(const uint64_t id, packed.Varint());
      fields.push_back(static_cast<int32_t>(id));
    }
  }
}

}  // namespace

absl::StatusOr<std::vector<DataReplacement>> DecodeDataReplacement(
    const CarriedOperation& operation) {
  OG_CHECK(operation.field_number == kDataReplacementOperation);
  OG_ASSIGN_OR_RETURN(const std::vector<std::string_view> groups, FirstFields(operation.message));
  std::vector<DataReplacement> replacements;
  for (const std::string_view group : groups) {
    DataReplacement& replacement = replacements.emplace_back();
    WireReader reader(group);
    while (true) {
      OG_ASSIGN_OR_RETURN(const std::optional<WireField> field, reader.Next());
      if (!field) {
        break;
      }
      if (field->number == 1 && !field->is_bytes) {
        replacement.fragment_id = field->value;
      } else if (field->number == 2 && field->is_bytes) {
        OG_RETURN_IF_ERROR(ReadFileFields(field->bytes, replacement.fields));
      }
    }
  }
  return replacements;
}

absl::StatusOr<std::vector<uint64_t>> DecodeOverlaidFragments(const CarriedOperation& operation) {
  OG_CHECK(operation.field_number == kDataOverlayOperation);
  OG_ASSIGN_OR_RETURN(const std::vector<std::string_view> groups, FirstFields(operation.message));
  std::vector<uint64_t> fragments;
  for (const std::string_view group : groups) {
    uint64_t fragment = 0;
    WireReader reader(group);
    while (true) {
      OG_ASSIGN_OR_RETURN(const std::optional<WireField> field, reader.Next());
      if (!field) {
        break;
      }
      if (field->number == 1 && !field->is_bytes) {
        fragment = field->value;
      }
    }
    fragments.push_back(fragment);
  }
  return fragments;
}

absl::StatusOr<CompactedTable> DecodeCompactedTable(std::string_view message) {
  CompactedTable table;
  WireReader reader(message);
  while (true) {
    OG_ASSIGN_OR_RETURN(const std::optional<WireField> field, reader.Next());
    if (!field) {
      return table;
    }
    if (field->number == 1 && field->is_bytes) {
      table.shard_id = field->bytes;
    } else if (field->number == 2 && !field->is_bytes) {
      table.generation = field->value;
    }
  }
}

absl::StatusOr<std::vector<CompactedTable>> DecodeMemWalState(const CarriedOperation& operation) {
  OG_CHECK(operation.field_number == kUpdateMemWalStateOperation);
  OG_ASSIGN_OR_RETURN(const std::vector<std::string_view> parts, FirstFields(operation.message));
  std::vector<CompactedTable> tables;
  for (const std::string_view part : parts) {
    OG_ASSIGN_OR_RETURN(CompactedTable table, DecodeCompactedTable(part));
    tables.push_back(std::move(table));
  }
  return tables;
}

}  // namespace og::format
