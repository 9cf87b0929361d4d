#include "mapping.h"
#include <sys/mman.h>
#include <unistd.h>
#include <cerrno>
#include <cstring>
#include "failure.h"
#include "memory.h"

namespace elanus {

FileMapping::FileMapping(int file, uint64_t bytes, const char* path) : bytes_(bytes) {
  const uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
  reserved_ = (bytes + page - 1) / page * page + page;
  start_ = mmap(nullptr, reserved_, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (start_ == MAP_FAILED) fail(ELANUS_MEMORY, "no addresses for %llu bytes of %.140s", (unsigned long long)bytes, path);
  if (bytes && mmap(start_, bytes, PROT_READ, MAP_SHARED | MAP_FIXED, file, 0) == MAP_FAILED) {
    const int reason = errno;
    munmap(start_, reserved_);
    fail(ELANUS_FILE, "cannot map %.180s: %s", path, std::strerror(reason));
  }
  count_memory(Owner::mapped, (int64_t)bytes_);
}

FileMapping::~FileMapping() {
  munmap(start_, reserved_);
  count_memory(Owner::mapped, -(int64_t)bytes_);
}

}  // namespace elanus
