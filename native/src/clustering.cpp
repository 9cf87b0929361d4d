#include "clustering.h"
#include <algorithm>
#include <numeric>
#include "random.h"

namespace elanus {

namespace {

constexpr uint64_t piece_products = 8 << 20;   // of codes: a millisecond
constexpr float finest = 1e-3f;                // step of a centre, in steps of the grid
constexpr uint32_t update_clusters = 8;

}  // namespace

void Centres::resize(uint32_t count, uint32_t width, Owner owner) {
  dims = width;
  codes = Buffer<int8_t>((size_t)count * dims, owner);
  terms = Buffer<CodeTerms>(count, owner);
  all.resize(count);
  std::iota(all.begin(), all.end(), 0);
}

void Centres::distances(const CodeQuery& point, Scratch& s) const {
  const CodeRows centres = rows();
  s.distances.resize(count());
  table().graph.distances(&point, &centres, all.data(), count(), s.distances.data());
}

uint32_t Centres::nearest(const CodeQuery& point, Scratch& s, float* distance) const {
  distances(point, s);
  const auto least = std::min_element(s.distances.begin(), s.distances.end());
  if (distance) *distance = *least;
  return (uint32_t)(least - s.distances.begin());
}

Clustering::Clustering(const CodeRows& rows, std::vector<uint32_t> sample, uint32_t clusters, uint64_t seed, uint32_t rounds)
    : rows_(rows), sample_(std::move(sample)), rounds_(rounds), cluster_of_(sample_.size()), distance_of_(sample_.size()) {
  centres_.resize(clusters, rows.dims, Owner::build);
  // Different places of the sample, by chance: the first of a shuffle.
  std::vector<uint32_t> places(sample_.size());
  std::iota(places.begin(), places.end(), 0);
  for (uint32_t i = 0; i < clusters; ++i) {
    const uint64_t left = places.size() - i;
    std::swap(places[i], places[i + (uint64_t)((unsigned __int128)next_random(seed) * left >> 64)]);
    take_row(i, sample_[places[i]]);
  }
}

void Clustering::take_row(uint32_t cluster, uint32_t row) {
  std::copy_n(rows_.codes + (size_t)row * rows_.dims, rows_.dims, centres_.codes.data() + (size_t)cluster * rows_.dims);
  centres_.terms[cluster] = rows_.terms[row];
}

uint64_t Clustering::begin() {
  const uint64_t rows = std::max<uint64_t>(1, piece_products / ((uint64_t)centres_.count() * rows_.dims + 1));
  return std::max<uint64_t>(1, (sample_.size() + rows - 1) / rows);
}

void Clustering::work(uint64_t piece, Scratch& s) {
  if (phase_ == Phase::assign) {
    const uint64_t rows = std::max<uint64_t>(1, piece_products / ((uint64_t)centres_.count() * rows_.dims + 1));
    for (uint64_t i = piece * rows; i < std::min<uint64_t>((piece + 1) * rows, sample_.size()); ++i)
      cluster_of_[i] = centres_.nearest(point_of(rows_, sample_[i]), s, &distance_of_[i]);
    return;
  }
  std::vector<double> sum(rows_.dims);
  s.work.resize(rows_.dims);
  for (uint32_t c = (uint32_t)piece * update_clusters; c < std::min<uint64_t>((piece + 1) * update_clusters, centres_.count()); ++c) {
    if (starts_[c] == starts_[c + 1]) continue;
    std::fill(sum.begin(), sum.end(), 0);
    for (uint32_t i = starts_[c]; i < starts_[c + 1]; ++i) {
      const uint32_t row = sample_[members_[i]];
      const int8_t* codes = rows_.codes + (size_t)row * rows_.dims;
      const double ratio = rows_.terms[row].ratio;
      for (uint32_t j = 0; j < rows_.dims; ++j) sum[j] += codes[j] * ratio;
    }
    const double count = starts_[c + 1] - starts_[c];
    for (uint32_t j = 0; j < rows_.dims; ++j) s.work[j] = (float)(sum[j] / count);
    centres_.terms[c] = table().graph.to_codes(s.work.data(), rows_.dims, finest, centres_.codes.data() + (size_t)c * rows_.dims);
  }
}

// Members by cluster, ascending.
void Clustering::sort_members() {
  const uint32_t clusters = centres_.count();
  starts_.assign(clusters + 1, 0);
  for (const uint32_t c : cluster_of_) ++starts_[c + 1];
  std::partial_sum(starts_.begin(), starts_.end(), starts_.begin());
  std::vector<uint32_t> at(starts_.begin(), starts_.end() - 1);
  members_.resize(sample_.size());
  for (uint32_t i = 0; i < sample_.size(); ++i) members_[at[cluster_of_[i]]++] = i;
}

uint64_t Clustering::next() {
  if (phase_ == Phase::assign) {
    // An empty cluster gets the row that is farthest from its centre, of the largest cluster.
    std::vector<uint32_t> sizes(centres_.count());
    for (const uint32_t c : cluster_of_) ++sizes[c];
    std::vector<uint32_t> empty;
    for (uint32_t c = 0; c < sizes.size(); ++c)
      if (!sizes[c]) empty.push_back(c);
    if (!empty.empty()) {
      sort_members();
      std::vector<uint32_t> by_size(sizes.size());
      std::iota(by_size.begin(), by_size.end(), 0);
      std::stable_sort(by_size.begin(), by_size.end(), [&](uint32_t a, uint32_t b) { return sizes[a] > sizes[b]; });
      for (uint32_t i = 0; i < empty.size(); ++i) {
        const uint32_t from = by_size[i];   // there are more clusters with rows than without, or they have one row each
        if (sizes[from] < 2) break;
        uint32_t farthest = members_[starts_[from]];
        for (uint32_t m = starts_[from]; m < starts_[from + 1]; ++m)
          if (distance_of_[members_[m]] > distance_of_[farthest]) farthest = members_[m];
        if (distance_of_[farthest] <= 0) continue;   // all rows of it are equal
        cluster_of_[farthest] = empty[i];
      }
    }
    sort_members();
    phase_ = Phase::update;
    return (centres_.count() + update_clusters - 1) / update_clusters;
  }
  phase_ = Phase::assign;
  return ++round_ == rounds_ ? 0 : begin();
}

}  // namespace elanus
