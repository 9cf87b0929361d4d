// What the builds of all kinds check and count alike.
#pragma once
#include <algorithm>
#include <cstdint>
#include <memory>
#include "rows.h"

namespace elanus {

// Of the work of a round, `each` a piece; a round has one at least.
inline uint64_t pieces_of(uint64_t count, uint64_t each) { return std::max<uint64_t>(1, (count + each - 1) / each); }

// The rows that an index is built from. Throws Failure if they are fewer than are wanted, or more than an index holds, or the path is empty.
std::shared_ptr<Rows> rows_to_build(uint64_t handle, uint64_t row_count, const char* path);

// Throw Failure for what no graph, and no product quantiser of rows of such a dimension, can have.
void check_graph(uint32_t degree, uint32_t beam);
void check_subspaces(uint32_t subspaces, uint32_t dimension);
void check_book_bits(uint32_t bits);

}  // namespace elanus
