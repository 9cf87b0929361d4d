#include "filter_arrays.h"
#include "failure.h"

namespace elanus {

namespace {

uint64_t element_count(const elanus_column& elements) {
  if ((elements.type & ~ELANUS_COLUMN_ELEMENTS) != ELANUS_COLUMN_TEXT) return elements.value_count;
  return elements.offset_count - 1;
}

template <class T> void gather_values(const void* from, const ArrayRows& rows, uint32_t index, uint64_t* to) {
  const T* values = (const T*)from;
  T* out = (T*)to;
  for (uint32_t row = 0; row < rows.count(); ++row) out[row] = rows.length(row) > index ? values[rows.start(row) + index] : T{};
}

}  // namespace

ArrayRows::ArrayRows(const elanus_column& arrays, uint64_t first, uint32_t count) : offsets_(arrays.offsets + first), count_(count) {
  bool bad = false;
  for (uint32_t row = 0; row < count; ++row) bad |= offsets_[row] > offsets_[row + 1];
  if (bad) fail(ELANUS_INVALID, "the offsets of arrays are in no order");
}

void ArrayRows::require(const elanus_column& elements) const {
  if (offsets_[count_] > element_count(elements)) fail(ELANUS_INVALID, "the arrays have more elements than there are");
}

void gather(const elanus_column& elements, const ArrayRows& rows, uint32_t index, uint64_t* to) {
  switch (elements.type) {
    case ELANUS_COLUMN_BOOL:
    case ELANUS_COLUMN_INT8: return gather_values<uint8_t>(elements.values, rows, index, to);
    case ELANUS_COLUMN_INT16: return gather_values<uint16_t>(elements.values, rows, index, to);
    case ELANUS_COLUMN_INT32:
    case ELANUS_COLUMN_FLOAT: return gather_values<uint32_t>(elements.values, rows, index, to);
    default: return gather_values<uint64_t>(elements.values, rows, index, to);
  }
}

bool TextElements::holds(const TextTest& test, uint64_t element) const {
  const uint32_t start = elements_.offsets[element], end = elements_.offsets[element + 1];
  if (start > end || end > elements_.byte_count) fail(ELANUS_INVALID, "the offsets of texts are in no order");
  static const uint8_t nothing = 0;
  return test.holds(elements_.bytes ? elements_.bytes + start : &nothing, end - start);
}

}  // namespace elanus
