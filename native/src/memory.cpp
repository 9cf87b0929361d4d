#include "memory.h"
#include <sys/mman.h>
#include <atomic>
#include <cstdlib>
#include <cstring>
#include <new>

namespace elanus {

namespace {

constexpr size_t huge_page = 2 << 20;
constexpr size_t line = 64;

std::atomic<uint64_t> taken_bytes[owner_count];

// Small memory comes from the heap, large memory in whole huge pages.
bool is_large(size_t bytes) { return bytes >= 2 * huge_page; }
size_t in_pages(size_t bytes) { return (bytes + huge_page - 1) / huge_page * huge_page; }

void* map_aligned(size_t bytes) {
  void* got = mmap(nullptr, bytes + huge_page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (got == MAP_FAILED) throw std::bad_alloc();
  char* at = (char*)got;
  const size_t before = (huge_page - (size_t)at % huge_page) % huge_page;
  if (before) munmap(at, before);
  if (before < huge_page) munmap(at + before + bytes, huge_page - before);
  madvise(at + before, bytes, MADV_HUGEPAGE);   // a wish; without it everything works, slower
  return at + before;
}

}  // namespace

void count_memory(Owner owner, int64_t bytes) { taken_bytes[(uint32_t)owner].fetch_add((uint64_t)bytes, std::memory_order_relaxed); }

uint64_t memory_of(Owner owner) { return taken_bytes[(uint32_t)owner].load(std::memory_order_relaxed); }

void* take_memory(size_t bytes, Owner owner) {
  if (!bytes) return nullptr;
  void* at;
  if (is_large(bytes)) {
    at = map_aligned(in_pages(bytes));
  } else {
    const size_t whole = (bytes + line - 1) / line * line;
    at = std::aligned_alloc(line, whole);
    if (!at) throw std::bad_alloc();
    std::memset(at, 0, whole);
  }
  taken_bytes[(uint32_t)owner].fetch_add(bytes, std::memory_order_relaxed);
  return at;
}

void give_memory(void* at, size_t bytes, Owner owner) {
  if (!at) return;
  if (is_large(bytes)) munmap(at, in_pages(bytes));
  else std::free(at);
  taken_bytes[(uint32_t)owner].fetch_sub(bytes, std::memory_order_relaxed);
}

void* take_reserve(size_t bytes) {
  void* got = mmap(nullptr, in_pages(bytes) + huge_page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (got == MAP_FAILED) throw std::bad_alloc();
  // The start is a huge page's, the rest before it is given back; what is behind costs addresses only.
  const size_t before = (huge_page - (size_t)got % huge_page) % huge_page;
  if (before) munmap(got, before);
  if (before < huge_page) munmap((char*)got + before + in_pages(bytes), huge_page - before);
  return (char*)got + before;
}

void use_reserve(void* at, size_t before, size_t after, size_t bytes, Owner owner) {
  taken_bytes[(uint32_t)owner].fetch_add(after - before, std::memory_order_relaxed);
  // Huge pages from the second on: a small index must not take megabytes for each of its parts.
  if (before < 2 * huge_page && after >= 2 * huge_page && in_pages(bytes) > in_pages(after))
    madvise((char*)at + in_pages(after), in_pages(bytes) - in_pages(after), MADV_HUGEPAGE);
}

void give_reserve(void* at, size_t used, size_t bytes, Owner owner) {
  if (!at) return;
  munmap(at, in_pages(bytes));
  taken_bytes[(uint32_t)owner].fetch_sub(used, std::memory_order_relaxed);
}

}  // namespace elanus
