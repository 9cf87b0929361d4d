// Which rows a walk has met: a bit a row, so that all of them stay in the first caches.
#pragma once
#include "graph.h"

namespace elanus {
namespace {

// 1 the first time. Nothing branches on it.
inline uint32_t note_seen(Seen& seen, uint32_t row) {
  uint64_t& word = seen.bits[row >> 6];
  const uint64_t bit = 1ull << (row & 63);
  const uint32_t fresh = !(word & bit);
  word |= bit;
  seen.undo[seen.count] = row;
  seen.count += fresh;
  return fresh;
}

// After at most `most_fresh` rows.
inline void bound_undo(Seen& seen) {
  if (seen.count <= seen.capacity) return;
  seen.count = 0;
  seen.overflowed = true;
}

}  // namespace
}  // namespace elanus
