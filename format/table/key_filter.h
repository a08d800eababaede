// The filter of inserted keys that a transaction carries, so that two writers that insert the same
// key find each other: a split-block Bloom filter as Parquet defines it, made for 8192 keys at a
// false-positive rate of 0.00057: 32 KiB.
//
//   block   256 bits, eight little-endian 32-bit words; 1024 blocks
//   hash    XXH64 with seed 0 of the key's bytes
//   insert  block (hash >> 32) * 1024 >> 32; in word i bit (low 32 bits of hash * salt[i]) >> 27
//
// A few keys take less room as a set: the 64-bit hash of each, which is SipHash-1-3 under the key
// zero of the number of bytes (8 bytes, little-endian) and the bytes. Sets and filters cannot be
// compared: who has one meets every writer that has the other.
//
// Key bytes: utf8 and binary as they are, integers widened to 8 bytes. Nulls and other types are
// not recorded.
//
// Source: Parquet "BloomFilter.md"; lance 10.0.0: src/dataset/write/merge_insert/inserted_rows.rs.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "format/arrow/array.h"
#include "format/table/transaction.h"

namespace og::format {

// An empty filter over `field_ids`.
KeyExistenceFilter MakeKeyFilter(std::vector<int32_t> field_ids);

// Adds one key. REQUIRES: `filter` is of MakeKeyFilter.
void AddKey(std::string_view key_bytes, KeyExistenceFilter& filter);

// Adds every non-null value of `column`.
void AddKeys(const Array& column, KeyExistenceFilter& filter);

// The set of those values of the text column `candidates` that `filter` holds.
KeyExistenceFilter ExactKeyFilter(const KeyExistenceFilter& filter, const Array& candidates);

// Whether both may hold a common key. Filters of different kinds or parameters count as meeting.
bool MayIntersect(const KeyExistenceFilter& a, const KeyExistenceFilter& b);

// Whether `filter` may hold the key.
bool MayContain(const KeyExistenceFilter& filter, std::string_view key_bytes);

}  // namespace og::format
