// Keeps rows of a slim graph's mapped rows in memory.
#pragma once
#include "job.h"
#include "slim.h"

namespace elanus {

// Of at most so many bytes, what belongs to them counted; in the place of those that were kept before. Nothing is kept of rows that are in memory.
std::shared_ptr<Job> make_slim_keep(std::shared_ptr<const SlimIndex> index, uint64_t bytes, elanus_done done, void* context);

}  // namespace elanus
