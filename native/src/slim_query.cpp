#include "slim_query.h"
#include <algorithm>
#include <cstring>
#include "placing.h"
#include "slim_encode.h"

namespace elanus {

namespace {

void unpack_four(const uint8_t* row, uint32_t dims, int8_t* odd) {
  const uint32_t half = dims / 2;
  for (uint32_t j = 0; j < half; ++j) {
    odd[j] = (int8_t)(2 * (row[j] & 15) - 15);
    odd[j + half] = (int8_t)(2 * (row[j] >> 4) - 15);
  }
}

void unpack_six(const uint8_t* row, uint32_t dims, int8_t* odd) {
  const uint32_t half = dims / 2, quarter = dims / 4;
  const uint8_t* high = row + half;
  for (uint32_t j = 0; j < quarter; ++j) {
    odd[j] = (int8_t)(2 * ((row[j] & 15) | (high[j] & 3) << 4) - 63);
    odd[j + half] = (int8_t)(2 * ((row[j] >> 4) | (high[j] & 0x30)) - 63);
  }
  for (uint32_t j = 0; j < quarter; ++j) {
    odd[j + quarter] = (int8_t)(2 * ((row[j + quarter] & 15) | (high[j] & 12) << 2) - 63);
    odd[j + half + quarter] = (int8_t)(2 * ((row[j + quarter] >> 4) | (high[j] & 0xc0) >> 2) - 63);
  }
}

}  // namespace

SlimQuery::SlimQuery(const SlimIndex& index, const unsigned char* query, Scratch& s)
    : index_(index), shape_(index.shape), table_(table()), bytes_(shape_.code_bytes()) {
  const uint32_t dims = shape_.dims();
  numbers_.resize(shape_.dimension);
  numbers_of(shape_.layout(), query, numbers_.data());
  if (shape_.of_halves()) {
    norm_ = table_.norm(numbers_.data(), shape_.dimension);
    return;
  }
  s.work.resize(dims);
  own_codes_ = Buffer<int8_t>(dims, Owner::search);
  codes_ = index.grid.encode_query(numbers_.data(), s.work.data(), own_codes_.data()).codes;
  if (shape_.book_count()) prepare_tables(s.work.data());
  else if (shape_.bits != 8) unpacked_ = Buffer<int8_t>((size_t)unpacked_rows * dims, Owner::search);
}

void SlimQuery::prepare_tables(const float* point) {
  const BookShape book = shape_.book();
  const uint32_t padded = book.padded_words();
  words_.resize(shape_.book_count() * book.table_floats());
  float* out = words_.data();
  for (uint32_t stage = 0; stage < shape_.book_count(); ++stage)
    for (uint32_t i = 0; i < book.subspaces; ++i, out += padded) {
      const auto fill = shape_.codes == SlimCodes::book ? table_.lists.squares : table_.lists.products;
      fill(point + book.first(i), book.width(i), index_.words_of(stage, i), padded, out);
    }
}

void SlimQuery::distances(const uint32_t* rows, uint32_t count, float* out) {
  if (shape_.book_count())
    for (uint32_t i = 0; i < count; ++i) out[i] = of_words(rows[i]);
  else if (shape_.codes == SlimCodes::scalar) of_scalars(rows, count, out);
  else of_halves(rows, count, out);
}

float SlimQuery::of_words(uint32_t row) const {
  const uint8_t* codes = index_.codes.data() + row * bytes_;
  const uint32_t padded = shape_.book().padded_words(), bits = shape_.bits, count = shape_.subspaces * shape_.book_count();
  const float* words = words_.data();
  float sum[4] = {};
  uint32_t m = 0;
  if (bits == 8) {
    for (; m + 4 <= count; m += 4, words += 4 * (size_t)padded)
      for (uint32_t i = 0; i < 4; ++i) sum[i] += words[i * padded + codes[m + i]];
  }
  for (; m < count; ++m, words += padded) sum[m % 4] += words[code_at(codes, m, bits)];
  const float total = (sum[0] + sum[1]) + (sum[2] + sum[3]);
  return shape_.codes == SlimCodes::book ? total : index_.terms[row] - 2 * total;
}

void SlimQuery::of_scalars(const uint32_t* rows, uint32_t count, float* out) {
  const uint32_t dims = shape_.dims();
  const auto* terms = (const CodeTerms*)index_.terms.data();
  if (shape_.bits == 8) {
    const CodeRows all = {(const int8_t*)index_.codes.data(), terms, dims};
    return table_.graph.distances(&codes_, &all, rows, count, out);
  }
  CodeTerms own[unpacked_rows];
  uint32_t numbers[unpacked_rows];
  for (uint32_t first = 0; first < count; first += unpacked_rows) {
    const uint32_t some = std::min(unpacked_rows, count - first);
    for (uint32_t i = 0; i < some; ++i) {
      const uint8_t* row = index_.codes.data() + rows[first + i] * bytes_;
      (shape_.bits == 4 ? unpack_four : unpack_six)(row, dims, unpacked_.data() + (size_t)i * dims);
      own[i] = terms[rows[first + i]];
      numbers[i] = i;
    }
    const CodeRows unpacked = {unpacked_.data(), own, dims};
    table_.graph.distances(&codes_, &unpacked, numbers, some, out + first);
  }
}

void SlimQuery::of_halves(const uint32_t* rows, uint32_t count, float* out) const {
  const unsigned char* at[half_rows + tile_rows];
  float norms[half_rows];
  const QueryBlock query = {numbers_.data(), &norm_, 1};
  const Element element = shape_.codes == SlimCodes::float16 ? Element::float16 : Element::bfloat16;
  for (uint32_t first = 0; first < count; first += half_rows) {
    const uint32_t some = std::min(half_rows, count - first);
    for (uint32_t i = 0; i < some; ++i) at[i] = index_.codes.data() + rows[first + i] * bytes_;
    for (uint32_t i = 0; i < tile_rows; ++i) at[some + i] = at[some - 1];
    const RowBlock block = {at, some, shape_.dimension, true, element};
    table_.keys((Metric)shape_.metric, &query, &block, out + first, some, norms);
  }
}

}  // namespace elanus
