// The plain types of lists of codes, and the functions of the table that work on them.
//
// Codes of four bits stand in blocks of 32 rows, so that one shuffle looks up 16 rows at once:
//
//   group 0   | byte 0: rows 0 (low) and 16 (high) | byte 1: rows 1 and 17 | ... byte 15
//   group 1   | ...
//
// Always true: pointers are borrowed; nothing here has an inline member (table.h).
#pragma once
#include <stddef.h>
#include <stdint.h>

namespace elanus {

constexpr uint32_t block_of_codes = 32;    // rows
constexpr uint32_t bytes_of_group = 16;
constexpr uint32_t group_multiple = 4;     // of the groups of a block
constexpr uint32_t book_multiple = 16;     // of the words of a codebook

struct ListsTable {
  // Of a point of a few dimensions and each word of a book, which has dimension after dimension: [dims][count]. `count` is a multiple of
  // book_multiple. Lane by lane, in the order of dimensions: the same bits on every machine.
  void (*squares)(const float* point, uint32_t dims, const float* book, uint32_t count, float* out);
  void (*products)(const float* point, uint32_t dims, const float* book, uint32_t count, float* out);
  // sums[row] = the sum over groups of luts[16 * group + code of the row]; `groups` is a multiple of group_multiple.
  void (*scan_block)(const uint8_t* block, const uint8_t* luts, uint32_t groups, uint32_t* sums);
};

}  // namespace elanus
