// Packed lists of sparse rows that grow no more: the rows of each index in blocks of 128, as differences of few bits, and a byte beside each
// row that bounds the size of its value (sparse.h). Opened beside the rows, which score exactly.
//
//   terms    TermRecord, ascending by index          blocks   BlockRecord, those of a term one after the other
//   bytes    of each block: its differences, bits * rows / 8 bytes rounded up (simd/postings.h), then a code for each row
//
// Always true: nothing changes after opening. Rows of a term ascend and are below `rows`; blocks lie end to end; the largest code of each
// block stands beside it, and nothing is larger than the `top` of its term.
#pragma once
#include <cstdint>
#include <memory>
#include "memory.h"
#include "open_index.h"
#include "sparse.h"

namespace elanus {

constexpr uint32_t block_postings = 128;
constexpr uint32_t bytes_behind_postings = 64;
constexpr uint32_t most_packed_bits = 25;   // more are written as 32

// What the file says of itself.
struct PostingsShape {
  uint64_t rows, postings;
  uint32_t terms, blocks, rows_check, zero;
};
static_assert(sizeof(PostingsShape) == 32);

struct TermRecord {
  uint32_t index, first_block, count;
  float top;   // the largest size of a value; below 0 where some value is
  uint32_t blocks() const { return (count + block_postings - 1) / block_postings; }
};
static_assert(sizeof(TermRecord) == 16);

struct BlockRecord {
  uint32_t last;   // row
  uint32_t low;    // where its bytes begin, in 48 bits
  uint16_t high;
  uint8_t most, bits;
  uint64_t at() const { return (uint64_t)high << 32 | low; }
};
static_assert(sizeof(BlockRecord) == 12);

inline uint64_t bytes_of_differences(uint32_t bits, uint32_t count) { return ((uint64_t)bits * count + 7) / 8; }

enum PostingsSection : uint32_t { postings_terms, postings_blocks, postings_bytes, postings_section_count };

struct PostingsIndex final : OpenIndex {
  PostingsIndex() : OpenIndex(IndexKind::postings) {}
  uint64_t indexed_rows() const override { return shape.rows; }

  PostingsShape shape = {};
  uint64_t file_bytes = 0;
  std::shared_ptr<Sparse> sparse;
  Buffer<TermRecord> terms;
  Buffer<BlockRecord> blocks;
  Buffer<uint8_t> bytes;   // and some behind

  const TermRecord* term(uint32_t index) const;   // null: no row has it
  uint32_t rows_of(const TermRecord& term, uint32_t block) const {
    const uint32_t before = (block - term.first_block) * block_postings;
    return term.count - before < block_postings ? term.count - before : block_postings;
  }
  // Room for `block_postings`, and seven more.
  const uint8_t* unpack(const TermRecord& term, uint32_t block, uint32_t* rows) const;   // its codes
};

// A checksum of some rows, so that lists are not used beside other rows than their own.
uint32_t check_of_sparse(const Sparse& sparse, uint64_t row_count);

}  // namespace elanus
