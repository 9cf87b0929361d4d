// Sets of rows, a bit a row: how many rows a set has, and which.
//
// A set of 1 % has none, one or two in most words of 64: a loop over the bits of each would be foretold wrongly at every other word. So the
// first two are written whether they are there or not.
#pragma once
#include "bits.h"

namespace elanus {
namespace {

constexpr uint32_t most_of_word = 64 + 4;   // and what is written beyond

uint64_t count_members(const uint8_t* bits, uint64_t words) {
  uint64_t count = 0;
  for (uint64_t i = 0; i < words; ++i) count += ones_of(word_at(bits + 8 * i));
  return count;
}

uint32_t list_members(const uint8_t* bits, uint64_t* first, uint64_t last, uint32_t* rows, uint32_t room) {
  uint32_t count = 0;
  uint64_t i = *first;
  for (; i < last && count + most_of_word <= room; ++i) {
    uint64_t word = word_at(bits + 8 * i);
    uint32_t* to = rows + count;
    const uint32_t ones = ones_of(word), start = (uint32_t)(64 * i);
    // The highest bit stands in for none, so that there is always one to be found.
    const auto put = [&](uint32_t at) __attribute__((always_inline)) {
      to[at] = start + (uint32_t)__builtin_ctzll(word | 1ull << 63);
      word &= word - 1;
    };
    put(0);
    put(1);
    for (uint32_t at = 2; at < ones; at += 4)
      for (uint32_t j = 0; j < 4; ++j) put(at + j);
    count += ones;
  }
  *first = i;
  return count;
}

}  // namespace
}  // namespace elanus
