#include <cmath>
#include "graph_search.h"

namespace elanus {

void GraphSearch::begin_walk(Asked& a, const WalkPlan& plan) const {
  if (a.blocks) a.blocks->begin(plan, most_looks(), passing_, goal(true));
  else a.lists->begin(plan, most_looks(), passing_, goal(false));
}

WalkState GraphSearch::step_walk(Asked& a) const {
  const WalkState state = a.blocks ? a.blocks->step() : a.lists->step();
  const uint32_t visits = a.blocks ? a.blocks->visits() : a.lists->visits();
  if (visits % slice_visits == 0) go_on();
  return state;
}

// Whether what was found, now in the scratch, can be trusted.
bool GraphSearch::end_walk(Asked& a, WalkState state) const {
  a.effort.visits += a.blocks ? a.blocks->visits() : a.lists->visits();
  bool found = state == WalkState::ended;
  if (found && a.blocks) found = a.blocks->collect(plan_.allowed ? wanted() : std::min(plan_.k, index_->graph_row_count));
  else if (found) a.lists->collect();
  a.effort.distances += a.blocks ? a.blocks->distances() : a.lists->distances();
  return found;
}

// As often as it pays. False if nothing was found.
bool GraphSearch::walk(Asked& a, WalkPlan plan) const {
  for (; plan.width; plan = a.blocks ? a.blocks->anew() : a.lists->anew()) {
    begin_walk(a, plan);
    WalkState state;
    while ((state = step_walk(a)) == WalkState::going) {
    }
    if (end_walk(a, state)) return true;
  }
  return false;
}

void GraphSearch::find_ring(Asked& a) const {
  const double scan_cost = (double)allowed_count_ * raw_cost(layout_.dimension);
  for (uint32_t width = this->width(); width <= ELANUS_MAX_WIDTH; width *= 4) {
    const WalkGoal goal(width, list_spread, (uint32_t)std::min<uint64_t>(width, allowed_count_), share(), walk_costs(*index_, false, scan_cost));
    if (!goal.is_worth_it(is_filtered()) || !walk_ring(a, goal)) break;
    a.best.clear();
    look_at_ring(a);
    look_at_zero_rows(a);
    look_outside(a);
    const float beyond = least_key(a, a.lists->radius(), 1);
    if (beyond >= high_ || (a.best.full() && beyond > a.best.worst())) return;
  }
  a.best.clear();
  scan_raw(a);
}

// Through lists, whatever the layout: their walk knows how far it has seen.
bool GraphSearch::walk_ring(Asked& a, const WalkGoal& goal) const {
  a.blocks.reset();
  a.lists.emplace(*index_, a.grid, a.s);
  for (WalkPlan plan = plan_.allowed ? goal.among() : goal.everywhere(); plan.width; plan = a.lists->anew()) {
    a.lists->begin(plan, std::max(goal.k(), most_looks()), passing_, goal);
    WalkState state;
    while ((state = step_walk(a)) == WalkState::going) {
    }
    if (end_walk(a, state)) return true;
  }
  return false;
}

}  // namespace elanus
