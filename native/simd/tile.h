// Tiles: Q queries by R rows, one register of partial sums for each pair, so that a row read from memory serves Q queries
// and a query read from cache serves R rows. One query against many rows is bound by memory; from four queries on the
// multiplications count.
//
// Always true: each pair adds its dimensions in the same order whatever Q and R are, and ends in the same sum across lanes.
// That is why the latency of an addition is hidden by other pairs (the processor overlaps rows by itself), never by several sums
// of one pair.
#pragma once
#include "lanes.h"
#include "table.h"

namespace elanus {
namespace {

struct SquaredDifference {
  static F32 add(F32 query, F32 row, F32 total) {
    const F32 difference = query - row;
    return fma(difference, difference, total);
  }
};
struct Product {
  static F32 add(F32 query, F32 row, F32 total) { return fma(query, row, total); }
};

// Whether the rows are expected in cache already, and whether the lengths of the rows are wanted besides (squared).
enum class Fetch { no, ahead };
enum class Lengths { no, yes };

template <class Term, uint32_t Q, uint32_t R, Fetch fetch, Lengths lengths>
inline void tile(const float* queries, const unsigned char* const* rows, uint32_t dimension, float* out, size_t stride, float* squares) {
  constexpr uint32_t line = 16;  // floats of a cache line
  static_assert(line % F32::lanes == 0 && R <= tile_rows);
  F32 total[Q][R], square[R];
  for (uint32_t b = 0; b < R; ++b) {
    square[b] = F32::fill(0);
    for (uint32_t a = 0; a < Q; ++a) total[a][b] = F32::fill(0);
  }
  auto step = [&](uint32_t i, auto load) __attribute__((always_inline)) {
    F32 row[R];
    for (uint32_t b = 0; b < R; ++b) row[b] = load(rows[b] + (size_t)i * sizeof(float));
    for (uint32_t a = 0; a < Q; ++a) {
      const F32 query = load(queries + (size_t)a * dimension + i);
      for (uint32_t b = 0; b < R; ++b) total[a][b] = Term::add(query, row[b], total[a][b]);
    }
    if constexpr (lengths == Lengths::yes)
      for (uint32_t b = 0; b < R; ++b) square[b] = fma(row[b], row[b], square[b]);
  };
  const auto whole = [](const void* p) __attribute__((always_inline)) { return F32::load(p); };
  uint32_t i = 0;
  for (; i + line <= dimension; i += line) {
    if constexpr (fetch == Fetch::ahead)
      for (uint32_t b = 0; b < R; ++b) __builtin_prefetch(rows[R + b] + (size_t)i * sizeof(float), 0, 3);
    for (uint32_t j = 0; j < line; j += F32::lanes) step(i + j, whole);
  }
  for (; i + F32::lanes <= dimension; i += F32::lanes) step(i, whole);
  if (const uint32_t rest = dimension - i)
    step(i, [rest](const void* p) __attribute__((always_inline)) { return F32::load_first(p, rest); });
  for (uint32_t b = 0; b < R; ++b) {
    for (uint32_t a = 0; a < Q; ++a) out[a * stride + b] = sum(total[a][b]);
    if constexpr (lengths == Lengths::yes) squares[b] = sum(square[b]);
  }
}

// Q queries against all rows of the block, R at a time.
template <class Term, uint32_t Q, uint32_t R, Fetch fetch, Lengths lengths>
inline void band(const float* queries, const RowBlock& rows, float* out, size_t stride, float* squares) {
  uint32_t b = 0;
  for (; b + R <= rows.count; b += R)
    tile<Term, Q, R, fetch, lengths>(queries, rows.at + b, rows.dimension, out + b, stride, squares + b);
  for (; b < rows.count; ++b)
    tile<Term, Q, 1, fetch, lengths>(queries, rows.at + b, rows.dimension, out + b, stride, squares + b);
}

// The first band reads memory, so it takes one row after the other: a read of four at a time has less than half the bandwidth.
// It brings the rows into cache for the others, and learns their lengths. Returns how many queries it took.
template <class Term, Fetch fetch, Lengths lengths>
inline uint32_t first_band(const QueryBlock& queries, const RowBlock& rows, float* out, size_t stride, float* squares) {
  if (queries.count >= 4) {
    band<Term, 4, 1, fetch, lengths>(queries.values, rows, out, stride, squares);
    return 4;
  }
  band<Term, 1, 1, fetch, lengths>(queries.values, rows, out, stride, squares);
  return 1;
}

template <class Term, Lengths lengths>
inline void sums(const QueryBlock& queries, const RowBlock& rows, float* out, size_t stride, float* squares) {
  constexpr uint32_t R = F32::lanes == 16 ? tile_rows : tile_rows / 2;  // as many sums as there are registers
  const size_t dimension = rows.dimension;
  uint32_t a = rows.fetch ? first_band<Term, Fetch::ahead, lengths>(queries, rows, out, stride, squares)
                          : first_band<Term, Fetch::no, lengths>(queries, rows, out, stride, squares);
  for (; a + 4 <= queries.count; a += 4)
    band<Term, 4, R, Fetch::no, Lengths::no>(queries.values + a * dimension, rows, out + a * stride, stride, squares);
  for (; a < queries.count; ++a)
    band<Term, 1, tile_rows, Fetch::no, Lengths::no>(queries.values + a * dimension, rows, out + a * stride, stride, squares);
}

}  // namespace
}  // namespace elanus
