// A graph while it is built: codes and neighbour lists with room for half as many neighbours again.
//
// Insertion goes in batches (ParlayANN: Manohar et al., PPoPP 2024): every row of a batch searches the graph as it was and chooses
// its neighbours (`link`); then the reverse edges, sorted by target, are added target by target (`merge`). A batch is at most a
// sixteenth of what is there, and at most 1,000.
//
// Always true:
//  - the same codes in the same order give the same graph, whatever the number of threads and the instruction set;
//  - there are no locks: within a phase each list is written by one caller, and lists that other callers read are not written at all.
//    Searches of a growing index (growing.h) may read any list at any time: slots are written one by one, whole;
//  - rows of equal codes ("twins") hang on the least of them, in ascending order, and only that one is in the graph.
//
// Not here: threads, rounds and phases (build.cpp).
#pragma once
#include <functional>
#include "scratch.h"

namespace elanus {

class Graph {
 public:
  Graph(uint32_t rows, uint32_t dims, uint32_t degree, uint32_t beam);
  // Over memory of the caller's, for rows that come one after the other.
  struct Memory {
    int8_t* codes;
    CodeTerms* terms;
    uint32_t* lists;   // `stride_of` slots a row
    uint16_t* degrees;
    uint64_t* hashes;
    uint8_t* sketches;
  };
  Graph(const Memory& memory, uint32_t capacity, uint32_t dims, uint32_t degree, uint32_t beam);
  static uint32_t stride_of(uint32_t degree) { return degree * 3 / 2; }
  void grow(uint32_t rows) { rows_ = rows; }   // so many are encoded
  uint64_t hash_of(uint32_t row) const { return hashes_[row]; }
  bool are_twins(uint32_t a, uint32_t b) const;

  // When the row's codes are there. Rows that are not placed stay outside of the graph.
  void encoded(uint32_t row, bool placed);
  // Before anything is linked: chains twins and makes `order`, shuffled.
  void chain_twins(uint64_t seed);
  uint32_t next_batch() const;
  // The next rows into `batch`, those that lie near each other one after another: their walks go through rows that the cache still has.
  uint32_t begin_batch(Scratch& scratch);
  void link(const uint32_t* rows, uint32_t count, Lender& lender);   // their walks take turns
  void gather_edges(const uint32_t* batch, uint32_t count);   // into `edges` and `targets`
  void merge(uint32_t target, Scratch& scratch);              // a number of a target
  void batch_done(uint32_t count);
  void trim(uint32_t row, Scratch& scratch);
  // The neighbours of a row, and in the slots that are left the nearest of their neighbours: an estimate of theirs costs nothing more.
  void fill_slots(uint32_t row, uint32_t slots, uint32_t* neighbours, Scratch& scratch) const;
  // Gives each row that the entries do not reach an edge from one that they reach. False if `stopped` said so.
  bool connect(Scratch& scratch, const std::function<bool()>& stopped);

  uint32_t rows() const { return rows_; }
  uint32_t dims() const { return dims_; }
  uint32_t degree() const { return degree_; }
  uint32_t beam() const { return beam_; }
  CodeRows code_rows() const { return {codes.data(), terms.data(), dims_}; }
  const uint32_t* list(uint32_t row) const { return neighbours_.data() + (size_t)row * stride_; }
  uint32_t degree_of(uint32_t row) const { return degrees_[row]; }

  Buffer<int8_t> codes;
  Buffer<CodeTerms> terms;
  std::vector<uint32_t> next_twin;   // empty if there are no twins
  std::vector<uint32_t> order;       // the rows that are in the graph or will be
  uint32_t inserted = 0;             // of `order`
  std::vector<uint32_t> batch;
  std::vector<uint32_t> entries;
  std::vector<uint64_t> edges;       // of the batch: target << 32 | source
  std::vector<uint32_t> targets;     // where the edges of each target begin, and the end of the last

 private:
  CodeQuery as_query(uint32_t row) const { return {codes.data() + (size_t)row * dims_, terms[row].norm, 2 * terms[row].ratio}; }
  Lists lists() const { return {neighbours_.data(), stride_, stride_, rows_, sketches_.data()}; }
  uint32_t* own_list(uint32_t row) { return neighbours_.data() + (size_t)row * stride_; }
  void set_list(uint32_t row, const uint32_t* neighbours, uint32_t count);
  void begin_walk(uint32_t row, Scratch& scratch) const;   // to what is near the row, by codes that stay
  bool step_walk(uint32_t row, Scratch& scratch) const;    // false: the frontier has them
  void keep_best(uint32_t row, Scratch& scratch);   // of scratch.numbers
  void choose_entries();

  uint32_t rows_;
  const uint32_t dims_, degree_, beam_, stride_;
  uint32_t entries_chosen_at_ = 0;
  Buffer<uint32_t> neighbours_;
  Buffer<uint16_t> degrees_;
  Buffer<uint64_t> hashes_;   // of codes; the lowest bit: placed
  Buffer<uint8_t> sketches_;
};

}  // namespace elanus
