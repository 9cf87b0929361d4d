// Of rows that are scanned by their codes: those that may be among the k nearest, as codes err, and no more of them than there is a margin for.
// Their distances are those of codes.
//
// Where there are sketches, the codes of rows are not read that these show to be farther than k others, by more than sketches and codes err.
#pragma once
#include <limits>
#include "best.h"
#include "index.h"

namespace elanus {

class NearestCodes {
 public:
  NearestCodes(const Index& index, const GridQuery& query, uint32_t k, uint32_t margin)
      : rows_(index.code_rows()), sketches_(index.sketches.data()), grid_(query), query_(query.codes), nearest_(k + margin, infinity), best_(k) {}

  // Looks at the rows in s.numbers. Those whose distances are in s.distances then are left.
  void look(Scratch& s) {
    sift(s.numbers);
    const uint32_t count = (uint32_t)s.numbers.size();
    s.distances.resize(count);
    s.kept.resize(count);
    table().graph.distances(&query_, &rows_, s.numbers.data(), count, s.distances.data());
    const uint32_t picked = table().pick(s.distances.data(), count, nearest_.bound(), s.kept.data());
    for (uint32_t i = 0; i < picked; ++i) {
      const uint32_t row = s.numbers[s.kept[i]];
      const float distance = s.distances[s.kept[i]];
      const CodeTerms terms = rows_.terms[row];
      if (terms.norm >= norm_of_no_place || distance > limit(terms.ratio)) continue;
      nearest_.add({distance, 0, row});
      if (!best_.full() || distance < best_.worst()) best_.add({distance, 0, row});
      coarsest_ = std::max(coarsest_, terms.ratio);
    }
  }
  // Into s.numbers and s.distances, nearest first.
  void take(Scratch& s) {
    nearest_.lower(limit(coarsest_));
    s.numbers.clear();
    s.distances.clear();
    for (const Hit& hit : nearest_.sorted()) {
      s.numbers.push_back(hit.row);
      s.distances.push_back(hit.key);
    }
  }

 private:
  static constexpr float infinity = std::numeric_limits<float>::infinity();
  static constexpr uint32_t unsifted_blocks = 7;   // after one of which most rows were left

  // Beyond it no row of such codes is among the k nearest.
  float limit(float ratio) const { return best_.full() ? grid_.surely_farther(std::max(0.f, best_.worst()), ratio, rows_.dims) : infinity; }

  void sift(std::vector<uint32_t>& numbers) {
    if (!sketches_ || !best_.full() || numbers.empty()) return;
    if (unsifted_) {
      --unsifted_;
      return;
    }
    const size_t before = numbers.size();
    numbers.resize(table().graph.sift(&query_, sketches_, rows_.dims, numbers.data(), (uint32_t)before, limit(1), numbers.data()));
    if (2 * numbers.size() > before) unsifted_ = unsifted_blocks;
  }

  const CodeRows rows_;
  const uint8_t* const sketches_;   // null: none
  const GridQuery grid_;
  const CodeQuery query_;
  TopK nearest_;
  Best best_;
  float coarsest_ = 1;   // of the rows that were kept
  uint32_t unsifted_ = 0;
};

}  // namespace elanus
