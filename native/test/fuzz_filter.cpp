// Random and damaged filter programs and JSON documents for the kernel, under AddressSanitizer and UndefinedBehaviorSanitizer:
//
//     fuzz_filter SECONDS SEED [CASE…]
//
// A case file is what test/fuzz writes and what is left of a crash (fuzz-crash.bin in the working directory). Cases are mutated: words, lengths,
// pieces of other cases; others are grown from nothing, so that most are programs. Every instruction set must give the same bits.
//
//   u32  rows, columns, words of code, bytes of constants, seed of the columns' contents
//   u32  for each column its type, and 65536 if it has nulls
//   code, constants
//
// Numbers that do not fit a file are taken as what there is: every file is a case.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <random>
#include <string>
#include <vector>
#include "../include/elanus_filter.h"
#include "../src/dispatch.h"

extern "C" void __sanitizer_set_death_callback(void (*callback)(void)) __attribute__((weak));

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

const Case* running = nullptr;
void keep_case() {
  if (!running) return;
  const std::vector<uint8_t> bytes = bytes_of(*running);
  if (FILE* file = std::fopen("fuzz-crash.bin", "wb")) {
    std::fwrite(bytes.data(), 1, bytes.size(), file);
    std::fclose(file);
    std::fprintf(stderr, "the case is in fuzz-crash.bin\n");
  }
}
[[noreturn]] void wrong(const char* what) {
  std::fprintf(stderr, "%s\n", what);
  keep_case();
  std::abort();
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

// Whether it was a program.
bool run(const Case& c) {
  running = &c;
  const Content content = content_of(c);
  Exact<uint32_t> code(c.code.size());
  Exact<uint8_t> constants(c.constants.size());
  std::copy(c.code.begin(), c.code.end(), code.data.get());
  std::copy(c.constants.begin(), c.constants.end(), constants.data.get());
  const uint64_t bytes = (c.rows + 63) / 64 * 8;
  Exact<uint8_t> wanted(bytes);
  Random random(c.seed + 1);
  for (uint64_t i = 0; i < bytes; ++i) wanted[i] = (uint8_t)random();
  std::vector<uint8_t> first;
  bool accepted = false;
  int number = 0;
  for (const char* set : {"portable", "avx2", "avx512", "neon"}) {
    try {
      elanus::use_table(set);
    } catch (...) {
      continue;   // not on this machine
    }
    Exact<uint8_t> passing(bytes);
    std::memset(passing.data.get(), 0xa5, bytes);
    elanus_filter plan = {};
    plan.code = code.data.get();
    plan.code_count = code.count;
    plan.constants = constants.data.get();
    plan.constant_bytes = constants.count;
    plan.columns = content.columns.data();
    plan.column_count = content.columns.size();
    plan.row_count = c.rows;
    if (c.seed & 1) {
      plan.wanted = wanted.data.get();
      plan.wanted_bytes = bytes;
    }
    plan.passing = passing.data.get();
    plan.passing_bytes = bytes;
    elanus_error error;
    const int status = elanus_filter_run(&plan, &error);
    if (status != ELANUS_OK && status != ELANUS_INVALID) wrong("a program has an end that no program may have");
    const bool good = status == ELANUS_OK;
    std::vector<uint8_t> bits;
    if (good) bits.assign(passing.data.get(), passing.data.get() + bytes);
    for (uint64_t row = c.rows; good && row < bytes * 8; ++row)
      if (bits[row / 8] >> row % 8 & 1) wrong("a row that is none passes");
    if (number++ && (good != accepted || bits != first)) wrong("two instruction sets differ");
    accepted = good;
    first = std::move(bits);
  }
  running = nullptr;
  return accepted;
}

// ------------------------------------------------------------------------------------------------------------ documents

void read_documents(Random& random) {
  static const char* const pieces[] = {"{", "}", "[", "]", ":", ",", "\"", "\\", "\"a\"", "\"b\"", "\"\\u0061\"", "\"a\":1", "1", "-", "0.5", "1e400", "1e-400", "12345678901234567890", "9223372036854775808",
                                       "-9223372036854775808", "true", "fals", "null", " ", "\n", "\"x\\ud83d\\ude00\"", "{\"a\":{\"b\":[1,{\"c\":2}]}}", "[[1,2],[3]]", "e", "."};
  const uint32_t rows = (uint32_t)below(random, 40);
  std::string all;
  Exact<uint32_t> offsets(rows + 1);
  for (uint32_t i = 0; i < rows; ++i) {
    offsets[i] = (uint32_t)all.size();
    if (below(random, 2)) all += "{\"a\":";
    for (uint64_t left = below(random, 12); left; --left) all += pick(random, pieces);
  }
  offsets[rows] = (uint32_t)all.size();
  if (rows && below(random, 30) == 0) offsets[below(random, rows + 1)] = (uint32_t)random();
  Exact<uint8_t> bytes(all.size());
  std::copy(all.begin(), all.end(), bytes.data.get());
  const uint32_t count = (uint32_t)below(random, 4);
  std::string paths;
  const auto number = [&](uint32_t value) { paths.append((const char*)&value, 4); };
  for (uint32_t path = 0; path < count; ++path) {
    const uint32_t keys = (uint32_t)below(random, 4);
    number(keys);
    for (uint32_t key = 0; key < keys; ++key) {
      const std::string name = below(random, 3) ? std::string(1, (char)('a' + below(random, 3))) : std::to_string(below(random, 3));
      number((uint32_t)name.size());
      paths += name;
    }
  }
  if (!paths.empty() && below(random, 20) == 0) paths[below(random, paths.size())] = (char)random();
  if (below(random, 40) == 0) paths.resize(below(random, paths.size() + 1));
  Exact<uint8_t> path_bytes(paths.size());
  std::copy(paths.begin(), paths.end(), path_bytes.data.get());
  std::vector<Exact<uint8_t>> classes;
  std::vector<Exact<int64_t>> words;
  std::vector<uint8_t*> class_arrays;
  std::vector<int64_t*> word_arrays;
  for (uint32_t path = 0; path < count; ++path) {
    class_arrays.push_back(classes.emplace_back(rows).data.get());
    word_arrays.push_back(words.emplace_back(rows).data.get());
  }
  elanus_places plan = {};
  plan.offsets = offsets.data.get();
  plan.offset_count = rows + 1;
  plan.bytes = bytes.data.get();
  plan.byte_count = bytes.count;
  plan.row_count = rows;
  plan.paths = path_bytes.data.get();
  plan.path_bytes = path_bytes.count;
  plan.path_count = count;
  plan.classes = class_arrays.data();
  plan.words = word_arrays.data();
  elanus_error error;
  if (elanus_places_run(&plan, &error) != ELANUS_OK) return;
  for (uint32_t path = 0; path < count; ++path) {
    for (uint32_t row = 0; row < rows; ++row) {
      const uint8_t kind = classes[path][row];
      const uint64_t word = (uint64_t)words[path][row], start = word & 0xffffffffu, end = word >> 32;
      if (kind > ELANUS_CLASS_MALFORMED) wrong("a class is none");
      const bool lies = kind == ELANUS_CLASS_TEXT || kind == ELANUS_CLASS_ESCAPED || kind == ELANUS_CLASS_ARRAY;
      if (lies && (start < offsets[row] || start > end || end > offsets[row + 1])) wrong("a value lies beside its document");
    }
  }
}

}  // namespace

int main(int count, char** arguments) {
  if (count < 3) {
    std::fprintf(stderr, "usage: fuzz_filter SECONDS SEED [CASE…]\n");
    return 2;
  }
  if (__sanitizer_set_death_callback) __sanitizer_set_death_callback(keep_case);
  const double seconds = std::atof(arguments[1]);
  Random random(std::strtoull(arguments[2], nullptr, 10));
  std::vector<Case> corpus;
  for (int i = 3; i < count; ++i) {
    FILE* file = std::fopen(arguments[i], "rb");
    if (!file) continue;
    std::vector<uint8_t> bytes(1 << 20);
    bytes.resize(std::fread(bytes.data(), 1, bytes.size(), file));
    std::fclose(file);
    corpus.push_back(case_of(bytes));
    run(corpus.back());
  }
  uint64_t cases = 0, programs = 0, documents = 0;
  const auto end = std::chrono::steady_clock::now() + std::chrono::duration<double>(seconds);
  while (std::chrono::steady_clock::now() < end) {
    for (int i = 0; i < 100; ++i) {
      Case c = corpus.empty() || below(random, 2) ? Grower(random).grow() : corpus[below(random, corpus.size())];
      if (below(random, 2)) mutate(c, corpus.empty() ? Grower(random).grow() : corpus[below(random, corpus.size())], random);
      programs += run(c);
      ++cases;
      read_documents(random);
      ++documents;
    }
  }
  std::printf("%llu cases, %llu of them programs, %llu times documents: no fault\n", (unsigned long long)cases, (unsigned long long)programs, (unsigned long long)documents);
  return cases && programs * 20 > cases ? 0 : 1;
}
