// The job that builds inverted lists: rounds of small pieces, so that searches get in between.
//
//   place rows on the grid -> cluster a sample -> assign all rows -> { train the book } -> encode -> write
//
// Always true: the file does not depend on threads, nor on the instruction set.
#pragma once
#include <memory>
#include "../include/elanus_lists.h"
#include "job.h"

namespace elanus {

// Throws Failure if the plan does not fit.
std::shared_ptr<Job> make_lists_build(const elanus_lists_build& plan, const char* path, elanus_done done, void* context);

}  // namespace elanus
