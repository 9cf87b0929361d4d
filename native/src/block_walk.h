// One query's walk through the blocks of a packed index, a step at a time, so that several walks of one thread take turns and none waits
// for memory.
//
// With a filter the walk goes through all rows, since the graph is connected only as a whole; allowed ones are found. It is as wide as
// chance wants it for `width` allowed rows, and watched as walks through lists are (index_search.cpp).
#pragma once
#include "index.h"

namespace elanus {

class BlockWalk {
 public:
  // An estimate errs by a part of the distance that falls with the root of the dimension. So that the same width finds at least what a walk
  // through lists finds, few dimensions take more visits, and each of them is cheap. (Measured: 3 at 64 dimensions, 1 from 192 on.)
  static double width_factor(uint32_t dims);

  // `point` is the query on the grid, as Grid::encode_query leaves it; it is not needed any more when this returns.
  BlockWalk(const Index& index, const GridQuery& query, const float* point, Scratch& scratch);

  // `most`: candidates wanted at the end. `allowed` null: all rows.
  void begin(uint32_t width, uint32_t most, const uint8_t* allowed, uint64_t allowed_count);
  enum class State { going, ended, lost };   // lost: what is near seems to be barred, or it took too long
  State step();
  // At the end: what was found into scratch.numbers and scratch.distances, nearest first. False if it cannot be trusted to hold the
  // `wanted` nearest allowed rows.
  bool collect(uint32_t wanted);

  uint32_t visits() const { return state().visits; }
  uint32_t distances() const { return state().distances; }

 private:
  PackedWalk& state() const { return scratch_.packed.walk; }

  const Index& index_;
  Scratch& scratch_;
  const Table& table_;
  const CodeQuery query_;
  const CodeRows rows_;
  const Blocks blocks_;
  SignSums sums_;
  uint32_t most_ = 0, watched_ = 0;
  uint64_t most_visits_ = 0;
  double share_ = 1;
  bool is_cut_ = false;   // ended by its number of visits
};

}  // namespace elanus
