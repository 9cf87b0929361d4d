// What the fuzzers of indexes start from: small rows, an index of each kind over them, and the bytes of its file.
#pragma once
#include <sys/mman.h>
#include <unistd.h>
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <vector>
#include "../include/elanus_bands.h"
#include "../include/elanus_lists.h"
#include "../include/elanus_slim.h"
#include "../include/elanus_sparse.h"
#include "files.h"

// Says why and ends the process, in a way that the fuzzer notices.
[[noreturn]] static inline void wrong(const char* what) {
  std::fprintf(stderr, "wrong: %s\n", what);
  std::abort();
}

struct Base {
  uint64_t rows = 0;   // a handle, of dense or sparse rows
  bool sparse = false;
  uint64_t count = 0;
  uint32_t entries = 0;             // values of a query
  std::vector<uint8_t> queries;     // three of them, of what the rows are made of
  uint32_t entry_bytes = 4;
  std::string bytes;
  SectionTable table;
};

class Bases {
 public:
  static constexpr uint32_t dimension = 5, rows = 60;

  static Bases& all() {
    static Bases* bases = new Bases;
    return *bases;
  }
  const std::vector<Base>& list() const { return bases_; }
  const std::string& folder() const { return folder_; }
  // Sparse rows, which serve as queries too.
  const std::vector<uint32_t>& offsets() const { return offsets_; }
  const std::vector<uint8_t>& pairs() const { return pairs_; }

 private:
  Bases() {
    char name[] = "/tmp/elanus-fuzz-XXXXXX";
    if (!mkdtemp(name)) wrong("there is no folder");
    folder_ = name;
    path_ = folder_ + "/base";
    values_ = clustered(rows, dimension, 8);
    for (uint32_t i = 0; i < rows / 4; ++i) std::copy_n(values_.begin(), dimension, values_.begin() + i * 2 * dimension);   // twins
    std::fill_n(values_.begin() + 7 * dimension, dimension, 0.f);
    for (const uint32_t layout : {ELANUS_LEAN, ELANUS_PACKED})
      for (const uint32_t metric : {ELANUS_L2, ELANUS_COSINE})
        add({144, 4, 9}, [&](uint64_t handle, elanus_error* error) {
          const elanus_index_build plan = {handle, rows, metric, 4, 20, 7, layout};
          return elanus_index_build_wait(&plan, path_.c_str(), error);
        });
    for (const uint32_t codes : {ELANUS_CODES_NONE, ELANUS_CODES_BYTE, ELANUS_CODES_BOOK, ELANUS_CODES_NIBBLE, ELANUS_CODES_SIGN})
      add({16, 0, 8}, [&](uint64_t handle, elanus_error* error) {
        const bool book = codes == ELANUS_CODES_BOOK || codes == ELANUS_CODES_NIBBLE;
        const elanus_lists_build plan = {handle, rows, ELANUS_COSINE, 4, codes, book ? 3u : 0u, codes == ELANUS_CODES_BOOK ? 5u : book ? 4u : 0u, 7};
        return elanus_lists_build_wait(&plan, path_.c_str(), error);
      });
    for (const uint32_t codes : {ELANUS_SLIM_BOOK, ELANUS_SLIM_STAGES, ELANUS_SLIM_SCALAR, ELANUS_SLIM_FLOAT16})
      add({16, 0, 6}, [&](uint64_t handle, elanus_error* error) {
        const uint32_t bits = codes <= ELANUS_SLIM_STAGES ? 4 : codes == ELANUS_SLIM_SCALAR ? 6 : 8;
        const elanus_slim_build plan = {handle, rows, ELANUS_COSINE, 4, 20, 3, bits, 7, codes, codes == ELANUS_SLIM_STAGES ? 2u : 0u};
        return elanus_slim_build_wait(&plan, path_.c_str(), error);
      });
    add_sparse();
    add_bands();
    ::unlink(path_.c_str());
  }

  template <class Build> void add(SectionTable table, Build build) {
    elanus_error error = {};
    Base base;
    if (elanus_rows_create(ELANUS_FLOAT32, dimension, &base.rows, &error) || elanus_rows_append(base.rows, values_.data(), values_.size(), &base.count, &error) ||
        build(base.rows, &error))
      wrong(error.text);
    base.entries = dimension;
    base.queries.assign((const uint8_t*)values_.data(), (const uint8_t*)(values_.data() + 3 * dimension));
    base.bytes = contents(path_);
    base.table = table;
    bases_.push_back(std::move(base));
  }

  // Signatures of eight hashes of a byte.
  void add_bands() {
    elanus_error error = {};
    std::mt19937 random(3);
    std::vector<uint8_t> hashes(rows * 8);
    for (uint8_t& hash : hashes) hash = (uint8_t)(random() % 5);
    Base base;
    if (elanus_rows_create(ELANUS_BINARY, 64, &base.rows, &error) || elanus_rows_append(base.rows, hashes.data(), hashes.size(), &base.count, &error)) wrong(error.text);
    const elanus_bands_build plan = {base.rows, rows, 8, 4, 7};
    if (elanus_bands_build_wait(&plan, path_.c_str(), &error)) wrong(error.text);
    base.entries = 8;
    base.entry_bytes = 1;
    base.queries.assign(hashes.begin(), hashes.begin() + 24);
    base.bytes = contents(path_);
    base.table = {16, 0, 2};
    bases_.push_back(std::move(base));
  }

  void add_sparse() {
    elanus_error error = {};
    std::mt19937 random(9);
    offsets_ = {0};
    for (uint32_t row = 0; row < 300; ++row) {
      for (uint32_t index = 0; index < 40; ++index) {
        if (index != 1 && random() % 8) continue;
        const float value = (float)(random() % 64) / 8 - (index == 5 ? 4.f : 0.f);
        const auto *a = (const uint8_t*)&index, *b = (const uint8_t*)&value;
        pairs_.insert(pairs_.end(), a, a + 4);
        pairs_.insert(pairs_.end(), b, b + 4);
      }
      offsets_.push_back((uint32_t)pairs_.size());
    }
    Base base;
    base.sparse = true;
    base.table = {16, 0, 3};
    elanus_postings_build plan = {};
    if (elanus_sparse_create(&base.rows, 1, &error) ||
        elanus_sparse_append(base.rows, offsets_.data(), offsets_.size(), pairs_.data(), pairs_.size(), &base.count, &error))
      wrong(error.text);
    plan = {base.rows, base.count};
    if (elanus_postings_build_wait(&plan, path_.c_str(), &error)) wrong(error.text);
    base.bytes = contents(path_);
    bases_.push_back(std::move(base));
  }

  std::string folder_, path_;
  std::vector<float> values_;
  std::vector<uint32_t> offsets_;
  std::vector<uint8_t> pairs_;
  std::vector<Base> bases_;
};

// A file that is no name's, under a path that can be opened.
class Unnamed {
 public:
  Unnamed() : file_((int)memfd_create("fuzz", MFD_CLOEXEC)), path_("/proc/self/fd/" + std::to_string(file_)) {
    if (file_ < 0) wrong("there is no unnamed file");
  }
  ~Unnamed() { ::close(file_); }
  const char* hold(const std::string& bytes) {
    if (ftruncate(file_, 0) || pwrite(file_, bytes.data(), bytes.size(), 0) != (ssize_t)bytes.size()) wrong("the unnamed file cannot be written");
    return path_.c_str();
  }

 private:
  const int file_;
  const std::string path_;
};

// Numbers out of a case; zeros when it is used up.
class Numbers {
 public:
  Numbers(const uint8_t* data, size_t size) : at_(data), end_(data + size) {}
  bool ended() const { return at_ == end_; }
  template <class T> T take() {
    T value = {};
    const size_t some = std::min(sizeof value, (size_t)(end_ - at_));
    if (some) std::memcpy(&value, at_, some);
    at_ += some;
    return value;
  }

 private:
  const uint8_t *at_, *end_;
};

// Room for exactly the hits of a search, so that one too many is noticed.
struct Hits {
  Hits(uint64_t queries, uint64_t k)
      : rows(std::make_unique<uint32_t[]>(queries * k)), scores(std::make_unique<float[]>(queries * k)), tied(std::make_unique<uint8_t[]>(queries)), count(queries * k), queries(queries) {}
  template <class Plan> void lend(Plan& plan) {
    plan.hit_rows = rows.get(), plan.hit_row_count = count;
    plan.hit_scores = scores.get(), plan.hit_score_count = count;
    plan.tied = tied.get(), plan.tied_count = queries;
  }
  void check(uint64_t row_count) const {
    for (uint64_t i = 0; i < count; ++i)
      if (rows[i] != ELANUS_NO_ROW && rows[i] >= row_count) wrong("a hit is no row");
  }
  std::unique_ptr<uint32_t[]> rows;
  std::unique_ptr<float[]> scores;
  std::unique_ptr<uint8_t[]> tied;
  const uint64_t count, queries;
};
