// Exact search of lists: rows in groups, one list each, compared with lists of queries.
//
// The score of a list is the sum, over the vectors of the asked one, of the best score that it has for each. Sums are of doubles, in
// the order of the asked vectors, rounded once: they do not depend on blocks, groups or threads.
#pragma once
#include <memory>
#include "../simd/table.h"
#include "job.h"

namespace elanus {

// Throws Failure if the plan does not fit.
std::shared_ptr<Job> make_list_search(const elanus_list_search& plan, elanus_done done, void* context);

}  // namespace elanus
