// The rule:
//
//  - lists are scanned in the order of their centres, `probes` of them;
//  - then on, until k rows were scored;
//  - under a filter on, until as many allowed rows were scored as an unfiltered search scores rows: those that are allowed are the farther
//    away the fewer they are, and the effort is spent on rows that count. If no more are allowed than that, all of them are scored;
//  - under an outer bound on, until k hits are found or lists in a row had none within the bound;
//  - an inner bound asks for rows that are not the nearest: all allowed rows are scored.
//
// Where rows are scored by raw values and few are allowed, they are scored in the order of their numbers, and no list is looked at.
#include "lists_search.h"
#include <cmath>
#include "dispatch.h"
#include "failure.h"
#include "index_job.h"
#include "index_plan.h"
#include "lists_scan.h"

namespace elanus {

namespace {

constexpr uint32_t code_block = 256;
constexpr uint32_t lists_out_of_range = 2;   // in a row, that end a search with an outer bound

// Nanoseconds as measured on one machine; only their ratios matter.
double raw_cost(uint64_t row_bytes) { return 4 + 0.05 * (double)row_bytes; }
constexpr double slot_cost = 1.5;            // of looking whether a row of a list is allowed

ListsScratch& scratch() {
  static thread_local ListsScratch own;
  return own;
}

class ListsSearch final : public IndexJob {
 public:
  ListsSearch(const elanus_index_search& plan, std::shared_ptr<const ListsIndex> index, elanus_done done, void* context);

 protected:
  void answer_some(uint64_t first, uint64_t last, Effort& effort) const override;
  void let_go() override { index_.reset(); }

 private:
  struct Asked {
    const unsigned char* values;   // of the query
    QueryBlock block;
    ListsScratch& t;
    Effort& effort;
    TopK best;         // by the keys of the lists
    uint64_t scored = 0, in_range = 0;
  };

  bool by_raw_values() const { return index_->shape.codes == RowCodes::none; }
  void answer(uint64_t query, ListsScratch& t, Effort& effort) const;
  void scan_lists(Asked& a) const;
  void scan_list(Asked& a, const ListsQuery& query, uint32_t list) const;
  void scan_blocks(Asked& a, const ListsQuery& query, uint32_t list) const;
  void scan_loose(Asked& a) const;
  void scan_allowed(Asked& a) const;
  void score(const Asked& a, const uint32_t* rows, uint32_t count, TopK& best, float* keys) const;
  void take(Asked& a, const uint32_t* slots, uint32_t count) const;

  std::shared_ptr<const ListsIndex> index_;
};

ListsSearch::ListsSearch(const elanus_index_search& plan, std::shared_ptr<const ListsIndex> index, elanus_done done, void* context)
    : IndexJob(plan, *index, (Metric)index->shape.metric, done, context), index_(std::move(index)) {}

void ListsSearch::answer_some(uint64_t first, uint64_t last, Effort& effort) const {
  for (uint64_t q = first; q < last; ++q) answer(q, scratch(), effort);
}

void ListsSearch::answer(uint64_t query, ListsScratch& t, Effort& effort) const {
  go_on();
  const bool again = plan_.reorder && !by_raw_values();
  const float bound = by_raw_values() || !again ? high_ : std::numeric_limits<float>::infinity();
  Asked a = {query_at(query), asked_.block(query, 1), t, effort, TopK(again ? std::max(plan_.k, plan_.reorder) : plan_.k, bound)};
  const uint64_t budget = (uint64_t)plan_.probes * rows_ / std::max(1u, index_->shape.lists);
  const double walk_cost = (double)std::min(budget, allowed_count_) * raw_cost(layout_.row_bytes()) +
                           slot_cost * std::min<double>(rows_, (double)budget * rows_ / (double)std::max<uint64_t>(1, allowed_count_));
  const bool few = plan_.allowed && by_raw_values() && (double)allowed_count_ * raw_cost(layout_.row_bytes()) <= walk_cost;
  const bool ring = plan_.has_inner && (by_raw_values() || again);
  bool scored_again = !again;
  if (allowed_count_) {
    if (few || ring) {
      a.best = TopK(plan_.k, high_);
      scan_allowed(a);
      scored_again = true;
    } else {
      scan_lists(a);
    }
  }
  if (!scored_again) {
    std::vector<uint32_t> rows;
    for (const Hit& hit : a.best.sorted()) rows.push_back(hit.row);
    a.best = TopK(plan_.k, high_);
    float keys[raw_block];
    for (size_t first = 0; first < rows.size(); first += raw_block) {
      go_on();
      score(a, rows.data() + first, (uint32_t)std::min<size_t>(raw_block, rows.size() - first), a.best, keys);
    }
    a.effort.exact += (double)rows.size();
  }
  const std::vector<Hit>& hits = a.best.sorted();
  write_hits(query, hits, a.best.tied());
}

void ListsSearch::scan_lists(Asked& a) const {
  const uint32_t lists = index_->shape.lists, probes = plan_.has_inner ? lists : std::min(plan_.probes, lists);
  const uint64_t budget = plan_.allowed ? (uint64_t)plan_.probes * rows_ / std::max(1u, lists) : 0;
  const uint64_t wanted = std::min<uint64_t>(allowed_count_, std::max<uint64_t>(plan_.k, budget));
  if (lists) {
    ListsQuery query(*index_, a.values, plan_.query_bits, a.t);
    a.effort.distances += lists;
    uint32_t out_of_range = 0, place = 0;
    for (; place < lists; ++place) {
      const bool sparse = plan_.has_outer && a.in_range < plan_.k && out_of_range < lists_out_of_range;
      if (place >= probes && a.scored >= wanted && !sparse) break;
      go_on();
      query.sort(place + 1);
      const uint64_t before = a.in_range;
      if (index_->shape.in_blocks()) scan_blocks(a, query, query.list(place));
      else scan_list(a, query, query.list(place));
      out_of_range = a.in_range == before ? out_of_range + 1 : 0;
    }
    a.effort.lists += place;
    a.effort.code_scans += place == lists && !by_raw_values();
  }
  scan_loose(a);
}

// Keys of slots of a.t.keys; those that may count go among the best.
void ListsSearch::take(Asked& a, const uint32_t* slots, uint32_t count) const {
  a.t.kept.resize(count);
  const uint32_t picked = table_.pick(a.t.keys.data(), count, a.best.bound(), a.t.kept.data());
  for (uint32_t i = 0; i < picked; ++i) {
    const float key = a.t.keys[a.t.kept[i]];
    const uint32_t row = index_->numbers[slots[a.t.kept[i]]];
    const bool hit = is_in_range(key);
    a.in_range += hit;
    if (hit || plan_.reorder) a.best.add({key, rank_of(row), row});
  }
}

void ListsSearch::scan_list(Asked& a, const ListsQuery& query, uint32_t list) const {
  ListsScratch& t = a.t;
  const uint32_t last = index_->starts[list + 1], block = by_raw_values() ? raw_block : code_block;
  t.keys.resize(code_block);
  for (uint32_t slot = index_->starts[list]; slot < last;) {
    t.slots.clear();
    for (; slot < last && t.slots.size() < block; ++slot)
      if (is_allowed(index_->numbers[slot])) t.slots.push_back(slot);
    const uint32_t count = (uint32_t)t.slots.size();
    if (!count) continue;
    go_on();
    if (by_raw_values()) {
      for (uint32_t& s : t.slots) s = index_->numbers[s];
      score(a, t.slots.data(), count, a.best, t.keys.data());
      for (uint32_t i = 0; i < count; ++i) a.in_range += is_in_range(t.keys[i]);
      a.effort.exact += count;
    } else {
      query.keys(list, t.slots.data(), count, t.keys.data());
      take(a, t.slots.data(), count);
      a.effort.distances += count;
    }
    a.scored += count;
  }
}

void ListsSearch::scan_blocks(Asked& a, const ListsQuery& query, uint32_t list) const {
  ListsScratch& t = a.t;
  const uint32_t last = index_->starts[list + 1];
  t.keys.resize(block_of_codes);
  t.slots.resize(block_of_codes);
  for (uint32_t slot = index_->starts[list]; slot < last; slot += block_of_codes) {
    const uint32_t count = std::min(block_of_codes, last - slot);
    uint32_t allowed = count;
    for (uint32_t i = 0; i < count; ++i) t.slots[i] = slot + i;
    if (plan_.allowed) {
      allowed = 0;
      for (uint32_t i = 0; i < count; ++i) allowed += is_allowed(index_->numbers[slot + i]);
      if (!allowed) continue;
    }
    query.keys(list, t.slots.data(), count, t.keys.data());
    if (allowed < count)
      for (uint32_t i = 0; i < count; ++i)
        if (!is_allowed(index_->numbers[slot + i])) t.keys[i] = std::numeric_limits<float>::quiet_NaN();
    take(a, t.slots.data(), count);
    a.effort.distances += count;
    a.scored += allowed;
  }
}

// Rows without direction: their score is known, 0 under COSINE, and 1 under JACCARD.
void ListsSearch::scan_loose(Asked& a) const {
  const float key = metric_ == Metric::jaccard ? 1 : 0;
  if (a.best.bound() < key) return;
  for (uint32_t slot = index_->placed(); slot < rows_; ++slot) {
    const uint32_t row = index_->numbers[slot];
    if (!is_allowed(row) || (!plan_.reorder && !is_in_range(key))) continue;
    a.best.add({key, rank_of(row), row});
  }
}

void ListsSearch::scan_allowed(Asked& a) const {
  ++a.effort.raw_scans;
  ListsScratch& t = a.t;
  t.keys.resize(raw_block);
  t.slots.clear();
  const auto flush = [&] {
    if (t.slots.empty()) return;
    go_on();
    score(a, t.slots.data(), (uint32_t)t.slots.size(), a.best, t.keys.data());
    a.effort.exact += (double)t.slots.size();
    t.slots.clear();
  };
  each_allowed_row([&](uint32_t row) {
    t.slots.push_back(row);
    if (t.slots.size() == raw_block) flush();
  });
  flush();
}

// At most raw_block rows by their raw values.
void ListsSearch::score(const Asked& a, const uint32_t* rows, uint32_t count, TopK& best, float* keys) const {
  raw_keys(a.block, rows, count, keys);
  for (uint32_t i = 0; i < count; ++i)
    if (is_in_range(keys[i])) best.add({keys[i], rank_of(rows[i]), rows[i]});
}

}  // namespace

std::shared_ptr<Job> make_lists_search(const elanus_index_search& plan, std::shared_ptr<const ListsIndex> index, elanus_done done, void* context) {
  check_index_search(plan, index->shape.layout().entries(), index->shape.rows);
  if (plan.row_count > index->shape.rows) fail(ELANUS_INVALID, "rows behind an index are searched through graphs only");
  if (plan.probes < 1) fail(ELANUS_INVALID, "%u lists are too few", plan.probes);
  if (plan.reorder > ELANUS_MAX_REORDER || (plan.reorder && plan.reorder < plan.k))
    fail(ELANUS_INVALID, "%u candidates to score again are not in %u..%u", plan.reorder, plan.k, ELANUS_MAX_REORDER);
  if (plan.query_bits > ELANUS_MAX_QUERY_BITS) fail(ELANUS_INVALID, "%u bits of a query are more than %u", plan.query_bits, ELANUS_MAX_QUERY_BITS);
  return std::make_shared<ListsSearch>(plan, std::move(index), done, context);
}

}  // namespace elanus
