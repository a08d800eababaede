// One pass over the levels of a LIST layer, the inner loop of Unravel(), with variants for AVX2 and
// AVX-512 that are chosen once at start. The portable one is the definition that a test holds the
// others against. Pure; any thread may call anything.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace og::format {

// The definition numbers around one LIST layer.
struct ListNumbers {
  uint16_t base = 0;   // numbers of the layers inside: at most this is an item
  uint16_t empty = 0;  // 0: no such number
  uint16_t top = 0;    // at most this is a visible list: items, the layer's own numbers, and those
                       // of the ITEM layers directly outside
};

// Levels of one sequence.
struct LevelSequence {
  const uint16_t* rep = nullptr;
  const uint16_t* def = nullptr;
  size_t count = 0;
};

// Entries that a pass may write behind the last one it keeps.
inline constexpr size_t kListPassSlack = 32;

// Where a pass writes. Each has room for one entry a level and kListPassSlack more; `rep` and `def`
// may be those that are read.
struct ListPassOutput {
  void* starts = nullptr;     // uint32_t or uint64_t for each visible list: its first child
  uint16_t* nulls = nullptr;  // for each visible list 1 if it is null, else 0
  uint16_t* rep = nullptr;    // of the levels that start a list, less one
  uint16_t* def = nullptr;    // of the same levels
};

struct ListPassResult {
  size_t kept = 0;  // entries of rep and def
  size_t lists = 0;
  uint64_t children = 0;  // those before and those of these levels
  bool is_bad = false;    // a level continues a list that cannot have items

  bool operator==(const ListPassResult&) const = default;
};

// The pass that is in use; lists start at `children`. `has_large_starts`: 64 bits.
ListPassResult PassLists(const ListNumbers& numbers, const LevelSequence& in, uint64_t children,
                         bool has_large_starts, const ListPassOutput& out);

struct ListPassVariant {
  const char* name;  // "portable", "avx2" or "avx512"
  ListPassResult (*pass)(const ListNumbers& numbers, const LevelSequence& in, uint64_t children,
                         bool has_large_starts, const ListPassOutput& out);
};

// Those that this machine can run, slowest first; the last one is in use.
std::span<const ListPassVariant> ListPassVariants();

}  // namespace og::format
