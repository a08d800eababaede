// What transactions say that this version carries but does not make: enough of them to tell whether
// one of ours meets them.
//
// Source: lance: protos/transaction.proto (DataReplacement, UpdateMemWalState, DataOverlay).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

#include "format/table/transaction.h"

namespace og::format {

inline constexpr uint32_t kDataReplacementOperation = 111;
inline constexpr uint32_t kUpdateMemWalStateOperation = 112;
inline constexpr uint32_t kDataOverlayOperation = 115;

// A data file that takes the place of those that held its fields.
struct DataReplacement {
  uint64_t fragment_id = 0;
  std::vector<int32_t> fields;
};

// kDataLoss if the message does not parse. REQUIRES: a data replacement.
absl::StatusOr<std::vector<DataReplacement>> DecodeDataReplacement(
    const CarriedOperation& operation);

// The fragments that get overlays. kDataLoss if the message does not parse. REQUIRES: a data
// overlay.
absl::StatusOr<std::vector<uint64_t>> DecodeOverlaidFragments(const CarriedOperation& operation);

// A table of a write-ahead log that became part of the dataset.
struct CompactedTable {
  std::string shard_id;
  uint64_t generation = 0;
};

// kDataLoss if the message does not parse. REQUIRES: a change of the log's state.
absl::StatusOr<std::vector<CompactedTable>> DecodeMemWalState(const CarriedOperation& operation);

// One encoded CompactedTable, as Updates list them.
absl::StatusOr<CompactedTable> DecodeCompactedTable(std::string_view message);

}  // namespace og::format
