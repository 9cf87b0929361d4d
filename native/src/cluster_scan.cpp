#include "cluster_scan.h"
#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include "search_costs.h"

namespace elanus {

namespace {

constexpr float infinity = std::numeric_limits<float>::infinity();

// Nanoseconds, as in search_costs.h.
constexpr double member_cost = 1.5;   // to be read, and its bit looked at
double centre_cost(uint32_t dims) { return 10 + 0.03 * dims; }
constexpr double shape_cost = 40;     // of a cluster: what it may hold, and its place in two plans

constexpr uint32_t first_part = 64, least_first = 4;   // of the clusters
constexpr double directions = 2;                       // variance along a direction, in those of directions at random
constexpr uint32_t least_block = 256;                  // rows that are handed out at once
constexpr uint32_t least_part = 16;                    // of the clusters are scanned, however few are likely: the model knows less of those that are near
constexpr uint32_t least_half = 16;                    // clusters: fewer are not cut in two
constexpr double blind_part = 0.1;                     // of what is done otherwise: what may be spent until there are k rows
constexpr double worth = 0.5;                          // of what is done otherwise: what the first plan may cost, which the next ones cut down
constexpr uint32_t fetched_members = 256;              // of the cluster that comes next
constexpr float least_variance = 1e-12f;
constexpr uint64_t trusted_members = 1000;

constexpr uint32_t classes = 64, class_of_one = 32;

// By the power of two; 0 is for what is too little to matter.
uint8_t class_of(float likely) {
  uint32_t bits;
  std::memcpy(&bits, &likely, sizeof bits);
  const int exponent = (int)(bits >> 23) - 127 + (int)class_of_one;
  return (uint8_t)std::clamp(exponent, 0, (int)classes - 1);
}

// How likely a Gaussian number is beyond so many deviations.
class Tail {
 public:
  Tail() {
    for (uint32_t i = 0; i < values_.size(); ++i) values_[i] = (float)(0.5 * std::erfc(((double)i / per_deviation - most) / std::sqrt(2.0)));
  }
  float beyond(float deviations) const {
    if (!(deviations > -most)) return 1;
    if (deviations >= most) return 0;
    return values_[(uint32_t)((deviations + most) * per_deviation)];
  }

 private:
  static constexpr int most = 6, per_deviation = 32;
  std::array<float, 2 * most * per_deviation> values_;
};

const Tail tail;

}  // namespace

double ClusterScan::first_cost(const Index& index) {
  const double clusters = index.clusters.count();
  return clusters * (centre_cost(index.grid.dims()) + shape_cost) + (double)index.row_count / first_part * member_cost;
}

ClusterScan::ClusterScan(const Index& index, const CodeQuery& query, const uint8_t* allowed, uint32_t k, double share, double missed, double otherwise,
                         Scratch& scratch)
    : clusters_(index.clusters), allowed_(allowed), k_(k), share_(share), missed_(missed), row_cost_(code_cost(index, 0)), otherwise_(otherwise), s_(scratch),
      best_(k, infinity), expected_(clusters_.count()), narrowness_(clusters_.count()), class_of_(clusters_.count()) {
  const float spread = (float)(4 * directions / index.grid.state().dimension);
  clusters_.centres.distances(query, s_);
  const ClusterShape* shapes = clusters_.shapes.data();
  for (uint32_t c = 0; c < clusters_.count(); ++c) {
    const float from_centre = s_.distances[c] > 0 ? s_.distances[c] : 0;
    expected_[c] = from_centre + shapes[c].mean;
    narrowness_[c] = 1 / std::sqrt(shapes[c].deviation * shapes[c].deviation + spread * from_centre * shapes[c].mean + least_variance);
  }
  plan_nearest(std::max(least_first, clusters_.count() / first_part));
}

bool ClusterScan::next() {
  std::vector<uint32_t>& rows = s_.numbers;
  rows.clear();
  while (rows.size() < least_block) {
    if (at_ == end_ && (!rows.empty() || !plan())) break;
    const uint32_t c = order_[at_++].second, first = clusters_.first(c), count = clusters_.last(c) - first;
    const uint32_t* members = clusters_.members.data() + first;
    if (at_ < end_)
      for (uint32_t i = 0; i < fetched_members; i += 16) __builtin_prefetch(clusters_.members.data() + clusters_.first(order_[at_].second) + i);
    const size_t before = rows.size();
    rows.resize(before + count);
    uint32_t* to = rows.data() + before;
    for (uint32_t i = 0; i < count; ++i) {
      *to = members[i];
      to += allowed_[members[i] >> 3] >> (members[i] & 7) & 1;
    }
    rows.resize((size_t)(to - rows.data()));
    expected_[c] = infinity;
    ++scanned_;
    members_ += count;
  }
  found_ += rows.size();
  return !rows.empty();
}

void ClusterScan::saw() {
  for (size_t i = 0; i < s_.numbers.size(); ++i)
    if (s_.distances[i] <= best_.bound()) best_.add({s_.distances[i], 0, s_.numbers[i]});
}

// False when nothing is left that is worth a look, or this is not worth it.
bool ClusterScan::plan() {
  if (scanned_ == clusters_.count()) return false;
  const std::vector<Hit>& best = best_.sorted();
  if (best.size() == k_) return plan_likely(best.back().key);
  const bool is_dear = !is_planned_ && (double)members_ * member_cost + (double)found_ * row_cost_ > blind_part * otherwise_;
  if (!is_dear) plan_nearest(scanned_);
  has_given_up_ = is_dear || at_ == end_;
  return !has_given_up_;
}

void ClusterScan::plan_nearest(uint32_t count) {
  order_.clear();
  for (uint32_t c = 0; c < clusters_.count(); ++c)
    if (expected_[c] < infinity) order_.push_back({expected_[c] - clusters_.shapes[c].mean, c});
  at_ = 0;
  end_ = std::min<size_t>(count, order_.size());
  std::nth_element(order_.begin(), order_.begin() + (ptrdiff_t)(end_ - (end_ == order_.size() && end_)), order_.end());
}

bool ClusterScan::plan_likely(float limit) {
  // The share of allowed rows where it scanned last: it may change as it goes away from the query.
  const uint64_t members = members_ - members_before_;
  const double here = members < trusted_members ? 0 : (double)(found_ - found_before_) / (double)members, share = std::max(share_, here);
  if (members >= trusted_members) {
    members_before_ = members_;
    found_before_ = found_;
  }
  // Clusters by how many of their members it may be, in powers of two: an order that costs no sorting.
  struct Class {
    double likely = 0;
    uint64_t members = 0;
    uint32_t clusters = 0, at = 0;
  };
  std::array<Class, classes> all;
  double left = 0;
  for (uint32_t c = 0; c < clusters_.count(); ++c) {
    const uint32_t members = clusters_.last(c) - clusters_.first(c);
    const float likely = expected_[c] < infinity ? tail.beyond((expected_[c] - limit) * narrowness_[c]) * (float)members : 0;
    class_of_[c] = class_of(likely);
    Class& own = all[class_of_[c]];
    own.likely += likely;
    own.members += members;
    ++own.clusters;
    left += likely;
  }
  uint32_t wanted = 0, last = classes - 1;   // clusters; the least class of them
  uint64_t wanted_members = 0;
  for (uint32_t i = classes - 1; i > 0 && (left * share > missed_ || scanned_ + wanted < clusters_.count() / least_part); --i) {
    left -= all[i].likely;
    all[i].at = wanted;
    wanted += all[i].clusters;
    wanted_members += all[i].members;
    last = i;
  }
  if (!is_planned_ && (double)wanted_members * (member_cost + share * row_cost_) > worth * otherwise_) {
    has_given_up_ = true;
    return false;
  }
  order_.resize(wanted);
  if (wanted)
    for (uint32_t c = 0; c < clusters_.count(); ++c)
      if (class_of_[c] >= last) order_[all[class_of_[c]].at++] = {0, c};
  is_planned_ = true;
  at_ = 0;
  end_ = wanted > least_half ? wanted / 2 : wanted;
  return wanted > 0;
}

}  // namespace elanus
