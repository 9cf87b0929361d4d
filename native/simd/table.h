// What the code compiled once per instruction set offers to the rest: one table of functions.
//
// Always true:
//  - only plain types cross this border, and nothing here has an inline member: an object compiled for AVX-512 must not hold a
//    single weak symbol, or the linker may hand its copy to a machine that cannot run it (scripts/check-native.mjs looks);
//  - a key is a score turned so that smaller is better: L2, -IP, -COSINE;
//  - a key depends on its query and its row only: not on how many of either are in the call, nor on their order.
#pragma once
#include <stddef.h>
#include <stdint.h>
#include "graph.h"
#include "lists.h"

namespace elanus {

enum class Metric : uint32_t { l2, ip, cosine };

// Rows that one call looks at. `at` has `tile_rows` more entries than `count`, all valid: rows are fetched ahead.
// They need no alignment, since a mapped file has none.
constexpr uint32_t tile_rows = 4;
struct RowBlock {
  const unsigned char* const* at;
  uint32_t count;
  uint32_t dimension;
  bool fetch;  // whether the processor needs to be told which row comes next
};

struct QueryBlock {
  const float* values;
  const float* norms;  // COSINE: the length of each query
  uint32_t count;
};

struct Table {
  const char* name;
  // keys[query * stride + row]. `norms` is scratch for one float a row.
  void (*keys)(Metric metric, const QueryBlock* queries, const RowBlock* rows, float* keys, size_t stride, float* norms);
  float (*norm)(const float* values, uint32_t dimension);
  // Places of the keys that are at most `bound`; NaN never is.
  uint32_t (*pick)(const float* keys, uint32_t count, float bound, uint32_t* places);
  // The place of the first NaN or infinity, or `count`.
  uint64_t (*first_not_finite)(const float* values, uint64_t count);
  float (*sum)(const unsigned char* floats, uint64_t count);
  GraphTable graph;
  ListsTable lists;
};

}  // namespace elanus
