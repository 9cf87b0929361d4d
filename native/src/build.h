// The job that builds an index: rounds of small pieces, so that searches get in between.
//
//   lengths (IP) -> mean -> spread -> encode -> { link a batch -> merge its edges } ... -> trim -> write
//
// Always true: what a piece does depends on its number only, and partial sums are added in the order of pieces, so the file does not
// depend on threads.
#pragma once
#include <memory>
#include "../include/elanus_index.h"
#include "job.h"

namespace elanus {

// Throws Failure if the plan does not fit.
std::shared_ptr<Job> make_index_build(const elanus_index_build& plan, const char* path, elanus_done done, void* context);

}  // namespace elanus
