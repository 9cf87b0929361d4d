// How far a walk goes. Without a filter until `width` rows were visited that are nearer than all that are left.
//
// With a filter the k-th allowed row is not the k-th nearest row but, of all, the R-th: about k/s where a share s is allowed at random, more where the
// filter bars what is near. A walk finds the R-th nearest about as surely as others if it goes some way beyond it:
//
//   needed(R) = width + spread (R - k)
//
// R is read off the rows that the walk knows, which are those around the query, from time to time and at its end. So a walk ends when it
// has gone far enough for the filter as it is here, and gives up when that costs more than a scan, however the filter and the query relate.
//
// Always true: with no filter R is k; a walk that is not enough has at least doubled when it is given up or begun anew.
#pragma once
#include <algorithm>
#include <cstdint>

namespace elanus {

struct WalkPlan {
  uint32_t width = 0;   // visited rows, nearer than all others, that are wanted
  uint32_t known = 0;   // rows that are kept in mind, at least
};

constexpr uint32_t first_look = 32;   // visits before a filter is judged; then whenever they have doubled

// In nanoseconds, of which only the ratios matter.
struct WalkCosts {
  double row;      // of the width
  double crowd;    // and for each row of the width once more: what is kept in mind is looked through at every visit
  double scan;     // of the codes of all allowed rows
  double widest;   // not in time: how many rows can be kept in mind
};

class WalkGoal {
 public:
  WalkGoal(double width, double spread, uint32_t k, double share, const WalkCosts& costs)
      : costs_(costs), width_(width), spread_(spread), share_(share), k_(k) {}

  uint32_t k() const { return k_; }
  // R, or what it is at least, when of `known` rows fewer than k are allowed.
  double rank_beyond(uint32_t known, uint32_t allowed) const { return known + (k_ - allowed) / share_; }
  double needed(double rank) const {
    const double spread = rank > far_rank * k_ / share_ ? far_spread * spread_ : spread_;
    return width_ + spread * std::max(0.0, rank - k_);
  }

  // With a filter a walk is begun where chance has to be mistaken by far before a scan were cheaper; without one nothing is left to chance.
  bool is_worth_it() const { return cost_of(needed(k_ / share_)) <= (share_ < 1 ? 0.6 : 1) * costs_.scan; }
  bool is_affordable(double needed) const { return cost_of(needed) <= costs_.scan && reach * needed <= costs_.widest; }

  WalkPlan everywhere() const { return {(uint32_t)width_, (uint32_t)width_}; }
  WalkPlan among() const {
    const double expected = needed(k_ / share_);
    return {first_width(expected), (uint32_t)std::min(slack * reach * expected, costs_.widest)};
  }
  bool has_room(const WalkPlan& plan, double needed) const { return reach * needed <= plan.known; }
  // For what turned out to be needed, beginning anew; no width if a scan seems the better choice.
  WalkPlan wider(const WalkPlan& before, double needed) const {
    const double known = std::max(far_reach * needed, 2.0 * before.known);
    if (cost_of(needed) > 0.5 * costs_.scan || known > costs_.widest) return {};
    return {first_width(needed), (uint32_t)known};
  }

 private:
  // Measured. The rows that are kept in mind matter as much as those that are visited, since estimates err. Where the filter bars what is near,
  // the rows behind that are many at nearly the same distance, or in clusters to which few edges lead.
  static constexpr double reach = 2.5, slack = 1.4;
  static constexpr double far_rank = 3, far_spread = 2.7, far_reach = 4;

  double cost_of(double needed) const { return needed * (costs_.row + costs_.crowd * needed); }
  uint32_t first_width(double needed) const { return (uint32_t)std::max(width_, 0.8 * needed); }

  const WalkCosts costs_;
  const double width_, spread_, share_;
  const uint32_t k_;
};

}  // namespace elanus
