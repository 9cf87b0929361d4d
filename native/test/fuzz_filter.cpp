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
#include "filter_cases.h"

extern "C" void __sanitizer_set_death_callback(void (*callback)(void)) __attribute__((weak));

namespace {

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
