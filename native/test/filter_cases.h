// Cases of the filter fuzzer: their bytes, the contents of their columns, programs grown from nothing, and mutations. For fuzz_filter.cpp alone.
#pragma once
#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <random>
#include <string>
#include <vector>
#include "../include/elanus_filter.h"

namespace {

using Random = std::mt19937_64;
constexpr uint32_t most_rows = 200, most_columns = 20, head_words = 5, with_nulls = 65536;

uint64_t below(Random& random, uint64_t limit) { return limit ? random() % limit : 0; }

struct Case {
  uint32_t rows = 0, seed = 0;
  std::vector<uint32_t> columns, code;
  std::vector<uint8_t> constants;
};

std::vector<uint8_t> bytes_of(const Case& c) {
  std::vector<uint32_t> words = {c.rows, (uint32_t)c.columns.size(), (uint32_t)c.code.size(), (uint32_t)c.constants.size(), c.seed};
  words.insert(words.end(), c.columns.begin(), c.columns.end());
  words.insert(words.end(), c.code.begin(), c.code.end());
  std::vector<uint8_t> bytes(words.size() * 4);
  std::memcpy(bytes.data(), words.data(), bytes.size());
  bytes.insert(bytes.end(), c.constants.begin(), c.constants.end());
  return bytes;
}

Case case_of(const std::vector<uint8_t>& bytes) {
  Case c;
  std::vector<uint32_t> words(bytes.size() / 4);
  if (!words.empty()) std::memcpy(words.data(), bytes.data(), words.size() * 4);
  words.resize(std::max<size_t>(words.size(), head_words));
  c.rows = words[0] % (most_rows + 1);
  c.seed = words[4];
  size_t at = head_words;
  const auto take = [&](uint64_t wanted) {
    const size_t some = std::min<size_t>(wanted, words.size() - at);
    std::vector<uint32_t> taken(words.begin() + (ptrdiff_t)at, words.begin() + (ptrdiff_t)(at + some));
    at += some;
    return taken;
  };
  c.columns = take(std::min(words[1], most_columns));
  c.code = take(words[2]);
  const size_t left = bytes.size() > at * 4 ? bytes.size() - at * 4 : 0;
  const size_t some = std::min<size_t>(words[3], left);
  if (some) c.constants.assign(bytes.begin() + (ptrdiff_t)(at * 4), bytes.begin() + (ptrdiff_t)(at * 4 + some));
  return c;
}

// Exactly as long as said, so that a step too far is seen.
template <class T> struct Exact {
  std::unique_ptr<T[]> data;
  uint64_t count = 0;
  explicit Exact(uint64_t n = 0) : data(new T[n]), count(n) {}
  T& operator[](uint64_t i) { return data[i]; }
};

const int64_t integers[] = {0, 1, -1, 2, 3, 5, 7, 127, -128, 255, 32767, -32768, 1ll << 31, -(1ll << 31), (1ll << 53) - 1, 1ll << 53, (1ll << 53) + 1, INT64_MAX, INT64_MIN, INT64_MIN + 1};
const double doubles[] = {0, -0.0, 1, -1, 0.5, 1.5, 3, 1e10, 1e300, -1e300, 5e-324, 9007199254740992.0, 1.0 / 0.0, -1.0 / 0.0, 0.0 / 0.0, 0.1};
const char* const texts[] = {"", "a", "ab", "abc", "b", "ba", "aab", "\xc3\xa9", "\xe6\x97\xa5\xe6\x9c\xac", "\xf0\x9f\x98\x80", "a%b", "\\u0061b", "\\ud83d\\ude00", "\\ud83d", "\\x", "abcdefghij", "abcdefghijklmnopqrstuvwxyz", "[1,\"a\",[2, 3]]", "[]", "[-1 , 0.5,true"};
template <class T, size_t n> T pick(Random& random, const T (&all)[n]) { return all[random() % n]; }

struct Content {
  std::vector<Exact<uint8_t>> bytes;
  std::vector<Exact<int64_t>> words;
  std::vector<Exact<uint32_t>> offsets;
  std::vector<elanus_column> columns;
};

Content content_of(const Case& c) {
  Content made;
  Random random(c.seed);
  // Of all arrays together.
  const uint64_t element_count = c.rows * 2ull;
  // The vectors must not move what they hold: their elements are owners of memory, which stays.
  const auto byte_array = [&](uint64_t n) -> Exact<uint8_t>& { return made.bytes.emplace_back(n); };
  const auto all_texts = [&](elanus_column* column, Exact<uint32_t>* offsets, uint64_t count) {
    std::string all;
    for (uint64_t i = 0; i < count; ++i) {
      if (offsets) (*offsets)[i] = (uint32_t)all.size();
      all += pick(random, texts);
    }
    if (offsets) (*offsets)[count] = (uint32_t)all.size();
    Exact<uint8_t>& bytes = byte_array(all.size());
    if (!all.empty()) std::memcpy(bytes.data.get(), all.data(), all.size());
    column->bytes = bytes.data.get();
    column->byte_count = all.size();
  };
  for (const uint32_t spec : c.columns) {
    elanus_column column = {};
    const uint32_t type = spec & 0xff;
    column.type = spec & (0xff | ELANUS_COLUMN_ELEMENTS);
    const uint64_t count = spec & ELANUS_COLUMN_ELEMENTS ? element_count : c.rows;
    const auto values = [&](uint64_t width, auto make) {
      Exact<uint8_t>& array = byte_array(count * width);
      for (uint64_t i = 0; i < count; ++i) {
        const auto value = make();
        std::memcpy(array.data.get() + i * width, &value, width);
      }
      column.values = array.data.get();
      column.value_count = count;
    };
    switch (type) {
      case ELANUS_COLUMN_BOOL: values(1, [&] { return (uint8_t)(random() & 1); }); break;
      case ELANUS_COLUMN_INT8: values(1, [&] { return (int8_t)pick(random, integers); }); break;
      case ELANUS_COLUMN_INT16: values(2, [&] { return (int16_t)pick(random, integers); }); break;
      case ELANUS_COLUMN_INT32: values(4, [&] { return (int32_t)pick(random, integers); }); break;
      case ELANUS_COLUMN_INT64: values(8, [&] { return pick(random, integers); }); break;
      case ELANUS_COLUMN_FLOAT: values(4, [&] { return (float)pick(random, doubles); }); break;
      case ELANUS_COLUMN_DOUBLE: values(8, [&] { return pick(random, doubles); }); break;
      case ELANUS_COLUMN_TEXT: {
        Exact<uint32_t>& offsets = made.offsets.emplace_back(count + 1);
        all_texts(&column, &offsets, count);
        // Now and then in no order, or too far.
        if (c.rows && below(random, 20) == 0) offsets[below(random, count + 1)] = (uint32_t)random();
        column.offsets = offsets.data.get();
        column.offset_count = count + 1;
        break;
      }
      case ELANUS_COLUMN_ARRAY: {
        Exact<uint32_t>& offsets = made.offsets.emplace_back(c.rows + 1);
        uint64_t at = 0;
        for (uint32_t i = 0; i <= c.rows; ++i) {
          offsets[i] = (uint32_t)at;
          at = std::min<uint64_t>(element_count, at + below(random, below(random, 30) ? 5 : 200));
        }
        if (c.rows && below(random, 20) == 0) offsets[below(random, c.rows + 1)] = (uint32_t)below(random, below(random, 2) ? element_count + 2 : 1ull << 32);
        column.offsets = offsets.data.get();
        column.offset_count = c.rows + 1;
        break;
      }
      case ELANUS_COLUMN_PLACE: {
        all_texts(&column, nullptr, c.rows);
        values(1, [&] { return (uint8_t)below(random, 14); });
        Exact<int64_t>& words = made.words.emplace_back(count);
        for (uint64_t i = 0; i < count; ++i) {
          const uint64_t end = below(random, column.byte_count + 1), start = below(random, end + 1);
          words[i] = below(random, 3) ? (int64_t)(start | end << 32) : below(random, 2) ? pick(random, integers) : (int64_t)random();
        }
        column.words = words.data.get();
        column.word_count = count;
        break;
      }
      default: column.type = ELANUS_COLUMN_ANY; break;
    }
    if (spec & with_nulls) {
      Exact<uint8_t>& valid = byte_array(c.rows);
      for (uint32_t i = 0; i < c.rows; ++i) valid[i] = below(random, 4) != 0;
      column.valid = valid.data.get();
      column.valid_count = c.rows;
    }
    made.columns.push_back(column);
  }
  return made;
}

// ------------------------------------------------------------------------------------------------------------- programs

class Grower {
 public:
  explicit Grower(Random& random) : random_(random) {}
  Case grow() {
    case_.rows = (uint32_t)below(random_, most_rows + 1);
    case_.seed = (uint32_t)random_();
    const uint32_t types[] = {1, 2, 3, 4, 5, 10, 11, 21, 21, 23, 23, 100, 22, 22};
    for (const uint32_t type : types) case_.columns.push_back(type | (random_() & with_nulls));
    for (const uint32_t type : {1, 2, 5, 10, 11, 21}) case_.columns.push_back(type | ELANUS_COLUMN_ELEMENTS);
    node(4);
    return std::move(case_);
  }

 private:
  uint32_t column(uint32_t first, uint32_t last) { return (uint32_t)(first + below(random_, last - first + 1)); }
  uint32_t place_of(int count, bool floats) {
    while (case_.constants.size() % 8) case_.constants.push_back(0);
    const uint32_t at = (uint32_t)(case_.constants.size() / 8);
    for (int i = 0; i < count; ++i) {
      int64_t value = pick(random_, integers);
      const double number = pick(random_, doubles);
      if (floats) std::memcpy(&value, &number, 8);
      add(&value, 8);
    }
    return at;
  }
  uint32_t add(const void* data, size_t size) {
    const uint32_t at = (uint32_t)case_.constants.size();
    case_.constants.insert(case_.constants.end(), (const uint8_t*)data, (const uint8_t*)data + size);
    return at;
  }
  void push(std::initializer_list<uint32_t> words) { case_.code.insert(case_.code.end(), words); }
  void text_node(uint32_t first, uint32_t last) {
    const size_t start = case_.code.size();
    const uint32_t op = (uint32_t)(13 + below(random_, 3));
    push({op, column(first, last)});
    if (op == 13) {
      const char *a = pick(random_, texts), *b = pick(random_, texts);
      const uint32_t at = add(a, std::strlen(a)), other = add(b, std::strlen(b));
      push({(uint32_t)below(random_, 16), at, (uint32_t)std::strlen(a), other, (uint32_t)std::strlen(b)});
    } else if (op == 14) {
      std::string all;
      std::vector<uint32_t> offsets = {0};
      for (uint64_t left = below(random_, 6); left; --left) {
        all += pick(random_, texts);
        offsets.push_back((uint32_t)all.size());
      }
      const uint32_t at = add(offsets.data(), offsets.size() * 4);
      add(all.data(), all.size());
      push({at, (uint32_t)offsets.size() - 1});
    } else {
      std::vector<int16_t> units;
      for (uint64_t left = below(random_, 6); left; --left) {
        if (below(random_, 2)) units.push_back((int16_t)(-1 - (int)below(random_, 2)));
        else
          for (const char* c = pick(random_, texts); *c; ++c) units.push_back((uint8_t)*c);
      }
      const uint32_t at = add(units.data(), units.size() * 2);
      push({at, (uint32_t)units.size()});
    }
    close(start);
  }
  void close(size_t start) { case_.code[start] |= (uint32_t)(case_.code.size() - start) << 8; }
  uint32_t flag() { return random_() & 1; }

  // Over numbers, of the rows or of elements: integers, floats, sets, math.
  void number_operands(uint32_t op, uint32_t column) {
    push({column});
    switch (op) {
      case 5: case 6: push({flag(), place_of(2, op == 6)}); break;
      case 7: case 8: {
        const uint32_t count = (uint32_t)below(random_, below(random_, 4) ? 6 : 60);
        push({place_of((int)count, op == 8), count});
        break;
      }
      default: push({(uint32_t)below(random_, op == 9 ? 8 : 4), flag(), place_of(3, op == 10)}); break;
    }
  }
  void element_test() {
    if (below(random_, 3) == 0) return text_node(19, 19);
    const bool floats = flag();
    const size_t start = case_.code.size();
    const uint32_t op = (uint32_t)(5 + 2 * below(random_, 3) + floats);
    push({op});
    number_operands(op, floats ? column(17, 18) : column(14, 16));
    close(start);
  }
  void place_test(uint32_t op, uint32_t own, int depth) {
    const size_t start = case_.code.size();
    push({op, own});
    switch (op) {
      case 16: {
        const uint32_t place = place_of(2, false);
        place_of(2, true);
        push({(uint32_t)below(random_, 4), place});
        break;
      }
      case 17: text_node(own, own); break;
      case 18: push({(uint32_t)random_(), (uint32_t)random_(), depth < 0 ? 0 : flag()}); break;
      case 19: {
        const uint32_t a = (uint32_t)below(random_, 20), b = (uint32_t)below(random_, 4), d = (uint32_t)below(random_, 4);
        const uint32_t first = place_of((int)a, false), second = place_of((int)b, true), third = place_of((int)d, true);
        push({first, a, second, b, third, d});
        break;
      }
      case 20: {
        const uint32_t place = place_of(1, false);
        place_of(1, true);
        place_of(2, false);
        place_of(2, true);
        push({(uint32_t)below(random_, 8), (uint32_t)below(random_, 8), place});
        break;
      }
      case 27: push({flag(), place_of(2, false)}); break;
      default:   // a holder or arrays: below zero there are elements
        for (uint64_t left = below(random_, 4); left; --left)
          place_test(depth < -3 ? 16 : (uint32_t)pick(random_, {16u, 17u, 18u, 19u, 20u, 26u}), own, std::min(depth, 0) - 1);
    }
    close(start);
  }

  void node(int depth) {
    const size_t start = case_.code.size();
    const bool inner = depth && below(random_, 2);
    const uint32_t op = inner ? pick(random_, {1u, 2u, 3u, 21u}) : (uint32_t)below(random_, 30);
    if (op >= 13 && op <= 15) return text_node(7, 8);
    if ((op >= 16 && op <= 20) || (op >= 25 && op <= 27)) return place_test(op, column(9, 10), 0);
    push({op});
    switch (op) {
      case 0: push({flag()}); break;
      case 1: case 2: case 21:
        for (uint64_t left = 1 + below(random_, 3); left; --left) node(std::max(0, depth - 1));
        break;
      case 3: node(std::max(0, depth - 1)); break;
      case 4: push({column(0, 13)}); break;
      case 5: case 7: case 9: number_operands(op, column(0, 4)); break;
      case 6: case 8: case 10: number_operands(op, column(5, 6)); break;
      case 11: push({column(0, 6), column(0, 6), (uint32_t)below(random_, 6)}); break;
      case 12: push({column(7, 8), column(7, 8), (uint32_t)below(random_, 6)}); break;
      case 22: push({column(12, 13), flag(), place_of(2, false)}); break;
      case 23:
        push({column(12, 13), (uint32_t)below(random_, below(random_, 9) ? 4 : 1ull << 32)});
        element_test();
        break;
      case 24:
        push({column(12, 13)});
        element_test();
        break;
      case 28: push({4, (uint32_t)below(random_, 6), below(random_, 4) ? (uint32_t)below(random_, 60) - 30 : (uint32_t)random_(), place_of(2, false)}); break;
      default: push({(uint32_t)random_(), place_of(1, false)});
    }
    close(start);
  }
  template <size_t n> static uint32_t pick(Random& random, const uint32_t (&all)[n]) { return all[random() % n]; }
  template <class T, size_t n> static T pick(Random& random, const T (&all)[n]) { return all[random() % n]; }

  Random& random_;
  Case case_;
};

void mutate(Case& c, const Case& other, Random& random) {
  for (uint64_t times = 1 + below(random, 4); times; --times) {
    switch (below(random, 9)) {
      case 0: if (!c.code.empty()) c.code[below(random, c.code.size())] ^= 1u << below(random, 32); break;
      case 1: if (!c.code.empty()) c.code[below(random, c.code.size())] = (uint32_t)below(random, 50); break;
      case 2: if (!c.code.empty()) c.code[below(random, c.code.size())] = (uint32_t)random(); break;
      case 3: if (!c.code.empty()) c.code.resize(below(random, c.code.size())); break;
      case 4: if (!c.constants.empty()) c.constants[below(random, c.constants.size())] = (uint8_t)random(); break;
      case 5: if (!c.constants.empty()) c.constants.resize(below(random, c.constants.size())); break;
      case 6: if (!c.columns.empty()) c.columns[below(random, c.columns.size())] = other.columns.empty() ? 0 : other.columns[below(random, other.columns.size())]; break;
      case 7:
        if (!other.code.empty() && c.code.size() < 4000) {
          const size_t from = below(random, other.code.size()), some = below(random, other.code.size() - from + 1), to = below(random, c.code.size() + 1);
          c.code.insert(c.code.begin() + (ptrdiff_t)to, other.code.begin() + (ptrdiff_t)from, other.code.begin() + (ptrdiff_t)(from + some));
        }
        break;
      default: c.rows = (uint32_t)below(random, most_rows + 1); break;
    }
  }
}

}  // namespace
