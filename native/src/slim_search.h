// Search of a slim graph (slim_search.cpp has the rule). Queries are pieces of the job, a few a piece.
//
// Always true: hits do not depend on pieces or threads; scores are the bits that an exact search gives; cancellation and the time
// limit are looked at every few dozen visits, and before each block of a scan.
#pragma once
#include <memory>
#include "job.h"
#include "slim.h"

namespace elanus {

// Throws Failure if the plan does not fit.
std::shared_ptr<Job> make_slim_search(const elanus_index_search& plan, std::shared_ptr<const SlimIndex> index, elanus_done done, void* context);

}  // namespace elanus
