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
#include <cmath>
#include <cstdint>

namespace elanus {

struct WalkPlan {
  uint32_t width = 0;   // visited rows, nearer than all others, that are wanted
  uint32_t known = 0;   // rows that are kept in mind, at least
};

enum class WalkState { going, ended, lost };   // lost: what is near is barred, so that this walk is not wide enough

constexpr uint32_t first_look = 8;   // visits before a filter is judged, at least; then at so many times as many as a look is worth

// In nanoseconds, of which only the ratios matter.
struct WalkCosts {
  double begin;    // a query's first walk: what it needs is in no cache yet
  double early;    // a visit among the first, when hardly anything is so near that others need not be looked at
  double visits;   // not in time: for each row of the width
  double row;      // of the width
  double crowd;    // and for each row of the width once more: what is kept in mind is looked through at every visit
  double scan;     // of the codes of all allowed rows
  double reach;    // not in time: how many rows are kept in mind for each that is wanted
  double widest;   // not in time: how many rows can be kept in mind
  double looks;    // not in time: how many times as many visits there are at the next look
};

// What a walk knows of the filter when it looks.
struct WalkSight {
  double rank;                // R, by the rows that it knows
  uint32_t allowed, barred;   // of those rows: allowed ones up to k, and barred ones that are nearer than the first of them
  uint32_t visits, before;    // of this walk, and of those that the query began before
  uint32_t next_look;         // how many visits it will have made then
  bool has_room;              // else it would begin anew
};

class WalkGoal {
 public:
  WalkGoal(double width, double spread, uint32_t k, double share, const WalkCosts& costs)
      : costs_(costs), width_(width), spread_(spread), share_(share), k_(k) {}

  uint32_t k() const { return k_; }
  // Nothing is lost before half of what may be spent for nothing has been, and looks cost as much as visits.
  uint32_t visits_before_look() const { return (uint32_t)std::max<double>(first_look, (vain_part / 2 * costs_.scan - costs_.begin) / costs_.early); }
  uint32_t next_look(uint32_t visits) const { return (uint32_t)std::ceil(visits * costs_.looks); }
  // R, or what it is at least, when of `known` rows fewer than k are allowed.
  double rank_beyond(uint32_t known, uint32_t allowed) const { return known + (k_ - allowed) / share_; }
  double needed(double rank) const {
    const double far = std::clamp(rank * share_ / k_ - far_rank, 0.0, 1.0);
    return width_ + spread_ * (1 + (far_spread - 1) * far) * std::max(0.0, rank - k_);
  }

  // With a filter a walk is begun where chance has to be mistaken by far before a scan were cheaper, counting what is lost where it bars what is near;
  // without one nothing is left to chance.
  bool is_worth_it(bool is_filtered) const {
    const double vain = is_filtered ? spent(found_out) : 0;
    return vain <= most_vain * costs_.scan && cost_of(needed(k_ / share_)) + vain <= (share_ < 1 ? worth : 1) * costs_.scan;
  }
  // Whether to go on rather than scan: whether what is left of the way is so much cheaper than a scan as what is known of it can be trusted. Little is
  // spent before all allowed rows would cost a tenth more than their scan; beyond, only those go on that have their end in sight.
  bool goes_on(const WalkSight& seen) const {
    const double needed = expected(seen), gone = seen.visits / costs_.visits, rest = cost_of(needed) - (seen.has_room ? cost_of(gone) : 0);
    if (costs_.reach * needed > costs_.widest) return false;
    const double vain = vain_part * costs_.scan;
    const uint32_t visits = seen.before + seen.visits;
    if (spent(seen.before + seen.next_look) <= vain) return rest <= affordable * costs_.scan;
    if (seen.allowed < k_ && seen.barred * share_ > no_chance) return false;
    const bool is_late = visits > first_look && spent(visits) > 2 * vain;   // what was spent is lost either way
    return rest <= (is_unlucky(seen.rank) && !is_late ? sure : likely) * costs_.scan;
  }

  WalkPlan everywhere() const { return {(uint32_t)width_, (uint32_t)width_}; }
  WalkPlan among() const {
    const double expected = needed(k_ / share_);
    return {first_width(expected), (uint32_t)std::min(slack * costs_.reach * expected, costs_.widest)};
  }
  // Who has gone most of the way makes do with less: to begin anew would cost more than that finds.
  bool has_room(const WalkPlan& plan, double needed, uint32_t visits) const {
    return costs_.reach * needed <= (visits > needed ? late_room : 1) * plan.known;
  }
  // For what turned out to be needed, beginning anew; no width if so many rows cannot be kept in mind.
  WalkPlan wider(const WalkPlan& before, double needed) const {
    const double known = std::max(far_reach * costs_.reach * needed, 2.0 * before.known);
    if (known > costs_.widest) return {};
    return {first_width(needed), (uint32_t)known};
  }

 private:
  // Measured. The rows that are kept in mind matter as much as those that are visited, since estimates err. Where the filter bars what is near,
  // the rows behind that are many at nearly the same distance, or in clusters to which few edges lead.
  static constexpr double slack = 1.4;
  static constexpr double far_rank = 2, far_spread = 2.7, far_reach = 1.6, late_room = 1.25;
  // Of a scan: what a walk may be expected to cost, what is left of it when it looks, and what may be spent for nothing.
  static constexpr double worth = 0.7, affordable = 0.9, likely = 0.75, sure = 0.5, vain_part = 0.065, most_vain = 0.12;
  static constexpr uint32_t found_out = 12;   // visits, on average, where the filter bars what is near
  static constexpr double no_chance = 4, no_luck = 1.5, first_growth = 8;

  bool is_unlucky(double rank) const { return rank > no_luck * k_ / share_; }
  double spent(uint32_t visits) const { return costs_.begin + visits * costs_.early; }
  // Who bars more than chance does bars what is near, and a walk that has not gone far knows only some of that.
  double expected(const WalkSight& seen) const { return needed(seen.rank * (is_unlucky(seen.rank) ? 1 + first_growth / seen.visits : 1)); }
  double cost_of(double needed) const { return needed * (costs_.row + costs_.crowd * needed); }
  uint32_t first_width(double needed) const { return (uint32_t)std::max(width_, 0.8 * needed); }

  const WalkCosts costs_;
  const double width_, spread_, share_;
  const uint32_t k_;
};

}  // namespace elanus
