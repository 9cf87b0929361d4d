// The best-first walk through neighbour lists, and the choice of neighbours when lists are made.
//
//   walk     visits the nearest row that is known and not yet visited, and learns the distances of its neighbours
//   choose   the relative neighbourhood rule, with alpha as in Vamana (Subramanya et al., NeurIPS 2019)
//
// A visit has three stages, each of which asks for the memory that the next one needs:
//
//   list      of the row that was chosen: which of its neighbours are new?
//   sketches  (simd/sketch.h) of those: which may be near enough?
//   codes     of those: their distances, and which row is chosen next
//
// Whoever has several walks to do takes their stages in turn, and none waits for memory. Without sketches the second is left out.
//
// With a filter the walk goes through all rows, since the graph is connected only as a whole; allowed ones become results.
#pragma once
#include "candidates.h"
#include "codes.h"
#include "seen.h"
#include "sketch.h"

namespace elanus {
namespace {

enum Stage : uint32_t { list_stage, sketch_stage, code_stage };

void begin_walk(ListWalk* walk, const CodeRows* rows, const CodeQuery* query, const uint32_t* entries, uint32_t entry_count) {
  walk->count = walk->visits = walk->distances = 0;
  walk->stage = code_stage;
  walk->offset = view_of(*query, rows->dims, rows->dims, walk_deviations).offset;
  for (uint32_t i = 0; i < entry_count; ++i) {
    walk->fresh[walk->count] = entries[i];
    walk->count += note_seen(*walk->seen, entries[i]);
  }
}

inline __attribute__((always_inline)) void fetch_codes(ListWalk& walk, const CodeRows& rows) {
  fetch_first(rows, walk.fresh, walk.count);
  walk.stage = code_stage;
}

inline void read_list(ListWalk& walk, const Lists& lists, const CodeRows& rows) {
  const uint32_t* list = lists.neighbours + (size_t)walk.row * lists.stride;
  Seen seen = *walk.seen;   // in registers
  uint32_t count = 0;
  for (uint32_t i = 0; i < lists.slots; ++i) {
    const uint32_t row = __atomic_load_n(list + i, __ATOMIC_RELAXED);
    if (row == no_row) break;
    if (row >= lists.limit) continue;
    walk.fresh[count] = row;
    count += note_seen(seen, row);
  }
  bound_undo(seen);
  *walk.seen = seen;
  if (lists.sketches)
    for (uint32_t i = 0; i < count; ++i) fetch_sketch(lists.sketches + walk.fresh[i] * sketch_bytes(rows.dims), rows.dims);
  walk.count = count;
  // Mostly it stays the next.
  if (has_next(*walk.frontier)) fetch_lines(lists.neighbours + (size_t)peek(*walk.frontier) * lists.stride, 128);
  if (lists.sketches) walk.stage = sketch_stage;
  else fetch_codes(walk, rows);
}

// Leaves out who seems farther than all that may be kept.
template <bool filtered> inline void sift(ListWalk& walk, const Lists& lists, const CodeRows& rows, const CodeQuery& query) {
  const float bound = worst(*walk.frontier);
  uint32_t near = 0;
  if (bound == __builtin_inff()) near = walk.count;
  else
    for (uint32_t i = 0; i < walk.count; i += rows_at_once) {
      uint32_t some[rows_at_once];
      float least[rows_at_once];
      copy_some(walk.fresh, i, walk.count, some);
      least_of_some(query, {rows.dims, scale_of_all, walk.offset}, lists.sketches, sketch_bytes(rows.dims), some, least);
      for (uint32_t j = 0; j < rows_at_once && i + j < walk.count; ++j) {
        const uint32_t row = some[j];
        bool wanted = least[j] < bound;
        if constexpr (filtered) wanted |= least[j] < worst(*walk.results) && passes(walk.passing, row);
        walk.fresh[near] = row;
        near += wanted;
      }
    }
  walk.count = near;
  fetch_codes(walk, rows);
}

template <bool filtered> inline void look(ListWalk& walk, const CodeRows& rows, const CodeQuery& query) {
  each_distance(query, rows, walk.fresh, walk.count, [&](uint32_t row, float x) __attribute__((always_inline)) {
    insert(*walk.frontier, row, x);
    if constexpr (filtered)
      if (passes(walk.passing, row)) insert(*walk.results, row, x);
  });
  walk.distances += walk.count;
  walk.count = 0;
}

bool step_walk(ListWalk* walk, const Lists* lists, const CodeRows* rows, const CodeQuery* query) {
  switch (walk->stage) {
    case list_stage: read_list(*walk, *lists, *rows); return true;
    case sketch_stage:
      if (walk->passing.allowed) sift<true>(*walk, *lists, *rows, *query);
      else sift<false>(*walk, *lists, *rows, *query);
      return true;
    default: break;
  }
  if (walk->passing.allowed) look<true>(*walk, *rows, *query);
  else look<false>(*walk, *rows, *query);
  Candidates& frontier = *walk->frontier;
  if (!has_next(frontier) || frontier.next >= walk->wanted) return false;
  walk->row = take(frontier);
  ++walk->visits;
  fetch_lines(lists->neighbours + (size_t)walk->row * lists->stride, lists->slots * sizeof(uint32_t));
  walk->stage = list_stage;
  return true;
}

uint32_t choose(const CodeRows* rows, uint32_t centre, const float* distances, const uint32_t* candidate, uint32_t count, uint32_t limit,
                float alpha, uint32_t* kept) {
  uint32_t k = 0;
  for (uint32_t c = 0; c < count && k < limit; ++c) {
    if (candidate[c] == centre) continue;
    const CodeQuery from = as_query(*rows, candidate[c]);
    bool shadowed = false;
    for (uint32_t i = 0; i < k && !shadowed; ++i) shadowed = distance(from, *rows, kept[i]) * alpha <= distances[c];
    if (!shadowed) kept[k++] = candidate[c];
  }
  return k;
}

}  // namespace
}  // namespace elanus
