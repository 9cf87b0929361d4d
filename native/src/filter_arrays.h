// Arrays of a stretch of rows: where each row's elements lie, and the elements themselves.
//
// Always true: offsets were looked at before they are followed; so were those of texts among the elements.
#pragma once
#include <cstdint>
#include "../include/elanus_filter.h"
#include "filter_text.h"

namespace elanus {

class ArrayRows {
 public:
  // Throws Failure when the offsets are in no order.
  ArrayRows(const elanus_column& arrays, uint64_t first, uint32_t count);
  // Throws Failure when there are not so many elements.
  void require(const elanus_column& elements) const;

  uint64_t start(uint32_t row) const { return offsets_[row]; }   // also of the row behind the last
  int64_t length(uint32_t row) const { return (int64_t)offsets_[row + 1] - offsets_[row]; }
  uint32_t count() const { return count_; }

 private:
  const uint32_t* offsets_;
  uint32_t count_;
};

// The numbers at `index`, zero where an array is shorter, as an array of the elements' own type.
void gather(const elanus_column& elements, const ArrayRows& rows, uint32_t index, uint64_t* to);

class TextElements {
 public:
  explicit TextElements(const elanus_column& elements) : elements_(elements) {}
  // Of an element that is there. Throws Failure when its offsets are in no order.
  bool holds(const TextTest& test, uint64_t element) const;

 private:
  const elanus_column& elements_;
};

}  // namespace elanus
