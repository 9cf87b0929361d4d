// The search of bands: look up every band of the query, count what rows share, score the best of them. The rule stands in bands_search.cpp.
#pragma once
#include <memory>
#include "bands.h"
#include "job.h"

namespace elanus {

// Throws Failure if the plan does not fit.
std::shared_ptr<Job> make_bands_search(const elanus_index_search& plan, std::shared_ptr<const BandsIndex> index, elanus_done done, void* context);

}  // namespace elanus
