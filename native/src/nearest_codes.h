// Of rows that are scanned by their codes: those that may be among the k nearest, as codes err, and no more of them than there is a margin for.
// Their distances are those of codes.
//
// Where there are sketches, the codes of rows are not read that these show to be farther than k others, by more than sketches and codes err:
//
//   likeliest   while there is no bound yet: a few that seem nearest are read first, and give one
//   head        of long sketches the first bits tell of most rows that they lie beyond it
//   rest        of the others all bits are looked at, and of those that still may be nearer the codes are read
#pragma once
#include <limits>
#include "best.h"
#include "index.h"

namespace elanus {

class NearestCodes {
 public:
  NearestCodes(const Index& index, const GridQuery& query, uint32_t k, uint32_t margin)
      : rows_(index.code_rows()), sketches_(index.sketches.data()), grid_(query), query_(query.codes), k_(k), nearest_(k + margin, infinity), best_(k),
        heads_help_(rows_.dims >= least_long_sketch) {}

  // Looks at the rows in s.numbers. Those whose distances are in s.distances then are left.
  void look(Scratch& s) {
    const uint32_t seen = sift(s);
    look_at(s, seen, (uint32_t)s.numbers.size());
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
  static constexpr uint32_t many = 2048;           // rows: among fewer, better bounds are worth more

  // Beyond it no row of such codes is among the k nearest.
  float limit(float ratio) const { return best_.full() ? grid_.surely_farther(std::max(0.f, best_.worst()), ratio, rows_.dims) : infinity; }

  // Those in s.numbers from `first` to `last`.
  void look_at(Scratch& s, uint32_t first, uint32_t last) {
    const uint32_t count = last - first;
    s.distances.resize(last);
    s.kept.resize(count);
    const uint32_t* rows = s.numbers.data() + first;
    float* distances = s.distances.data() + first;
    table().graph.distances(&query_, &rows_, rows, count, distances);
    const uint32_t picked = table().pick(distances, count, nearest_.bound(), s.kept.data());
    for (uint32_t i = 0; i < picked; ++i) {
      const uint32_t row = rows[s.kept[i]];
      const float distance = distances[s.kept[i]];
      const CodeTerms terms = rows_.terms[row];
      if (terms.norm >= norm_of_no_place || distance > limit(terms.ratio)) continue;
      nearest_.add({distance, 0, row});
      if (!best_.full() || distance < best_.worst()) best_.add({distance, 0, row});
      coarsest_ = std::max(coarsest_, terms.ratio);
    }
  }

  // Leaves those that sketches do not rule out. How many of them, which stand first, it has looked at already.
  uint32_t sift(Scratch& s) {
    const uint32_t count = (uint32_t)s.numbers.size(), likeliest = best_.full() ? 0 : 2 * k_ + 12;
    if (!sketches_ || !count || 2 * likeliest > count) return 0;
    if (unsifted_) {
      --unsifted_;
      return 0;
    }
    const bool by_head = heads_help_ && (!likeliest || count >= many);
    judge(s, 0, by_head ? sketch_head : rows_.dims);
    if (likeliest) look_at_likeliest(s, likeliest);
    leave_near(s, likeliest);
    if (by_head) {
      heads_help_ = 2 * s.numbers.size() <= count;
      judge(s, likeliest, rows_.dims);
      leave_near(s, likeliest);
    }
    if (2 * s.numbers.size() > count) unsifted_ = unsifted_blocks;
    return likeliest;
  }

  // Finds s.least of those from `first` on, by so many bits of their sketches.
  void judge(Scratch& s, uint32_t first, uint32_t bits) const {
    const uint32_t count = (uint32_t)s.numbers.size();
    s.least.resize(count);
    table().graph.least_distances(&query_, sketches_, rows_.dims, bits, s.numbers.data() + first, count - first, s.least.data() + first);
  }
  void leave_near(Scratch& s, uint32_t first) const {
    const uint32_t count = (uint32_t)s.numbers.size() - first;
    s.kept.resize(count);
    const uint32_t left = table().pick(s.least.data() + first, count, limit(1), s.kept.data());
    uint32_t* rows = s.numbers.data() + first;
    for (uint32_t i = 0; i < left; ++i) rows[i] = rows[s.kept[i]];
    s.numbers.resize(first + left);
  }

  // Of so many parts of the rows each one's row that seems nearest comes first, and is looked at. Nothing branches on a row.
  void look_at_likeliest(Scratch& s, uint32_t parts) {
    const uint32_t count = (uint32_t)s.numbers.size();
    for (uint32_t first = parts; first < count; first += parts)
      put_nearer_first(s.numbers.data(), s.least.data(), first, std::min(parts, count - first));
    look_at(s, 0, parts);
  }
  static void put_nearer_first(uint32_t* rows, float* least, uint32_t other, uint32_t count) {
    for (uint32_t i = 0; i < count; ++i) {
      const float a = least[i], b = least[other + i];
      const uint32_t row = rows[i], with = rows[other + i];
      const bool is_nearer = b < a;
      least[i] = is_nearer ? b : a;
      least[other + i] = is_nearer ? a : b;
      rows[i] = is_nearer ? with : row;
      rows[other + i] = is_nearer ? row : with;
    }
  }

  const CodeRows rows_;
  const uint8_t* const sketches_;   // null: none
  const GridQuery grid_;
  const CodeQuery query_;
  const uint32_t k_;
  TopK nearest_;
  Best best_;
  float coarsest_ = 1;   // of the rows that were kept
  bool heads_help_;
  uint32_t unsifted_ = 0;
};

}  // namespace elanus
