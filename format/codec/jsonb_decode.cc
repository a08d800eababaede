#include <bit>
#include <cstdint>
#include <optional>

#include "absl/status/status.h"

#include "format/codec/jsonb.h"
#include "format/codec/jsonb_kinds.h"
#include "io/base/json_writer.h"
#include "io/base/status.h"
#include "io/base/status_macros.h"
#include "io/base/text.h"
#include "io/base/utf8.h"

namespace og::format {
namespace {

constexpr size_t kWordBytes = 4;

// The big-endian integer that all of `bytes` make. REQUIRES: at most 8.
uint64_t LoadBe(std::string_view bytes) {
  uint64_t value = 0;
  for (const char byte : bytes) {
    value = value << 8 | static_cast<uint8_t>(byte);
  }
  return value;
}

// The same in two's complement.
int64_t LoadSignedBe(std::string_view bytes) {
  const auto unused_bits = static_cast<int>(64 - 8 * bytes.size());
  return static_cast<int64_t>(LoadBe(bytes) << unused_bits) >> unused_bits;
}

absl::Status Damaged(std::string_view what) {
  return io::DataLossError(io::StrCat("JSONB: ", what));
}

absl::Status AppendNumber(std::string_view bytes, std::string& text) {
  if (bytes.empty()) {
    return Damaged("a number of no bytes");
  }
  const auto type = static_cast<uint8_t>(bytes[0]);
  const std::string_view value = bytes.substr(1);
  const bool is_integer = std::has_single_bit(value.size()) && value.size() <= 8;
  switch (type) {
    case jsonb::kZero:
      text += '0';
      return absl::OkStatus();
    case jsonb::kNan:
    case jsonb::kInfinity:
    case jsonb::kNegativeInfinity:
      text += "null";
      return absl::OkStatus();
    case jsonb::kSigned:
      if (is_integer) {
        text += io::StrCat(LoadSignedBe(value));
        return absl::OkStatus();
      }
      break;
    case jsonb::kUnsigned:
      if (is_integer) {
        text += io::StrCat(LoadBe(value));
        return absl::OkStatus();
      }
      break;
    case jsonb::kDouble:
      if (value.size() == sizeof(double)) {
        io::AppendJsonFloat(text, std::bit_cast<double>(LoadBe(value)));
        return absl::OkStatus();
      }
      break;
    case jsonb::kDecimal:
      return io::UnimplementedError("JSONB with a decimal");
    default:
      break;
  }
  return Damaged(io::StrCat("a number of type ", type, " and ", value.size(), " bytes"));
}

absl::Status AppendString(std::string_view bytes, std::string& text) {
  if (!io::IsUtf8(bytes)) {
    return Damaged("a string that is not UTF-8");
  }
  io::AppendJsonString(text, bytes);
  return absl::OkStatus();
}

// Entries and payloads of one container, taken in their order.
class Elements {
 public:
  // The `num_entries` entries that `bytes` begin with and their payloads behind; nullopt if there
  // are not as many.
  static std::optional<Elements> Open(std::string_view bytes, uint64_t num_entries) {
    if (num_entries > bytes.size() / kWordBytes) {
      return std::nullopt;
    }
    Elements elements;
    elements.entries_ = bytes.substr(0, num_entries * kWordBytes);
    elements.payloads_ = bytes.substr(num_entries * kWordBytes);
    return elements;
  }

  struct Element {
    uint32_t kind = 0;
    std::string_view payload;
  };

  // REQUIRES: an entry is left.
  absl::StatusOr<Element> Next() {
    const auto entry = static_cast<uint32_t>(LoadBe(entries_.substr(0, kWordBytes)));
    entries_.remove_prefix(kWordBytes);
    const uint32_t length = entry & jsonb::kLengthMask;
    if (length > payloads_.size()) {
      return Damaged(io::StrCat("a value of ", length, " bytes, ", payloads_.size(), " are there"));
    }
    const Element element{.kind = entry & jsonb::kKindMask, .payload = payloads_.substr(0, length)};
    payloads_.remove_prefix(length);
    return element;
  }

 private:
  std::string_view entries_;
  std::string_view payloads_;
};

absl::Status AppendContainer(std::string_view bytes, int depth, std::string& text);

absl::Status AppendElement(const Elements::Element& element, int depth, std::string& text) {
  switch (element.kind) {
    case jsonb::kNull:
      text += "null";
      return absl::OkStatus();
    case jsonb::kFalse:
      text += "false";
      return absl::OkStatus();
    case jsonb::kTrue:
      text += "true";
      return absl::OkStatus();
    case jsonb::kString:
      return AppendString(element.payload, text);
    case jsonb::kNumber:
      return AppendNumber(element.payload, text);
    case jsonb::kContainer:
      return AppendContainer(element.payload, depth + 1, text);
    case jsonb::kExtension:
      return io::UnimplementedError("JSONB with a date, time or bytes");
    default:
      return Damaged(io::StrCat("a value of kind ", element.kind >> 28));
  }
}

absl::Status AppendArray(Elements elements, uint32_t count, int depth, std::string& text) {
  text += '[';
  for (uint32_t i = 0; i < count; ++i) {
    if (i > 0) {
      text += ',';
    }
    OG_ASSIGN_OR_RETURN(const Elements::Element element, elements.Next());
    OG_RETURN_IF_ERROR(AppendElement(element, depth, text));
  }
  text += ']';
  return absl::OkStatus();
}

// `keys` stands at the first key, `values` at the first value.
absl::Status AppendObject(Elements keys, Elements values, uint32_t count, int depth,
                          std::string& text) {
  text += '{';
  for (uint32_t i = 0; i < count; ++i) {
    if (i > 0) {
      text += ',';
    }
    OG_ASSIGN_OR_RETURN(const Elements::Element key, keys.Next());
    OG_RETURN_IF_ERROR(AppendString(key.payload, text));
    text += ':';
    OG_ASSIGN_OR_RETURN(const Elements::Element value, values.Next());
    OG_RETURN_IF_ERROR(AppendElement(value, depth, text));
  }
  text += '}';
  return absl::OkStatus();
}

absl::Status AppendContainer(std::string_view bytes, int depth, std::string& text) {
  if (depth >= kJsonDepthMax) {
    return Damaged(io::StrCat("nested deeper than ", kJsonDepthMax, " levels"));
  }
  if (bytes.size() < kWordBytes) {
    return Damaged(io::StrCat("a container of ", bytes.size(), " bytes"));
  }
  const auto header = static_cast<uint32_t>(LoadBe(bytes.substr(0, kWordBytes)));
  const uint32_t count = header & jsonb::kCountMask;
  const uint32_t type = header & jsonb::kContainerMask;
  const bool is_scalar = header == jsonb::kScalar && depth == 0;
  if (!is_scalar && type != jsonb::kArray && type != jsonb::kObject) {
    return Damaged(io::StrCat("a container with the header ", header));
  }
  const uint64_t num_entries = is_scalar                ? 1
                               : type == jsonb::kObject ? uint64_t{count} * 2
                                                        : uint64_t{count};
  std::optional<Elements> elements = Elements::Open(bytes.substr(kWordBytes), num_entries);
  if (!elements) {
    return Damaged(io::StrCat("a container of ", count, " elements in ", bytes.size(), " bytes"));
  }
  if (is_scalar) {
    OG_ASSIGN_OR_RETURN(const Elements::Element element, elements->Next());
    if (element.kind == jsonb::kContainer) {
      return Damaged("a container as scalar");
    }
    return AppendElement(element, depth, text);
  }
  if (type == jsonb::kArray) {
    return AppendArray(*elements, count, depth, text);
  }
  Elements values = *elements;
  for (uint32_t i = 0; i < count; ++i) {
    OG_ASSIGN_OR_RETURN(const Elements::Element key, values.Next());
    if (key.kind != jsonb::kString) {
      return Damaged(io::StrCat("a key of kind ", key.kind >> 28));
    }
  }
  return AppendObject(*elements, values, count, depth, text);
}

}  // namespace

absl::StatusOr<std::string> DecodeJsonb(std::string_view jsonb) {
  if (jsonb.empty()) {
    return std::string("null");
  }
  std::string text;
  const absl::Status status = AppendContainer(jsonb, 0, text);
  if (status.ok()) {
    return text;
  }
  // Every container that is not enormous has a zero byte in its header.
  const bool may_be_text = jsonb.find('\0') == std::string_view::npos && io::IsUtf8(jsonb);
  if (absl::IsDataLoss(status) && may_be_text) {
    return std::string(jsonb);
  }
  return status;
}

}  // namespace og::format
