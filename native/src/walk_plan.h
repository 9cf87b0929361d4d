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

enum class WalkState { going, ended, lost };   // lost: what is near is barred, so that this walk is not wide enough

constexpr uint32_t first_look = 16;   // visits before a filter is judged; then whenever they have doubled

// In nanoseconds, of which only the ratios matter.
struct WalkCosts {
  double visit;
  double row;      // of the width
  double crowd;    // and for each row of the width once more: what is kept in mind is looked through at every visit
  double scan;     // of the codes of all allowed rows
  double reach;    // not in time: how many rows are kept in mind for each that is wanted
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
  bool is_worth_it() const { return cost_of(needed(k_ / share_)) <= (share_ < 1 ? worth : 1) * costs_.scan; }
  bool is_affordable(double needed) const { return cost_of(needed) <= affordable * costs_.scan && costs_.reach * needed <= costs_.widest; }
  // Whether it is time to scan: so many of the nearest rows that are known, and all of them barred, are no chance. While what was spent is little
  // beside a scan it may still come to where the filter ends.
  bool is_hopeless(uint32_t barred, uint32_t next_look) const { return barred * share_ > no_chance && next_look * costs_.visit > vain_part * costs_.scan; }

  WalkPlan everywhere() const { return {(uint32_t)width_, (uint32_t)width_}; }
  WalkPlan among() const {
    const double expected = needed(k_ / share_);
    return {first_width(expected), (uint32_t)std::min(slack * costs_.reach * expected, costs_.widest)};
  }
  bool has_room(const WalkPlan& plan, double needed) const { return costs_.reach * needed <= plan.known; }
  // For what turned out to be needed, beginning anew; no width if a scan seems the better choice.
  WalkPlan wider(const WalkPlan& before, double needed) const {
    const double known = std::max(far_reach * costs_.reach * needed, 2.0 * before.known);
    if (cost_of(needed) > 0.35 * costs_.scan || known > costs_.widest) return {};
    return {first_width(needed), (uint32_t)known};
  }

 private:
  // Measured. The rows that are kept in mind matter as much as those that are visited, since estimates err. Where the filter bars what is near,
  // the rows behind that are many at nearly the same distance, or in clusters to which few edges lead.
  static constexpr double slack = 1.4;
  static constexpr double far_rank = 3, far_spread = 2.7, far_reach = 1.6;
  static constexpr double worth = 0.65, affordable = 0.6, vain_part = 0.05, no_chance = 4;

  double cost_of(double needed) const { return needed * (costs_.row + costs_.crowd * needed); }
  uint32_t first_width(double needed) const { return (uint32_t)std::max(width_, 0.8 * needed); }

  const WalkCosts costs_;
  const double width_, spread_, share_;
  const uint32_t k_;
};

}  // namespace elanus
