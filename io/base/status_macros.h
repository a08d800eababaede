// Early return for absl::Status and absl::StatusOr. Abseil 20220623 has no such macros.
//
//   OG_RETURN_IF_ERROR(store.Delete(path));
//   OG_ASSIGN_OR_RETURN(const ObjectInfo info, store.Stat(path));
#pragma once

#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

#define OG_CONCAT_INNER(a, b) a##b
#define OG_CONCAT(a, b) OG_CONCAT_INNER(a, b)

#define OG_RETURN_IF_ERROR(expr)                            \
  do {                                                      \
    if (absl::Status og_status = (expr); !og_status.ok()) { \
      return og_status;                                     \
    }                                                       \
  } while (false)

#define OG_ASSIGN_OR_RETURN(lhs, expr) \
  OG_ASSIGN_OR_RETURN_INNER(OG_CONCAT(og_status_or_, __LINE__), lhs, expr)

#define OG_ASSIGN_OR_RETURN_INNER(tmp, lhs, expr) \
  auto tmp = (expr);                              \
  if (!tmp.ok()) {                                \
    return std::move(tmp).status();               \
  }                                               \
  lhs = std::move(tmp).value()
