#include "neighbour_walk.h"
#include <cmath>

namespace elanus {

void NeighbourWalk::begin(const WalkPlan& plan, uint32_t most, const Passing& passing, const WalkGoal& goal) {
  if (goal_) before_ += visits();
  plan_ = plan;
  anew_ = {};
  goal_.emplace(goal);
  next_look_ = passing.allowed ? goal.visits_before_look() : ~0u;
  scratch_.begin(index_.row_count, plan.known, passing.allowed ? std::max(goal.k(), most) : 1);
  scratch_.begin_walk(index_.code_rows(), query_, index_.entries.data(), (uint32_t)index_.entries.size(), passing);
  if (passing.allowed) scratch_.walk.wanted = plan.width;
}

WalkState NeighbourWalk::step() {
  const Lists lists = index_.neighbour_lists();
  const CodeRows rows = index_.code_rows();
  const bool going = table().graph.step_walk(&scratch_.walk, &lists, &rows, &query_);
  if (!scratch_.walk.passing.allowed) return going ? WalkState::going : WalkState::ended;
  if (!going) return judge(true);
  if (scratch_.walk.visits < next_look_) return WalkState::going;
  next_look_ = goal_->next_look(next_look_);
  return judge(false);
}

// How far it is to the k-th allowed row, by the rows that it knows, and whether that was gone, or is worth going.
WalkState NeighbourWalk::judge(bool at_end) {
  const Candidates& known = scratch_.frontier;
  ListWalk& walk = scratch_.walk;
  uint32_t rank = 0, passing = 0, barred = 0;   // those before the first that passes
  for (; rank < known.size && passing < goal_->k(); ++rank) {
    const uint32_t row = known.row[rank] & ~taken;
    passing += passes(walk.passing, row);
    barred += !passing;
  }
  const double beyond = goal_->rank_beyond(rank, passing), needed = goal_->needed(beyond);
  const bool is_full = known.size == known.capacity, exhausted = at_end && known.next >= known.size;
  if (at_end && (needed <= walk.wanted || (exhausted && !is_full))) return WalkState::ended;
  const bool has_room = !exhausted && goal_->has_room(plan_, needed, walk.visits);
  if (!goal_->goes_on({beyond, passing, barred, walk.visits, before_, next_look_, has_room})) return WalkState::lost;
  if (!has_room) {
    anew_ = goal_->wider(plan_, needed);
    return WalkState::lost;
  }
  if (at_end) walk.wanted = (uint32_t)std::ceil(needed);
  return WalkState::going;
}

void NeighbourWalk::collect() {
  const Candidates& found = this->found();
  scratch_.numbers.resize(found.size);
  for (uint32_t i = 0; i < found.size; ++i) scratch_.numbers[i] = found.row[i] & ~taken;
  scratch_.distances.assign(found.distance, found.distance + found.size);
}

float NeighbourWalk::radius() const {
  const Candidates &known = scratch_.frontier, &found = this->found();
  const float radius = std::min(known.distance[known.capacity - 1], found.distance[found.capacity - 1]);
  return scratch_.walk.passing.allowed && known.next < known.size ? std::min(radius, known.distance[known.next]) : radius;
}

}  // namespace elanus
