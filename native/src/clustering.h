// k-means over rows of codes: Lloyd's rounds over a sample, in pieces.
//
//   assign (pieces of the sample) -> update (pieces of clusters) -> assign -> ...
//
// A centre is a mean of members, rounded to codes with a step of its own, as queries are; so all distances are those of codes.
//
// Always true: the same codes, sample and seed give the same centres, whatever the number of threads and the instruction set: a mean
// adds its members in ascending order, in doubles. No centre is without a row of the sample if there are as many different rows.
#pragma once
#include <vector>
#include "grid.h"
#include "scratch.h"

namespace elanus {

// Rows of codes that points are compared with.
struct Centres {
  Buffer<int8_t> codes;
  Buffer<CodeTerms> terms;
  std::vector<uint32_t> all;   // 0, 1, ...
  uint32_t dims = 0;

  uint32_t count() const { return (uint32_t)all.size(); }
  CodeRows rows() const { return {codes.data(), terms.data(), dims}; }
  void resize(uint32_t count, uint32_t dims, Owner owner);
  // Into scratch.distances.
  void distances(const CodeQuery& point, Scratch& s) const;
  uint32_t nearest(const CodeQuery& point, Scratch& s, float* distance = nullptr) const;   // the first of equals
};

inline CodeQuery point_of(const CodeRows& rows, uint32_t row) { return {rows.codes + (size_t)row * rows.dims, rows.terms[row].norm, 2 * rows.terms[row].ratio}; }

class Clustering {
 public:
  // `sample` are row numbers; at least as many as clusters.
  Clustering(const CodeRows& rows, std::vector<uint32_t> sample, uint32_t clusters, uint64_t seed, uint32_t rounds = 10);

  uint64_t begin();   // the pieces of the first phase
  void work(uint64_t piece, Scratch& s);
  uint64_t next();    // the pieces of the next phase; 0: the centres are made
  double share() const { return (double)round_ / rounds_; }
  Centres& centres() { return centres_; }

 private:
  enum class Phase { assign, update };
  void set_centre(uint32_t cluster, const float* values);
  void take_row(uint32_t cluster, uint32_t row);
  void sort_members();

  const CodeRows rows_;
  const std::vector<uint32_t> sample_;
  const uint32_t rounds_;
  Phase phase_ = Phase::assign;
  uint32_t round_ = 0;
  Centres centres_;
  std::vector<uint32_t> cluster_of_, starts_, members_;   // of the sample's places
  std::vector<float> distance_of_;
};

}  // namespace elanus
