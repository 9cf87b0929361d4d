#include "list_search.h"
#include <cmath>
#include <cstring>
#include "dispatch.h"
#include "handles.h"
#include "queries.h"
#include "topk.h"

namespace elanus {

namespace {

constexpr uint32_t group_lists = 64;        // asked at a time
constexpr uint32_t group_queries = 64;      // of their vectors, compared with a block at a time
constexpr uint32_t block_rows = 1024;       // or one list, if it is longer
constexpr uint64_t piece_values = 16 << 20;   // products of a row and a query vector's bytes: about a millisecond

// What a thread needs besides, kept from piece to piece.
struct Scratch {
  std::vector<float> keys, norms;
  std::vector<double> sums;                // of each asked list and list of the block
  std::vector<uint32_t> lists, ends;       // of the block: their numbers, and where their rows end in it
  std::vector<const unsigned char*> at;
};

Scratch& scratch() {
  static thread_local Scratch own;
  return own;
}

// Where lists begin and end: ascending, from 0, within what there is. Read once, as the array may be shared with a writer.
std::vector<uint32_t> checked_ends(const uint32_t* ends, uint64_t end_count, uint64_t lists, uint64_t most, const char* what) {
  if (!ends || end_count < lists + 1) fail(ELANUS_INVALID, "%llu ends are too few for %llu %s", (unsigned long long)end_count, (unsigned long long)lists, what);
  std::vector<uint32_t> own(ends, ends + lists + 1);
  if (own[0] != 0) fail(ELANUS_INVALID, "the ends of %s do not start at 0", what);
  for (uint64_t i = 0; i < lists; ++i)
    if (own[i] > own[i + 1]) fail(ELANUS_INVALID, "the ends of %s do not ascend", what);
  if (own[lists] > most) fail(ELANUS_INVALID, "%s end at %u, and there are %llu", what, own[lists], (unsigned long long)most);
  return own;
}

uint64_t checked_queries(const elanus_list_search& s, const Rows& rows) {
  const uint64_t each = rows.layout().entries();
  if (s.metric >= ELANUS_SUBSTRUCTURE) fail(ELANUS_INVALID, "metric %u is not for lists", s.metric);
  if (is_of_bits((Metric)s.metric) != (rows.element() == Element::binary)) fail(ELANUS_INVALID, "metric %u is not for rows of element %u", s.metric, (uint32_t)rows.element());
  if (s.k < 1 || s.k > ELANUS_MAX_K) fail(ELANUS_INVALID, "k %u is not in 1..%u", s.k, ELANUS_MAX_K);
  if (s.list_count >= ELANUS_NO_ROW) fail(ELANUS_INVALID, "%llu lists are too many", (unsigned long long)s.list_count);
  if (s.query_value_count % each) fail(ELANUS_INVALID, "%llu query values are no multiple of the %llu of a row", (unsigned long long)s.query_value_count, (unsigned long long)each);
  if (s.query_count > ELANUS_MAX_HITS / s.k) fail(ELANUS_INVALID, "%llu queries times k %u are more than %u hits", (unsigned long long)s.query_count, s.k, ELANUS_MAX_HITS);
  if (s.allowed && s.allowed_bytes < (s.list_count + 63) / 64 * 8) fail(ELANUS_INVALID, "%llu bytes of allowed lists are too few for %llu lists", (unsigned long long)s.allowed_bytes, (unsigned long long)s.list_count);
  if (s.rank && s.rank_count < s.list_count) fail(ELANUS_INVALID, "%llu ranks are too few for %llu lists", (unsigned long long)s.rank_count, (unsigned long long)s.list_count);
  if (s.hit_row_count < s.query_count * s.k || s.hit_score_count < s.query_count * s.k || s.tied_count < s.query_count) fail(ELANUS_INVALID, "no room for the hits of %llu queries", (unsigned long long)s.query_count);
  if ((s.query_value_count && !s.queries) || (s.query_count && !(s.hit_rows && s.hit_scores && s.tied))) fail(ELANUS_INVALID, "a buffer is missing");
  return s.query_value_count / each;
}

class ListSearch final : public Job {
 public:
  ListSearch(const elanus_list_search& plan, std::shared_ptr<Rows> rows, elanus_done done, void* context)
      : Job(done, context), plan_(plan), rows_(std::move(rows)), table_(table()), metric_((Metric)plan.metric),
        ends_(checked_ends(plan.ends, plan.end_count, plan.list_count, rows_->count(), "lists")),
        query_ends_(checked_ends(plan.query_ends, plan.query_end_count, plan.query_count, checked_queries(plan, *rows_), "queries")),
        asked_(table_, metric_, rows_->layout(), plan.queries, plan.query_value_count) {
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
  using Partial = std::vector<TopK>;   // one for each asked list of the group

  uint64_t begin_group(uint64_t first);
  std::unique_ptr<Partial> borrow();
  uint64_t next_block(uint64_t list, uint64_t last, Scratch& s) const;
  void add_up(Scratch& s) const;
  bool is_allowed(uint64_t list) const { return !plan_.allowed || (plan_.allowed[list >> 3] >> (list & 7) & 1); }

  const elanus_list_search plan_;
  std::shared_ptr<Rows> rows_;
  const Table& table_;
  const Metric metric_;
  const std::vector<uint32_t> ends_, query_ends_;
  const Queries asked_;
  uint64_t group_first_ = 0, group_count_ = 0, piece_lists_ = 1;
  std::mutex lock_;
  std::vector<std::unique_ptr<Partial>> partials_;
};

uint64_t ListSearch::begin_group(uint64_t first) {
  group_first_ = first;
  group_count_ = std::min<uint64_t>(group_lists, plan_.query_count - first);
  if (!group_count_ || !plan_.list_count) return 1;
  const uint64_t vectors = query_ends_[first + group_count_] - query_ends_[first];
  const uint64_t rows = ends_[plan_.list_count] / plan_.list_count + 1;   // of a list, about
  piece_lists_ = std::max<uint64_t>(1, piece_values / std::max<uint64_t>(1, rows * rows_->row_bytes() * std::max<uint64_t>(1, vectors)));
  return (plan_.list_count + piece_lists_ - 1) / piece_lists_;
}

std::unique_ptr<ListSearch::Partial> ListSearch::borrow() {
  {
    std::lock_guard<std::mutex> hold(lock_);
    if (!partials_.empty()) {
      auto partial = std::move(partials_.back());
      partials_.pop_back();
      return partial;
    }
  }
  return std::make_unique<Partial>(group_count_, TopK(plan_.k, std::numeric_limits<float>::infinity()));
}

// Takes whole lists from `list` on, those without rows not; tells which list comes next.
uint64_t ListSearch::next_block(uint64_t list, uint64_t last, Scratch& s) const {
  s.lists.clear();
  s.ends.clear();
  s.at.clear();
  const uint64_t row_bytes = rows_->row_bytes();
  for (; list < last; ++list) {
    const uint64_t count = ends_[list + 1] - ends_[list];
    if (!count || !is_allowed(list)) continue;
    if (!s.lists.empty() && s.at.size() + count > block_rows) break;
    for (uint64_t row = ends_[list], run; row < ends_[list + 1];) {
      const unsigned char* at = rows_->at(row, &run);
      run = std::min<uint64_t>(run, ends_[list + 1] - row);
      for (uint64_t i = 0; i < run; ++i) s.at.push_back(at + i * row_bytes);
      row += run;
    }
    s.lists.push_back((uint32_t)list);
    s.ends.push_back((uint32_t)s.at.size());
  }
  return list;
}

// The sums of the block's lists for each asked list; infinity where a vector of the asked list has no score in the list.
void ListSearch::add_up(Scratch& s) const {
  const uint32_t count = (uint32_t)s.at.size(), lists = (uint32_t)s.lists.size();
  for (uint32_t i = 0; i < tile_rows; ++i) s.at.push_back(s.at[count - 1]);
  s.norms.resize(std::max<size_t>(s.norms.size(), count));
  s.sums.assign(group_count_ * lists, 0);
  const RowBlock block = {s.at.data(), count, rows_->dimension(), true, rows_->element(), 8};
  uint64_t asked_list = 0;
  for (uint64_t from = query_ends_[group_first_], end = query_ends_[group_first_ + group_count_]; from < end;) {
    const uint32_t some = (uint32_t)std::min<uint64_t>(group_queries, end - from);
    s.keys.resize(std::max<size_t>(s.keys.size(), (size_t)some * count));
    const QueryBlock asked = asked_.block(from, some);
    table_.keys(metric_, &asked, &block, s.keys.data(), count, s.norms.data());
    for (uint32_t q = 0; q < some; ++q) {
      while (query_ends_[group_first_ + asked_list + 1] <= from + q) ++asked_list;
      const float* keys = s.keys.data() + (size_t)q * count;
      double* sums = s.sums.data() + asked_list * lists;
      for (uint32_t l = 0, row = 0; l < lists; ++l) {
        float best = std::numeric_limits<float>::infinity();
        for (; row < s.ends[l]; ++row) best = keys[row] < best ? keys[row] : best;   // NaN is never better
        sums[l] += best;
      }
    }
    from += some;
  }
}

void ListSearch::work(uint64_t piece) {
  uint64_t list = piece * piece_lists_;
  const uint64_t last = std::min(list + piece_lists_, plan_.list_count);
  if (list >= last || !group_count_) return;
  Scratch& s = scratch();
  auto partial = borrow();
  while (list < last && !stopped()) {
    list = next_block(list, last, s);
    if (s.lists.empty()) continue;
    add_up(s);
    const size_t lists = s.lists.size();
    for (uint64_t q = 0; q < group_count_; ++q)
      for (size_t l = 0; l < lists; ++l) {
        const float key = (float)s.sums[q * lists + l];
        if (!std::isfinite(key)) continue;
        (*partial)[q].add({key, plan_.rank ? plan_.rank[s.lists[l]] : 0, s.lists[l]});
      }
  }
  std::lock_guard<std::mutex> hold(lock_);
  partials_.push_back(std::move(partial));
}

Job::Round ListSearch::settle(uint64_t* pieces) {
  for (uint64_t q = 0; q < group_count_; ++q) {
    if (stopped()) return Round::interrupted;
    TopK best(plan_.k, std::numeric_limits<float>::infinity());
    for (auto& partial : partials_) best.add((*partial)[q]);
    const std::vector<Hit>& hits = best.sorted();
    const uint64_t place = (group_first_ + q) * plan_.k;
    for (uint32_t i = 0; i < plan_.k; ++i) {
      const bool there = i < hits.size();
      plan_.hit_rows[place + i] = there ? hits[i].row : ELANUS_NO_ROW;
      plan_.hit_scores[place + i] = !there ? std::numeric_limits<float>::quiet_NaN() : is_turned(metric_) ? 0 - hits[i].key : hits[i].key;
    }
    plan_.tied[group_first_ + q] = best.tied();
  }
  partials_.clear();
  if (group_first_ + group_count_ >= plan_.query_count) return Round::complete;
  *pieces = begin_group(group_first_ + group_count_);
  return Round::again;
}

}  // namespace

std::shared_ptr<Job> make_list_search(const elanus_list_search& plan, elanus_done done, void* context) {
  auto rows = find_rows(plan.rows);
  return std::make_shared<ListSearch>(plan, std::move(rows), done, context);
}

}  // namespace elanus
