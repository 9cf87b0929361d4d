// Boxes of geometries: which rows lie nowhere near another.
#pragma once
#include <memory>
#include "filter_text.h"

namespace elanus {

// Of well-known binary: TRUE where the box of all its points meets left, bottom, right, top, and where the bytes are damaged, which others
// have to find out; FALSE for an empty geometry.
std::unique_ptr<TextTest> meets_box(const double* ends);

}  // namespace elanus
