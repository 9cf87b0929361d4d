// Puts the rows of a graph into clusters, in pieces.
//
//   centres (k-means over a sample) -> groups (k-means over the centres) -> assign
//
// There are about twice the root of the rows. To look at all of them for every row would take a twentieth of a graph's build; so a row looks at
// the centres of the groups that are nearest to it: a tenth of the looks, and nearly the same clusters.
//
// Always true: the same codes and seed give the same clusters, whatever the number of threads and the instruction set.
#pragma once
#include <memory>
#include "row_clusters.h"

namespace elanus {

class RowClustering {
 public:
  // `rows` with `count` rows stay where they are until the end.
  RowClustering(const CodeRows& rows, uint32_t count, uint64_t seed);

  uint64_t begin();   // the pieces of the first phase
  void work(uint64_t piece, Scratch& s);
  uint64_t next();    // the pieces of the next phase; 0: the clusters are made
  RowClusters& clusters() { return clusters_; }

 private:
  enum class Phase { centres, groups, assign };
  uint64_t rows_of_piece() const;
  uint64_t begin_groups();
  uint64_t begin_assigning();
  void assign(uint32_t row, Scratch& s);
  void gather();

  const CodeRows rows_;
  const uint32_t count_;
  const uint64_t seed_;
  Phase phase_ = Phase::centres;
  std::unique_ptr<Clustering> clustering_;
  RowClusters clusters_;
  Centres groups_;
  std::vector<uint32_t> group_starts_, group_centres_;
  std::vector<uint32_t> cluster_of_;
  std::vector<float> distance_of_;
};

}  // namespace elanus
