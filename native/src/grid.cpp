#include "grid.h"
#include <algorithm>
#include <cmath>
#include "random.h"

namespace elanus {

namespace {

constexpr float deviations = 4.5f;   // what the grid covers of the rotated coordinates, which are nearly Gaussian

bool usable(float step) { return std::isfinite(step) && step > 0 && std::isfinite(1 / step); }

}  // namespace

Grid::Grid(const GridState& state, std::vector<float> mean)
    : state_(state), dims_(dims_of(state.metric, state.dimension)), mean_(std::move(mean)), signs_((size_t)4 * dims_), shifts_(dims_) {
  uint64_t random = state.seed;
  for (float& sign : signs_) sign = next_random(random) >> 63 ? 1.f : -1.f;
  for (float& shift : shifts_) shift = (float)((double)(next_random(random) >> 40) / (1 << 24) - 0.5);
}

uint32_t Grid::dims_of(Metric metric, uint32_t dimension) { return (dimension + (metric == Metric::ip ? 1 : 0) + 63) / 64 * 64; }

double Grid::length_of(const float* values, uint32_t count) {
  double part[8] = {};
  uint32_t i = 0;
  for (; i + 8 <= count; i += 8)
    for (uint32_t j = 0; j < 8; ++j) part[j] += (double)values[i + j] * values[i + j];
  for (; i < count; ++i) part[i % 8] += (double)values[i] * values[i];
  return std::sqrt(((part[0] + part[4]) + (part[1] + part[5])) + ((part[2] + part[6]) + (part[3] + part[7])));
}

void Grid::set_lengths(float longest, float typical) {
  state_.longest = longest;
  state_.typical = typical > 0 && std::isfinite(typical) ? typical : 1;
}

void Grid::set_step(double mean_square, float most) {
  const float step = std::min(most, deviations * (float)std::sqrt(mean_square)) / 127;
  state_.step = usable(step) ? step : 1;
}

void Grid::place(const float* row, double factor, float extra, float* work) const {
  const uint32_t dimension = state_.dimension;
  if (factor == 1) {
    for (uint32_t i = 0; i < dimension; ++i) work[i] = row[i] - mean_[i];
  } else {
    for (uint32_t i = 0; i < dimension; ++i) work[i] = (float)(row[i] * factor) - mean_[i];
  }
  for (uint32_t i = dimension; i < dims_; ++i) work[i] = (i == dimension ? extra : 0) - mean_[i];
}

bool Grid::centred(const float* row, float* work) const {
  if (state_.metric == Metric::l2) {
    place(row, 1, 0, work);
    return true;
  }
  const double length = length_of(row, state_.dimension);
  if (state_.metric == Metric::ip) {
    const double longest = state_.longest;
    place(row, 1, (float)std::sqrt(std::max(0.0, longest * longest - length * length)), work);
    return true;
  }
  if (has_no_direction(length)) return false;
  place(row, 1 / length, 0, work);
  return true;
}

bool Grid::rotated(const float* row, float* work) const {
  if (!centred(row, work)) return false;
  table().graph.rotate(work, dims_, signs_.data());
  return true;
}

bool Grid::encode(const float* row, float least, float* work, int8_t* codes, CodeTerms* terms) const {
  if (!rotated(row, work)) return false;
  const float inverse = 1 / state_.step;
  for (uint32_t i = 0; i < dims_; ++i) work[i] = work[i] * inverse + shifts_[i];
  *terms = table().graph.to_codes(work, dims_, least, codes);
  return true;
}

GridQuery Grid::encode_query(const float* query, float* work, int8_t* codes) const {
  const float square = state_.step * state_.step;
  GridQuery result = {{codes, 0, 0}, square, 0, 1};
  double factor = 1;
  if (state_.metric != Metric::l2) {
    const double length = length_of(query, state_.dimension);
    const bool directed = !has_no_direction(length) && std::isfinite(length);
    if (state_.metric == Metric::cosine) {
      factor = directed ? 1 / length : 0;
      result.scale = directed ? square / 2 : 0;
      result.shift = directed ? -1 : 0;
    } else {
      factor = directed ? state_.typical / length : 0;
      result.scale = directed ? (float)(square / (2 * factor)) : 0;
      result.shift = directed ? (float)(-((double)state_.typical * state_.typical + (double)state_.longest * state_.longest) / (2 * factor)) : 0;
    }
  }
  place(query, factor, 0, work);
  table().graph.rotate(work, dims_, signs_.data());
  const float inverse = 1 / state_.step;
  for (uint32_t i = 0; i < dims_; ++i) work[i] = work[i] * inverse + shifts_[i];
  const CodeTerms terms = table().graph.to_codes(work, dims_, finest_step, codes);
  result.ratio = terms.ratio;
  result.codes.norm = terms.norm;
  result.codes.twice = 2 * terms.ratio;
  return result;
}

}  // namespace elanus
