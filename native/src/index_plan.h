// What searches of every kind of index have in common: the checks of their plan, and how hits are written.
#pragma once
#include "../include/elanus_index.h"
#include "layout.h"
#include "topk.h"

namespace elanus {

// Throws Failure if the plan does not fit so many rows of so many entries.
void check_index_search(const elanus_index_search& plan, uint64_t entries, uint64_t rows);

// The place `query` of the plan's buffers gets the hits, best first.
void write_index_hits(const elanus_index_search& plan, Metric metric, uint64_t query, const std::vector<Hit>& hits, bool tied);

}  // namespace elanus
