// Sketches of rows of codes: one bit a dimension and two factors, from which a walk through lists sees which rows are not worth the misses
// that reading their codes costs.
//
//      0   norm     f32, that of the row's terms
//      4   slope    f32, g times the row's ratio
//      8   bits     one a dimension: whether the code is above 0
//
// With s = the signs of the codes c, -1 or +1, and g = |c|² / |c|₁ it is q·c ≈ g (q·s) over random rotations, without bias (RaBitQ: Gao &
// Long, SIGMOD 2024), so that, with S = the sum of q where s is +1, and T the sum of all of q,
//
//      |q - c|²  ≈  |q|² + |c|² - 2 g (2 S - T)
//
// Who scans many rows looks at their first bits only, which tell of most that they are too far away. Let w be the part of |q|² that lies in those
// dimensions, and S and T be sums over them: then 2 S - T is w (q·c) / g on average, and one divides by w. Codes are nearly Gaussian, of deviation
// σ = g √(2/π). So g (2 S - T) has a variance of g² w |q|², and a covariance of σ² w |q|² with q·c, whose own variance is σ² |q|². For a given q·c
// there remains g² w |q|² - σ² w² |q|², and (2 S - T) / w has a deviation of
//
//      |q| √(1/w - 2/π)        0.6 |q| by all bits, whatever the row
//
// Always true: S and T are whole numbers, and what follows is computed in one order: so the same rows are passed over on every machine.
#pragma once
#include "codes.h"

namespace elanus {
namespace {

// Sums of several rows side by side wait for one another less than those of one: half the time at 768 dimensions.
constexpr uint32_t rows_at_once = 4;

#if defined(__AVX512VNNI__)

inline void signs_of(const int8_t* codes, uint32_t dims, uint8_t* bits) {
  for (uint32_t i = 0; i < dims; i += 64) {
    const uint64_t mask = _mm512_cmpgt_epi8_mask(_mm512_loadu_si512(codes + i), _mm512_setzero_si512());
    memcpy(bits + i / 8, &mask, sizeof mask);
  }
}

inline void sums_where(const uint8_t* const* bits, const int8_t* query, uint32_t dims, int32_t* sums) {
  __m512i total[rows_at_once];
  for (__m512i& sum : total) sum = _mm512_setzero_si512();
  const __m512i one = _mm512_set1_epi8(1);
  for (uint32_t i = 0; i < dims; i += 64) {
    const __m512i q = _mm512_loadu_si512(query + i);
    for (uint32_t row = 0; row < rows_at_once; ++row) {
      uint64_t mask;
      memcpy(&mask, bits[row] + i / 8, sizeof mask);
      total[row] = _mm512_dpbusd_epi32(total[row], one, _mm512_maskz_mov_epi8(mask, q));
    }
  }
  const auto in_pairs = [](__m512i a, __m512i b) { return _mm512_add_epi32(_mm512_unpacklo_epi32(a, b), _mm512_unpackhi_epi32(a, b)); };
  const __m512i a = in_pairs(total[0], total[1]), b = in_pairs(total[2], total[3]);
  const __m512i all = _mm512_add_epi32(_mm512_unpacklo_epi64(a, b), _mm512_unpackhi_epi64(a, b));
  const __m256i half = _mm256_add_epi32(_mm512_castsi512_si256(all), _mm512_extracti64x4_epi64(all, 1));
  _mm_storeu_si128((__m128i*)sums, _mm_add_epi32(_mm256_castsi256_si128(half), _mm256_extracti128_si256(half, 1)));
}

#elif defined(__AVX2__)

inline void signs_of(const int8_t* codes, uint32_t dims, uint8_t* bits) {
  for (uint32_t i = 0; i < dims; i += 32) {
    const __m256i above = _mm256_cmpgt_epi8(_mm256_loadu_si256((const __m256i*)(codes + i)), _mm256_setzero_si256());
    const int32_t mask = _mm256_movemask_epi8(above);
    memcpy(bits + i / 8, &mask, sizeof mask);
  }
}

inline void sums_where(const uint8_t* const* bits, const int8_t* query, uint32_t dims, int32_t* sums) {
  __m256i total[rows_at_once];
  for (__m256i& sum : total) sum = _mm256_setzero_si256();
  const __m256i spread = _mm256_setr_epi64x(0, 0x0101010101010101, 0x0202020202020202, 0x0303030303030303);
  const __m256i own = _mm256_set1_epi64x((int64_t)0x8040201008040201u);
  for (uint32_t i = 0; i < dims; i += 32) {
    const __m256i q = _mm256_loadu_si256((const __m256i*)(query + i));
    for (uint32_t row = 0; row < rows_at_once; ++row) {
      int32_t some;
      memcpy(&some, bits[row] + i / 8, sizeof some);
      const __m256i there = _mm256_and_si256(_mm256_shuffle_epi8(_mm256_set1_epi32(some), spread), own);
      const __m256i wanted = _mm256_and_si256(_mm256_cmpeq_epi8(there, own), q);
      total[row] = _mm256_add_epi32(total[row], _mm256_madd_epi16(_mm256_maddubs_epi16(_mm256_set1_epi8(1), wanted), _mm256_set1_epi16(1)));
    }
  }
  const __m256i all = _mm256_hadd_epi32(_mm256_hadd_epi32(total[0], total[1]), _mm256_hadd_epi32(total[2], total[3]));
  _mm_storeu_si128((__m128i*)sums, _mm_add_epi32(_mm256_castsi256_si128(all), _mm256_extracti128_si256(all, 1)));
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

inline void sums_where(const uint8_t* const* bits, const int8_t* query, uint32_t dims, int32_t* sums) {
  int32x4_t total[rows_at_once];
  for (int32x4_t& sum : total) sum = vdupq_n_s32(0);
  const uint8x16_t own = vld1q_u8(own_bits);
  const int8x16_t one = vdupq_n_s8(1);
  for (uint32_t i = 0; i < dims; i += 16) {
    const int8x16_t q = vld1q_s8(query + i);
    for (uint32_t row = 0; row < rows_at_once; ++row) {
      const uint8_t* some = bits[row] + i / 8;
      const uint8x16_t there = vtstq_u8(vcombine_u8(vdup_n_u8(some[0]), vdup_n_u8(some[1])), own);
      total[row] = vdotq_s32(total[row], vandq_s8(vreinterpretq_s8_u8(there), q), one);
    }
  }
  for (uint32_t row = 0; row < rows_at_once; ++row) sums[row] = vaddvq_s32(total[row]);
}

#else

inline void sums_where(const uint8_t* const* bits, const int8_t* query, uint32_t dims, int32_t* sums) {
  for (uint32_t row = 0; row < rows_at_once; ++row) {
    int32_t total = 0;
    for (uint32_t i = 0; i < dims; i += 8)
      for (uint32_t j = 0; j < 8; ++j) total += -(bits[row][i / 8] >> j & 1) & query[i + j];
    sums[row] = total;
  }
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
    const float factors[2] = {terms.norm, sizes ? terms.ratio * ((float)squares / (float)sizes) : 0};
    memcpy(out, factors, sizeof factors);
    signs_of(codes, rows->dims, out + sizeof factors);
  }
}

// Deviations by which a row may be nearer than it seems. In walks: with fewer, those that want no more rows than hits find less; a walk meets
// most rows only once and a scan every row, but a walk has other ways to a row's neighbourhood.
constexpr float walk_deviations = 1.5f, scan_deviations = 3;

// What estimates by the first `dims` bits of sketches need of a query besides its codes: (q·c) / g may well be `scale` S + `offset`, and is hardly more.
struct SketchView {
  uint32_t dims;
  float scale, offset;
};
constexpr float scale_of_all = 2;   // by all bits

inline SketchView view_of(const CodeQuery& query, uint32_t all, uint32_t dims, float deviations) {
  int32_t sum = 0, squares = 0, unseen = 0;
  for (uint32_t i = 0; i < dims; ++i) {
    sum += query.codes[i];
    squares += query.codes[i] * query.codes[i];
  }
  for (uint32_t i = dims; i < all; ++i) unseen += query.codes[i] * query.codes[i];
  const float length = __builtin_sqrtf((float)(squares + unseen));
  if (!squares) return {dims, 0, deviations * length};
  const float part = (float)squares / (float)(squares + unseen);
  return {dims, scale_of_all / part, deviations * length * __builtin_sqrtf(1 / part - 0.64f) - (float)sum / part};
}

// Of so many rows at once: the least that their distances may well be.
inline __attribute__((always_inline)) void least_of_some(const CodeQuery& query, const SketchView& view, const uint8_t* sketches, size_t bytes,
                                                         const uint32_t* rows, float* least) {
  const uint8_t *at[rows_at_once], *bits[rows_at_once];
  int32_t sums[rows_at_once];
  for (uint32_t i = 0; i < rows_at_once; ++i) {
    at[i] = sketches + rows[i] * bytes;
    bits[i] = at[i] + 2 * sizeof(float);
  }
  sums_where(bits, query.codes, view.dims, sums);
  float norms[rows_at_once], slopes[rows_at_once], all[rows_at_once];
  for (uint32_t i = 0; i < rows_at_once; ++i) {
    memcpy(norms + i, at[i], sizeof(float));
    memcpy(slopes + i, at[i] + sizeof(float), sizeof(float));
  }
  for (uint32_t i = 0; i < rows_at_once; ++i)
    all[i] = (query.norm + norms[i]) - query.twice * slopes[i] * (view.scale * (float)sums[i] + view.offset);
  memcpy(least, all, sizeof all);
}

// Some rows from the i-th of a list on; where it ends, the last one again.
inline __attribute__((always_inline)) void copy_some(const uint32_t* numbers, uint32_t i, uint32_t count, uint32_t* rows) {
  for (uint32_t j = 0; j < rows_at_once; ++j) rows[j] = numbers[i + j < count ? i + j : count - 1];
}

// Of its first `dims` bits. It may begin anywhere in a line.
inline __attribute__((always_inline)) void fetch_sketch(const uint8_t* sketch, uint32_t dims) {
  fetch_lines(sketch, dims / 8);
  fetch_line(sketch + sketch_bytes(dims) - 1);
}

void least_distances(const CodeQuery* query, const uint8_t* sketches, uint32_t dims, uint32_t looked, const uint32_t* numbers, uint32_t count,
                     float* least) {
  constexpr uint32_t far = 32;
  const SketchView view = view_of(*query, dims, looked, scan_deviations);
  const size_t bytes = sketch_bytes(dims);
  const auto fetch = [&](uint32_t from, uint32_t to) __attribute__((always_inline)) {
    for (uint32_t i = from; i < to && i < count; ++i) fetch_sketch(sketches + numbers[i] * bytes, looked);
  };
  fetch(0, far);
  uint32_t i = 0;
  for (; i + rows_at_once <= count; i += rows_at_once) {
    fetch(i + far, i + far + rows_at_once);
    least_of_some(*query, view, sketches, bytes, numbers + i, least + i);
  }
  if (i == count) return;
  uint32_t rows[rows_at_once];
  float rest[rows_at_once];
  copy_some(numbers, i, count, rows);
  least_of_some(*query, view, sketches, bytes, rows, rest);
  memcpy(least + i, rest, (count - i) * sizeof(float));
}

}  // namespace
}  // namespace elanus
