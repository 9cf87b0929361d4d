// Sketches of rows of codes: one bit a dimension and two factors, from which a walk through lists sees which rows are not worth the misses
// that reading their codes costs.
//
//      0            bits     one a dimension: whether the code is above 0
//      dims / 8     norm     f32, that of the row's terms
//      dims / 8 + 4 slope    f32, g times the row's ratio
//
// With s = the signs of the codes c, -1 or +1, and g = |c|² / |c|₁ it is q·c ≈ g (q·s) over random rotations, without bias (RaBitQ: Gao &
// Long, SIGMOD 2024), so that, with S = the sum of q where s is +1, and T the sum of all of q,
//
//      |q - c|²  ≈  |q|² + |c|² - 2 g (2 S - T)
//
// The deviation of 2 S - T is 0.6 |q|, whatever the row.
//
// Always true: S and T are whole numbers, and what follows is computed in one order: so the same rows are passed over on every machine.
#pragma once
#include "codes.h"

namespace elanus {
namespace {

#if defined(__AVX512VNNI__)

inline void signs_of(const int8_t* codes, uint32_t dims, uint8_t* bits) {
  for (uint32_t i = 0; i < dims; i += 64) {
    const uint64_t mask = _mm512_cmpgt_epi8_mask(_mm512_loadu_si512(codes + i), _mm512_setzero_si512());
    memcpy(bits + i / 8, &mask, sizeof mask);
  }
}

inline int32_t sum_where(const uint8_t* bits, const int8_t* query, uint32_t dims) {
  __m512i total = _mm512_setzero_si512();
  const __m512i one = _mm512_set1_epi8(1);
  for (uint32_t i = 0; i < dims; i += 64) {
    uint64_t mask;
    memcpy(&mask, bits + i / 8, sizeof mask);
    total = _mm512_dpbusd_epi32(total, _mm512_maskz_mov_epi8(mask, one), _mm512_loadu_si512(query + i));
  }
  return _mm512_reduce_add_epi32(total);
}

#elif defined(__AVX2__)

inline void signs_of(const int8_t* codes, uint32_t dims, uint8_t* bits) {
  for (uint32_t i = 0; i < dims; i += 32) {
    const __m256i above = _mm256_cmpgt_epi8(_mm256_loadu_si256((const __m256i*)(codes + i)), _mm256_setzero_si256());
    const int32_t mask = _mm256_movemask_epi8(above);
    memcpy(bits + i / 8, &mask, sizeof mask);
  }
}

inline int32_t sum_where(const uint8_t* bits, const int8_t* query, uint32_t dims) {
  __m256i total = _mm256_setzero_si256();
  const __m256i spread = _mm256_setr_epi64x(0, 0x0101010101010101, 0x0202020202020202, 0x0303030303030303);
  const __m256i own = _mm256_set1_epi64x((int64_t)0x8040201008040201u);
  for (uint32_t i = 0; i < dims; i += 32) {
    int32_t some;
    memcpy(&some, bits + i / 8, sizeof some);
    const __m256i there = _mm256_and_si256(_mm256_shuffle_epi8(_mm256_set1_epi32(some), spread), own);
    const __m256i q = _mm256_and_si256(_mm256_cmpeq_epi8(there, own), _mm256_loadu_si256((const __m256i*)(query + i)));
    total = _mm256_add_epi32(total, _mm256_madd_epi16(_mm256_maddubs_epi16(_mm256_set1_epi8(1), q), _mm256_set1_epi16(1)));
  }
  __m128i x = _mm_add_epi32(_mm256_castsi256_si128(total), _mm256_extracti128_si256(total, 1));
  x = _mm_add_epi32(x, _mm_shuffle_epi32(x, 0x4e));
  return _mm_cvtsi128_si32(_mm_add_epi32(x, _mm_shuffle_epi32(x, 0xb1)));
}

#else

// Eight codes in one word: the highest bit of each byte says whether it is neither 0 nor below, and a product gathers them in the last byte.
inline void signs_of(const int8_t* codes, uint32_t dims, uint8_t* bits) {
  constexpr uint64_t high = 0x8080808080808080u;
  for (uint32_t i = 0; i < dims; i += 8) {
    uint64_t eight;
    memcpy(&eight, codes + i, sizeof eight);
    const uint64_t above = ((eight & ~high) + ~high) & ~eight & high;
    bits[i / 8] = (uint8_t)((above >> 7) * 0x0102040810204080u >> 56);
  }
}

#if defined(ELANUS_NEON)

const uint8_t own_bits[16] = {1, 2, 4, 8, 16, 32, 64, 128, 1, 2, 4, 8, 16, 32, 64, 128};

inline int32_t sum_where(const uint8_t* bits, const int8_t* query, uint32_t dims) {
  int32x4_t total = vdupq_n_s32(0);
  const uint8x16_t own = vld1q_u8(own_bits);
  const int8x16_t one = vdupq_n_s8(1);
  for (uint32_t i = 0; i < dims; i += 16) {
    const uint8x16_t there = vtstq_u8(vcombine_u8(vdup_n_u8(bits[i / 8]), vdup_n_u8(bits[i / 8 + 1])), own);
    total = vdotq_s32(total, vandq_s8(vreinterpretq_s8_u8(there), vld1q_s8(query + i)), one);
  }
  return vaddvq_s32(total);
}

#else

inline int32_t sum_where(const uint8_t* bits, const int8_t* query, uint32_t dims) {
  int32_t total = 0;
  for (uint32_t i = 0; i < dims; i += 8)
    for (uint32_t j = 0; j < 8; ++j) total += -(bits[i / 8] >> j & 1) & query[i + j];
  return total;
}

#endif
#endif

void make_sketches(const CodeRows* rows, uint32_t first, uint32_t last, uint8_t* out) {
  for (uint32_t row = first; row < last; ++row, out += sketch_bytes(rows->dims)) {
    const int8_t* codes = codes_at(*rows, row);
    const CodeTerms terms = rows->terms[row];
    int32_t sizes = 0, squares = 0;
    for (uint32_t i = 0; i < rows->dims; ++i) {
      sizes += codes[i] < 0 ? -codes[i] : codes[i];
      squares += codes[i] * codes[i];
    }
    signs_of(codes, rows->dims, out);
    const float factors[2] = {terms.norm, sizes ? terms.ratio * ((float)squares / (float)sizes) : 0};
    memcpy(out + rows->dims / 8, factors, sizeof factors);
  }
}

// Deviations by which a row may be nearer than it seems. In walks: with fewer, those that want no more rows than hits find less; a walk meets
// most rows only once and a scan every row, but a walk has other ways to a row's neighbourhood.
constexpr float walk_deviations = 1.5f, scan_deviations = 3;

// What estimates need of a query besides its codes.
inline float sketch_offset(const CodeQuery& query, uint32_t dims, float deviations) {
  int32_t sum = 0, squares = 0;
  for (uint32_t i = 0; i < dims; ++i) {
    sum += query.codes[i];
    squares += query.codes[i] * query.codes[i];
  }
  return deviations * 0.6f * __builtin_sqrtf((float)squares) - (float)sum;
}

// The least that the distance may well be.
inline float least_distance(const CodeQuery& query, float offset, const uint8_t* sketch, uint32_t dims) {
  float factors[2];
  memcpy(factors, sketch + dims / 8, sizeof factors);
  const float along = 2 * (float)sum_where(sketch, query.codes, dims) + offset;
  return (query.norm + factors[0]) - query.twice * factors[1] * along;
}

// It may begin anywhere in a line.
inline __attribute__((always_inline)) void fetch_sketch(const uint8_t* sketch, uint32_t dims) {
  fetch_lines(sketch, dims / 8);
  fetch_line(sketch + sketch_bytes(dims) - 1);
}

// Nothing branches on a row.
uint32_t sift_rows(const CodeQuery* query, const uint8_t* sketches, uint32_t dims, const uint32_t* numbers, uint32_t count, float bound, uint32_t* near) {
  constexpr uint32_t far = 24;
  const float offset = sketch_offset(*query, dims, scan_deviations);
  const size_t bytes = sketch_bytes(dims);
  for (uint32_t i = 0; i < count && i < far; ++i) fetch_sketch(sketches + numbers[i] * bytes, dims);
  uint32_t kept = 0;
  for (uint32_t i = 0; i < count; ++i) {
    if (i + far < count) fetch_sketch(sketches + numbers[i + far] * bytes, dims);
    const uint32_t row = numbers[i];
    near[kept] = row;
    kept += least_distance(*query, offset, sketches + row * bytes, dims) < bound;
  }
  return kept;
}

}  // namespace
}  // namespace elanus
