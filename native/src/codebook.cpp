#include "codebook.h"
#include <algorithm>

namespace elanus {

void Codebook::encode(const float* residual, uint32_t* codes, float* distances) const {
  for (uint32_t i = 0; i < shape.subspaces; ++i) {
    table().lists.squares(residual + shape.first(i), shape.width(i), of(i), shape.padded_words(), distances);
    codes[i] = (uint32_t)(std::min_element(distances, distances + shape.words()) - distances);
  }
}

void Codebook::subtract(const uint32_t* codes, float* residual) const {
  for (uint32_t i = 0; i < shape.subspaces; ++i)
    for (uint32_t j = 0; j < shape.width(i); ++j) residual[shape.first(i) + j] -= value(i, codes[i], j);
}

// The first words are rows, spread evenly; where rows are too few, words stay at the mean, which is 0.
BookTraining::BookTraining(const BookShape& shape, Buffer<float> residuals, uint32_t rows, bool leaves_rest)
    : shape_(shape), residuals_(std::move(residuals)), rows_(rows), leaves_rest_(leaves_rest) {
  book_.shape = shape;
  book_.words = Buffer<float>(shape.floats(), Owner::build);
  const uint32_t words = std::min(shape.words(), rows), padded = shape.padded_words();
  for (uint32_t word = 0; word < words; ++word) {
    const float* row = residuals_.data() + (uint64_t)word * rows / words * shape.dims;
    for (uint32_t j = 0; j < shape.dims; ++j) book_.words[(size_t)j * padded + word] = row[j];
  }
}

uint32_t BookTraining::nearest_word(uint32_t subspace, uint32_t row, Scratch& s) const {
  const float* values = residuals_.data() + (size_t)row * shape_.dims + shape_.first(subspace);
  s.distances.resize(shape_.padded_words());
  table().lists.squares(values, shape_.width(subspace), book_.of(subspace), shape_.padded_words(), s.distances.data());
  return (uint32_t)(std::min_element(s.distances.data(), s.distances.data() + shape_.words()) - s.distances.data());
}

void BookTraining::work(uint64_t piece, Scratch& s) {
  const uint32_t subspace = (uint32_t)piece, first = shape_.first(subspace), width = shape_.width(subspace), padded = shape_.padded_words();
  if (round_ == rounds) {
    for (uint32_t row = 0; row < rows_; ++row) {
      const uint32_t word = nearest_word(subspace, row, s);
      for (uint32_t j = 0; j < width; ++j) residuals_[(size_t)row * shape_.dims + first + j] -= book_.value(subspace, word, j);
    }
    return;
  }
  float* book = book_.words.data() + (size_t)first * padded;
  std::vector<double> sums((size_t)shape_.words() * width);
  std::vector<uint32_t> counts(shape_.words());
  for (uint32_t row = 0; row < rows_; ++row) {
    const float* values = residuals_.data() + (size_t)row * shape_.dims + first;
    const uint32_t word = nearest_word(subspace, row, s);
    ++counts[word];
    for (uint32_t j = 0; j < width; ++j) sums[(size_t)word * width + j] += values[j];
  }
  for (uint32_t word = 0; word < shape_.words(); ++word)
    if (counts[word])
      for (uint32_t j = 0; j < width; ++j) book[(size_t)j * padded + word] = (float)(sums[(size_t)word * width + j] / counts[word]);
}

bool BookTraining::next() { return ++round_ < rounds + leaves_rest_; }

}  // namespace elanus
