// Exact search of lists behind the C ABI, without Node: every element and metric against obvious code, lists of every length, filters and
// ranks, lists that are appended meanwhile, cancelled jobs, nonsense.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <random>
#include <string>
#include <thread>
#include <tuple>
#include <vector>
#include "asked.h"
#include "check.h"
#include "obvious.h"

using Bytes = std::vector<unsigned char>;
using Ends = std::vector<uint32_t>;

struct Shape {
  uint32_t element, metric, dimension;
  uint32_t entries() const { return element == ELANUS_BINARY ? dimension / 8 : dimension; }
  size_t row_bytes() const { return (size_t)entries() * bytes_of_entry[element]; }
  bool larger_is_better() const { return metric == ELANUS_IP || metric == ELANUS_COSINE; }
};

// A search with room for its hits.
struct ListRequest {
  elanus_list_search plan = {};
  Bytes queries;
  Ends ends, query_ends;
  std::vector<float> scores;
  std::vector<uint32_t> lists;
  std::vector<uint8_t> tied;

  ListRequest(elanus_rows rows, const Shape& shape, Ends ends_of_lists, Bytes asked, Ends ends_of_queries, uint32_t k)
      : queries(std::move(asked)), ends(std::move(ends_of_lists)), query_ends(std::move(ends_of_queries)), scores((query_ends.size() - 1) * k), lists(scores.size()), tied(query_ends.size() - 1) {
    plan.rows = rows;
    plan.ends = ends.data();
    plan.end_count = ends.size();
    plan.list_count = ends.size() - 1;
    plan.queries = queries.data();
    plan.query_value_count = queries.size() / bytes_of_entry[shape.element];
    plan.query_ends = query_ends.data();
    plan.query_end_count = query_ends.size();
    plan.query_count = query_ends.size() - 1;
    plan.metric = shape.metric;
    plan.k = k;
    plan.hit_rows = lists.data();
    plan.hit_row_count = lists.size();
    plan.hit_scores = scores.data();
    plan.hit_score_count = scores.size();
    plan.tied = tied.data();
    plan.tied_count = tied.size();
  }
  ListRequest(const ListRequest&) = delete;
};

struct Lists {
  const Shape shape;
  const Bytes values;
  const Ends ends;
  elanus_rows rows = 0;

  Lists(const Shape& shape, Bytes entries, Ends ends_of_lists) : shape(shape), values(std::move(entries)), ends(std::move(ends_of_lists)) {
    uint64_t count = 0;
    CHECK(elanus_rows_create(shape.element, shape.dimension, &rows, nullptr) == ELANUS_OK);
    CHECK(elanus_rows_append(rows, values.data(), values.size() / bytes_of_entry[shape.element], &count, nullptr) == ELANUS_OK);
    CHECK(count >= ends.back());
  }
  Lists(const Lists&) = delete;
  ~Lists() { CHECK(elanus_rows_close(rows, nullptr) == ELANUS_OK); }
};

// Ends of lists of 0 to `most` rows each, and now and then of one that is longer than a block.
static Ends ends_of(std::mt19937& random, size_t lists, uint32_t most) {
  Ends ends = {0};
  for (size_t i = 0; i < lists; ++i) ends.push_back(ends.back() + (most > 20 && random() % 60 == 0 ? 1500 : random() % (most + 1)));
  return ends;
}

// Whether the hits of a request are those of the definition: sums of doubles in the order of the asked vectors, rounded once.
static bool is_right(const Lists& lists, const ListRequest& r) {
  const Shape& shape = lists.shape;
  const uint32_t k = r.plan.k;
  const float sign = shape.larger_is_better() ? -1.f : 1.f;
  bool right = true;
  for (size_t q = 0; q + 1 < r.query_ends.size(); ++q) {
    std::vector<std::tuple<float, uint32_t, uint32_t>> all;
    for (uint32_t list = 0; list + 1 < r.ends.size(); ++list) {
      if (r.ends[list] == r.ends[list + 1] || (r.plan.allowed && !(r.plan.allowed[list / 8] >> (list % 8) & 1))) continue;
      double sum = 0;
      for (uint32_t asked = r.query_ends[q]; asked < r.query_ends[q + 1]; ++asked) {
        float best = INFINITY;
        for (uint32_t row = r.ends[list]; row < r.ends[list + 1]; ++row)
          best = std::min(best, sign * score_of(shape.element, shape.metric, r.queries.data() + asked * shape.row_bytes(), lists.values.data() + row * shape.row_bytes(), shape.dimension, 8));
        sum += best;
      }
      all.emplace_back((float)sum, r.plan.rank ? r.plan.rank[list] : 0, list);
    }
    std::sort(all.begin(), all.end());
    for (uint32_t i = 0; i < k; ++i) {
      const uint32_t list = r.lists[q * k + i];
      const float score = r.scores[q * k + i];
      right = right && (i < all.size() ? list == std::get<2>(all[i]) && score == sign * std::get<0>(all[i]) : list == ELANUS_NO_ROW && std::isnan(score));
    }
    right = right && r.tied[q] == (all.size() > k && std::get<0>(all[k]) == std::get<0>(all[k - 1]));
  }
  return right;
}

static const Shape shapes[] = {
    {ELANUS_FLOAT32, ELANUS_L2, 33},  {ELANUS_FLOAT32, ELANUS_IP, 128},   {ELANUS_FLOAT32, ELANUS_COSINE, 20}, {ELANUS_FLOAT16, ELANUS_L2, 17},
    {ELANUS_FLOAT16, ELANUS_IP, 64},  {ELANUS_FLOAT16, ELANUS_COSINE, 9}, {ELANUS_BFLOAT16, ELANUS_L2, 40},    {ELANUS_BFLOAT16, ELANUS_IP, 3},
    {ELANUS_BFLOAT16, ELANUS_COSINE, 32}, {ELANUS_INT8, ELANUS_L2, 48},   {ELANUS_INT8, ELANUS_IP, 31},        {ELANUS_INT8, ELANUS_COSINE, 65},
    {ELANUS_BINARY, ELANUS_HAMMING, 72},  {ELANUS_BINARY, ELANUS_JACCARD, 128}};

static Bytes drawn(const Shape& shape, std::mt19937& random, size_t rows) { return drawn_entries(shape.element, random, rows * shape.entries()); }

static void against_obvious_code(const char* set) {
  if (elanus_use_instruction_set(set, nullptr) != ELANUS_OK) return;
  std::mt19937 random(5);
  for (int round = 0; round < (slow ? 1 : 4); ++round)
    for (const Shape& shape : shapes)
      for (const size_t queries : {1, 3, slow ? 5 : 70}) {
        const size_t count = random() % (queries > 5 ? 60 : slow ? 80 : 300);
        const Ends ends = ends_of(random, count, (uint32_t[]){1, 8, 40}[random() % 3]);
        const Lists lists(shape, drawn(shape, random, ends.back() + random() % 3), ends);
        // Lists of vectors that none has, or more than are compared at a time; some are lists of those that are searched.
        Ends query_ends = {0};
        for (size_t i = 0; i < queries; ++i) query_ends.push_back(query_ends.back() + (queries == 1 && round % 2 ? 90 : random() % 6));
        Bytes asked = drawn(shape, random, query_ends.back());
        std::copy_n(lists.values.begin(), std::min({asked.size(), lists.values.size(), 2 * shape.row_bytes()}), asked.begin());
        ListRequest r(lists.rows, shape, ends, asked, query_ends, (uint32_t[]){1, 10, 400}[random() % 3]);
        std::vector<uint8_t> allowed((count + 63) / 64 * 8 + 8);
        for (uint8_t& byte : allowed) byte = (uint8_t)random();
        std::vector<uint32_t> rank(count);
        for (uint32_t i = 0; i < count; ++i) rank[i] = (uint32_t)(count - i);
        std::shuffle(rank.begin(), rank.end(), random);
        for (const bool some : {false, true})
          for (const bool ranked : {false, true}) {
            r.plan.allowed = some ? allowed.data() : nullptr;
            r.plan.allowed_bytes = some ? allowed.size() : 0;
            r.plan.rank = ranked ? rank.data() : nullptr;
            r.plan.rank_count = ranked ? count : 0;
            elanus_error error = {};
            CHECK(elanus_list_search_wait(&r.plan, &error) == ELANUS_OK);
            CHECK(is_right(lists, r));
          }
      }
}

// Equal lists stand in the order of their ranks, whatever the pieces.
static void ties() {
  const Shape shape = {ELANUS_FLOAT32, ELANUS_L2, 4};
  Ends ends = {0};
  for (uint32_t i = 0; i < 5000; ++i) ends.push_back(ends.back() + 1);
  const Lists lists(shape, Bytes(5000 * shape.row_bytes()), ends);
  ListRequest r(lists.rows, shape, ends, Bytes(2 * shape.row_bytes()), {0, 2}, 7);
  CHECK(elanus_list_search_wait(&r.plan, nullptr) == ELANUS_OK && r.tied[0] == 1 && r.lists == (std::vector<uint32_t>{0, 1, 2, 3, 4, 5, 6}));
  std::vector<uint32_t> rank(5000);
  for (uint32_t i = 0; i < 5000; ++i) rank[i] = 5000 - i;
  r.plan.rank = rank.data();
  r.plan.rank_count = rank.size();
  CHECK(elanus_list_search_wait(&r.plan, nullptr) == ELANUS_OK && r.lists[0] == 4999 && r.lists[6] == 4993);
}

// Scores that are no numbers: such a row never is the best of its list, and a list of nothing else is no hit.
static void not_finite() {
  const Shape shape = {ELANUS_FLOAT32, ELANUS_IP, 1};
  const float values[] = {NAN, 2, NAN, 3};
  const Lists lists(shape, Bytes((const unsigned char*)values, (const unsigned char*)values + sizeof values), {0, 2, 3, 4});
  const float one = 1;
  ListRequest r(lists.rows, shape, lists.ends, Bytes((const unsigned char*)&one, (const unsigned char*)(&one + 1)), {0, 1}, 3);
  CHECK(elanus_list_search_wait(&r.plan, nullptr) == ELANUS_OK);
  CHECK(r.lists == (std::vector<uint32_t>{2, 0, ELANUS_NO_ROW}) && r.scores[0] == 3 && r.scores[1] == 2);
}

static void nonsense() {
  const Shape shape = {ELANUS_FLOAT32, ELANUS_L2, 4};
  std::mt19937 random(9);
  const Lists lists(shape, drawn(shape, random, 6), {0, 2, 6});
  elanus_error error = {};
  auto status = [&](auto change) {
    ListRequest r(lists.rows, shape, lists.ends, drawn(shape, random, 3), {0, 1, 3}, 2);
    change(r);
    return elanus_list_search_wait(&r.plan, &error);
  };
  CHECK(status([](ListRequest&) {}) == ELANUS_OK);
  auto refused = [&](auto change) { return status(change) == ELANUS_INVALID && error.text[0] != 0; };
  CHECK(refused([](ListRequest& r) { r.plan.metric = ELANUS_HAMMING; }));
  CHECK(refused([](ListRequest& r) { r.plan.metric = ELANUS_MHJACCARD; }));
  CHECK(refused([](ListRequest& r) { r.plan.metric = 99; }));
  CHECK(refused([](ListRequest& r) { r.plan.k = 0; }));
  CHECK(refused([](ListRequest& r) { r.plan.k = ELANUS_MAX_K + 1; }));
  CHECK(refused([](ListRequest& r) { r.plan.end_count = 2; }));
  CHECK(refused([](ListRequest& r) { r.plan.ends = nullptr; }));
  CHECK(refused([](ListRequest& r) { r.ends[0] = 1; }));
  CHECK(refused([](ListRequest& r) { r.ends[1] = 7; }));
  CHECK(refused([](ListRequest& r) { r.ends[2] = 7; }));
  CHECK(refused([](ListRequest& r) { r.query_ends[2] = 4; }));
  CHECK(refused([](ListRequest& r) { r.plan.query_end_count = 2; }));
  CHECK(refused([](ListRequest& r) { r.plan.query_value_count = 11; }));
  CHECK(refused([](ListRequest& r) { r.plan.list_count = ELANUS_NO_ROW; }));
  CHECK(refused([](ListRequest& r) { r.plan.hit_row_count = 3; }));
  CHECK(refused([](ListRequest& r) { r.plan.tied = nullptr; }));
  CHECK(refused([](ListRequest& r) { r.plan.allowed = r.tied.data(), r.plan.allowed_bytes = 7; }));
  CHECK(refused([](ListRequest& r) { r.plan.rank = r.lists.data(), r.plan.rank_count = 1; }));
  CHECK(status([](ListRequest& r) { r.plan.rows ^= 1; }) == ELANUS_STALE);
}

// Readers of what is there, beside a writer; some searches are cancelled, and none reads or writes anything after its end.
static void beside_a_writer() {
  const Shape shape = {ELANUS_FLOAT32, ELANUS_IP, 48};
  std::mt19937 random(3);
  const Ends ends = ends_of(random, slow ? 400 : 2000, 12);
  const Lists lists(shape, drawn(shape, random, ends.back()), ends);
  const Bytes more = drawn(shape, random, 500);
  std::vector<std::thread> threads;
  for (uint32_t t = 0; t < 3; ++t)
    threads.emplace_back([&, t] {
      std::mt19937 own(t);
      for (int round = 0; round < 12; ++round) {
        ListRequest r(lists.rows, shape, ends, drawn(shape, own, 30), {0, 10, 10, 30}, 5);
        End end;
        elanus_job* job = nullptr;
        CHECK(elanus_list_search_start(&r.plan, End::call, &end, &job, nullptr) == ELANUS_OK);
        const bool cancel = round % 3 == 1;
        if (cancel) elanus_job_cancel(job);
        const int status = end.wait();
        elanus_job_release(job);
        CHECK(status == ELANUS_OK || (cancel && status == ELANUS_CANCELLED));
        if (status == ELANUS_OK && round % 4 == 0) CHECK(is_right(lists, r));
      }
    });
  for (int i = 0; i < 40; ++i) {
    uint64_t count = 0;
    CHECK(elanus_rows_append(lists.rows, more.data(), more.size() / 4, &count, nullptr) == ELANUS_OK);
  }
  for (std::thread& thread : threads) thread.join();
}

// A search of seconds ends as soon as it is told to, and one that outlives its handle is right.
static void cancellation() {
  const Shape shape = {ELANUS_FLOAT32, ELANUS_L2, 256};
  Ends ends = {0}, query_ends = {0};
  for (uint32_t i = 0; i < 4000; ++i) ends.push_back(ends.back() + 10);
  for (uint32_t i = 0; i < 64; ++i) query_ends.push_back(query_ends.back() + 64);
  std::mt19937 random(2);
  const Lists lists(shape, drawn(shape, random, ends.back()), ends);
  ListRequest r(lists.rows, shape, ends, drawn(shape, random, query_ends.back()), query_ends, 10);
  End end;
  elanus_job* job = nullptr;
  CHECK(elanus_list_search_start(&r.plan, End::call, &end, &job, nullptr) == ELANUS_OK);
  elanus_job_cancel(job);
  CHECK(end.wait() == ELANUS_CANCELLED && end.calls == 1);
  elanus_job_release(job);

  const Shape small = {ELANUS_INT8, ELANUS_IP, 8};
  const Bytes values = drawn(small, random, 20);
  elanus_rows rows = 0;
  uint64_t count = 0;
  CHECK(elanus_rows_create(small.element, small.dimension, &rows, nullptr) == ELANUS_OK);
  CHECK(elanus_rows_append(rows, values.data(), values.size(), &count, nullptr) == ELANUS_OK);
  const Lists same(small, values, {0, 4, 20});
  ListRequest late(rows, small, same.ends, drawn(small, random, 2), {0, 2}, 2);
  End last;
  CHECK(elanus_list_search_start(&late.plan, End::call, &last, &job, nullptr) == ELANUS_OK);
  CHECK(elanus_rows_close(rows, nullptr) == ELANUS_OK);
  CHECK(last.wait() == ELANUS_OK && is_right(same, late));
  elanus_job_release(job);
}

int main() {
  for (const char* set : {"portable", "avx2", "avx512", "neon"}) against_obvious_code(set);
  ties();
  not_finite();
  nonsense();
  beside_a_writer();
  cancellation();
  CHECK(elanus_open_handles() == 0);
  std::printf("list search: %d checks, %d failures\n", checks.load(), failures.load());
  return failures ? 1 : 0;
}
