#include "row_clustering.h"
#include <algorithm>
#include <cmath>
#include <numeric>

namespace elanus {

namespace {

constexpr uint32_t rows_of_centre = 16, rounds = 4;  // of the sample
constexpr uint32_t looked_groups = 4;
constexpr uint64_t piece_products = 8 << 20;          // of codes: a millisecond

uint32_t root_of(uint32_t count) { return (uint32_t)std::sqrt((double)count); }

}  // namespace

RowClustering::RowClustering(const CodeRows& rows, uint32_t count, uint64_t seed) : rows_(rows), count_(count), seed_(seed) {}

uint64_t RowClustering::begin() {
  std::vector<uint32_t> placed, sample;
  placed.reserve(count_);
  for (uint32_t row = 0; row < count_; ++row)
    if (rows_.terms[row].norm < norm_of_no_place) placed.push_back(row);
  if (placed.empty()) return 0;
  const uint32_t clusters = std::min((uint32_t)placed.size(), 2 * root_of(count_) + 1);
  sample.resize(std::min<uint64_t>(placed.size(), (uint64_t)rows_of_centre * clusters));
  for (uint64_t i = 0; i < sample.size(); ++i) sample[i] = placed[i * placed.size() / sample.size()];
  clustering_ = std::make_unique<Clustering>(rows_, std::move(sample), clusters, seed_, rounds);
  return clustering_->begin();
}

uint64_t RowClustering::next() {
  switch (phase_) {
    case Phase::centres:
      if (const uint64_t pieces = clustering_->next()) return pieces;
      clusters_.centres = std::move(clustering_->centres());
      return begin_groups();
    case Phase::groups:
      if (const uint64_t pieces = clustering_->next()) return pieces;
      groups_ = std::move(clustering_->centres());
      clustering_.reset();
      return begin_assigning();
    case Phase::assign: gather();
  }
  return 0;
}

uint64_t RowClustering::begin_groups() {
  phase_ = Phase::groups;
  const std::vector<uint32_t>& all = clusters_.centres.all;
  clustering_ = std::make_unique<Clustering>(clusters_.centres.rows(), all, std::max(1u, root_of((uint32_t)all.size())), seed_, rounds);
  return clustering_->begin();
}

uint64_t RowClustering::begin_assigning() {
  phase_ = Phase::assign;
  Scratch s(Owner::build);
  const CodeRows centres = clusters_.centres.rows();
  std::vector<std::vector<uint32_t>> members(groups_.count());
  for (const uint32_t centre : clusters_.centres.all) members[groups_.nearest(point_of(centres, centre), s)].push_back(centre);
  group_starts_.push_back(0);
  for (const auto& some : members) {
    group_centres_.insert(group_centres_.end(), some.begin(), some.end());
    group_starts_.push_back((uint32_t)group_centres_.size());
  }
  cluster_of_.resize(count_);
  distance_of_.resize(count_);
  return (count_ + rows_of_piece() - 1) / rows_of_piece();
}

uint64_t RowClustering::rows_of_piece() const {
  const uint64_t looks = groups_.count() + (uint64_t)looked_groups * (clusters_.centres.count() / groups_.count() + 1);
  return std::max<uint64_t>(1, piece_products / (looks * rows_.dims));
}

void RowClustering::work(uint64_t piece, Scratch& s) {
  if (phase_ != Phase::assign) return clustering_->work(piece, s);
  const uint64_t some = rows_of_piece();
  for (uint64_t row = piece * some; row < std::min<uint64_t>((piece + 1) * some, count_); ++row) assign((uint32_t)row, s);
}

void RowClustering::assign(uint32_t row, Scratch& s) {
  if (rows_.terms[row].norm >= norm_of_no_place) return;   // the first cluster; no search looks at it there
  const CodeQuery point = point_of(rows_, row);
  groups_.distances(point, s);
  s.numbers.clear();
  for (uint32_t i = 0; i < std::min(looked_groups, groups_.count()); ++i) {
    const uint32_t group = (uint32_t)(std::min_element(s.distances.begin(), s.distances.end()) - s.distances.begin());
    s.distances[group] = std::numeric_limits<float>::infinity();
    s.numbers.insert(s.numbers.end(), group_centres_.begin() + group_starts_[group], group_centres_.begin() + group_starts_[group + 1]);
  }
  const CodeRows centres = clusters_.centres.rows();
  s.distances.resize(s.numbers.size());
  table().graph.distances(&point, &centres, s.numbers.data(), (uint32_t)s.numbers.size(), s.distances.data());
  const size_t nearest = (size_t)(std::min_element(s.distances.begin(), s.distances.end()) - s.distances.begin());
  cluster_of_[row] = s.numbers[nearest];
  distance_of_[row] = std::max(0.f, s.distances[nearest]);
}

void RowClustering::gather() {
  const uint32_t clusters = clusters_.centres.count();
  clusters_.shapes = Buffer<ClusterShape>(clusters, Owner::build);
  clusters_.members = Buffer<uint32_t>(count_, Owner::build);
  std::vector<uint32_t> at(clusters);
  std::vector<double> sum(clusters), squares(clusters);
  for (uint32_t row = 0; row < count_; ++row) {
    const uint32_t c = cluster_of_[row];
    const double distance = distance_of_[row];
    ++at[c];
    sum[c] += distance;
    squares[c] += distance * distance;
  }
  uint32_t first = 0;
  for (uint32_t c = 0; c < clusters; ++c) {
    const double count = std::max(1u, at[c]), mean = sum[c] / count;
    clusters_.shapes[c] = {(float)mean, (float)std::sqrt(std::max(0.0, squares[c] / count - mean * mean)), first};
    first += std::exchange(at[c], first);
  }
  for (uint32_t row = 0; row < count_; ++row) clusters_.members[at[cluster_of_[row]]++] = row;
  cluster_of_ = {};
  distance_of_ = {};
}

}  // namespace elanus
