// Exact search over sparse rows by inner product.
//
// Rows are looked at in windows of 8,192. In a window every posting of the query's terms adds the bound of its contribution to a sum of
// 16 bits; a row whose sum reaches what the k-th best score stands for is scored exactly, from its own pairs. Where few rows are allowed,
// or a query has more terms than the sums can hold, rows are scored one by one.
//
// Where the rows have packed lists (postings.h), those are read in their place, and a window is left out where all that its blocks could
// add is too little; MAXSCORE adds the promising terms first, and stops reading lists where the rows that can still win are cheaper to score.
//
// Always true: hits do not depend on windows, slices or threads, since a score depends on its query and row only, and hits are totally
// ordered; nor on lists or algorithms, unless `bound_ratio` is below 1.
#pragma once
#include <memory>
#include "../include/elanus_sparse.h"
#include "job.h"

namespace elanus {

// Throws Failure if the plan does not fit.
std::shared_ptr<Job> make_sparse_search(const elanus_sparse_search& plan, elanus_done done, void* context);

}  // namespace elanus
