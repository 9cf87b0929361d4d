// Candidates without order. A walk over blocks learns many distances at a time, most of which never matter, so they are only
// appended; now and then the nearest are kept. The nearest that is open is found by comparing whole registers: no step branches on data.
//
// Always true: the slots behind `size`, as many as a register has, hold +inf in `distance` and `open`; whatever was dropped is not nearer
// than `bound`, but for candidates at equal distance where there was no room for all.
#pragma once
#include "graph.h"
#include "lanes.h"

namespace elanus {
namespace {

constexpr float infinite = __builtin_inff();

void clear_pool(Pool* pool, uint32_t width) {
  pool->width = width;
  pool->capacity = pool_capacity(width);
  pool->size = 0;
  pool->bound = infinite;
  const F32 none = F32::fill(infinite);
  for (uint32_t i = 0; i < pool->capacity + pool_padding; i += F32::lanes) {
    none.store(pool->distance + i);
    none.store(pool->open + i);
  }
}

inline uint32_t count_to(const Pool& pool, float limit) {
  const F32 x = F32::fill(limit);
  uint32_t count = 0;
  for (uint32_t i = 0; i < pool.size; i += F32::lanes) count += (uint32_t)__builtin_popcount(less_equal(F32::load(pool.distance + i), x));
  return count;
}

// How many are nearer than `limit`.
inline uint32_t rank_in(const Pool& pool, float limit) {
  const F32 x = F32::fill(limit);
  uint32_t count = 0;
  for (uint32_t i = 0; i < pool.size; i += F32::lanes) count += (uint32_t)__builtin_popcount(less(F32::load(pool.distance + i), x));
  return count;
}

// Moves candidates up to `limit` to the front: all up to `surely`, and of the others no more than `most` in all.
inline void keep(Pool& pool, float surely, uint32_t surely_count, float limit, uint32_t most) {
  uint32_t kept = 0, rest = most - surely_count;
  const uint32_t size = pool.size;
#if defined(__AVX512F__)
  if (count_to(pool, limit) <= most) {
    const __m512 x = _mm512_set1_ps(limit);
    for (uint32_t i = 0; i < size; i += 16) {
      const __m512 distance = _mm512_load_ps(pool.distance + i), open = _mm512_load_ps(pool.open + i);
      const __m512i row = _mm512_load_si512(pool.row + i);
      const __mmask16 good = _mm512_cmp_ps_mask(distance, x, _CMP_LE_OQ);   // not those behind the last: they are at +inf
      _mm512_storeu_ps(pool.distance + kept, _mm512_maskz_compress_ps(good, distance));
      _mm512_storeu_ps(pool.open + kept, _mm512_maskz_compress_ps(good, open));
      _mm512_storeu_si512(pool.row + kept, _mm512_maskz_compress_epi32(good, row));
      kept += (uint32_t)__builtin_popcount(good);
    }
  } else
#endif
    for (uint32_t i = 0; i < size; ++i) {
      const float x = pool.distance[i];
      if (!(x <= limit) || (x > surely && !rest)) continue;
      rest -= x > surely;
      pool.distance[kept] = x;
      pool.open[kept] = pool.open[i];
      pool.row[kept++] = pool.row[i];
    }
  for (uint32_t i = kept; i < size + 16; ++i) pool.distance[i] = pool.open[i] = infinite;
  pool.size = kept;
}

// Keeps the `width` nearest and up to an eighth more: the limit is found by cutting the range of distances.
inline void shrink(Pool& pool) {
  if (pool.size <= pool.width) return;
  const uint32_t most = pool.width + pool.width / 8 + 8;
  float low = infinite, high = -infinite;
  for (uint32_t i = 0; i < pool.size; ++i) {
    low = pool.distance[i] < low ? pool.distance[i] : low;
    high = pool.distance[i] > high ? pool.distance[i] : high;
  }
  const float least = low;
  uint32_t below = 0, within = pool.size;   // counts up to `low` and `high`
  float surely = -infinite;
  for (uint32_t tries = 0; tries < 32 && within > most; ++tries) {
    const float wanted = (float)(pool.width + pool.width / 16 - below) / (float)(within - below);
    const float part = wanted < 0.1f ? 0.1f : wanted > 0.9f ? 0.9f : wanted;
    const float middle = low + (high - low) * part;
    if (!(middle >= least)) break;
    const uint32_t count = count_to(pool, middle);
    if (count >= pool.width) {
      high = middle;
      within = count;
    } else {
      low = surely = middle;
      below = count;
    }
  }
  keep(pool, surely, below, high, most);
  pool.bound = high;
}

inline void append(Pool& pool, uint32_t row, float distance) {
  if (pool.size + 1 > pool.capacity) shrink(pool);
  pool.distance[pool.size] = pool.open[pool.size] = distance;
  pool.row[pool.size++] = row;
}

// The least of `open`; +inf if there is none.
inline float nearest_open(const Pool& pool, uint32_t* at) {
  F32 least = F32::fill(infinite);
  for (uint32_t i = 0; i < pool.size; i += F32::lanes) least = minimum(least, F32::load(pool.open + i));
  const float x = minimum_of(least);
  if (x == infinite) return x;
  const F32 wanted = F32::fill(x);
  for (uint32_t i = 0; i < pool.size; i += F32::lanes) {
    const uint32_t equal = less_equal(F32::load(pool.open + i), wanted);
    if (!equal) continue;
    *at = i + (uint32_t)__builtin_ctz(equal);
    break;
  }
  return x;
}

}  // namespace
}  // namespace elanus
