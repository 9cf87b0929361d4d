// One query's walk through the blocks of a packed index, a step at a time, so that several walks of one thread take turns and none waits
// for memory.
//
// With a filter the walk goes through all rows, since the graph is connected only as a whole; allowed ones are found. What it may cost is
// told beforehand, and it gives up as soon as the rows around it show that it will cost more (walk_plan.h).
#pragma once
#include <optional>
#include "index.h"
#include "walk_plan.h"

namespace elanus {

class BlockWalk {
 public:
  // An estimate errs by a part of the distance that falls with the root of the dimension. So that the same width finds at least what a walk
  // through lists finds, few dimensions take more visits, and each of them is cheap. (Measured: 3 at 64 dimensions, 1 from 192 on.)
  static double width_factor(uint32_t dims);

  // `point` is the query on the grid, as Grid::encode_query leaves it; it is not needed any more when this returns.
  BlockWalk(const Index& index, const GridQuery& query, const float* point, Scratch& scratch);

  // `most`: candidates wanted at the end.
  void begin(const WalkPlan& plan, uint32_t most, const Passing& passing, const WalkGoal& goal);
  WalkState step();
  // When it was lost: how to begin anew. No width: it is not worth it.
  WalkPlan anew() const { return anew_; }
  // When it has ended: what was found into scratch.numbers and scratch.distances, nearest first. False if those are fewer than `wanted`.
  bool collect(uint32_t wanted);

  uint32_t visits() const { return state().visits; }
  uint32_t distances() const { return state().distances; }

 private:
  PackedWalk& state() const { return scratch_.packed.walk; }
  WalkState judge(bool at_end);
  size_t drop_hopeless(std::vector<uint64_t>& found, uint32_t wanted) const;

  const Index& index_;
  Scratch& scratch_;
  const Table& table_;
  const GridQuery grid_;
  const CodeQuery query_;
  const CodeRows rows_;
  const Blocks blocks_;
  SignSums sums_;
  WalkPlan plan_, anew_;
  std::optional<WalkGoal> goal_;
  uint32_t most_ = 0, next_look_ = 0, ended_at_ = 0, before_ = 0;   // before: visits of walks that were given up
};

}  // namespace elanus
