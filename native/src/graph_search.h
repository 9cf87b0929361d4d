// A search of a graph: the job, and what its parts share.
//
//   index_search   the rule: which of the ways to the nearest rows is gone
//   graph_walks    walks through blocks and lists, as wide as filter and query turn out to need
//   graph_scans    scans of codes, of clusters' codes, of raw rows
//   second_look    candidates are scored by their raw values
//
// Always true: nothing here changes after `prepare` but what a call was given, so that pieces run side by side.
#pragma once
#include <optional>
#include "best.h"
#include "block_walk.h"
#include "index_job.h"
#include "neighbour_walk.h"
#include "search_costs.h"

namespace elanus {

constexpr uint32_t least_width = 10;          // fewer, and a walk ends in the first hollow
constexpr uint32_t slice_visits = 64;         // between two questions whether to go on
constexpr double list_spread = 2;             // walk_plan.h: where every distance is known, as many visits find less than by blocks

class GraphSearch final : public IndexJob {
 public:
  GraphSearch(const elanus_index_search& plan, std::shared_ptr<const Index> index, elanus_done done, void* context);

  // Instead of running as a job: one query, on the calling thread, in turn with other searches.
  void begin_lone();
  bool step_lone();   // false: it is answered

 protected:
  void answer_some(uint64_t first, uint64_t last, Effort& effort) const override;
  void let_go() override { index_.reset(); }

 private:
  // One query on its way.
  struct Asked {
    QueryBlock exact;
    GridQuery grid;
    Best best;
    Scratch& s;
    Effort& effort;
    std::vector<uint32_t> pending;   // rows whose scores are wanted
    uint64_t query;
    std::optional<BlockWalk> blocks;       // one of these
    std::optional<NeighbourWalk> lists;
  };
  struct Turn {
    Borrowed scratch;
    std::optional<Asked> asked;
    explicit Turn(Lender& lender) : scratch(lender) {}
  };

  void ask(uint64_t query, Scratch& s, Effort& effort, std::optional<Asked>& asked) const;
  void answer(uint64_t query, Scratch& s, Effort& effort) const;
  void answer_in_turn(uint64_t first, uint64_t last, Effort& effort) const;
  bool begins_with_walk() const;
  void begin_turn(Turn& turn, uint64_t query, Effort& effort) const;
  bool step_turn(Turn& turn) const;   // false: it is answered
  // The last hits are those that a walk misses, so it wants some more than hits.
  uint32_t width() const { return std::max({plan_.ef, plan_.k + plan_.k / 8, least_width}); }
  uint32_t most_looks() const { return std::max(4 * plan_.k, plan_.k + 54); }   // the bound on errors of codes mostly ends it far sooner
  bool is_filtered() const { return plan_.allowed && !plan_.unfiltered; }
  WalkGoal goal(bool by_blocks) const;
  WalkPlan first_walk(const Asked& a) const { return plan_.allowed ? goal(a.blocks.has_value()).among() : goal(a.blocks.has_value()).everywhere(); }
  double share() const { return (double)allowed_count_ / rows_; }
  uint32_t wanted() const { return (uint32_t)std::min<uint64_t>(plan_.k, allowed_count_); }
  double scan_cost() const {
    return (double)allowed_count_ * code_cost(*index_, plan_.allowed ? share() : 0) + rows_ / 64 * word_cost;
  }
  void write_hits(Asked& a) const;
  void find_nearest(Asked& a) const;
  void find_after_walk(Asked& a, bool found) const;
  void begin_walk(Asked& a, const WalkPlan& plan) const;
  WalkState step_walk(Asked& a) const;
  bool end_walk(Asked& a, WalkState state) const;
  bool walk(Asked& a, WalkPlan plan) const;
  void find_ring(Asked& a) const;
  bool walk_ring(Asked& a, const WalkGoal& goal) const;
  void scan_codes(Asked& a) const;
  bool scan_clusters(Asked& a) const;
  void scan_raw(Asked& a) const;
  template <class Use> void each_allowed(Scratch& s, Use use) const;
  uint32_t list_allowed(uint64_t* word, uint64_t last, uint32_t* rows) const;
  void look_again(Asked& a, uint32_t most, bool with_twins) const;
  void look_at_ring(Asked& a) const;
  void look_at_zero_rows(Asked& a) const;
  void look_outside(Asked& a) const;
  void look_behind(Asked& a) const;
  void propose(Asked& a, uint32_t row) const;
  void propose_twins(Asked& a, uint32_t row) const;
  void settle_pending(Asked& a) const;
  float least_key(const Asked& a, float distance, float ratio) const;
  float most_key(const Asked& a, float distance, float ratio) const;
  float ratio_of(uint32_t row) const { return index_->terms[row].ratio; }

  std::shared_ptr<const Index> index_;
  const uint32_t dims_;
  const Passing passing_;
  std::optional<Turn> lone_;
  Effort lone_effort_;
};

}  // namespace elanus
