// BTREE indexes: writing. Rows come in any order, or as the entries of older indexes, which are
// sorted already; the result is one index over all of them. Rows that do not fit into the memory
// that is granted are sorted in runs, kept in a temporary file and merged at the end.
//
//   OG_ASSIGN_OR_RETURN(auto builder, BtreeBuilder::Open(folder, options));
//   OG_RETURN_IF_ERROR(builder->Add(values, row_ids));
//   OG_ASSIGN_OR_RETURN(const BtreeFiles files, builder->Finish());
//
// Source: lance-index 10.0.0: src/scalar/btree.rs (train_btree_index, update, remap).
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

#include "format/arrow/array.h"
#include "format/file/footer.h"
#include "index/scalar/btree.h"
#include "io/env/memory_budget.h"
#include "io/store/store.h"

namespace og::index {

struct BtreeBuildOptions {
  format::TypePtr type;  // of the column
  format::FileVersion version = format::FileVersion::kV2_2;
  uint32_t page_rows = kBtreePageRows;
  io::WorkerPool* pool = nullptr;
  // Where the rows of a run are reserved.
  std::shared_ptr<io::MemoryBudget> memory = {};
  // Bytes of a run after which it goes to the temporary file, memory or not.
  uint64_t run_bytes_max = uint64_t{1} << 30;
};

struct BtreeFiles {
  uint64_t lookup_bytes = 0;
  uint64_t data_bytes = 0;
  std::vector<std::string> paths;  // in the store of the folder
  uint64_t num_rows = 0;
  size_t num_runs_spilled = 0;
};

// Looks at the ids of old entries and changes them in place; entry i goes if kept[i] is set to 0.
using RowIdChange = std::function<absl::Status(std::span<uint64_t> ids, std::span<uint8_t> kept)>;

// Thread-compatible.
class BtreeBuilder {
 public:
  //   kUnimplemented  a type without an order
  static absl::StatusOr<std::unique_ptr<BtreeBuilder>> Open(const io::Location& folder,
                                                            const BtreeBuildOptions& options);
  virtual ~BtreeBuilder() = default;

  // Rows with these values; `ids` has one id a value.
  virtual absl::Status Add(const format::ArrayPtr& values, std::span<const uint64_t> ids) = 0;

  // The entries of `index`, an index of the same type.
  virtual absl::Status AddEntries(std::shared_ptr<const BtreeIndex> index, RowIdChange change) = 0;

  // Writes the files. No other call may follow.
  virtual absl::StatusOr<BtreeFiles> Finish() = 0;
};

}  // namespace og::index
