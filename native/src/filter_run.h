// Runs a filter program: a stretch of rows at a time, on the pool or on the calling thread.
#pragma once
#include <memory>
#include "../include/elanus_filter.h"
#include "job.h"

namespace elanus {

std::shared_ptr<Job> make_filter(const elanus_filter& filter, elanus_done done, void* context);
void run_filter(const elanus_filter& filter);

}  // namespace elanus
