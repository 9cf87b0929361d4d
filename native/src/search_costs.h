// What the ways to search a graph's rows cost, in nanoseconds as measured on one machine; only their ratios matter.
#pragma once
#include <algorithm>
#include "index.h"
#include "walk_plan.h"

namespace elanus {

// By blocks a walk makes twice the visits of its width, as rows look nearer than they are, and it has to keep those in mind that look farther
// than they are. Through lists it knows distances.
//
// What the first visits cost was measured where each query has a filter of its own: after a scan, so that nothing of the graph is in the caches. Then
// visits became cheaper (`fetch_line`, sums of sketches four at a time), and all of them are taken for a fifth less by blocks, a third through lists, as
// searches were.
inline WalkCosts walk_costs(const Index& index, bool by_blocks, double scan) {
  const uint32_t dims = index.grid.dims();
  if (by_blocks) {
    const double visit = 1.05 * (120 + (60 + 0.6 * dims) * index.slots() / 32);
    return {15e3, 850.0 * index.slots() / 32, 2, 2 * visit, 2.5, scan, 2.5, 1 << 15};
  }
  const double visit = 1.15 * (100 + (300 + 1.25 * dims) * index.degree / 32);
  return {25e3, 1950.0 * index.degree / 32, 1, visit, 1, scan, 1.1, 1 << 12};
}

// Of one row among others that are passed over: what does not fit in the caches is waited for. By sketches the codes of few rows are read, and where
// sketches are long the last bits of few rows.
inline double code_cost(const Index& index) {
  const double dims = index.grid.dims();
  if (index.sketches.size()) {
    const double looked = dims < least_long_sketch ? dims : sketch_head + (dims - sketch_head) / 8;
    return 4.5 + 0.018 * looked + 3 * std::min(1.0, (double)index.sketches.bytes() / (24 << 20));
  }
  return 4 + 0.06 * dims + 12 * std::min(1.0, (double)index.codes.bytes() / (64 << 20));
}
constexpr double word_cost = 2;          // of 64 rows' bits
constexpr double side_by_side = 0.33;    // what of a sketch's cost is saved where all rows are allowed: they share lines, and the next ones are foreseen
inline double raw_cost(uint32_t dimension) { return 4 + 0.2 * dimension; }

}  // namespace elanus
