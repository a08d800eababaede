#include "engine/exec/rows.h"

#include <algorithm>
#include <numeric>
#include <utility>

#include "engine/dataset/positions.h"
#include "format/arrow/builder.h"
#include "io/base/status.h"
#include "io/base/status_macros.h"

namespace og::engine::exec {

using format::ArrayPtr;

namespace {

std::vector<int64_t> Indices(std::span<const uint32_t> slots) {
  return {slots.begin(), slots.end()};
}

// Whether `slots` are all of `count` entities in their order, as behind a scan.
bool IsEachOnce(std::span<const uint32_t> slots, int64_t count) {
  if (slots.size() != static_cast<size_t>(count)) return false;
  for (size_t i = 0; i < slots.size(); ++i) {
    if (slots[i] != i) return false;
  }
  return true;
}

}  // namespace

uint64_t OwnBytes(const format::Array& array) {
  const auto length = static_cast<uint64_t>(array.length);
  uint64_t bytes = (length * static_cast<uint64_t>(array.type->bit_width()) + length) / 8;
  if (array.type->is_variable()) {
    bytes += static_cast<uint64_t>(array.OffsetAt(array.length) - array.OffsetAt(0)) + 4 * length;
  } else if (array.type->is_list()) {
    const int64_t first = array.OffsetAt(0);
    bytes += OwnBytes(*Slice(array.children[0], first, array.OffsetAt(array.length) - first));
  } else if (array.type->id == format::TypeId::kDictionary) {
    bytes += OwnBytes(*array.dictionary);
  } else {
    const int64_t factor =
        array.type->id == format::TypeId::kFixedSizeList ? array.type->list_size : 1;
    for (const ArrayPtr& child : array.children)
      bytes += OwnBytes(*Slice(child, array.offset * factor, array.length * factor));
  }
  return bytes;
}

uint64_t OwnBytes(const format::RecordBatch& batch) {
  uint64_t bytes = 0;
  for (const ArrayPtr& column : batch.columns)
    bytes += OwnBytes(*column);
  return bytes;
}

Entities::Entities(Table* table, const format::RecordBatch& columns,
                   std::vector<uint64_t> addresses)
    : table_(table),
      size_(static_cast<size_t>(columns.num_rows)),
      is_numbered_(false),
      addresses_(std::move(addresses)) {
  for (size_t i = 0; i < columns.columns.size(); ++i) {
    columns_[columns.schema->fields[i].name] = columns.columns[i];
  }
}

Entities::Entities(Table* table, std::vector<uint32_t> numbers)
    : table_(table), size_(numbers.size()), is_numbered_(true), numbers_(std::move(numbers)) {}

absl::Status Entities::Fetch(const std::vector<std::string>& names) {
  std::vector<std::string> missing;
  for (const std::string& name : names) {
    if (columns_.contains(name)) continue;
    if (name == "id" && is_numbered_ && table_->has_index()) {
      OG_ASSIGN_OR_RETURN(const topology::NodeIndex* const index, table_->Index());
      format::StringBuilder ids(format::Utf8());
      for (const uint32_t number : numbers_) {
        if (ids.full()) return io::ResourceExhaustedError("ids of too many nodes at once");
        ids.Append(index->Id(number));
      }
      columns_[name] = ids.Finish();
    } else {
      missing.push_back(name);
    }
  }
  if (missing.empty()) return absl::OkStatus();
  OG_ASSIGN_OR_RETURN(std::vector<ArrayPtr> columns,
                      is_numbered_ ? table_->AtPositions(missing, numbers_)
                                   : table_->AtAddresses(missing, addresses_));
  for (size_t i = 0; i < missing.size(); ++i)
    columns_[missing[i]] = std::move(columns[i]);
  return absl::OkStatus();
}

absl::StatusOr<ArrayPtr> Entities::Column(const std::string& name) {
  OG_RETURN_IF_ERROR(Fetch({name}));
  ArrayPtr& column = columns_.at(name);
  OG_ASSIGN_OR_RETURN(column, TryDecodeDictionary(column));
  return column;
}

absl::StatusOr<ColumnView> Entities::View(const std::string& name) {
  // Ids come from the index, which has them.
  if (is_numbered_ && name != "id" && !columns_.contains(name)) {
    OG_ASSIGN_OR_RETURN(const ArrayPtr whole, table_->WholeColumn(name, size_));
    if (whole != nullptr) return ColumnView{whole, numbers_};
  }
  OG_RETURN_IF_ERROR(Fetch({name}));
  return ColumnView{columns_.at(name), {}};
}

std::shared_ptr<Entities> Entities::Pick(std::span<const uint32_t> slots) const {
  auto picked = std::make_shared<Entities>(table_, std::vector<uint32_t>());
  picked->size_ = slots.size();
  picked->is_numbered_ = is_numbered_;
  for (const uint32_t slot : slots) {
    if (!addresses_.empty()) picked->addresses_.push_back(addresses_[slot]);
    if (!numbers_.empty()) picked->numbers_.push_back(numbers_[slot]);
  }
  for (const auto& [name, values] : columns_) {
    picked->columns_[name] = Take(*values, Indices(slots));
  }
  return picked;
}

uint64_t Entities::MemoryBytes() const {
  uint64_t bytes = addresses_.size() * sizeof(uint64_t) + numbers_.size() * sizeof(uint32_t);
  for (const auto& [name, values] : columns_)
    bytes += OwnBytes(*values);
  return bytes;
}

absl::StatusOr<std::span<const uint32_t>> Entities::Numbers() {
  if (!is_numbered_ && numbers_.size() != size_) {
    if (table_->is_stored()) {
      OG_ASSIGN_OR_RETURN(numbers_, PositionsOf(table_->dataset(), addresses_));
    } else {
      OG_ASSIGN_OR_RETURN(const topology::NodeIndex* const index, table_->Index());
      OG_ASSIGN_OR_RETURN(const ArrayPtr ids, Column("id"));
      numbers_ = index->FindAll(*ids);
    }
  }
  return numbers_;
}

Chunk Chunk::Pick(std::span<const uint32_t> rows) const {
  Chunk picked;
  picked.num_rows = rows.size();
  picked.bindings.resize(bindings.size());
  for (size_t variable = 0; variable < bindings.size(); ++variable) {
    const Binding& from = bindings[variable];
    if (from.entities == nullptr) continue;
    Binding& to = picked.bindings[variable];
    to.entities = from.entities;
    to.slots.reserve(rows.size());
    for (const uint32_t row : rows)
      to.slots.push_back(from.slots[row]);
  }
  if (!origins.empty()) {
    picked.origins.reserve(rows.size());
    for (const uint32_t row : rows)
      picked.origins.push_back(origins[row]);
  }
  return picked;
}

std::array<Chunk, 2> Chunk::Halves() const {
  std::vector<uint32_t> rows(num_rows);
  std::iota(rows.begin(), rows.end(), 0);
  const std::span<const uint32_t> all(rows);
  return {Pick(all.first(num_rows / 2)).Compact(), Pick(all.subspan(num_rows / 2)).Compact()};
}

Chunk Chunk::Compact() const {
  Chunk compact = *this;
  for (Binding& binding : compact.bindings) {
    if (binding.entities == nullptr || binding.entities->size() < 2 * num_rows) continue;
    std::vector<uint32_t> used = binding.slots;
    std::sort(used.begin(), used.end());
    used.erase(std::unique(used.begin(), used.end()), used.end());
    binding.entities = binding.entities->Pick(used);
    for (uint32_t& slot : binding.slots) {
      slot = static_cast<uint32_t>(std::lower_bound(used.begin(), used.end(), slot) - used.begin());
    }
  }
  return compact;
}

absl::StatusOr<ArrayPtr> Chunk::Column(size_t variable, const std::string& column,
                                       int64_t bytes_max) const {
  const Binding& binding = bindings[variable];
  OG_ASSIGN_OR_RETURN(ArrayPtr values, binding.entities->Column(column));
  if (IsEachOnce(binding.slots, values->length)) return values;
  return TryTake(*values, Indices(binding.slots), bytes_max);
}

uint64_t Chunk::MemoryBytes() const {
  uint64_t bytes = origins.size() * sizeof(uint32_t);
  for (const Binding& binding : bindings)
    bytes += binding.slots.size() * sizeof(uint32_t);
  return bytes;
}

}  // namespace og::engine::exec
