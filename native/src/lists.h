// An open index of inverted lists: what was read from its file, and the rows beside it.
//
//   slots     | list 0 ... | list 1 ... | ... | loose rows |     a slot holds a row's number, and its codes stand in the same order
//   starts     0            ^            ...   ^            ^ rows
//
// Always true: nothing changes after opening, so any number of threads search it; numbers are below `row_count`, and starts ascend.
#pragma once
#include "../include/elanus_lists.h"
#include "clustering.h"
#include "codebook.h"
#include "grid.h"
#include "open_index.h"

namespace elanus {

enum class RowCodes : uint32_t { none, byte, book, nibble, sign };

// What the file says of itself.
struct ListsShape {
  uint32_t metric, dimension, element, lists;
  RowCodes codes;
  uint32_t subspaces, bits, rows_check;
  uint64_t rows, loose, seed;
  float step, longest, typical;
  uint32_t zero;

  Layout layout() const { return {(Element)element, dimension}; }
  // Bits are points too: HAMMING is the squared distance of zeros and ones, and JACCARD goes much as the angle between them.
  Metric grid_metric() const { return (Metric)metric == Metric::hamming ? Metric::l2 : (Metric)metric == Metric::jaccard ? Metric::cosine : (Metric)metric; }
  uint32_t dims() const { return Grid::dims_of(grid_metric(), dimension); }
  BookShape book() const { return codes == RowCodes::book || codes == RowCodes::nibble ? BookShape{dims(), subspaces, bits} : BookShape{}; }
  bool in_blocks() const { return codes == RowCodes::nibble || codes == RowCodes::sign; }
  // Of a row, or of a block of rows.
  uint32_t groups() const {
    const uint32_t groups = codes == RowCodes::nibble ? subspaces : dims() / 4;
    return (groups + group_multiple - 1) / group_multiple * group_multiple;
  }
  uint64_t code_bytes() const {
    switch (codes) {
      case RowCodes::none: return 0;
      case RowCodes::byte: return dims();
      case RowCodes::book: return ((uint64_t)subspaces * bits + 7) / 8;
      default: return (uint64_t)groups() * bytes_of_group;
    }
  }
  uint64_t term_floats() const {
    switch (codes) {
      case RowCodes::none: return 0;
      case RowCodes::byte: return sizeof(CodeTerms) / sizeof(float);
      case RowCodes::sign: return 2;
      default: return 1;
    }
  }
};
static_assert(sizeof(ListsShape) == 72);

enum ListsSection : uint32_t {
  lists_mean,
  lists_centres,
  lists_centre_terms,
  lists_starts,
  lists_numbers,
  lists_codes,
  lists_terms,
  lists_book,
  lists_section_count
};

struct ListsIndex final : OpenIndex {
  ListsIndex() : OpenIndex(IndexKind::lists) {}
  uint64_t indexed_rows() const override { return shape.rows; }

  ListsShape shape = {};
  Grid grid;
  uint64_t file_bytes = 0;
  Centres centres;
  Buffer<uint32_t> starts;         // lists + 1; rows behind the last are loose
  std::vector<uint32_t> blocks;    // lists + 1: where the blocks of a list begin, if codes are in blocks
  Buffer<uint32_t> numbers;
  Buffer<uint8_t> codes;           // and some bytes behind
  Buffer<float> terms;             // in the order of slots
  Codebook book;

  uint32_t placed() const { return (uint32_t)(shape.rows - shape.loose); }
};

// Where the blocks of each list begin, and the end of the last.
std::vector<uint32_t> blocks_of(const uint32_t* starts, uint32_t lists);

}  // namespace elanus
