// Tiles: Q queries by R rows, one register of partial sums for each pair, so that a row read from memory serves Q queries
// and a query read from cache serves R rows. One query against many rows is bound by memory; from four queries on the
// multiplications count.
//
// Always true: each pair adds its dimensions in the same order whatever Q and R are, and ends in the same sum across lanes.
// That is why the latency of an addition is hidden by other pairs (the processor overlaps rows by itself), never by several sums
// of one pair.
#pragma once
#include "elements.h"
#include "table.h"

namespace elanus {
namespace {

struct SquaredDifference {
  template <class Value, class Sum> static Sum add(Value query, Value row, Sum total) {
    const Value difference = query - row;
    return fma(difference, difference, total);
  }
};
struct Product {
  template <class Value, class Sum> static Sum add(Value query, Value row, Sum total) { return fma(query, row, total); }
};

// Whether the rows are expected in cache already, and whether the lengths of the rows are wanted besides (squared).
enum class Fetch { no, ahead };
enum class Lengths { no, yes };

template <class Kind, class Term, uint32_t Q, uint32_t R, Fetch fetch, Lengths lengths>
inline void tile(const typename Kind::Query* queries, const unsigned char* const* rows, uint32_t dimension, float* out, size_t stride, float* squares) {
  using Value = typename Kind::Value;
  using Sum = typename Kind::Sum;
  constexpr uint32_t lanes = Value::lanes, line = 64 / Kind::bytes;   // values of a cache line
  static_assert(line % lanes == 0 && R <= tile_rows);
  // Rows that follow each other are fetched by the processor itself; with lengths besides, whether it keeps up depends on where the linker put the loop
  // (49 to 100 % of the bandwidth were seen). Told of it, it has 82 % at least wherever that is.
  constexpr bool reads_on = R == 1 && fetch == Fetch::no && lengths == Lengths::yes;
  constexpr uint32_t ahead = 24 * 64;
  Sum total[Q][R], square[R];
  for (uint32_t b = 0; b < R; ++b) {
    square[b] = Sum::fill(0);
    for (uint32_t a = 0; a < Q; ++a) total[a][b] = Sum::fill(0);
  }
  auto add = [&](const Value* row, auto query) __attribute__((always_inline)) {
    for (uint32_t a = 0; a < Q; ++a) {
      const Value own = query(a);
      for (uint32_t b = 0; b < R; ++b) total[a][b] = Term::add(own, row[b], total[a][b]);
    }
    if constexpr (lengths == Lengths::yes)
      for (uint32_t b = 0; b < R; ++b) square[b] = fma(row[b], row[b], square[b]);
  };
  auto step = [&](uint32_t i) __attribute__((always_inline)) {
    Value row[R];
    for (uint32_t b = 0; b < R; ++b) row[b] = Kind::row(rows[b] + (size_t)i * Kind::bytes);
    add(row, [&](uint32_t a) __attribute__((always_inline)) { return Kind::query(queries + (size_t)a * dimension + i); });
  };
  uint32_t i = 0;
  for (; i + line <= dimension; i += line) {
    if constexpr (fetch == Fetch::ahead)
      for (uint32_t b = 0; b < R; ++b) __builtin_prefetch(rows[R + b] + (size_t)i * Kind::bytes, 0, 3);
    if constexpr (reads_on) __builtin_prefetch((const void*)((uintptr_t)rows[0] + (size_t)i * Kind::bytes + ahead), 0, 2);
    for (uint32_t j = 0; j < line; j += lanes) step(i + j);
  }
  for (; i + lanes <= dimension; i += lanes) step(i);
  if (const uint32_t rest = dimension - i) {
    if constexpr (fetch == Fetch::ahead)
      for (uint32_t b = 0; b < R; ++b) __builtin_prefetch(rows[R + b] + (size_t)i * Kind::bytes, 0, 3);
    Value row[R];
    for (uint32_t b = 0; b < R; ++b) row[b] = Kind::row_first(rows[b] + (size_t)i * Kind::bytes, rest);
    add(row, [&](uint32_t a) __attribute__((always_inline)) { return Kind::query_first(queries + (size_t)a * dimension + i, rest); });
  }
  for (uint32_t b = 0; b < R; ++b) {
    for (uint32_t a = 0; a < Q; ++a) out[a * stride + b] = sum(total[a][b]);
    if constexpr (lengths == Lengths::yes) squares[b] = sum(square[b]);
  }
}

// Q queries against all rows of the block, R at a time.
template <class Kind, class Term, uint32_t Q, uint32_t R, Fetch fetch, Lengths lengths>
inline void band(const typename Kind::Query* queries, const RowBlock& rows, float* out, size_t stride, float* squares) {
  uint32_t b = 0;
  for (; b + R <= rows.count; b += R)
    tile<Kind, Term, Q, R, fetch, lengths>(queries, rows.at + b, rows.dimension, out + b, stride, squares + b);
  for (; b < rows.count; ++b)
    tile<Kind, Term, Q, 1, fetch, lengths>(queries, rows.at + b, rows.dimension, out + b, stride, squares + b);
}

// The first band reads memory, so it takes one row after the other: a read of four at a time has less than half the bandwidth.
// It brings the rows into cache for the others, and learns their lengths. Returns how many queries it took.
template <class Kind, class Term, Fetch fetch, Lengths lengths>
inline uint32_t first_band(const QueryBlock& queries, const RowBlock& rows, float* out, size_t stride, float* squares) {
  const auto* values = (const typename Kind::Query*)queries.values;
  if (queries.count >= 4) {
    band<Kind, Term, 4, 1, fetch, lengths>(values, rows, out, stride, squares);
    return 4;
  }
  band<Kind, Term, 1, 1, fetch, lengths>(values, rows, out, stride, squares);
  return 1;
}

template <class Kind, class Term, Lengths lengths>
inline void sums(const QueryBlock& queries, const RowBlock& rows, float* out, size_t stride, float* squares) {
  constexpr uint32_t R = F32::lanes == 16 ? tile_rows : tile_rows / 2;  // as many sums as there are registers
  const size_t dimension = rows.dimension;
  const auto* values = (const typename Kind::Query*)queries.values;
  uint32_t a = rows.fetch ? first_band<Kind, Term, Fetch::ahead, lengths>(queries, rows, out, stride, squares)
                          : first_band<Kind, Term, Fetch::no, lengths>(queries, rows, out, stride, squares);
  for (; a + 4 <= queries.count; a += 4)
    band<Kind, Term, 4, R, Fetch::no, Lengths::no>(values + a * dimension, rows, out + a * stride, stride, squares);
  for (; a < queries.count; ++a)
    band<Kind, Term, 1, tile_rows, Fetch::no, Lengths::no>(values + a * dimension, rows, out + a * stride, stride, squares);
}

}  // namespace
}  // namespace elanus
