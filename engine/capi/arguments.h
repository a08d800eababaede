// What comes in through lance.h: strings, lists, schemas and streams, checked before use.
//
// Each error is kInvalidArgument and begins with the name of the argument.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

#include "engine/capi/lance/lance.h"
#include "format/arrow/array.h"
#include "format/arrow/type.h"

namespace og::engine::capi {

absl::Status CheckNotNull(const void* argument, std::string_view name);

// A text that has to be there and not be empty.
absl::StatusOr<std::string> RequiredText(const char* text, std::string_view name);
// nullopt for NULL; a text that is there is not empty.
absl::StatusOr<std::optional<std::string>> OptionalText(const char* text, std::string_view name);
// `count` required texts, at least one.
absl::StatusOr<std::vector<std::string>> RequiredTexts(const char* const* texts, size_t count,
                                                       std::string_view name);
// A list that ends with NULL; nullopt for NULL.
absl::StatusOr<std::optional<std::vector<std::string>>> OptionalList(const char* const* texts,
                                                                     std::string_view name);

// Keys and values in turn up to NULL; empty for NULL.
using StorageOptions = std::map<std::string, std::string>;
absl::StatusOr<StorageOptions> StorageOptionsOf(const char* const* texts);

// Reads `schema` and leaves it to its owner.
absl::StatusOr<format::SchemaPtr> BorrowSchema(const ArrowSchema* schema, std::string_view name);
absl::StatusOr<format::TypePtr> BorrowType(const ArrowSchema* schema, std::string_view name);

// Takes `stream` over: whatever happens, it is released by us. kInvalidArgument also where the
// stream lacks a callback or cannot tell its schema.
absl::StatusOr<std::unique_ptr<format::BatchStream>> TakeStream(ArrowArrayStream* stream,
                                                                std::string_view name);

// Whether `count` fits into 32 bits.
absl::Status CheckBatchRows(uint64_t count);

}  // namespace og::engine::capi
