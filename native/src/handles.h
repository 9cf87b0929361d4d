// The process-wide table of what is open: rows, indexes, graphs that grow, sparse vectors. A handle is a number: generation * 2^24 + slot,
// below 2^52, so that a double holds it.
//
// Always true:
//  - a slot's generation grows with each close, so an old handle never names a new object; a slot whose generations are used up
//    is not used again;
//  - the table holds one reference; whoever got one from `find` keeps the object alive past a close.
#pragma once
#include <cstdint>
#include <memory>
#include "growing.h"
#include "open_index.h"
#include "sparse.h"

namespace elanus {

uint64_t open_handle(std::shared_ptr<Rows> rows);
uint64_t open_handle(std::shared_ptr<OpenIndex> index);
uint64_t open_handle(std::shared_ptr<GrowingIndex> growing);
uint64_t open_handle(std::shared_ptr<Sparse> sparse);
std::shared_ptr<Rows> find_rows(uint64_t handle);     // throws Failure if it is not open, or not of rows
std::shared_ptr<OpenIndex> find_index(uint64_t handle);   // and so on
std::shared_ptr<GrowingIndex> find_growing(uint64_t handle);
std::shared_ptr<Sparse> find_sparse(uint64_t handle);
std::shared_ptr<Sparse> sparse_of(uint64_t handle);   // null if it is not one of sparse rows
void close_handle(uint64_t handle);                   // throws Failure only if it never was a handle
uint64_t open_handle_count();

}  // namespace elanus
