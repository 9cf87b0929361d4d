// A product quantiser: the dimensions of a residual are cut into subspaces, and each has a book of 2^bits words (Jégou et al., PAMI 2011).
//
//   dimensions   | subspace 0 | subspace 1 | ...       as equal as they go: the first is dims i / subspaces
//   book         word count x dims floats: for each subspace, [dimension][word]
//
// Always true: the same residuals give the same book and codes on every machine: distances to words are added lane by lane in the order
// of dimensions, and means in doubles, in the order of the rows.
#pragma once
#include <algorithm>
#include <vector>
#include "dispatch.h"
#include "memory.h"
#include "scratch.h"

namespace elanus {

struct BookShape {
  uint32_t dims = 0, subspaces = 0, bits = 0;

  uint32_t words() const { return 1u << bits; }
  uint32_t padded_words() const { return (words() + book_multiple - 1) / book_multiple * book_multiple; }
  uint32_t first(uint32_t subspace) const { return (uint32_t)((uint64_t)dims * subspace / subspaces); }
  uint32_t width(uint32_t subspace) const { return first(subspace + 1) - first(subspace); }
  uint64_t floats() const { return (uint64_t)dims * padded_words(); }
  uint64_t table_floats() const { return (uint64_t)subspaces * padded_words(); }
};

// Number `subspace` of a row's codes: bits from bit subspace * bits on, lowest first. Two bytes behind the row are read.
inline uint32_t code_at(const uint8_t* row, uint32_t subspace, uint32_t bits) {
  const uint64_t at = (uint64_t)subspace * bits;
  uint32_t window = row[at / 8] | (uint32_t)row[at / 8 + 1] << 8 | (uint32_t)row[at / 8 + 2] << 16;
  return window >> at % 8 & ((1u << bits) - 1);
}
constexpr uint32_t bytes_behind_codes = 64;

inline void put_code(uint8_t* row, uint32_t subspace, uint32_t bits, uint32_t code) {
  const uint64_t at = (uint64_t)subspace * bits;
  for (uint32_t bit = 0; bit < bits; ++bit)
    if (code >> bit & 1) row[(at + bit) / 8] |= (uint8_t)(1 << ((at + bit) % 8));
}

struct Codebook {
  BookShape shape;
  Buffer<float> words;

  const float* of(uint32_t subspace) const { return words.data() + (size_t)shape.first(subspace) * shape.padded_words(); }
  // The nearest word of each subspace, the first of equals; `distances` has room for the padded words.
  void encode(const float* residual, uint32_t* codes, float* distances) const;
  // Takes the words of these codes from the residual.
  void subtract(const uint32_t* codes, float* residual) const;
  // Where word `code` of the subspace has its dimension `at`.
  float value(uint32_t subspace, uint32_t code, uint32_t at) const { return of(subspace)[(size_t)at * shape.padded_words() + code]; }
};

// Lloyd's rounds in each subspace, and where it is wanted one more, which leaves of every residual what its words do not say. A piece is a
// subspace.
class BookTraining {
 public:
  // `residuals`: rows x dims.
  BookTraining(const BookShape& shape, Buffer<float> residuals, uint32_t rows, bool leaves_rest = false);

  uint64_t pieces() const { return shape_.subspaces; }
  void work(uint64_t piece, Scratch& s);
  bool next();   // false: the book is made
  double share() const { return std::min(1., (double)round_ / rounds); }
  Codebook& book() { return book_; }
  uint32_t rows() const { return rows_; }
  Buffer<float> rest() { return std::move(residuals_); }   // when the book is made, if it was wanted

  static constexpr uint32_t rounds = 10;

 private:
  uint32_t nearest_word(uint32_t subspace, uint32_t row, Scratch& s) const;

  const BookShape shape_;
  Buffer<float> residuals_;
  const uint32_t rows_;
  const bool leaves_rest_;
  uint32_t round_ = 0;
  Codebook book_;
};

}  // namespace elanus
