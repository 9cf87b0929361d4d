// The best-first walk over blocks. What is known of a row is an estimate until it is visited; then its codes give its distance, which
// takes the place of the estimate, so that a row that only looked near does not stay in the way.
//
// One step visits the row whose memory was asked for by the step before, and asks for the next one's. Whoever has several walks to do takes
// their steps in turn, and none waits for memory (native/src/block_walk.h).
//
// The walk ends when `width` visited rows are nearer than every row that is not visited.
#pragma once
#include "blocks.h"
#include "pool.h"
#include "seen.h"

namespace elanus {
namespace {

void begin_packed(PackedWalk* walk, const CodeRows* rows, const CodeQuery* query, const uint32_t* entries, uint32_t entry_count) {
  uint32_t fresh[most_entries + 1], count = 0;
  for (uint32_t i = 0; i < entry_count; ++i) {
    fresh[count] = entries[i];
    count += note_seen(walk->seen, entries[i]);
  }
  fetch_first(*rows, fresh, count);
  each_distance(*query, *rows, fresh, count, [&](uint32_t row, float x) { append(walk->known, row, x); });
  walk->row = no_row;
  walk->visits = walk->met = 0;
  walk->distances = count;
}

// Appends the neighbours of a group that are near enough and new.
inline void note_near(PackedWalk& walk, const uint32_t* neighbours, const float* estimates) {
  Pool& known = walk.known;
  const F32 bound = F32::fill(known.bound);
  uint32_t near = 0;
  for (uint32_t i = 0; i < group_edges; i += F32::lanes) near |= less(F32::load(estimates + i), bound) << i;
  Seen seen = walk.seen;   // in registers
  uint32_t size = known.size;
  for (; near; near &= near - 1) {
    const uint32_t j = (uint32_t)__builtin_ctz(near), row = neighbours[j];
    known.distance[size] = known.open[size] = estimates[j];
    known.row[size] = row;
    size += note_seen(seen, row);
  }
  known.distance[size] = known.open[size] = infinite;
  known.size = size;
  bound_undo(seen);
  walk.seen = seen;
}

inline void visit(PackedWalk& walk, const Blocks& blocks, const CodeRows& rows, const CodeQuery& query, const SignSums& sums) {
  const float own = distance(query, rows, walk.row);
  walk.known.distance[walk.at] = own;
  ++walk.visits;
  ++walk.distances;
  if (passes(walk.passing, walk.row)) {
    ++walk.met;
    append(walk.found, walk.row, own);
  }
  const uint8_t* block = block_at(blocks, walk.row);
  const uint8_t* group = block + blocks.slots * sizeof(uint32_t);
  alignas(64) float estimates[group_edges];
  for (uint32_t e = 0; e < blocks.slots; e += group_edges, group += group_bytes(blocks.dims)) {
    if (walk.known.size + group_edges > walk.known.capacity) shrink(walk.known);
    estimate(group, blocks.dims, sums, own, estimates);
    note_near(walk, (const uint32_t*)block + e, estimates);
  }
}

bool step_packed(PackedWalk* walk, const Blocks* blocks, const CodeRows* rows, const CodeQuery* query, const SignSums* sums) {
  if (walk->row != no_row) visit(*walk, *blocks, *rows, *query, *sums);
  Pool& known = walk->known;
  walk->row = no_row;
  uint32_t at = 0;
  const float next = nearest_open(known, &at);
  walk->radius = next < known.bound ? next : known.bound;
  if (next == infinite || (walk->visits >= walk->width && rank_in(known, next) >= walk->width)) return false;
  known.open[at] = infinite;
  walk->at = at;
  walk->row = known.row[at];
  fetch_lines(block_at(*blocks, walk->row), block_bytes(blocks->slots, blocks->dims));
  fetch_row(*rows, walk->row);
  return true;
}

}  // namespace
}  // namespace elanus
