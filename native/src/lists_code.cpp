#include "lists_code.h"
#include <algorithm>
#include <cmath>
#include <cstring>

namespace elanus {

namespace {

void put_nibble(uint8_t* block, uint32_t row_of_block, uint32_t group, uint32_t code) {
  block[(size_t)group * bytes_of_group + row_of_block % 16] |= (uint8_t)(code << (row_of_block < 16 ? 0 : 4));
}

// A centre's values, in steps of the grid.
void centre_values(const Centres& centres, uint32_t centre, float* values) {
  const int8_t* codes = centres.codes.data() + (size_t)centre * centres.dims;
  const float ratio = centres.terms[centre].ratio;
  for (uint32_t j = 0; j < centres.dims; ++j) values[j] = codes[j] * ratio;
}

}  // namespace

void residual_of(const CodeRows& rows, uint32_t row, const Centres& centres, uint32_t centre, float* residual) {
  const int8_t* x = rows.codes + (size_t)row * rows.dims;
  const int8_t* c = centres.codes.data() + (size_t)centre * rows.dims;
  const float x_ratio = rows.terms[row].ratio, c_ratio = centres.terms[centre].ratio;
  for (uint32_t j = 0; j < rows.dims; ++j) residual[j] = x[j] * x_ratio - c[j] * c_ratio;
}

ListEncoder::ListEncoder(const ListsShape& shape, const CodeRows& rows, const Centres& centres, const Codebook& book)
    : shape_(shape), rows_(rows), centres_(centres), book_(book) {}

void ListEncoder::encode(uint32_t centre, const uint32_t* numbers, uint32_t count, uint8_t* codes, float* terms, Scratch& s) const {
  const uint32_t dims = shape_.dims();
  switch (shape_.codes) {
    case RowCodes::none: return;
    case RowCodes::byte:
      for (uint32_t i = 0; i < count; ++i) {
        std::memcpy(codes + (size_t)i * dims, rows_.codes + (size_t)numbers[i] * dims, dims);
        std::memcpy((CodeTerms*)terms + i, rows_.terms + numbers[i], sizeof(CodeTerms));
      }
      return;
    case RowCodes::book:
    case RowCodes::nibble: return encode_book(centre, numbers, count, codes, terms, s);
    case RowCodes::sign: return encode_signs(centre, numbers, count, codes, terms, s);
  }
}

void ListEncoder::encode_book(uint32_t centre, const uint32_t* numbers, uint32_t count, uint8_t* codes, float* terms, Scratch& s) const {
  const BookShape& book = book_.shape;
  s.work.resize(2 * book.dims);
  s.distances.resize(book.padded_words());
  s.numbers.resize(book.subspaces);
  float *residual = s.work.data(), *c = residual + book.dims;
  centre_values(centres_, centre, c);
  for (uint32_t i = 0; i < count; ++i) {
    residual_of(rows_, numbers[i], centres_, centre, residual);
    book_.encode(residual, s.numbers.data(), s.distances.data());
    double term = 0;
    for (uint32_t m = 0; m < book.subspaces; ++m) {
      const uint32_t code = s.numbers[m], first = book.first(m);
      for (uint32_t j = 0; j < book.width(m); ++j) {
        const double p = book_.value(m, code, j);
        term += p * (p + 2.0 * c[first + j]);
      }
      if (shape_.codes == RowCodes::nibble) put_nibble(codes + i / block_of_codes * shape_.code_bytes(), i % block_of_codes, m, code);
      else put_code(codes + i * shape_.code_bytes(), m, book.bits, code);
    }
    terms[i] = (float)term;
  }
}

void ListEncoder::encode_signs(uint32_t centre, const uint32_t* numbers, uint32_t count, uint8_t* codes, float* terms, Scratch& s) const {
  const uint32_t dims = shape_.dims();
  s.work.resize(2 * dims);
  float *residual = s.work.data(), *c = residual + dims;
  centre_values(centres_, centre, c);
  for (uint32_t i = 0; i < count; ++i) {
    residual_of(rows_, numbers[i], centres_, centre, residual);
    double square = 0, size = 0, along = 0;
    for (uint32_t j = 0; j < dims; ++j) {
      const double r = residual[j];
      square += r * r;
      size += std::fabs(r);
      along += r < 0 ? -c[j] : c[j];
    }
    const double factor = size > 0 ? square / size : 0;
    terms[2 * i] = (float)(square + 2 * factor * along);
    terms[2 * i + 1] = (float)factor;
    for (uint32_t group = 0; group < dims / 4; ++group) {
      uint32_t code = 0;
      for (uint32_t bit = 0; bit < 4; ++bit) code |= (residual[4 * group + bit] < 0 ? 0u : 1u) << bit;
      put_nibble(codes + i / block_of_codes * shape_.code_bytes(), i % block_of_codes, group, code);
    }
  }
}

}  // namespace elanus
