// The rule, for a share s of allowed rows among n (1 without a filter):
//
//   scan of codes   s n rows, wherever they are
//   walk            as far as the k-th allowed row and some way beyond it: that is about the k/s-th nearest row (walk_plan.h)
//   clusters        the allowed rows of those that are near, where it turns out that they are few enough (cluster_scan.h)
//
// The first two are predicted (search_costs.h), and a walk is begun where it is cheaper by far. Clusters are tried before a scan, where asking
// them costs little beside it. Now and then it looks at the rows that it knows,
// which are those around the query: has it gone far enough for the filter as it is here? If the filter bars what is near it goes
// farther, begins anew with more room, or gives up as soon as that would cost more than a scan; then the codes of all allowed rows are
// scanned. So recall does not hang on how filter and query relate, and no search costs much more than the scan.
//
// Rows that came after the index are scored by their raw values.
//
// A range with an inner bound looks for rows beyond those that are nearest: the walk is widened until all of the ring, or enough of
// it, lies within its radius; else the raw rows are scanned.
#include "index_search.h"
#include <array>
#include <cmath>
#include <optional>
#include "best.h"
#include "block_walk.h"
#include "cluster_scan.h"
#include "index_job.h"
#include "index_plan.h"
#include "nearest_codes.h"
#include "search_costs.h"

namespace elanus {

namespace {

constexpr uint32_t slice_visits = 64;
constexpr double list_spread = 2;             // walk_plan.h: where every distance is known, as many visits find less than by blocks,
constexpr double list_widening = 1;           // and under a filter it wants more room, the more the fewer are allowed
constexpr uint32_t scan_block = 512;
constexpr uint32_t most_twins = 4096;         // of one row, besides k: more of equal codes are not looked at
constexpr float farthest_estimated = 2;       // a query that reaches as many times beyond the grid is as far from all rows: none looks nearer
constexpr uint32_t most_in_turn = 3;          // walks of one thread that take turns: with more they push each other out of the first cache
constexpr uint32_t most_cluster_width = 1024; // who wants more wants all
constexpr double missed_share = 0.001;        // of k at ef 64: cluster_scan.h
constexpr double first_part_of_cost = 0.05;   // of a scan's: may be spent on finding out what clusters cost
constexpr uint32_t least_scan_margin = 256, scan_margin_share = 16;

class IndexSearch final : public IndexJob {
 public:
  IndexSearch(const elanus_index_search& plan, std::shared_ptr<const Index> index, elanus_done done, void* context);

 protected:
  void prepare() override;
  void answer_some(uint64_t first, uint64_t last, Effort& effort) const override;
  void let_go() override { index_.reset(); }

 private:
  // One query on its way.
  struct Asked {
    QueryBlock exact;
    GridQuery grid;
    Best best;
    Scratch& s;
    Effort& effort;
    std::vector<uint32_t> pending;   // rows whose scores are wanted
    uint64_t query;
    std::optional<BlockWalk> blocks;
  };
  struct Turn {
    Borrowed scratch;
    std::optional<Asked> asked;
    explicit Turn(Lender& lender) : scratch(lender) {}
  };

  void ask(uint64_t query, Scratch& s, Effort& effort, std::optional<Asked>& asked) const;
  void answer(uint64_t query, Scratch& s, Effort& effort) const;
  void answer_in_turn(uint64_t first, uint64_t last, Effort& effort) const;
  uint32_t width() const { return std::max(plan_.ef, plan_.k + plan_.k / 8 + 16); }
  uint32_t most_looks() const { return std::max(4 * plan_.k, plan_.k + 54); }   // the bound on errors of codes mostly ends it far sooner
  WalkGoal goal(bool by_blocks) const;
  WalkPlan first_walk(bool by_blocks) const { return plan_.allowed ? goal(by_blocks).among() : goal(by_blocks).everywhere(); }
  double share() const { return (double)allowed_count_ / rows_; }
  uint32_t wanted() const { return (uint32_t)std::min<uint64_t>(plan_.k, allowed_count_); }
  double scan_cost() const { return (double)allowed_count_ * code_cost(*index_); }
  void write_hits(Asked& a) const;
  void find_nearest(Asked& a) const;
  void find_after_walk(Asked& a, bool found) const;
  bool end_blocks(Asked& a, BlockWalk::State state) const;
  bool walk_blocks(Asked& a, WalkPlan plan) const;
  void find_ring(Asked& a) const;
  bool walk(Asked& a, const WalkGoal& goal, float* radius) const;
  bool walk_once(Asked& a, const WalkGoal& goal, WalkPlan* plan, float* radius) const;
  void scan_codes(Asked& a) const;
  bool scan_clusters(Asked& a) const;
  void scan_raw(Asked& a) const;
  template <class Use> void each_allowed(uint32_t block, Scratch& s, Use use) const;
  void look_again(Asked& a, uint32_t most, bool with_twins) const;
  void look_at_ring(Asked& a) const;
  void look_at_zero_rows(Asked& a) const;
  void look_outside(Asked& a) const;
  void look_behind(Asked& a) const;
  void propose(Asked& a, uint32_t row) const;
  void propose_twins(Asked& a, uint32_t row) const;
  void settle_pending(Asked& a) const;
  float least_key(const Asked& a, float distance, float ratio) const;
  float most_key(const Asked& a, float distance, float ratio) const;
  float ratio_of(uint32_t row) const { return index_->terms[row].ratio; }

  std::shared_ptr<const Index> index_;
  const uint32_t dims_;
};

IndexSearch::IndexSearch(const elanus_index_search& plan, std::shared_ptr<const Index> index, elanus_done done, void* context)
    : IndexJob(plan, *index, index->grid.state().metric, done, context), index_(std::move(index)), dims_(index_->grid.dims()) {}

void IndexSearch::prepare() {
  IndexJob::prepare();
  allow_twin_heads(index_->twin_heads, [this](uint32_t row) { return index_->twin_after(row); });
}

void IndexSearch::answer_some(uint64_t first, uint64_t last, Effort& effort) const {
  const bool in_turn = index_->layout == IndexLayout::packed && !plan_.has_inner && allowed_count_ && goal(true).is_worth_it();
  if (in_turn) return answer_in_turn(first, last, effort);
  Borrowed borrowed(*index_->lender);
  for (uint64_t q = first; q < last; ++q) answer(q, *borrowed, effort);
}

void IndexSearch::ask(uint64_t query, Scratch& s, Effort& effort, std::optional<Asked>& asked) const {
  go_on();
  s.work.resize((size_t)dims_ + layout_.dimension);
  float* values = s.work.data() + dims_;
  table_.widen(layout_.element, query_at(query), layout_.dimension, values);
  asked.emplace(Asked{asked_.block(query, 1), index_->grid.encode_query(values, s.work.data(), s.codes(dims_)), Best(plan_.k), s, effort, {}, query, {}});
  if (index_->layout == IndexLayout::packed && asked->grid.ratio <= farthest_estimated) asked->blocks.emplace(*index_, asked->grid, s.work.data(), s);
}

void IndexSearch::answer(uint64_t query, Scratch& s, Effort& effort) const {
  std::optional<Asked> a;
  ask(query, s, effort, a);
  if (allowed_count_) {
    if (plan_.has_inner) find_ring(*a);
    else find_nearest(*a);
  }
  write_hits(*a);
}

// Each walk takes a step while what the others need next is on its way from memory.
void IndexSearch::answer_in_turn(uint64_t first, uint64_t last, Effort& effort) const {
  std::array<std::optional<Turn>, most_in_turn> turns;
  uint64_t next = first;
  uint32_t walking = 0;
  auto start = [&](Turn& turn) {
    for (; next < last; ++next) {
      ask(next, *turn.scratch, effort, turn.asked);
      Asked& a = *turn.asked;
      if (!a.blocks) {
        find_nearest(a);
        write_hits(a);
        continue;
      }
      a.blocks->begin(first_walk(true), most_looks(), walk_bits_, goal(true));
      ++next;
      return true;
    }
    turn.asked.reset();
    return false;
  };
  for (auto& turn : turns)
    if (next < last) {
      turn.emplace(*index_->lender);
      walking += start(*turn);
    }
  while (walking) {
    for (auto& turn : turns) {
      if (!turn || !turn->asked) continue;
      Asked& a = *turn->asked;
      const BlockWalk::State state = a.blocks->step();
      if (state == BlockWalk::State::going) {
        if (a.blocks->visits() % slice_visits == 0) go_on();
        continue;
      }
      find_after_walk(a, end_blocks(a, state) || walk_blocks(a, a.blocks->anew()));
      write_hits(a);
      if (!start(*turn)) --walking;
    }
  }
}

WalkGoal IndexSearch::goal(bool by_blocks) const {
  const double barred = std::min(1.0, 2 * (1 - share()));
  const double factor = by_blocks ? BlockWalk::width_factor(dims_) : 1 + list_widening * barred, spread = by_blocks ? 1.5 * factor : list_spread;
  return WalkGoal(factor * width(), spread, wanted(), share(), walk_costs(*index_, by_blocks, scan_cost()));
}

// Whether what was found, now in the scratch, can be trusted.
bool IndexSearch::end_blocks(Asked& a, BlockWalk::State state) const {
  const bool found = state == BlockWalk::State::ended && a.blocks->collect(plan_.allowed ? wanted() : std::min(plan_.k, index_->graph_row_count));
  a.effort.visits += a.blocks->visits();
  a.effort.distances += a.blocks->distances();
  return found;
}

// As often as it pays. False if nothing was found.
bool IndexSearch::walk_blocks(Asked& a, WalkPlan plan) const {
  for (; plan.width; plan = a.blocks->anew()) {
    a.blocks->begin(plan, most_looks(), walk_bits_, goal(true));
    BlockWalk::State state;
    while ((state = a.blocks->step()) == BlockWalk::State::going)
      if (a.blocks->visits() % slice_visits == 0) go_on();
    if (end_blocks(a, state)) return true;
  }
  return false;
}

void IndexSearch::write_hits(Asked& a) const {
  look_behind(a);
  const std::vector<Hit>& hits = a.best.sorted();
  IndexJob::write_hits(a.query, hits, a.best.tied());
}

void IndexSearch::find_nearest(Asked& a) const {
  const bool by_blocks = a.blocks.has_value();
  float radius;
  find_after_walk(a, goal(by_blocks).is_worth_it() && (by_blocks ? walk_blocks(a, first_walk(true)) : walk(a, goal(false), &radius)));
}

void IndexSearch::find_after_walk(Asked& a, bool found) const {
  if (found) {
    look_again(a, most_looks(), true);
  } else {
    if (scan_clusters(a)) return;
    scan_codes(a);
    look_again(a, ~0u, false);
  }
  look_at_zero_rows(a);
  look_outside(a);
}

void IndexSearch::find_ring(Asked& a) const {
  const double scan_cost = (double)allowed_count_ * raw_cost(layout_.dimension);
  for (uint32_t width = this->width(); width <= ELANUS_MAX_WIDTH; width *= 4) {
    const WalkGoal goal(width, list_spread, (uint32_t)std::min<uint64_t>(width, allowed_count_), share(), walk_costs(*index_, false, scan_cost));
    float radius;
    if (!goal.is_worth_it() || !walk(a, goal, &radius)) break;
    a.best.clear();
    look_at_ring(a);
    look_at_zero_rows(a);
    look_outside(a);
    const float beyond = least_key(a, radius, 1);
    if (beyond >= high_ || (a.best.full() && beyond > a.best.worst())) return;
  }
  a.best.clear();
  scan_raw(a);
}

// Candidates into s.numbers and s.distances, nearest first. Nothing that is allowed and nearer than *radius was left out, but for the
// misses that a graph has. False if the walk cannot be trusted.
bool IndexSearch::walk(Asked& a, const WalkGoal& goal, float* radius) const {
  WalkPlan plan = plan_.allowed ? goal.among() : goal.everywhere();
  while (plan.width)
    if (walk_once(a, goal, &plan, radius)) return true;
  return false;
}

// When it returns false *plan is how to begin anew, if that is worth it.
bool IndexSearch::walk_once(Asked& a, const WalkGoal& goal, WalkPlan* plan, float* radius) const {
  Scratch& s = a.s;
  const bool filtered = plan_.allowed;
  s.begin(rows_, plan->known, filtered ? std::max(goal.k(), most_looks()) : 1);
  const Lists lists = index_->neighbour_lists();
  const CodeRows rows = index_->code_rows();
  uint32_t visits = 0, next_look = filtered ? first_look : ~0u, width = filtered ? plan->width : ~0u;
  for (bool is_over = false; !is_over;) {
    const uint32_t slice = std::min(slice_visits, next_look - visits);
    const WalkCounts counts = table_.graph.walk(&lists, &rows, &a.grid.codes, index_->entries.data(), visits ? 0 : (uint32_t)index_->entries.size(),
                                                &s.frontier, &s.results, &s.visited, walk_bits_, width, slice);
    visits += counts.visits;
    a.effort.visits += counts.visits;
    a.effort.distances += counts.distances;
    go_on();
    is_over = counts.ended;
    if (!filtered || (!is_over && visits < next_look)) continue;
    if (!is_over) next_look *= 2;
    // How far it is to the k-th allowed row, by the rows that it knows, and whether that was gone, or is worth going.
    uint32_t rank = 0, passing = 0;
    for (; rank < s.frontier.size && passing < goal.k(); ++rank) {
      const uint32_t row = s.frontier.row[rank] & ~taken;
      passing += walk_bits_[row >> 3] >> (row & 7) & 1;
    }
    const bool is_full = s.frontier.size == s.frontier.capacity, exhausted = is_over && s.frontier.next >= s.frontier.size;
    const double needed = goal.needed(passing == goal.k() ? rank : goal.rank_beyond(rank, passing));
    if (is_over && (needed <= width || (exhausted && !is_full))) break;
    if (!goal.is_affordable(needed)) {
      *plan = {};
      return false;
    }
    if (exhausted || !goal.has_room(*plan, needed)) {
      *plan = goal.wider(*plan, needed);
      return false;
    }
    if (is_over) width = (uint32_t)std::ceil(needed);
    is_over = false;
  }
  Candidates& found = filtered ? s.results : s.frontier;
  *radius = std::min(s.frontier.distance[s.frontier.capacity - 1], found.distance[found.capacity - 1]);
  if (filtered && s.frontier.next < s.frontier.size) *radius = std::min(*radius, s.frontier.distance[s.frontier.next]);
  s.numbers.resize(found.size);
  for (uint32_t i = 0; i < found.size; ++i) s.numbers[i] = found.row[i] & ~taken;
  s.distances.assign(found.distance, found.distance + found.size);
  return true;
}

// Calls use(count) for each block of allowed rows, whose numbers are in s.numbers.
template <class Use> void IndexSearch::each_allowed(uint32_t block, Scratch& s, Use use) const {
  s.numbers.clear();
  auto flush = [&] {
    go_on();
    if (!s.numbers.empty()) use();
    s.numbers.clear();
  };
  each_allowed_row([&](uint32_t row) {
    s.numbers.push_back(row);
    if (s.numbers.size() == block) flush();
  });
  flush();
}

void IndexSearch::scan_codes(Asked& a) const {
  ++a.effort.code_scans;
  const uint32_t margin = std::max({3 * plan_.k, least_scan_margin, (uint32_t)(allowed_count_ / scan_margin_share)});
  NearestCodes nearest(index_->code_rows(), a.grid.codes, plan_.k + margin);
  each_allowed(scan_block, a.s, [&] {
    nearest.look(a.s);
    a.effort.distances += (double)a.s.numbers.size();
  });
  nearest.take(a.s);
}

// False if it is no cheaper than a scan of all allowed rows.
bool IndexSearch::scan_clusters(Asked& a) const {
  if (!plan_.allowed || !index_->clusters.count() || plan_.ef > most_cluster_width || ClusterScan::first_cost(*index_) > first_part_of_cost * scan_cost()) return false;
  const double missed = missed_share * wanted() * 64 / width();
  ClusterScan scan(*index_, a.grid.codes, plan_.allowed, wanted(), share(), missed, scan_cost(), a.s);
  NearestCodes nearest(index_->code_rows(), a.grid.codes, plan_.k + std::max(3 * plan_.k, least_scan_margin));
  while (scan.next()) {
    nearest.look(a.s);
    scan.saw();
    a.effort.distances += (double)a.s.numbers.size();
    go_on();
  }
  if (scan.has_given_up()) return false;
  ++a.effort.code_scans;
  nearest.take(a.s);
  look_again(a, ~0u, false);
  look_at_zero_rows(a);
  look_outside(a);
  return true;
}

void IndexSearch::scan_raw(Asked& a) const {
  ++a.effort.raw_scans;
  each_allowed(raw_block, a.s, [&] {
    std::swap(a.pending, a.s.numbers);
    settle_pending(a);
  });
}

// ------------------------------------------------------------------------------------------------------- looking again

// What the key of a row at this distance by codes may be at least, and at most: three deviations of the errors of rounding.
float IndexSearch::least_key(const Asked& a, float distance, float ratio) const {
  if (std::isinf(distance)) return distance;   // of a frontier that never was full: everything was seen
  const float noise = (ratio * ratio + a.grid.ratio * a.grid.ratio) / 12;
  return a.grid.scale * (distance - 6 * std::sqrt(noise * std::max(distance, 0.f)) - noise * (float)dims_) + a.grid.shift;
}
float IndexSearch::most_key(const Asked& a, float distance, float ratio) const {
  const float noise = (ratio * ratio + a.grid.ratio * a.grid.ratio) / 12;
  return a.grid.scale * (distance + 6 * std::sqrt(noise * std::max(distance, 0.f)) + noise * (float)dims_) + a.grid.shift;
}

void IndexSearch::propose(Asked& a, uint32_t row) const {
  if (!is_allowed(row)) return;
  a.pending.push_back(row);
  uint64_t run;
  const unsigned char* at = index_->rows->at(row, &run);
  for (uint64_t i = 0; i < std::min<uint64_t>(index_->rows->row_bytes(), 2048); i += 64) __builtin_prefetch(at + i, 0, 2);
}

// Those behind the first, which was proposed.
void IndexSearch::propose_twins(Asked& a, uint32_t row) const {
  if (!index_->next_twin.size()) return;
  uint32_t count = 0;
  for (uint32_t twin = index_->twin_after(row); twin != no_row && count < plan_.k + most_twins; twin = index_->twin_after(twin)) {
    if (!is_allowed(twin)) continue;
    a.pending.push_back(twin);
    ++count;
  }
}

void IndexSearch::settle_pending(Asked& a) const {
  float keys[raw_block];
  for (size_t first = 0; first < a.pending.size(); first += raw_block) {
    if (first) go_on();
    const uint32_t count = (uint32_t)std::min<size_t>(raw_block, a.pending.size() - first);
    raw_keys(a.exact, a.pending.data() + first, count, keys);
    for (uint32_t i = 0; i < count; ++i) {
      const uint32_t row = a.pending[first + i];
      if (!std::isnan(keys[i]) && is_in_range(keys[i])) a.best.add({keys[i], rank_of(row), row});
    }
  }
  a.effort.exact += (double)a.pending.size();
  a.pending.clear();
}

void IndexSearch::look_again(Asked& a, uint32_t most, bool with_twins) const {
  Scratch& s = a.s;
  const uint32_t count = (uint32_t)std::min<size_t>(s.numbers.size(), most);
  // Could a row this far by codes still be among the k best? When no row with codes of the usual step could, coarser ones might.
  auto hopeless = [&](uint32_t i, float ratio) {
    const float least = least_key(a, s.distances[i], ratio);
    return (a.best.full() && least > a.best.worst()) || (plan_.has_outer && least >= high_);
  };
  bool coarse_only = false;
  for (uint32_t i = 0; i < count; ++i) {
    if (coarse_only) {
      const float ratio = ratio_of(s.numbers[i]);
      if (ratio <= 1 || hopeless(i, ratio)) continue;
    } else if (i >= plan_.k && (i - plan_.k) % 4 == 0) {
      settle_pending(a);
      go_on();
      coarse_only = hopeless(i, 1);
      if (coarse_only) {
        --i;
        continue;
      }
    }
    propose(a, s.numbers[i]);
    if (with_twins) propose_twins(a, s.numbers[i]);
  }
  settle_pending(a);
}

void IndexSearch::look_at_ring(Asked& a) const {
  Scratch& s = a.s;
  for (size_t i = 0; i < s.numbers.size(); ++i) {
    const float ratio = ratio_of(s.numbers[i]);
    if (most_key(a, s.distances[i], ratio) < low_ || least_key(a, s.distances[i], ratio) >= high_) continue;
    propose(a, s.numbers[i]);
    propose_twins(a, s.numbers[i]);
    if (a.pending.size() >= raw_block) settle_pending(a);
  }
  settle_pending(a);
}

void IndexSearch::look_outside(Asked& a) const {
  for (const uint32_t row : index_->outside) propose(a, row);
  settle_pending(a);
}

// Rows that came after the index.
void IndexSearch::look_behind(Asked& a) const {
  for (uint32_t row = rows_; row < plan_.row_count; ++row) {
    if (!is_allowed(row)) continue;
    a.pending.push_back(row);
    if (a.pending.size() == raw_block) {
      settle_pending(a);
      go_on();
    }
  }
  settle_pending(a);
}

// Rows without direction are not in the graph; their score is known to be 0.
void IndexSearch::look_at_zero_rows(Asked& a) const {
  if (index_->zero_row == no_row || (a.best.full() && a.best.worst() < 0)) return;
  propose(a, index_->zero_row);
  propose_twins(a, index_->zero_row);
  settle_pending(a);
}

}  // namespace

std::shared_ptr<Job> make_graph_search(const elanus_index_search& plan, std::shared_ptr<const Index> index, elanus_done done, void* context) {
  const uint64_t rows = std::max<uint64_t>(plan.row_count, index->row_count);
  if (rows > index->rows->count() || rows > ELANUS_MAX_INDEX_ROWS)
    fail(ELANUS_INVALID, "%llu rows are wanted, there are %llu", (unsigned long long)rows, (unsigned long long)index->rows->count());
  check_index_search(plan, index->grid.state().dimension, rows);
  if (plan.ef < 1 || plan.ef > ELANUS_MAX_WIDTH) fail(ELANUS_INVALID, "ef %u is not in 1..%u", plan.ef, ELANUS_MAX_WIDTH);
  return std::make_shared<IndexSearch>(plan, std::move(index), done, context);
}

}  // namespace elanus
