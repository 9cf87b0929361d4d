// Rows of packed postings. A row is the one before it (`base` before the first), one more, and a difference of `bits` bits; the differences
// are one little-endian stream, so that eight of them begin at a byte.
//
// Always true: `bits` is at most 25, or 32; up to 32 bytes behind the stream are read, and up to seven rows behind `count` are written.
#pragma once
#include <stdint.h>
#include <string.h>
#include "lanes.h"

namespace elanus {
namespace {

#if defined(__AVX2__)

struct UnpackTables {
  alignas(32) uint8_t pick[26][32];
  alignas(32) uint32_t shift[26][8];
  constexpr UnpackTables() : pick(), shift() {
    for (uint32_t bits = 0; bits < 26; ++bits)
      for (uint32_t i = 0; i < 8; ++i) {
        // The second half is loaded from the byte in which its first value begins.
        const uint32_t at = i < 4 ? i * bits : (4 * bits & 7) + (i - 4) * bits;
        shift[bits][i] = at & 7;
        for (uint32_t j = 0; j < 4; ++j) pick[bits][4 * i + j] = (uint8_t)((at >> 3) + j);
      }
  }
};
constexpr UnpackTables unpack_tables;

void unpack_rows(const uint8_t* in, uint32_t bits, uint32_t count, uint32_t base, uint32_t* rows) {
  const __m256i one = _mm256_set1_epi32(1), third = _mm256_set1_epi32(3), last = _mm256_set1_epi32(7), zero = _mm256_setzero_si256();
  const uint32_t entry = bits < 26 ? bits : 0, second = bits < 26 ? 4 * bits >> 3 : 0;
  const __m256i pick = _mm256_load_si256((const __m256i*)unpack_tables.pick[entry]), shift = _mm256_load_si256((const __m256i*)unpack_tables.shift[entry]);
  const __m256i mask = _mm256_set1_epi32(bits < 26 ? (int)((1u << bits) - 1) : -1);
  __m256i before = _mm256_set1_epi32((int)base);
  for (uint32_t i = 0; i < count; i += 8, in += bits) {
    __m256i v;
    if (bits < 26) {
      v = _mm256_set_m128i(_mm_loadu_si128((const __m128i*)(in + second)), _mm_loadu_si128((const __m128i*)in));
      v = _mm256_and_si256(_mm256_srlv_epi32(_mm256_shuffle_epi8(v, pick), shift), mask);
    } else {
      v = _mm256_loadu_si256((const __m256i*)in);
    }
    v = _mm256_add_epi32(v, one);
    v = _mm256_add_epi32(v, _mm256_slli_si256(v, 4));
    v = _mm256_add_epi32(v, _mm256_slli_si256(v, 8));
    v = _mm256_add_epi32(v, _mm256_blend_epi32(zero, _mm256_permutevar8x32_epi32(v, third), 0xf0));
    v = _mm256_add_epi32(v, before);
    before = _mm256_permutevar8x32_epi32(v, last);
    _mm256_storeu_si256((__m256i*)(rows + i), v);
  }
}

#else

void unpack_rows(const uint8_t* in, uint32_t bits, uint32_t count, uint32_t base, uint32_t* rows) {
  const uint64_t mask = ((uint64_t)1 << bits) - 1;
  for (uint32_t i = 0; i < count; ++i) {
    const uint64_t at = (uint64_t)i * bits;
    uint64_t word = 0;
    for (uint32_t j = 0; j < 5; ++j) word |= (uint64_t)in[(at >> 3) + j] << 8 * j;
    base += (uint32_t)(word >> (at & 7) & mask) + 1;
    rows[i] = base;
  }
}

#endif

}  // namespace
}  // namespace elanus
