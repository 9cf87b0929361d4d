// The rule, for a share s of allowed rows among n (1 without a filter):
//
//   scan of codes   s n rows, wherever they are
//   walk            as far as the k-th allowed row and some way beyond it: that is about the k/s-th nearest row (walk_plan.h)
//   clusters        the allowed rows of those that are near, where it turns out that they are few enough (cluster_scan.h)
//
// The first two are predicted (search_costs.h), and a walk is begun where it is cheaper by far. Clusters are tried before a scan, where asking
// them costs little beside it: among millions of rows. Now and then a walk looks at the rows that it knows, which are those around the query:
// has it gone far enough for the filter as it is here? If the filter bars what is near it goes farther, begins anew with more room, or gives
// up: at once where what is left costs as much as a scan, and before a tenth of one was spent if it is not sure to end much sooner; then all
// allowed rows are scanned. So recall does not hang on how filter and query relate, and no search costs much more than the scan.
//
// Rows that came after the index are scored by their raw values.
//
// A range with an inner bound looks for rows beyond those that are nearest: the walk is widened until all of the ring, or enough of
// it, lies within its radius; else the raw rows are scanned.
#include "index_search.h"
#include <array>
#include "graph_search.h"
#include "index_plan.h"

namespace elanus {

namespace {

constexpr double list_width = 1.5;      // the same `ef` finds at least 98 % through lists where it does by blocks
constexpr double filter_width = 1.6;    // under a filter a walk is this much wider: 99 % of what is allowed
constexpr double unfiltered_reach = 2;  // where half of the rows was deleted, as many are kept in mind as under a filter
constexpr float farthest_estimated = 2; // a query that reaches as many times beyond the grid is as far from all rows: none looks nearer
constexpr uint32_t most_in_turn = 3;    // walks of one thread that take turns: with more they push each other out of the first cache

}  // namespace

GraphSearch::GraphSearch(const elanus_index_search& plan, std::shared_ptr<const Index> index, elanus_done done, void* context)
    : IndexJob(plan, *index, index->grid.state().metric, done, context), index_(std::move(index)), dims_(index_->grid.dims()),
      passing_(index_->passing(plan.allowed)) {}

void GraphSearch::answer_some(uint64_t first, uint64_t last, Effort& effort) const {
  if (begins_with_walk()) return answer_in_turn(first, last, effort);
  Borrowed borrowed(*index_->lender);
  for (uint64_t q = first; q < last; ++q) answer(q, *borrowed, effort);
}

void GraphSearch::ask(uint64_t query, Scratch& s, Effort& effort, std::optional<Asked>& asked) const {
  go_on();
  s.work.resize((size_t)dims_ + layout_.dimension);
  float* values = s.work.data() + dims_;
  table_.widen(layout_.element, query_at(query), layout_.dimension, values);
  asked.emplace(Asked{asked_.block(query, 1), index_->grid.encode_query(values, s.work.data(), s.codes(dims_)), Best(plan_.k), s, effort, {}, query, {}, {}});
  if (index_->layout == IndexLayout::packed && asked->grid.ratio <= farthest_estimated) asked->blocks.emplace(*index_, asked->grid, s.work.data(), s);
  else asked->lists.emplace(*index_, asked->grid, s);
}

void GraphSearch::answer(uint64_t query, Scratch& s, Effort& effort) const {
  std::optional<Asked> a;
  ask(query, s, effort, a);
  if (allowed_count_) {
    if (plan_.has_inner) find_ring(*a);
    else find_nearest(*a);
  }
  write_hits(*a);
}

bool GraphSearch::begins_with_walk() const { return !plan_.has_inner && allowed_count_ && goal(index_->layout == IndexLayout::packed).is_worth_it(is_filtered()); }

void GraphSearch::begin_turn(Turn& turn, uint64_t query, Effort& effort) const {
  ask(query, *turn.scratch, effort, turn.asked);
  begin_walk(*turn.asked, first_walk(*turn.asked));
}

bool GraphSearch::step_turn(Turn& turn) const {
  Asked& a = *turn.asked;
  const WalkState state = step_walk(a);
  if (state == WalkState::going) return true;
  find_after_walk(a, end_walk(a, state) || walk(a, a.blocks ? a.blocks->anew() : a.lists->anew()));
  write_hits(a);
  turn.asked.reset();
  return false;
}

// Each walk takes a step while what the others need next is on its way from memory.
void GraphSearch::answer_in_turn(uint64_t first, uint64_t last, Effort& effort) const {
  std::array<std::optional<Turn>, most_in_turn> turns;
  uint64_t next = first;
  uint32_t walking = 0;
  for (auto& turn : turns) {
    if (next >= last) break;
    turn.emplace(*index_->lender);
    begin_turn(*turn, next++, effort);
    ++walking;
  }
  while (walking) {
    for (auto& turn : turns) {
      if (!turn || !turn->asked || step_turn(*turn)) continue;
      if (next < last) begin_turn(*turn, next++, effort);
      else --walking;
    }
  }
}

void GraphSearch::begin_lone() {
  if (queries_ != 1) fail(ELANUS_INVALID, "one query is searched in turn with others, not %llu", (unsigned long long)queries_);
  limit_own_time();
  prepare();
  lone_.emplace(*index_->lender);
  if (begins_with_walk()) begin_turn(*lone_, 0, lone_effort_);
  else answer(0, *lone_->scratch, lone_effort_);
}

bool GraphSearch::step_lone() {
  if (lone_->asked && step_turn(*lone_)) return true;
  lone_.reset();
  tell(lone_effort_);
  return false;
}

WalkGoal GraphSearch::goal(bool by_blocks) const {
  // A growing graph has fewer rows.
  const double of_lists = index_->memory ? 1 : list_width;
  const double wide = by_blocks ? BlockWalk::width_factor(dims_) : of_lists, spread = by_blocks ? 1.5 * wide : list_spread;
  WalkCosts costs = walk_costs(*index_, by_blocks, scan_cost());
  // Of few barred rows hardly more are met than of none.
  if (plan_.unfiltered) costs.reach = 1 + (costs.reach - 1) * std::min(1.0, unfiltered_reach * (1 - share()));
  return WalkGoal((is_filtered() ? filter_width : 1) * wide * width(), spread, wanted(), share(), costs);
}

void GraphSearch::write_hits(Asked& a) const {
  look_behind(a);
  const std::vector<Hit>& hits = a.best.sorted();
  IndexJob::write_hits(a.query, hits, a.best.tied());
}

void GraphSearch::find_nearest(Asked& a) const {
  find_after_walk(a, goal(a.blocks.has_value()).is_worth_it(is_filtered()) && walk(a, first_walk(a)));
}

void GraphSearch::find_after_walk(Asked& a, bool found) const {
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

namespace {

std::shared_ptr<GraphSearch> make_checked(const elanus_index_search& plan, std::shared_ptr<const Index> index, elanus_done done, void* context) {
  const uint64_t rows = std::max<uint64_t>(plan.row_count, index->row_count);
  if (rows > index->rows->count() || rows > ELANUS_MAX_INDEX_ROWS)
    fail(ELANUS_INVALID, "%llu rows are wanted, there are %llu", (unsigned long long)rows, (unsigned long long)index->rows->count());
  check_index_search(plan, index->grid.state().dimension, rows);
  if (plan.ef < 1 || plan.ef > ELANUS_MAX_WIDTH) fail(ELANUS_INVALID, "ef %u is not in 1..%u", plan.ef, ELANUS_MAX_WIDTH);
  return std::make_shared<GraphSearch>(plan, std::move(index), done, context);
}

}  // namespace

std::shared_ptr<Job> make_graph_search(const elanus_index_search& plan, std::shared_ptr<const Index> index, elanus_done done, void* context) {
  return make_checked(plan, std::move(index), done, context);
}

void search_together(const std::vector<std::pair<elanus_index_search, std::shared_ptr<const Index>>>& searches) {
  std::vector<std::shared_ptr<GraphSearch>> walking;
  for (size_t next = 0; next < searches.size() || !walking.empty();) {
    while (next < searches.size() && walking.size() < most_in_turn) {
      walking.push_back(make_checked(searches[next].first, searches[next].second, nullptr, nullptr));
      walking.back()->begin_lone();
      ++next;
    }
    std::erase_if(walking, [](const auto& search) { return !search->step_lone(); });
  }
}

}  // namespace elanus
