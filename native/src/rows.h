// Rows of one element and dimension: growing in memory, or mapped from a file.
//
//   growing:  chunk 0   | b rows |                     b: a power of two, at least 64 KiB of rows
//             chunk 1   | 2b rows         |            address space is taken a chunk at a time,
//             chunk 2   | 4b rows                 |    memory as rows are written
//   mapped:   chunk 0   | all rows ...
//
// Always true:
//  - a row never moves, and `count` never shrinks; what a reader saw counted stays readable as long as it holds the object;
//  - there is one writer at a time (a lock makes sure), any number of readers beside it.
#pragma once
#include <array>
#include <atomic>
#include <cstdint>
#include <mutex>
#include "layout.h"

namespace elanus {

class Rows {
 public:
  explicit Rows(Layout layout);
  Rows(const char* path, uint64_t offset, uint64_t row_count, Layout layout);
  ~Rows();
  Rows(const Rows&) = delete;
  Rows& operator=(const Rows&) = delete;

  const Layout& layout() const { return layout_; }
  Element element() const { return layout_.element; }
  uint32_t dimension() const { return layout_.dimension; }
  uint64_t count() const { return count_.load(std::memory_order_acquire); }
  uint64_t row_bytes() const { return layout_.row_bytes(); }
  bool is_mapped() const { return mapped_; }

  // Returns the new count.
  uint64_t append(const void* values, uint64_t row_count);

  // The address of row `first`, and in *run how many rows follow it without a gap (itself included, capacity and not count).
  const unsigned char* at(uint64_t first, uint64_t* run) const;

 private:
  struct Place { uint32_t chunk; uint64_t row; };
  Place place(uint64_t row) const;
  uint64_t chunk_rows(uint32_t chunk) const { return (uint64_t)1 << (shift_ + chunk); }

  static constexpr uint32_t most_chunks = 33;
  const Layout layout_;
  uint32_t shift_ = 0;                                              // chunk 0 has 1 << shift_ rows
  bool mapped_ = false;
  std::mutex writer_;
  std::atomic<uint64_t> count_ = 0;
  std::array<unsigned char*, most_chunks> chunks_ = {};             // written before the count that covers it
  std::array<std::pair<void*, uint64_t>, most_chunks> maps_ = {};   // what to unmap
};

}  // namespace elanus
