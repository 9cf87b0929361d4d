// Rows of a mapped file that an index keeps in memory besides: those that most rows have for a neighbour, which are found most often.
//
// Always true: a kept row has the bytes of the file; nothing changes once they are made, so any number of threads read them.
//
// Not here: when they are made (slim_keep), and reading candidates (slim_search).
#pragma once
#include "../simd/graph.h"
#include "memory.h"
#include "rows.h"

namespace elanus {

struct KeptRows {
  // Room for as many rows as `bytes` hold, with a number for every row beside them.
  KeptRows(uint32_t row_count, uint64_t row_bytes, uint64_t bytes);

  const uint64_t row_bytes;
  uint32_t count = 0;          // that are kept, or will be
  Buffer<uint32_t> places;     // of every row among the values; no_row: it is not kept
  Buffer<unsigned char> values;

  uint64_t bytes() const { return places.bytes() + values.bytes(); }
  const unsigned char* at(uint32_t row) const { return places[row] == no_row ? nullptr : values.data() + (size_t)places[row] * row_bytes; }
};

}  // namespace elanus
