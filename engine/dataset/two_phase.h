// Writing in one place and committing in another: staged changes and new fragments as plain text
// that can be sent.
//
//   std::string text = StagedToJson(*table->StageAppend(rows, {}));        // there
//   OG_ASSIGN_OR_RETURN(table, table->Commit(*StagedFromJson(text), {}));  // here
//
// Fragments have the form of the library's FragmentMetadata.to_json(), so that each side may write
// and the other commit. A member that it does not know is refused, never dropped.
//
// Source: lance-table 10.0.0: src/format/fragment.rs (serde).
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

#include "engine/dataset/dataset.h"
#include "format/table/manifest.h"

namespace og::engine::dataset {

// {"read_version":...,"transaction":"<hexadecimal digits of the message>","files":[...],...}
std::string StagedToJson(const StagedTransaction& staged);

// kInvalidArgument for text of another form, kDataLoss for a message that does not parse.
absl::StatusOr<StagedTransaction> StagedFromJson(std::string_view json);

// One fragment. kUnimplemented for row ids or versions in files of their own and for overlays.
absl::StatusOr<std::string> FragmentToJson(const format::Fragment& fragment);
absl::StatusOr<format::Fragment> FragmentFromJson(std::string_view json);

// The append of fragments whose files were written below this dataset's root, by whomever. They
// are synced before they become visible. kInvalidArgument for fragments that have an id already or
// data files of another version.
absl::StatusOr<StagedTransaction> StageFragments(const Dataset& dataset,
                                                 std::vector<format::Fragment> fragments,
                                                 const WriteOptions& options);

}  // namespace og::engine::dataset
