// Blocks of a packed graph: a row's neighbours, and for each of them one bit a dimension of the way to it.
//
// A visit reads one block from front to back and has an estimate of the distance of every neighbour without touching any of them.
//
//      0            neighbours   slots x u32; no_row where there is none
//      4 slots      groups of 32 edges, each:
//        0            base         32 x bfloat16     |r|² + 2 g (v·s); +inf where there is no neighbour
//        64           slope        32 x bfloat16     -4 g
//        128          bits         dims/4 times 16 bytes: byte j has the signs of four dimensions, of edge j in the low half,
//                                  of edge j + 16 in the high half
//      zeros up to a multiple of 64
//
// For an edge from v to n let r = n - v and s = its signs, -1 or +1. Over random rotations, without bias (RaBitQ: Gao & Long, SIGMOD 2024),
//
//      (q - v)·r  ≈  g ((q - v)·s),   g = |r|² / |r|₁
//
// so that, with S = the sum of q where s is +1, and T the sum of all of q,
//
//      |q - n|²  =  |q - v|² + |r|² - 2 (q - v)·r  ≈  |q - v|² + base + slope (S - T/2)
//
// S is added up from tables of the 16 sums that four coordinates have, a byte each, by shuffles for 32 edges at a time (FastScan: André
// et al., VLDB 2015; in a graph: Gou et al., SIGMOD 2025).
//
// Always true: base and slope come from whole numbers (or doubles in one order, where a row's codes have a step of their own), and a
// sum of bytes is the same everywhere: so blocks are the same bytes and estimates the same bits on every machine.
#pragma once
#include "codes.h"

namespace elanus {
namespace {

constexpr size_t slope_at = 64, bits_at = 128;
constexpr uint32_t span_dims = 1024;   // 256 sums of bytes fit in 16 bits

inline const uint8_t* block_at(const Blocks& blocks, uint32_t row) { return blocks.at + row * block_bytes(blocks.slots, blocks.dims); }

// ---------------------------------------------------------------------------------------------------------------- packing

inline uint16_t bfloat16(float x) {
  uint32_t bits;
  memcpy(&bits, &x, sizeof bits);
  return (uint16_t)((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}

struct Edge {
  double square, absolute, along;   // |r|², |r|₁, v·s
};

// `positive` becomes 1 where r is above 0.
inline Edge edge_of(const CodeRows& rows, uint32_t centre, uint32_t neighbour, int8_t* positive) {
  const int8_t *v = codes_at(rows, centre), *n = codes_at(rows, neighbour);
  const CodeTerms of_v = rows.terms[centre], of_n = rows.terms[neighbour];
  if (of_v.ratio != 1 || of_n.ratio != 1) {
    Edge edge = {0, 0, 0};
    for (uint32_t i = 0; i < rows.dims; ++i) {
      const double from = (double)of_v.ratio * v[i], r = (double)of_n.ratio * n[i] - from;
      positive[i] = r > 0;
      edge.square += r * r;
      edge.absolute += r > 0 ? r : -r;
      edge.along += r > 0 ? from : -from;
    }
    return edge;
  }
  for (uint32_t i = 0; i < rows.dims; ++i) positive[i] = n[i] > v[i];
  ByteDot above_n, above_v, across;
  for (uint32_t i = 0; i < rows.dims; i += ByteDot::bytes) {
    above_n.add(positive + i, n + i);
    above_v.add(positive + i, v + i);
    across.add(v + i, n + i);
  }
  const int32_t sum_n = above_n.value(of_n.sum), sum_v = above_v.value(of_v.sum);
  const double square = (double)of_n.norm + of_v.norm - 2.0 * across.value(of_n.sum);
  return {square, 2.0 * (sum_n - sum_v) - (of_n.sum - of_v.sum), 2.0 * sum_v - of_v.sum};
}

void pack(const CodeRows* rows, uint32_t centre, const uint32_t* neighbours, uint32_t slots, uint8_t* block, int8_t* scratch) {
  const uint32_t dims = rows->dims;
  memset(block, 0, block_bytes(slots, dims));
  memcpy(block, neighbours, slots * sizeof(uint32_t));
  for (uint32_t e = 0; e < slots; ++e) {
    uint8_t* group = block + slots * sizeof(uint32_t) + e / group_edges * group_bytes(dims);
    const uint32_t j = e % group_edges;
    uint16_t base = 0x7f80, slope = 0;
    if (neighbours[e] != no_row) {
      const Edge edge = edge_of(*rows, centre, neighbours[e], scratch);
      const double g = edge.absolute > 0 ? edge.square / edge.absolute : 0;
      base = bfloat16((float)(edge.square + 2 * g * edge.along));
      slope = bfloat16((float)(-4 * g));
      uint8_t* out = group + bits_at + j % 16;
      const uint32_t shift = j < 16 ? 0 : 4;
      for (uint32_t i = 0; i < dims; i += 4) {
        uint32_t four;
        memcpy(&four, scratch + i, sizeof four);
        out[4 * i] |= (uint8_t)((four * 0x01020408u >> 24 & 15) << shift);   // the four lowest bits of four bytes, side by side
      }
    }
    memcpy(group + 2 * j, &base, sizeof base);
    memcpy(group + slope_at + 2 * j, &slope, sizeof slope);
  }
}

// --------------------------------------------------------------------------------------------------------------- estimates

typedef float Patterns __attribute__((vector_size(64)));
typedef int32_t WholePatterns __attribute__((vector_size(64)));
typedef uint8_t BytePatterns __attribute__((vector_size(16)));

// The sums of a nibble's set coordinates, less the least of them, in steps of 1/255 of the widest range that four coordinates have.
// Nothing branches on a sign.
void sign_sums(const float* query, uint32_t dims, uint8_t* table, SignSums* sums) {
  const Patterns has[4] = {{0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1},
                           {0, 0, 1, 1, 0, 0, 1, 1, 0, 0, 1, 1, 0, 0, 1, 1},
                           {0, 0, 0, 0, 1, 1, 1, 1, 0, 0, 0, 0, 1, 1, 1, 1},
                           {0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1}};
  float widest = 0, sizes[4] = {}, total[4] = {};
  for (uint32_t i = 0; i < dims; i += 4) {
    float range = 0;
    for (uint32_t j = 0; j < 4; ++j) {
      const float size = __builtin_fabsf(query[i + j]);
      total[j] += query[i + j];
      sizes[j] += size;
      range += size;
    }
    widest = range > widest ? range : widest;
  }
  const float inverse = widest > 0 && 255 / widest > 0 ? 255 / widest : 0;
  const Patterns most = {255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255}, none = {};
  for (uint32_t i = 0; i < dims; i += 4) {
    const float *x = query + i, below = ((__builtin_fabsf(x[0]) - x[0]) + (__builtin_fabsf(x[1]) - x[1])) + ((__builtin_fabsf(x[2]) - x[2]) + (__builtin_fabsf(x[3]) - x[3]));
    Patterns of = (has[0] * x[0] + has[1] * x[1]) + (has[2] * x[2] + has[3] * x[3]);
    of = (of + 0.5f * below) * inverse + 0.5f;
    of = of < most ? of : most;
    of = of > none ? of : none;
    const BytePatterns bytes = __builtin_convertvector(__builtin_convertvector(of, WholePatterns), BytePatterns);
    memcpy(table + 4 * i, &bytes, sizeof bytes);
  }
  // Half the difference is the sum of those below 0; less half the total, half of all sizes is left.
  *sums = {table, widest / 255, -0.5f * ((sizes[0] + sizes[1]) + (sizes[2] + sizes[3]))};
}

// Adds up one span of at most `span_dims` dimensions for 32 edges.
#if defined(__AVX512F__)

inline void add_span(const uint8_t* bits, const uint8_t* table, uint32_t bytes, uint16_t* sums) {
  const __m512i low = _mm512_set1_epi8(15);
  // Words of two bytes: the whole of them, and their upper bytes, which leave at the end. Whatever is carried out of a word leaves too.
  __m512i a = _mm512_setzero_si512(), b = a, a_odd = a, b_odd = a;
  for (uint32_t i = 0; i < bytes; i += 64) {
    const __m512i x = _mm512_loadu_si512(bits + i), t = _mm512_loadu_si512(table + i);
    const __m512i p = _mm512_shuffle_epi8(t, _mm512_and_si512(x, low));
    const __m512i q = _mm512_shuffle_epi8(t, _mm512_and_si512(_mm512_srli_epi16(x, 4), low));
    a = _mm512_add_epi16(a, p);
    b = _mm512_add_epi16(b, q);
    a_odd = _mm512_add_epi16(a_odd, _mm512_srli_epi16(p, 8));
    b_odd = _mm512_add_epi16(b_odd, _mm512_srli_epi16(q, 8));
  }
  a = _mm512_sub_epi16(a, _mm512_slli_epi16(a_odd, 8));
  b = _mm512_sub_epi16(b, _mm512_slli_epi16(b_odd, 8));
  const auto quarter = [](__m512i v) __attribute__((always_inline)) {
    const __m256i half = _mm256_add_epi16(_mm512_castsi512_si256(v), _mm512_extracti64x4_epi64(v, 1));
    return _mm_add_epi16(_mm256_castsi256_si128(half), _mm256_extracti128_si256(half, 1));
  };
  const __m128i even = quarter(a), odd = quarter(a_odd), even_b = quarter(b), odd_b = quarter(b_odd);
  _mm_storeu_si128((__m128i*)sums, _mm_unpacklo_epi16(even, odd));
  _mm_storeu_si128((__m128i*)(sums + 8), _mm_unpackhi_epi16(even, odd));
  _mm_storeu_si128((__m128i*)(sums + 16), _mm_unpacklo_epi16(even_b, odd_b));
  _mm_storeu_si128((__m128i*)(sums + 24), _mm_unpackhi_epi16(even_b, odd_b));
}

#elif defined(__AVX2__)

inline void add_span(const uint8_t* bits, const uint8_t* table, uint32_t bytes, uint16_t* sums) {
  const __m256i low = _mm256_set1_epi8(15);
  __m256i a = _mm256_setzero_si256(), b = a, a_odd = a, b_odd = a;   // as above
  for (uint32_t i = 0; i < bytes; i += 32) {
    const __m256i x = _mm256_loadu_si256((const __m256i*)(bits + i)), t = _mm256_loadu_si256((const __m256i*)(table + i));
    const __m256i p = _mm256_shuffle_epi8(t, _mm256_and_si256(x, low));
    const __m256i q = _mm256_shuffle_epi8(t, _mm256_and_si256(_mm256_srli_epi16(x, 4), low));
    a = _mm256_add_epi16(a, p);
    b = _mm256_add_epi16(b, q);
    a_odd = _mm256_add_epi16(a_odd, _mm256_srli_epi16(p, 8));
    b_odd = _mm256_add_epi16(b_odd, _mm256_srli_epi16(q, 8));
  }
  a = _mm256_sub_epi16(a, _mm256_slli_epi16(a_odd, 8));
  b = _mm256_sub_epi16(b, _mm256_slli_epi16(b_odd, 8));
  const auto half = [](__m256i v) __attribute__((always_inline)) { return _mm_add_epi16(_mm256_castsi256_si128(v), _mm256_extracti128_si256(v, 1)); };
  const __m128i even = half(a), odd = half(a_odd), even_b = half(b), odd_b = half(b_odd);
  _mm_storeu_si128((__m128i*)sums, _mm_unpacklo_epi16(even, odd));
  _mm_storeu_si128((__m128i*)(sums + 8), _mm_unpackhi_epi16(even, odd));
  _mm_storeu_si128((__m128i*)(sums + 16), _mm_unpacklo_epi16(even_b, odd_b));
  _mm_storeu_si128((__m128i*)(sums + 24), _mm_unpackhi_epi16(even_b, odd_b));
}

#elif defined(ELANUS_NEON)

inline void add_span(const uint8_t* bits, const uint8_t* table, uint32_t bytes, uint16_t* sums) {
  const uint8x16_t low = vdupq_n_u8(15);
  uint16x8_t a = vdupq_n_u16(0), b = a, c = a, d = a;
  for (uint32_t i = 0; i < bytes; i += 16) {
    const uint8x16_t x = vld1q_u8(bits + i), t = vld1q_u8(table + i);
    const uint8x16_t p = vqtbl1q_u8(t, vandq_u8(x, low)), q = vqtbl1q_u8(t, vshrq_n_u8(x, 4));
    a = vaddw_u8(a, vget_low_u8(p));
    b = vaddw_high_u8(b, p);
    c = vaddw_u8(c, vget_low_u8(q));
    d = vaddw_high_u8(d, q);
  }
  vst1q_u16(sums, a);
  vst1q_u16(sums + 8, b);
  vst1q_u16(sums + 16, c);
  vst1q_u16(sums + 24, d);
}

#else

inline void add_span(const uint8_t* bits, const uint8_t* table, uint32_t bytes, uint16_t* sums) {
  memset(sums, 0, group_edges * sizeof *sums);
  for (uint32_t i = 0; i < bytes; i += 16)
    for (uint32_t j = 0; j < 16; ++j) {
      sums[j] = (uint16_t)(sums[j] + table[i + (bits[i + j] & 15)]);
      sums[j + 16] = (uint16_t)(sums[j + 16] + table[i + (bits[i + j] >> 4)]);
    }
}

#endif

// Of the 32 neighbours of a group, given the distance of the row itself.
inline void estimate(const uint8_t* group, uint32_t dims, const SignSums& query, float own, float* out) {
  float wide[group_edges];
  for (uint32_t from = 0; from < dims; from += span_dims) {
    uint16_t sums[group_edges];
    const uint32_t some = dims - from < span_dims ? dims - from : span_dims;
    add_span(group + bits_at + 4 * (size_t)from, query.table + 4 * (size_t)from, 4 * some, sums);
    for (uint32_t j = 0; j < group_edges; ++j) wide[j] = (from ? wide[j] : 0) + (float)sums[j];
  }
  uint16_t factors[2 * group_edges];
  memcpy(factors, group, sizeof factors);
  for (uint32_t j = 0; j < group_edges; ++j) {
    const uint32_t base_bits = (uint32_t)factors[j] << 16, slope_bits = (uint32_t)factors[group_edges + j] << 16;
    float base, slope;
    memcpy(&base, &base_bits, sizeof base);
    memcpy(&slope, &slope_bits, sizeof slope);
    out[j] = slope * (wide[j] * query.step + query.offset) + (own + base);
  }
}

}  // namespace
}  // namespace elanus
