// An open slim graph: what was read from its file, the rows beside it, and the threads' scratches.
//
// Always true: nothing but the scratches changes after opening; every number in the lists, twins and entries is below the count of rows,
// and chains of twins ascend, so that they end.
#pragma once
#include "../include/elanus_slim.h"
#include "codebook.h"
#include "grid.h"
#include "open_index.h"

namespace elanus {

// What the file says of itself.
struct SlimShape {
  uint32_t metric, dimension, element, degree, beam, subspaces, bits, rows_check;
  uint64_t rows, graph_rows, seed;
  float step, longest, typical;
  uint32_t zero_row, entry_count, entries[most_entries], zero;

  Layout layout() const { return {(Element)element, dimension}; }
  uint32_t dims() const { return Grid::dims_of((Metric)metric, dimension); }
  BookShape book() const { return {dims(), subspaces, bits}; }
  uint64_t code_bytes() const { return ((uint64_t)subspaces * bits + 7) / 8; }
};
static_assert(sizeof(SlimShape) == 144);

enum SlimSection : uint32_t { slim_mean, slim_codes, slim_lists, slim_twins, slim_book, slim_section_count };

struct SlimIndex final : OpenIndex {
  SlimIndex() : OpenIndex(IndexKind::slim) {}
  uint64_t indexed_rows() const override { return shape.rows; }

  SlimShape shape = {};
  Grid grid;
  uint64_t file_bytes = 0;
  Buffer<uint8_t> codes;                // and some bytes behind
  Buffer<uint32_t> lists, next_twin;    // no twins: empty
  std::vector<bool> loose;              // rows without direction, whose codes mean nothing; empty if there are none
  std::vector<uint32_t> twin_heads;     // the rows that stand for others in the graph
  Codebook book;
  mutable Lender lender{Owner::search};
};

}  // namespace elanus
