// The codes of rows in lists, from what is left of a row beside its centre: r = x - c, in steps of the grid.
//
//   byte     the row's own codes and their terms; |q - x|² as in a graph
//   book     words p of r:     |q - x|² ~ |q - c|² + t - 2 q·p,          t = |p|² + 2 c·p
//   nibble   the same with words of 4 bits, in blocks (simd/lists.h)
//   sign     s = signs of r:   |q - x|² ~ |q - c|² + t - 2 f q·s,        t = |r|² + 2 f c·s,  f = |r|² / Σ|r|     (RaBitQ: Gao, Long,
//            in groups of 4 dimensions, in blocks                                                                  SIGMOD 2024)
//
// So what a query brings, q·p or q·s, is one table for all lists.
//
// Always true: the same codes of rows and centres give the same bytes on every machine.
#pragma once
#include "lists.h"

namespace elanus {

// x - c of a placed row, dims floats.
void residual_of(const CodeRows& rows, uint32_t row, const Centres& centres, uint32_t centre, float* residual);

// Writes the codes and terms of one list: its rows in order.
class ListEncoder {
 public:
  ListEncoder(const ListsShape& shape, const CodeRows& rows, const Centres& centres, const Codebook& book);

  // `codes` and `terms` are those of the list's first slot, or first block.
  void encode(uint32_t centre, const uint32_t* numbers, uint32_t count, uint8_t* codes, float* terms, Scratch& s) const;

 private:
  void encode_book(uint32_t centre, const uint32_t* numbers, uint32_t count, uint8_t* codes, float* terms, Scratch& s) const;
  void encode_signs(uint32_t centre, const uint32_t* numbers, uint32_t count, uint8_t* codes, float* terms, Scratch& s) const;

  const ListsShape& shape_;
  const CodeRows rows_;
  const Centres& centres_;
  const Codebook& book_;
};

}  // namespace elanus
