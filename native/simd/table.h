// What the code compiled once per instruction set offers to the rest: one table of functions.
//
// Always true:
//  - only plain types cross this border, and nothing here has an inline member: an object compiled for AVX-512 must not hold a
//    single weak symbol, or the linker may hand its copy to a machine that cannot run it (scripts/check-native.mjs looks);
//  - a key is a score turned so that smaller is better, and NaN for a row that is no hit: -IP, -COSINE, -MHJACCARD, the rest as it is;
//  - a key depends on its query and its row only: not on how many of either are in the call, nor on their order.
#pragma once
#include <stddef.h>
#include <stdint.h>
#include "filter.h"
#include "graph.h"
#include "lists.h"

namespace elanus {

// Numbers of the C ABI. The first three metrics are of numbers, the others of bits.
enum class Metric : uint32_t { l2, ip, cosine, hamming, jaccard, substructure, superstructure, mhjaccard };
enum class Element : uint32_t { float32, float16, bfloat16, int8, binary };

// Rows that one call looks at. `at` has `tile_rows` more entries than `count`, all valid: rows are fetched ahead.
// They need no alignment, since a mapped file has none.
constexpr uint32_t tile_rows = 4;
struct RowBlock {
  const unsigned char* const* at;
  uint32_t count;
  uint32_t dimension;  // bits of a binary row
  bool fetch;  // whether the processor needs to be told which row comes next
  Element element = Element::float32;
  uint32_t hash_bits = 8;  // MHJACCARD
};

struct QueryBlock {
  const void* values;  // float; int16 for rows of int8; bytes for rows of bits
  const float* norms;  // COSINE: the length of each query; JACCARD and SUBSTRUCTURE: how many bits it has
  uint32_t count;
};

struct Table {
  const char* name;
  // keys[query * stride + row]. `norms` is scratch for one float a row.
  void (*keys)(Metric metric, const QueryBlock* queries, const RowBlock* rows, float* keys, size_t stride, float* norms);
  float (*norm)(const float* values, uint32_t dimension);
  // The norm of a query in the form of QueryBlock that stands as a row too.
  float (*norm_of)(Element element, const void* query, const unsigned char* row, uint32_t dimension);
  // Numbers of any element as floats. Not of bits.
  void (*widen)(Element element, const unsigned char* row, uint64_t count, float* values);
  // Places of the keys that are at most `bound`; NaN never is.
  uint32_t (*pick)(const float* keys, uint32_t count, float bound, uint32_t* places);
  // The place of the first NaN or infinity, or `count`.
  uint64_t (*first_not_finite)(Element element, const void* values, uint64_t count);
  // Reads all of it; the sum of its 64-bit words.
  uint64_t (*read)(const unsigned char* at, uint64_t bytes);
  // Of sets of rows, a bit a row (simd/members.h): how many there are in so many words; which they are in the words from *first to `last`, or as
  // far as there is room (for a word and 4 more, at least): then *first is where it goes on.
  uint64_t (*count_members)(const uint8_t* bits, uint64_t words);
  uint32_t (*list_members)(const uint8_t* bits, uint64_t* first, uint64_t last, uint32_t* rows, uint32_t room);
  // simd/postings.h
  void (*unpack_rows)(const uint8_t* in, uint32_t bits, uint32_t count, uint32_t base, uint32_t* rows);
  GraphTable graph;
  ListsTable lists;
  FilterTable filter;
};

}  // namespace elanus
