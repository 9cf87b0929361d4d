// What the ways to search a graph's rows cost, in nanoseconds as measured on one machine; only their ratios matter.
#pragma once
#include <algorithm>
#include "index.h"
#include "walk_plan.h"

namespace elanus {

// How much of what does not fit in the caches, from none to all, is waited for.
inline double uncached(double bytes, double room) { return std::min(1.0, bytes / room); }

// By blocks a walk makes twice the visits of its width, as rows look nearer than they are, and it has to keep those in mind that look farther
// than they are. Through lists it knows distances.
//
// Measured where each query has a filter of its own, a walk and a scan in turn, so that nothing of the graph is in the first caches; the tenth of the
// times that were least.
inline WalkCosts walk_costs(const Index& index, bool by_blocks, double scan) {
  const double dims = index.grid.dims(), edges = index.slots() / 32.0;
  if (by_blocks) {
    const double visit = 120 + (90 + 0.35 * dims) * edges + 200 * uncached((double)index.blocks.bytes(), 1 << 30);
    return {4e3, 800 * edges, 2, 2 * visit, 2.5, scan, 2.5, 1 << 15, 2};
  }
  const double missed = 500 * uncached((double)(index.codes.bytes() + index.lists.bytes() + index.blocks.bytes()), 256 << 20);
  const double visit = 100 + (280 + 0.5 * dims) * edges + missed;
  return {5e3, (1200 + 1.8 * dims) * edges + missed, 1, visit, 1, scan, 1.1, 1 << 12, 1.25};
}

// Of one row among others that are passed over, where a share of all is allowed. By sketches the codes of few rows are read, and where
// sketches are long the last bits of few rows. Where many are allowed they share lines, and the next ones are foreseen.
inline double code_cost(const Index& index, double share) {
  const double dims = index.grid.dims();
  if (index.sketches.size()) {
    const double looked = dims < least_long_sketch ? dims : 0.75 * (sketch_head + (dims - sketch_head) / 8);
    return (3.2 + 0.0133 * looked) * (1 - 0.25 * share) + 3 * uncached((double)index.sketches.bytes(), 24 << 20) * (1 - share) * (1 - share);
  }
  return 4 + 0.06 * dims + 12 * uncached((double)index.codes.bytes(), 64 << 20);
}
constexpr double word_cost = 2;          // of 64 rows' bits
inline double raw_cost(uint32_t dimension) { return 4 + 0.2 * dimension; }

}  // namespace elanus
