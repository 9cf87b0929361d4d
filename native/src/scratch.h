// What one thread needs to walk a graph: lists, marks, small arrays. Grown when needed, kept from search to search by its lender.
//
// Always true: a Scratch belongs to one thread at a time; `begin` leaves the lists empty and nothing visited.
#pragma once
#include <algorithm>
#include <cstring>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>
#include "dispatch.h"
#include "memory.h"

namespace elanus {

// Rows that were met. Growing, when more are there than before.
class SeenRows {
 public:
  explicit SeenRows(Owner owner) : owner_(owner) {}

  // None is seen. `seen` is what it left of the time before.
  Seen begin(const Seen& seen, size_t rows) {
    const size_t words = (rows + 63) / 64;
    if (bits_.size() < words) bits_ = Buffer<uint64_t>(bits_.size() ? words + words / 2 : words, owner_);   // who grows once grows again
    else if (seen.overflowed) std::memset(bits_.data(), 0, bits_.bytes());
    else
      for (uint32_t i = 0; i < seen.count; ++i) bits_[seen.undo[i] >> 6] = 0;
    if (!undo_.size()) undo_ = Buffer<uint32_t>(most_undone + most_fresh, owner_);
    return {bits_.data(), undo_.data(), 0, most_undone, false};
  }

 private:
  static constexpr uint32_t most_undone = 1 << 14;   // beyond, forgetting all at once is quicker
  const Owner owner_;
  Buffer<uint64_t> bits_;
  Buffer<uint32_t> undo_;
};

// What a walk through blocks needs (block_walk.h).
class PackedScratch {
 public:
  explicit PackedScratch(Owner owner) : owner_(owner), seen_(owner) {}
  PackedWalk walk = {};

  void begin(size_t rows, uint32_t known_width, uint32_t found_width) {
    walk.seen = seen_.begin(walk.seen, rows);
    prepare(walk.known, known_memory_, known_width, true);
    prepare(walk.found, found_memory_, found_width, false);
  }
  uint8_t* sign_table(uint32_t dims) {
    if (table_.size() < 4 * (size_t)dims) table_ = Buffer<uint8_t>(4 * (size_t)dims, owner_);
    return table_.data();
  }

 private:
  void prepare(Pool& pool, Buffer<uint32_t>& memory, uint32_t width, bool opens) {
    const size_t slots = pool_capacity(width) + pool_padding, arrays = opens ? 3 : 2;
    if (memory.size() < arrays * slots) memory = Buffer<uint32_t>(arrays * slots, owner_);
    pool.row = memory.data();
    pool.distance = (float*)memory.data() + slots;
    pool.open = pool.distance + (opens ? slots : 0);
    table().graph.clear_pool(&pool, width);
  }

  const Owner owner_;
  SeenRows seen_;
  Buffer<uint32_t> known_memory_, found_memory_;
  Buffer<uint8_t> table_;
};

class Scratch {
 public:
  explicit Scratch(Owner owner) : packed(owner), owner_(owner), seen_(owner) {}

  PackedScratch packed;
  Candidates frontier = {}, results = {};
  Seen seen = {};
  ListWalk walk = {};
  std::vector<uint32_t> numbers, kept;
  std::vector<float> distances, least, work;
  std::vector<uint64_t> sortable;
  std::vector<const unsigned char*> at;

  // As a walk that begins needs it.
  Passing begin_passing(Passing passing) {
    if (passing.heads) std::fill_n(passing.found = chains_, chains_in_mind, no_row);
    return passing;
  }

  void begin(size_t rows, uint32_t frontier_capacity, uint32_t result_capacity) {
    seen = seen_.begin(seen, rows);
    prepare(frontier, frontier_memory_, frontier_capacity);
    prepare(results, result_memory_, result_capacity);
  }
  bool first_time(uint32_t row) {
    uint64_t& word = seen.bits[row >> 6];
    const uint64_t bit = 1ull << (row & 63);
    if (word & bit) return false;
    word |= bit;
    if (seen.count < seen.capacity) seen.undo[seen.count++] = row;
    else seen.overflowed = true;
    return true;
  }
  // After `begin`: a walk through lists.
  void begin_walk(const CodeRows& rows, const CodeQuery& query, const uint32_t* entries, uint32_t entry_count, const Passing& passing = {}) {
    if (!fresh_.size()) fresh_ = Buffer<uint32_t>(most_fresh, owner_);
    walk = {&frontier, &results, &seen, begin_passing(passing), fresh_.data(), 0, 0, 0, ~0u, 0, 0, 0};
    table().graph.begin_walk(&walk, &rows, &query, entries, entry_count);
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
  SeenRows seen_;
  uint32_t chains_[chains_in_mind];
  Buffer<uint32_t> frontier_memory_, result_memory_, fresh_;
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
