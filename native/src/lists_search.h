// Search of inverted lists (lists_search.cpp has the rule). Queries are pieces of the job, a few a piece.
//
// Always true: hits do not depend on pieces or threads; cancellation and the time limit are looked at before each list and each block.
#pragma once
#include <memory>
#include "job.h"
#include "lists.h"

namespace elanus {

// Throws Failure if the plan does not fit.
std::shared_ptr<Job> make_lists_search(const elanus_index_search& plan, std::shared_ptr<const ListsIndex> index, elanus_done done, void* context);

}  // namespace elanus
