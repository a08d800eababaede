// Repetition and definition levels of one leaf column, made from arrays: the writing half of the
// structural layouts of file versions 2.1 and later.
//
// Layers run from the leaf outwards: the leaf and every struct give an ITEM layer, every list,
// large list and map a LIST layer. What a definition level means is numbered from 1 along the
// layers; only nulls and empties that occur take a number:
//
//   ALL_VALID_ITEM, ALL_VALID_LIST   none        NULLABLE_ITEM         n = null
//   NULLABLE_LIST                    n = null    EMPTYABLE_LIST        n = empty
//   NULL_AND_EMPTY_LIST              n = null, n + 1 = empty
//
// 0 is valid everywhere; of several nulls on a path the outermost is recorded. Repetition: 0 goes
// on in the innermost list, k starts a new list at the k-th LIST layer from the inside, the number
// of LIST layers starts a row. A null struct makes the layers below it nullable up to and
// including the next list, as the reference writes it.
//
// A level owns a value slot iff its definition is at most max_visible_def: the numbers that the
// layers before the first LIST layer take.
//
// Source: lance-encoding 10.0.0: src/repdef.rs, protos/encodings_v2_1.proto.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "format/arrow/array.h"
#include "format/page/layer.h"

namespace og::format {

// Way from a top-level array down to a leaf: the child to take at every struct (0 at lists). Types
// that are stored as one column (fixed-size list, dictionary, packed struct) are leaves.
using LeafPath = std::vector<size_t>;

// Consecutive value slots: values [start, start + length) of `array`, or `length` slots without a
// value where `array` is null.
struct LeafRange {
  const Array* array = nullptr;
  int64_t start = 0;
  int64_t length = 0;
};

struct PageLevels {
  std::vector<LayerKind> layers;  // innermost first
  // One entry a level; empty when the page has no LIST layer, or no null and no empty list.
  std::vector<uint16_t> rep;
  std::vector<uint16_t> def;
  uint16_t max_rep = 0;
  uint16_t max_def = 0;
  uint16_t max_visible_def = 0;
  size_t num_rows = 0;
  size_t num_levels = 0;
  size_t num_visible = 0;

  bool has_levels() const { return !rep.empty() || !def.empty(); }
};

struct LeafLevels {
  PageLevels levels;
  std::vector<LeafRange> ranges;  // num_visible slots, in order; borrow from the arrays
};

// Levels of the leaf at `path` in `rows`, the pieces of one column one after the other.
// REQUIRES: `path` leads to a leaf of the type of `rows`. Cost: linear in levels.
LeafLevels BuildLevels(std::span<const ArrayPtr> rows, const LeafPath& path);

// Which layers of the leaf at `path` are ITEM layers in which a null can be, innermost first: those
// that `top` and its type call nullable, and those below a struct so called, down to the next list.
std::vector<bool> NullableItems(const DataType& top, bool is_top_nullable, const LeafPath& path);

// Declares ITEM layers nullable although nothing in them is null: those behind the first LIST layer
// that `nullable` names. Lance up to 14 takes the entries of an ITEM layer without numbers for as
// many as the page has values when it decodes the page together with one whose layer has numbers,
// so that every page of a column has to say the same. A LIST layer without numbers below a nullable
// ITEM layer is declared nullable as well: Lance 10 takes no account of it when it looks which
// nulls further outside are visible at the ITEM layer.
void DeclareNullable(const std::vector<bool>& nullable, PageLevels& levels);

// Declares the innermost layer, an ITEM layer, nullable, and has one entry a level.
void DeclareInnermostNullable(PageLevels& levels);

// Prepares levels with lists for a full-zip page. Lance up to 14 takes a level of such a page for
// one that has a value if its definition is at most the number of all nullable ITEM layers, those
// behind a list included. The innermost LIST layer is declared null and empty, so that numbers that
// do not occur stand there. Of values of fixed width the entries of an ITEM layer before the list
// are miscounted too (as rows): they are declared nullable. False, and nothing done, where numbers
// that would be misread do occur.
bool DeclareForFullZip(bool is_fixed, PageLevels& levels);

}  // namespace og::format
