// The words of recovery records that their writer and their reader share.
#pragma once

#include <optional>
#include <string_view>

#include "engine/graph/recovery/record.h"

namespace og::engine::graph {

inline constexpr std::string_view kMultiCommitHead = "MultiCommitHead";
inline constexpr std::string_view kRefOnlyFork = "RefOnlyFork";
inline constexpr std::string_view kExistingOverwrite = "ExistingOverwrite";
inline constexpr std::string_view kFirstTouchDataset = "FirstTouchDataset";

// The kind that WriterKindName() calls `name`.
std::optional<WriterKind> WriterKindNamed(std::string_view name);

// The member that holds the protocol of a kind: "protocol_v3", ... Not for kOptimize.
std::string_view ProtocolName(WriterKind kind);

}  // namespace og::engine::graph
