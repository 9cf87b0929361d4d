#include "sparse_search.h"
#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include "handles.h"
#include "postings.h"
#include "sparse_weights.h"
#include "topk.h"

namespace elanus {

namespace {

constexpr uint32_t window_rows = 8192;
constexpr uint64_t slice_rows = 64 * window_rows;   // of one piece
constexpr uint32_t group_queries = 64;
constexpr uint32_t most_terms = 4096;
// The sums of a row's bounds stay below 2^16: this, and one for every term, which is rounded up.
constexpr double most_units = 60000;
constexpr uint64_t check_every = 512;   // rows that are scored one by one
constexpr uint64_t narrow_share = 100;  // of the rows, when so few or fewer are allowed, reading of lists may be stopped
constexpr uint64_t fresh_postings = 1024;   // between two looks at whether it should be

void check(const elanus_sparse_search& s, const Sparse& sparse) {
  const uint64_t count = sparse.count();
  if (s.row_count > count) fail(ELANUS_INVALID, "%llu rows are wanted, there are %llu", (unsigned long long)s.row_count, (unsigned long long)count);
  if (s.k < 1 || s.k > ELANUS_MAX_K) fail(ELANUS_INVALID, "k %u is not in 1..%u", s.k, ELANUS_MAX_K);
  if (s.offset_count < 1 || !s.offsets) fail(ELANUS_INVALID, "queries have offsets");
  const uint64_t queries = s.offset_count - 1;
  if (queries > ELANUS_MAX_HITS / s.k) fail(ELANUS_INVALID, "%llu queries times k %u are more than %u hits", (unsigned long long)queries, s.k, ELANUS_MAX_HITS);
  if (s.allowed && s.allowed_bytes < (s.row_count + 63) / 64 * 8) fail(ELANUS_INVALID, "%llu bytes of allowed rows are too few for %llu rows", (unsigned long long)s.allowed_bytes, (unsigned long long)s.row_count);
  if (s.algorithm > ELANUS_SPARSE_MAXSCORE) fail(ELANUS_INVALID, "algorithm %u is not known", s.algorithm);
  if (s.postings && !(s.bound_ratio > 0 && std::isfinite(s.bound_ratio))) fail(ELANUS_INVALID, "the ratio of bounds is not above 0");
  if (s.rank && s.rank_count < s.row_count) fail(ELANUS_INVALID, "%llu ranks are too few for %llu rows", (unsigned long long)s.rank_count, (unsigned long long)s.row_count);
  if ((s.has_outer && std::isnan(s.outer)) || (s.has_inner && (!s.has_outer || std::isnan(s.inner)))) fail(ELANUS_INVALID, "the bounds of the range are no numbers");
  if (s.hit_row_count < queries * s.k || s.hit_score_count < queries * s.k || s.tied_count < queries) fail(ELANUS_INVALID, "no room for the hits of %llu queries", (unsigned long long)queries);
  if (queries && !(s.hit_rows && s.hit_scores && s.tied)) fail(ELANUS_INVALID, "a buffer is missing");
}

// A term of a query: where its postings are, and what a code can add at most, in units.
struct Cursor {
  const PostingBlock* block = nullptr;   // of lists that grow
  const TermRecord* term = nullptr;      // of packed ones: the block at hand, and its rows once they are unpacked
  uint32_t packed = 0, end = 0, unpacked = 0;
  uint32_t place = 0;
  const uint8_t* codes = nullptr;
  uint32_t rows[block_postings + 8];
  uint16_t bounds[256];

  void find(const PostingsIndex& postings, const TermRecord& found, uint64_t from) {
    term = &found;
    end = found.first_block + found.blocks();
    const BlockRecord* blocks = postings.blocks.data();
    packed = (uint32_t)(std::lower_bound(blocks + found.first_block, blocks + end, from, [](const BlockRecord& b, uint64_t row) { return b.last < row; }) - blocks);
  }
};

// What the blocks of a term can add in one window at most, and how many postings they have about.
struct Share {
  uint32_t most;
  uint32_t postings;
  Cursor* cursor;
};

struct Candidate {
  uint32_t sum;
  uint32_t row;
};

struct Scratch {
  alignas(64) uint16_t sums[window_rows] = {};
  std::vector<Cursor> cursors;
  std::vector<Share> shares;
  std::vector<Candidate> candidates;
  std::vector<SparsePair> query;
};

Scratch& scratch() {
  static thread_local std::unique_ptr<Scratch> own = std::make_unique<Scratch>();
  return *own;
}

class SparseSearch final : public Job {
 public:
  SparseSearch(const elanus_sparse_search& plan, std::shared_ptr<Sparse> sparse, std::shared_ptr<const PostingsIndex> postings, elanus_done done, void* context)
      : Job(done, context), plan_(plan), sparse_(std::move(sparse)), postings_(std::move(postings)), lists_(postings_ ? nullptr : sparse_->lists()), queries_(plan.offset_count - 1),
        offsets_(plan.offsets, plan.offsets + plan.offset_count), slices_(std::max<uint64_t>(1, (plan.row_count + slice_rows - 1) / slice_rows)) {
    for (uint64_t q = 0; q < queries_; ++q) {
      if (offsets_[q] > offsets_[q + 1] || offsets_[q + 1] > plan.byte_count) fail(ELANUS_INVALID, "offsets of the queries do not ascend within their bytes");
      if (offsets_[q + 1] > offsets_[q] && !plan.bytes) fail(ELANUS_INVALID, "a buffer is missing");
      check_pairs(plan.bytes + offsets_[q], offsets_[q + 1] - offsets_[q], q);
    }
    least_ = plan.has_outer ? std::max(0.0f, plan.outer) : 0;
    set_pieces(begin_group(0));
  }

 protected:
  void work(uint64_t piece) override;
  Round settle(uint64_t* pieces) override;
  void let_go() override {
    sparse_.reset();
    postings_.reset();
    lists_.reset();
    best_.clear();
  }

 private:
  // One query over one slice.
  struct Ask {
    const Weights& weights;
    TopK& best;
    double unit;      // what one of a sum stands for
    double slack;     // units that rounding may have cost
    uint64_t row_cost;   // of scoring one, in postings
    bool narrow;      // few rows are allowed
    // Sums below this belong to rows that cannot be among the best.
    double floor(float least) const {
      const double score = std::max<double>(least, -(double)best.bound());
      return score <= 0 ? 1 : std::max(1.0, std::floor(score / unit) - slack);
    }
  };

  uint64_t begin_group(uint64_t first) {
    group_first_ = first;
    group_count_ = std::min<uint64_t>(group_queries, queries_ - first);
    best_.clear();
    for (uint64_t q = 0; q < group_count_; ++q) best_.emplace_back(plan_.k, std::numeric_limits<float>::infinity());
    return std::max<uint64_t>(1, group_count_ * slices_);
  }
  void search_slice(uint64_t query, uint64_t from, uint64_t to, TopK& best);
  void search_windows(const Ask& ask, uint64_t from, uint64_t to, Scratch& s);
  void score_each(const Ask& ask, uint64_t from, uint64_t to);
  bool compile(const std::vector<SparsePair>& query, uint64_t from, Scratch& s, double* unit, uint64_t* postings) const;
  Cursor* find(const SparsePair& pair, uint64_t from, Scratch& s, float* top, uint64_t* postings) const;
  static void add(Cursor& cursor, uint64_t from, uint64_t to, uint16_t* sums);
  void add_packed(Cursor& cursor, uint64_t from, uint64_t to, uint16_t* sums) const;
  bool add_promising(const Ask& ask, Scratch& s, uint64_t from, uint64_t to, uint32_t floor, uint32_t* missing) const;
  uint64_t survivors(const Scratch& s, uint64_t from, uint64_t to, uint32_t least) const;
  void sweep(Scratch& s, uint64_t from, uint64_t to, uint32_t floor) const;
  void settle_candidates(const Ask& ask, Scratch& s, uint32_t missing);
  void offer(const Ask& ask, uint32_t row) const;
  bool allows(uint64_t row) const { return !plan_.allowed || (plan_.allowed[row >> 3] >> (row & 7) & 1); }
  uint64_t count_allowed(uint64_t from, uint64_t to) const;

  const elanus_sparse_search plan_;
  std::shared_ptr<Sparse> sparse_;
  std::shared_ptr<const PostingsIndex> postings_;   // or lists that grow, or neither
  std::shared_ptr<const SparseLists> lists_;
  const uint64_t queries_;
  const std::vector<uint32_t> offsets_;
  const uint64_t slices_;
  float least_ = 0;   // hits score more
  uint64_t group_first_ = 0, group_count_ = 0;
  std::mutex lock_;
  std::vector<TopK> best_;
};

void SparseSearch::work(uint64_t piece) {
  if (!group_count_) return;
  const uint64_t query = piece % group_count_, slice = piece / group_count_;
  const uint64_t from = slice * slice_rows, to = std::min(from + slice_rows, plan_.row_count);
  if (from >= to) return;
  TopK best(plan_.k, std::numeric_limits<float>::infinity());
  search_slice(group_first_ + query, from, to, best);
  std::lock_guard<std::mutex> hold(lock_);
  best_[query].add(best);
}

void SparseSearch::search_slice(uint64_t number, uint64_t from, uint64_t to, TopK& best) {
  Scratch& s = scratch();
  s.query.clear();
  for (uint64_t at = offsets_[number]; at < offsets_[number + 1]; at += pair_bytes) {
    SparsePair pair;
    std::memcpy(&pair, plan_.bytes + at, pair_bytes);   // checked, but the caller's memory may have changed
    if (pair.value != 0 && std::isfinite(pair.value) && pair.index != 0xffffffffu) s.query.push_back(pair);
  }
  const Weights weights(s.query);
  double unit = 1;
  uint64_t postings = 0;
  const bool fits = (lists_ || postings_) && compile(s.query, from, s, &unit, &postings);
  if (fits && s.cursors.empty()) return;   // no row can score above 0
  const uint64_t rows = sparse_->count(), wanted = count_allowed(from, to);
  const uint64_t row_cost = sparse_->pair_count() / std::max<uint64_t>(rows, 1) * 6 + 60;
  const Ask ask = {weights, best, unit, 2 + (double)s.query.size() / 128, row_cost, wanted * narrow_share <= to - from};
  const uint64_t share = rows ? postings * (to - from) / rows : 0;
  if (!fits || wanted * row_cost < share / 2) score_each(ask, from, to);
  else search_windows(ask, from, to, s);
}

// Null where it can add nothing.
Cursor* SparseSearch::find(const SparsePair& pair, uint64_t from, Scratch& s, float* top, uint64_t* postings) const {
  bool negative;
  const PostingBlock* block = nullptr;
  const TermRecord* record = nullptr;
  if (postings_) {
    record = postings_->term(pair.index);
    if (!record) return nullptr;
    negative = record->top < 0;
    *top = std::fabs(record->top);
    *postings += record->count;
  } else {
    const Term* term = lists_->term(pair.index);
    block = term ? term->first.load(std::memory_order_acquire) : nullptr;
    if (!block) return nullptr;
    negative = term->negative.load(std::memory_order_relaxed);
    *top = term->top.load(std::memory_order_relaxed);
    *postings += term->count.load(std::memory_order_relaxed);
  }
  // A weight below 0 only takes away, unless values are below 0 too.
  if ((pair.value < 0 && !negative) || *top == 0) return nullptr;
  Cursor& cursor = s.cursors.emplace_back();
  if (record) cursor.find(*postings_, *record, from);
  else {
    while (const PostingBlock* next = block->next.load(std::memory_order_acquire)) {
      if (next->base > from) break;
      block = next;
    }
    cursor.block = block;
  }
  return &cursor;
}

// False when there are more terms than sums of 16 bits can hold.
bool SparseSearch::compile(const std::vector<SparsePair>& query, uint64_t from, Scratch& s, double* unit, uint64_t* postings) const {
  s.cursors.clear();
  double total = 0;
  for (const SparsePair& pair : query) {
    if (s.cursors.size() == most_terms) return false;
    float top;
    Cursor* cursor = find(pair, from, s, &top, postings);
    if (!cursor) continue;
    total += std::fabs((double)pair.value) * top;
    // For now the weight and the top, by which the bounds are made once the unit is known.
    const float parts[2] = {std::fabs(pair.value), top};
    std::memcpy(cursor->bounds, parts, sizeof parts);
  }
  // Infinite with weights and values near the end of what a float holds.
  if (!(total < std::numeric_limits<double>::infinity())) return false;
  *unit = total / most_units;
  for (Cursor& cursor : s.cursors) {
    float parts[2];
    std::memcpy(parts, cursor.bounds, sizeof parts);
    const double scale = parts[0] / *unit, top = parts[1];
    cursor.bounds[0] = 0;
    for (uint32_t code = 1; code < 256; ++code) {
      const double size = code == 255 ? top : std::min<double>(top, size_of(code));
      cursor.bounds[code] = (uint16_t)std::min(65535.0, std::ceil(scale * size * (1 + 1e-9)));
    }
  }
  return true;
}

void SparseSearch::search_windows(const Ask& ask, uint64_t from, uint64_t to, Scratch& s) {
  for (uint64_t first = from; first < to && !stopped(); first += window_rows) {
    const uint64_t end = std::min(first + window_rows, to);
    const double floor = ask.floor(least_);
    if (floor > 65535) return;   // the best cannot be reached any more
    uint32_t missing = 0;
    if (!postings_) {
      for (Cursor& cursor : s.cursors) add(cursor, first, end, s.sums);
    } else if (plan_.algorithm == ELANUS_SPARSE_ALL) {
      for (Cursor& cursor : s.cursors) add_packed(cursor, first, end, s.sums);
    } else if (!add_promising(ask, s, first, end, (uint32_t)floor, &missing)) {
      continue;
    }
    sweep(s, first, end, (uint32_t)floor > missing ? (uint32_t)floor - missing : 0);
    settle_candidates(ask, s, missing);
  }
}

// Adds what the postings of rows [from, to) can be, and leaves the cursor at the first posting behind them.
void SparseSearch::add(Cursor& cursor, uint64_t from, uint64_t to, uint16_t* sums) {
  while (cursor.block) {
    const uint32_t count = cursor.block->count.load(std::memory_order_acquire);
    const uint32_t* postings = cursor.block->postings();
    const uint64_t base = cursor.block->base;
    uint32_t at = cursor.place;
    while (at < count && base + (postings[at] >> 8) < from) ++at;
    for (; at < count; ++at) {
      const uint64_t row = base + (postings[at] >> 8);
      if (row >= to) {
        cursor.place = at;
        return;
      }
      sums[row - from] += cursor.bounds[postings[at] & 255];
    }
    const PostingBlock* next = cursor.block->next.load(std::memory_order_acquire);
    cursor.place = count;
    if (!next) return;
    cursor.block = next;
    cursor.place = 0;
  }
}

// The same of packed lists. Blocks that lie before the window are not unpacked.
void SparseSearch::add_packed(Cursor& cursor, uint64_t from, uint64_t to, uint16_t* sums) const {
  const BlockRecord* blocks = postings_->blocks.data();
  for (; cursor.packed < cursor.end; ++cursor.packed, cursor.unpacked = 0) {
    const BlockRecord& block = blocks[cursor.packed];
    if (block.last < from) continue;
    if (!cursor.unpacked) {
      if (cursor.packed > cursor.term->first_block && blocks[cursor.packed - 1].last + (uint64_t)1 >= to) return;
      cursor.codes = postings_->unpack(*cursor.term, cursor.packed, cursor.rows);
      cursor.unpacked = postings_->rows_of(*cursor.term, cursor.packed);
      cursor.place = 0;
    }
    const uint32_t *rows = cursor.rows, count = cursor.unpacked;
    const uint8_t* codes = cursor.codes;
    uint32_t at = cursor.place;
    while (rows[at] < from) ++at;   // the last is not
    if (block.last < to) {
      for (; at < count; ++at) sums[rows[at] - from] += cursor.bounds[codes[at]];
      continue;
    }
    for (; rows[at] < to; ++at) sums[rows[at] - from] += cursor.bounds[codes[at]];
    cursor.place = at;
    return;
  }
}

// False if no row of the window can reach the floor. *missing: what the lists that were left out could have added at most.
bool SparseSearch::add_promising(const Ask& ask, Scratch& s, uint64_t from, uint64_t to, uint32_t floor, uint32_t* missing) const {
  const BlockRecord* blocks = postings_->blocks.data();
  s.shares.clear();
  double all = 0;
  uint64_t postings = 0;
  for (Cursor& cursor : s.cursors) {
    while (cursor.packed < cursor.end && blocks[cursor.packed].last < from) ++cursor.packed, cursor.unpacked = 0;
    uint16_t most = 0;
    uint32_t at = cursor.packed;
    for (uint64_t first = 0; at < cursor.end && first < to; first = blocks[at++].last + (uint64_t)1) most = std::max(most, cursor.bounds[blocks[at].most]);
    if (!most) continue;
    const uint32_t scaled = (uint32_t)std::min(65535.0, std::ceil(most * (double)plan_.bound_ratio));
    s.shares.push_back({scaled, (at - cursor.packed) * block_postings, &cursor});
    all += scaled;
    postings += s.shares.back().postings;
  }
  if (all < floor) return false;
  const bool may_stop = plan_.algorithm == ELANUS_SPARSE_MAXSCORE && ask.narrow;
  if (may_stop) std::sort(s.shares.begin(), s.shares.end(), [](const Share& a, const Share& b) { return a.most > b.most; });
  uint64_t fresh = fresh_postings;
  for (const Share& share : s.shares) {
    if (may_stop && fresh >= fresh_postings) {
      fresh = 0;
      const uint32_t least = all < floor ? floor - (uint32_t)all : 0;
      if (survivors(s, from, to, least) * ask.row_cost <= postings) {
        *missing = (uint32_t)std::min(all, 4e9);
        return true;
      }
    }
    add_packed(*share.cursor, from, to, s.sums);
    all -= share.most;
    postings -= share.postings;
    fresh += share.postings;
  }
  return true;
}

// How many rows that are allowed have sums that reach `least`.
uint64_t SparseSearch::survivors(const Scratch& s, uint64_t from, uint64_t to, uint32_t least) const {
  uint64_t count = 0;
  for (uint64_t first = from; first < to; first += 64) {
    uint64_t word = ~0ull;
    if (plan_.allowed) std::memcpy(&word, plan_.allowed + first / 8, sizeof word);
    if (to - first < 64) word &= (1ull << (to - first)) - 1;
    if (!least) count += (uint64_t)__builtin_popcountll(word);
    else
      for (; word; word &= word - 1) count += s.sums[first - from + (uint64_t)__builtin_ctzll(word)] >= least;
  }
  return count;
}

// The rows whose sums reach the floor; clears the sums.
void SparseSearch::sweep(Scratch& s, uint64_t from, uint64_t to, uint32_t floor) const {
  s.candidates.clear();
  const uint32_t count = (uint32_t)(to - from);
  for (uint32_t first = 0; first < count; first += 64) {
    uint16_t most = 0;
    for (uint32_t i = 0; i < 64; ++i) most = std::max(most, s.sums[first + i]);   // behind `count` there are zeros
    if (most < floor) continue;
    const uint32_t end = std::min(first + 64, count);
    for (uint32_t i = first; i < end; ++i)
      if (s.sums[i] >= floor && allows(from + i)) s.candidates.push_back({s.sums[i], (uint32_t)(from + i)});
  }
  std::memset(s.sums, 0, sizeof s.sums);
}

// The most promising first while nothing is known of the k-th best; then only those that still reach it.
void SparseSearch::settle_candidates(const Ask& ask, Scratch& s, uint32_t missing) {
  const size_t some = 2 * (size_t)plan_.k + 64;
  auto at = s.candidates.begin();
  const auto end = s.candidates.end();
  if ((size_t)(end - at) > some && ask.best.bound() == std::numeric_limits<float>::infinity()) {
    std::nth_element(at, at + (ptrdiff_t)some, end, [](const Candidate& a, const Candidate& b) { return a.sum > b.sum; });
    for (const auto stop = at + (ptrdiff_t)some; at != stop; ++at) offer(ask, at->row);
  }
  double floor = ask.floor(least_);
  for (uint64_t done = 0; at != end; ++at) {
    if (at->sum + (uint64_t)missing < floor) continue;
    offer(ask, at->row);
    if (++done % 64 == 0) floor = ask.floor(least_);
  }
}

void SparseSearch::score_each(const Ask& ask, uint64_t from, uint64_t to) {
  uint64_t scored = 0;
  for (uint64_t row = from; row < to; ++row) {
    if (plan_.allowed && (row & 7) == 0 && !plan_.allowed[row >> 3]) {
      row += 7;
      continue;
    }
    if (!allows(row)) continue;
    if (scored++ % check_every == 0 && stopped()) return;
    offer(ask, (uint32_t)row);
  }
}

void SparseSearch::offer(const Ask& ask, uint32_t row) const {
  const float score = ask.weights.score(sparse_->row(row));
  if (!(score > least_) || (plan_.has_inner && score > plan_.inner)) return;
  ask.best.add({-score, plan_.rank ? plan_.rank[row] : 0, row});
}

uint64_t SparseSearch::count_allowed(uint64_t from, uint64_t to) const {
  if (!plan_.allowed) return to - from;
  uint64_t count = 0;   // `from` is a multiple of 64
  for (uint64_t first = from; first < to; first += 64) {
    uint64_t word;
    std::memcpy(&word, plan_.allowed + first / 8, sizeof word);
    if (to - first < 64) word &= (1ull << (to - first)) - 1;
    count += (uint64_t)__builtin_popcountll(word);
  }
  return count;
}

Job::Round SparseSearch::settle(uint64_t* pieces) {
  for (uint64_t q = 0; q < group_count_; ++q) {
    const std::vector<Hit>& hits = best_[q].sorted();
    const uint64_t first = (group_first_ + q) * plan_.k;
    for (uint32_t i = 0; i < plan_.k; ++i) {
      const bool there = i < hits.size();
      plan_.hit_rows[first + i] = there ? hits[i].row : ELANUS_NO_ROW;
      plan_.hit_scores[first + i] = there ? -hits[i].key : std::numeric_limits<float>::quiet_NaN();
    }
    plan_.tied[group_first_ + q] = best_[q].tied();
  }
  if (group_first_ + group_count_ >= queries_) return Round::complete;
  *pieces = begin_group(group_first_ + group_count_);
  return Round::again;
}

}  // namespace

std::shared_ptr<Job> make_sparse_search(const elanus_sparse_search& plan, elanus_done done, void* context) {
  std::shared_ptr<const PostingsIndex> postings;
  if (plan.postings) {
    const auto index = find_index(plan.postings);
    if (index->kind != IndexKind::postings) fail(ELANUS_INVALID, "index handle %llu is none of sparse rows", (unsigned long long)plan.postings);
    postings = std::static_pointer_cast<const PostingsIndex>(index);
  }
  auto sparse = postings ? postings->sparse : find_sparse(plan.sparse);
  check(plan, *sparse);
  if (postings && plan.row_count > postings->shape.rows)
    fail(ELANUS_INVALID, "%llu rows are wanted, the lists have %llu", (unsigned long long)plan.row_count, (unsigned long long)postings->shape.rows);
  return std::make_shared<SparseSearch>(plan, std::move(sparse), std::move(postings), done, context);
}

}  // namespace elanus
