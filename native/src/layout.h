// What a row is made of, and how many bytes that takes.
#pragma once
#include <cstdint>
#include "../simd/table.h"
#include "failure.h"

namespace elanus {

struct Layout {
  Element element;
  uint32_t dimension;   // bits of a binary row

  uint32_t entries() const { return element == Element::binary ? dimension / 8 : dimension; }
  uint32_t entry_bytes() const { return bytes_of_entry(element); }
  uint64_t row_bytes() const { return (uint64_t)entries() * entry_bytes(); }

  static uint32_t bytes_of_entry(Element element) {
    return element == Element::float32 ? 4 : element == Element::float16 || element == Element::bfloat16 ? 2 : 1;
  }
};

inline Element checked_element(uint32_t element) {
  if (element > ELANUS_BINARY) fail(ELANUS_INVALID, "element %u is not known", element);
  return (Element)element;
}

inline Layout checked_layout(uint32_t element, uint32_t dimension) {
  const bool bits = checked_element(element) == Element::binary;
  const uint32_t most = bits ? ELANUS_MAX_BINARY_DIMENSION : ELANUS_MAX_DIMENSION;
  if (dimension < 1 || dimension > most) fail(ELANUS_INVALID, "dimension %u is not in 1..%u", dimension, most);
  if (bits && dimension % 8) fail(ELANUS_INVALID, "dimension %u of binary rows is no multiple of 8", dimension);
  return {(Element)element, dimension};
}

inline bool is_of_bits(Metric metric) { return metric >= Metric::hamming; }
// Whether larger scores are better, and keys therefore turned.
inline bool is_turned(Metric metric) { return metric == Metric::ip || metric == Metric::cosine || metric == Metric::mhjaccard; }

}  // namespace elanus
