// CRC-32C: with the processor's instruction where there is one, else from tables, eight bytes at a time.
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

uint32_t crc32c(uint32_t before, const void* bytes, size_t count) {
  const unsigned char* at = (const unsigned char*)bytes;
  uint64_t crc = ~before;
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
