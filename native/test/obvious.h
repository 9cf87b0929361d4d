// Rows of every element, and their scores in obvious code: what the exact searches are held to.
#pragma once
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <random>
#include <vector>
#include "../include/elanus_kernel.h"

static float widened(uint32_t element, const unsigned char* row, uint32_t i) {
  if (element == ELANUS_INT8) return (float)(int8_t)row[i];
  uint32_t bits;
  if (element == ELANUS_FLOAT32) {
    std::memcpy(&bits, row + 4 * i, 4);
  } else {
    uint16_t half;
    std::memcpy(&half, row + 2 * i, 2);
    if (element == ELANUS_FLOAT16) {
      const float size = (float)std::ldexp(half & 0x7c00 ? (half & 0x3ff) + 1024 : half & 0x3ff, half & 0x7c00 ? (half >> 10 & 31) - 25 : -24);
      return half & 0x8000 ? -size : size;
    }
    bits = (uint32_t)half << 16;
  }
  float value;
  std::memcpy(&value, &bits, 4);
  return value;
}

static float score_of(uint32_t element, uint32_t metric, const unsigned char* q, const unsigned char* x, uint32_t dimension, uint32_t hash_bits) {
  if (element == ELANUS_BINARY) {
    uint32_t shared = 0, of_q = 0, of_x = 0, equal = 0;
    for (uint32_t i = 0; i < dimension / 8; ++i) {
      shared += (uint32_t)__builtin_popcount(q[i] & x[i]);
      of_q += (uint32_t)__builtin_popcount(q[i]);
      of_x += (uint32_t)__builtin_popcount(x[i]);
    }
    for (uint32_t i = 0; metric == ELANUS_MHJACCARD && i < dimension / 8; i += hash_bits / 8) equal += !std::memcmp(q + i, x + i, hash_bits / 8);
    const uint32_t all = of_q + of_x - shared;
    switch (metric) {
      case ELANUS_HAMMING: return (float)(of_q + of_x - 2 * shared);
      case ELANUS_JACCARD: return shared ? (float)(all - shared) / (float)all : 1;
      case ELANUS_SUBSTRUCTURE: return shared == of_q ? 0 : NAN;
      case ELANUS_SUPERSTRUCTURE: return shared == of_x ? 0 : NAN;
      default: return equal ? (float)equal / (float)(dimension / hash_bits) : NAN;
    }
  }
  double dot = 0, distance = 0, qq = 0, xx = 0;
  for (uint32_t i = 0; i < dimension; ++i) {
    const double a = widened(element, q, i), b = widened(element, x, i);
    dot += a * b;
    distance += (a - b) * (a - b);
    qq += a * a;
    xx += b * b;
  }
  if (metric == ELANUS_L2) return (float)distance;
  if (metric == ELANUS_IP) return (float)dot;
  const float lengths = std::sqrt((float)qq) * std::sqrt((float)xx);
  return lengths == 0 ? 0 : std::clamp((float)dot / lengths, -1.f, 1.f);
}

static const uint32_t bytes_of_entry[] = {4, 2, 2, 1, 1};

// Small whole numbers; any bits for rows of bits.
static std::vector<unsigned char> drawn_entries(uint32_t element, std::mt19937& random, size_t count) {
  std::vector<unsigned char> bytes(count * bytes_of_entry[element]);
  for (size_t i = 0; i < count; ++i) {
    const float value = (float)(int)(random() % 15) - 7;
    if (element >= ELANUS_INT8) {
      bytes[i] = element == ELANUS_INT8 ? (unsigned char)(random() % 256) : (unsigned char)(random() % 3 ? random() : 0);
    } else if (element == ELANUS_FLOAT16) {
      const int size = std::abs((int)value), exponent = size ? 31 - __builtin_clz((unsigned)size) : 0;
      const uint16_t half = (uint16_t)((value < 0 ? 0x8000 : 0) | (size ? (exponent + 15) << 10 | ((size << 10 >> exponent) & 0x3ff) : 0));
      std::memcpy(bytes.data() + 2 * i, &half, 2);
    } else {
      uint32_t bits;
      std::memcpy(&bits, &value, 4);
      const uint16_t upper = (uint16_t)(bits >> 16);
      if (element == ELANUS_FLOAT32) std::memcpy(bytes.data() + 4 * i, &bits, 4);
      else std::memcpy(bytes.data() + 2 * i, &upper, 2);
    }
  }
  return bytes;
}
