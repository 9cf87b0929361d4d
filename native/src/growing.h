// A graph over rows that keep coming: one writer extends it, any number of readers search what it has published.
//
//   create    addresses for as many rows as there may be; no memory yet
//   extend    a job below searches: learns the grid from the first rows, once; encodes what is new; inserts it batch by batch
//   publish   an Index (index.h) over the same memory that ends at a row count: what readers search, unchanged by what is written behind
//
// A published index sees rows below its count only. Their codes do not change any more; their lists do, slot by slot, and may name newer
// rows, which its searches pass over. So readers take no lock, wait for nobody, and only find a little more, or less, by chance.
//
// Rows that would not fit a grid learned from the first ones (under IP a row much longer than all of them) are kept outside: searches
// look at them always. There are at most `most_outside`; further ones are put at the rim of the grid.
//
// Always true: nothing moves; one extension at a time; a row that was published stays published; an extension that was cancelled has
// done no harm, and the next one goes on from there.
//
// Not here: flushing to a file (build.h builds the sealed segment's index anew, in rows of another order).
#pragma once
#include <atomic>
#include <memory>
#include "graph.h"
#include "index.h"
#include "job.h"

namespace elanus {

constexpr uint32_t most_growing_rows = 1 << 24;
constexpr uint32_t most_outside = 1024;

class GrowingIndex {
 public:
  // Throws Failure, or std::bad_alloc when not even addresses for 64 Ki rows are to be had.
  GrowingIndex(std::shared_ptr<Rows> rows, Metric metric, uint32_t degree, uint32_t beam, uint64_t seed);
  ~GrowingIndex();
  GrowingIndex(const GrowingIndex&) = delete;

  uint64_t row_count() const { return published_.load(std::memory_order_acquire); }
  uint32_t capacity() const { return capacity_; }
  const Rows& rows() const { return *rows_; }

 private:
  friend class Extension;
  struct Memory;
  struct Twins;

  std::shared_ptr<Index> publish(uint32_t row_count);
  void learn(uint32_t row_count);
  void encode(uint32_t row, Scratch& scratch);
  void place_encoded(uint32_t first, uint32_t last);

  const std::shared_ptr<Rows> rows_;
  const uint32_t degree_, beam_;
  uint32_t capacity_ = 0, encoded_ = 0;
  bool learned_ = false;
  Grid grid_;
  std::shared_ptr<Memory> memory_;
  std::unique_ptr<Twins> twins_;
  std::unique_ptr<Graph> graph_;
  uint32_t zero_row_ = no_row;
  std::vector<uint32_t> outside_;
  bool has_twins_ = false;
  Lender builders_{Owner::build};
  std::shared_ptr<Lender> searchers_ = std::make_shared<Lender>(Owner::search);
  std::atomic<uint32_t> published_ = 0;
  std::atomic<bool> extending_ = false;
};

// Indexes the first `row_count` rows, or as many as there is room for; *index becomes a handle of what was published.
std::shared_ptr<Job> make_extension(std::shared_ptr<GrowingIndex> growing, uint64_t row_count, uint64_t* index, elanus_done done, void* context);

}  // namespace elanus
