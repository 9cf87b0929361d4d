// Counts over rows of bits: how many two rows share, in how many they differ, how many hashes of a signature are equal.
//
// Bits of a register are counted by looking each half of a byte up in a table of sixteen, so that no processor needs an instruction
// for it; rows of up to a cache line go word by word, where one is to be had.
#pragma once
#include "lanes.h"
#include "table.h"

namespace elanus {
namespace {

struct Different {
  template <class Word> static Word of(Word query, Word row) { return query ^ row; }
};
struct Shared {
  template <class Word> static Word of(Word query, Word row) { return query & row; }
};

inline uint32_t ones_of(uint64_t x) {
#if defined(__POPCNT__) || defined(__aarch64__)
  return (uint32_t)__builtin_popcountll(x);
#else
  x -= x >> 1 & 0x5555555555555555ull;
  x = (x & 0x3333333333333333ull) + (x >> 2 & 0x3333333333333333ull);
  return (uint32_t)(((x + (x >> 4)) & 0x0f0f0f0f0f0f0f0full) * 0x0101010101010101ull >> 56);
#endif
}

inline uint64_t word_at(const unsigned char* p) {
  uint64_t x;
  memcpy(&x, p, sizeof x);
  return x;
}

// The last bytes of a row, fewer than eight.
inline uint64_t rest_at(const unsigned char* p, uint32_t count) {
  uint64_t x = 0;
  for (uint32_t i = 0; i < count; ++i) x |= (uint64_t)p[i] << (8 * i);
  return x;
}

// counts[a] += ones of Of(query a, row); *row_ones += ones of the row, if wanted.
template <class Of, uint32_t Q, bool lengths>
inline void count_words(const unsigned char* const* queries, const unsigned char* row, uint32_t bytes, uint32_t* counts, uint32_t* row_ones) {
  const auto add = [&](uint32_t i, auto load) __attribute__((always_inline)) {
    const uint64_t x = load(row + i);
    if constexpr (lengths) *row_ones += ones_of(x);
    for (uint32_t a = 0; a < Q; ++a) counts[a] += ones_of(Of::of(load(queries[a] + i), x));
  };
  uint32_t i = 0;
  for (; i + 8 <= bytes; i += 8) add(i, word_at);
  if (const uint32_t rest = bytes - i)
    add(i, [rest](const unsigned char* p) __attribute__((always_inline)) { return rest_at(p, rest); });
}

#if defined(__AVX2__) || defined(ELANUS_NEON)

#if defined(__AVX512F__)
struct Bits {
  __m512i v;
  static constexpr uint32_t bytes = 64;
  static Bits load(const unsigned char* p) { return {_mm512_loadu_si512(p)}; }
  static Bits zero() { return {_mm512_setzero_si512()}; }
};
inline Bits operator^(Bits a, Bits b) { return {_mm512_xor_si512(a.v, b.v)}; }
inline Bits operator&(Bits a, Bits b) { return {_mm512_and_si512(a.v, b.v)}; }
inline Bits add_ones(Bits sum, Bits x) {
  const __m512i table = _mm512_broadcast_i32x4(_mm_setr_epi8(0, 1, 1, 2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4)), low = _mm512_set1_epi8(15);
  const __m512i ones = _mm512_add_epi8(_mm512_shuffle_epi8(table, _mm512_and_si512(x.v, low)),
                                       _mm512_shuffle_epi8(table, _mm512_and_si512(_mm512_srli_epi16(x.v, 4), low)));
  return {_mm512_dpbusd_epi32(sum.v, ones, _mm512_set1_epi8(1))};
}
inline uint32_t total(Bits sum) { return (uint32_t)_mm512_reduce_add_epi32(sum.v); }
#elif defined(ELANUS_NEON)
struct Bits {
  uint8x16_t v;
  static constexpr uint32_t bytes = 16;
  static Bits load(const unsigned char* p) { return {vld1q_u8(p)}; }
  static Bits zero() { return {vdupq_n_u8(0)}; }
};
inline Bits operator^(Bits a, Bits b) { return {veorq_u8(a.v, b.v)}; }
inline Bits operator&(Bits a, Bits b) { return {vandq_u8(a.v, b.v)}; }
inline Bits add_ones(Bits sum, Bits x) {
  return {vreinterpretq_u8_u32(vpadalq_u16(vreinterpretq_u32_u8(sum.v), vpaddlq_u8(vcntq_u8(x.v))))};
}
inline uint32_t total(Bits sum) { return vaddvq_u32(vreinterpretq_u32_u8(sum.v)); }
#else
struct Bits {
  __m256i v;
  static constexpr uint32_t bytes = 32;
  static Bits load(const unsigned char* p) { return {_mm256_loadu_si256((const __m256i*)p)}; }
  static Bits zero() { return {_mm256_setzero_si256()}; }
};
inline Bits operator^(Bits a, Bits b) { return {_mm256_xor_si256(a.v, b.v)}; }
inline Bits operator&(Bits a, Bits b) { return {_mm256_and_si256(a.v, b.v)}; }
inline Bits add_ones(Bits sum, Bits x) {
  const __m256i table = _mm256_broadcastsi128_si256(_mm_setr_epi8(0, 1, 1, 2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4)), low = _mm256_set1_epi8(15);
  const __m256i ones = _mm256_add_epi8(_mm256_shuffle_epi8(table, _mm256_and_si256(x.v, low)),
                                       _mm256_shuffle_epi8(table, _mm256_and_si256(_mm256_srli_epi16(x.v, 4), low)));
  return {_mm256_add_epi64(sum.v, _mm256_sad_epu8(ones, _mm256_setzero_si256()))};
}
inline uint32_t total(Bits sum) {
  const __m128i x = _mm_add_epi64(_mm256_castsi256_si128(sum.v), _mm256_extracti128_si256(sum.v, 1));
  return (uint32_t)(_mm_cvtsi128_si64(x) + _mm_extract_epi64(x, 1));
}
#endif

template <class Of, uint32_t Q, bool lengths>
inline void count_bits(const unsigned char* const* queries, const unsigned char* row, uint32_t bytes, uint32_t* counts, uint32_t* row_ones) {
  uint32_t i = 0;
  if (bytes >= Bits::bytes) {
    Bits sum[Q], ones = Bits::zero();
    for (Bits& s : sum) s = Bits::zero();
    for (; i + Bits::bytes <= bytes; i += Bits::bytes) {
      const Bits x = Bits::load(row + i);
      if constexpr (lengths) ones = add_ones(ones, x);
      for (uint32_t a = 0; a < Q; ++a) sum[a] = add_ones(sum[a], Of::of(Bits::load(queries[a] + i), x));
    }
    for (uint32_t a = 0; a < Q; ++a) counts[a] = total(sum[a]);
    if constexpr (lengths) *row_ones = total(ones);
  }
  const unsigned char* rest[Q];
  for (uint32_t a = 0; a < Q; ++a) rest[a] = queries[a] + i;
  count_words<Of, Q, lengths>(rest, row + i, bytes - i, counts, row_ones);
}

#else

template <class Of, uint32_t Q, bool lengths>
inline void count_bits(const unsigned char* const* queries, const unsigned char* row, uint32_t bytes, uint32_t* counts, uint32_t* row_ones) {
  count_words<Of, Q, lengths>(queries, row, bytes, counts, row_ones);
}

#endif

// One call of `done(a, row, count, ones of the row)` for each pair. `known`: the bytes of a row, or 0; short loops are unrolled then.
template <class Of, bool lengths, uint32_t Q, uint32_t known, class Done>
inline void count_band(const unsigned char* first, uint32_t a, const RowBlock& rows, Done done) {
  const uint32_t bytes = known ? known : rows.dimension / 8;
  const unsigned char* queries[Q];
  for (uint32_t i = 0; i < Q; ++i) queries[i] = first + (size_t)(a + i) * bytes;
  for (uint32_t b = 0; b < rows.count; ++b) {
    if (!known && rows.fetch)
      for (uint32_t i = 0; i < bytes; i += 64) __builtin_prefetch(rows.at[b + tile_rows] + i, 0, 3);
    uint32_t counts[Q] = {}, ones = 0;
    if constexpr (known) count_words<Of, Q, lengths>(queries, rows.at[b], bytes, counts, &ones);
    else count_bits<Of, Q, lengths>(queries, rows.at[b], bytes, counts, &ones);
    for (uint32_t i = 0; i < Q; ++i) done(a + i, b, counts[i], ones);
  }
}

template <class Of, bool lengths, uint32_t known, class Done> inline void count_bands(const QueryBlock& queries, const RowBlock& rows, Done done) {
  const auto* first = (const unsigned char*)queries.values;
  uint32_t a = 0;
  for (; a + 4 <= queries.count; a += 4) count_band<Of, lengths, 4, known>(first, a, rows, done);
  for (; a < queries.count; ++a) count_band<Of, lengths, 1, known>(first, a, rows, done);
}

template <class Of, bool lengths, class Done> inline void count_pairs(const QueryBlock& queries, const RowBlock& rows, Done done) {
  switch (rows.dimension) {
    case 64: return count_bands<Of, lengths, 8>(queries, rows, done);
    case 128: return count_bands<Of, lengths, 16>(queries, rows, done);
    case 256: return count_bands<Of, lengths, 32>(queries, rows, done);
    default: return count_bands<Of, lengths, 0>(queries, rows, done);
  }
}

inline uint32_t bits_of(const unsigned char* row, uint32_t bytes) {
  uint32_t count = 0, unused = 0;
  count_bits<Shared, 1, false>(&row, row, bytes, &count, &unused);
  return count;
}

// How many hashes of sizeof(Hash) bytes are equal.
template <class Hash> inline uint32_t equal_hashes(const unsigned char* query, const unsigned char* row, uint32_t bytes) {
  uint32_t count = 0, i = 0;
#if defined(__AVX512F__)
  for (; i + 64 <= bytes; i += 64) {
    const __m512i a = _mm512_loadu_si512(query + i), b = _mm512_loadu_si512(row + i);
    if constexpr (sizeof(Hash) == 1) count += ones_of(_mm512_cmpeq_epi8_mask(a, b));
    else if constexpr (sizeof(Hash) == 2) count += ones_of(_mm512_cmpeq_epi16_mask(a, b));
    else if constexpr (sizeof(Hash) == 4) count += ones_of(_mm512_cmpeq_epi32_mask(a, b));
    else count += ones_of(_mm512_cmpeq_epi64_mask(a, b));
  }
#elif defined(__AVX2__)
  for (; i + 32 <= bytes; i += 32) {
    const __m256i a = _mm256_loadu_si256((const __m256i*)(query + i)), b = _mm256_loadu_si256((const __m256i*)(row + i));
    __m256i same;
    if constexpr (sizeof(Hash) == 1) same = _mm256_cmpeq_epi8(a, b);
    else if constexpr (sizeof(Hash) == 2) same = _mm256_cmpeq_epi16(a, b);
    else if constexpr (sizeof(Hash) == 4) same = _mm256_cmpeq_epi32(a, b);
    else same = _mm256_cmpeq_epi64(a, b);
    count += ones_of((uint32_t)_mm256_movemask_epi8(same)) / sizeof(Hash);
  }
#elif defined(ELANUS_NEON)
  for (; i + 16 <= bytes; i += 16) {
    const uint8x16_t a = vld1q_u8(query + i), b = vld1q_u8(row + i);
    uint8x16_t same;
    if constexpr (sizeof(Hash) == 1) same = vceqq_u8(a, b);
    else if constexpr (sizeof(Hash) == 2) same = vreinterpretq_u8_u16(vceqq_u16(vreinterpretq_u16_u8(a), vreinterpretq_u16_u8(b)));
    else if constexpr (sizeof(Hash) == 4) same = vreinterpretq_u8_u32(vceqq_u32(vreinterpretq_u32_u8(a), vreinterpretq_u32_u8(b)));
    else same = vreinterpretq_u8_u64(vceqq_u64(vreinterpretq_u64_u8(a), vreinterpretq_u64_u8(b)));
    count += vaddvq_u8(vandq_u8(same, vdupq_n_u8(1))) / sizeof(Hash);
  }
#endif
  for (; i < bytes; i += sizeof(Hash)) count += memcmp(query + i, row + i, sizeof(Hash)) == 0;
  return count;
}

}  // namespace
}  // namespace elanus
