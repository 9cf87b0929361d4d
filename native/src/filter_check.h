// Looks at the buffers of a filter before anything is read of them.
#pragma once
#include "../include/elanus_filter.h"

namespace elanus {

// Throws Failure when a buffer is missing or too short. What offsets say is looked at where they are followed.
void check_filter(const elanus_filter& filter);

}  // namespace elanus
