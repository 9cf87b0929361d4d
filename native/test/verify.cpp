// The C ABI without Node: against obvious code, with every instruction set, with arguments nobody should give, and from several
// threads at once. Made to run under AddressSanitizer, UndefinedBehaviorSanitizer and ThreadSanitizer (scripts/check-native.mjs).
#include <unistd.h>
#include <algorithm>
#include <atomic>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <random>
#include <string>
#include <thread>
#include <tuple>
#include <vector>
#include "check.h"

using Clock = std::chrono::steady_clock;
static double milliseconds_since(Clock::time_point start) { return std::chrono::duration<double, std::milli>(Clock::now() - start).count(); }

// A search with room for its hits.
struct Request {
  elanus_search plan = {};
  std::vector<float> queries, scores;
  std::vector<uint32_t> rows;
  std::vector<uint8_t> tied;

  Request(elanus_rows handle, uint64_t row_count, std::vector<float> asked, uint32_t dimension, uint32_t metric, uint32_t k) : queries(std::move(asked)) {
    const size_t count = queries.size() / dimension;
    rows.resize(count * k);
    scores.resize(count * k);
    tied.resize(count);
    plan.rows = handle;
    plan.row_count = row_count;
    plan.queries = queries.data();
    plan.query_value_count = queries.size();
    plan.metric = metric;
    plan.k = k;
    plan.hit_rows = rows.data();
    plan.hit_row_count = rows.size();
    plan.hit_scores = scores.data();
    plan.hit_score_count = scores.size();
    plan.tied = tied.data();
    plan.tied_count = tied.size();
  }
  Request(const Request&) = delete;
};

static float score_of(uint32_t metric, const float* q, const float* x, uint32_t dimension) {
  double dot = 0, distance = 0, qq = 0, xx = 0;
  for (uint32_t i = 0; i < dimension; ++i) {
    dot += (double)q[i] * x[i];
    distance += ((double)q[i] - x[i]) * ((double)q[i] - x[i]);
    qq += (double)q[i] * q[i];
    xx += (double)x[i] * x[i];
  }
  if (metric == ELANUS_L2) return (float)distance;
  if (metric == ELANUS_IP) return (float)dot;
  const float lengths = std::sqrt((float)qq) * std::sqrt((float)xx);
  return lengths == 0 ? 0 : std::clamp((float)dot / lengths, -1.f, 1.f);
}

static std::vector<float> integers(std::mt19937& random, size_t count) {
  std::vector<float> values(count);
  for (float& v : values) v = (float)(int)(random() % 15) - 7;
  return values;
}

static void against_obvious_code(const char* set) {
  elanus_error error;
  if (elanus_use_instruction_set(set, &error) != ELANUS_OK) return;
  std::mt19937 random(7);
  for (int round = 0; round < 200; ++round) {
    const uint32_t dimension = round < 70 ? round + 1 : (uint32_t[]){96, 384, 769}[round % 3];
    const uint64_t count = random() % 400, seen = count ? random() % (count + 1) : 0;
    const uint32_t k = (uint32_t[]){1, 3, 10, 500}[random() % 4], metric = random() % 3;
    const size_t queries = (size_t[]){1, 2, 3, 4, 7, 70}[random() % 6];
    const std::vector<float> values = integers(random, count * dimension);
    elanus_rows rows = 0;
    uint64_t grown = 0;
    CHECK(elanus_rows_create(ELANUS_FLOAT32, dimension, &rows, &error) == ELANUS_OK);
    for (uint64_t at = 0; at < count;) {
      const uint64_t some = std::min(count - at, (uint64_t)(random() % 50 + 1));
      CHECK(elanus_rows_append(rows, values.data() + at * dimension, some * dimension, &grown, &error) == ELANUS_OK);
      at += some;
    }
    Request r(rows, seen, integers(random, queries * dimension), dimension, metric, k);
    std::vector<uint32_t> rank(seen);
    for (uint32_t& x : rank) x = random() % 4;
    std::vector<uint8_t> allowed((seen + 63) / 64 * 8);
    for (uint8_t& x : allowed) x = (uint8_t)random();   // bits past the last row too: they must not count
    if (random() % 2) r.plan.rank = rank.data(), r.plan.rank_count = seen;
    if (random() % 2) r.plan.allowed = allowed.data(), r.plan.allowed_bytes = allowed.size();
    if (random() % 2) {
      r.plan.has_outer = 1;
      r.plan.outer = metric == ELANUS_L2 ? (float)(random() % (30 * dimension)) : -0.1f;
      r.plan.has_inner = random() % 2;
      r.plan.inner = metric == ELANUS_L2 ? (float)(random() % (10 * dimension)) : 0.9f;
    }
    if (!seen) r.plan.allowed = nullptr, r.plan.rank = nullptr;
    CHECK(elanus_search_wait(&r.plan, &error) == ELANUS_OK);
    for (size_t q = 0; q < queries; ++q) {
      std::vector<std::tuple<float, uint32_t, uint32_t>> all;
      for (uint32_t i = 0; i < seen; ++i) {
        if (r.plan.allowed && !(allowed[i / 8] >> (i % 8) & 1)) continue;
        const float s = score_of(metric, r.queries.data() + q * dimension, values.data() + (size_t)i * dimension, dimension);
        const bool l2 = metric == ELANUS_L2;
        if (r.plan.has_outer && !(l2 ? s < r.plan.outer : s > r.plan.outer)) continue;
        if (r.plan.has_inner && !(l2 ? s >= r.plan.inner : s <= r.plan.inner)) continue;
        all.emplace_back(l2 ? s : -s, r.plan.rank ? rank[i] : 0, i);
      }
      std::sort(all.begin(), all.end());
      bool same = true;
      for (uint32_t i = 0; i < k; ++i) {
        const bool there = i < all.size();
        const uint32_t row = r.rows[q * k + i];
        const float s = r.scores[q * k + i];
        same = same && (there ? row == std::get<2>(all[i]) && s == (metric == ELANUS_L2 ? std::get<0>(all[i]) : -std::get<0>(all[i])) : row == ELANUS_NO_ROW && std::isnan(s));
      }
      CHECK(same);
      CHECK(r.tied[q] == (all.size() > k && std::get<0>(all[k]) == std::get<0>(all[k - 1])));
    }
    CHECK(elanus_rows_close(rows, &error) == ELANUS_OK);
    CHECK(elanus_rows_close(rows, &error) == ELANUS_OK);
    CHECK(elanus_search_wait(&r.plan, &error) == ELANUS_STALE);
  }
}

static void mapped() {
  char path[] = "/tmp/elanus-verify-XXXXXX";
  const int file = mkstemp(path);
  std::vector<unsigned char> bytes(5003 + 3 * 7 * 4);
  std::vector<float> values(21);
  for (int i = 0; i < 21; ++i) values[i] = (float)i;
  std::memcpy(bytes.data() + 5003, values.data(), 84);
  CHECK(write(file, bytes.data(), bytes.size()) == (ssize_t)bytes.size());
  close(file);
  elanus_error error;
  elanus_rows rows = 0;
  CHECK(elanus_rows_map(path, 5003, 4, ELANUS_FLOAT32, 7, &rows, &error) == ELANUS_FILE);
  CHECK(elanus_rows_map(path, 5004, 3, ELANUS_FLOAT32, 7, &rows, &error) == ELANUS_FILE);
  CHECK(elanus_rows_map(path, ~0ull, 3, ELANUS_FLOAT32, 7, &rows, &error) == ELANUS_FILE);
  CHECK(elanus_rows_map(path, 0, 0xffffffffu, ELANUS_FLOAT32, 32768, &rows, &error) == ELANUS_FILE);
  CHECK(elanus_rows_map("/nowhere", 0, 0, ELANUS_FLOAT32, 7, &rows, &error) == ELANUS_FILE);
  CHECK(elanus_rows_map(path, 5003, 3, ELANUS_FLOAT32, 7, &rows, &error) == ELANUS_OK);   // misaligned on purpose
  for (uint32_t metric : {ELANUS_L2, ELANUS_IP, ELANUS_COSINE}) {
    Request r(rows, 3, std::vector<float>(values.begin() + 7, values.begin() + 14), 7, metric, 3);
    CHECK(elanus_search_wait(&r.plan, &error) == ELANUS_OK);
    if (metric == ELANUS_L2) CHECK(r.rows[0] == 1 && r.scores[0] == 0);
  }
  uint64_t sum = 0, words[11] = {}, expected = 0;
  std::memcpy(words, values.data(), 84);
  for (const uint64_t word : words) expected += word;
  CHECK(elanus_read_probe(rows, 3, &sum, &error) == ELANUS_OK && sum == expected);
  CHECK(elanus_rows_close(rows, &error) == ELANUS_OK);
  unlink(path);
}

// Whatever numbers come, a status comes back. Only pointers are believed.
static void nonsense() {
  std::mt19937_64 random(3);
  elanus_error error;
  elanus_rows rows = 0;
  uint64_t count;
  std::vector<float> values(1024, 1);
  CHECK(elanus_rows_create(ELANUS_FLOAT32, 0, &rows, &error) == ELANUS_INVALID);
  CHECK(elanus_rows_create(ELANUS_FLOAT32, 32769, &rows, &error) == ELANUS_INVALID);
  CHECK(elanus_rows_create(ELANUS_FLOAT32, 8, nullptr, nullptr) == ELANUS_INVALID);
  CHECK(elanus_rows_create(ELANUS_FLOAT32, 8, &rows, nullptr) == ELANUS_OK);
  CHECK(elanus_rows_append(rows, values.data(), 1024, &count, &error) == ELANUS_OK && count == 128);
  auto strange = [&]() -> uint64_t {
    const uint64_t some[] = {0, 1, 2, 7, 8, 63, 64, 65, 127, 128, 129, 1024, 0x7fffffff, 0x80000000, 0xffffffff, 1ull << 52, ~0ull, ~0ull - 7, random()};
    return some[random() % std::size(some)];
  };
  for (int i = 0; i < 100000; ++i) {
    Request r(rows, 128, std::vector<float>(16, 1), 8, 0, 4);
    uint8_t bits[16] = {255, 255};
    uint32_t rank[128] = {};
    r.plan.allowed = bits, r.plan.allowed_bytes = sizeof bits, r.plan.rank = rank, r.plan.rank_count = 128;
    const uint64_t x = strange();
    switch (random() % 14) {   // only ever shorter than the truth where memory follows
      case 0: r.plan.rows = x; break;
      case 1: r.plan.row_count = x; break;
      case 2: r.plan.query_value_count = std::min<uint64_t>(x, 16); break;
      case 3: r.plan.metric = (uint32_t)x; break;
      case 4: r.plan.k = (uint32_t)x; break;
      case 5: r.plan.allowed_bytes = std::min<uint64_t>(x, 16); break;
      case 6: r.plan.rank_count = std::min<uint64_t>(x, 128); break;
      case 7: r.plan.has_outer = (int)x, std::memcpy(&r.plan.outer, &x, 4); break;
      case 8: r.plan.has_inner = (int)x, std::memcpy(&r.plan.inner, &x, 4); break;
      case 9: r.plan.hit_row_count = std::min<uint64_t>(x, 8); break;
      case 10: r.plan.hit_score_count = std::min<uint64_t>(x, 8); break;
      case 11: r.plan.tied_count = std::min<uint64_t>(x, 2); break;
      case 12: r.plan.queries = nullptr; break;
      case 13: r.plan.hit_rows = nullptr; break;
    }
    const int status = elanus_search_wait(&r.plan, &error);
    CHECK(status == ELANUS_OK || status == ELANUS_INVALID || status == ELANUS_STALE);
    elanus_description description;
    const uint64_t handle = strange();
    if (handle != rows) {
      CHECK(elanus_rows_describe(handle, &description, &error) == ELANUS_STALE);
      elanus_rows_close(handle, &error);
    }
    uint32_t numbers[2] = {(uint32_t)strange(), (uint32_t)strange()};
    float out[16];
    const int gathered = elanus_rows_gather(rows, numbers, 2, out, std::min<uint64_t>(strange(), 16), &error);
    CHECK(gathered == ELANUS_OK || gathered == ELANUS_INVALID);
    CHECK(elanus_rows_append(rows, values.data(), strange() | 1, &count, &error) == ELANUS_INVALID);
  }
  uint64_t stamps[70] = {};
  uint8_t bits[16];
  CHECK(elanus_visible_rows(stamps, 70, nullptr, 0, 71, 1, bits, 16, &error) == ELANUS_INVALID);
  CHECK(elanus_visible_rows(stamps, 70, stamps, 69, 70, 1, bits, 16, &error) == ELANUS_INVALID);
  CHECK(elanus_visible_rows(stamps, 70, nullptr, 0, 70, 1, bits, 15, &error) == ELANUS_INVALID);
  CHECK(elanus_visible_rows(stamps, 70, nullptr, 0, 70, 1, bits, 16, &error) == ELANUS_OK && bits[8] == 63 && bits[15] == 0);
  CHECK(elanus_visible_rows(stamps, ~0ull, nullptr, 0, ~0ull, 1, bits, 16, &error) == ELANUS_INVALID);
  CHECK(elanus_search_start(nullptr, nullptr, nullptr, nullptr, nullptr) == ELANUS_INVALID);
  CHECK(elanus_use_instruction_set("abacus", &error) == ELANUS_INVALID);
  CHECK(elanus_set_threads(0, &error) == ELANUS_INVALID);
  CHECK(elanus_set_threads(~0u, &error) == ELANUS_INVALID);
  elanus_job_cancel(nullptr);
  elanus_job_release(nullptr);
  CHECK(elanus_rows_close(rows, &error) == ELANUS_OK);
}

static void several_threads() {
  elanus_error error;
  elanus_rows rows = 0;
  uint64_t count = 0;
  constexpr uint32_t dimension = 24;
  std::mt19937 seed(5);
  const std::vector<float> batch = integers(seed, 100 * dimension);
  CHECK(elanus_rows_create(ELANUS_FLOAT32, dimension, &rows, &error) == ELANUS_OK);
  CHECK(elanus_rows_append(rows, batch.data(), batch.size(), &count, &error) == ELANUS_OK);
  std::vector<std::thread> threads;
  std::atomic<bool> stop = false;
  threads.emplace_back([&] {
    uint64_t now;
    for (int i = 0; i < 300; ++i) CHECK(elanus_rows_append(rows, batch.data(), batch.size(), &now, nullptr) == ELANUS_OK);
    stop = true;
  });
  for (int t = 0; t < 3; ++t)
    threads.emplace_back([&, t] {
      std::mt19937 random(t);
      while (!stop) {
        elanus_description d;
        CHECK(elanus_rows_describe(rows, &d, nullptr) == ELANUS_OK);
        Request r(rows, d.row_count, integers(random, (random() % 6 + 1) * dimension), dimension, random() % 3, 7);
        End end;
        elanus_job* job = nullptr;
        CHECK(elanus_search_start(&r.plan, End::call, &end, &job, nullptr) == ELANUS_OK);
        const bool cancel = random() % 3 == 0;
        if (cancel) elanus_job_cancel(job);
        const int status = end.wait();
        CHECK(status == ELANUS_OK || (cancel && status == ELANUS_CANCELLED));
        elanus_job_cancel(job);
        elanus_job_release(job);
        CHECK(end.calls == 1);
      }
    });
  threads.emplace_back([&] {   // handles come and go; a search outlives its handle
    while (!stop) {
      elanus_rows own = 0;
      uint64_t n;
      CHECK(elanus_rows_create(ELANUS_FLOAT32, dimension, &own, nullptr) == ELANUS_OK);
      CHECK(elanus_rows_append(own, batch.data(), batch.size(), &n, nullptr) == ELANUS_OK);
      Request r(own, 100, std::vector<float>(batch.begin(), batch.begin() + dimension), dimension, ELANUS_L2, 1);
      End end;
      elanus_job* job = nullptr;
      CHECK(elanus_search_start(&r.plan, End::call, &end, &job, nullptr) == ELANUS_OK);
      CHECK(elanus_rows_close(own, nullptr) == ELANUS_OK);
      elanus_job_release(job);
      CHECK(end.wait() == ELANUS_OK && r.scores[0] == 0);
      int64_t index = 0;
      std::vector<float> values(9 << 20);
      values[8 << 20] = INFINITY;
      End found;
      CHECK(elanus_find_not_finite_start(ELANUS_FLOAT32, values.data(), values.size(), &index, End::call, &found, &job, nullptr) == ELANUS_OK);
      CHECK(found.wait() == ELANUS_OK && index == 8 << 20);
      elanus_job_release(job);
    }
  });
  threads.emplace_back([&] {
    for (uint32_t n = 1; !stop; n = n % 4 + 1) {
      CHECK(elanus_set_threads(n, nullptr) == ELANUS_OK);
      std::this_thread::sleep_for(std::chrono::milliseconds(2));
    }
  });
  for (auto& t : threads) t.join();
  CHECK(elanus_set_threads(2, nullptr) == ELANUS_OK);
  CHECK(elanus_rows_close(rows, &error) == ELANUS_OK);
}

static void cancellation() {
  constexpr uint32_t dimension = 512;
  elanus_rows rows = 0;
  uint64_t count = 0;
  CHECK(elanus_rows_create(ELANUS_FLOAT32, dimension, &rows, nullptr) == ELANUS_OK);
  const std::vector<float> batch(1000 * dimension, 1);
  for (int i = 0; i < 100; ++i) CHECK(elanus_rows_append(rows, batch.data(), batch.size(), &count, nullptr) == ELANUS_OK);
  Request r(rows, count, std::vector<float>(64 * dimension, 2), dimension, ELANUS_L2, 10), behind(rows, count, std::vector<float>(64 * dimension, 2), dimension, ELANUS_L2, 10);
  double best = 1e9;
  for (int round = 0; round < 5; ++round) {
    End first, second;
    elanus_job *one = nullptr, *two = nullptr;
    CHECK(elanus_search_start(&r.plan, End::call, &first, &one, nullptr) == ELANUS_OK);
    CHECK(elanus_search_start(&behind.plan, End::call, &second, &two, nullptr) == ELANUS_OK);
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
    const auto start = Clock::now();
    elanus_job_cancel(one);
    elanus_job_cancel(two);
    CHECK(first.wait() == ELANUS_CANCELLED);
    CHECK(second.wait() == ELANUS_CANCELLED);
    best = std::min(best, milliseconds_since(start));
    elanus_job_release(one);
    elanus_job_release(two);
  }
#if !defined(ELANUS_SLOW)   // emulated, a block takes ten times as long
  CHECK(best < 20);
#endif
  CHECK(elanus_rows_close(rows, nullptr) == ELANUS_OK);
}

int main() {
  for (const char* set : {"portable", "avx2", "avx512", "neon"}) against_obvious_code(set);
  mapped();
  nonsense();
  several_threads();
  cancellation();
  CHECK(elanus_open_handles() == 0);
  std::printf("%d checks, %d failures\n", checks.load(), failures.load());
  return failures ? 1 : 0;
}
