#include "search.h"
#include <cmath>
#include <cstring>
#include "bands.h"
#include "dispatch.h"
#include "handles.h"
#include "queries.h"
#include "topk.h"

namespace elanus {

namespace {

constexpr uint32_t group_queries = 64;
constexpr uint64_t block_bytes = 128 << 10;    // of rows: half of a small second-level cache
constexpr uint32_t block_rows = 1024;
constexpr uint32_t short_row = 768;   // up to so many bytes the processor sees too late how rows lie (measured)
constexpr uint64_t piece_bytes = 16 << 20;     // of rows, for one query; about a millisecond
constexpr uint64_t least_row = 64;    // a shorter row takes as long as one of so many bytes
constexpr uint64_t piece_values = 4 << 20;

// What a thread needs besides, kept from piece to piece.
struct Scratch {
  std::vector<float> keys, norms;
  std::vector<uint32_t> numbers, places;
  std::vector<const unsigned char*> at;
};

Scratch& scratch() {
  static thread_local Scratch own;
  own.norms.resize(block_rows);
  own.numbers.resize(block_rows);
  own.places.resize(block_rows);
  own.at.resize(block_rows + tile_rows);
  return own;
}

void check(const elanus_search& s, const Rows& rows) {
  const uint64_t each = rows.layout().entries(), count = rows.count();
  if (s.row_count > count) fail(ELANUS_INVALID, "%llu rows are wanted, there are %llu", (unsigned long long)s.row_count, (unsigned long long)count);
  if (s.metric > ELANUS_MHJACCARD) fail(ELANUS_INVALID, "metric %u is not known", s.metric);
  if (is_of_bits((Metric)s.metric) != (rows.element() == Element::binary)) fail(ELANUS_INVALID, "metric %u is not for rows of element %u", s.metric, (uint32_t)rows.element());
  if (s.hash_bits != 0 && s.hash_bits != 8 && s.hash_bits != 16 && s.hash_bits != 32 && s.hash_bits != 64) fail(ELANUS_INVALID, "a hash of %u bits is none of 8, 16, 32 and 64", s.hash_bits);
  if (s.metric == ELANUS_MHJACCARD && s.hash_bits && rows.dimension() % s.hash_bits) fail(ELANUS_INVALID, "dimension %u is no multiple of a hash of %u bits", rows.dimension(), s.hash_bits);
  if (s.bands && (s.metric != ELANUS_MHJACCARD || s.bands > rows.dimension() / (s.hash_bits ? s.hash_bits : 8))) fail(ELANUS_INVALID, "%u bands do not fit rows of %u bits under metric %u", s.bands, rows.dimension(), s.metric);
  if (s.k < 1 || s.k > ELANUS_MAX_K) fail(ELANUS_INVALID, "k %u is not in 1..%u", s.k, ELANUS_MAX_K);
  if (s.query_value_count % each) fail(ELANUS_INVALID, "%llu query values are no multiple of the %llu of a row", (unsigned long long)s.query_value_count, (unsigned long long)each);
  const uint64_t queries = s.query_value_count / each;
  if (queries > ELANUS_MAX_HITS / s.k) fail(ELANUS_INVALID, "%llu queries times k %u are more than %u hits", (unsigned long long)queries, s.k, ELANUS_MAX_HITS);
  if (s.allowed && s.allowed_bytes < (s.row_count + 63) / 64 * 8) fail(ELANUS_INVALID, "%llu bytes of allowed rows are too few for %llu rows", (unsigned long long)s.allowed_bytes, (unsigned long long)s.row_count);
  if (s.rank && s.rank_count < s.row_count) fail(ELANUS_INVALID, "%llu ranks are too few for %llu rows", (unsigned long long)s.rank_count, (unsigned long long)s.row_count);
  if ((s.has_outer && std::isnan(s.outer)) || (s.has_inner && (!s.has_outer || std::isnan(s.inner)))) fail(ELANUS_INVALID, "the bounds of the range are no numbers");
  if (s.hit_row_count < queries * s.k || s.hit_score_count < queries * s.k || s.tied_count < queries) fail(ELANUS_INVALID, "no room for the hits of %llu queries", (unsigned long long)queries);
  if (queries && !(s.queries && s.hit_rows && s.hit_scores && s.tied)) fail(ELANUS_INVALID, "a buffer is missing");
}

class Search final : public Job {
 public:
  Search(const elanus_search& plan, std::shared_ptr<Rows> rows, elanus_done done, void* context)
      : Job(done, context), plan_(plan), rows_(std::move(rows)), table_(table()), metric_((Metric)plan.metric), dimension_(rows_->dimension()),
        asked_(table_, metric_, rows_->layout(), plan.queries, plan.query_value_count), queries_(asked_.count()) {
    // Keys turn similarities round, and with them their ring: low <= key < high.
    const bool turned = is_turned(metric_);
    if (plan.has_outer) high_ = turned ? -plan.outer : plan.outer;
    if (plan.has_inner) low_ = turned ? -plan.inner : plan.inner;
    set_pieces(begin_group(0));
  }

 protected:
  void work(uint64_t piece) override;
  Round settle(uint64_t* pieces) override;
  void let_go() override {
    rows_.reset();
    partials_.clear();
  }

 private:
  using Partial = std::vector<TopK>;   // one for each query of the group

  uint64_t begin_group(uint64_t first);
  std::unique_ptr<Partial> borrow();
  uint32_t next_block(uint64_t* row, uint64_t last, Scratch& s) const;
  void band_keys(const RowBlock& block, float* keys) const;
  void consider(TopK& best, const float* keys, uint32_t count, Scratch& s) const;
  void write_hits(uint64_t query, TopK& best) const;

  const elanus_search plan_;
  std::shared_ptr<Rows> rows_;
  const Table& table_;
  const Metric metric_;
  const uint32_t dimension_;
  const Queries asked_;
  const uint64_t queries_;
  float high_ = std::numeric_limits<float>::infinity(), low_ = -std::numeric_limits<float>::infinity();
  uint64_t group_first_ = 0, group_count_ = 0, piece_rows_ = 0;
  std::mutex lock_;
  std::vector<std::unique_ptr<Partial>> partials_;
};

// Groups of nearly equal size; pieces are whole words of `allowed`.
uint64_t Search::begin_group(uint64_t first) {
  group_first_ = first;
  const uint64_t left = queries_ - first, groups = (left + group_queries - 1) / group_queries;
  group_count_ = groups ? std::min(left, ((left + groups - 1) / groups + 3) / 4 * 4) : 0;
  const uint64_t bytes = group_count_ >= 4 ? 4 * piece_bytes : piece_bytes;   // tiles are quicker
  piece_rows_ = (bytes / std::max(rows_->row_bytes(), least_row) / std::max<uint64_t>(group_count_, 1) + 63) / 64 * 64;
  return std::max<uint64_t>(1, (plan_.row_count + piece_rows_ - 1) / piece_rows_);
}

std::unique_ptr<Search::Partial> Search::borrow() {
  {
    std::lock_guard<std::mutex> hold(lock_);
    if (!partials_.empty()) {
      auto partial = std::move(partials_.back());
      partials_.pop_back();
      return partial;
    }
  }
  return std::make_unique<Partial>(group_count_, TopK(plan_.k, high_));
}

void Search::work(uint64_t piece) {
  uint64_t row = piece * piece_rows_;
  const uint64_t last = std::min(row + piece_rows_, plan_.row_count);
  if (row >= last || !group_count_) return;
  Scratch& s = scratch();
  s.keys.resize(block_rows * group_count_);
  auto partial = borrow();
  const uint32_t hash_bits = plan_.hash_bits ? plan_.hash_bits : 8;
  const QueryBlock asked = asked_.block(group_first_, (uint32_t)group_count_);
  while (row < last && !stopped()) {
    const uint32_t count = next_block(&row, last, s);
    if (!count) continue;
    for (uint32_t i = 0; i < tile_rows; ++i) s.at[count + i] = s.at[count - 1];
    const RowBlock block = {s.at.data(), count, dimension_, plan_.allowed || rows_->row_bytes() <= short_row, rows_->element(), hash_bits};
    if (plan_.bands) band_keys(block, s.keys.data());
    else table_.keys(metric_, &asked, &block, s.keys.data(), count, s.norms.data());
    for (uint64_t q = 0; q < group_count_; ++q) consider((*partial)[q], s.keys.data() + q * count, count, s);
  }
  std::lock_guard<std::mutex> hold(lock_);
  partials_.push_back(std::move(partial));
}

// Gathers rows from *row on, and moves *row behind them. May find none.
uint32_t Search::next_block(uint64_t* row, uint64_t last, Scratch& s) const {
  const uint32_t most = (uint32_t)std::clamp<uint64_t>(block_bytes / rows_->row_bytes(), tile_rows, block_rows);
  const uint64_t row_bytes = rows_->row_bytes();
  uint64_t run;
  if (!plan_.allowed) {
    const unsigned char* at = rows_->at(*row, &run);
    const uint32_t count = (uint32_t)std::min({(uint64_t)most, run, last - *row});
    for (uint32_t i = 0; i < count; ++i) {
      s.at[i] = at + i * row_bytes;
      s.numbers[i] = (uint32_t)(*row + i);
    }
    *row += count;
    return count;
  }
  uint32_t count = 0;
  for (uint32_t words = 0; *row < last && count < most && words < block_rows; ++words) {
    const uint64_t word_first = *row / 64 * 64;
    uint64_t word;
    std::memcpy(&word, plan_.allowed + word_first / 8, sizeof word);
    word &= ~0ull << (*row - word_first);
    if (last - word_first < 64) word &= (1ull << (last - word_first)) - 1;
    for (; word && count < most; word &= word - 1) {
      const uint64_t number = word_first + (uint32_t)__builtin_ctzll(word);
      s.at[count] = rows_->at(number, &run);
      s.numbers[count++] = (uint32_t)number;
    }
    *row = word ? word_first + (uint32_t)__builtin_ctzll(word) : std::min(word_first + 64, last);
  }
  return count;
}

// The turned score 1 where a band is shared.
void Search::band_keys(const RowBlock& block, float* keys) const {
  const uint32_t bytes = dimension_ / block.hash_bits / plan_.bands * (block.hash_bits / 8);
  for (uint64_t q = 0; q < group_count_; ++q) {
    const unsigned char* query = (const unsigned char*)plan_.queries + (group_first_ + q) * rows_->row_bytes();
    for (uint32_t i = 0; i < block.count; ++i)
      *keys++ = share_band(query, block.at[i], plan_.bands, bytes) ? -1 : std::numeric_limits<float>::quiet_NaN();
  }
}

void Search::consider(TopK& best, const float* keys, uint32_t count, Scratch& s) const {
  const uint32_t picked = table_.pick(keys, count, best.bound(), s.places.data());
  for (uint32_t i = 0; i < picked; ++i) {
    const float key = keys[s.places[i]];
    if (plan_.has_outer && !(low_ <= key && key < high_)) continue;
    const uint32_t row = s.numbers[s.places[i]];
    best.add({key, plan_.rank ? plan_.rank[row] : 0, row});
  }
}

Job::Round Search::settle(uint64_t* pieces) {
  for (uint64_t q = 0; q < group_count_; ++q) {
    if (stopped()) return Round::interrupted;
    TopK best(plan_.k, high_);
    for (auto& partial : partials_) best.add((*partial)[q]);
    write_hits(group_first_ + q, best);
  }
  partials_.clear();
  if (group_first_ + group_count_ >= queries_) return Round::complete;
  *pieces = begin_group(group_first_ + group_count_);
  return Round::again;
}

void Search::write_hits(uint64_t query, TopK& best) const {
  const std::vector<Hit>& hits = best.sorted();
  uint32_t* rows = plan_.hit_rows + query * plan_.k;
  float* scores = plan_.hit_scores + query * plan_.k;
  for (uint32_t i = 0; i < plan_.k; ++i) {
    const bool there = i < hits.size();
    rows[i] = there ? hits[i].row : ELANUS_NO_ROW;
    scores[i] = !there ? std::numeric_limits<float>::quiet_NaN() : is_turned(metric_) ? 0 - hits[i].key : hits[i].key;
  }
  plan_.tied[query] = best.tied();
}

class FindNotFinite final : public Job {
 public:
  FindNotFinite(Element element, const void* values, uint64_t count, int64_t* index, elanus_done done, void* context)
      : Job(done, context), element_(element), values_((const unsigned char*)values), count_(count), index_(index), table_(table()), first_(count) {
    set_pieces(std::max<uint64_t>(1, (count + piece_values - 1) / piece_values));
  }

 protected:
  void work(uint64_t piece) override {
    const uint64_t from = piece * piece_values;
    if (from >= first_.load(std::memory_order_relaxed)) return;
    const uint64_t some = std::min(piece_values, count_ - from);
    const uint64_t found = table_.first_not_finite(element_, values_ + from * Layout::bytes_of_entry(element_), some);
    if (found == some) return;
    uint64_t before = first_.load(std::memory_order_relaxed);
    while (from + found < before && !first_.compare_exchange_weak(before, from + found, std::memory_order_relaxed)) {
    }
  }
  Round settle(uint64_t*) override {
    const uint64_t first = first_.load(std::memory_order_relaxed);
    *index_ = first == count_ ? -1 : (int64_t)first;
    return Round::complete;
  }
  void let_go() override {}

 private:
  const Element element_;
  const unsigned char* const values_;
  const uint64_t count_;
  int64_t* const index_;
  const Table& table_;
  std::atomic<uint64_t> first_;
};

}  // namespace

std::shared_ptr<Job> make_search(const elanus_search& plan, elanus_done done, void* context) {
  auto rows = find_rows(plan.rows);
  check(plan, *rows);
  return std::make_shared<Search>(plan, std::move(rows), done, context);
}

std::shared_ptr<Job> make_find_not_finite(Element element, const void* values, uint64_t count, int64_t* index, elanus_done done, void* context) {
  if (!index || (count && !values)) fail(ELANUS_INVALID, "a buffer is missing");
  if (count >> 60) fail(ELANUS_INVALID, "%llu values are too many", (unsigned long long)count);
  return std::make_shared<FindNotFinite>(element, values, count, index, done, context);
}

}  // namespace elanus
