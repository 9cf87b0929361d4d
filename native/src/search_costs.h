// What the ways to search a graph's rows cost, in nanoseconds as measured on one machine; only their ratios matter.
#pragma once
#include <algorithm>
#include "index.h"
#include "walk_plan.h"

namespace elanus {

// By blocks a walk makes twice the visits of its width, as rows look nearer than they are.
inline WalkCosts walk_costs(const Index& index, bool by_blocks, double scan) {
  const uint32_t dims = index.grid.dims();
  if (by_blocks) return {2.2 * (120 + (60 + 0.6 * dims) * index.slots() / 32), 2.5, scan, 1 << 15};
  return {1.2 * (100 + (300 + 1.25 * dims) * index.degree / 32), 2, scan, 1 << 12};
}

// Of one row among others that are passed over: what does not fit in the caches is waited for.
inline double code_cost(const Index& index) { return 4 + 0.06 * index.grid.dims() + 12 * std::min(1.0, (double)index.codes.bytes() / (64 << 20)); }
inline double raw_cost(uint32_t dimension) { return 4 + 0.2 * dimension; }

}  // namespace elanus
