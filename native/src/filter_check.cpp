#include "filter_check.h"
#include "failure.h"

namespace elanus {

namespace {

void check_elements(const elanus_column& elements, uint64_t number) {
  const uint32_t type = elements.type & ~ELANUS_COLUMN_ELEMENTS;
  const bool is_number = (type >= ELANUS_COLUMN_BOOL && type <= ELANUS_COLUMN_INT64) || type == ELANUS_COLUMN_FLOAT || type == ELANUS_COLUMN_DOUBLE;
  if (!is_number && type != ELANUS_COLUMN_TEXT) fail(ELANUS_INVALID, "column %llu holds no elements that there are", (unsigned long long)number);
  if (elements.valid) fail(ELANUS_INVALID, "the elements of column %llu cannot be null", (unsigned long long)number);
  if (is_number ? elements.value_count && !elements.values : !elements.offset_count || !elements.offsets || (elements.byte_count && !elements.bytes))
    fail(ELANUS_INVALID, "column %llu has too few elements", (unsigned long long)number);
}

}  // namespace

void check_filter(const elanus_filter& f) {
  if (f.row_count > ELANUS_NO_ROW) fail(ELANUS_INVALID, "%llu rows are too many", (unsigned long long)f.row_count);
  const uint64_t bits = (f.row_count + 63) / 64 * 8;
  if ((f.code_count && !f.code) || (f.constant_bytes && !f.constants) || (f.column_count && !f.columns)) fail(ELANUS_INVALID, "a buffer is missing");
  if (f.passing_bytes < bits || (bits && !f.passing)) fail(ELANUS_INVALID, "no room for the bits of %llu rows", (unsigned long long)f.row_count);
  if (f.wanted && f.wanted_bytes < bits) fail(ELANUS_INVALID, "%llu bytes of wanted rows are too few", (unsigned long long)f.wanted_bytes);
  for (uint64_t i = 0; i < f.column_count; ++i) {
    const elanus_column& c = f.columns[i];
    const bool is_text = c.type == ELANUS_COLUMN_TEXT, is_place = c.type == ELANUS_COLUMN_PLACE;
    if (c.type & ELANUS_COLUMN_ELEMENTS) {
      check_elements(c, i);
      continue;
    }
    if (c.type == ELANUS_COLUMN_ARRAY) {
      if (c.offset_count <= f.row_count || !c.offsets) fail(ELANUS_INVALID, "column %llu has too few arrays", (unsigned long long)i);
    } else if (c.type == ELANUS_COLUMN_ANY || is_text) {
      if (is_text && (c.offset_count <= f.row_count || !c.offsets || (c.byte_count && !c.bytes))) fail(ELANUS_INVALID, "column %llu has too few texts", (unsigned long long)i);
    } else if (c.value_count < f.row_count || (f.row_count && !c.values)) {
      fail(ELANUS_INVALID, "column %llu has too few values", (unsigned long long)i);
    }
    if (is_place && (c.word_count < f.row_count || (f.row_count && !c.words) || (c.byte_count && !c.bytes))) fail(ELANUS_INVALID, "column %llu has too few places", (unsigned long long)i);
    if (c.valid && c.valid_count < f.row_count) fail(ELANUS_INVALID, "column %llu has too few marks of values", (unsigned long long)i);
  }
}

}  // namespace elanus
