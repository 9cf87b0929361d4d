// Inverted lists behind the C ABI, without Node: recall of every kind of codes, equality with exact search where all lists are scanned,
// every element, filters, ranges, the same file whatever the machine does, damaged files, degenerate rows, nonsense, cancellation, threads.
#include "../include/elanus_lists.h"
#include <unistd.h>
#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <random>
#include <set>
#include <string>
#include <thread>
#include <vector>
#include "asked.h"
#include "check.h"
#include "files.h"

static std::string folder;
static const uint32_t all_codes[] = {ELANUS_CODES_NONE, ELANUS_CODES_BYTE, ELANUS_CODES_BOOK, ELANUS_CODES_NIBBLE, ELANUS_CODES_SIGN};

struct Built : BuiltIndex {
  Built(const std::vector<float>& values, uint32_t dimension, uint32_t metric, uint32_t lists, uint32_t codes, uint32_t element = ELANUS_FLOAT32, uint32_t subspaces = 0, uint32_t bits = 8)
      : BuiltIndex(folder + "/a.index", entries_of(element, values), element, dimension, metric, [&](const BuiltIndex& own, elanus_error* error) {
          const elanus_lists_build plan = {own.rows, own.count, metric, lists, codes, subspaces ? subspaces : std::max(1u, dimension / 2), bits, 7};
          return elanus_lists_build_wait(&plan, own.path.c_str(), error);
        }) {}
};

struct Asked : AskedIndex {
  Asked(const Built& built, const std::vector<float>& values, uint32_t k, uint32_t probes, uint32_t reorder = 0, const std::vector<uint8_t>* allowed = nullptr)
      : AskedIndex(built, entries_of(built.element, values), k, allowed) {
    plan.probes = probes, plan.reorder = reorder;
  }
};

static void at_least(double recall, double wanted, const char* what, uint32_t codes, uint32_t metric, double share) {
  CHECK(recall >= wanted);
  if (recall < wanted) std::fprintf(stderr, "  recall %.4f, wanted %.3f: %s, codes %u, metric %u, share %g\n", recall, wanted, what, codes, metric, share);
}

// The table of what each kind of codes must find: 10 of 20,000 rows of 48 dimensions, 16 of 128 lists.
static void recall_everywhere() {
  const struct {
    uint32_t codes, reorder;
    double wanted;
  } table[] = {{ELANUS_CODES_NONE, 0, 0.98},   {ELANUS_CODES_BYTE, 0, 0.93},     {ELANUS_CODES_BYTE, 60, 0.98}, {ELANUS_CODES_BOOK, 0, 0.75},  {ELANUS_CODES_BOOK, 100, 0.98},
               {ELANUS_CODES_NIBBLE, 0, 0.48}, {ELANUS_CODES_NIBBLE, 100, 0.97}, {ELANUS_CODES_SIGN, 0, 0.4},   {ELANUS_CODES_SIGN, 300, 0.97}};
  const size_t rows = slow ? 2000 : 20000;
  constexpr uint32_t dimension = 48;
  const std::vector<float> values = clustered(rows, dimension, 1), queries = clustered(60, dimension, 2);
  for (const uint32_t metric : {ELANUS_L2, ELANUS_IP, ELANUS_COSINE})
    for (const uint32_t codes : all_codes) {
      const Built built(values, dimension, metric, slow ? 24 : 128, codes);
      std::mt19937 random(3);
      for (const auto& line : table) {
        if (line.codes != codes) continue;
        const bool exact = codes == ELANUS_CODES_NONE || line.reorder;
        // Under a filter the nearest rows are farther, and codes tell them apart more easily.
        at_least(Asked(built, queries, 10, 16, line.reorder).recall(exact), line.wanted, "no filter", codes, metric, 1);
        for (const double share : {0.7, 0.3, 0.1, 0.01, 0.001, 0.0}) {
          const std::vector<uint8_t> allowed = chosen(random, rows, share);
          at_least(Asked(built, queries, 10, 16, line.reorder, &allowed).recall(exact), line.wanted, "at random", codes, metric, share);
        }
        // Against a filter too, and more probes find no less.
        if (codes != ELANUS_CODES_NONE) continue;
        for (int q = 0; q < 8; ++q) {   // the nearest half is barred
          const std::vector<float> query(queries.begin() + q * dimension, queries.begin() + (q + 1) * dimension);
          Asked all(built, query, (uint32_t)std::min<size_t>(ELANUS_MAX_K, rows / 2), 1);
          CHECK(elanus_search_wait(&all.exact, nullptr) == ELANUS_OK);
          std::vector<uint8_t> allowed((rows + 63) / 64 * 8, 255);
          for (const uint32_t row : all.exact_rows) allowed[row / 8] &= (uint8_t)~(1 << (row % 8));
          at_least(Asked(built, query, 10, slow ? 24 : 64, 0, &allowed).recall(true), 0.98, "against", codes, metric, 0.5);
        }
        double before = 0;
        for (const uint32_t probes : {1u, 2u, 4u, 8u, 32u, 128u}) {
          Asked asked(built, queries, 10, probes);
          const double now = asked.recall(true);
          CHECK(now >= before && asked.work[5] >= std::min(probes, slow ? 24u : 128u) * 60.0);
          before = now;
        }
        CHECK(before == 1);
      }
    }
}

// Where all lists are scanned and raw values score, hits are those of an exact search, bit by bit: ranks, ties, ranges and all.
static void all_lists() {
  for (const uint32_t element : {ELANUS_FLOAT32, ELANUS_FLOAT16, ELANUS_BFLOAT16, ELANUS_INT8, ELANUS_BINARY})
    for (const uint32_t metric : {ELANUS_L2, ELANUS_IP, ELANUS_COSINE, ELANUS_HAMMING, ELANUS_JACCARD}) {
      if ((element == ELANUS_BINARY) != (metric >= ELANUS_HAMMING)) continue;
      constexpr uint32_t dimension = 40, rows = 900;
      std::vector<float> values = clustered(rows, dimension, 4), queries = clustered(12, dimension, 5);
      for (uint32_t i = 0; i < 60; ++i) std::fill_n(values.begin() + i * 7 * dimension, dimension, 0.f);          // without direction
      for (uint32_t i = 0; i < 60; ++i) std::copy_n(values.begin() + 5 * dimension, dimension, values.begin() + (i * 11 + 2) * dimension);   // equal
      std::fill_n(queries.begin(), dimension, 0.f);
      std::copy_n(values.begin() + 5 * dimension, dimension, queries.begin() + dimension);
      std::mt19937 random(6);
      std::vector<uint32_t> rank(rows);
      for (uint32_t& r : rank) r = (uint32_t)random() % 50;
      for (const uint32_t codes : all_codes) {
        if (element == ELANUS_BINARY && codes != ELANUS_CODES_NONE) continue;
        const Built built(values, dimension, metric, 30, codes, element, 20, 6);
        const std::vector<uint8_t> half = chosen(random, rows, 0.5), few = chosen(random, rows, 0.02);
        for (const std::vector<uint8_t>* allowed : {(const std::vector<uint8_t>*)nullptr, &half, &few})
          for (const uint32_t k : {1u, 10u, 70u, 900u}) {
            const uint32_t reorder = codes == ELANUS_CODES_NONE ? 0 : rows;
            Asked asked(built, queries, k, 65536, reorder, allowed);
            CHECK(asked.same());
            asked.plan.rank = rank.data(), asked.plan.rank_count = rows;
            CHECK(asked.same());
            CHECK(asked.run());
            const float low = asked.exact_scores[3 * k + k / 4], high = asked.exact_scores[3 * k + k / 2];
            if (std::isnan(low) || std::isnan(high)) continue;
            asked.plan.has_outer = 1, asked.plan.outer = high;
            CHECK(asked.same());
            asked.plan.has_inner = 1, asked.plan.inner = low;
            CHECK(asked.same());
            Asked one(built, queries, k, 1, reorder, allowed);   // an inner bound looks at all
            one.plan.has_outer = one.plan.has_inner = 1, one.plan.outer = high, one.plan.inner = low;
            CHECK(one.same());
          }
      }
      const Built built(values, dimension, metric, 30, ELANUS_CODES_NONE, element);
      // Few probes, and fewer rows than k in them: more lists are scanned.
      Asked many(built, queries, 700, 1);
      CHECK(many.run());
      for (const uint32_t row : many.rows) CHECK(row != ELANUS_NO_ROW);
      elanus_lists_description d;
      CHECK(elanus_lists_describe(built.index, &d, nullptr) == ELANUS_OK);
      const bool directed = metric == ELANUS_COSINE || metric == ELANUS_JACCARD;
      CHECK(d.lists == 30 && d.row_count == rows && d.element == element && (d.loose_row_count > 40) == directed && d.code_bytes <= 64 && d.longest_list >= d.shortest_list);
    }
}

static void ranges() {
  constexpr uint32_t dimension = 24;
  const size_t rows = slow ? 2000 : 8000;
  const std::vector<float> values = clustered(rows, dimension, 4), queries = clustered(20, dimension, 5);
  for (const uint32_t metric : {ELANUS_L2, ELANUS_IP, ELANUS_COSINE}) {
    const Built built(values, dimension, metric, 64, ELANUS_CODES_NONE);
    double sum = 0;
    for (int q = 0; q < 20; ++q) {
      const std::vector<float> query(queries.begin() + q * dimension, queries.begin() + (q + 1) * dimension);
      Asked ranks(built, query, 400, 4);
      CHECK(elanus_search_wait(&ranks.exact, nullptr) == ELANUS_OK);
      for (const uint32_t outer : {5u, 50u, 300u}) {
        Asked asked(built, query, 300, 4);
        asked.plan.has_outer = 1, asked.plan.outer = ranks.exact_scores[outer];
        sum += asked.recall(true) / 60;
      }
    }
    at_least(sum, 0.93, "within a range", ELANUS_CODES_NONE, metric, 1);
  }
}

static void same_file() {
  const uint32_t before = elanus_threads();
  for (const uint32_t metric : {ELANUS_L2, ELANUS_IP, ELANUS_COSINE, ELANUS_HAMMING, ELANUS_JACCARD})
    for (const uint32_t codes : all_codes)
      for (const uint32_t dimension : {8u, 104u}) {
        if (metric >= ELANUS_HAMMING && codes != ELANUS_CODES_NONE) continue;
        const std::vector<float> values = clustered(slow ? 200 : 2500, dimension, 6);
        std::string first;
        for (const char* set : {"avx512", "avx2", "neon", "portable"}) {
          if (elanus_use_instruction_set(set, nullptr) != ELANUS_OK) continue;
          for (const uint32_t threads : {1u, 3u}) {
            if (threads != 1 && std::strcmp(set, "portable")) continue;
            CHECK(elanus_set_threads(threads, nullptr) == ELANUS_OK);
            const Built built(values, dimension, metric, 50, codes, metric >= ELANUS_HAMMING ? ELANUS_BINARY : ELANUS_FLOAT32, 0, 5);
            const std::string now = contents(built.path);
            CHECK(!now.empty() && (first.empty() || first == now));
            if (first.empty()) first = now;
          }
        }
      }
  // Scores of codes are the same bits on every instruction set for a sum of bytes; of tables nearly.
  CHECK(elanus_set_threads(before, nullptr) == ELANUS_OK);
  for (const char* set : {"portable", "avx2", "avx512", "neon"}) elanus_use_instruction_set(set, nullptr);
}

// Damages bytes, and every other time mends the checksums afterwards.
static void damaged_files() {
  constexpr uint32_t dimension = 5, rows = 60;
  const std::vector<float> values = clustered(rows, dimension, 8);
  for (const uint32_t codes : all_codes) {
    const Built built(values, dimension, ELANUS_COSINE, 4, codes, ELANUS_FLOAT32, 3, 4);
    open_damaged(built, {8, 72, 300}, slow ? 1500 : 2000, 30, 500, [&](elanus_index index) {
      const std::vector<uint8_t> allowed(8, 0x35);
      for (int way = 0; way < 4; ++way) {
        Asked asked(built, {values.begin(), values.begin() + 3 * dimension}, 5, way < 2 ? 2 : 60, way % 2 ? 20 : 0, way == 3 ? &allowed : nullptr);
        ask_damaged(asked, index, rows);
      }
      elanus_lists_description description;
      CHECK(elanus_lists_describe(index, &description, nullptr) == ELANUS_OK);
    });
    elanus_rows others = 0;
    uint64_t count;
    elanus_index index = 0;
    std::vector<float> other = values;
    other[0] += 1;
    CHECK(elanus_rows_create(ELANUS_FLOAT32, dimension, &others, nullptr) == ELANUS_OK);
    CHECK(elanus_index_open_wait(built.path.c_str(), others, ELANUS_READ, &index, nullptr) == ELANUS_FILE);
    CHECK(elanus_rows_append(others, other.data(), other.size(), &count, nullptr) == ELANUS_OK);
    CHECK(elanus_index_open_wait(built.path.c_str(), others, ELANUS_READ, &index, nullptr) == ELANUS_FILE);
    CHECK(elanus_rows_close(others, nullptr) == ELANUS_OK);
  }
}

static void degenerate() {
  for (const uint32_t metric : {ELANUS_L2, ELANUS_IP, ELANUS_COSINE})
    for (const uint32_t codes : all_codes) {
      const uint32_t reorder = codes == ELANUS_CODES_NONE ? 0 : ELANUS_MAX_K;
      for (const size_t rows : {0, 1, 2, 5, 33}) {
        const Built built(clustered(rows, 20, 1), 20, metric, 16, codes);
        CHECK(Asked(built, clustered(4, 20, 2), 10, 16, reorder).same());
        CHECK(Asked(built, clustered(4, 20, 2), 400, 1, reorder).same());
        CHECK(Asked(built, {}, 3, 10).same());
        Asked by_codes(built, clustered(4, 20, 2), 10, 1);
        CHECK(by_codes.run());
      }
      {   // equal rows with a few others among them, and zeros
        std::vector<float> values(900 * 16, 1.f);
        const std::vector<float> others = clustered(900, 16, 3);
        for (int i = 0; i < 900; ++i)
          if (i % 30 == 7) std::copy_n(others.begin() + i * 16, 16, values.begin() + i * 16);
          else if (i % 3 == 1) std::fill_n(values.begin() + i * 16, 16, 0.f);
        const Built built(values, 16, metric, 64, codes);
        CHECK(Asked(built, clustered(6, 16, 4), 50, 64, reorder).same());
        const Built zeros(std::vector<float>(100 * 3), 3, metric, 8, codes);
        CHECK(Asked(zeros, {0, 0, 0, 1, 2, 3}, 10, 8, reorder).same());
      }
      for (const uint32_t dimension : {1u, 2u, 3u, 64u, 1000u, 32768u}) {
        if (dimension == 32768 && (slow || codes == ELANUS_CODES_NIBBLE)) continue;
        if (dimension == 1000 && slow) continue;
        const size_t rows = dimension > 10000 ? 20 : dimension > 500 ? 200 : 2000;
        const Built built(clustered(rows, dimension, 5), dimension, metric, 10, codes, ELANUS_FLOAT32, std::max(1u, dimension / 8), 3);
        CHECK(Asked(built, clustered(5, dimension, 6), 10, 10, reorder).same());
      }
      for (const uint32_t bits : {1u, 4u, 7u, 11u, 12u}) {
        if (codes != ELANUS_CODES_BOOK) continue;
        const Built built(clustered(1200, 12, 7), 12, metric, 10, codes, ELANUS_FLOAT32, 5, bits);
        CHECK(Asked(built, clustered(5, 12, 8), 10, 10).recall(false) >= (bits == 1 ? 0.05 : 0.3));
      }
      const Built built(clustered(2000, 12, 9), 12, metric, 20, codes);
      for (const uint32_t query_bits : {1u, 4u, 8u}) {
        Asked asked(built, clustered(8, 12, 10), 10, 20, 0);
        asked.plan.query_bits = query_bits;
        CHECK(asked.recall(codes == ELANUS_CODES_NONE) >= (codes == ELANUS_CODES_SIGN ? 0.05 : 0.3));
      }
      for (const float scale : {50.f, 1e10f, 1e19f, 1e38f, 1e-20f, 1e-42f, INFINITY, NAN}) {
        std::vector<float> odd = clustered(8, 12, 10);
        for (float& x : odd) x *= scale;
        for (const uint32_t again : {0u, 50u}) {
          Asked asked(built, odd, 10, 4, again);
          CHECK(elanus_index_search_wait(&asked.plan, nullptr) == ELANUS_OK);
        }
      }
      const Built tiny({1e-42f, 2e-42f, 3e-42f, 1e-41f}, 1, metric, 4, codes), huge({1e38f, -3e38f, 3e38f, 2e38f}, 1, metric, 4, codes);
      for (const Built* odd : {&tiny, &huge}) {
        Asked asked(*odd, {0, 1e-42f, 3e38f}, 4, 4);
        CHECK(elanus_index_search_wait(&asked.plan, nullptr) == ELANUS_OK);
      }
    }
}

static void nonsense() {
  const std::vector<float> values = clustered(200, 8, 1);
  std::mt19937_64 random(3);
  elanus_error error;
  auto strange = [&]() -> uint64_t {
    const uint64_t some[] = {0, 1, 2, 7, 8, 63, 64, 65, 127, 1024, 0x7fffffff, 0x80000000, 0xffffffff, 1ull << 52, ~0ull, random()};
    return some[random() % std::size(some)];
  };
  const std::vector<uint8_t> allowed(32, 0xa5);
  const std::vector<uint32_t> rank(200);
  for (const uint32_t codes : all_codes) {
    const Built built(values, 8, ELANUS_L2, 10, codes);
    for (int i = 0; i < (slow ? 400 : 4000); ++i) {
      Asked a(built, {values.begin(), values.begin() + 16}, 4, 20, i % 2 ? 10 : 0, &allowed);
      a.plan.rank = rank.data(), a.plan.rank_count = 200;
      const uint64_t x = strange();
      switch (random() % 12) {   // only ever shorter than the truth where memory follows
        case 0: a.plan.index = x == built.index ? 0 : x; break;
        case 1: a.plan.query_value_count = std::min<uint64_t>(x, 16); break;
        case 2: a.plan.k = (uint32_t)x; break;
        case 3: a.plan.probes = (uint32_t)x; break;
        case 4: a.plan.reorder = (uint32_t)x; break;
        case 5: a.plan.query_bits = (uint32_t)x; break;
        case 6: a.plan.has_outer = (int)x, std::memcpy(&a.plan.outer, &x, 4); break;
        case 7: a.plan.has_inner = (int)x, std::memcpy(&a.plan.inner, &x, 4); break;
        case 8: a.plan.allowed_bytes = std::min<uint64_t>(x, 32); break;
        case 9: a.plan.time_limit_microseconds = x; break;
        case 10: a.plan.hit_rows = nullptr; break;
        case 11: a.plan.work_count = std::min<uint64_t>(x, ELANUS_INDEX_WORK); break;
      }
      const int status = elanus_index_search_wait(&a.plan, &error);
      CHECK(status == ELANUS_OK || status == ELANUS_INVALID || status == ELANUS_STALE || status == ELANUS_LATE);
    }
    elanus_index_description graph;
    CHECK(elanus_index_describe(built.index, &graph, &error) == ELANUS_INVALID);
  }
  const Built built(values, 8, ELANUS_L2, 10, ELANUS_CODES_BOOK), binary(values, 8, ELANUS_HAMMING, 10, ELANUS_CODES_NONE, ELANUS_BINARY);
  const elanus_lists_build plan = {built.rows, 200, ELANUS_L2, 10, ELANUS_CODES_BOOK, 4, 8, 0};
  const std::string path = folder + "/n.index";
  auto refused = [&](auto change) {
    elanus_lists_build changed = plan;
    change(changed);
    return elanus_lists_build_wait(&changed, path.c_str(), &error);
  };
  CHECK(refused([](auto& p) { p.rows = 0; }) == ELANUS_STALE);
  CHECK(refused([](auto& p) { p.row_count = 201; }) == ELANUS_INVALID);
  for (const uint32_t metric : {3u, 4u, 5u, 77u}) CHECK(refused([&](auto& p) { p.metric = metric; }) == ELANUS_INVALID);
  for (const uint32_t lists : {0u, 65537u, ~0u}) CHECK(refused([&](auto& p) { p.lists = lists; }) == ELANUS_INVALID);
  for (const uint32_t subspaces : {0u, 9u, ~0u}) CHECK(refused([&](auto& p) { p.subspaces = subspaces; }) == ELANUS_INVALID);
  for (const uint32_t bits : {0u, 13u, ~0u}) CHECK(refused([&](auto& p) { p.bits = bits; }) == ELANUS_INVALID);
  CHECK(refused([](auto& p) { p.codes = 5; }) == ELANUS_INVALID);
  CHECK(refused([&](auto& p) { p.rows = binary.rows; }) == ELANUS_INVALID);
  CHECK(refused([&](auto& p) { p.rows = binary.rows, p.metric = ELANUS_HAMMING; }) == ELANUS_INVALID);
  CHECK(elanus_lists_build_wait(&plan, "", &error) == ELANUS_INVALID);
  CHECK(elanus_lists_build_wait(nullptr, "x", &error) == ELANUS_INVALID);
  CHECK(elanus_lists_build_wait(&plan, "/nowhere/at/all", &error) == ELANUS_FILE);
  CHECK(elanus_lists_describe(built.rows, nullptr, &error) == ELANUS_INVALID);
  elanus_rows bad = 0;
  uint64_t count;
  std::vector<float> holed = values;
  holed[77 * 8 + 3] = NAN;
  CHECK(elanus_rows_create(ELANUS_FLOAT32, 8, &bad, nullptr) == ELANUS_OK && elanus_rows_append(bad, holed.data(), holed.size(), &count, nullptr) == ELANUS_OK);
  CHECK(refused([&](auto& p) { p.rows = bad; }) == ELANUS_INVALID && std::strstr(error.text, "row 77"));
  CHECK(elanus_rows_close(bad, nullptr) == ELANUS_OK);
  CHECK(::access(path.c_str(), F_OK) && ::access((path + ".part").c_str(), F_OK));
}

using Clock = std::chrono::steady_clock;

static void cancellation() {
  constexpr uint32_t dimension = 96;
  const size_t rows = slow ? 2000 : 20000;
  const std::vector<float> values = clustered(rows, dimension, 1);
  const Built built(values, dimension, ELANUS_L2, 64, ELANUS_CODES_NONE);
  const std::string path = folder + "/c.index";
  for (int i = 0; i < 6; ++i) {
    const elanus_lists_build plan = {built.rows, rows, ELANUS_L2, 256, i % 2 ? ELANUS_CODES_BOOK : ELANUS_CODES_SIGN, 48, 8, 1};
    End end;
    elanus_job* job = nullptr;
    CHECK(elanus_lists_build_start(&plan, path.c_str(), End::call, &end, &job, nullptr) == ELANUS_OK);
    double before = 0;
    while (elanus_job_progress(job) < 0.13 * i) {
      const double now = elanus_job_progress(job);
      CHECK(now >= before && now <= 1);
      before = now;
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    elanus_job_cancel(job);
    CHECK(end.wait() == ELANUS_CANCELLED);
    elanus_job_release(job);
    CHECK(::access(path.c_str(), F_OK) && ::access((path + ".part").c_str(), F_OK));
  }
  elanus_memory memory;
  elanus_memory_used(&memory);
  CHECK(memory.build_bytes == 0 && memory.index_bytes + memory.mapped_bytes > 0);
  Asked asked(built, clustered(2000, dimension, 2), 10, 64);
  for (int i = 0; i < 3; ++i) {
    End end;
    elanus_job* job = nullptr;
    CHECK(elanus_index_search_start(&asked.plan, End::call, &end, &job, nullptr) == ELANUS_OK);
    std::this_thread::sleep_for(std::chrono::milliseconds(5 * i));
    elanus_job_cancel(job);
    CHECK(end.wait() == ELANUS_CANCELLED);
    elanus_job_release(job);
  }
  asked.plan.time_limit_microseconds = 3000;
  elanus_error error = {};
  CHECK(elanus_index_search_wait(&asked.plan, &error) == ELANUS_LATE && std::strstr(error.text, "time limit"));
}

static void several_threads() {
  constexpr uint32_t dimension = 16;
  const std::vector<float> values = clustered(2000, dimension, 1), queries = clustered(40, dimension, 2);
  for (const uint32_t codes : {ELANUS_CODES_NONE, ELANUS_CODES_SIGN}) {
    const Built built(values, dimension, ELANUS_COSINE, 32, codes);
    Asked expected(built, queries, 5, 8, codes ? 40 : 0);
    CHECK(expected.recall(true) > 0.8);
    std::atomic<bool> stop = false;
    std::vector<std::thread> threads;
    for (int t = 0; t < 3; ++t)
      threads.emplace_back([&] {
        while (!stop) {
          elanus_index own = 0;
          CHECK(elanus_index_open_wait(built.path.c_str(), built.rows, ELANUS_READ, &own, nullptr) == ELANUS_OK);
          Asked a(built, queries, 5, 8, codes ? 40 : 0);
          a.plan.index = own;
          End end;
          elanus_job* job = nullptr;
          CHECK(elanus_index_search_start(&a.plan, End::call, &end, &job, nullptr) == ELANUS_OK);
          CHECK(elanus_index_close(own, nullptr) == ELANUS_OK);
          elanus_job_release(job);
          CHECK(end.wait() == ELANUS_OK && a.rows == expected.rows && a.scores == expected.scores);
        }
      });
    const std::string whole = contents(built.path), path = folder + "/again.index";
    for (uint32_t i = 0; i < (slow ? 2 : 6); ++i) {
      CHECK(elanus_set_threads(i % 4 + 1, nullptr) == ELANUS_OK);
      const elanus_lists_build plan = {built.rows, 2000, ELANUS_COSINE, 32, codes, 8, 8, 7};
      CHECK(elanus_lists_build_wait(&plan, path.c_str(), nullptr) == ELANUS_OK);
      CHECK(contents(path) == whole);
    }
    stop = true;
    for (auto& t : threads) t.join();
    ::unlink(path.c_str());
  }
  CHECK(elanus_set_threads(2, nullptr) == ELANUS_OK);
}

int main() {
  char name[] = "/tmp/elanus-verify-XXXXXX";
  folder = mkdtemp(name);
  const auto start = Clock::now();
  const struct {
    const char* name;
    void (*run)();
  } parts[] = {{"all lists", all_lists}, {"degenerate rows", degenerate}, {"nonsense", nonsense},         {"damaged files", damaged_files}, {"the same file", same_file},
               {"ranges", ranges},       {"cancellation", cancellation},  {"several threads", several_threads}, {"recall", recall_everywhere}};
  for (const auto& part : parts) {
    part.run();
    std::printf("%-16s %6.1f s\n", part.name, std::chrono::duration<double>(Clock::now() - start).count());
    std::fflush(stdout);
  }
  elanus_memory memory;
  elanus_memory_used(&memory);
  CHECK(elanus_open_handles() == 0 && memory.index_bytes == 0 && memory.mapped_bytes == 0 && memory.build_bytes == 0 && memory.search_bytes == 0);
  ::rmdir(folder.c_str());
  std::printf("lists: %d checks, %d failures\n", checks.load(), failures.load());
  return failures ? 1 : 0;
}
