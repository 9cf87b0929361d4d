#include "block_walk.h"
#include <algorithm>
#include <cmath>

namespace elanus {

namespace {

constexpr uint32_t widest = 16384;         // of a walk under a filter
constexpr uint32_t least_watched = 48;     // visits before a filter is judged
constexpr double expected_by_then = 12;    // allowed rows among them, if filter and query have nothing to do with each other

// Visits of a walk without a filter, in widths; twice the width is usual. Where many rows are as far from the query as the width reaches, such as
// all of a tight cluster, there is always another that looks nearer than it is, and hardly any of them is found in the end.
constexpr double most_over_width = 2.5;

// More that only looked farther away are looked at in the end.
double margin_factor(uint32_t dims) { return 1 + 8 / std::sqrt(dims); }

}  // namespace

double BlockWalk::width_factor(uint32_t dims) { return std::max(1.0, 192.0 / dims); }

BlockWalk::BlockWalk(const Index& index, const GridQuery& query, const float* point, Scratch& scratch)
    : index_(index), scratch_(scratch), table_(table()), query_(query.codes), rows_(index.code_rows()), blocks_(index.neighbour_blocks()) {
  table_.graph.sign_sums(point, rows_.dims, scratch.packed.sign_table(rows_.dims), &sums_);
}

void BlockWalk::begin(uint32_t width, uint32_t most, const uint8_t* allowed, uint64_t allowed_count) {
  share_ = allowed ? (double)allowed_count / index_.row_count : 1;
  const double wide = width * width_factor(rows_.dims), expected = wide / share_;
  const double visited = allowed ? std::clamp(1.3 * expected, wide, std::max(wide, (double)widest)) : wide;
  most_visits_ = allowed ? (uint64_t)std::max(3 * expected, 64.0) : (uint64_t)(most_over_width * visited);
  watched_ = allowed ? std::max(least_watched, (uint32_t)(expected_by_then / share_)) : 0;
  most_ = most;
  is_cut_ = false;
  scratch_.packed.begin(index_.row_count, (uint32_t)(visited * margin_factor(rows_.dims)), std::max((uint32_t)visited, most));
  state().width = (uint32_t)visited;
  state().allowed = allowed;
  table_.graph.begin_packed(&state(), &rows_, &query_, index_.entries.data(), (uint32_t)index_.entries.size());
}

BlockWalk::State BlockWalk::step() {
  PackedWalk& walk = state();
  if (!table_.graph.step_packed(&walk, &blocks_, &rows_, &query_, &sums_)) return State::ended;
  if (walk.visits >= most_visits_) {
    // Rows that only look near keep it from ending by itself. It has met as many allowed rows as chance brings: the filter bars nothing here.
    is_cut_ = true;
    return !walk.allowed || walk.met >= share_ * walk.visits / 2 ? State::ended : State::lost;
  }
  if (watched_ && walk.visits == watched_ && walk.met < share_ * walk.visits / 4) return State::lost;
  return State::going;
}

bool BlockWalk::collect(uint32_t wanted) {
  PackedWalk& walk = state();
  const Pool &found = walk.found, &known = walk.known;
  std::vector<std::pair<float, uint32_t>>& nearest = scratch_.pairs;
  nearest.resize(found.size);
  for (uint32_t i = 0; i < found.size; ++i) nearest[i] = {found.distance[i], found.row[i]};
  // Rows that only looked farther away than they are.
  std::vector<uint32_t>& numbers = scratch_.numbers;
  numbers.clear();
  for (uint32_t i = 0; i < known.size; ++i)
    if (std::isfinite(known.open[i]) && (!walk.allowed || (walk.allowed[known.row[i] >> 3] >> (known.row[i] & 7) & 1))) numbers.push_back(known.row[i]);
  scratch_.distances.resize(numbers.size());
  table_.graph.distances(&query_, &rows_, numbers.data(), (uint32_t)numbers.size(), scratch_.distances.data());
  walk.distances += (uint32_t)numbers.size();
  for (size_t i = 0; i < numbers.size(); ++i) nearest.push_back({scratch_.distances[i], numbers[i]});
  const size_t count = std::min<size_t>(nearest.size(), std::max(most_, wanted));
  std::partial_sort(nearest.begin(), nearest.begin() + (ptrdiff_t)count, nearest.end());
  if (count < wanted || (walk.allowed && wanted && !is_cut_ && nearest[wanted - 1].first > walk.radius)) return false;
  scratch_.numbers.resize(count);
  scratch_.distances.resize(count);
  for (size_t i = 0; i < count; ++i) {
    scratch_.distances[i] = nearest[i].first;
    scratch_.numbers[i] = nearest[i].second;
  }
  return true;
}

}  // namespace elanus
