// A fixed random rotation in O(d log d): sign flips and Hadamard transforms (Ailon & Chazelle 2006), three or four rounds.
//
// Rotated coordinates have nearly equal variance whatever the data looked like, so that one grid serves all of them. If `dims`, a
// multiple of 64, is no power of two, a window of the largest power of two alternates between both ends, and a butterfly of the
// two halves after each round mixes what only one window saw.
//
// Always true: the transform is orthonormal, and its bits are the same everywhere: each element is added in one order.
#pragma once
#include "lanes.h"

namespace elanus {
namespace {

inline void hadamard_window(float* x, uint32_t n) {
  constexpr uint32_t w = F32::lanes, span = 8 * w;
  const F32 scale = F32::fill(1 / __builtin_sqrtf((float)n));
  uint32_t level = w;
  if (n >= span) {
    for (uint32_t i = 0; i < n; i += span) {
      F32 r[8];
      for (uint32_t j = 0; j < 8; ++j) r[j] = hadamard(F32::load(x + i + j * w) * scale);
      for (uint32_t h = 1; h < 8; h *= 2)
        for (uint32_t j = 0; j < 8; ++j)
          if (!(j & h)) {
            const F32 a = r[j], b = r[j + h];
            r[j] = a + b;
            r[j + h] = a - b;
          }
      for (uint32_t j = 0; j < 8; ++j) r[j].store(x + i + j * w);
    }
    level = span;
  } else {
    for (uint32_t i = 0; i < n; i += w) hadamard(F32::load(x + i) * scale).store(x + i);
  }
  for (uint32_t h = level; h < n; h *= 2)
    for (uint32_t i = 0; i < n; i += 2 * h)
      for (uint32_t j = i; j < i + h; j += w) {
        const F32 a = F32::load(x + j), b = F32::load(x + j + h);
        (a + b).store(x + j);
        (a - b).store(x + j + h);
      }
}

void rotate(float* x, uint32_t dims, const float* signs) {
  constexpr uint32_t w = F32::lanes;
  uint32_t window = 64;
  while (2 * window <= dims) window *= 2;
  const uint32_t rounds = window == dims ? 3 : 4, half = dims / 2;
  const F32 root = F32::fill(0.70710678f);
  for (uint32_t round = 0; round < rounds; ++round) {
    for (uint32_t i = 0; i < dims; i += w) (F32::load(x + i) * F32::load(signs + (size_t)round * dims + i)).store(x + i);
    if (window == dims) {
      hadamard_window(x, dims);
      continue;
    }
    hadamard_window(round & 1 ? x + dims - window : x, window);
    for (uint32_t i = 0; i < half; i += w) {
      const F32 a = F32::load(x + i), b = F32::load(x + half + i);
      ((a + b) * root).store(x + i);
      ((a - b) * root).store(x + half + i);
    }
  }
}

}  // namespace
}  // namespace elanus
