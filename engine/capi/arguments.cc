#include "engine/capi/arguments.h"

#include <limits>
#include <utility>

#include "format/arrow/c_data.h"
#include "io/base/status.h"
#include "io/base/status_macros.h"
#include "io/base/text.h"
#include "io/base/utf8.h"

namespace og::engine::capi {
namespace {

absl::StatusOr<std::string> Text(const char* text, std::string_view name) {
  if (!io::IsUtf8(text)) {
    return io::InvalidArgumentError(io::StrCat(name, " is not UTF-8"));
  }
  return std::string(text);
}

std::string ItemName(std::string_view name, size_t i) {
  return io::StrCat(name, "[", i, "]");
}

// The importers release what they read; this leaves the caller's struct alone.
absl::StatusOr<ArrowSchema> Borrowed(const ArrowSchema* schema, std::string_view name) {
  OG_RETURN_IF_ERROR(CheckNotNull(schema, name));
  if (schema->release == nullptr || schema->format == nullptr) {
    return io::InvalidArgumentError(io::StrCat(name, " was released or never filled"));
  }
  if (!io::IsUtf8(schema->format)) {
    return io::InvalidArgumentError(io::StrCat(name, ".format is not UTF-8"));
  }
  ArrowSchema borrowed = *schema;
  borrowed.release = [](ArrowSchema* copy) { copy->release = nullptr; };
  return borrowed;
}

absl::Status AsArgumentError(const absl::Status& status, std::string_view name) {
  return io::InvalidArgumentError(io::StrCat(name, ": ", io::Message(status)));
}

}  // namespace

absl::Status CheckNotNull(const void* argument, std::string_view name) {
  return argument != nullptr ? absl::OkStatus()
                             : io::InvalidArgumentError(io::StrCat(name, " must not be NULL"));
}

absl::StatusOr<std::string> RequiredText(const char* text, std::string_view name) {
  if (text == nullptr || *text == '\0') {
    return io::InvalidArgumentError(io::StrCat(name, " must not be NULL or empty"));
  }
  return Text(text, name);
}

absl::StatusOr<std::optional<std::string>> OptionalText(const char* text, std::string_view name) {
  if (text == nullptr) {
    return std::nullopt;
  }
  if (*text == '\0') {
    return io::InvalidArgumentError(io::StrCat(name, " must not be empty"));
  }
  return Text(text, name);
}

absl::StatusOr<std::vector<std::string>> RequiredTexts(const char* const* texts, size_t count,
                                                       std::string_view name) {
  OG_RETURN_IF_ERROR(CheckNotNull(texts, name));
  if (count == 0) {
    return io::InvalidArgumentError(io::StrCat(name, " must have at least one entry"));
  }
  std::vector<std::string> result;
  for (size_t i = 0; i < count; ++i) {
    OG_ASSIGN_OR_RETURN(std::string text, RequiredText(texts[i], ItemName(name, i)));
    result.push_back(std::move(text));
  }
  return result;
}

absl::StatusOr<std::optional<std::vector<std::string>>> OptionalList(const char* const* texts,
                                                                     std::string_view name) {
  if (texts == nullptr) {
    return std::nullopt;
  }
  std::vector<std::string> result;
  for (size_t i = 0; texts[i] != nullptr; ++i) {
    OG_ASSIGN_OR_RETURN(std::string text, Text(texts[i], ItemName(name, i)));
    result.push_back(std::move(text));
  }
  return result;
}

absl::StatusOr<StorageOptions> StorageOptionsOf(const char* const* texts) {
  OG_ASSIGN_OR_RETURN(const auto list, OptionalList(texts, "storage_opts"));
  StorageOptions options;
  if (!list.has_value()) {
    return options;
  }
  if (list->size() % 2 != 0) {
    return io::InvalidArgumentError(
        io::StrCat("storage_opts are keys and values in turn, got ", list->size(), " texts"));
  }
  for (size_t i = 0; i < list->size(); i += 2) {
    options[(*list)[i]] = (*list)[i + 1];
  }
  return options;
}

absl::StatusOr<format::SchemaPtr> BorrowSchema(const ArrowSchema* schema, std::string_view name) {
  OG_ASSIGN_OR_RETURN(ArrowSchema borrowed, Borrowed(schema, name));
  absl::StatusOr<format::SchemaPtr> result = format::ImportSchema(&borrowed);
  return result.ok() ? result : AsArgumentError(result.status(), name);
}

absl::StatusOr<format::TypePtr> BorrowType(const ArrowSchema* schema, std::string_view name) {
  OG_ASSIGN_OR_RETURN(ArrowSchema borrowed, Borrowed(schema, name));
  absl::StatusOr<format::Field> field = format::ImportField(&borrowed);
  if (!field.ok()) {
    return AsArgumentError(field.status(), name);
  }
  return field->type;
}

absl::StatusOr<std::unique_ptr<format::BatchStream>> TakeStream(ArrowArrayStream* stream,
                                                                std::string_view name) {
  OG_RETURN_IF_ERROR(CheckNotNull(stream, name));
  if (stream->release == nullptr) {
    return io::InvalidArgumentError(io::StrCat(name, " was released or never filled"));
  }
  if (stream->get_schema == nullptr || stream->get_next == nullptr) {
    const auto release = std::exchange(stream->release, nullptr);
    release(stream);
    return io::InvalidArgumentError(io::StrCat(name, " lacks get_schema or get_next"));
  }
  absl::StatusOr<std::unique_ptr<format::BatchStream>> result = format::ImportStream(stream);
  return result.ok() ? std::move(result) : AsArgumentError(result.status(), name);
}

absl::Status CheckBatchRows(uint64_t count) {
  if (count > std::numeric_limits<uint32_t>::max()) {
    return io::InvalidArgumentError(io::StrCat("batch_size is ", count, ", at most 4294967295"));
  }
  return absl::OkStatus();
}

}  // namespace og::engine::capi
