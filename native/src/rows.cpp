#include "rows.h"
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <algorithm>
#include <cerrno>
#include <cstring>
#include "failure.h"

namespace elanus {

namespace {

constexpr uint64_t first_chunk_bytes = 64 << 10;
constexpr uint64_t huge_page = 2 << 20;
constexpr uint64_t most_rows = ELANUS_NO_ROW;   // numbers 0 .. 0xfffffffe

class File {
 public:
  explicit File(const char* path) : descriptor(::open(path, O_RDONLY | O_CLOEXEC)) {
    if (descriptor < 0) fail(ELANUS_FILE, "cannot open %.180s: %s", path, std::strerror(errno));
  }
  ~File() { ::close(descriptor); }
  const int descriptor;
};

}  // namespace

Rows::Rows(Layout layout) : layout_(layout) {
  while (chunk_rows(0) * row_bytes() < first_chunk_bytes) ++shift_;
}

Rows::Rows(const char* path, uint64_t offset, uint64_t row_count, Layout layout) : layout_(layout), shift_(32), mapped_(true) {
  if (row_count > most_rows) fail(ELANUS_INVALID, "%llu rows are more than %llu", (unsigned long long)row_count, (unsigned long long)most_rows);
  File file(path);
  struct stat status {};
  if (fstat(file.descriptor, &status)) fail(ELANUS_FILE, "cannot ask about %.180s: %s", path, std::strerror(errno));
  if (!S_ISREG(status.st_mode)) fail(ELANUS_FILE, "%.180s is not a file", path);
  const uint64_t bytes = row_count * row_bytes(), size = (uint64_t)status.st_size;
  if (offset > size || bytes > size - offset)
    fail(ELANUS_FILE, "%.120s has %llu bytes: too short for %llu rows of %llu bytes from byte %llu on", path, (unsigned long long)size,
         (unsigned long long)row_count, (unsigned long long)row_bytes(), (unsigned long long)offset);
  if (bytes) {
    const uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE), before = offset % page;
    void* at = mmap(nullptr, before + bytes, PROT_READ, MAP_SHARED, file.descriptor, (off_t)(offset - before));
    if (at == MAP_FAILED) fail(ELANUS_FILE, "cannot map %.180s: %s", path, std::strerror(errno));
    maps_[0] = {at, before + bytes};
    chunks_[0] = (unsigned char*)at + before;
  }
  count_.store(row_count, std::memory_order_release);
}

Rows::~Rows() {
  for (const auto& [at, bytes] : maps_)
    if (at) munmap(at, bytes);
}

// Chunk c starts at row (2^c - 1) << shift_.
Rows::Place Rows::place(uint64_t row) const {
  const uint64_t unit = (row >> shift_) + 1;
  const uint32_t chunk = 63 - (uint32_t)__builtin_clzll(unit);
  return {chunk, row - ((((uint64_t)1 << chunk) - 1) << shift_)};
}

const unsigned char* Rows::at(uint64_t first, uint64_t* run) const {
  const Place p = place(first);
  *run = chunk_rows(p.chunk) - p.row;
  return chunks_[p.chunk] + p.row * row_bytes();
}

uint64_t Rows::append(const void* values, uint64_t row_count) {
  if (mapped_) fail(ELANUS_INVALID, "mapped rows do not grow");
  std::lock_guard<std::mutex> hold(writer_);
  const uint64_t before = count_.load(std::memory_order_relaxed);
  if (row_count > most_rows - before) fail(ELANUS_MEMORY, "more than %llu rows", (unsigned long long)most_rows);
  for (uint64_t done = 0; done < row_count;) {
    const Place p = place(before + done);
    if (!chunks_[p.chunk]) {
      // Pages come as they are written, so that a chunk which is never filled costs address space only.
      const uint64_t bytes = chunk_rows(p.chunk) * row_bytes();
      void* fresh = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
      if (fresh == MAP_FAILED) fail(ELANUS_MEMORY, "no memory for %llu bytes of rows", (unsigned long long)bytes);
      if (bytes >= 2 * huge_page) madvise(fresh, bytes, MADV_HUGEPAGE);
      maps_[p.chunk] = {fresh, bytes};
      chunks_[p.chunk] = (unsigned char*)fresh;
    }
    const uint64_t some = std::min(row_count - done, chunk_rows(p.chunk) - p.row);
    std::memcpy(chunks_[p.chunk] + p.row * row_bytes(), (const unsigned char*)values + done * row_bytes(), some * row_bytes());
    done += some;
  }
  count_.store(before + row_count, std::memory_order_release);
  return before + row_count;
}

}  // namespace elanus
