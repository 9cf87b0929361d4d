// Reads what stands at some paths of many documents, in one pass over the bytes of each.
#pragma once
#include <memory>
#include "../include/elanus_filter.h"
#include "job.h"

namespace elanus {

std::shared_ptr<Job> make_places(const elanus_places& places, elanus_done done, void* context);
void run_places(const elanus_places& places);

}  // namespace elanus
