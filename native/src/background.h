// Threads that have what others leave.
#pragma once

namespace elanus {

// From now on the calling thread gives way to all others of the process: one that wakes takes its core at once, and it keeps about
// a tenth of a core that others want all the time. Does nothing where the system cannot be asked for that.
void step_back();

}  // namespace elanus
