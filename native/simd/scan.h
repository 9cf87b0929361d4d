// Lookup of codes of four bits, a block of 32 rows at a time, and distances to the words of a codebook.
//
// Bytes are looked up for even and odd rows at once and added as numbers of 16 bits; the odd ones are added again alone, shifted down,
// and leave the first sum at the end (as faiss's fast scan does: Andre et al., VLDB 2015).
//
// Always true: sums are exact, whatever `groups` is, since numbers of 16 bits are emptied into 32 bits before they can overflow.
#pragma once
#include "lanes.h"
#include "lists.h"

namespace elanus {
namespace {

template <class Term> inline void each_word(const float* point, uint32_t dims, const float* book, uint32_t count, float* out, Term term) {
  constexpr uint32_t w = F32::lanes, wide = book_multiple / w;
  for (uint32_t c = 0; c < count; c += book_multiple) {
    F32 total[wide];
    for (uint32_t i = 0; i < wide; ++i) total[i] = F32::fill(0);
    for (uint32_t j = 0; j < dims; ++j) {
      const F32 x = F32::fill(point[j]);
      for (uint32_t i = 0; i < wide; ++i) total[i] = total[i] + term(x, F32::load(book + (size_t)j * count + c + i * w));
    }
    for (uint32_t i = 0; i < wide; ++i) total[i].store(out + c + i * w);
  }
}

void squares(const float* point, uint32_t dims, const float* book, uint32_t count, float* out) {
  each_word(point, dims, book, count, out, [](F32 x, F32 y) __attribute__((always_inline)) {
    const F32 d = x - y;
    return d * d;
  });
}

void products(const float* point, uint32_t dims, const float* book, uint32_t count, float* out) {
  each_word(point, dims, book, count, out, [](F32 x, F32 y) __attribute__((always_inline)) { return x * y; });
}

constexpr uint32_t most_additions = 256;   // of a byte to 16 bits

#if defined(__AVX512BW__)

struct Sixteen {   // bytes looked up: even and odd rows
  __m512i all = _mm512_setzero_si512(), odd = _mm512_setzero_si512();
  void add(__m512i bytes) {
    all = _mm512_add_epi16(all, bytes);
    odd = _mm512_add_epi16(odd, _mm512_srli_epi16(bytes, 8));
  }
  static __m256i folded(__m512i v) {   // 16 bits of four groups: into 32 bits, of one
    const __m512i low = _mm512_cvtepu16_epi32(_mm512_castsi512_si256(v)), high = _mm512_cvtepu16_epi32(_mm512_extracti64x4_epi64(v, 1));
    const __m512i both = _mm512_add_epi32(low, high);
    return _mm256_add_epi32(_mm512_castsi512_si256(both), _mm512_extracti64x4_epi64(both, 1));
  }
  void empty(uint32_t* sums) {
    const __m256i even = folded(_mm512_sub_epi16(all, _mm512_slli_epi16(odd, 8))), odds = folded(odd);
    const __m256i low = _mm256_unpacklo_epi32(even, odds), high = _mm256_unpackhi_epi32(even, odds);   // rows 0-3 8-11, 4-7 12-15
    __m256i* to = (__m256i*)sums;
    _mm256_storeu_si256(to, _mm256_add_epi32(_mm256_loadu_si256(to), _mm256_permute2x128_si256(low, high, 0x20)));
    _mm256_storeu_si256(to + 1, _mm256_add_epi32(_mm256_loadu_si256(to + 1), _mm256_permute2x128_si256(low, high, 0x31)));
    *this = {};
  }
};

void scan_block(const uint8_t* block, const uint8_t* luts, uint32_t groups, uint32_t* sums) {
  memset(sums, 0, block_of_codes * sizeof *sums);
  const __m512i nibble = _mm512_set1_epi8(15);
  Sixteen low, high;
  for (uint32_t first = 0; first < groups;) {
    const uint32_t last = groups - first < 4 * most_additions ? groups : first + 4 * most_additions;
    for (; first < last; first += 4) {
      const __m512i codes = _mm512_loadu_si512(block + (size_t)first * 16), lut = _mm512_loadu_si512(luts + (size_t)first * 16);
      low.add(_mm512_shuffle_epi8(lut, _mm512_and_si512(codes, nibble)));
      high.add(_mm512_shuffle_epi8(lut, _mm512_and_si512(_mm512_srli_epi16(codes, 4), nibble)));
    }
    low.empty(sums);
    high.empty(sums + 16);
  }
}

#elif defined(__AVX2__)

struct Sixteen {
  __m256i all = _mm256_setzero_si256(), odd = _mm256_setzero_si256();
  void add(__m256i bytes) {
    all = _mm256_add_epi16(all, bytes);
    odd = _mm256_add_epi16(odd, _mm256_srli_epi16(bytes, 8));
  }
  static __m256i folded(__m256i v) {
    return _mm256_add_epi32(_mm256_cvtepu16_epi32(_mm256_castsi256_si128(v)), _mm256_cvtepu16_epi32(_mm256_extracti128_si256(v, 1)));
  }
  void empty(uint32_t* sums) {
    const __m256i even = folded(_mm256_sub_epi16(all, _mm256_slli_epi16(odd, 8))), odds = folded(odd);
    const __m256i low = _mm256_unpacklo_epi32(even, odds), high = _mm256_unpackhi_epi32(even, odds);
    __m256i* to = (__m256i*)sums;
    _mm256_storeu_si256(to, _mm256_add_epi32(_mm256_loadu_si256(to), _mm256_permute2x128_si256(low, high, 0x20)));
    _mm256_storeu_si256(to + 1, _mm256_add_epi32(_mm256_loadu_si256(to + 1), _mm256_permute2x128_si256(low, high, 0x31)));
    *this = {};
  }
};

void scan_block(const uint8_t* block, const uint8_t* luts, uint32_t groups, uint32_t* sums) {
  memset(sums, 0, block_of_codes * sizeof *sums);
  const __m256i nibble = _mm256_set1_epi8(15);
  Sixteen low, high;
  for (uint32_t first = 0; first < groups;) {
    const uint32_t last = groups - first < 2 * most_additions ? groups : first + 2 * most_additions;
    for (; first < last; first += 2) {
      const __m256i codes = _mm256_loadu_si256((const __m256i*)(block + (size_t)first * 16));
      const __m256i lut = _mm256_loadu_si256((const __m256i*)(luts + (size_t)first * 16));
      low.add(_mm256_shuffle_epi8(lut, _mm256_and_si256(codes, nibble)));
      high.add(_mm256_shuffle_epi8(lut, _mm256_and_si256(_mm256_srli_epi16(codes, 4), nibble)));
    }
    low.empty(sums);
    high.empty(sums + 16);
  }
}

#elif defined(ELANUS_NEON)

struct Sixteen {   // sums of 16 rows, in their order
  uint16x8_t low = vdupq_n_u16(0), high = low;
  void add(uint8x16_t bytes) {
    low = vaddw_u8(low, vget_low_u8(bytes));
    high = vaddw_high_u8(high, bytes);
  }
  void empty(uint32_t* sums) {
    vst1q_u32(sums, vaddw_u16(vld1q_u32(sums), vget_low_u16(low)));
    vst1q_u32(sums + 4, vaddw_high_u16(vld1q_u32(sums + 4), low));
    vst1q_u32(sums + 8, vaddw_u16(vld1q_u32(sums + 8), vget_low_u16(high)));
    vst1q_u32(sums + 12, vaddw_high_u16(vld1q_u32(sums + 12), high));
    *this = {};
  }
};

void scan_block(const uint8_t* block, const uint8_t* luts, uint32_t groups, uint32_t* sums) {
  memset(sums, 0, block_of_codes * sizeof *sums);
  const uint8x16_t nibble = vdupq_n_u8(15);
  Sixteen low, high;
  for (uint32_t first = 0; first < groups;) {
    const uint32_t last = groups - first < most_additions ? groups : first + most_additions;
    for (; first < last; ++first) {
      const uint8x16_t codes = vld1q_u8(block + (size_t)first * 16), lut = vld1q_u8(luts + (size_t)first * 16);
      low.add(vqtbl1q_u8(lut, vandq_u8(codes, nibble)));
      high.add(vqtbl1q_u8(lut, vshrq_n_u8(codes, 4)));
    }
    low.empty(sums);
    high.empty(sums + 16);
  }
}

#else

void scan_block(const uint8_t* block, const uint8_t* luts, uint32_t groups, uint32_t* sums) {
  memset(sums, 0, block_of_codes * sizeof *sums);
  for (uint32_t g = 0; g < groups; ++g, block += 16, luts += 16)
    for (uint32_t j = 0; j < 16; ++j) {
      sums[j] += luts[block[j] & 15];
      sums[j + 16] += luts[block[j] >> 4];
    }
}

#endif

}  // namespace
}  // namespace elanus
