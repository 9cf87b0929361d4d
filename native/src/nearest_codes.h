// Of rows that are scanned by their codes: the nearest, with a margin, since codes err. Their distances are those of codes.
#pragma once
#include <limits>
#include "index.h"
#include "topk.h"

namespace elanus {

class NearestCodes {
 public:
  NearestCodes(const CodeRows& rows, const CodeQuery& query, uint32_t count) : rows_(rows), query_(query), nearest_(count, std::numeric_limits<float>::infinity()) {}

  // Looks at the rows in s.numbers; their distances are in s.distances then.
  void look(Scratch& s) {
    const uint32_t count = (uint32_t)s.numbers.size();
    s.distances.resize(count);
    s.kept.resize(count);
    table().graph.distances(&query_, &rows_, s.numbers.data(), count, s.distances.data());
    const uint32_t picked = table().pick(s.distances.data(), count, nearest_.bound(), s.kept.data());
    for (uint32_t i = 0; i < picked; ++i) {
      const uint32_t row = s.numbers[s.kept[i]];
      if (rows_.terms[row].norm < norm_of_no_place) nearest_.add({s.distances[s.kept[i]], 0, row});
    }
  }
  // Into s.numbers and s.distances, nearest first.
  void take(Scratch& s) {
    s.numbers.clear();
    s.distances.clear();
    for (const Hit& hit : nearest_.sorted()) {
      s.numbers.push_back(hit.row);
      s.distances.push_back(hit.key);
    }
  }

 private:
  const CodeRows rows_;
  const CodeQuery query_;
  TopK nearest_;
};

}  // namespace elanus
