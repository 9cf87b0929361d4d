#include "slim_encode.h"
#include <algorithm>
#include <cmath>
#include <cstring>
#include "placing.h"

namespace elanus {

namespace {

// Of normal numbers of deviation 1, uniform, with the least squared error (Max, IRE Trans. 1960).
double best_spacing(uint32_t bits) { return bits == 4 ? 0.3352 : 0.1041; }

void put_scalar(uint8_t* row, uint32_t dims, uint32_t bits, uint32_t j, uint32_t code) {
  const uint32_t half = dims / 2, quarter = dims / 4;
  row[j % half] |= (uint8_t)((code & 15) << (j < half ? 0 : 4));
  if (bits == 6) row[half + j % quarter] |= (uint8_t)((code >> 4) << (2 * (j / quarter)));
}

constexpr float coarsest = 1e6f;   // as of the grid: beyond, the direction alone matters

uint32_t bits_of(float value) {
  uint32_t bits;
  std::memcpy(&bits, &value, sizeof bits);
  return bits;
}

}  // namespace

uint16_t float16_of(float value) {
  constexpr float most = 65504;
  const float size = std::min(std::fabs(value), most);
  const uint16_t sign = (uint16_t)(bits_of(value) >> 16 & 0x8000);
  // Below the least normal number every step is 2^-24.
  if (size < 0x1p-14f) return (uint16_t)(sign | (uint32_t)std::nearbyint(size * 0x1p24f));
  const uint32_t bits = bits_of(size), odd = bits >> 13 & 1;
  return (uint16_t)(sign | (((bits + 0xfff + odd) >> 13) - (112u << 10)));
}

uint16_t bfloat16_of(float value) {
  const uint32_t bits = bits_of(value), odd = bits >> 16 & 1, rounded = (bits + 0x7fff + odd) >> 16;
  return (uint16_t)((rounded & 0x7fff) < 0x7f80 ? rounded : (rounded & 0x8000) | 0x7f7f);
}

SlimEncoder::SlimEncoder(const SlimShape& shape, const Graph& graph, const Rows& rows) : shape_(shape), graph_(graph), rows_(rows) {}

void SlimEncoder::prepare(std::vector<Codebook> books) {
  books_ = std::move(books);
  if (shape_.codes != SlimCodes::scalar || shape_.bits == 8) return;
  const double spread = deviation();
  spacing_ = spread > 0 ? (float)(spread * best_spacing(shape_.bits)) : 1;
}

// Of the codes of the rows that have a place.
double SlimEncoder::deviation() const {
  double squares = 0;
  uint64_t rows = 0;
  for (uint32_t row = 0; row < graph_.rows(); ++row) {
    const CodeTerms& terms = graph_.terms[row];
    if (terms.norm >= norm_of_no_place) continue;
    squares += (double)terms.norm / ((double)terms.ratio * terms.ratio);
    ++rows;
  }
  return rows ? std::sqrt(squares / (double)rows / shape_.dims()) : 0;
}

void SlimEncoder::values_of(uint32_t row, float* values) const {
  const int8_t* codes = graph_.codes.data() + (size_t)row * shape_.dims();
  for (uint32_t j = 0; j < shape_.dims(); ++j) values[j] = codes[j] * graph_.terms[row].ratio;
}

void SlimEncoder::encode(uint32_t row, uint8_t* codes, float* terms, Scratch& s) const {
  switch (shape_.codes) {
    case SlimCodes::book:
    case SlimCodes::stages: return encode_words(row, codes, terms, s);
    case SlimCodes::scalar: return encode_scalar(row, codes, terms, s);
    case SlimCodes::float16:
    case SlimCodes::bfloat16: return encode_halves(row, codes, s);
  }
}

// Each stage takes the nearest words of what the stages before have left.
void SlimEncoder::encode_words(uint32_t row, uint8_t* codes, float* terms, Scratch& s) const {
  const BookShape book = shape_.book();
  const uint32_t dims = shape_.dims();
  s.work.resize(2 * (size_t)dims);
  s.numbers.resize(book.subspaces);
  s.distances.resize(book.padded_words());
  float *rest = s.work.data(), *sum = rest + dims;
  values_of(row, rest);
  std::copy_n(rest, dims, sum);
  for (uint32_t stage = 0; stage < books_.size(); ++stage) {
    books_[stage].encode(rest, s.numbers.data(), s.distances.data());
    for (uint32_t m = 0; m < book.subspaces; ++m) put_code(codes, stage * book.subspaces + m, book.bits, s.numbers[m]);
    if (shape_.codes == SlimCodes::stages) books_[stage].subtract(s.numbers.data(), rest);
  }
  if (shape_.codes != SlimCodes::stages) return;
  double norm = 0;
  for (uint32_t j = 0; j < dims; ++j) norm += (double)(sum[j] - rest[j]) * (sum[j] - rest[j]);
  terms[0] = (float)norm;
}

void SlimEncoder::encode_scalar(uint32_t row, uint8_t* codes, float* terms, Scratch& s) const {
  const uint32_t dims = shape_.dims(), bits = shape_.bits;
  const int8_t* grid = graph_.codes.data() + (size_t)row * dims;
  CodeTerms own = graph_.terms[row];
  if (bits == 8) {
    std::memcpy(codes, grid, dims);
  } else {
    const int32_t levels = 1 << bits;
    int32_t norm = 0;
    own.sum = 0;
    own.ratio = std::min(own.ratio * (spacing_ / 2), coarsest);
    s.kept.resize(dims);
    for (uint32_t j = 0; j < dims; ++j) {
      const auto code = (uint32_t)std::clamp((int32_t)std::floor((float)grid[j] / spacing_) + levels / 2, 0, levels - 1);
      put_scalar(codes, dims, bits, j, code);
      norm += odd_of(code, bits) * odd_of(code, bits);
      own.sum += odd_of(code, bits);
    }
    own.norm = own.norm < norm_of_no_place ? (float)norm * (own.ratio * own.ratio) : own.norm;
  }
  std::memcpy(terms, &own, sizeof own);
}

void SlimEncoder::encode_halves(uint32_t row, uint8_t* codes, Scratch& s) const {
  uint64_t run;
  s.work.resize(shape_.dimension);
  numbers_of(rows_.layout(), rows_.at(row, &run), s.work.data());
  for (uint32_t j = 0; j < shape_.dimension; ++j) {
    const uint16_t half = shape_.codes == SlimCodes::float16 ? float16_of(s.work[j]) : bfloat16_of(s.work[j]);
    std::memcpy(codes + 2 * (size_t)j, &half, sizeof half);
  }
}

}  // namespace elanus
