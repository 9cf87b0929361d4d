// The job that builds an index of bands.
//
//   hash the bands of all rows -> sort each band -> write
//
// Always true: the file does not depend on threads, nor on the instruction set.
#pragma once
#include <memory>
#include "../include/elanus_bands.h"
#include "job.h"

namespace elanus {

// Throws Failure if the plan does not fit.
std::shared_ptr<Job> make_bands_build(const elanus_bands_build& plan, const char* path, elanus_done done, void* context);

}  // namespace elanus
