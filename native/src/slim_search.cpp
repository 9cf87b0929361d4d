// The rule:
//
//  - without a filter, a walk `ef` wide by the codes; the nearest `reorder` by codes, and the rows of equal codes behind them, are read;
//  - under a filter that allows a share s, a walk meets an allowed row with every 1/s-th visit. Where that costs more than looking at the
//    codes of all allowed rows, those are looked at. A walk that is no cheaper than that, or that ends before its k-th result lies within the radius
//    that it has explored, is not believed, and the codes are looked at after all;
//  - an inner bound asks for rows that are not the nearest: all allowed raw rows are scored.
//
// Raw rows may lie on disk, but for those that are kept in memory (kept_rows.h): the system is told of all that will be read before the first is, so that it fetches them side by side.
#include "slim_search.h"
#include <sys/mman.h>
#include <unistd.h>
#include <algorithm>
#include "failure.h"
#include "index_job.h"
#include "index_plan.h"
#include "slim_query.h"

namespace elanus {

namespace {

constexpr uint32_t code_block = 256, slice_visits = 64;
constexpr uint32_t widest = 16384;       // of the frontier of a walk under a filter
constexpr uint32_t most_twins = 4096;    // of one row, besides k

// A sorted list, nearest first (simd/candidates.h has the same for walks over bytes).
void insert(Candidates& list, uint32_t row, float x) {
  if (!(x < list.distance[list.capacity - 1])) return;
  const uint32_t rank = (uint32_t)(std::upper_bound(list.distance, list.distance + list.size, x) - list.distance);
  const uint32_t moved = std::min(list.size, list.capacity - 1) - rank;
  std::memmove(list.distance + rank + 1, list.distance + rank, moved * sizeof(float));
  std::memmove(list.row + rank + 1, list.row + rank, moved * sizeof(uint32_t));
  list.distance[rank] = x;
  list.row[rank] = row;
  if (list.size < list.capacity) ++list.size;
  if (rank < list.next) list.next = rank;
}

uint32_t take(Candidates& list) {
  const uint32_t row = list.row[list.next];
  list.row[list.next] |= taken;
  while (++list.next < list.size && (list.row[list.next] & taken)) {
  }
  return row;
}

class SlimSearch final : public IndexJob {
 public:
  SlimSearch(const elanus_index_search& plan, std::shared_ptr<const SlimIndex> index, elanus_done done, void* context);

 protected:
  void answer_some(uint64_t first, uint64_t last, Effort& effort) const override;
  void let_go() override {
    index_.reset();
    kept_.reset();
  }

 private:
  struct Asked {
    QueryBlock block;
    Scratch& s;
    Effort& effort;
    TopK best;
    SlimQuery codes;
    std::vector<uint32_t> pending;   // rows whose scores are wanted
  };

  void answer(uint64_t query, Scratch& s, Effort& effort) const;
  bool walk(Asked& a, uint32_t width) const;
  void scan_codes(Asked& a) const;
  void scan_raw(Asked& a) const;
  void want(Asked& a, uint32_t row) const;
  void want_twins(Asked& a, uint32_t row) const;
  void settle_pending(Asked& a) const;

  uint32_t twin_after(uint32_t row) const { return index_->next_twin[row]; }

  std::shared_ptr<const SlimIndex> index_;
  const SlimShape& shape_;
  const uint32_t width_, reorder_;
};

SlimSearch::SlimSearch(const elanus_index_search& plan, std::shared_ptr<const SlimIndex> index, elanus_done done, void* context)
    : IndexJob(plan, *index, (Metric)index->shape.metric, done, context), index_(std::move(index)), shape_(index_->shape),
      width_(std::max({plan.ef, plan.k, plan.reorder})), reorder_(plan.reorder ? plan.reorder : width_) {
  kept_ = index_->kept();
}

void SlimSearch::answer_some(uint64_t first, uint64_t last, Effort& effort) const {
  Borrowed borrowed(index_->lender);
  for (uint64_t q = first; q < last; ++q) answer(q, *borrowed, effort);
}

void SlimSearch::answer(uint64_t query, Scratch& s, Effort& effort) const {
  go_on();
  Asked a = {asked_.block(query, 1), s, effort, TopK(plan_.k, high_), SlimQuery(*index_, query_at(query), s), {}};
  if (allowed_count_ && plan_.has_inner) {
    scan_raw(a);
  } else if (allowed_count_) {
    // A visit costs the distances of a list, less those that are known already.
    const double walk_distances = 1.3 * width_ * rows_ / (double)allowed_count_ * shape_.degree / 2;
    const bool walked = (double)allowed_count_ >= walk_distances && walk(a, width_);
    if (!walked) scan_codes(a);
    for (size_t i = 0; i < std::min<size_t>(s.numbers.size(), reorder_); ++i) {
      want(a, s.numbers[i]);
      if (walked) want_twins(a, s.numbers[i]);
    }
    // Rows without direction are not in the graph; their score is known to be 0.
    if (shape_.zero_row != no_row) {
      want(a, shape_.zero_row);
      want_twins(a, shape_.zero_row);
    }
    settle_pending(a);
  }
  const std::vector<Hit>& hits = a.best.sorted();
  write_hits(query, hits, a.best.tied());
}

// Candidates into s.numbers, nearest first. False if the walk cannot be trusted.
bool SlimSearch::walk(Asked& a, uint32_t width) const {
  Scratch& s = a.s;
  const bool filtered = plan_.allowed;
  const Passing passing = s.begin_passing(index_->passing(plan_.allowed));
  const double expected = width * (double)rows_ / (double)allowed_count_;
  s.begin(rows_, filtered ? (uint32_t)std::clamp(1.5 * expected, (double)width, (double)std::max(width, widest)) : width, filtered ? width : 1);
  const uint64_t most_visits = filtered ? (uint64_t)std::max(3 * expected, (double)slice_visits) : ~0ull;
  Candidates &frontier = s.frontier, &results = s.results;
  uint32_t fresh[most_degree], count = 0;
  float distances[most_degree];
  const auto look = [&] {
    for (uint32_t i = 0; i < count; ++i) a.codes.fetch(fresh[i]);
    a.codes.distances(fresh, count, distances);
    for (uint32_t i = 0; i < count; ++i) {
      insert(frontier, fresh[i], distances[i]);
      if (filtered && passes(passing, fresh[i])) insert(results, fresh[i], distances[i]);
    }
    a.effort.distances += count;
    count = 0;
  };
  const auto meet = [&](uint32_t row) {
    if (!s.first_time(row)) return;
    fresh[count++] = row;
  };
  for (uint32_t i = 0; i < shape_.entry_count; ++i) meet(shape_.entries[i]);
  look();
  uint64_t visits = 0;
  for (; frontier.next < frontier.size && visits < most_visits; ++visits) {
    if (filtered && frontier.distance[frontier.next] > results.distance[results.capacity - 1]) break;
    const uint32_t* list = index_->lists.data() + (size_t)take(frontier) * shape_.degree;
    for (uint32_t i = 0; i < shape_.degree && list[i] != no_row; ++i) meet(list[i]);
    look();
    if (visits % slice_visits == 0) go_on();
  }
  a.effort.visits += (double)visits;
  const Candidates& found = filtered ? results : frontier;
  if (filtered) {
    const uint32_t wanted = (uint32_t)std::min<uint64_t>(plan_.k, allowed_count_);
    if (visits == most_visits || found.size < wanted || found.distance[wanted - 1] > frontier.distance[frontier.capacity - 1]) return false;
  }
  s.numbers.resize(found.size);
  for (uint32_t i = 0; i < found.size; ++i) s.numbers[i] = found.row[i] & ~taken;
  return true;
}

void SlimSearch::scan_codes(Asked& a) const {
  ++a.effort.code_scans;
  TopK nearest(reorder_, std::numeric_limits<float>::infinity());
  uint32_t block[code_block], count = 0;
  float distances[code_block];
  const auto look = [&] {
    go_on();
    a.codes.distances(block, count, distances);
    for (uint32_t i = 0; i < count; ++i) nearest.add({distances[i], 0, block[i]});
    a.effort.distances += count;
    count = 0;
  };
  each_allowed_row([&](uint32_t row) {
    if (!index_->loose.empty() && index_->loose[row]) return;
    block[count++] = row;
    if (count == code_block) look();
  });
  look();
  a.s.numbers.clear();
  for (const Hit& hit : nearest.sorted()) a.s.numbers.push_back(hit.row);
}

void SlimSearch::scan_raw(Asked& a) const {
  ++a.effort.raw_scans;
  each_allowed_row([&](uint32_t row) {
    a.pending.push_back(row);
    if (a.pending.size() == raw_block) settle_pending(a);
  });
  settle_pending(a);
}

void SlimSearch::want(Asked& a, uint32_t row) const {
  if (is_allowed(row)) a.pending.push_back(row);
}

// Those behind the first.
void SlimSearch::want_twins(Asked& a, uint32_t row) const {
  if (!index_->next_twin.size()) return;
  uint32_t count = 0;
  for (uint32_t twin = twin_after(row); twin != no_row && count < plan_.k + most_twins; twin = twin_after(twin), ++count) want(a, twin);
}

void SlimSearch::settle_pending(Asked& a) const {
  uint64_t run;
  // No row twice: one without direction may have come by a scan of codes too.
  std::sort(a.pending.begin(), a.pending.end());
  a.pending.erase(std::unique(a.pending.begin(), a.pending.end()), a.pending.end());
  if (index_->rows->is_mapped()) {
    const uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
    for (const uint32_t row : a.pending) {
      if (kept_ && kept_->at(row)) continue;
      const uintptr_t at = (uintptr_t)index_->rows->at(row, &run), first = at / page * page;
      madvise((void*)first, at + index_->rows->row_bytes() - first, MADV_WILLNEED);
    }
  }
  float keys[raw_block];
  for (size_t first = 0; first < a.pending.size(); first += raw_block) {
    go_on();
    const uint32_t count = (uint32_t)std::min<size_t>(raw_block, a.pending.size() - first);
    raw_keys(a.block, a.pending.data() + first, count, keys);
    for (uint32_t i = 0; i < count; ++i) {
      const uint32_t row = a.pending[first + i];
      if (is_in_range(keys[i])) a.best.add({keys[i], rank_of(row), row});
    }
  }
  a.effort.exact += (double)a.pending.size();
  a.pending.clear();
}

}  // namespace

std::shared_ptr<Job> make_slim_search(const elanus_index_search& plan, std::shared_ptr<const SlimIndex> index, elanus_done done, void* context) {
  check_index_search(plan, index->shape.layout().entries(), index->shape.rows);
  if (plan.row_count > index->shape.rows) fail(ELANUS_INVALID, "rows behind an index are searched through graphs only");
  if (plan.ef < 1 || plan.ef > ELANUS_MAX_WIDTH) fail(ELANUS_INVALID, "ef %u is not in 1..%u", plan.ef, ELANUS_MAX_WIDTH);
  if (plan.reorder && (plan.reorder < plan.k || plan.reorder > ELANUS_MAX_WIDTH))
    fail(ELANUS_INVALID, "%u candidates to read again are not in %u..%u", plan.reorder, plan.k, ELANUS_MAX_WIDTH);
  return std::make_shared<SlimSearch>(plan, std::move(index), done, context);
}

}  // namespace elanus
