// The C ABI over rows of every element, against obvious code; and the graph that grows, with readers beside its writer. Made to run under
// the sanitizers, like verify.cpp.
#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <random>
#include <thread>
#include <tuple>
#include <vector>
#include "../include/elanus_index.h"
#include "check.h"
#include "obvious.h"

static void against_obvious_code(const char* set) {
  elanus_error error;
  if (elanus_use_instruction_set(set, &error) != ELANUS_OK) return;
  std::mt19937 random(11);
  for (int round = 0; round < 400; ++round) {
    const uint32_t element = (uint32_t)round % 5, hash_bits = 8u << random() % 4;
    const bool bits = element == ELANUS_BINARY;
    const uint32_t metric = bits ? ELANUS_HAMMING + random() % 5 : random() % 3;
    uint32_t dimension = bits ? 8 * (1 + random() % 80) : 1 + random() % 200;
    if (metric == ELANUS_MHJACCARD) dimension = (dimension + hash_bits - 1) / hash_bits * hash_bits;
    const uint32_t each = bits ? dimension / 8 : dimension, k = (uint32_t[]){1, 5, 400}[random() % 3];
    const uint64_t count = 1 + random() % 200;
    const size_t queries = (size_t[]){1, 2, 5, 67}[random() % 4];
    const auto values = drawn_entries(element, random, count * each);
    auto asked = drawn_entries(element, random, queries * each);
    if (random() % 2) std::memcpy(asked.data(), values.data(), (size_t)each * bytes_of_entry[element]);
    elanus_rows rows = 0;
    uint64_t grown = 0;
    CHECK(elanus_rows_create(element, dimension, &rows, &error) == ELANUS_OK);
    CHECK(elanus_rows_append(rows, values.data(), count * each, &grown, &error) == ELANUS_OK && grown == count);
    std::vector<uint32_t> hits(queries * k);
    std::vector<float> scores(queries * k);
    std::vector<uint8_t> tied(queries);
    elanus_search plan = {};
    plan.rows = rows;
    plan.row_count = count;
    plan.queries = asked.data();
    plan.query_value_count = queries * each;
    plan.metric = metric;
    plan.k = k;
    plan.hash_bits = hash_bits;
    plan.hit_rows = hits.data();
    plan.hit_row_count = hits.size();
    plan.hit_scores = scores.data();
    plan.hit_score_count = scores.size();
    plan.tied = tied.data();
    plan.tied_count = tied.size();
    CHECK(elanus_search_wait(&plan, &error) == ELANUS_OK);
    const bool larger = metric == ELANUS_IP || metric == ELANUS_COSINE || metric == ELANUS_MHJACCARD;
    const size_t row_bytes = (size_t)each * bytes_of_entry[element];
    bool same = true;
    for (size_t q = 0; q < queries; ++q) {
      std::vector<std::tuple<float, uint32_t>> all;
      for (uint32_t i = 0; i < count; ++i) {
        const float s = score_of(element, metric, asked.data() + q * row_bytes, values.data() + i * row_bytes, dimension, hash_bits);
        if (!std::isnan(s)) all.emplace_back(larger ? -s : s, i);
      }
      std::sort(all.begin(), all.end());
      for (uint32_t i = 0; i < k; ++i) {
        const bool there = i < all.size();
        const float s = scores[q * k + i];
        same = same && (there ? hits[q * k + i] == std::get<1>(all[i]) && s == (larger ? -std::get<0>(all[i]) : std::get<0>(all[i]))
                              : hits[q * k + i] == ELANUS_NO_ROW && std::isnan(s));
      }
    }
    CHECK(same);
    plan.metric = bits ? ELANUS_L2 : ELANUS_HAMMING;
    CHECK(elanus_search_wait(&plan, &error) == ELANUS_INVALID);
    plan.metric = bits ? ELANUS_MHJACCARD : ELANUS_L2;
    plan.hash_bits = 7;
    CHECK(elanus_search_wait(&plan, &error) == ELANUS_INVALID);
    CHECK(elanus_rows_close(rows, &error) == ELANUS_OK);
  }
}

static std::vector<float> fractions(uint32_t seed, size_t count) {
  std::mt19937 random(seed);
  std::vector<float> values(count);
  for (float& v : values) v = (float)(random() % 2001) / 1000 - 1;
  return values;
}

// Of the exact ten, how many an index finds, on average over the queries.
static double recall_of(elanus_index index, elanus_rows rows, uint64_t row_count, uint32_t metric, const std::vector<float>& asked, uint32_t dimension) {
  const uint32_t k = 10;
  const size_t queries = asked.size() / dimension;
  std::vector<uint32_t> found(queries * k), truth(queries * k);
  std::vector<float> scores(queries * k);
  std::vector<uint8_t> tied(queries);
  elanus_index_search search = {};
  search.index = index;
  search.queries = asked.data();
  search.query_value_count = asked.size();
  search.k = k;
  search.ef = 64;
  search.hit_rows = found.data();
  search.hit_row_count = found.size();
  search.hit_scores = scores.data();
  search.hit_score_count = scores.size();
  search.tied = tied.data();
  search.tied_count = tied.size();
  CHECK(elanus_index_search_wait(&search, nullptr) == ELANUS_OK);
  elanus_search exact = {};
  exact.rows = rows;
  exact.row_count = row_count;
  exact.queries = asked.data();
  exact.query_value_count = asked.size();
  exact.metric = metric;
  exact.k = k;
  exact.hit_rows = truth.data();
  exact.hit_row_count = truth.size();
  exact.hit_scores = scores.data();
  exact.hit_score_count = scores.size();
  exact.tied = tied.data();
  exact.tied_count = tied.size();
  CHECK(elanus_search_wait(&exact, nullptr) == ELANUS_OK);
  size_t hits = 0;
  for (size_t q = 0; q < queries; ++q)
    for (uint32_t i = 0; i < k; ++i) {
      CHECK(found[q * k + i] < row_count);
      hits += std::count(truth.begin() + (long)(q * k), truth.begin() + (long)((q + 1) * k), found[q * k + i]) != 0;
    }
  return (double)hits / (double)truth.size();
}

static void growing() {
  constexpr uint32_t dimension = 24;
  const std::vector<float> asked = fractions(5, 20 * dimension);
  for (uint32_t metric : {ELANUS_L2, ELANUS_IP, ELANUS_COSINE}) {
    elanus_rows rows = 0;
    elanus_growing graph = 0;
    elanus_index first = 0, last = 0;
    uint64_t count = 0;
    CHECK(elanus_rows_create(ELANUS_FLOAT32, dimension, &rows, nullptr) == ELANUS_OK);
    const std::vector<float> start = fractions(1, 600 * dimension);
    CHECK(elanus_rows_append(rows, start.data(), start.size(), &count, nullptr) == ELANUS_OK);
    const elanus_growing_plan plan = {rows, metric, 16, 40, 9};
    CHECK(elanus_growing_create(&plan, &graph, nullptr) == ELANUS_OK);
    CHECK(elanus_growing_extend_wait(graph, 600, &first, nullptr) == ELANUS_OK);
    std::atomic<bool> stop = false;
    std::vector<std::thread> readers;
    for (int t = 0; t < 2; ++t)
      readers.emplace_back([&] {
        while (!stop) CHECK(recall_of(first, rows, 600, metric, asked, dimension) > 0.9);
      });
    for (int round = 0; round < 12; ++round) {
      std::vector<float> more = fractions(100 + (uint32_t)round, 100 * dimension);
      if (round % 3 == 0) std::copy_n(start.begin(), 40 * dimension, more.begin());        // twins of rows that readers meet
      if (round % 4 == 0) std::fill_n(more.begin() + 50 * dimension, 5 * dimension, 0.f);  // zero vectors
      CHECK(elanus_rows_append(rows, more.data(), more.size(), &count, nullptr) == ELANUS_OK);
      elanus_index next = 0;
      if (round % 5 == 4) {
        End end;
        elanus_job* job = nullptr;
        CHECK(elanus_growing_extend_start(graph, count, &next, End::call, &end, &job, nullptr) == ELANUS_OK);
        elanus_job_cancel(job);
        const int status = end.wait();
        elanus_job_release(job);
        CHECK(status == ELANUS_OK || status == ELANUS_CANCELLED);
        if (status != ELANUS_OK) continue;
      } else {
        CHECK(elanus_growing_extend_wait(graph, count, &next, nullptr) == ELANUS_OK);
      }
      CHECK(recall_of(next, rows, count, metric, asked, dimension) > 0.85);   // twins may stand for each other
      if (last) CHECK(elanus_index_close(last, nullptr) == ELANUS_OK);
      last = next;
    }
    stop = true;
    for (auto& reader : readers) reader.join();
    CHECK(elanus_growing_close(graph, nullptr) == ELANUS_OK);
    CHECK(elanus_growing_close(graph, nullptr) == ELANUS_OK);
    CHECK(elanus_growing_extend_wait(graph, count, &first, nullptr) == ELANUS_STALE);
    CHECK(recall_of(first, rows, 600, metric, asked, dimension) > 0.9);
    CHECK(elanus_index_close(first, nullptr) == ELANUS_OK);
    CHECK(elanus_index_close(last, nullptr) == ELANUS_OK);
    CHECK(elanus_rows_close(rows, nullptr) == ELANUS_OK);
  }
  elanus_memory memory;
  elanus_memory_used(&memory);
  CHECK(memory.index_bytes == 0);
}

int main() {
  for (const char* set : {"portable", "avx2", "avx512", "neon"}) against_obvious_code(set);
  growing();
  CHECK(elanus_open_handles() == 0);
  std::printf("elements: %d checks, %d failures\n", checks.load(), failures.load());
  return failures ? 1 : 0;
}
