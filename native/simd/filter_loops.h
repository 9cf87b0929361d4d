// The loops of filter.h: 64 values to a word, three ways; the last values are copied to a full block first.
#pragma once
#include <stdint.h>
#include <string.h>
#include "filter.h"
#if defined(__AVX2__)
#include <immintrin.h>
#endif

namespace elanus {
namespace {

#if defined(__AVX512F__)

inline uint64_t word_in(const int8_t* p, int8_t lower, int8_t upper) {
  const __m512i x = _mm512_loadu_si512(p);
  return _mm512_mask_cmp_epi8_mask(_mm512_cmp_epi8_mask(x, _mm512_set1_epi8(lower), _MM_CMPINT_NLT), x, _mm512_set1_epi8(upper), _MM_CMPINT_LE);
}
inline uint64_t word_in(const int16_t* p, int16_t lower, int16_t upper) {
  const __m512i low = _mm512_set1_epi16(lower), high = _mm512_set1_epi16(upper);
  uint64_t word = 0;
  for (int i = 0; i < 2; ++i) {
    const __m512i x = _mm512_loadu_si512(p + 32 * i);
    word |= (uint64_t)_mm512_mask_cmp_epi16_mask(_mm512_cmp_epi16_mask(x, low, _MM_CMPINT_NLT), x, high, _MM_CMPINT_LE) << (32 * i);
  }
  return word;
}
inline uint64_t word_in(const int32_t* p, int32_t lower, int32_t upper) {
  const __m512i low = _mm512_set1_epi32(lower), high = _mm512_set1_epi32(upper);
  uint64_t word = 0;
  for (int i = 0; i < 4; ++i) {
    const __m512i x = _mm512_loadu_si512(p + 16 * i);
    word |= (uint64_t)_mm512_mask_cmp_epi32_mask(_mm512_cmp_epi32_mask(x, low, _MM_CMPINT_NLT), x, high, _MM_CMPINT_LE) << (16 * i);
  }
  return word;
}
inline uint64_t word_in(const int64_t* p, int64_t lower, int64_t upper) {
  const __m512i low = _mm512_set1_epi64(lower), high = _mm512_set1_epi64(upper);
  uint64_t word = 0;
  for (int i = 0; i < 8; ++i) {
    const __m512i x = _mm512_loadu_si512(p + 8 * i);
    word |= (uint64_t)_mm512_mask_cmp_epi64_mask(_mm512_cmp_epi64_mask(x, low, _MM_CMPINT_NLT), x, high, _MM_CMPINT_LE) << (8 * i);
  }
  return word;
}
inline uint64_t word_in(const float* p, float lower, float upper) {
  const __m512 low = _mm512_set1_ps(lower), high = _mm512_set1_ps(upper);
  uint64_t word = 0;
  for (int i = 0; i < 4; ++i) {
    const __m512 x = _mm512_loadu_ps(p + 16 * i);
    word |= (uint64_t)_mm512_mask_cmp_ps_mask(_mm512_cmp_ps_mask(x, low, _CMP_GE_OQ), x, high, _CMP_LE_OQ) << (16 * i);
  }
  return word;
}
inline uint64_t word_in(const double* p, double lower, double upper) {
  const __m512d low = _mm512_set1_pd(lower), high = _mm512_set1_pd(upper);
  uint64_t word = 0;
  for (int i = 0; i < 8; ++i) {
    const __m512d x = _mm512_loadu_pd(p + 8 * i);
    word |= (uint64_t)_mm512_mask_cmp_pd_mask(_mm512_cmp_pd_mask(x, low, _CMP_GE_OQ), x, high, _CMP_LE_OQ) << (8 * i);
  }
  return word;
}
inline uint64_t word_set(const uint8_t* p) {
  const __m512i x = _mm512_loadu_si512(p);
  return _mm512_test_epi8_mask(x, x);
}
inline uint64_t word_equal(const uint8_t* p, uint8_t byte) { return _mm512_cmpeq_epi8_mask(_mm512_loadu_si512(p), _mm512_set1_epi8((char)byte)); }

#elif defined(__AVX2__)

// Outside is what AVX2 can ask of integers.
inline uint64_t word_in(const int8_t* p, int8_t lower, int8_t upper) {
  const __m256i low = _mm256_set1_epi8(lower), high = _mm256_set1_epi8(upper);
  uint64_t word = 0;
  for (int i = 0; i < 2; ++i) {
    const __m256i x = _mm256_loadu_si256((const __m256i*)(p + 32 * i));
    const __m256i out = _mm256_or_si256(_mm256_cmpgt_epi8(low, x), _mm256_cmpgt_epi8(x, high));
    word |= (uint64_t)(uint32_t)~_mm256_movemask_epi8(out) << (32 * i);
  }
  return word;
}
inline uint64_t word_in(const int16_t* p, int16_t lower, int16_t upper) {
  const __m256i low = _mm256_set1_epi16(lower), high = _mm256_set1_epi16(upper);
  uint64_t word = 0;
  for (int i = 0; i < 2; ++i) {
    const __m256i x = _mm256_loadu_si256((const __m256i*)(p + 32 * i)), y = _mm256_loadu_si256((const __m256i*)(p + 32 * i + 16));
    const __m256i a = _mm256_or_si256(_mm256_cmpgt_epi16(low, x), _mm256_cmpgt_epi16(x, high));
    const __m256i b = _mm256_or_si256(_mm256_cmpgt_epi16(low, y), _mm256_cmpgt_epi16(y, high));
    const __m256i out = _mm256_permute4x64_epi64(_mm256_packs_epi16(a, b), 0xd8);
    word |= (uint64_t)(uint32_t)~_mm256_movemask_epi8(out) << (32 * i);
  }
  return word;
}
inline uint64_t word_in(const int32_t* p, int32_t lower, int32_t upper) {
  const __m256i low = _mm256_set1_epi32(lower), high = _mm256_set1_epi32(upper);
  uint64_t word = 0;
  for (int i = 0; i < 8; ++i) {
    const __m256i x = _mm256_loadu_si256((const __m256i*)(p + 8 * i));
    const __m256i out = _mm256_or_si256(_mm256_cmpgt_epi32(low, x), _mm256_cmpgt_epi32(x, high));
    word |= (uint64_t)(~_mm256_movemask_ps(_mm256_castsi256_ps(out)) & 0xff) << (8 * i);
  }
  return word;
}
inline uint64_t word_in(const int64_t* p, int64_t lower, int64_t upper) {
  const __m256i low = _mm256_set1_epi64x(lower), high = _mm256_set1_epi64x(upper);
  uint64_t word = 0;
  for (int i = 0; i < 16; ++i) {
    const __m256i x = _mm256_loadu_si256((const __m256i*)(p + 4 * i));
    const __m256i out = _mm256_or_si256(_mm256_cmpgt_epi64(low, x), _mm256_cmpgt_epi64(x, high));
    word |= (uint64_t)(~_mm256_movemask_pd(_mm256_castsi256_pd(out)) & 0xf) << (4 * i);
  }
  return word;
}
inline uint64_t word_in(const float* p, float lower, float upper) {
  const __m256 low = _mm256_set1_ps(lower), high = _mm256_set1_ps(upper);
  uint64_t word = 0;
  for (int i = 0; i < 8; ++i) {
    const __m256 x = _mm256_loadu_ps(p + 8 * i);
    const __m256 in = _mm256_and_ps(_mm256_cmp_ps(x, low, _CMP_GE_OQ), _mm256_cmp_ps(x, high, _CMP_LE_OQ));
    word |= (uint64_t)(uint32_t)_mm256_movemask_ps(in) << (8 * i);
  }
  return word;
}
inline uint64_t word_in(const double* p, double lower, double upper) {
  const __m256d low = _mm256_set1_pd(lower), high = _mm256_set1_pd(upper);
  uint64_t word = 0;
  for (int i = 0; i < 16; ++i) {
    const __m256d x = _mm256_loadu_pd(p + 4 * i);
    const __m256d in = _mm256_and_pd(_mm256_cmp_pd(x, low, _CMP_GE_OQ), _mm256_cmp_pd(x, high, _CMP_LE_OQ));
    word |= (uint64_t)(uint32_t)_mm256_movemask_pd(in) << (4 * i);
  }
  return word;
}
inline uint64_t word_set(const uint8_t* p) {
  uint64_t word = 0;
  for (int i = 0; i < 2; ++i) {
    const __m256i x = _mm256_loadu_si256((const __m256i*)(p + 32 * i));
    word |= (uint64_t)(uint32_t)~_mm256_movemask_epi8(_mm256_cmpeq_epi8(x, _mm256_setzero_si256())) << (32 * i);
  }
  return word;
}
inline uint64_t word_equal(const uint8_t* p, uint8_t byte) {
  const __m256i wanted = _mm256_set1_epi8((char)byte);
  const __m256i a = _mm256_cmpeq_epi8(_mm256_loadu_si256((const __m256i*)p), wanted);
  const __m256i b = _mm256_cmpeq_epi8(_mm256_loadu_si256((const __m256i*)(p + 32)), wanted);
  return (uint32_t)_mm256_movemask_epi8(a) | (uint64_t)(uint32_t)_mm256_movemask_epi8(b) << 32;
}

#else

// Bytes of 0 or 1 to bits: the product gathers eight of them in its highest byte.
inline uint64_t word_of_flags(const uint8_t* flags) {
  uint64_t word = 0;
  for (int i = 0; i < 8; ++i) {
    uint64_t eight;
    memcpy(&eight, flags + 8 * i, 8);
    word |= (eight * 0x0102040810204080ull >> 56) << (8 * i);
  }
  return word;
}
template <class T> inline uint64_t word_in(const T* p, T lower, T upper) {
  uint8_t flags[64];
  for (int i = 0; i < 64; ++i) flags[i] = (uint8_t)((p[i] >= lower) & (p[i] <= upper));
  return word_of_flags(flags);
}
inline uint64_t word_set(const uint8_t* p) {
  uint8_t flags[64];
  for (int i = 0; i < 64; ++i) flags[i] = p[i] != 0;
  return word_of_flags(flags);
}
inline uint64_t word_equal(const uint8_t* p, uint8_t byte) {
  uint8_t flags[64];
  for (int i = 0; i < 64; ++i) flags[i] = p[i] == byte;
  return word_of_flags(flags);
}

#endif

// `word` makes 64 bits of 64 values.
template <class T, class Word> inline void all_words(const T* values, uint64_t count, uint64_t* bits, Word word) {
  uint64_t i = 0;
  for (; i + 64 <= count; i += 64) *bits++ = word(values + i);
  if (i == count) return;
  T last[64] = {};
  memcpy(last, values + i, (count - i) * sizeof(T));
  *bits = word(last) & ((1ull << (count - i)) - 1);
}
template <class T> void range_of(const T* values, uint64_t count, T lower, T upper, uint64_t* bits) {
  all_words(values, count, bits, [=](const T* p) { return word_in(p, lower, upper); });
}

void set_bytes(const uint8_t* bytes, uint64_t count, uint64_t* bits) {
  all_words(bytes, count, bits, [](const uint8_t* p) { return word_set(p); });
}

void few_i64(const int64_t* values, uint64_t count, const int64_t* few, uint32_t few_count, uint64_t* bits) {
  all_words(values, count, bits, [=](const int64_t* p) {
    uint64_t word = 0;
    for (uint32_t i = 0; i < few_count; ++i) word |= word_in(p, few[i], few[i]);
    return word;
  });
}

// 64 places at a time whose first and last byte are the literal's; only there the bytes between are looked at.
uint64_t find_literal(const uint8_t* bytes, uint64_t count, const uint8_t* literal, uint64_t literal_count) {
  if (count < literal_count) return count;
  const uint64_t places = count - literal_count + 1, behind = literal_count - 1;
  const uint8_t first = literal[0], last = literal[behind];
  uint64_t i = 0;
  for (; i + 64 <= places; i += 64) {
    uint64_t word = word_equal(bytes + i, first) & word_equal(bytes + i + behind, last);
    for (; word; word &= word - 1) {
      const uint64_t at = i + (uint64_t)__builtin_ctzll(word);
      if (literal_count <= 2 || memcmp(bytes + at + 1, literal + 1, literal_count - 2) == 0) return at;
    }
  }
  for (; i < places; ++i)
    if (bytes[i] == first && memcmp(bytes + i, literal, literal_count) == 0) return i;
  return count;
}

}  // namespace
}  // namespace elanus
