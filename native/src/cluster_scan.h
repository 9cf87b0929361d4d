// A scan under a filter of the clusters that are near, cluster by cluster, until what is left is unlikely to hold anything better.
//
//   first    the few nearest clusters: gives the distance of the k-th best
//   plan     for every other cluster: how many of its members may be nearer than that? The likeliest go first, until the rest holds less
//            than a few thousandths of k rows; half of them are scanned, then it is planned anew
//
// The distance of a member x from the query q is |q - c|² + |x - c|² - 2 (q - c)(x - c), where c is the centre. The second term's mean and
// deviation over the cluster are known; the third is taken for Gaussian, with twice the variance of directions at random: clusters are
// longer than that in some directions, but who is nearest to a query does not lie at the end of the longest one. (Measured: 3.5 to 3.7
// times for all members near a query; with four times ten times the rows are scanned for a recall of 1.000.)
//
// Always true: it gives up, before it has cost a tenth of what it was to be cheaper than, or as soon as its plan says that it is not.
#pragma once
#include "index.h"
#include "topk.h"

namespace elanus {

class ClusterScan {
 public:
  // `otherwise`: nanoseconds of what is done if this is not. `missed`: rows that may be missed.
  ClusterScan(const Index& index, const CodeQuery& query, const uint8_t* allowed, uint32_t k, double share, double missed, double otherwise, Scratch& scratch);

  // What it takes to know how much it will take.
  static double first_cost(const Index& index);

  // Some allowed rows into scratch.numbers; false at the end.
  bool next();
  // The distances of those are in scratch.distances.
  void saw();
  bool has_given_up() const { return has_given_up_; }

 private:
  bool plan();
  void plan_nearest(uint32_t count);
  bool plan_likely(float limit);

  const RowClusters& clusters_;
  const uint8_t* allowed_;
  const uint32_t k_;
  const double share_, missed_, row_cost_, otherwise_;
  Scratch& s_;
  TopK best_;
  uint64_t found_ = 0;               // allowed rows
  std::vector<float> expected_;      // of a member's distance, for each cluster; +inf: scanned
  std::vector<float> narrowness_;    // one by its deviation
  std::vector<uint8_t> class_of_;
  std::vector<std::pair<float, uint32_t>> order_;
  size_t at_ = 0, end_ = 0;          // of `order_`: what is scanned before it is planned anew
  uint32_t scanned_ = 0;             // clusters
  uint64_t members_ = 0, members_before_ = 0, found_before_ = 0;
  bool is_planned_ = false, has_given_up_ = false;
};

}  // namespace elanus
