// What the searches of all kinds of indexes are: a job over queries with a filter, a range, a limit of time and counts of its work.
//
//   prepare once -> { answer some queries }, a piece each -> counts
//
// Always true: nothing that is shared changes after `prepare` but the counts, under a lock; so pieces run side by side.
//
// Not here: which rows are looked at (index_search, lists_search, slim_search, bands_search).
#pragma once
#include <chrono>
#include <cstring>
#include <limits>
#include <memory>
#include <mutex>
#include <vector>
#include "../include/elanus_index.h"
#include "dispatch.h"
#include "job.h"
#include "kept_rows.h"
#include "open_index.h"
#include "queries.h"
#include "topk.h"

namespace elanus {

constexpr uint32_t raw_block = 64;   // rows that are scored by their raw values at once

class IndexJob : public Job {
 public:
  // Before it runs, on the thread that runs it: the limit counts the time of that thread alone, and not what others took from it.
  void limit_own_time();

 protected:
  struct Effort {
    double visits = 0, distances = 0, exact = 0, code_scans = 0, raw_scans = 0, lists = 0;
  };

  // `index` must stay until `let_go`. `hash_bits`: of MHJACCARD.
  IndexJob(const elanus_index_search& plan, const OpenIndex& index, Metric metric, elanus_done done, void* context, uint32_t hash_bits = 8);

  // Alone, before the first query; counts the allowed rows.
  virtual void prepare();
  virtual void answer_some(uint64_t first, uint64_t last, Effort& effort) const = 0;

  bool is_allowed(uint32_t row) const { return !plan_.allowed || (plan_.allowed[row >> 3] >> (row & 7) & 1); }
  bool is_in_range(float key) const { return !plan_.has_outer || (low_ <= key && key < high_); }
  uint32_t rank_of(uint32_t row) const { return plan_.rank ? plan_.rank[row] : 0; }
  void go_on() const;   // throws if the job was stopped, or is late
  const unsigned char* query_at(uint64_t query) const { return (const unsigned char*)plan_.queries + query * layout_.row_bytes(); }
  // The raw values of a row.
  const unsigned char* row_at(uint32_t row) const {
    const unsigned char* kept = kept_ ? kept_->at(row) : nullptr;
    uint64_t run;
    return kept ? kept : raw_.at(row, &run);
  }
  // What a search did that did not run as a job.
  void tell(const Effort& effort) const;
  void write_hits(uint64_t query, const std::vector<Hit>& hits, bool tied) const;
  // At most raw_block rows by their raw values; NaN for a row that is no hit.
  void raw_keys(const QueryBlock& query, const uint32_t* rows, uint32_t count, float* keys) const;
  template <class Use> void each_allowed_row(Use use) const;

  const elanus_index_search plan_;
  const Table& table_;
  const Metric metric_;
  const Layout layout_;
  const uint32_t rows_;
  const Queries asked_;
  const uint64_t queries_;
  float high_ = std::numeric_limits<float>::infinity(), low_ = -std::numeric_limits<float>::infinity();
  uint64_t allowed_count_ = 0;
  std::shared_ptr<const KeptRows> kept_;   // raw rows that need not be read; null: none

 private:
  void work(uint64_t piece) final;
  Round settle(uint64_t*) final;

  using Clock = std::chrono::steady_clock;
  const Rows& raw_;
  const uint32_t hash_bits_;
  const Clock::time_point limit_;
  uint64_t own_limit_ = 0;   // nanoseconds of this thread; 0: the clock counts
  uint64_t piece_queries_;
  std::once_flag prepared_;
  std::mutex lock_;
  Effort total_;
};

template <class Use> void IndexJob::each_allowed_row(Use use) const {
  for (uint64_t first = 0; first < rows_; first += 64) {
    uint64_t word = ~0ull;
    if (plan_.allowed) std::memcpy(&word, plan_.allowed + first / 8, sizeof word);
    if (rows_ - first < 64) word &= (1ull << (rows_ - first)) - 1;
    for (; word; word &= word - 1) use((uint32_t)first + (uint32_t)__builtin_ctzll(word));
  }
}

}  // namespace elanus
