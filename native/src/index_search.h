// Search of an index: candidates by a walk or by a scan of codes, then the scores of the few that can matter (index_search.cpp has
// the rule). Queries are pieces of the job, a few a piece.
//
// Always true: hits do not depend on pieces or threads; scores are the bits that an exact search gives; cancellation and the time
// limit are looked at every few dozen visits, and before each block of a scan.
#pragma once
#include <memory>
#include "../include/elanus_index.h"
#include "index.h"
#include "job.h"

namespace elanus {

// Throws Failure if the plan does not fit.
std::shared_ptr<Job> make_graph_search(const elanus_index_search& plan, std::shared_ptr<const Index> index, elanus_done done, void* context);

// Of one query each, on the calling thread: when this returns all are answered. Throws the first Failure.
void search_together(const std::vector<std::pair<elanus_index_search, std::shared_ptr<const Index>>>& searches);

}  // namespace elanus
