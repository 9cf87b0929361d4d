#include "build_plan.h"
#include "../include/elanus_index.h"
#include "failure.h"
#include "handles.h"

namespace elanus {

std::shared_ptr<Rows> rows_to_build(uint64_t handle, uint64_t row_count, const char* path) {
  auto rows = find_rows(handle);
  if (row_count > rows->count()) fail(ELANUS_INVALID, "%llu rows are wanted, there are %llu", (unsigned long long)row_count, (unsigned long long)rows->count());
  if (row_count > ELANUS_MAX_INDEX_ROWS) fail(ELANUS_INVALID, "%llu rows are more than an index holds: %u", (unsigned long long)row_count, ELANUS_MAX_INDEX_ROWS);
  if (!*path) fail(ELANUS_INVALID, "the path of the index file is empty");
  return rows;
}

void check_graph(uint32_t degree, uint32_t beam) {
  if (degree < ELANUS_MIN_DEGREE || degree > ELANUS_MAX_DEGREE) fail(ELANUS_INVALID, "degree %u is not in %u..%u", degree, ELANUS_MIN_DEGREE, ELANUS_MAX_DEGREE);
  if (beam < 1 || beam > ELANUS_MAX_BEAM) fail(ELANUS_INVALID, "beam %u is not in 1..%u", beam, ELANUS_MAX_BEAM);
}

void check_subspaces(uint32_t subspaces, uint32_t dimension) {
  if (subspaces < 1 || subspaces > dimension) fail(ELANUS_INVALID, "%u subspaces are not in 1..%u", subspaces, dimension);
}

void check_book_bits(uint32_t bits) {
  if (bits < 1 || bits > ELANUS_MAX_BOOK_BITS) fail(ELANUS_INVALID, "%u bits are not in 1..%u", bits, ELANUS_MAX_BOOK_BITS);
}

}  // namespace elanus
