// Sparse vectors through the C ABI without Node: against obvious code, with arguments nobody should give, and with a writer beside searches.
// Made to run under the sanitizers (scripts/check-native.mjs).
#include "../include/elanus_sparse.h"
#include <algorithm>
#include <cmath>
#include <cstring>
#include <map>
#include <random>
#include <thread>
#include <vector>
#include "check.h"

struct Entries {
  std::vector<uint32_t> offsets = {0};
  std::vector<uint8_t> bytes;
  void add(const std::map<uint32_t, float>& row) {
    for (const auto& [index, value] : row) {
      uint8_t pair[8];
      std::memcpy(pair, &index, 4);
      std::memcpy(pair + 4, &value, 4);
      bytes.insert(bytes.end(), pair, pair + 8);
    }
    offsets.push_back((uint32_t)bytes.size());
  }
};

static std::map<uint32_t, float> random_row(std::mt19937& random, uint32_t most, uint32_t terms) {
  std::map<uint32_t, float> row;
  for (uint32_t count = random() % (most + 1); count; --count) row[random() % terms * 7919] = (float)(1 + random() % 64) / 16;
  return row;
}

static float score_of(const std::map<uint32_t, float>& query, const std::map<uint32_t, float>& row) {
  float sum = 0;
  for (const auto& [index, value] : row) {
    const auto found = query.find(index);
    if (found == query.end()) continue;
    const float product = found->second * value;
    sum = sum + product;
  }
  return sum;
}

struct Request {
  elanus_sparse_search plan = {};
  std::vector<uint32_t> rows;
  std::vector<float> scores;
  std::vector<uint8_t> tied;
  Request(elanus_sparse sparse, uint64_t row_count, const Entries& queries, uint32_t k) {
    const size_t count = queries.offsets.size() - 1;
    rows.resize(count * k);
    scores.resize(count * k);
    tied.resize(count);
    plan.sparse = sparse;
    plan.row_count = row_count;
    plan.offsets = queries.offsets.data();
    plan.offset_count = queries.offsets.size();
    plan.bytes = queries.bytes.data();
    plan.byte_count = queries.bytes.size();
    plan.k = k;
    plan.hit_rows = rows.data();
    plan.hit_row_count = rows.size();
    plan.hit_scores = scores.data();
    plan.hit_score_count = scores.size();
    plan.tied = tied.data();
    plan.tied_count = tied.size();
  }
};

static void against_obvious_code() {
  std::mt19937 random(11);
  elanus_error error;
  for (int round = 0; round < 60; ++round) {
    const uint32_t terms = (uint32_t[]){3, 60, 4000}[round % 3], count = (uint32_t[]){0, 50, 700, 9000}[round % 4];
    const uint32_t k = (uint32_t[]){1, 7, 300}[round % 3], most = 1 + random() % 30;
    std::vector<std::map<uint32_t, float>> rows(count), asked(3);
    Entries stored, queries;
    for (auto& row : rows) stored.add(row = random_row(random, most, terms));
    for (auto& query : asked) queries.add(query = random_row(random, 12, terms));
    std::vector<uint8_t> allowed((count + 63) / 64 * 8 + 8);
    const uint32_t share = (uint32_t[]){1, 2, 500}[random() % 3];
    for (uint32_t row = 0; row < count; ++row)
      if (random() % share == 0) allowed[row / 8] |= (uint8_t)(1 << row % 8);
    elanus_sparse sparse = 0;
    uint64_t held = 0;
    CHECK(elanus_sparse_create(&sparse, &error) == ELANUS_OK);
    CHECK(elanus_sparse_append(sparse, stored.offsets.data(), stored.offsets.size(), stored.bytes.data(), stored.bytes.size(), &held, &error) == ELANUS_OK);
    CHECK(held == count);
    Request request(sparse, count, queries, k);
    const bool filtered = round % 2;
    if (filtered) {
      request.plan.allowed = allowed.data();
      request.plan.allowed_bytes = allowed.size();
    }
    CHECK(elanus_sparse_search_wait(&request.plan, &error) == ELANUS_OK);
    for (size_t q = 0; q < asked.size(); ++q) {
      std::vector<std::pair<float, uint32_t>> best;
      for (uint32_t row = 0; row < count; ++row) {
        if (filtered && !(allowed[row / 8] >> row % 8 & 1)) continue;
        const float score = score_of(asked[q], rows[row]);
        if (score > 0) best.push_back({-score, row});
      }
      std::sort(best.begin(), best.end());
      for (uint32_t i = 0; i < k; ++i) {
        const bool there = i < best.size();
        CHECK(request.rows[q * k + i] == (there ? best[i].second : ELANUS_NO_ROW));
        CHECK(there ? request.scores[q * k + i] == -best[i].first : std::isnan(request.scores[q * k + i]));
      }
      CHECK(request.tied[q] == (best.size() > k && best[k].first == best[k - 1].first));
    }
    CHECK(elanus_rows_close(sparse, &error) == ELANUS_OK);
  }
}

static void nonsense() {
  elanus_error error;
  elanus_sparse sparse = 0;
  uint64_t held = 0;
  CHECK(elanus_sparse_create(&sparse, &error) == ELANUS_OK);
  Entries good;
  good.add({{1, 1.f}, {5, 2.f}});
  auto append = [&](const Entries& e) { return elanus_sparse_append(sparse, e.offsets.data(), e.offsets.size(), e.bytes.data(), e.bytes.size(), &held, &error); };
  CHECK(append(good) == ELANUS_OK);
  Entries bad = good;
  bad.offsets[1] = 12;
  CHECK(append(bad) == ELANUS_INVALID);   // no whole pairs
  bad.offsets[1] = 4000;
  CHECK(append(bad) == ELANUS_INVALID);   // beyond the bytes
  bad = good;
  std::memcpy(bad.bytes.data() + 8, bad.bytes.data(), 4);
  CHECK(append(bad) == ELANUS_INVALID);   // the same index twice
  bad = good;
  const float nan = NAN;
  std::memcpy(bad.bytes.data() + 4, &nan, 4);
  CHECK(append(bad) == ELANUS_INVALID);
  CHECK(elanus_sparse_append(sparse, nullptr, 2, good.bytes.data(), 16, &held, &error) == ELANUS_INVALID);
  CHECK(elanus_sparse_append(sparse, good.offsets.data(), 2, nullptr, 16, &held, &error) == ELANUS_INVALID);
  CHECK(elanus_sparse_append(99, good.offsets.data(), 2, good.bytes.data(), 16, &held, &error) == ELANUS_STALE);
  uint64_t rows, pairs, memory;
  CHECK(elanus_sparse_describe(sparse, &rows, &pairs, &memory, &error) == ELANUS_OK && rows == 1 && pairs == 2 && memory >= 16);
  const uint32_t numbers[2] = {0, 1};
  uint32_t offsets[3];
  uint8_t bytes[16];
  CHECK(elanus_sparse_lengths(sparse, numbers, 2, offsets, 3, &error) == ELANUS_INVALID);
  CHECK(elanus_sparse_lengths(sparse, numbers, 1, offsets, 2, &error) == ELANUS_OK && offsets[1] == 16);
  CHECK(elanus_sparse_gather(sparse, numbers, 1, bytes, 15, &error) == ELANUS_INVALID);
  CHECK(elanus_sparse_gather(sparse, numbers, 1, bytes, 16, &error) == ELANUS_OK && !std::memcmp(bytes, good.bytes.data(), 16));
  auto tried = [&](auto change) {
    Request request(sparse, 1, good, 3);
    change(request.plan);
    return elanus_sparse_search_wait(&request.plan, &error);
  };
  CHECK(tried([](auto&) {}) == ELANUS_OK);
  CHECK(tried([](auto& p) { p.row_count = 2; }) == ELANUS_INVALID);
  CHECK(tried([](auto& p) { p.k = 0; }) == ELANUS_INVALID);
  CHECK(tried([](auto& p) { p.hit_row_count = 2; }) == ELANUS_INVALID);
  CHECK(tried([](auto& p) { p.byte_count = 8; }) == ELANUS_INVALID);
  CHECK(tried([](auto& p) { p.bytes = nullptr; }) == ELANUS_INVALID);
  CHECK(tried([](auto& p) { p.offset_count = 0; }) == ELANUS_INVALID);
  CHECK(tried([](auto& p) { p.has_outer = 1; p.outer = NAN; }) == ELANUS_INVALID);
  CHECK(tried([](auto& p) { p.has_inner = 1; }) == ELANUS_INVALID);
  CHECK(tried([&](auto& p) { p.allowed = bytes; p.allowed_bytes = 7; }) == ELANUS_INVALID);
  CHECK(tried([&](auto& p) { p.rank = numbers; p.rank_count = 0; }) == ELANUS_INVALID);
  CHECK(elanus_rows_close(sparse, &error) == ELANUS_OK);
  CHECK(tried([](auto&) {}) == ELANUS_STALE);
}

// Searches see what they were told to count, whatever is appended meanwhile.
static void beside_a_writer() {
  elanus_error error;
  elanus_sparse sparse = 0;
  CHECK(elanus_sparse_create(&sparse, &error) == ELANUS_OK);
  std::atomic<uint64_t> published = 0;
  std::vector<std::map<uint32_t, float>> rows;
  std::mt19937 random(3);
  constexpr uint32_t total = 12000, step = 200;
  for (uint32_t i = 0; i < total; ++i) rows.push_back(random_row(random, 10, 3000));
  std::thread writer([&] {
    for (uint32_t from = 0; from < total; from += step) {
      Entries part;
      for (uint32_t i = from; i < from + step; ++i) part.add(rows[i]);
      uint64_t held = 0;
      elanus_error own;
      CHECK(elanus_sparse_append(sparse, part.offsets.data(), part.offsets.size(), part.bytes.data(), part.bytes.size(), &held, &own) == ELANUS_OK);
      published.store(held, std::memory_order_release);
    }
  });
  for (int round = 0; round < 40; ++round) {
    Entries queries;
    const auto query = random_row(random, 20, 3000);
    queries.add(query);
    const uint64_t seen = published.load(std::memory_order_acquire);
    Request request(sparse, seen, queries, 5);
    CHECK(elanus_sparse_search_wait(&request.plan, &error) == ELANUS_OK);
    std::vector<std::pair<float, uint32_t>> best;
    for (uint32_t row = 0; row < seen; ++row) {
      const float score = score_of(query, rows[row]);
      if (score > 0) best.push_back({-score, row});
    }
    std::sort(best.begin(), best.end());
    for (uint32_t i = 0; i < 5; ++i) CHECK(request.rows[i] == (i < best.size() ? best[i].second : ELANUS_NO_ROW));
  }
  writer.join();
  CHECK(elanus_rows_close(sparse, &error) == ELANUS_OK);
}

int main() {
  elanus_error error;
  against_obvious_code();
  nonsense();
  elanus_set_threads(4, &error);
  beside_a_writer();
  CHECK(elanus_open_handles() == 0);
  std::printf("sparse: %d checks, %d failures\n", checks.load(), failures.load());
  return failures.load() != 0;
}
