// The rows of a graph in clusters: what a search under a filter scans where neither a walk nor a scan of all allowed rows is cheap
// (cluster_scan.h).
//
//   members   every row once, by cluster, ascending in each; cluster c has those from first(c) to last(c)
//
// Made of codes alone, so the same codes give the same clusters. A row is in the nearest cluster of those that were looked at,
// which are not all (row_clustering.h).
#pragma once
#include "clustering.h"

namespace elanus {

struct ClusterShape {
  float mean, deviation;   // of the squared distances of members from the centre
  uint32_t first;          // its first member's place
};

struct RowClusters {
  Centres centres;
  Buffer<ClusterShape> shapes;
  Buffer<uint32_t> members;

  uint32_t count() const { return (uint32_t)shapes.size(); }
  uint32_t first(uint32_t cluster) const { return shapes[cluster].first; }
  uint32_t last(uint32_t cluster) const { return cluster + 1 < count() ? shapes[cluster + 1].first : (uint32_t)members.size(); }
  uint64_t bytes() const { return centres.codes.bytes() + centres.terms.bytes() + centres.all.size() * sizeof(uint32_t) + shapes.bytes() + members.bytes(); }
};

}  // namespace elanus
