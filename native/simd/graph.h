// The plain types of graphs over int8 codes, and the functions of the table that work on them.
//
// Always true: pointers are borrowed, and whoever filled a struct outlives the call; nothing here has an inline member (table.h).
#pragma once
#include <stddef.h>
#include <stdint.h>

namespace elanus {

constexpr uint32_t no_row = 0xffffffffu;
constexpr uint32_t most_degree = 512;                         // of a finished graph
constexpr uint32_t most_slots_of_list = most_degree * 3 / 2;  // while it is built
constexpr uint32_t most_entries = 16;

// What a distance needs of a row besides the dot product. The codes of a row that would leave the grid are made `ratio` times coarser, those of
// HNSW_SQ finer where they leave room.
struct CodeTerms {
  float norm;    // Σc² ratio²; `norm_of_no_place` for a row that is not on the grid
  float ratio;   // 1 for nearly all rows, but for HNSW_SQ
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

// Bytes of a row's sketch (sketch.h).
static constexpr size_t sketch_bytes(uint32_t dims) { return dims / 8 + 8; }
// Of long sketches a scan looks at so many bits first: with a row's factors they fill a line, and they tell of seven rows in eight that these are too
// far away.
constexpr uint32_t sketch_head = 448, least_long_sketch = 768;

// `slots` neighbours a row, every `stride` numbers; the first free one, if any, holds no_row. Lists may be written while they are read, a
// slot at a time; rows from `limit` on are passed over, since they may be newer than what the reader sees.
// With `sketches` the codes of rows that they show to be too far away are not read.
struct Lists {
  const uint32_t* neighbours;
  uint32_t stride, slots, limit;
  const uint8_t* sketches = nullptr;
};

// A block is a row's neighbours with one bit a dimension of the way to each (blocks.h draws it). `slots` is a multiple of group_edges.
constexpr uint32_t group_edges = 32;
struct Blocks {
  const uint8_t* at;
  uint32_t slots, dims;
};
static constexpr size_t group_bytes(uint32_t dims) { return 128 + 4 * (size_t)dims; }   // of a group of edges, without the neighbours
static constexpr size_t block_bytes(uint32_t slots, uint32_t dims) {
  return (slots * sizeof(uint32_t) + slots / group_edges * group_bytes(dims) + 63) / 64 * 64;
}

// What estimates need of a query: sums of its coordinates for each pattern of four signs, in bytes.
struct SignSums {
  const uint8_t* table;   // 4 * dims, aligned to 64 bytes
  float step, offset;
};

// A sorted list, nearest first (candidates.h). Arrays are aligned to 64 bytes and have 32 slots more than `capacity`.
struct Candidates {
  float* distance;
  uint32_t* row;  // the top bit: taken, that is, visited
  uint32_t capacity, size, next;
};
constexpr uint32_t candidate_padding = 32;
constexpr uint32_t taken = 0x80000000u;

// Rows that were met: a bit a row, and which bits are to be undone.
struct Seen {
  uint64_t* bits;
  uint32_t* undo;            // there is room for `capacity` and most_fresh more
  uint32_t count, capacity;
  bool overflowed;           // not all bits can be undone one by one
};

// Rows that a filter lets pass. One row of a graph stands for all that have its codes, and passes where one of them does; that is found out of
// those that are met, as there may be many others, and kept in mind, as chains may be long.
constexpr uint32_t chains_in_mind = 64;
struct Passing {
  const uint8_t* allowed;      // a bit a row; null: all pass
  const uint64_t* heads;       // a bit a row, of those that stand for others; null: nobody does
  const uint32_t* next_twin;   // chains ascend, and end at `limit`
  uint32_t limit;
  uint32_t* found;             // chains_in_mind of a walk's: twice the row, and 1 if it passes; no_row: none
};
static inline bool passes(const Passing& passing, uint32_t row) {
  const uint8_t* allowed = passing.allowed;
  if (!allowed || (allowed[row >> 3] >> (row & 7) & 1)) return true;
  if (!passing.heads || !(__atomic_load_n(passing.heads + (row >> 6), __ATOMIC_RELAXED) >> (row & 63) & 1)) return false;
  uint32_t& found = passing.found[row % chains_in_mind];
  if (found >> 1 == row) return found & 1;
  found = 2 * row;
  do {
    row = __atomic_load_n(passing.next_twin + row, __ATOMIC_RELAXED);
    if (row >= passing.limit) return false;
  } while (!(allowed[row >> 3] >> (row & 7) & 1));
  return found |= 1;
}

// Candidates without order (pool.h). Arrays are aligned to 64 bytes and have `pool_padding` slots more than `capacity`.
struct Pool {
  float *distance, *open;   // `open` is +inf for what was visited; both may be one array, where nothing is visited
  uint32_t* row;
  uint32_t size, capacity, width;
  float bound;   // what is not nearer is not wanted
};
constexpr uint32_t pool_padding = 64;
static constexpr uint32_t pool_capacity(uint32_t width) { return (width + (width / 2 < 64 ? 64 : width / 2) + 63) / 16 * 16; }

// A walk through blocks on its way (packed_walk.h).
struct PackedWalk {
  Pool known;   // by estimate; by distance once visited
  Pool found;   // visited and allowed, by distance
  Passing passing;
  Seen seen;
  uint32_t width;           // the walk ends when so many visited rows are nearer than all others; `known` may be wider
  uint32_t at, row;         // where in `known` the row stands that is visited next, and its number
  uint32_t visits, distances, met;   // `met`: allowed rows among the visits
  float radius;             // at the end: no row that is known and not visited is nearer, by estimate
};

// A walk through lists on its way (walk.h).
struct ListWalk {
  Candidates *frontier, *results;   // `results` only with a filter
  Seen* seen;
  Passing passing;
  uint32_t* fresh;          // `count` rows that were met and not looked at yet; there is room for those of a list, of the entries, and one more
  uint32_t count, stage, row;   // whose list is read next
  uint32_t wanted;          // the walk ends when so many of the nearest of all that were met are visited
  uint32_t visits, distances;
  float offset;             // what sketches need of the query
};
constexpr uint32_t most_fresh = most_slots_of_list + most_entries + 1;

struct GraphTable {
  // In place: a fixed random rotation of `dims` floats; `signs` are 4 * dims of +1 and -1. The same bits on every machine.
  void (*rotate)(float* values, uint32_t dims, const float* signs);
  // Rounds values to codes, in steps that are as much longer than 1 as it takes to get all of them into ±127, and at least `least`.
  // The same bits on every machine.
  CodeTerms (*to_codes)(const float* values, uint32_t dims, float least, int8_t* codes);
  // Of the rows from `first` to `last`, the first at `out`.
  void (*sketch)(const CodeRows*, uint32_t first, uint32_t last, uint8_t* out);
  // Of `count` rows, by the first `looked` bits of their sketches (a multiple of 64): the least that their distances may well be. Not one in a
  // thousand is less.
  void (*least_distances)(const CodeQuery*, const uint8_t* sketches, uint32_t dims, uint32_t looked, const uint32_t* numbers, uint32_t count,
                          float* least);
  void (*distances)(const CodeQuery* query, const CodeRows* rows, const uint32_t* numbers, uint32_t count, float* out);
  void (*clear)(Candidates*, uint32_t capacity);
  // With a filter rows that pass go to `results`; else the frontier is the result. `fresh` is there, lists are empty.
  void (*begin_walk)(ListWalk*, const CodeRows*, const CodeQuery*, const uint32_t* entries, uint32_t entry_count);
  // One stage of a visit, of which there are three; at the end of each the memory that the next one needs begins to come. False at the end,
  // and again until more are wanted.
  bool (*step_walk)(ListWalk*, const Lists*, const CodeRows*, const CodeQuery*);
  void (*sign_sums)(const float* query, uint32_t dims, uint8_t* table, SignSums* sums);
  // Fills the block of `centre`. `scratch` has room for `dims` bytes.
  void (*pack)(const CodeRows*, uint32_t centre, const uint32_t* neighbours, uint32_t slots, uint8_t* block, int8_t* scratch);
  // `known`, `found` and `seen` are empty.
  void (*begin_packed)(PackedWalk*, const CodeRows*, const CodeQuery*, const uint32_t* entries, uint32_t entry_count);
  // Visits the row that was chosen by the step before, if any, and chooses the next, whose memory begins to come. False at the end.
  bool (*step_packed)(PackedWalk*, const Blocks*, const CodeRows*, const CodeQuery*, const SignSums*);
  void (*clear_pool)(Pool*, uint32_t width);
  // Of candidates in ascending order: those to whom no kept one is nearer than `centre` is (times alpha). At most `limit` go to `kept`.
  uint32_t (*choose)(const CodeRows*, uint32_t centre, const float* distance, const uint32_t* candidate, uint32_t count, uint32_t limit,
                     float alpha, uint32_t* kept);
  uint32_t (*crc32c)(uint32_t before, const void* bytes, size_t count);
};

}  // namespace elanus
