// Vector registers, four ways: AVX-512, AVX2, NEON, and what the compiler makes of plain vectors anywhere else.
//
//   F32   `lanes` floats: load, load of the first few (the rest 0), store, fill, + - *, fma, sum, minimum, masks of a <= b and a < b,
//         Hadamard transform of the lanes
//
// Always true: everything is in an unnamed namespace. Sums may differ in the last bits between instruction sets, because
// lanes add in another order and the portable fma rounds twice; sums of integers below 2^24 are the same everywhere, and so is
// all that works lane by lane: + - * and the Hadamard transform.
#pragma once
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#if defined(__AVX2__)
#include <immintrin.h>
#elif defined(__aarch64__) && defined(__ARM_FEATURE_DOTPROD)
#define ELANUS_NEON
#include <arm_neon.h>
#endif

namespace elanus {
namespace {

#if defined(__AVX512F__)

struct F32 {
  static constexpr uint32_t lanes = 16;
  __m512 v;
  static F32 fill(float x) { return {_mm512_set1_ps(x)}; }
  static F32 load(const void* p) { return {_mm512_loadu_ps(p)}; }
  static F32 load_first(const void* p, uint32_t count) { return {_mm512_maskz_loadu_ps((__mmask16)((1u << count) - 1), p)}; }
  void store(float* p) const { _mm512_storeu_ps(p, v); }
};
inline F32 operator+(F32 a, F32 b) { return {_mm512_add_ps(a.v, b.v)}; }
inline F32 operator-(F32 a, F32 b) { return {_mm512_sub_ps(a.v, b.v)}; }
inline F32 operator*(F32 a, F32 b) { return {_mm512_mul_ps(a.v, b.v)}; }
inline F32 hadamard(F32 a) {
  __m512 v = a.v, w = _mm512_permute_ps(v, 0xb1);
  v = _mm512_mask_sub_ps(_mm512_add_ps(v, w), 0xaaaa, w, v);
  w = _mm512_permute_ps(v, 0x4e);
  v = _mm512_mask_sub_ps(_mm512_add_ps(v, w), 0xcccc, w, v);
  w = _mm512_shuffle_f32x4(v, v, 0xb1);
  v = _mm512_mask_sub_ps(_mm512_add_ps(v, w), 0xf0f0, w, v);
  w = _mm512_shuffle_f32x4(v, v, 0x4e);
  return {_mm512_mask_sub_ps(_mm512_add_ps(v, w), 0xff00, w, v)};
}
inline F32 fma(F32 a, F32 b, F32 c) { return {_mm512_fmadd_ps(a.v, b.v, c.v)}; }
inline float sum(F32 a) { return _mm512_reduce_add_ps(a.v); }
inline F32 minimum(F32 a, F32 b) { return {_mm512_min_ps(a.v, b.v)}; }
inline float minimum_of(F32 a) { return _mm512_reduce_min_ps(a.v); }
inline uint32_t less_equal(F32 a, F32 b) { return _mm512_cmp_ps_mask(a.v, b.v, _CMP_LE_OQ); }
inline uint32_t less(F32 a, F32 b) { return _mm512_cmp_ps_mask(a.v, b.v, _CMP_LT_OQ); }

#elif defined(__AVX2__)

const int32_t lane_masks[16] = {-1, -1, -1, -1, -1, -1, -1, -1, 0, 0, 0, 0, 0, 0, 0, 0};

struct F32 {
  static constexpr uint32_t lanes = 8;
  __m256 v;
  static F32 fill(float x) { return {_mm256_set1_ps(x)}; }
  static F32 load(const void* p) { return {_mm256_loadu_ps((const float*)p)}; }
  static F32 load_first(const void* p, uint32_t count) {
    return {_mm256_maskload_ps((const float*)p, _mm256_loadu_si256((const __m256i*)(lane_masks + 8 - count)))};
  }
  void store(float* p) const { _mm256_storeu_ps(p, v); }
};
inline F32 operator+(F32 a, F32 b) { return {_mm256_add_ps(a.v, b.v)}; }
inline F32 operator-(F32 a, F32 b) { return {_mm256_sub_ps(a.v, b.v)}; }
inline F32 operator*(F32 a, F32 b) { return {_mm256_mul_ps(a.v, b.v)}; }
inline F32 hadamard(F32 a) {
  __m256 v = a.v, w = _mm256_permute_ps(v, 0xb1);
  v = _mm256_blend_ps(_mm256_add_ps(v, w), _mm256_sub_ps(w, v), 0xaa);
  w = _mm256_permute_ps(v, 0x4e);
  v = _mm256_blend_ps(_mm256_add_ps(v, w), _mm256_sub_ps(w, v), 0xcc);
  w = _mm256_permute2f128_ps(v, v, 1);
  return {_mm256_blend_ps(_mm256_add_ps(v, w), _mm256_sub_ps(w, v), 0xf0)};
}
inline F32 fma(F32 a, F32 b, F32 c) { return {_mm256_fmadd_ps(a.v, b.v, c.v)}; }
inline float sum(F32 a) {
  __m128 x = _mm_add_ps(_mm256_castps256_ps128(a.v), _mm256_extractf128_ps(a.v, 1));
  x = _mm_add_ps(x, _mm_movehl_ps(x, x));
  return _mm_cvtss_f32(_mm_add_ss(x, _mm_movehdup_ps(x)));
}
inline F32 minimum(F32 a, F32 b) { return {_mm256_min_ps(a.v, b.v)}; }
inline float minimum_of(F32 a) {
  __m128 x = _mm_min_ps(_mm256_castps256_ps128(a.v), _mm256_extractf128_ps(a.v, 1));
  x = _mm_min_ps(x, _mm_movehl_ps(x, x));
  return _mm_cvtss_f32(_mm_min_ss(x, _mm_movehdup_ps(x)));
}
inline uint32_t less_equal(F32 a, F32 b) { return (uint32_t)_mm256_movemask_ps(_mm256_cmp_ps(a.v, b.v, _CMP_LE_OQ)); }
inline uint32_t less(F32 a, F32 b) { return (uint32_t)_mm256_movemask_ps(_mm256_cmp_ps(a.v, b.v, _CMP_LT_OQ)); }

#elif defined(ELANUS_NEON)

const uint32_t odd_lanes[4] = {0, ~0u, 0, ~0u}, lane_bits[4] = {1, 2, 4, 8};

struct F32 {
  static constexpr uint32_t lanes = 4;
  float32x4_t v;
  static F32 fill(float x) { return {vdupq_n_f32(x)}; }
  // Values of rows may lie anywhere.
  static F32 load(const void* p) { return {vreinterpretq_f32_u8(vld1q_u8((const uint8_t*)p))}; }
  static F32 load_first(const void* p, uint32_t count) {
    float few[4] = {};
    memcpy(few, p, count * sizeof(float));
    return load(few);
  }
  void store(float* p) const { vst1q_u8((uint8_t*)p, vreinterpretq_u8_f32(v)); }
};
inline F32 operator+(F32 a, F32 b) { return {vaddq_f32(a.v, b.v)}; }
inline F32 operator-(F32 a, F32 b) { return {vsubq_f32(a.v, b.v)}; }
inline F32 operator*(F32 a, F32 b) { return {vmulq_f32(a.v, b.v)}; }
inline F32 hadamard(F32 a) {
  float32x4_t v = a.v, w = vrev64q_f32(v);
  v = vbslq_f32(vld1q_u32(odd_lanes), vsubq_f32(w, v), vaddq_f32(v, w));
  w = vextq_f32(v, v, 2);
  return {vcombine_f32(vget_low_f32(vaddq_f32(v, w)), vget_high_f32(vsubq_f32(w, v)))};
}
inline F32 fma(F32 a, F32 b, F32 c) { return {vfmaq_f32(c.v, a.v, b.v)}; }
inline float sum(F32 a) {
  const float32x2_t x = vadd_f32(vget_low_f32(a.v), vget_high_f32(a.v));
  return vget_lane_f32(x, 0) + vget_lane_f32(x, 1);
}
inline F32 minimum(F32 a, F32 b) { return {vbslq_f32(vcltq_f32(a.v, b.v), a.v, b.v)}; }
inline float minimum_of(F32 a) {
  float x[4];
  a.store(x);
  const float y = x[0] < x[1] ? x[0] : x[1], z = x[2] < x[3] ? x[2] : x[3];
  return y < z ? y : z;
}
inline uint32_t bits_of_lanes(uint32x4_t yes) { return vaddvq_u32(vandq_u32(yes, vld1q_u32(lane_bits))); }
inline uint32_t less_equal(F32 a, F32 b) { return bits_of_lanes(vcleq_f32(a.v, b.v)); }
inline uint32_t less(F32 a, F32 b) { return bits_of_lanes(vcltq_f32(a.v, b.v)); }

#else

struct F32 {
  static constexpr uint32_t lanes = 4;
  typedef float Four __attribute__((vector_size(16)));
  Four v;
  static F32 fill(float x) { return {Four{x, x, x, x}}; }
  static F32 load(const void* p) {
    F32 a;
    memcpy(&a.v, p, sizeof a.v);
    return a;
  }
  static F32 load_first(const void* p, uint32_t count) {
    F32 a = fill(0);
    memcpy(&a.v, p, count * sizeof(float));
    return a;
  }
  void store(float* p) const { memcpy(p, &v, sizeof v); }
};
inline F32 operator+(F32 a, F32 b) { return {a.v + b.v}; }
inline F32 operator-(F32 a, F32 b) { return {a.v - b.v}; }
inline F32 operator*(F32 a, F32 b) { return {a.v * b.v}; }
inline F32 hadamard(F32 a) {
  const F32::Four x = a.v, y = {x[0] + x[1], x[0] - x[1], x[2] + x[3], x[2] - x[3]};
  return {F32::Four{y[0] + y[2], y[1] + y[3], y[0] - y[2], y[1] - y[3]}};
}
inline F32 fma(F32 a, F32 b, F32 c) { return {a.v * b.v + c.v}; }
inline float sum(F32 a) { return (a.v[0] + a.v[2]) + (a.v[1] + a.v[3]); }
inline F32 minimum(F32 a, F32 b) { return {a.v < b.v ? a.v : b.v}; }
inline float minimum_of(F32 a) {
  const float x = a.v[0] < a.v[1] ? a.v[0] : a.v[1], y = a.v[2] < a.v[3] ? a.v[2] : a.v[3];
  return x < y ? x : y;
}
inline uint32_t less_equal(F32 a, F32 b) {
  auto yes = a.v <= b.v;
  return (uint32_t)((yes[0] & 1) | (yes[1] & 2) | (yes[2] & 4) | (yes[3] & 8));
}
inline uint32_t less(F32 a, F32 b) {
  auto yes = a.v < b.v;
  return (uint32_t)((yes[0] & 1) | (yes[1] & 2) | (yes[2] & 4) | (yes[3] & 8));
}

#endif

}  // namespace
}  // namespace elanus
