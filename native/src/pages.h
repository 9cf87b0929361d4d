// Pages of memory that is about to be read into.
#pragma once
#include <cstddef>

namespace elanus {

// Has the system give the huge pages of large memory all at once: a copy out of a file that meets them one by one takes six times as long.
// A wish: without it everything works, slower.
void have_pages(void* at, size_t bytes);

}  // namespace elanus
