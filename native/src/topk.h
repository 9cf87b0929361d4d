// The k best of a stream of rows, for any k: append what is not beyond the bound, halve when full.
//
// Always true: the answer depends on the set of rows only, not on their order, nor on how many TopK they went through.
#pragma once
#include <algorithm>
#include <cstdint>
#include <limits>
#include <vector>

namespace elanus {

struct Hit {
  float key;       // smaller is better
  uint32_t rank;   // then this
  uint32_t row;    // then this
  bool operator<(const Hit& o) const {
    if (key != o.key) return key < o.key;
    return rank != o.rank ? rank < o.rank : row < o.row;
  }
};

class TopK {
 public:
  // Keys above `bound` are known not to count.
  TopK(uint32_t k, float bound) : k_(k), bound_(bound) {}

  float bound() const { return bound_; }

  // Keys above `bound` are known not to count any more.
  void lower(float bound) {
    bound_ = std::min(bound_, bound);
    std::erase_if(hits_, [this](const Hit& hit) { return hit.key > bound_; });
  }

  void add(Hit hit) {
    if (!(hit.key <= bound_)) return;
    hits_.push_back(hit);
    if (hits_.size() >= 2 * (size_t)k_ + 64) shrink();
  }

  void add(const TopK& other) {
    dropped_ |= other.dropped_;
    best_dropped_ = std::min(best_dropped_, other.best_dropped_);
    for (const Hit& hit : other.hits_) add(hit);
  }

  const std::vector<Hit>& sorted() {
    if (hits_.size() > k_) shrink();
    std::sort(hits_.begin(), hits_.end());
    return hits_;
  }

  // After `sorted`: whether a row that was dropped has the key of the last hit.
  // What was turned away by the bound alone lies above it; what was dropped otherwise is remembered by its best key.
  bool tied() const { return dropped_ && hits_.size() == k_ && best_dropped_ == hits_.back().key; }

 private:
  void shrink() {
    std::nth_element(hits_.begin(), hits_.begin() + (k_ - 1), hits_.end());
    dropped_ = true;   // there is more than k whenever this is called
    for (auto at = hits_.begin() + k_; at != hits_.end(); ++at) best_dropped_ = std::min(best_dropped_, at->key);
    hits_.resize(k_);
    bound_ = hits_.back().key;
  }

  uint32_t k_;
  float bound_;
  float best_dropped_ = std::numeric_limits<float>::infinity();
  bool dropped_ = false;
  std::vector<Hit> hits_;
};

}  // namespace elanus
