// An open slim graph: what was read from its file, the rows beside it, and the threads' scratches.
//
// Always true: nothing but the scratches and the kept rows changes after opening; every number in the lists, twins and entries is below the count of rows,
// and chains of twins ascend, so that they end.
#pragma once
#include "../include/elanus_slim.h"
#include "codebook.h"
#include "grid.h"
#include "kept_rows.h"
#include "open_index.h"

namespace elanus {

enum class SlimCodes : uint32_t { book, stages, scalar, float16, bfloat16 };

// What the file says of itself.
struct SlimShape {
  uint32_t metric, dimension, element, degree, beam;
  SlimCodes codes;
  uint32_t subspaces, bits, stages, rows_check;
  uint64_t rows, graph_rows, seed;
  float step, longest, typical;
  uint32_t zero_row, entry_count, entries[most_entries], zero;

  Layout layout() const { return {(Element)element, dimension}; }
  uint32_t dims() const { return Grid::dims_of((Metric)metric, dimension); }
  bool of_halves() const { return codes == SlimCodes::float16 || codes == SlimCodes::bfloat16; }
  BookShape book() const { return {dims(), subspaces, bits}; }
  uint32_t book_count() const { return codes == SlimCodes::book ? 1 : codes == SlimCodes::stages ? stages : 0; }
  uint64_t book_floats() const { return book_count() ? book_count() * book().floats() : 0; }
  uint64_t code_bytes() const {
    if (of_halves()) return 2 * (uint64_t)dimension;
    return ((codes == SlimCodes::scalar ? (uint64_t)dims() : (uint64_t)subspaces * book_count()) * bits + 7) / 8;
  }
  uint32_t term_floats() const { return codes == SlimCodes::stages ? 1 : codes == SlimCodes::scalar ? sizeof(CodeTerms) / sizeof(float) : 0; }
};
static_assert(sizeof(SlimShape) == 152);

enum SlimSection : uint32_t { slim_mean, slim_codes, slim_terms, slim_lists, slim_twins, slim_book, slim_section_count };

struct SlimIndex final : OpenIndex {
  SlimIndex() : OpenIndex(IndexKind::slim) {}
  uint64_t indexed_rows() const override { return shape.rows; }

  SlimShape shape = {};
  Grid grid;
  uint64_t file_bytes = 0;
  Buffer<uint8_t> codes;                // and some bytes behind
  Buffer<float> terms;                  // a few of each row
  Buffer<uint32_t> lists, next_twin;    // no twins: empty
  std::vector<bool> loose;              // rows without direction, whose codes mean nothing; empty if there are none
  Buffer<uint64_t> twin_heads;          // a bit a row, of those that stand for others in the graph
  Buffer<float> words;                  // of the books of all stages

  Passing passing(const uint8_t* allowed) const { return {allowed, twin_heads.data(), next_twin.data(), shape.rows, nullptr}; }
  const float* words_of(uint32_t stage, uint32_t subspace) const {
    const BookShape book = shape.book();
    return words.data() + stage * book.floats() + (size_t)book.first(subspace) * book.padded_words();
  }
  mutable Lender lender{Owner::search};

  // Rows that are in memory besides; null: none. A search keeps what it began with.
  std::shared_ptr<const KeptRows> kept() const {
    std::lock_guard<std::mutex> hold(kept_lock_);
    return kept_;
  }
  void keep(std::shared_ptr<const KeptRows> rows) const {
    std::lock_guard<std::mutex> hold(kept_lock_);
    kept_ = std::move(rows);
  }

 private:
  mutable std::mutex kept_lock_;
  mutable std::shared_ptr<const KeptRows> kept_;
};

}  // namespace elanus
