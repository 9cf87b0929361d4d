#include "pages.h"
#include <sys/mman.h>
#include <cstdint>

namespace elanus {

void have_pages([[maybe_unused]] void* at, [[maybe_unused]] size_t bytes) {
#ifdef MADV_POPULATE_WRITE
  constexpr size_t huge_page = 2 << 20;
  if (bytes < huge_page) return;
  // Outwards: large memory begins and ends with a huge page (memory.h).
  const uintptr_t first = (uintptr_t)at / huge_page * huge_page, last = ((uintptr_t)at + bytes + huge_page - 1) / huge_page * huge_page;
  madvise((void*)first, last - first, MADV_POPULATE_WRITE);
#endif
}

}  // namespace elanus
