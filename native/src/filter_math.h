// What operators and comparisons of filters mean.
//
// Always true: int64 wraps at 64 bits, division is towards zero; a comparison with NaN is false, but for "not equal".
#pragma once
#include <cstdint>
#include <limits>
#include "filter_code.h"

namespace elanus {

inline int64_t apply(Operator operation, int64_t left, int64_t right) {
  const uint64_t a = (uint64_t)left, b = (uint64_t)right;
  switch (operation) {
    case Operator::add: return (int64_t)(a + b);
    case Operator::subtract: return (int64_t)(a - b);
    case Operator::multiply: return (int64_t)(a * b);
    case Operator::divide: return right == -1 ? (int64_t)(0 - a) : left / right;
    case Operator::remainder: return right == -1 ? 0 : left % right;
    case Operator::bit_and: return left & right;
    case Operator::bit_or: return left | right;
    case Operator::bit_xor: return left ^ right;
  }
  return 0;
}

inline double apply(Operator operation, double left, double right) {
  switch (operation) {
    case Operator::add: return left + right;
    case Operator::subtract: return left - right;
    case Operator::multiply: return left * right;
    case Operator::divide: return left / right;
    default: return std::numeric_limits<double>::quiet_NaN();
  }
}

template <class T> bool holds(Comparison comparison, T left, T right) {
  switch (comparison) {
    case Comparison::equal: return left == right;
    case Comparison::unequal: return left != right;
    case Comparison::less: return left < right;
    case Comparison::less_equal: return left <= right;
    case Comparison::greater: return left > right;
    case Comparison::greater_equal: return left >= right;
  }
  return false;
}

}  // namespace elanus
