// One query's walk through neighbour lists, a stage at a time, so that several walks of one thread take turns and none waits for memory.
//
// With a filter the walk goes through all rows, since the graph is connected only as a whole; allowed ones are found. It gives up as soon as
// the rows around it show that it will cost more than it may (walk_plan.h).
#pragma once
#include <optional>
#include "index.h"
#include "walk_plan.h"

namespace elanus {

class NeighbourWalk {
 public:
  NeighbourWalk(const Index& index, const GridQuery& query, Scratch& scratch) : index_(index), query_(query.codes), scratch_(scratch) {}

  // `most`: candidates wanted at the end.
  void begin(const WalkPlan& plan, uint32_t most, const Passing& passing, const WalkGoal& goal);
  WalkState step();
  // When it was lost: how to begin anew. No width: it is not worth it.
  WalkPlan anew() const { return anew_; }
  // When it has ended: what was found into scratch.numbers and scratch.distances, nearest first.
  void collect();
  // And how far it has seen: nothing that is allowed and nearer was left out, but for the misses that a graph has.
  float radius() const;

  uint32_t visits() const { return scratch_.walk.visits; }
  uint32_t distances() const { return scratch_.walk.distances; }

 private:
  WalkState judge(bool at_end);
  const Candidates& found() const { return scratch_.walk.passing.allowed ? scratch_.results : scratch_.frontier; }

  const Index& index_;
  const CodeQuery query_;
  Scratch& scratch_;
  WalkPlan plan_, anew_;
  std::optional<WalkGoal> goal_;
  uint32_t next_look_ = 0, before_ = 0;   // before: visits of walks that were given up
};

}  // namespace elanus
