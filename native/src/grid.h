// The grid: rows of any metric become points of one Euclidean space, rounded to one byte a dimension.
//
//   row --metric--> point --minus mean--> centred --rotate--> spread --divide by step, shift, round--> codes in [-127, 127]
//
//   L2      the row itself
//   COSINE  the row divided by its length                                  |q - x|² = 2 - 2 cos
//   IP      one dimension more, sqrt(M² - |x|²), M the greatest length;    |q - x|² = c² |q|² + M² - 2 c q·x
//           the query times c, which gives it a typical length (Bachrach et al., RecSys 2014)
//
// So graphs know squared distances of codes only, and one affine map leads back to the metric. The step covers 4.5 deviations of all
// coordinates; a row that reaches farther has coarser codes, by a ratio of its own; a query always has its own, and so have rows of
// HNSW_SQ. Each coordinate's grid is shifted by a part of a step of its own: few dimensions are spread over 64, and their codes then
// round at 64 different places.
//
// A row of length zero has no direction. Under COSINE it gets no place in the graph; its score is known to be 0.
//
// Always true: the same rows and seed give the same codes on every machine; lengths and means are sums of doubles in one order.
#pragma once
#include <cmath>
#include <vector>
#include "dispatch.h"
#include "memory.h"

namespace elanus {

struct GridState {
  Metric metric = Metric::l2;
  uint32_t dimension = 0;
  float step = 1;
  float longest = 0, typical = 1;   // of lengths of rows, for IP
  uint64_t seed = 0;
};

// A query on the grid. Score as key (smaller is better) = scale * squared grid distance + shift.
struct GridQuery {
  CodeQuery codes;
  float scale, shift;
  float ratio;   // the query's own step in steps of the grid

  // Beyond it no row of such codes is nearer than one at this distance by codes: twice three deviations of the errors of rounding, and twice their mean.
  float surely_farther(float distance, float row_ratio, uint32_t dims) const {
    const float noise = (row_ratio * row_ratio + ratio * ratio) / 12;
    return distance + 12 * std::sqrt(noise * distance) + noise * (2 * (float)dims + 36);
  }
};

// Steps of codes, in steps of the grid: that of nearly all rows, and the finest that a query or a row may have of its own.
constexpr float usual_step = 1, finest_step = 1e-3f;

class Grid {
 public:
  Grid() = default;
  Grid(const GridState& state, std::vector<float> mean);

  static uint32_t dims_of(Metric metric, uint32_t dimension);   // of codes: a multiple of 64
  static double length_of(const float* values, uint32_t count);
  static bool has_no_direction(double length) { return length < 1e-19; }   // its square is 0 as a float

  const GridState& state() const { return state_; }
  uint32_t dims() const { return dims_; }
  const std::vector<float>& mean() const { return mean_; }
  uint64_t bytes() const { return (mean_.size() + signs_.size() + shifts_.size()) * sizeof(float); }
  void set_lengths(float longest, float typical);
  void set_mean(std::vector<float> mean) { mean_ = std::move(mean); }
  void set_step(double mean_square, float most);   // of rotated coordinates

  // `work` has room for `dims` floats. False for a row without direction under COSINE; then nothing is written.
  bool centred(const float* row, float* work) const;
  bool rotated(const float* row, float* work) const;
  // `least`: the step that its codes have where the row leaves room for a finer one.
  bool encode(const float* row, float least, float* work, int8_t* codes, CodeTerms* terms) const;
  GridQuery encode_query(const float* query, float* work, int8_t* codes) const;

 private:
  void place(const float* row, double factor, float extra, float* work) const;

  GridState state_;
  uint32_t dims_ = 0;
  std::vector<float> mean_, signs_, shifts_;
};

}  // namespace elanus
