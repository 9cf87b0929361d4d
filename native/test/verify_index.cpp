// Indexes behind the C ABI, without Node: the same file whatever the machine does, damaged files, nonsense, cancellation, and all of it
// from several threads. What they find is in verify_recall.cpp. Made for the sanitizers (scripts/check-native.mjs).
#include "../include/elanus_index.h"
#include <fcntl.h>
#include <unistd.h>
#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstring>
#include <ctime>
#include <iterator>
#include <memory>
#include <random>
#include <string>
#include <thread>
#include <vector>
#include "asked.h"
#include "check.h"
#include "files.h"
#include "graphs.h"

static void same_file() {
  const uint32_t before = elanus_threads();
  for (const uint32_t metric : {ELANUS_L2, ELANUS_IP, ELANUS_COSINE})
    for (const uint32_t dimension : {1u, 7u, 100u, 192u}) {
      const std::vector<float> values = made(Data::clustered, slow ? 200 : 2500, dimension, 6);
      std::string first;
      for (const char* set : {"avx512", "avx2", "neon", "portable"}) {
        if (elanus_use_instruction_set(set, nullptr) != ELANUS_OK) continue;
        for (const uint32_t threads : {1u, 2u, 3u}) {
          if (threads != 1 && std::strcmp(set, "portable")) continue;
          CHECK(elanus_set_threads(threads, nullptr) == ELANUS_OK);
          const Built built(values, dimension, metric, 24, 60);
          const std::string now = contents(built.path);
          CHECK(!now.empty() && (first.empty() || first == now));
          if (first.empty()) first = now;
        }
      }
    }
  CHECK(elanus_set_threads(before, nullptr) == ELANUS_OK);
}

// Damages bytes, and every other time mends the checksums afterwards.
static void damaged_files() {
  constexpr uint32_t dimension = 5;
  std::vector<float> values = made(Data::clustered, 60, dimension, 8);
  for (int i = 0; i < 30; ++i) std::copy_n(values.begin(), dimension, values.begin() + i * 2 * dimension);   // twins
  for (const uint32_t metric : {ELANUS_L2, ELANUS_COSINE}) {
    const Built built(values, dimension, metric, 4, 20);
    const std::string whole = contents(built.path);
    std::mt19937 random(metric);
    const std::string path = folder + "/damaged.index";
    const int file = ::open(path.c_str(), O_RDWR | O_CREAT | O_TRUNC, 0600);
    int opened = 0, refused = 0;
    for (int round = 0; round < (slow ? 2000 : 5000); ++round) {
      std::string bytes = whole;
      const int kind = (int)(random() % 8);
      const size_t sections[] = {0, 144, 4096, 4096 * 2, 4096 * 3, 4096 * 4, 4096 * 5, 4096 * 6, 4096 * 7, 4096 * 8, 4096 * 9};
      for (uint32_t i = 0; i <= random() % 3; ++i) {
        const size_t from = kind < 4 ? 0 : sections[random() % std::size(sections)] % bytes.size();
        const size_t at = from + random() % (kind < 2 ? 368 : kind < 4 ? bytes.size() : std::min<size_t>(300, bytes.size() - from));
        damage(bytes[at], random);
      }
      if (kind == 7 && random() % 4 == 0) bytes.resize(random() % bytes.size());
      if (random() % 2) mend_checksums(bytes, {144, 4, 9});
      CHECK(!ftruncate(file, 0) && pwrite(file, bytes.data(), bytes.size(), 0) == (ssize_t)bytes.size());
      elanus_index index = 0;
      elanus_error error = {};
      const int status = elanus_index_open_wait(path.c_str(), built.rows, round % 2 ? ELANUS_MAP : ELANUS_READ, &index, &error);
      CHECK(status == ELANUS_OK || status == ELANUS_FILE);
      if (status != ELANUS_OK) {
        ++refused;
        CHECK(*error.text);
        continue;
      }
      ++opened;
      Asked asked(built, {values.begin(), values.begin() + 3 * dimension}, 5, 16);
      asked.plan.index = index;
      const std::vector<uint8_t> allowed(8, 0x35);
      for (int filtered = 0; filtered < 2; ++filtered) {
        if (filtered) asked.plan.allowed = allowed.data(), asked.plan.allowed_bytes = allowed.size();
        CHECK(elanus_index_search_wait(&asked.plan, &error) == ELANUS_OK);
        for (const uint32_t row : asked.rows) CHECK(row < 60 || row == ELANUS_NO_ROW);
      }
      elanus_index_description description;
      CHECK(elanus_index_describe(index, &description, &error) == ELANUS_OK);
      CHECK(elanus_index_close(index, &error) == ELANUS_OK);
    }
    CHECK(opened > 20 && refused > 800);
    ::close(file);
    ::unlink(path.c_str());
    // The wrong rows, no rows, no file.
    elanus_rows others = 0;
    uint64_t count;
    elanus_index index = 0;
    std::vector<float> other = values;
    other[0] += 1;
    CHECK(elanus_rows_create(ELANUS_FLOAT32, dimension, &others, nullptr) == ELANUS_OK);
    CHECK(elanus_index_open_wait(built.path.c_str(), others, ELANUS_READ, &index, nullptr) == ELANUS_FILE);
    CHECK(elanus_rows_append(others, other.data(), other.size(), &count, nullptr) == ELANUS_OK);
    CHECK(elanus_index_open_wait(built.path.c_str(), others, ELANUS_READ, &index, nullptr) == ELANUS_FILE);
    CHECK(elanus_index_open_wait("/nowhere/a.index", others, ELANUS_READ, &index, nullptr) == ELANUS_FILE);
    CHECK(elanus_index_open_wait(folder.c_str(), others, ELANUS_READ, &index, nullptr) == ELANUS_FILE);
    CHECK(elanus_rows_close(others, nullptr) == ELANUS_OK);
    CHECK(elanus_index_open_wait(built.path.c_str(), others, ELANUS_READ, &index, nullptr) == ELANUS_STALE);
  }
}

static void nonsense() {
  const std::vector<float> values = made(Data::clustered, 200, 8, 1);
  const Built built(values, 8, ELANUS_L2);
  std::mt19937_64 random(3);
  elanus_error error;
  auto strange = [&]() -> uint64_t {
    const uint64_t some[] = {0, 1, 2, 7, 8, 63, 64, 65, 127, 128, 129, 1024, 0x7fffffff, 0x80000000, 0xffffffff, 1ull << 52, ~0ull, ~0ull - 7, random()};
    return some[random() % std::size(some)];
  };
  const std::vector<uint8_t> allowed(32, 0xa5);
  const std::vector<uint32_t> rank(200);
  for (int i = 0; i < (slow ? 2000 : 20000); ++i) {
    Asked a(built, {values.begin(), values.begin() + 16}, 4, 20, &allowed);
    a.plan.rank = rank.data(), a.plan.rank_count = 200;
    const uint64_t x = strange();
    switch (random() % 16) {   // only ever shorter than the truth where memory follows
      case 0: a.plan.index = x == built.index ? 0 : x; break;
      case 1: a.plan.query_value_count = std::min<uint64_t>(x, 16); break;
      case 2: a.plan.k = (uint32_t)x; break;
      case 3: a.plan.ef = (uint32_t)x; break;
      case 4: a.plan.allowed_bytes = std::min<uint64_t>(x, 32); break;
      case 5: a.plan.rank_count = std::min<uint64_t>(x, 200); break;
      case 6: a.plan.has_outer = (int)x, std::memcpy(&a.plan.outer, &x, 4); break;
      case 7: a.plan.has_inner = (int)x, std::memcpy(&a.plan.inner, &x, 4); break;
      case 8: a.plan.hit_row_count = std::min<uint64_t>(x, 8); break;
      case 9: a.plan.hit_score_count = std::min<uint64_t>(x, 8); break;
      case 10: a.plan.tied_count = std::min<uint64_t>(x, 2); break;
      case 11: a.plan.queries = nullptr; break;
      case 12: a.plan.hit_rows = nullptr; break;
      case 13: a.plan.work_count = std::min<uint64_t>(x, 5); break;
      case 14: a.plan.time_limit_microseconds = x; break;
      case 15: a.plan.index = built.rows; break;
    }
    const int status = elanus_index_search_wait(&a.plan, &error);
    CHECK(status == ELANUS_OK || status == ELANUS_INVALID || status == ELANUS_STALE || status == ELANUS_LATE);
  }
  elanus_index_build plan = {built.rows, 200, ELANUS_L2, 32, 100, 0, layout};
  const std::string path = folder + "/n.index";
  auto refused = [&](auto change) {
    elanus_index_build changed = plan;
    change(changed);
    return elanus_index_build_wait(&changed, path.c_str(), &error);
  };
  CHECK(refused([](auto& p) { p.rows = 0; }) == ELANUS_STALE);
  CHECK(refused([&](auto& p) { p.rows = built.index; }) == ELANUS_STALE);
  CHECK(refused([](auto& p) { p.row_count = 201; }) == ELANUS_INVALID);
  CHECK(refused([](auto& p) { p.metric = 3; }) == ELANUS_INVALID);
  CHECK(refused([](auto& p) { p.degree = 1; }) == ELANUS_INVALID);
  CHECK(refused([](auto& p) { p.degree = 513; }) == ELANUS_INVALID);
  CHECK(refused([](auto& p) { p.beam = 0; }) == ELANUS_INVALID);
  CHECK(refused([](auto& p) { p.beam = ~0u; }) == ELANUS_INVALID);
  CHECK(elanus_index_build_wait(&plan, "", &error) == ELANUS_INVALID);
  CHECK(elanus_index_build_wait(&plan, nullptr, &error) == ELANUS_INVALID);
  CHECK(elanus_index_build_wait(&plan, "/nowhere/at/all", &error) == ELANUS_FILE);
  CHECK(elanus_index_build_start(nullptr, nullptr, nullptr, nullptr, nullptr, nullptr) == ELANUS_INVALID);
  CHECK(elanus_index_open_start(nullptr, 0, 0, nullptr, nullptr, nullptr, nullptr, nullptr) == ELANUS_INVALID);
  CHECK(elanus_index_search_start(nullptr, nullptr, nullptr, nullptr, nullptr) == ELANUS_INVALID);
  CHECK(elanus_index_describe(built.rows, nullptr, &error) == ELANUS_INVALID);
  CHECK(elanus_job_progress(nullptr) == 0);
  elanus_rows bad = 0;
  uint64_t count;
  std::vector<float> holed = values;
  holed[77 * 8 + 3] = NAN;
  CHECK(elanus_rows_create(ELANUS_FLOAT32, 8, &bad, nullptr) == ELANUS_OK && elanus_rows_append(bad, holed.data(), holed.size(), &count, nullptr) == ELANUS_OK);
  CHECK(refused([&](auto& p) { p.rows = bad; }) == ELANUS_INVALID && std::strstr(error.text, "row 77"));
  CHECK(elanus_rows_close(bad, nullptr) == ELANUS_OK);
  CHECK(::access(path.c_str(), F_OK) && ::access((path + ".part").c_str(), F_OK));
}

static void cancellation() {
  constexpr uint32_t dimension = 96;
  const size_t rows = slow ? 3000 : 20000;
  const std::vector<float> values = made(Data::gaussian, rows, dimension, 1);
  const std::string path = folder + "/c.index";
  const Built built(values, dimension, ELANUS_L2, 16, 40);
  const elanus_index_build plan = {built.rows, rows, ELANUS_L2, 48, slow ? 100u : 400u, 1, layout};
  for (int i = 0; i < (slow ? 3 : 6); ++i) {
    End end;
    elanus_job* job = nullptr;
    CHECK(elanus_index_build_start(&plan, path.c_str(), End::call, &end, &job, nullptr) == ELANUS_OK);
    double before = 0;
    while (elanus_job_progress(job) < 0.06 * i) {
      const double now = elanus_job_progress(job);
      CHECK(now >= before && now <= 1);
      before = now;
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    const std::clock_t start = std::clock();   // of this process's processor time: the machine may be busy
    elanus_job_cancel(job);
    CHECK(end.wait() == ELANUS_CANCELLED);
    if (!slow) CHECK(std::clock() - start < CLOCKS_PER_SEC / 2);   // the sanitizers are slow
    elanus_job_release(job);
    CHECK(::access(path.c_str(), F_OK) && ::access((path + ".part").c_str(), F_OK));
  }
  elanus_memory memory;
  elanus_memory_used(&memory);
  CHECK(memory.build_bytes == 0 && memory.index_bytes + memory.mapped_bytes > 0);
  // A search: 2,000 queries of great width.
  const std::vector<float> queries = made(Data::gaussian, 2000, dimension, 2);
  Asked asked(built, queries, 10, 4000);
  for (int i = 0; i < 4; ++i) {
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
  // Searches go before builds, so a build beside them takes long where they do.
  const size_t rows = slow ? 300 : 2000;
  const std::vector<float> values = made(Data::clustered, rows, dimension, 1), queries = made(Data::clustered, 8, dimension, 2);
  const Built built(values, dimension, ELANUS_COSINE, 16, 40);
  Asked expected(built, queries, 5, 40);
  CHECK(expected.recall() > 0.9);
  std::atomic<bool> stop = false;
  std::vector<std::thread> threads;
  for (int t = 0; t < 3; ++t)
    threads.emplace_back([&, t] {
      std::mt19937 random(t);
      while (!stop) {
        Asked a(built, queries, 5, 40);
        End end;
        elanus_job* job = nullptr;
        CHECK(elanus_index_search_start(&a.plan, End::call, &end, &job, nullptr) == ELANUS_OK);
        const bool cancel = random() % 4 == 0;
        if (cancel) elanus_job_cancel(job);
        const int status = end.wait();
        CHECK(status == ELANUS_OK || (cancel && status == ELANUS_CANCELLED));
        if (status == ELANUS_OK) CHECK(a.rows == expected.rows && a.scores == expected.scores);
        elanus_job_release(job);
      }
    });
  threads.emplace_back([&] {   // indexes come and go; a search outlives its handle
    while (!stop) {
      elanus_index own = 0;
      CHECK(elanus_index_open_wait(built.path.c_str(), built.rows, ELANUS_READ, &own, nullptr) == ELANUS_OK);
      Asked a(built, queries, 5, 40);
      a.plan.index = own;
      End end;
      elanus_job* job = nullptr;
      CHECK(elanus_index_search_start(&a.plan, End::call, &end, &job, nullptr) == ELANUS_OK);
      CHECK(elanus_index_close(own, nullptr) == ELANUS_OK);
      elanus_job_release(job);
      CHECK(end.wait() == ELANUS_OK && a.rows == expected.rows);
    }
  });
  threads.emplace_back([&] {
    for (uint32_t n = 1; !stop; n = n % 4 + 1) {
      CHECK(elanus_set_threads(n, nullptr) == ELANUS_OK);
      std::this_thread::sleep_for(std::chrono::milliseconds(2));
    }
  });
  const std::string whole = contents(built.path), path = folder + "/again.index";
  for (int i = 0; i < (slow ? 1 : 6); ++i) {
    const elanus_index_build plan = {built.rows, rows, ELANUS_COSINE, 16, 40, 7, layout};
    CHECK(elanus_index_build_wait(&plan, path.c_str(), nullptr) == ELANUS_OK);
    CHECK(contents(path) == whole);
  }
  stop = true;
  for (auto& t : threads) t.join();
  ::unlink(path.c_str());
  CHECK(elanus_set_threads(2, nullptr) == ELANUS_OK);
}

// Walks in turn find what they find alone, whatever is beside them: other rows, filters, scans, searches that have nothing to find.
static void together() {
  const size_t rows = slow ? 600 : 4000;
  std::mt19937 random(5);
  const std::vector<float> values = made(Data::clustered, rows, 32, 1), others = made(Data::gaussian, rows / 2, 48, 3);
  const Built built(values, 32, ELANUS_COSINE), other(others, 48, ELANUS_L2, 16, 40, "b.index");
  const std::vector<uint8_t> most = chosen(random, rows, 0.9), few = chosen(random, rows, 0.01), none = chosen(random, rows, 0);
  std::vector<std::unique_ptr<Asked>> alone, turned;
  for (uint32_t i = 0; i < 12; ++i) {
    const std::vector<float> query = made(Data::clustered, 1, 32, 20 + i), another = made(Data::gaussian, 1, 48, 20 + i);
    for (auto* all : {&alone, &turned}) {
      if (i % 6 == 5) all->push_back(std::make_unique<Asked>(other, another, 7, 20 + i));
      else all->push_back(std::make_unique<Asked>(built, query, 10, 16 + 4 * i, i % 6 == 1 ? &most : i % 6 == 2 ? &few : i % 6 == 3 ? &none : nullptr));
      if (i % 6 == 1) all->back()->plan.unfiltered = 1;
      if (i % 6 == 4) {
        elanus_index_search& plan = all->back()->plan;
        plan.has_outer = plan.has_inner = 1;
        plan.outer = 0.2f;
        plan.inner = 0.8f;
      }
    }
  }
  std::vector<elanus_index_search> plans;
  for (auto& asked : turned) plans.push_back(asked->plan);
  CHECK(elanus_index_search_together(plans.data(), plans.size(), nullptr) == ELANUS_OK);
  for (size_t i = 0; i < alone.size(); ++i) {
    CHECK(elanus_index_search_wait(&alone[i]->plan, nullptr) == ELANUS_OK);
    const Asked &one = *alone[i], &turn = *turned[i];   // scores that are none are no numbers
    CHECK(one.rows == turn.rows && !std::memcmp(one.scores.data(), turn.scores.data(), one.scores.size() * sizeof(float)) && one.tied == turn.tied && one.work == turn.work);
  }
  CHECK(elanus_index_search_together(nullptr, 0, nullptr) == ELANUS_OK);
  elanus_error error = {};
  const Asked two(built, made(Data::clustered, 2, 32, 9), 10, 40);
  plans[2] = two.plan;
  CHECK(elanus_index_search_together(plans.data(), plans.size(), &error) == ELANUS_INVALID && std::strstr(error.text, "one query"));
  plans[2] = turned[2]->plan;
  plans[7].index = 12345;
  CHECK(elanus_index_search_together(plans.data(), plans.size(), &error) == ELANUS_STALE);
  plans[7] = turned[7]->plan;
  Asked late(built, made(Data::clustered, 1, 32, 9), 10, ELANUS_MAX_WIDTH);
  late.plan.time_limit_microseconds = 1;
  plans[3] = late.plan;
  CHECK(elanus_index_search_together(plans.data(), plans.size(), &error) == ELANUS_LATE);
}

int main() {
  return run_parts("indexes", {{"nonsense", nonsense},
                               {"damaged files", damaged_files},
                               {"the same file", same_file},
                               {"together", together},
                               {"cancellation", cancellation},
                               {"several threads", several_threads}});
}
