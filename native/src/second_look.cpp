#include <cmath>
#include "graph_search.h"

namespace elanus {

namespace {

constexpr uint32_t most_twins = 4096;   // of one row, besides k: more of equal codes are not looked at

}  // namespace

// What the key of a row at this distance by codes may be at least, and at most: three deviations of the errors of rounding.
float GraphSearch::least_key(const Asked& a, float distance, float ratio) const {
  if (std::isinf(distance)) return distance;   // of a frontier that never was full: everything was seen
  const float noise = (ratio * ratio + a.grid.ratio * a.grid.ratio) / 12;
  return a.grid.scale * (distance - 6 * std::sqrt(noise * std::max(distance, 0.f)) - noise * (float)dims_) + a.grid.shift;
}
float GraphSearch::most_key(const Asked& a, float distance, float ratio) const {
  const float noise = (ratio * ratio + a.grid.ratio * a.grid.ratio) / 12;
  return a.grid.scale * (distance + 6 * std::sqrt(noise * std::max(distance, 0.f)) + noise * (float)dims_) + a.grid.shift;
}

void GraphSearch::propose(Asked& a, uint32_t row) const {
  if (!is_allowed(row)) return;
  a.pending.push_back(row);
  uint64_t run;
  const unsigned char* at = index_->rows->at(row, &run);
  for (uint64_t i = 0; i < std::min<uint64_t>(index_->rows->row_bytes(), 2048); i += 64) __builtin_prefetch(at + i, 0, 2);
}

// Those behind the first, which was proposed.
void GraphSearch::propose_twins(Asked& a, uint32_t row) const {
  if (!index_->next_twin.size()) return;
  uint32_t count = 0;
  for (uint32_t twin = index_->twin_after(row); twin != no_row && count < plan_.k + most_twins; twin = index_->twin_after(twin)) {
    if (!is_allowed(twin)) continue;
    a.pending.push_back(twin);
    ++count;
  }
}

void GraphSearch::settle_pending(Asked& a) const {
  float keys[raw_block];
  for (size_t first = 0; first < a.pending.size(); first += raw_block) {
    if (first) go_on();
    const uint32_t count = (uint32_t)std::min<size_t>(raw_block, a.pending.size() - first);
    raw_keys(a.exact, a.pending.data() + first, count, keys);
    for (uint32_t i = 0; i < count; ++i) {
      const uint32_t row = a.pending[first + i];
      if (!std::isnan(keys[i]) && is_in_range(keys[i])) a.best.add({keys[i], rank_of(row), row});
    }
  }
  a.effort.exact += (double)a.pending.size();
  a.pending.clear();
}

void GraphSearch::look_again(Asked& a, uint32_t most, bool with_twins) const {
  Scratch& s = a.s;
  const uint32_t count = (uint32_t)std::min<size_t>(s.numbers.size(), most);
  // Could a row this far by codes still be among the k best? When no row with codes of the usual step could, coarser ones might.
  auto hopeless = [&](uint32_t i, float ratio) {
    const float least = least_key(a, s.distances[i], ratio);
    return (a.best.full() && least > a.best.worst()) || (plan_.has_outer && least >= high_);
  };
  bool coarse_only = false;
  for (uint32_t i = 0; i < count; ++i) {
    if (coarse_only) {
      const float ratio = ratio_of(s.numbers[i]);
      if (ratio <= 1 || hopeless(i, ratio)) continue;
    } else if (i >= plan_.k && (i - plan_.k) % 4 == 0) {
      settle_pending(a);
      go_on();
      coarse_only = hopeless(i, 1);
      if (coarse_only) {
        --i;
        continue;
      }
    }
    propose(a, s.numbers[i]);
    if (with_twins) propose_twins(a, s.numbers[i]);
  }
  settle_pending(a);
}

void GraphSearch::look_at_ring(Asked& a) const {
  Scratch& s = a.s;
  for (size_t i = 0; i < s.numbers.size(); ++i) {
    const float ratio = ratio_of(s.numbers[i]);
    if (most_key(a, s.distances[i], ratio) < low_ || least_key(a, s.distances[i], ratio) >= high_) continue;
    propose(a, s.numbers[i]);
    propose_twins(a, s.numbers[i]);
    if (a.pending.size() >= raw_block) settle_pending(a);
  }
  settle_pending(a);
}

void GraphSearch::look_outside(Asked& a) const {
  for (const uint32_t row : index_->outside) propose(a, row);
  settle_pending(a);
}

// Rows that came after the index.
void GraphSearch::look_behind(Asked& a) const {
  for (uint32_t row = rows_; row < plan_.row_count; ++row) {
    if (!is_allowed(row)) continue;
    a.pending.push_back(row);
    if (a.pending.size() == raw_block) {
      settle_pending(a);
      go_on();
    }
  }
  settle_pending(a);
}

// Rows without direction are not in the graph; their score is known to be 0.
void GraphSearch::look_at_zero_rows(Asked& a) const {
  if (index_->zero_row == no_row || (a.best.full() && a.best.worst() < 0)) return;
  propose(a, index_->zero_row);
  propose_twins(a, index_->zero_row);
  settle_pending(a);
}

}  // namespace elanus
