#include "block_walk.h"
#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>

namespace elanus {

namespace {

// Visits of a walk without a filter, in widths; twice the width is usual. Where many rows are as far from the query as the width reaches, such as
// all of a tight cluster, there is always another that looks nearer than it is, and hardly any of them is found in the end.
constexpr double most_over_width = 2.5;

// More that only looked farther away are looked at in the end.
double margin_factor(uint32_t dims) { return 1 + 8 / std::sqrt(dims); }

// What only looked farther away than the last that is wanted is looked at once more if it looked so by less than estimates err.
float look_factor(uint32_t dims) { return 1 + 3 / std::sqrt((float)dims); }

// In the order of distances, then of rows. Distances are not negative, but for errors of rounding.
uint64_t sortable(float distance, uint32_t row) { return (uint64_t)std::bit_cast<uint32_t>(std::max(distance, 0.f)) << 32 | row; }
float distance_of(uint64_t sortable) { return std::bit_cast<float>((uint32_t)(sortable >> 32)); }

}  // namespace

double BlockWalk::width_factor(uint32_t dims) { return std::max(1.0, 192.0 / dims); }

BlockWalk::BlockWalk(const Index& index, const GridQuery& query, const float* point, Scratch& scratch)
    : index_(index), scratch_(scratch), table_(table()), grid_(query), query_(query.codes), rows_(index.code_rows()), blocks_(index.neighbour_blocks()) {
  table_.graph.sign_sums(point, rows_.dims, scratch.packed.sign_table(rows_.dims), &sums_);
}

void BlockWalk::begin(const WalkPlan& plan, uint32_t most, const Passing& passing, const WalkGoal& goal) {
  if (goal_) before_ += visits();
  plan_ = plan;
  anew_ = {};
  goal_.emplace(goal);
  next_look_ = passing.allowed ? goal.visits_before_look() : ~0u;
  most_ = most;
  ended_at_ = ~0u;
  scratch_.packed.begin(index_.row_count, (uint32_t)(plan.known * margin_factor(rows_.dims)), std::max(plan.known, most));
  state().width = plan.width;
  state().passing = scratch_.begin_passing(passing);
  table_.graph.begin_packed(&state(), &rows_, &query_, index_.entries.data(), (uint32_t)index_.entries.size());
}

WalkState BlockWalk::step() {
  PackedWalk& walk = state();
  const bool ended = !table_.graph.step_packed(&walk, &blocks_, &rows_, &query_, &sums_) || walk.visits >= most_over_width * walk.width;
  if (ended) return walk.passing.allowed ? judge(true) : WalkState::ended;
  if (walk.visits < next_look_) return WalkState::going;
  next_look_ = goal_->next_look(next_look_);
  return judge(false);
}

// How far it is to the k-th allowed row, by the rows that it knows, and whether that was gone, or is worth going.
WalkState BlockWalk::judge(bool at_end) {
  PackedWalk& walk = state();
  const Pool& known = walk.known;
  std::vector<float>& passing = scratch_.distances;
  passing.clear();
  for (uint32_t i = 0; i < known.size; ++i)
    if (passes(walk.passing, known.row[i])) passing.push_back(known.distance[i]);
  double rank = goal_->rank_beyond(known.size, (uint32_t)std::min<size_t>(passing.size(), goal_->k()));
  if (passing.size() >= goal_->k()) {
    const auto last = passing.begin() + (ptrdiff_t)goal_->k() - 1;
    std::nth_element(passing.begin(), last, passing.end());
    rank = (double)std::count_if(known.distance, known.distance + known.size, [&](float x) { return x <= *last; });
  }
  const double needed = goal_->needed(rank);
  float nearest = std::numeric_limits<float>::infinity();
  for (const float distance : passing) nearest = std::min(nearest, distance);
  const auto barred = (uint32_t)std::count_if(known.distance, known.distance + known.size, [&](float x) { return x < nearest; });
  const bool exhausted = at_end && walk.visits == ended_at_;
  if (at_end) {
    if (needed <= walk.width || (exhausted && std::isinf(known.bound))) return WalkState::ended;
    ended_at_ = walk.visits;
  }
  const bool has_room = !exhausted && goal_->has_room(plan_, needed, walk.visits);
  const auto allowed = (uint32_t)std::min<size_t>(passing.size(), goal_->k());
  if (!goal_->goes_on({rank, allowed, barred, walk.visits, before_, next_look_, has_room})) return WalkState::lost;
  if (!has_room) {
    anew_ = goal_->wider(plan_, needed);
    return WalkState::lost;
  }
  if (at_end) walk.width = (uint32_t)std::ceil(needed);
  return WalkState::going;
}

// Most of what was found cannot be nearer than what is wanted, whatever codes err, and need not be put in order. How many are left.
size_t BlockWalk::drop_hopeless(std::vector<uint64_t>& found, uint32_t wanted) const {
  const auto last = found.begin() + (wanted - 1);
  std::nth_element(found.begin(), last, found.end());
  float coarsest = 1;
  for (const uint64_t x : found) coarsest = std::max(coarsest, rows_.terms[(uint32_t)x].ratio);
  const float limit = grid_.surely_farther(distance_of(*last), coarsest, rows_.dims);
  const auto end = std::partition(last + 1, found.end(), [&](uint64_t x) { return distance_of(x) <= limit; });
  return (size_t)(end - found.begin());
}

bool BlockWalk::collect(uint32_t wanted) {
  PackedWalk& walk = state();
  const Pool &found = walk.found, &known = walk.known;
  std::vector<uint64_t>& nearest = scratch_.sortable;
  nearest.clear();
  for (uint32_t i = 0; i < found.size; ++i) nearest.push_back(sortable(found.distance[i], found.row[i]));
  // Rows that only looked farther away than they are.
  float limit = std::numeric_limits<float>::infinity();
  if (wanted && nearest.size() >= wanted) {
    std::nth_element(nearest.begin(), nearest.begin() + (wanted - 1), nearest.end());
    limit = distance_of(nearest[wanted - 1]) * look_factor(rows_.dims);
  }
  std::vector<uint32_t>& numbers = scratch_.numbers;
  numbers.clear();
  for (uint32_t i = 0; i < known.size; ++i)
    if (std::isfinite(known.open[i]) && known.open[i] <= limit && passes(walk.passing, known.row[i])) numbers.push_back(known.row[i]);
  scratch_.distances.resize(numbers.size());
  table_.graph.distances(&query_, &rows_, numbers.data(), (uint32_t)numbers.size(), scratch_.distances.data());
  walk.distances += (uint32_t)numbers.size();
  for (size_t i = 0; i < numbers.size(); ++i) nearest.push_back(sortable(scratch_.distances[i], numbers[i]));
  if (nearest.size() < wanted) return false;
  if (wanted) nearest.resize(drop_hopeless(nearest, wanted));
  std::sort(nearest.begin(), nearest.end());
  const size_t count = std::min<size_t>(nearest.size(), std::max(most_, wanted));
  scratch_.numbers.resize(count);
  scratch_.distances.resize(count);
  for (size_t i = 0; i < count; ++i) {
    scratch_.distances[i] = distance_of(nearest[i]);
    scratch_.numbers[i] = (uint32_t)nearest[i];
  }
  return true;
}

}  // namespace elanus
