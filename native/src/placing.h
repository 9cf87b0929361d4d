// Rows find their places on the grid: the first phases of every build that works on codes.
//
//   lengths (IP) -> mean -> spread -> encode
//
// Always true: what a piece does depends on its number only, and partial sums are added in the order of pieces, so grid and codes do not
// depend on threads, nor on the instruction set.
#pragma once
#include <functional>
#include <memory>
#include "grid.h"
#include "rows.h"
#include "scratch.h"

namespace elanus {

// A row, or a query, as numbers: bits are 0 and 1, so that squared distances count those that differ.
void numbers_of(const Layout& layout, const unsigned char* row, float* numbers);

class Placing {
 public:
  // Where the codes go: room for all rows. `encoded` is told of each row, on any thread; a row without direction is not placed.
  struct Target {
    int8_t* codes = nullptr;
    CodeTerms* terms = nullptr;
    std::function<void(uint32_t row, bool placed)> encoded;
    float least = usual_step;   // of codes: grid.h
  };
  // `target` is asked for before the first row is encoded.
  Placing(std::shared_ptr<Rows> rows, uint32_t count, Metric metric, uint64_t seed, std::function<Target()> target, std::function<bool()> stopped);

  uint64_t begin();   // the pieces of the first phase
  void work(uint64_t piece, Scratch& scratch);
  uint64_t next();    // when all pieces have run: the pieces of the next phase; 0: all rows are encoded
  void let_go() {
    rows_.reset();
    sums_ = {};
  }
  const Grid& grid() const { return grid_; }

 private:
  enum class Phase { lengths, mean, spread, encode };
  struct Sums {
    double total = 0, most = 0;
    uint64_t rows = 0;
    std::vector<double> of;
  };

  uint64_t sample_size() const;
  uint64_t begin(Phase phase);
  template <class Use> void use_row(uint64_t row, Scratch& s, Use use);
  template <class Use> void each_row(uint64_t piece, Scratch& s, Use use);
  template <class Use> void each_of_sample(uint64_t piece, Scratch& s, Use use);
  void sum_lengths(uint64_t piece, Scratch& s);
  void sum_rows(uint64_t piece, Scratch& s);
  void spread_rows(uint64_t piece, Scratch& s);
  void encode_rows(uint64_t piece, Scratch& s);
  void add_lengths();
  void add_means();
  void add_spread();

  std::shared_ptr<Rows> rows_;
  const uint32_t count_, dimension_, dims_;
  const uint64_t piece_rows_, sample_;
  const std::function<Target()> make_target_;
  const std::function<bool()> stopped_;
  Phase phase_;
  Target target_;
  Grid grid_;
  std::vector<Sums> sums_;   // one a piece
};

}  // namespace elanus
