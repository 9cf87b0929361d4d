// The job that builds a slim graph: the graph as ever, over codes of one byte a dimension, then shorter codes of the same rows.
//
//   place rows on the grid -> { link a batch -> merge its edges } ... -> trim -> train the book -> encode -> write
//
// Always true: the file does not depend on threads, nor on the instruction set.
#pragma once
#include <memory>
#include "../include/elanus_slim.h"
#include "job.h"

namespace elanus {

// Throws Failure if the plan does not fit.
std::shared_ptr<Job> make_slim_build(const elanus_slim_build& plan, const char* path, elanus_done done, void* context);

}  // namespace elanus
