#include "placing.h"
#include <algorithm>
#include <cmath>
#include "build_plan.h"
#include "failure.h"

namespace elanus {

namespace {

constexpr uint64_t piece_values = 1 << 18;       // of rows that are encoded: a few milliseconds
constexpr uint64_t most_of_sample = 20000;       // rows that the grid is learned from
constexpr uint64_t sample_values = 1 << 24;
constexpr uint64_t least_of_sample = 1000;
constexpr uint64_t sample_pieces = 32;

// 0 of none; the upper one of an even number.
double median(std::vector<double>& values) {
  if (values.empty()) return 0;
  std::nth_element(values.begin(), values.begin() + values.size() / 2, values.end());
  return values[values.size() / 2];
}

}  // namespace

void numbers_of(const Layout& layout, const unsigned char* row, float* numbers) {
  if (layout.element != Element::binary) return table().widen(layout.element, row, layout.dimension, numbers);
  for (uint32_t i = 0; i < layout.dimension; ++i) numbers[i] = (float)(row[i / 8] >> (i % 8) & 1);
}

Placing::Placing(std::shared_ptr<Rows> rows, uint32_t count, Metric metric, uint64_t seed, std::function<Target()> target, std::function<bool()> stopped)
    : rows_(std::move(rows)), count_(count), dimension_(rows_->dimension()), dims_(Grid::dims_of(metric, dimension_)),
      piece_rows_(std::clamp<uint64_t>(piece_values / dims_, 1, 4096)), sample_(sample_size()), make_target_(std::move(target)),
      stopped_(std::move(stopped)), phase_(metric == Metric::ip ? Phase::lengths : Phase::mean),
      grid_({metric, dimension_, 1, 0, 1, seed}, std::vector<float>(dims_)) {}

uint64_t Placing::sample_size() const { return std::min<uint64_t>(count_, std::clamp(sample_values / dims_, least_of_sample, most_of_sample)); }

uint64_t Placing::begin() { return begin(phase_); }

uint64_t Placing::begin(Phase phase) {
  phase_ = phase;
  switch (phase) {
    case Phase::lengths: sums_.assign(pieces_of(count_, piece_rows_), {}); break;
    case Phase::mean:
    case Phase::spread: sums_.assign(sample_pieces, {}); break;
    case Phase::encode:
      sums_ = {};
      target_ = make_target_();
      return pieces_of(count_, piece_rows_);
  }
  return sums_.size();
}

void Placing::work(uint64_t piece, Scratch& s) {
  switch (phase_) {
    case Phase::lengths: return sum_lengths(piece, s);
    case Phase::mean: return sum_rows(piece, s);
    case Phase::spread: return spread_rows(piece, s);
    case Phase::encode: return encode_rows(piece, s);
  }
}

uint64_t Placing::next() {
  switch (phase_) {
    case Phase::lengths: add_lengths(); return begin(Phase::mean);
    case Phase::mean: add_means(); return begin(Phase::spread);
    case Phase::spread: add_spread(); return begin(Phase::encode);
    case Phase::encode: break;
  }
  return 0;
}

// `use` gets the row's number and an aligned copy of it.
template <class Use> void Placing::use_row(uint64_t row, Scratch& s, Use use) {
  s.work.resize((size_t)dimension_ + dims_);
  uint64_t run;
  numbers_of(rows_->layout(), rows_->at(row, &run), s.work.data());
  use((uint32_t)row, s.work.data());
}

template <class Use> void Placing::each_row(uint64_t piece, Scratch& s, Use use) {
  const uint64_t last = std::min<uint64_t>((piece + 1) * piece_rows_, count_);
  for (uint64_t row = piece * piece_rows_; row < last && !stopped_(); ++row) use_row(row, s, use);
}

// The sample is spread evenly over all rows, and each piece of it over the whole sample.
template <class Use> void Placing::each_of_sample(uint64_t piece, Scratch& s, Use use) {
  for (uint64_t i = piece; i < sample_ && !stopped_(); i += sample_pieces) use_row(i * count_ / sample_, s, use);
}

void Placing::sum_lengths(uint64_t piece, Scratch& s) {
  Sums& sums = sums_[piece];
  each_row(piece, s, [&](uint32_t, const float* row) {
    const double length = Grid::length_of(row, dimension_);
    sums.total += length;
    sums.most = std::max(sums.most, length);
  });
}

void Placing::add_lengths() {
  double total = 0, most = 0;
  for (const Sums& sums : sums_) {
    total += sums.total;
    most = std::max(most, sums.most);
  }
  grid_.set_lengths(std::min((float)most, std::numeric_limits<float>::max()), count_ ? (float)(total / count_) : 1);
}

void Placing::sum_rows(uint64_t piece, Scratch& s) {
  Sums& sums = sums_[piece];
  sums.of.assign(dims_, 0);
  each_of_sample(piece, s, [&](uint32_t, const float* row) {
    float* work = s.work.data() + dimension_;
    if (!grid_.centred(row, work)) return;
    for (uint32_t j = 0; j < dims_; ++j) sums.of[j] += work[j];
    ++sums.rows;
  });
}

// The median of the pieces' means, in each dimension: a few rows that lie far away must not make the grid useless for all others.
void Placing::add_means() {
  std::vector<float> mean(dims_);
  std::vector<double> means;
  for (uint32_t j = 0; j < dims_; ++j) {
    means.clear();
    for (const Sums& sums : sums_)
      if (sums.rows && std::isfinite(sums.of[j])) means.push_back(sums.of[j] / (double)sums.rows);
    mean[j] = (float)median(means);
  }
  grid_.set_mean(std::move(mean));
}

void Placing::spread_rows(uint64_t piece, Scratch& s) {
  Sums& sums = sums_[piece];
  each_of_sample(piece, s, [&](uint32_t, const float* row) {
    float* work = s.work.data() + dimension_;
    if (!grid_.rotated(row, work)) return;
    for (uint32_t j = 0; j < dims_; ++j) {
      sums.total += (double)work[j] * work[j];
      sums.most = std::max(sums.most, (double)std::fabs(work[j]));
    }
    ++sums.rows;
  });
}

void Placing::add_spread() {
  double most = 0;
  std::vector<double> squares;
  for (const Sums& sums : sums_) {
    most = std::max(most, sums.most);
    if (sums.rows && std::isfinite(sums.total)) squares.push_back(sums.total / ((double)sums.rows * dims_));
  }
  const double typical = median(squares);
  if (typical > 0) grid_.set_step(typical, (float)most);
  else if (most > 0) grid_.set_step(most * most, (float)most);   // nearly all rows are equal
}

void Placing::encode_rows(uint64_t piece, Scratch& s) {
  each_row(piece, s, [&](uint32_t row, const float* values) {
    if (table().first_not_finite(Element::float32, values, dimension_) < dimension_) fail(ELANUS_INVALID, "row %u holds a NaN or an infinity", row);
    const bool placed = grid_.encode(values, target_.least, s.work.data() + dimension_, target_.codes + (size_t)row * dims_, &target_.terms[row]);
    if (!placed) target_.terms[row] = {norm_of_no_place, 0, 0};
    if (target_.encoded) target_.encoded(row, placed);
  });
}

}  // namespace elanus
