// The sorted list of the nearest rows so far: the frontier of a walk, and the list of its results.
//
//   distance  | 0.2 | 0.5 | 0.9 | 1.4 | inf | inf | inf ...
//   row       |  7  | 3T  |  12 |  5  |  -  |  -  |  -        T: taken, that is, visited
//                           next: the first slot that is not taken
//
// An insertion counts how many are nearer by comparing whole registers and moves the rest up: for the lengths that searches have
// (10 to 2,000) that beats a heap, because no branch is unpredictable.
//
// Always true: distances ascend; slots from `size` on hold +inf, so the worst of a list that is not full is +inf; equal distances
// stay in the order of their insertion; rows are below 2^31.
#pragma once
#include "graph.h"
#include "lanes.h"

namespace elanus {
namespace {

void clear(Candidates* list, uint32_t capacity) {
  list->capacity = capacity;
  list->size = list->next = 0;
  const F32 infinite = F32::fill(__builtin_inff());
  for (uint32_t i = 0; i < capacity + F32::lanes; i += F32::lanes) infinite.store(list->distance + i);
}

inline float worst(const Candidates& list) { return list.distance[list.capacity - 1]; }

inline uint32_t rank_of(const Candidates& list, float x) {
  uint32_t rank = 0;
  const F32 v = F32::fill(x);
  for (uint32_t i = 0; i < list.size; i += F32::lanes) rank += (uint32_t)__builtin_popcount(less_equal(F32::load(list.distance + i), v));
  return rank;
}

#if defined(__AVX512F__)
// Whole aligned registers, so that the store of one insertion can be forwarded to the load of the next.
inline void open_slot(Candidates& list, uint32_t rank) {
  const uint32_t first = rank >> 4, lane = rank & 15;
  for (uint32_t block = list.size >> 4; block > first; --block) {
    float* d = list.distance + 16 * block;
    uint32_t* r = list.row + 16 * block;
    _mm512_store_si512(d, _mm512_alignr_epi32(_mm512_load_si512(d), _mm512_load_si512(d - 16), 15));
    _mm512_store_si512(r, _mm512_alignr_epi32(_mm512_load_si512(r), _mm512_load_si512(r - 16), 15));
  }
  const __mmask16 above = (__mmask16)(0xffffu << lane);
  const __m512i d = _mm512_load_si512(list.distance + 16 * first), r = _mm512_load_si512(list.row + 16 * first);
  _mm512_store_si512(list.distance + 16 * first, _mm512_mask_alignr_epi32(d, above, d, d, 15));
  _mm512_store_si512(list.row + 16 * first, _mm512_mask_alignr_epi32(r, above, r, r, 15));
}
#else
inline void open_slot(Candidates& list, uint32_t rank) {
  memmove(list.distance + rank + 1, list.distance + rank, (size_t)(list.size - rank) * sizeof(float));
  memmove(list.row + rank + 1, list.row + rank, (size_t)(list.size - rank) * sizeof(uint32_t));
}
#endif

inline void insert(Candidates& list, uint32_t row, float x) {
  if (!(x < worst(list))) return;
  const uint32_t rank = rank_of(list, x);
  open_slot(list, rank);
  list.distance[rank] = x;
  list.row[rank] = row;
  if (list.size < list.capacity) ++list.size;
  list.distance[list.capacity] = __builtin_inff();
  if (rank < list.next) list.next = rank;
}

inline bool has_next(const Candidates& list) { return list.next < list.size; }
inline uint32_t peek(const Candidates& list) { return list.row[list.next] & ~taken; }
inline uint32_t take(Candidates& list) {
  const uint32_t row = list.row[list.next];
  list.row[list.next] |= taken;
  while (++list.next < list.size && (list.row[list.next] & taken)) {
  }
  return row;
}

}  // namespace
}  // namespace elanus
