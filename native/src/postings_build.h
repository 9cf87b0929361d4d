// Builds the file of packed lists from sparse rows. One thread, below searches; the same rows give the same bytes.
#pragma once
#include <memory>
#include "../include/elanus_sparse.h"
#include "job.h"

namespace elanus {

// Throws Failure if the plan does not fit.
std::shared_ptr<Job> make_postings_build(const elanus_postings_build& plan, const char* path, elanus_done done, void* context);

}  // namespace elanus
