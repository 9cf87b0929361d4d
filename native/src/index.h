// An open index: what was read from its file, the rows beside it, and the threads' scratches. Or what a growing index has published:
// then codes, lists and twins are memory that it goes on writing behind `row_count`, and lists may name rows from there.
//
// Always true: nothing else changes after opening, so any number of threads search it; every row number in the lists, the twins and
// the entries of a file is below `row_count`, and chains of twins ascend, so that they end.
#pragma once
#include <memory>
#include <vector>
#include "grid.h"
#include "open_index.h"
#include "row_clusters.h"
#include "scratch.h"

namespace elanus {

enum class IndexLayout : uint32_t { lean, packed };   // numbers of the C ABI

// Neighbours that a row has room for.
inline uint32_t slots_of(IndexLayout layout, uint32_t degree) {
  return layout == IndexLayout::lean ? degree : (degree + group_edges - 1) / group_edges * group_edges;
}

struct Index final : OpenIndex {
  Index() : OpenIndex(IndexKind::graph) {}
  uint64_t indexed_rows() const override { return row_count; }

  Grid grid;
  uint32_t degree = 0, beam = 0, row_count = 0, graph_row_count = 0;
  uint32_t stride = 0;   // slots of a list
  uint32_t zero_row = no_row;
  uint64_t file_bytes = 0;
  Buffer<int8_t> codes;
  Buffer<CodeTerms> terms;
  IndexLayout layout = IndexLayout::lean;
  Buffer<uint32_t> lists;              // lean
  Buffer<uint8_t> sketches;            // made when it is opened; none of a packed one that is mapped
  Buffer<uint8_t> blocks;              // packed
  Buffer<uint32_t> next_twin;          // no twins: empty
  Buffer<uint64_t> twin_heads;         // a bit a row, of those that stand for others in the graph; none: empty
  RowClusters clusters;                // of a growing index: none
  std::vector<uint32_t> entries;
  std::vector<uint64_t> rows_of_degree;   // how many lists have 0, 1, ... `slots` neighbours
  std::vector<uint32_t> outside;       // rows that fit nowhere on the grid, and are always looked at
  std::shared_ptr<Lender> lender = std::make_shared<Lender>(Owner::search);
  std::shared_ptr<void> memory;        // of a growing index

  CodeRows code_rows() const { return {codes.data(), terms.data(), grid.dims()}; }
  Blocks neighbour_blocks() const { return {blocks.data(), slots(), grid.dims()}; }
  // Of either layout: blocks begin with their neighbours.
  Lists neighbour_lists() const {
    if (layout == IndexLayout::lean) return {lists.data(), stride, stride, row_count, sketches.data()};
    return {(const uint32_t*)blocks.data(), (uint32_t)(block_bytes(slots(), grid.dims()) / sizeof(uint32_t)), slots(), row_count};
  }
  uint32_t slots() const { return slots_of(layout, degree); }
  Passing passing(const uint8_t* allowed) const { return {allowed, twin_heads.data(), next_twin.data(), row_count, nullptr}; }
  uint32_t twin_after(uint32_t row) const {
    const uint32_t twin = __atomic_load_n(next_twin.data() + row, __ATOMIC_RELAXED);
    return twin < row_count ? twin : no_row;
  }
};

}  // namespace elanus
