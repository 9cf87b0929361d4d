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
#include <unistd.h>
#include "check.h"
#include "files.h"

static std::string folder;

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
    CHECK(elanus_sparse_create(&sparse, 1, &error) == ELANUS_OK);
    CHECK(elanus_sparse_append(sparse, stored.offsets.data(), stored.offsets.size(), stored.bytes.data(), stored.bytes.size(), &held, &error) == ELANUS_OK);
    CHECK(held == count);
    Request request(sparse, count, queries, k);
    const bool filtered = round % 2;
    if (filtered) {
      request.plan.allowed = allowed.data();
      request.plan.allowed_bytes = allowed.size();
    }
    const auto verify = [&] {
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
    };
    verify();
    // The same through packed lists, whatever is read of them; then without any lists.
    const std::string path = folder + "/packed.postings";
    const elanus_postings_build build = {sparse, count};
    CHECK(elanus_postings_build_wait(&build, path.c_str(), &error) == ELANUS_OK);
    const uint32_t way = next_way();
    CHECK(elanus_index_open_wait(path.c_str(), sparse, way, &request.plan.postings, &error) == ELANUS_OK);
    ::unlink(path.c_str());
    elanus_index_about about;
    CHECK(elanus_index_tell(request.plan.postings, &about, &error) == ELANUS_OK && about.kind == ELANUS_KIND_POSTINGS && about.row_count == count);
    CHECK((about.mapped_bytes > 0) == (way == ELANUS_MAP && stored.bytes.size() > 0));
    CHECK(elanus_sparse_drop_lists(sparse, &error) == ELANUS_OK);
    request.plan.bound_ratio = 1.05f;
    for (request.plan.algorithm = 0; request.plan.algorithm <= ELANUS_SPARSE_MAXSCORE; ++request.plan.algorithm) verify();
    request.plan.algorithm = 0;
    CHECK(elanus_index_close(request.plan.postings, &error) == ELANUS_OK);
    request.plan.postings = 0;
    if (count <= 700) verify();
    CHECK(elanus_rows_close(sparse, &error) == ELANUS_OK);
  }
}

static void nonsense() {
  elanus_error error;
  elanus_sparse sparse = 0;
  uint64_t held = 0;
  CHECK(elanus_sparse_create(&sparse, 1, &error) == ELANUS_OK);
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
  CHECK(elanus_sparse_create(&sparse, 1, &error) == ELANUS_OK);
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

// Long lists, of which the rows lie close in some and far apart in others, values below 0 among them; filters that let few through.
static void packed_lists() {
  constexpr uint32_t count = 40000;
  std::mt19937 random(5);
  elanus_error error;
  elanus_sparse sparse = 0;
  uint64_t held = 0;
  CHECK(elanus_sparse_create(&sparse, 1, &error) == ELANUS_OK);
  Entries rows;
  for (uint32_t i = 0; i < count; ++i) {
    std::map<uint32_t, float> row = {{0, 1 + (float)(i % 7)}};
    if (i >= 20000 && i < 21000) row[1] = 50;   // only there
    if (i % 3000 == 5) row[2] = -4;
    if (i % 20000 == 7) row[3] = 1e-9f;
    for (uint32_t j = random() % 6; j; --j) row[4 + (uint32_t)std::pow(3000.0, (double)(random() % 10000) / 10000)] = (float)std::exp((double)(random() % 100) / 20 - 3);
    rows.add(row);
  }
  CHECK(elanus_sparse_append(sparse, rows.offsets.data(), rows.offsets.size(), rows.bytes.data(), rows.bytes.size(), &held, &error) == ELANUS_OK);
  const std::string path = folder + "/long.postings";
  const elanus_postings_build build = {sparse, count};
  CHECK(elanus_postings_build_wait(&build, path.c_str(), &error) == ELANUS_OK);
  const std::string first = contents(path);
  CHECK(elanus_postings_build_wait(&build, path.c_str(), &error) == ELANUS_OK);
  CHECK(first == contents(path));
  elanus_index index = 0;
  CHECK(elanus_index_open_wait(path.c_str(), sparse, next_way(), &index, &error) == ELANUS_OK);
  elanus_postings_description d;
  CHECK(elanus_postings_describe(index, &d, &error) == ELANUS_OK);
  CHECK(d.row_count == count && d.posting_count == rows.bytes.size() / 8 && d.file_bytes == first.size());
  for (uint32_t round = 0; round < 60; ++round) {
    Entries queries;
    for (int q = 0; q < 3; ++q) {
      std::map<uint32_t, float> query;
      for (uint32_t j = 0; j <= random() % 12; ++j) query[random() % (random() % 3 ? 40u : 3000u)] = (float)(random() % 200) / 40 - (random() % 8 ? 0.f : 3.f);
      queries.add(query);
    }
    std::vector<uint8_t> allowed((count + 63) / 64 * 8);
    const uint32_t share = (uint32_t[]){1, 3, 150, 5000}[round % 4];
    for (uint32_t row = 0; row < count; ++row)
      if (random() % share == 0) allowed[row / 8] |= (uint8_t)(1 << row % 8);
    const uint64_t seen = round % 5 ? count : random() % count;
    Request plain(sparse, seen, queries, round % 3 ? 10 : 200);
    if (round % 4) plain.plan.allowed = allowed.data(), plain.plan.allowed_bytes = allowed.size();
    if (round % 7 == 6) plain.plan.has_outer = 1, plain.plan.outer = 2;
    CHECK(elanus_sparse_search_wait(&plain.plan, &error) == ELANUS_OK);
    for (uint32_t algorithm = 0; algorithm <= ELANUS_SPARSE_MAXSCORE; ++algorithm) {
      Request packed(0, seen, queries, round % 3 ? 10 : 200);
      packed.plan = plain.plan;
      packed.plan.postings = index, packed.plan.algorithm = algorithm, packed.plan.bound_ratio = 1;
      packed.plan.hit_rows = packed.rows.data(), packed.plan.hit_scores = packed.scores.data(), packed.plan.tied = packed.tied.data();
      CHECK(elanus_sparse_search_wait(&packed.plan, &error) == ELANUS_OK);
      CHECK(packed.rows == plain.rows && packed.tied == plain.tied);
      CHECK(!std::memcmp(packed.scores.data(), plain.scores.data(), plain.scores.size() * sizeof(float)));
    }
  }
  Request wrong(sparse, count, rows, 1);
  wrong.plan.offset_count = 2;
  wrong.plan.postings = index;
  CHECK(elanus_sparse_search_wait(&wrong.plan, &error) == ELANUS_INVALID);   // no ratio
  wrong.plan.bound_ratio = 1;
  wrong.plan.algorithm = 3;
  CHECK(elanus_sparse_search_wait(&wrong.plan, &error) == ELANUS_INVALID);
  wrong.plan.algorithm = 0;
  CHECK(elanus_sparse_search_wait(&wrong.plan, &error) == ELANUS_OK);
  elanus_index_search dense = {};
  dense.index = index;
  CHECK(elanus_index_search_wait(&dense, &error) == ELANUS_INVALID);
  CHECK(elanus_index_close(index, &error) == ELANUS_OK);
  CHECK(elanus_rows_close(sparse, &error) == ELANUS_OK);
  ::unlink(path.c_str());
}

// Damages bytes, and every other time mends the checksums afterwards.
static void damaged_files() {
  constexpr uint32_t count = 300;
  std::mt19937 random(9);
  elanus_error error;
  elanus_sparse sparse = 0;
  uint64_t held = 0;
  CHECK(elanus_sparse_create(&sparse, 0, &error) == ELANUS_OK);
  Entries rows;
  for (uint32_t i = 0; i < count; ++i) {
    auto row = random_row(random, 12, 30);
    row[1] = (float)i;
    rows.add(row);
  }
  CHECK(elanus_sparse_append(sparse, rows.offsets.data(), rows.offsets.size(), rows.bytes.data(), rows.bytes.size(), &held, &error) == ELANUS_OK);
  const std::string path = folder + "/damaged.postings";
  const elanus_postings_build build = {sparse, count};
  CHECK(elanus_postings_build_wait(&build, path.c_str(), &error) == ELANUS_OK);
  const std::string whole = contents(path);
  int opened = 0, refused = 0;
  for (int round = 0; round < 3000; ++round) {
    std::string bytes = whole;
    for (uint32_t i = 0; i <= random() % 3; ++i) {
      const size_t from = random() % 2 ? 0 : 4096 * (1 + random() % 3);
      const size_t at = from + random() % (from ? std::min<size_t>(600, bytes.size() - from) : 440);
      damage(bytes[at], random);
    }
    if (random() % 16 == 0) bytes.resize(random() % bytes.size());
    if (random() % 2) mend_checksums(bytes, {16, 0, 3});
    std::ofstream(path, std::ios::binary | std::ios::trunc) << bytes;
    elanus_index index = 0;
    const int status = elanus_index_open_wait(path.c_str(), sparse, next_way(), &index, &error);
    CHECK(status == ELANUS_OK || status == ELANUS_FILE);
    if (status != ELANUS_OK) {
      ++refused;
      CHECK(std::strstr(error.text, "damaged.postings"));
      continue;
    }
    ++opened;
    Request request(sparse, count, rows, 5);
    request.plan.offset_count = 4;
    request.plan.postings = index, request.plan.bound_ratio = 1, request.plan.algorithm = (uint32_t)round % 3;
    CHECK(elanus_sparse_search_wait(&request.plan, &error) == ELANUS_OK);
    CHECK(elanus_index_close(index, &error) == ELANUS_OK);
  }
  CHECK(opened > 30 && refused > 1000);
  if (opened <= 30 || refused <= 1000) std::fprintf(stderr, "  %d opened, %d refused\n", opened, refused);
  // Other rows than its own.
  std::ofstream(path, std::ios::binary | std::ios::trunc) << whole;
  elanus_sparse other = 0;
  elanus_index index = 0;
  CHECK(elanus_sparse_create(&other, 1, &error) == ELANUS_OK);
  CHECK(elanus_index_open_wait(path.c_str(), other, ELANUS_READ, &index, &error) == ELANUS_FILE);
  rows.bytes[4] ^= 1;
  CHECK(elanus_sparse_append(other, rows.offsets.data(), rows.offsets.size(), rows.bytes.data(), rows.bytes.size(), &held, &error) == ELANUS_OK);
  CHECK(elanus_index_open_wait(path.c_str(), other, ELANUS_READ, &index, &error) == ELANUS_FILE);
  CHECK(elanus_rows_close(other, &error) == ELANUS_OK);
  CHECK(elanus_rows_close(sparse, &error) == ELANUS_OK);
  ::unlink(path.c_str());
}

// The lists that grow are given up, and packed ones opened and closed, while searches go through either.
static void lists_that_go() {
  constexpr uint32_t count = 4000;
  elanus_error error;
  std::mt19937 random(17);
  Entries rows, queries;
  for (uint32_t i = 0; i < count; ++i) rows.add(random_row(random, 10, 300));
  for (int q = 0; q < 4; ++q) queries.add(random_row(random, 20, 300));
  for (int round = 0; round < 5; ++round) {
    elanus_sparse sparse = 0;
    uint64_t held = 0;
    CHECK(elanus_sparse_create(&sparse, 1, &error) == ELANUS_OK);
    CHECK(elanus_sparse_append(sparse, rows.offsets.data(), rows.offsets.size(), rows.bytes.data(), rows.bytes.size(), &held, &error) == ELANUS_OK);
    Request expected(sparse, count, queries, 10);
    CHECK(elanus_sparse_search_wait(&expected.plan, &error) == ELANUS_OK);
    const std::string path = folder + "/going.postings";
    const elanus_postings_build build = {sparse, count};
    CHECK(elanus_postings_build_wait(&build, path.c_str(), &error) == ELANUS_OK);
    std::atomic<bool> stop = false;
    std::atomic<int> searched = 0;
    std::vector<std::thread> threads;
    for (int t = 0; t < 2; ++t)
      threads.emplace_back([&, t] {
        elanus_error own;
        while (!stop) {
          Request request(sparse, count, queries, 10);
          elanus_index index = 0;
          if (t) {
            CHECK(elanus_index_open_wait(path.c_str(), sparse, next_way(), &index, &own) == ELANUS_OK);
            request.plan.postings = index, request.plan.bound_ratio = 1, request.plan.algorithm = (uint32_t)searched % 3;
          }
          End end;
          elanus_job* job = nullptr;
          CHECK(elanus_sparse_search_start(&request.plan, End::call, &end, &job, &own) == ELANUS_OK);
          if (t) CHECK(elanus_index_close(index, &own) == ELANUS_OK);   // the search outlives its handle
          CHECK(end.wait() == ELANUS_OK && request.rows == expected.rows && request.tied == expected.tied);
          elanus_job_release(job);
          ++searched;
        }
      });
    while (searched < 6) std::this_thread::yield();
    CHECK(elanus_sparse_drop_lists(sparse, &error) == ELANUS_OK);
    uint64_t counted, pairs, memory;
    CHECK(elanus_sparse_describe(sparse, &counted, &pairs, &memory, &error) == ELANUS_OK && counted == count);
    for (const int before = searched; searched < before + 6;) std::this_thread::yield();
    stop = true;
    for (auto& thread : threads) thread.join();
    CHECK(elanus_sparse_append(sparse, rows.offsets.data(), 3, rows.bytes.data(), rows.bytes.size(), &held, &error) == ELANUS_OK && held == count + 2);
    CHECK(elanus_rows_close(sparse, &error) == ELANUS_OK);
    ::unlink(path.c_str());
  }
}

int main() {
  elanus_error error;
  char made[] = "/tmp/elanus-sparse-XXXXXX";
  folder = mkdtemp(made);
  packed_lists();
  damaged_files();
  against_obvious_code();
  nonsense();
  elanus_set_threads(4, &error);
  beside_a_writer();
  lists_that_go();
  CHECK(elanus_open_handles() == 0);
  ::rmdir(folder.c_str());
  std::printf("sparse: %d checks, %d failures\n", checks.load(), failures.load());
  return failures.load() != 0;
}
