// What one thread needs to walk a graph: lists, marks, small arrays. Grown when needed, kept from search to search by its lender.
//
// Always true: a Scratch belongs to one thread at a time; `begin` leaves the lists empty and nothing visited.
#pragma once
#include <cstring>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>
#include "dispatch.h"
#include "memory.h"

namespace elanus {

// What a walk through blocks needs (block_walk.h). Nothing is seen between walks.
class PackedScratch {
 public:
  explicit PackedScratch(Owner owner) : owner_(owner) {}
  PackedWalk walk = {};

  void begin(size_t rows, uint32_t known_width, uint32_t found_width) {
    forget();
    const size_t words = (rows + 63) / 64;
    if (seen_.size() < words) seen_ = Buffer<uint64_t>(words, owner_);
    if (!undo_.size()) undo_ = Buffer<uint32_t>(most_undone + 2 * group_edges, owner_);
    walk.seen = seen_.data();
    walk.undo = undo_.data();
    walk.undo_capacity = most_undone;
    prepare(walk.known, known_memory_, known_width, true);
    prepare(walk.found, found_memory_, found_width, false);
  }
  uint8_t* sign_table(uint32_t dims) {
    if (table_.size() < 4 * (size_t)dims) table_ = Buffer<uint8_t>(4 * (size_t)dims, owner_);
    return table_.data();
  }

 private:
  static constexpr uint32_t most_undone = 1 << 14;   // beyond, forgetting all at once is quicker

  void forget() {
    if (walk.overflowed) std::memset(seen_.data(), 0, seen_.bytes());
    else
      for (uint32_t i = 0; i < walk.undo_count; ++i) seen_[walk.undo[i] >> 6] = 0;
    walk.overflowed = false;
    walk.undo_count = 0;
  }
  void prepare(Pool& pool, Buffer<uint32_t>& memory, uint32_t width, bool opens) {
    const size_t slots = pool_capacity(width) + pool_padding, arrays = opens ? 3 : 2;
    if (memory.size() < arrays * slots) memory = Buffer<uint32_t>(arrays * slots, owner_);
    pool.row = memory.data();
    pool.distance = (float*)memory.data() + slots;
    pool.open = pool.distance + (opens ? slots : 0);
    table().graph.clear_pool(&pool, width);
  }

  const Owner owner_;
  Buffer<uint64_t> seen_;
  Buffer<uint32_t> undo_, known_memory_, found_memory_;
  Buffer<uint8_t> table_;
};

class Scratch {
 public:
  explicit Scratch(Owner owner) : packed(owner), owner_(owner) {}

  PackedScratch packed;
  Candidates frontier = {}, results = {};
  Visited visited = {};
  std::vector<uint32_t> numbers, kept;
  std::vector<float> distances, work;
  std::vector<uint64_t> sortable;
  std::vector<const unsigned char*> at;

  void begin(size_t rows, uint32_t frontier_capacity, uint32_t result_capacity) {
    if (marks_.size() < rows) {
      marks_ = Buffer<uint16_t>(marks_.size() ? rows + rows / 2 : rows, owner_);   // who grows once grows again
      visited = {marks_.data(), 0};
    }
    if (++visited.own == 0) {
      if (marks_.size()) std::memset(marks_.data(), 0, marks_.bytes());
      visited.own = 1;
    }
    prepare(frontier, frontier_memory_, frontier_capacity);
    prepare(results, result_memory_, result_capacity);
  }
  int8_t* codes(uint32_t dims) {
    if (codes_.size() < dims) codes_ = Buffer<int8_t>(dims, owner_);
    return codes_.data();
  }

 private:
  void prepare(Candidates& list, Buffer<uint32_t>& memory, uint32_t capacity) {
    const size_t slots = ((size_t)capacity + 2 * candidate_padding - 1) / candidate_padding * candidate_padding;
    if (memory.size() < 2 * slots) memory = Buffer<uint32_t>(2 * slots, owner_);
    list.distance = (float*)memory.data();
    list.row = memory.data() + slots;
    table().graph.clear(&list, capacity);
  }

  const Owner owner_;
  Buffer<uint16_t> marks_;
  Buffer<uint32_t> frontier_memory_, result_memory_;
  Buffer<int8_t> codes_;
};

// Lends scratches; there are never more than threads that asked at the same time.
class Lender {
 public:
  explicit Lender(Owner owner) : owner_(owner) {}

  std::unique_ptr<Scratch> borrow() {
    {
      std::lock_guard<std::mutex> hold(lock_);
      if (!idle_.empty()) {
        auto scratch = std::move(idle_.back());
        idle_.pop_back();
        return scratch;
      }
    }
    return std::make_unique<Scratch>(owner_);
  }
  void give_back(std::unique_ptr<Scratch> scratch) {
    std::lock_guard<std::mutex> hold(lock_);
    idle_.push_back(std::move(scratch));
  }
  void clear() {
    std::lock_guard<std::mutex> hold(lock_);
    idle_.clear();
  }

 private:
  const Owner owner_;
  std::mutex lock_;
  std::vector<std::unique_ptr<Scratch>> idle_;
};

class Borrowed {
 public:
  explicit Borrowed(Lender& lender) : lender_(lender), scratch_(lender.borrow()) {}
  ~Borrowed() { lender_.give_back(std::move(scratch_)); }
  Borrowed(const Borrowed&) = delete;
  Borrowed& operator=(const Borrowed&) = delete;
  Scratch& operator*() { return *scratch_; }

 private:
  Lender& lender_;
  std::unique_ptr<Scratch> scratch_;
};

}  // namespace elanus
