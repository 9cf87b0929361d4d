// The best-first walk through neighbour lists, and the choice of neighbours when lists are made.
//
//   walk     visits the nearest row that is known and not yet visited, and learns the distances of its neighbours
//   choose   the relative neighbourhood rule, with alpha as in Vamana (Subramanya et al., NeurIPS 2019)
//
// With a filter the walk goes through all rows, since the graph is connected only as a whole; allowed ones become results.
#pragma once
#include "candidates.h"
#include "codes.h"

namespace elanus {
namespace {

inline bool first_time(Visited& visited, uint32_t row) {
  if (visited.mark[row] == visited.own) return false;
  visited.mark[row] = visited.own;
  return true;
}

template <bool filtered>
inline WalkCounts walk_on(const Lists& lists, const CodeRows& rows, const CodeQuery& query, const uint32_t* entries, uint32_t entry_count,
                          Candidates& frontier, Candidates* results, Visited& visited, const uint8_t* allowed, uint32_t wanted,
                          uint32_t visit_limit) {
  WalkCounts counts = {0, 0, true};
  uint32_t fresh[most_slots_of_list], count = 0;
  auto consider = [&](uint32_t row, float x) __attribute__((always_inline)) {
    insert(frontier, row, x);
    if constexpr (filtered)
      if (allowed[row >> 3] >> (row & 7) & 1) insert(*results, row, x);
  };
  auto look = [&] {
    each_distance(query, rows, fresh, count, consider);
    counts.distances += count;
    count = 0;
  };
  for (uint32_t i = 0; i < entry_count; ++i)
    if (first_time(visited, entries[i])) fresh[count++] = entries[i];
  look();
  while (has_next(frontier) && frontier.next < wanted) {
    if (counts.visits == visit_limit) {
      counts.ended = false;
      return counts;
    }
    const uint32_t* list = lists.neighbours + (size_t)take(frontier) * lists.stride;
    ++counts.visits;
    for (uint32_t i = 0; i < lists.slots; ++i) {
      const uint32_t row = __atomic_load_n(list + i, __ATOMIC_RELAXED);
      if (row == no_row) break;
      if (row < lists.limit && first_time(visited, row)) fresh[count++] = row;
    }
    if (has_next(frontier)) fetch_lines(lists.neighbours + (size_t)peek(frontier) * lists.stride, 128);
    look();
  }
  return counts;
}

WalkCounts walk(const Lists* lists, const CodeRows* rows, const CodeQuery* query, const uint32_t* entries, uint32_t entry_count,
                Candidates* frontier, Candidates* results, Visited* visited, const uint8_t* allowed, uint32_t wanted, uint32_t visit_limit) {
  return allowed ? walk_on<true>(*lists, *rows, *query, entries, entry_count, *frontier, results, *visited, allowed, wanted, visit_limit)
                 : walk_on<false>(*lists, *rows, *query, entries, entry_count, *frontier, nullptr, *visited, nullptr, wanted, visit_limit);
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
