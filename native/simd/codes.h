// Distances between rows of int8 codes: dot products of bytes, four ways, exact and therefore the same everywhere.
//
// Always true: with at most 32,832 dimensions no sum leaves 32 bits, also for terms that a damaged file could hold within the
// bounds that are checked when it is opened.
#pragma once
#include "graph.h"
#include "lanes.h"

namespace elanus {
namespace {

#if defined(__AVX512VNNI__)

struct ByteDot {
  static constexpr uint32_t bytes = 64;
  __m512i total = _mm512_setzero_si512();
  // VNNI multiplies unsigned by signed: the query is moved up by 128, and the surplus, 128 Σrow, leaves in `value`.
  void add(const int8_t* query, const int8_t* row) {
    const __m512i q = _mm512_xor_si512(_mm512_loadu_si512(query), _mm512_set1_epi8((char)0x80));
    total = _mm512_dpbusd_epi32(total, q, _mm512_loadu_si512(row));
  }
  int32_t value(int32_t row_sum) const { return _mm512_reduce_add_epi32(total) - 128 * row_sum; }
};

#elif defined(__AVX2__)

struct ByteDot {
  static constexpr uint32_t bytes = 32;
  __m256i total = _mm256_setzero_si256();
  // |q| times the row with the sign of q: two products of codes within ±127 are at most 32,258, so 16 bits never saturate.
  void add(const int8_t* query, const int8_t* row) {
    const __m256i q = _mm256_loadu_si256((const __m256i*)query), r = _mm256_loadu_si256((const __m256i*)row);
    const __m256i pairs = _mm256_maddubs_epi16(_mm256_abs_epi8(q), _mm256_sign_epi8(r, q));
    total = _mm256_add_epi32(total, _mm256_madd_epi16(pairs, _mm256_set1_epi16(1)));
  }
  int32_t value(int32_t) const {
    __m128i x = _mm_add_epi32(_mm256_castsi256_si128(total), _mm256_extracti128_si256(total, 1));
    x = _mm_add_epi32(x, _mm_shuffle_epi32(x, 0x4e));
    return _mm_cvtsi128_si32(_mm_add_epi32(x, _mm_shuffle_epi32(x, 0xb1)));
  }
};

#elif defined(ELANUS_NEON)

struct ByteDot {
  static constexpr uint32_t bytes = 64;
  int32x4_t even = vdupq_n_s32(0), odd = even;
  void add(const int8_t* query, const int8_t* row) {
    even = vdotq_s32(even, vld1q_s8(query), vld1q_s8(row));
    odd = vdotq_s32(odd, vld1q_s8(query + 16), vld1q_s8(row + 16));
    even = vdotq_s32(even, vld1q_s8(query + 32), vld1q_s8(row + 32));
    odd = vdotq_s32(odd, vld1q_s8(query + 48), vld1q_s8(row + 48));
  }
  int32_t value(int32_t) const { return vaddvq_s32(vaddq_s32(even, odd)); }
};

#else

struct ByteDot {
  static constexpr uint32_t bytes = 64;
  int32_t total = 0;
  void add(const int8_t* query, const int8_t* row) {
    int32_t sum = 0;
    for (uint32_t i = 0; i < bytes; ++i) sum += (int16_t)query[i] * (int16_t)row[i];
    total += sum;
  }
  int32_t value(int32_t) const { return total; }
};

#endif

// Into the second cache: its queue of misses is longer than the first one's, which is full long before the lines of a visit are asked for, and then
// the processor waits. Always inlined: a compiler may take a function that only fetches for one without effect, and drop its calls.
inline __attribute__((always_inline)) void fetch_line(const void* at) { __builtin_prefetch(at, 0, 2); }
inline __attribute__((always_inline)) void fetch_lines(const void* at, size_t bytes) {
  for (size_t i = 0; i < bytes; i += 64) fetch_line((const char*)at + i);
}

inline const int8_t* codes_at(const CodeRows& rows, uint32_t row) { return rows.codes + (size_t)row * rows.dims; }

inline float distance(const CodeQuery& query, const CodeRows& rows, uint32_t row) {
  const int8_t* codes = codes_at(rows, row);
  const CodeTerms terms = rows.terms[row];
  ByteDot a, b;
  uint32_t i = 0;
  for (; i + 2 * ByteDot::bytes <= rows.dims; i += 2 * ByteDot::bytes) {
    a.add(query.codes + i, codes + i);
    b.add(query.codes + i + ByteDot::bytes, codes + i + ByteDot::bytes);
  }
  if (i < rows.dims) a.add(query.codes + i, codes + i);
  return (query.norm + terms.norm) - (query.twice * terms.ratio) * (float)(a.value(terms.sum) + b.value(0));
}

inline CodeQuery as_query(const CodeRows& rows, uint32_t row) {
  return {codes_at(rows, row), rows.terms[row].norm, 2 * rows.terms[row].ratio};
}

inline __attribute__((always_inline)) void fetch_row(const CodeRows& rows, uint32_t row) {
  fetch_lines(codes_at(rows, row), rows.dims);
  fetch_line(rows.terms + row);
}

constexpr uint32_t most_fetched = 32;   // rows of codes, before they are looked at

inline __attribute__((always_inline)) void fetch_first(const CodeRows& rows, const uint32_t* numbers, uint32_t count) {
  for (uint32_t i = 0; i < count && i < most_fetched; ++i) fetch_row(rows, numbers[i]);
}

// After `fetch_first`: calls use(row, distance) for each row of the list.
template <class Use> inline void each_distance(const CodeQuery& query, const CodeRows& rows, const uint32_t* numbers, uint32_t count, Use use) {
  for (uint32_t i = 0; i < count; ++i) {
    if (i + most_fetched < count) fetch_row(rows, numbers[i + most_fetched]);
    use(numbers[i], distance(query, rows, numbers[i]));
  }
}

// Of rows in any order.
void distances(const CodeQuery* query, const CodeRows* rows, const uint32_t* numbers, uint32_t count, float* out) {
  fetch_first(*rows, numbers, count);
  each_distance(*query, *rows, numbers, count, [&](uint32_t, float x) { *out++ = x; });
}

// Adding 1.5 * 2^23 rounds to nearest, even in a tie, on any machine. NaN becomes -127.
CodeTerms to_codes(const float* values, uint32_t dims, float least, int8_t* codes) {
  float most = 0;
  for (uint32_t i = 0; i < dims; ++i) {
    const float size = __builtin_fabsf(values[i]);
    most = size > most ? size : most;
  }
  constexpr float coarsest = 1e6f;   // beyond, the direction alone matters, and squares must stay finite
  const float needed = most / 127, step = needed > least ? needed : least;
  const float inverse = 1 / step > 0 ? 1 / step : 0;
  int32_t norm = 0, sum = 0;
  for (uint32_t i = 0; i < dims; ++i) {
    float y = values[i] * inverse;
    y = y > 127 ? 127 : y;
    y = y > -127 ? y : -127;
    const float shifted = y + 12582912.f;
    int32_t bits;
    memcpy(&bits, &shifted, sizeof bits);
    const int32_t code = (int8_t)bits;
    codes[i] = (int8_t)code;
    norm += code * code;
    sum += code;
  }
  const float ratio = step < coarsest ? step : coarsest;
  return {(float)norm * (ratio * ratio), ratio, sum};
}

}  // namespace
}  // namespace elanus
