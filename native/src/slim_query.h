// A query of a slim graph: what it has ready for the codes of rows, and their distances.
//
//   book     a table of squares, [subspace][word]: the sum of what the codes point at
//   stages   a table of products, [stage][subspace][word]: |words|² - 2 times that sum
//   scalar   the query's codes on the grid: products of bytes, of unpacked codes where they have fewer than 8 bits
//   halves   the metric itself, of rows of halves
//
// Always true: a distance depends on the query and the row only; smaller is nearer. All but those of halves are the same bits on every
// machine.
#pragma once
#include <vector>
#include "slim.h"

namespace elanus {

class SlimQuery {
 public:
  // `query`: one entry as the rows have them. `s` is used now, not kept.
  SlimQuery(const SlimIndex& index, const unsigned char* query, Scratch& s);

  void distances(const uint32_t* rows, uint32_t count, float* out);
  void fetch(uint32_t row) const {   // into the second cache, as walks through graphs do (simd/codes.h)
    for (uint64_t b = 0; b < bytes_; b += 64) __builtin_prefetch(index_.codes.data() + row * bytes_ + b, 0, 2);
  }

 private:
  static constexpr uint32_t unpacked_rows = 16, half_rows = 64;

  void prepare_tables(const float* point);
  float of_words(uint32_t row) const;
  void of_scalars(const uint32_t* rows, uint32_t count, float* out);
  void of_halves(const uint32_t* rows, uint32_t count, float* out) const;

  const SlimIndex& index_;
  const SlimShape& shape_;
  const Table& table_;
  const uint64_t bytes_;
  CodeQuery codes_ = {};
  std::vector<float> words_, numbers_;   // tables; halves: the query
  float norm_ = 0;                       // halves: its length
  Buffer<int8_t> own_codes_, unpacked_;
};

}  // namespace elanus
