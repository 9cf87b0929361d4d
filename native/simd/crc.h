// CRC-32C: with the processor's instruction where there is one, in three runs at once, since it takes three cycles and can begin every cycle; else
// from tables, eight bytes at a time.
//
// Always true: crc32c(crc32c(0, a), b) is the checksum of a followed by b; that of "123456789" is 0xe3069283.
#pragma once
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#if defined(__SSE4_2__)
#include <immintrin.h>
#elif defined(__ARM_FEATURE_CRC32)
#include <arm_acle.h>
#endif

namespace elanus {
namespace {

#if defined(__SSE4_2__) || defined(__ARM_FEATURE_CRC32)

#if defined(__SSE4_2__)
inline uint64_t crc_of_word(uint64_t crc, uint64_t word) { return _mm_crc32_u64(crc, word); }
inline uint32_t crc_of_byte(uint32_t crc, unsigned char byte) { return _mm_crc32_u8(crc, byte); }
#else
inline uint64_t crc_of_word(uint64_t crc, uint64_t word) { return __crc32cd((uint32_t)crc, word); }
inline uint32_t crc_of_byte(uint32_t crc, unsigned char byte) { return __crc32cb(crc, byte); }
#endif

constexpr size_t run_bytes = 8192;

// What a checksum becomes when `run_bytes` zeros follow: linear in its bits, so a table a byte.
struct CrcShift {
  uint32_t of[4][256];
  constexpr CrcShift() : of() {
    uint32_t step[32] = {0x82f63b78u};   // what each bit becomes, after one bit of zeros; then after two, four ...
    for (int bit = 1; bit < 32; ++bit) step[bit] = 1u << (bit - 1);
    for (size_t bits = 1; bits < 8 * run_bytes; bits *= 2) {
      uint32_t twice[32] = {};
      for (int bit = 0; bit < 32; ++bit) twice[bit] = apply(step, step[bit]);
      for (int bit = 0; bit < 32; ++bit) step[bit] = twice[bit];
    }
    for (int byte = 0; byte < 4; ++byte)
      for (uint32_t value = 0; value < 256; ++value) of[byte][value] = apply(step, value << 8 * byte);
  }
  static constexpr uint32_t apply(const uint32_t* step, uint32_t crc) {
    uint32_t sum = 0;
    for (int bit = 0; crc; ++bit, crc >>= 1)
      if (crc & 1) sum ^= step[bit];
    return sum;
  }
  uint32_t operator()(uint32_t crc) const { return of[0][crc & 255] ^ of[1][crc >> 8 & 255] ^ of[2][crc >> 16 & 255] ^ of[3][crc >> 24]; }
};
constexpr CrcShift crc_shift;

uint32_t crc32c(uint32_t before, const void* bytes, size_t count) {
  const unsigned char* at = (const unsigned char*)bytes;
  uint64_t crc = ~before;
  for (; count >= 3 * run_bytes; count -= 3 * run_bytes, at += 3 * run_bytes) {
    uint64_t second = 0, third = 0;
    for (size_t i = 0; i < run_bytes; i += 8) {
      uint64_t words[3];
      memcpy(words, at + i, 8);
      memcpy(words + 1, at + run_bytes + i, 8);
      memcpy(words + 2, at + 2 * run_bytes + i, 8);
      crc = crc_of_word(crc, words[0]);
      second = crc_of_word(second, words[1]);
      third = crc_of_word(third, words[2]);
    }
    crc = crc_shift(crc_shift((uint32_t)crc) ^ (uint32_t)second) ^ (uint32_t)third;
  }
  for (; count >= 8; count -= 8, at += 8) {
    uint64_t word;
    memcpy(&word, at, sizeof word);
    crc = crc_of_word(crc, word);
  }
  uint32_t rest = (uint32_t)crc;
  for (; count; --count) rest = crc_of_byte(rest, *at++);
  return ~rest;
}

#else

struct CrcTables {
  uint32_t of[8][256];
  constexpr CrcTables() : of() {
    for (uint32_t byte = 0; byte < 256; ++byte) {
      uint32_t crc = byte;
      for (int bit = 0; bit < 8; ++bit) crc = crc >> 1 ^ (crc & 1 ? 0x82f63b78u : 0);
      of[0][byte] = crc;
    }
    for (int i = 1; i < 8; ++i)
      for (uint32_t byte = 0; byte < 256; ++byte) of[i][byte] = of[i - 1][byte] >> 8 ^ of[0][of[i - 1][byte] & 255];
  }
};
constexpr CrcTables crc_tables;

uint32_t crc32c(uint32_t before, const void* bytes, size_t count) {
  const unsigned char* at = (const unsigned char*)bytes;
  uint32_t crc = ~before;
  for (; count >= 8; count -= 8, at += 8) {
    uint32_t low = crc ^ ((uint32_t)at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24);
    crc = crc_tables.of[7][low & 255] ^ crc_tables.of[6][low >> 8 & 255] ^ crc_tables.of[5][low >> 16 & 255] ^ crc_tables.of[4][low >> 24] ^
          crc_tables.of[3][at[4]] ^ crc_tables.of[2][at[5]] ^ crc_tables.of[1][at[6]] ^ crc_tables.of[0][at[7]];
  }
  for (; count; --count) crc = crc >> 8 ^ crc_tables.of[0][(crc ^ *at++) & 255];
  return ~crc;
}

#endif

}  // namespace
}  // namespace elanus
