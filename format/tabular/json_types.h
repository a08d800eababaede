// The types of JSON rows that nobody declared, from the first of them.
//
//   true, false              bool
//   whole numbers            int64; uint64 if one does not fit and none is negative
//   other numbers            float64, also for whole ones beside them
//   strings                  utf8
//   arrays                   list of what their items have in common
//   objects                  struct of all members, in order of appearance
//   nothing but nulls        utf8
//
// All are nullable.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

#include "format/arrow/type.h"

namespace og::format {

// Thread-compatible.
class JsonTypeGuess {
 public:
  JsonTypeGuess();
  ~JsonTypeGuess();

  // kInvalidArgument for what is no JSON object, and for values that have no type together with
  // those of former rows.
  absl::Status Add(std::string_view line);
  SchemaPtr Schema() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace og::format
