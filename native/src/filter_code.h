// A filter program as nodes: its words checked, its sets and patterns made. The words are drawn in elanus_filter.h.
#pragma once
#include <cstdint>
#include <cstring>
#include <memory>
#include <string>
#include <vector>
#include "../include/elanus_filter.h"
#include "filter_text.h"

namespace elanus {

enum class Op : uint32_t {
  constant, conjunction, disjunction, negation, valid, integers, floats, integer_set, float_set, integer_math, float_math,
  number_pair, text_pair, text_range, text_set, like, place_range, place_text, place_class, place_set, place_math, merge,
  lengths, element, holder, place_holder, place_arrays, place_lengths, months, sample, regex, box,
  place_number
};
enum class Operator : uint32_t { add, subtract, multiply, divide, remainder, bit_and, bit_or, bit_xor };
enum class Comparison : uint32_t { equal, unequal, less, less_equal, greater, greater_equal };

// Whole numbers; also the bits of doubles.
class IntegerSet {
 public:
  explicit IntegerSet(std::vector<int64_t> values);
  bool has(int64_t value) const {
    if (!bits_.empty()) {
      const uint64_t at = (uint64_t)value - (uint64_t)first_;
      return at < range_ && (bits_[at / 64] >> at % 64 & 1);
    }
    for (uint64_t place = hash(value) & mask_;; place = (place + 1) & mask_) {
      if (slots_[place] == empty_) return false;
      if (slots_[place] == value) return true;
    }
  }
  // A bit for each of up to 64 values: first a look, without a branch, whether it may be there.
  template <class Value> uint64_t word(uint32_t count, Value value) const {
    uint64_t maybe = 0, found = 0;
    if (!bits_.empty()) {
      for (uint32_t i = 0; i < count; ++i) {
        const uint64_t at = (uint64_t)value(i) - (uint64_t)first_, place = at < range_ ? at : 0;
        maybe |= (bits_[place / 64] >> place % 64 & (uint64_t)(at < range_)) << i;
      }
      return maybe;
    }
    for (uint32_t i = 0; i < count; ++i) {
      const uint64_t bit = (uint64_t)value(i) * 0x9e3779b97f4a7c15ull >> sketch_shift_;
      maybe |= (sketch_[bit / 64] >> bit % 64 & 1) << i;
    }
    for (; maybe; maybe &= maybe - 1) {
      const uint32_t i = (uint32_t)__builtin_ctzll(maybe);
      found |= (uint64_t)has(value(i)) << i;
    }
    return found;
  }
  const std::vector<int64_t>& few() const { return few_; }   // all values, if they are very few; else nothing

 private:
  static uint64_t hash(int64_t value) { return (uint64_t)value * 0x9e3779b97f4a7c15ull >> 20; }
  std::vector<int64_t> few_, slots_;
  std::vector<uint64_t> bits_;     // one for each value of a small range
  std::vector<uint64_t> sketch_;   // one for some bits of each value's hash
  uint32_t sketch_shift_ = 58;
  int64_t first_ = 0, empty_ = 0;
  uint64_t mask_ = 0, range_ = 0;
};

inline int64_t double_bits(double value) {   // 0 and -0 alike
  value += 0.0;
  int64_t bits;
  std::memcpy(&bits, &value, 8);
  return bits;
}

struct Node {
  Op op;
  uint32_t column = 0, other = 0;
  bool outside = false, integer_ends = false, integer_operand = false, by_valid = false, value = false;
  uint32_t true_classes = 0, known_classes = 0;
  uint32_t index = 0, seed = 0;
  int32_t months = 0;
  Operator operation = Operator::add;
  Comparison comparison = Comparison::equal;
  int64_t operand = 0, lower = 0, upper = 0;
  double float_operand = 0, float_lower = 0, float_upper = 0;
  std::unique_ptr<IntegerSet> integers, doubles, rounded;
  std::unique_ptr<TextTest> text;
  std::vector<Node> nodes;
};

// Throws Failure. `depth` becomes the longest way down.
Node read_program(const elanus_filter& filter, uint32_t* depth);

}  // namespace elanus
