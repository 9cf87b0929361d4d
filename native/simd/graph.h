// The plain types of graphs over int8 codes, and the functions of the table that work on them.
//
// Always true: pointers are borrowed, and whoever filled a struct outlives the call; nothing here has an inline member (table.h).
#pragma once
#include <stddef.h>
#include <stdint.h>

namespace elanus {

constexpr uint32_t no_row = 0xffffffffu;
constexpr uint32_t most_degree = 256;                         // of a finished graph
constexpr uint32_t most_slots_of_list = most_degree * 3 / 2;  // while it is built
constexpr uint32_t most_entries = 16;

// What a distance needs of a row besides the dot product. The codes of a row that would leave the grid are made `ratio` times coarser.
struct CodeTerms {
  float norm;    // Σc² ratio²; `norm_of_no_place` for a row that is not on the grid
  float ratio;   // 1 for nearly all rows
  int32_t sum;   // Σc
};
constexpr float norm_of_no_place = 1e30f;

// Rows of one byte a dimension, in [-127, 127], one behind the other; `dims` is a multiple of 64, and codes are aligned to 64 bytes.
struct CodeRows {
  const int8_t* codes;
  const CodeTerms* terms;
  uint32_t dims;
};

// A query has a step of its own:
//   distance = norm + row.norm - twice * row.ratio * (codes · row.codes)      in squared steps of the grid
struct CodeQuery {
  const int8_t* codes;
  float norm, twice;
};

// `stride` slots a row; the first free one, if any, holds no_row. Lists may be written while they are read, a slot at a time; rows from
// `limit` on are passed over, since they may be newer than what the reader sees.
struct Lists {
  const uint32_t* neighbours;
  uint32_t stride, limit;
};

// A sorted list, nearest first (candidates.h). Arrays are aligned to 64 bytes and have 32 slots more than `capacity`.
struct Candidates {
  float* distance;
  uint32_t* row;  // the top bit: taken, that is, visited
  uint32_t capacity, size, next;
};
constexpr uint32_t candidate_padding = 32;
constexpr uint32_t taken = 0x80000000u;

// A row is seen in this search if its mark is the search's own number.
struct Visited {
  uint16_t* mark;
  uint16_t own;
};

struct WalkCounts {
  uint32_t visits, distances;
  bool ended;  // false: the limit of visits came first, and a call without entries goes on
};

struct GraphTable {
  // In place: a fixed random rotation of `dims` floats; `signs` are 4 * dims of +1 and -1. The same bits on every machine.
  void (*rotate)(float* values, uint32_t dims, const float* signs);
  // Rounds values to codes, in steps that are as much longer than 1 as it takes to get all of them into ±127, and at least `least`.
  // The same bits on every machine.
  CodeTerms (*to_codes)(const float* values, uint32_t dims, float least, int8_t* codes);
  void (*distances)(const CodeQuery* query, const CodeRows* rows, const uint32_t* numbers, uint32_t count, float* out);
  void (*clear)(Candidates*, uint32_t capacity);
  // Best first from `entries`, at most `visit_limit` rows. With `allowed` (a bit a row) only allowed rows go to `results`, and the
  // walk ends when what is left is farther than the worst of a full result list; else the frontier is the result.
  WalkCounts (*walk)(const Lists*, const CodeRows*, const CodeQuery*, const uint32_t* entries, uint32_t entry_count, Candidates* frontier,
                     Candidates* results, Visited*, const uint8_t* allowed, uint32_t visit_limit);
  // Of candidates in ascending order: those to whom no kept one is nearer than `centre` is (times alpha). At most `limit` go to `kept`.
  uint32_t (*choose)(const CodeRows*, uint32_t centre, const float* distance, const uint32_t* candidate, uint32_t count, uint32_t limit,
                     float alpha, uint32_t* kept);
  uint32_t (*crc32c)(uint32_t before, const void* bytes, size_t count);
};

}  // namespace elanus
