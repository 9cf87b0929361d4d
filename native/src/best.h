// The k best hits of a stream whose bound is wanted after every hit: a heap. (topk.h halves instead: quicker for long streams.)
//
// Always true: what is kept depends on the set of hits only, not on their order.
#pragma once
#include "topk.h"

namespace elanus {

class Best {
 public:
  explicit Best(uint32_t k) : k_(k) {}

  bool full() const { return hits_.size() == k_; }
  float worst() const { return hits_.front().key; }   // if full

  void clear() {
    hits_.clear();
    dropped_ = std::numeric_limits<float>::infinity();
    any_dropped_ = false;
  }

  void add(Hit hit) {
    if (full()) {
      any_dropped_ = true;
      if (!(hit < hits_.front())) {
        dropped_ = std::min(dropped_, hit.key);
        return;
      }
      dropped_ = std::min(dropped_, hits_.front().key);
      std::pop_heap(hits_.begin(), hits_.end());
      hits_.back() = hit;
    } else {
      hits_.push_back(hit);
    }
    std::push_heap(hits_.begin(), hits_.end());
  }

  // Ends the stream.
  const std::vector<Hit>& sorted() {
    std::sort_heap(hits_.begin(), hits_.end());
    return hits_;
  }
  // After `sorted`: whether a hit that was dropped has the key of the last.
  bool tied() const { return any_dropped_ && full() && dropped_ == hits_.back().key; }

 private:
  const uint32_t k_;
  std::vector<Hit> hits_;
  float dropped_ = std::numeric_limits<float>::infinity();
  bool any_dropped_ = false;
};

}  // namespace elanus
