// Rows of equal codes ("twins"): the least of them stands for all in a graph, the others hang on it in ascending order.
#pragma once
#include "dispatch.h"
#include "memory.h"

namespace elanus {

// A bit a row, of those that stand for others.
inline Buffer<uint64_t> twin_heads(const Buffer<uint32_t>& next_twin) {
  const size_t rows = next_twin.size();
  if (!rows) return {};
  Buffer<uint64_t> heads((rows + 63) / 64, Owner::index), follows((rows + 63) / 64, Owner::index);
  for (size_t row = 0; row < rows; ++row) {
    const uint32_t next = next_twin[row];
    if (next == no_row) continue;
    const uint64_t bit = 1ull << (row & 63);
    follows[next >> 6] |= 1ull << (next & 63);
    if (!(follows[row >> 6] & bit)) heads[row >> 6] |= bit;   // chains ascend
  }
  return heads;
}

}  // namespace elanus
