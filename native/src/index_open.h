// The job that opens an index: a part of the file a round, so that searches get in between.
#pragma once
#include <memory>
#include "../include/elanus_index.h"
#include "job.h"

namespace elanus {

// *index becomes the handle when the job ends well. Throws Failure if the rows are not open.
std::shared_ptr<Job> make_index_open(const char* path, elanus_rows rows, uint32_t how, elanus_index* index, elanus_done done, void* context);

}  // namespace elanus
