// Exact search: the plan is checked, then rows are cut into pieces, pieces into blocks that stay in cache.
//
// Queries go in groups, a round of the job for each, so that what is kept meanwhile has a limit. A thread that takes a piece
// borrows a partial result of the group, and returns it; the round's last thread merges them.
//
// Always true: hits do not depend on pieces, groups or threads, since a key depends on its query and row only, and hits are
// totally ordered.
#pragma once
#include <memory>
#include "../simd/table.h"
#include "job.h"

namespace elanus {

// Throws Failure if the plan does not fit.
std::shared_ptr<Job> make_search(const elanus_search& plan, elanus_done done, void* context);
std::shared_ptr<Job> make_find_not_finite(Element element, const void* values, uint64_t count, int64_t* index, elanus_done done, void* context);

}  // namespace elanus
