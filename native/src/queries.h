// Queries in the form that scans want: halves as floats, signed bytes as int16, all others where the caller has them; and their norms.
#pragma once
#include <cstring>
#include <vector>
#include "layout.h"

namespace elanus {

class Queries {
 public:
  // `entries` must outlive this.
  Queries(const Table& table, Metric metric, const Layout& layout, const void* entries, uint64_t entry_count)
      : count_(entry_count / layout.entries()), stride_(layout.row_bytes()), values_((const unsigned char*)entries) {
    const auto* raw = (const unsigned char*)entries;
    if (layout.element == Element::float16 || layout.element == Element::bfloat16) {
      stride_ = layout.dimension * sizeof(float);
      own_.resize(entry_count * sizeof(float));
      table.widen(layout.element, raw, entry_count, (float*)own_.data());
      values_ = own_.data();
    } else if (layout.element == Element::int8) {
      stride_ = layout.dimension * sizeof(int16_t);
      own_.resize(entry_count * sizeof(int16_t));
      auto* wide = (int16_t*)own_.data();
      for (uint64_t i = 0; i < entry_count; ++i) wide[i] = (int8_t)raw[i];
      values_ = own_.data();
    }
    if (metric != Metric::cosine && metric != Metric::jaccard && metric != Metric::substructure) return;
    norms_.resize(count_);
    for (uint64_t q = 0; q < count_; ++q)
      norms_[q] = table.norm_of(layout.element, values_ + q * stride_, raw + q * layout.row_bytes(), layout.dimension);
  }
  Queries(const Queries&) = delete;

  uint64_t count() const { return count_; }
  QueryBlock block(uint64_t first, uint32_t count) const {
    return {values_ + first * stride_, norms_.empty() ? nullptr : norms_.data() + first, count};
  }

 private:
  uint64_t count_, stride_;
  const unsigned char* values_;
  std::vector<unsigned char> own_;   // of malloc, so aligned well enough for what it holds
  std::vector<float> norms_;
};

}  // namespace elanus
