// What stands for a row in a slim graph, made from its place on the grid, or, for halves, from the row itself.
//
//   book, stages   numbers of words, `bits` each, from the lowest bit on: stage 0 of all subspaces, stage 1, ...
//   scalar         8 bits: the codes of the grid
//                  4 bits: dims / 2 bytes, dimension j in the low half of byte j, dimension j + dims / 2 in the high half
//                  6 bits: the low four bits of each as with 4, then dims / 4 bytes: the high two bits of dimensions j, j + dims / 4, ...
//   halves         two bytes a dimension, as rows of halves are
//
//   terms          stages: |sum of the words|²; scalar: what a distance of codes needs (simd/graph.h)
//
// A scalar code c of b bits stands for (2c + 1 - 2^b) / 2 spacings, the same for all dimensions: they were rotated, so none is wider than
// others. The spacing is the best for normal numbers of the deviation that the rows have.
//
// Always true: the same rows give the same bytes on every machine: nothing here depends on the instruction set.
#pragma once
#include "graph.h"
#include "rows.h"
#include "slim.h"

namespace elanus {

// To the nearest, to even in a tie; beyond the greatest, the greatest.
uint16_t float16_of(float value);
uint16_t bfloat16_of(float value);

// The odd number that code c of so many bits stands for: half spacings.
inline int32_t odd_of(uint32_t code, uint32_t bits) { return 2 * (int32_t)code + 1 - (1 << bits); }

class SlimEncoder {
 public:
  SlimEncoder(const SlimShape& shape, const Graph& graph, const Rows& rows);

  // Before rows are encoded; the books of all stages.
  void prepare(std::vector<Codebook> books);
  // In steps of the grid.
  void values_of(uint32_t row, float* values) const;
  void encode(uint32_t row, uint8_t* codes, float* terms, Scratch& s) const;
  const std::vector<Codebook>& books() const { return books_; }

 private:
  void encode_words(uint32_t row, uint8_t* codes, float* terms, Scratch& s) const;
  void encode_scalar(uint32_t row, uint8_t* codes, float* terms, Scratch& s) const;
  void encode_halves(uint32_t row, uint8_t* codes, Scratch& s) const;
  double deviation() const;

  const SlimShape& shape_;
  const Graph& graph_;
  const Rows& rows_;
  std::vector<Codebook> books_;
  float spacing_ = 1;   // in codes of the grid
};

}  // namespace elanus
