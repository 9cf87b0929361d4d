// What a sparse query weighs its indexes with, for rows that are scored one by one.
#pragma once
#include <vector>
#include "sparse.h"

namespace elanus {

// A query's weights by index, in few cache lines.
class Weights {
 public:
  explicit Weights(const std::vector<SparsePair>& pairs) {
    uint32_t bits = 4;
    while ((1ull << bits) < pairs.size() * 4) ++bits;
    shift_ = 32 - bits;
    mask_ = (1u << bits) - 1;
    slots_.assign(mask_ + 1ull, {no_index, 0});
    for (const SparsePair& pair : pairs) {
      uint32_t at = home(pair.index);
      while (slots_[at].index != no_index) at = (at + 1) & mask_;
      slots_[at] = pair;
    }
  }

  float score(const Sparse::Row& row) const {
    float sum = 0;
    for (uint32_t i = 0; i < row.count; ++i) {
      const SparsePair& pair = row.pairs[i];
      for (uint32_t at = home(pair.index); slots_[at].index != no_index; at = (at + 1) & mask_) {
        if (slots_[at].index != pair.index) continue;
        const float product = slots_[at].value * pair.value;
        sum = sum + product;
        break;
      }
    }
    return sum;
  }

 private:
  static constexpr uint32_t no_index = 0xffffffffu;
  uint32_t home(uint32_t index) const { return index * 2654435769u >> shift_; }
  uint32_t shift_, mask_;
  std::vector<SparsePair> slots_;
};

}  // namespace elanus
