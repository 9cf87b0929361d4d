// What a row may be made of, as registers: each kind says what a register of queries, of rows and of sums is, and how to load them.
//
//   kind       a row holds        queries are given as     sums
//   Float32    float              float                    float
//   Float16    16 bits            float                    float
//   Bfloat16   16 bits            float                    float
//   Int8       signed byte        int16                    int32: exact, and below 2^31 for 32,768 dimensions
//
// Always true: widening a half is exact; a load of the first few lanes leaves the others 0.
#pragma once
#include "lanes.h"

namespace elanus {
namespace {

struct Float32 {
  using Query = float;
  using Value = F32;
  using Sum = F32;
  static constexpr uint32_t bytes = 4;
  static Value row(const unsigned char* p) { return F32::load(p); }
  static Value row_first(const unsigned char* p, uint32_t count) { return F32::load_first(p, count); }
  static Value query(const float* p) { return F32::load(p); }
  static Value query_first(const float* p, uint32_t count) { return F32::load_first(p, count); }
};

struct Half {
  using Query = float;
  using Value = F32;
  using Sum = F32;
  static constexpr uint32_t bytes = 2;
  static Value query(const float* p) { return F32::load(p); }
  static Value query_first(const float* p, uint32_t count) { return F32::load_first(p, count); }
};

#if defined(__AVX512F__)

inline __m256i halves(const unsigned char* p) { return _mm256_loadu_si256((const __m256i*)p); }
inline __m256i first_halves(const unsigned char* p, uint32_t count) { return _mm256_maskz_loadu_epi16((__mmask16)((1u << count) - 1), p); }
struct Float16 : Half {
  static F32 widen(__m256i x) { return {_mm512_cvtph_ps(x)}; }
  static F32 row(const unsigned char* p) { return widen(halves(p)); }
  static F32 row_first(const unsigned char* p, uint32_t count) { return widen(first_halves(p, count)); }
};
struct Bfloat16 : Half {
  static F32 widen(__m256i x) { return {_mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(x), 16))}; }
  static F32 row(const unsigned char* p) { return widen(halves(p)); }
  static F32 row_first(const unsigned char* p, uint32_t count) { return widen(first_halves(p, count)); }
};

struct I32 {
  __m512i v;
  static I32 fill(int32_t x) { return {_mm512_set1_epi32(x)}; }
};
struct I16 {
  static constexpr uint32_t lanes = 32;
  __m512i v;
};
inline I16 operator-(I16 a, I16 b) { return {_mm512_sub_epi16(a.v, b.v)}; }
inline I32 fma(I16 a, I16 b, I32 c) { return {_mm512_dpwssd_epi32(c.v, a.v, b.v)}; }
inline float sum(I32 a) { return (float)_mm512_reduce_add_epi32(a.v); }
struct Int8 {
  using Query = int16_t;
  using Value = I16;
  using Sum = I32;
  static constexpr uint32_t bytes = 1;
  static I16 row(const unsigned char* p) { return {_mm512_cvtepi8_epi16(halves(p))}; }
  static I16 row_first(const unsigned char* p, uint32_t count) {
    return {_mm512_cvtepi8_epi16(_mm256_maskz_loadu_epi8((__mmask32)((1u << count) - 1), p))};
  }
  static I16 query(const int16_t* p) { return {_mm512_loadu_si512(p)}; }
  static I16 query_first(const int16_t* p, uint32_t count) { return {_mm512_maskz_loadu_epi16((__mmask32)((1u << count) - 1), p)}; }
};

#elif defined(__AVX2__)

inline __m128i halves(const unsigned char* p) { return _mm_loadu_si128((const __m128i*)p); }
inline __m128i first_bytes(const unsigned char* p, uint32_t count) {
  unsigned char few[16] = {};
  memcpy(few, p, count);
  return halves(few);
}
struct Float16 : Half {
  static F32 widen(__m128i x) { return {_mm256_cvtph_ps(x)}; }
  static F32 row(const unsigned char* p) { return widen(halves(p)); }
  static F32 row_first(const unsigned char* p, uint32_t count) { return widen(first_bytes(p, 2 * count)); }
};
struct Bfloat16 : Half {
  static F32 widen(__m128i x) { return {_mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(x), 16))}; }
  static F32 row(const unsigned char* p) { return widen(halves(p)); }
  static F32 row_first(const unsigned char* p, uint32_t count) { return widen(first_bytes(p, 2 * count)); }
};

struct I32 {
  __m256i v;
  static I32 fill(int32_t x) { return {_mm256_set1_epi32(x)}; }
};
struct I16 {
  static constexpr uint32_t lanes = 16;
  __m256i v;
};
inline I16 operator-(I16 a, I16 b) { return {_mm256_sub_epi16(a.v, b.v)}; }
inline I32 fma(I16 a, I16 b, I32 c) { return {_mm256_add_epi32(c.v, _mm256_madd_epi16(a.v, b.v))}; }
inline float sum(I32 a) {
  __m128i x = _mm_add_epi32(_mm256_castsi256_si128(a.v), _mm256_extracti128_si256(a.v, 1));
  x = _mm_add_epi32(x, _mm_shuffle_epi32(x, 0x4e));
  return (float)_mm_cvtsi128_si32(_mm_add_epi32(x, _mm_shuffle_epi32(x, 0xb1)));
}
struct Int8 {
  using Query = int16_t;
  using Value = I16;
  using Sum = I32;
  static constexpr uint32_t bytes = 1;
  static I16 row(const unsigned char* p) { return {_mm256_cvtepi8_epi16(halves(p))}; }
  static I16 row_first(const unsigned char* p, uint32_t count) { return {_mm256_cvtepi8_epi16(first_bytes(p, count))}; }
  static I16 query(const int16_t* p) { return {_mm256_loadu_si256((const __m256i*)p)}; }
  static I16 query_first(const int16_t* p, uint32_t count) {
    int16_t few[16] = {};
    memcpy(few, p, 2 * count);
    return query(few);
  }
};

#elif defined(ELANUS_NEON)

inline uint16x4_t halves(const unsigned char* p) { return vreinterpret_u16_u8(vld1_u8(p)); }
inline uint8x8_t first_bytes(const unsigned char* p, uint32_t count) {
  unsigned char few[8] = {};
  memcpy(few, p, count);
  return vld1_u8(few);
}
struct Float16 : Half {
  static F32 widen(uint16x4_t x) { return {vcvt_f32_f16(vreinterpret_f16_u16(x))}; }
  static F32 row(const unsigned char* p) { return widen(halves(p)); }
  static F32 row_first(const unsigned char* p, uint32_t count) { return widen(vreinterpret_u16_u8(first_bytes(p, 2 * count))); }
};
struct Bfloat16 : Half {
  static F32 widen(uint16x4_t x) { return {vreinterpretq_f32_u32(vshll_n_u16(x, 16))}; }
  static F32 row(const unsigned char* p) { return widen(halves(p)); }
  static F32 row_first(const unsigned char* p, uint32_t count) { return widen(vreinterpret_u16_u8(first_bytes(p, 2 * count))); }
};

struct I32 {
  int32x4_t v;
  static I32 fill(int32_t x) { return {vdupq_n_s32(x)}; }
};
struct I16 {
  static constexpr uint32_t lanes = 8;
  int16x8_t v;
};
inline I16 operator-(I16 a, I16 b) { return {vsubq_s16(a.v, b.v)}; }
inline I32 fma(I16 a, I16 b, I32 c) { return {vmlal_high_s16(vmlal_s16(c.v, vget_low_s16(a.v), vget_low_s16(b.v)), a.v, b.v)}; }
inline float sum(I32 a) { return (float)vaddvq_s32(a.v); }
struct Int8 {
  using Query = int16_t;
  using Value = I16;
  using Sum = I32;
  static constexpr uint32_t bytes = 1;
  static I16 row(const unsigned char* p) { return {vmovl_s8(vreinterpret_s8_u8(vld1_u8(p)))}; }
  static I16 row_first(const unsigned char* p, uint32_t count) { return {vmovl_s8(vreinterpret_s8_u8(first_bytes(p, count)))}; }
  static I16 query(const int16_t* p) { return {vld1q_s16(p)}; }
  static I16 query_first(const int16_t* p, uint32_t count) {
    int16_t few[8] = {};
    memcpy(few, p, 2 * count);
    return query(few);
  }
};

#else

typedef int32_t Int4 __attribute__((vector_size(16)));
typedef uint32_t Word4 __attribute__((vector_size(16)));
typedef uint16_t Half4 __attribute__((vector_size(8)));

inline Word4 first_halves(const unsigned char* p, uint32_t count) {
  Half4 few = {};
  memcpy(&few, p, 2 * count);
  return __builtin_convertvector(few, Word4);
}
struct Float16 : Half {
  // The exponent moves to where a float has it, 112 too low; a product with 2^112 puts that right, and makes subnormal numbers normal.
  static F32 widen(Word4 x) {
    const Word4 size = (x & 0x7fff) << 13;
    F32::Four value;
    memcpy(&value, &size, sizeof value);
    value = value * 0x1p112f;
    Word4 bits;
    memcpy(&bits, &value, sizeof bits);
    bits = bits | ((Word4)((x & 0x7c00) == 0x7c00) & 0x7f800000u) | ((x & 0x8000) << 16);
    F32 result;
    memcpy(&result.v, &bits, sizeof bits);
    return result;
  }
  static F32 row(const unsigned char* p) { return widen(first_halves(p, 4)); }
  static F32 row_first(const unsigned char* p, uint32_t count) { return widen(first_halves(p, count)); }
};
struct Bfloat16 : Half {
  static F32 widen(Word4 x) {
    x = x << 16;
    F32 result;
    memcpy(&result.v, &x, sizeof x);
    return result;
  }
  static F32 row(const unsigned char* p) { return widen(first_halves(p, 4)); }
  static F32 row_first(const unsigned char* p, uint32_t count) { return widen(first_halves(p, count)); }
};

struct I32 {
  Int4 v;
  static I32 fill(int32_t x) { return {Int4{x, x, x, x}}; }
};
struct I16 {
  static constexpr uint32_t lanes = 4;
  Int4 v;   // wider than need be: products stay in their lanes
};
inline I16 operator-(I16 a, I16 b) { return {a.v - b.v}; }
inline I32 fma(I16 a, I16 b, I32 c) { return {a.v * b.v + c.v}; }
inline float sum(I32 a) { return (float)((a.v[0] + a.v[1]) + (a.v[2] + a.v[3])); }
struct Int8 {
  using Query = int16_t;
  using Value = I16;
  using Sum = I32;
  static constexpr uint32_t bytes = 1;
  static I16 row_first(const unsigned char* p, uint32_t count) {
    typedef int8_t Byte4 __attribute__((vector_size(4)));
    Byte4 few = {};
    memcpy(&few, p, count);
    return {__builtin_convertvector(few, Int4)};
  }
  static I16 row(const unsigned char* p) { return row_first(p, 4); }
  static I16 query_first(const int16_t* p, uint32_t count) {
    typedef int16_t Short4 __attribute__((vector_size(8)));
    Short4 few = {};
    memcpy(&few, p, 2 * count);
    return {__builtin_convertvector(few, Int4)};
  }
  static I16 query(const int16_t* p) { return query_first(p, 4); }
};

#endif

}  // namespace
}  // namespace elanus
