// An open index: what was read from its file, the rows beside it, and the threads' scratches.
//
// Always true: nothing but the scratches changes after opening, so any number of threads search it; every row number in the lists,
// the twins and the entries is below `row_count`, and chains of twins ascend, so that they end.
#pragma once
#include <memory>
#include <vector>
#include "grid.h"
#include "open_index.h"
#include "scratch.h"

namespace elanus {

struct Index final : OpenIndex {
  Index() : OpenIndex(IndexKind::graph) {}
  uint64_t indexed_rows() const override { return row_count; }

  Grid grid;
  uint32_t degree = 0, beam = 0, row_count = 0, graph_row_count = 0;
  uint32_t zero_row = no_row;
  uint64_t file_bytes = 0;
  Buffer<int8_t> codes;
  Buffer<CodeTerms> terms;
  Buffer<uint32_t> lists, next_twin;   // no twins: empty
  std::vector<uint32_t> entries;
  std::vector<uint64_t> rows_of_degree;   // how many lists have 0, 1, ... `degree` neighbours
  std::vector<uint32_t> twin_heads;    // the rows that stand for others in the graph
  mutable Lender lender{Owner::search};

  CodeRows code_rows() const { return {codes.data(), terms.data(), grid.dims()}; }
  Lists neighbour_lists() const { return {lists.data(), degree}; }
};

}  // namespace elanus
