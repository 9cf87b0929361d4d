// The rule:
//
//  - every band of the query is looked up; a row counts once for each band that it shares;
//  - those that share most are scored, `reorder` of them, or all where an inner bound asks for rows that are not the nearest;
//  - a search that wants no scores takes the first of them by rank and number, each looked at to make sure;
//  - few rows that share something are sorted, many are counted in an array of all rows.
#include "bands_search.h"
#include <algorithm>
#include "failure.h"
#include "index_job.h"
#include "index_plan.h"

namespace elanus {

namespace {

constexpr uint64_t sorted_share = 16;   // fewer than one of so many rows are sorted
constexpr uint32_t bands_between_looks = 64;

// Of one thread, kept from query to query. `counts` is zero between queries.
struct BandsScratch {
  std::vector<uint32_t> rows;
  std::vector<uint16_t> counts;
  std::vector<uint64_t> candidates;   // how many bands are not shared, then the row: the least are the best
};

BandsScratch& scratch() {
  static thread_local BandsScratch own;
  return own;
}

class BandsSearch final : public IndexJob {
 public:
  BandsSearch(const elanus_index_search& plan, std::shared_ptr<const BandsIndex> index, elanus_done done, void* context)
      : IndexJob(plan, *index, Metric::mhjaccard, done, context, index->shape.hash_bits), index_(std::move(index)), shape_(index_->shape) {}

 protected:
  void answer_some(uint64_t first, uint64_t last, Effort& effort) const override {
    for (uint64_t q = first; q < last; ++q) answer(q, scratch(), effort);
  }
  void let_go() override { index_.reset(); }

 private:
  struct Range {
    const uint32_t *first, *last;
  };

  void answer(uint64_t query, BandsScratch& t, Effort& effort) const;
  std::vector<Range> buckets_of(const unsigned char* query, Effort& effort) const;
  void sort_shared(const std::vector<Range>& buckets, BandsScratch& t) const;
  void count_shared(const std::vector<Range>& buckets, BandsScratch& t) const;
  void take_first(uint64_t query, BandsScratch& t, Effort& effort) const;
  void take_best(uint64_t query, BandsScratch& t, Effort& effort) const;
  void add_candidate(BandsScratch& t, uint32_t row, uint32_t shared) const { t.candidates.push_back((uint64_t)(shape_.bands - shared) << 32 | row); }

  std::shared_ptr<const BandsIndex> index_;
  const BandsShape& shape_;
};

// The numbers of the rows that have the query's key, for each band.
std::vector<BandsSearch::Range> BandsSearch::buckets_of(const unsigned char* query, Effort& effort) const {
  const uint32_t bytes = shape_.band_bytes();
  std::vector<Range> buckets;
  for (uint32_t band = 0; band < shape_.bands; ++band) {
    if (band % bands_between_looks == 0) go_on();
    const uint32_t* keys = index_->keys_of(band);
    const auto [first, last] = std::equal_range(keys, keys + rows_, key_of_band(query + (size_t)band * bytes, bytes, shape_.seed));
    if (first != last) buckets.push_back({index_->numbers_of(band) + (first - keys), index_->numbers_of(band) + (last - keys)});
  }
  effort.lists += shape_.bands;
  return buckets;
}

void BandsSearch::sort_shared(const std::vector<Range>& buckets, BandsScratch& t) const {
  t.rows.clear();
  for (const Range& bucket : buckets)
    for (const uint32_t* at = bucket.first; at != bucket.last; ++at)
      if (is_allowed(*at)) t.rows.push_back(*at);
  std::sort(t.rows.begin(), t.rows.end());
  for (size_t i = 0; i < t.rows.size();) {
    size_t end = i + 1;
    while (end < t.rows.size() && t.rows[end] == t.rows[i]) ++end;
    add_candidate(t, t.rows[i], (uint32_t)(end - i));
    i = end;
  }
}

void BandsSearch::count_shared(const std::vector<Range>& buckets, BandsScratch& t) const {
  if (t.counts.size() < rows_) t.counts.resize(rows_);
  for (const Range& bucket : buckets)
    for (const uint32_t* at = bucket.first; at != bucket.last; ++at) ++t.counts[*at];
  each_allowed_row([&](uint32_t row) {
    if (t.counts[row]) add_candidate(t, row, t.counts[row]);
  });
  for (const Range& bucket : buckets)
    for (const uint32_t* at = bucket.first; at != bucket.last; ++at) t.counts[*at] = 0;
}

void BandsSearch::answer(uint64_t query, BandsScratch& t, Effort& effort) const {
  const std::vector<Range> buckets = buckets_of(query_at(query), effort);
  uint64_t total = 0;
  for (const Range& bucket : buckets) total += (uint64_t)(bucket.last - bucket.first);
  effort.visits += (double)total;
  t.candidates.clear();
  if (total < rows_ / sorted_share) sort_shared(buckets, t);
  else count_shared(buckets, t);
  if (plan_.unscored) take_first(query, t, effort);
  else take_best(query, t, effort);
}

void BandsSearch::take_first(uint64_t query, BandsScratch& t, Effort& effort) const {
  constexpr float key = -1;   // turned
  for (uint64_t& candidate : t.candidates) candidate = (uint64_t)rank_of((uint32_t)candidate) << 32 | (uint32_t)candidate;
  std::sort(t.candidates.begin(), t.candidates.end());
  TopK best(plan_.k, high_);
  size_t looked = 0;
  for (uint64_t found = 0; is_in_range(key) && looked < t.candidates.size() && found <= plan_.k; ++looked) {
    if (looked % raw_block == 0) go_on();
    const uint32_t row = (uint32_t)t.candidates[looked];
    if (!share_band(query_at(query), row_at(row), shape_.bands, shape_.band_bytes())) continue;
    ++found;
    best.add({key, rank_of(row), row});
  }
  effort.exact += (double)looked;
  const std::vector<Hit>& hits = best.sorted();
  write_hits(query, hits, best.tied());
}

void BandsSearch::take_best(uint64_t query, BandsScratch& t, Effort& effort) const {
  const uint64_t wanted = plan_.reorder && !plan_.has_inner ? plan_.reorder : ~0ull;
  if (t.candidates.size() > wanted) {
    std::nth_element(t.candidates.begin(), t.candidates.begin() + (int64_t)wanted, t.candidates.end());
    t.candidates.resize(wanted);
  }
  TopK best(plan_.k, high_);
  const QueryBlock block = asked_.block(query, 1);
  uint32_t rows[raw_block];
  float keys[raw_block];
  for (size_t first = 0; first < t.candidates.size(); first += raw_block) {
    go_on();
    const uint32_t count = (uint32_t)std::min<size_t>(raw_block, t.candidates.size() - first);
    for (uint32_t i = 0; i < count; ++i) rows[i] = (uint32_t)t.candidates[first + i];
    raw_keys(block, rows, count, keys);
    for (uint32_t i = 0; i < count; ++i)
      if (is_in_range(keys[i])) best.add({keys[i], rank_of(rows[i]), rows[i]});
  }
  effort.exact += (double)t.candidates.size();
  const std::vector<Hit>& hits = best.sorted();
  write_hits(query, hits, best.tied());
}

}  // namespace

std::shared_ptr<Job> make_bands_search(const elanus_index_search& plan, std::shared_ptr<const BandsIndex> index, elanus_done done, void* context) {
  check_index_search(plan, index->shape.dimension / 8, index->shape.rows);
  if (plan.reorder && (plan.reorder < plan.k || plan.reorder > ELANUS_MAX_REORDER))
    fail(ELANUS_INVALID, "%u candidates to score are not in %u..%u", plan.reorder, plan.k, ELANUS_MAX_REORDER);
  return std::make_shared<BandsSearch>(plan, std::move(index), done, context);
}

}  // namespace elanus
